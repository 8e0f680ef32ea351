"""The grammar of endpoint names: every published form, and what may stand around it."""

import pytest

from rds_tls.endpoint import Endpoint, Kind, Trust, grammar, parse_endpoint, split_host
from rds_tls.endpoint.partitions import PARTITIONS, REGION_SERVICE, SERVICE_REGION
from tests.endpoint.names import CLUSTER, TAILS, VALID


@pytest.mark.parametrize("expected", VALID, ids=lambda endpoint: endpoint.host)
def test_every_published_form_parses(expected: Endpoint) -> None:
    """Each kind of endpoint, in each partition and order, is understood in full."""
    assert expected == parse_endpoint(expected.host)


def test_tails_cover_every_partition_and_layout() -> None:
    """The table of tails above leaves out no partition and no order that the package's table has."""
    tabled = {(row.name, layout) for row in PARTITIONS for layout in row.layouts}
    tested = {
        (partition, SERVICE_REGION if tail.startswith("rds.") else REGION_SERVICE) for tail, _, partition in TAILS
    }
    assert tabled == tested


LOOSE_FORMS = [
    (CLUSTER.upper(), None),
    (f"{CLUSTER}.", None),
    (f" \t{CLUSTER}\r\n", None),
    (f"{CLUSTER}:5432", 5432),
    (f"{CLUSTER}.:65535", 65535),
    (f"postgresql://{CLUSTER}", None),
    (f"postgresql://{CLUSTER}/", None),
    (f"postgresql://u:p@{CLUSTER}:5432/db", 5432),
    (f"postgresql://u:p@ss:w,rd@{CLUSTER.upper()}.:1/db?sslmode=require#x", 1),
    (f"mysql+pymysql://u@{CLUSTER}?charset=utf8", None),
    (f"jdbc:postgresql://{CLUSTER}:5432/db", 5432),
    (f"jdbc:aws-wrapper:mysql://{CLUSTER}:3306/db", 3306),
]


@pytest.mark.parametrize(("text", "port"), LOOSE_FORMS)
def test_loose_forms_mean_the_same_endpoint(text: str, port: int | None) -> None:
    """Case, a trailing dot, white space, a port and a URL around the name change nothing but the port."""
    assert parse_endpoint(CLUSTER)._replace(port=port) == parse_endpoint(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (CLUSTER, False),
        (f"{CLUSTER}:5432", False),
        (f"postgresql://{CLUSTER}", False),
        (f" postgresql://{CLUSTER}:5432/ ", False),
        (f"postgresql://{CLUSTER}/?#", False),
        (f"postgresql://{CLUSTER}/db", True),
        (f"postgresql://{CLUSTER}?sslmode=disable", True),
        (f"postgresql://{CLUSTER}/#x", True),
        (f"postgresql://@{CLUSTER}", True),
        (f"postgresql://u@{CLUSTER}", True),
        (f"postgresql://u:p/w@{CLUSTER}", True),
        ("postgresql:///db", True),
    ],
)
def test_has_extras(text: str, expected: bool) -> None:  # noqa: FBT001 - an expected value, not a switch
    """A URL has extras when it says more than a host and a port."""
    assert expected is split_host(text).has_extras


def test_kinds_are_words_for_people() -> None:
    """Each kind's value is lower-case words, and each kind is reached by some name in these tests."""
    assert all(kind.value == kind.name.lower().replace("_", " ") for kind in Kind)
    assert set(Kind) == {endpoint.kind for endpoint in VALID}
    assert set(Trust) == {endpoint.trust for endpoint in VALID}


def test_memory_for_endpoints_is_bounded() -> None:
    """A program that meets new hosts for ever remembers the last thousand or so, and no URL's password."""
    for number in range(3000):
        parse_endpoint(f"postgresql://app:secret@i{number}.abc123def456.us-east-2.rds.amazonaws.com")
    info = grammar.parse_name.cache_info()
    assert info.currsize == info.maxsize == 1024
    assert parse_endpoint("i1.abc123def456.us-east-2.rds.amazonaws.com").identifier == "i1"
