"""The partition tables and the look-up by region name."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rds_tls.endpoint.partitions import DSQL_SUFFIX, PARTITIONS, REGION_SERVICE, SERVICE_REGION, SUFFIXES, partition_of
from tests.support.known_regions import REGIONS

PURE = settings(derandomize=True, deadline=None, database=None)

EVERY_KNOWN_REGION = [(region, partition) for partition, regions in REGIONS.items() for region in regions]


def name_of(region: str) -> str | None:
    """Name the partition that a region is in."""
    partition = partition_of(region)
    return partition.name if partition else None


@pytest.mark.parametrize(("region", "expected"), EVERY_KNOWN_REGION)
def test_known_region_belongs_to_its_partition(region: str, expected: str) -> None:
    """Each region known today is found in the partition that it is listed under."""
    assert expected == name_of(region)


def test_region_counts() -> None:
    """The tables list 34 commercial, 2 GovCloud and 2 China regions, each once."""
    counts = {name: len(set(REGIONS[name])) for name in ("aws", "aws-us-gov", "aws-cn")}
    assert counts == {"aws": 34, "aws-us-gov": 2, "aws-cn": 2}
    assert len(EVERY_KNOWN_REGION) == len(dict(EVERY_KNOWN_REGION))


@pytest.mark.parametrize(
    ("region", "expected"),
    [
        ("us-north-9", "aws"),
        ("mx-west-12", "aws"),
        ("us-gov-central-1", "aws-us-gov"),
        ("cn-south-1", "aws-cn"),
        ("us-iso-south-3", "aws-iso"),
        ("us-isob-west-1", "aws-iso-b"),
        ("eu-isoe-east-2", "aws-iso-e"),
        ("us-isof-east-1", "aws-iso-f"),
        ("eusc-de-west-2", "aws-eusc"),
    ],
)
def test_new_region_is_recognised_by_its_shape(region: str, expected: str) -> None:
    """A region that opens after this release is still found in its partition."""
    assert expected == name_of(region)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "--",
        "us",
        "us-east",
        "us-east-",
        "us--1",
        "-east-1",
        "us-east-1a",
        "us-east-1\n",
        " us-east-1",
        "US-EAST-1",
        "us-East-1",
        "us-ea/st-1",
        "us-ea.st-1",
        "us-ea_st-1",
        "us-east-\N{SUPERSCRIPT ONE}",
        "us-east-\N{ARABIC-INDIC DIGIT ONE}",
        "us-\N{LATIN SMALL LETTER E WITH ACUTE}st-1",
        "xx-east-1",
        "us-gov-west-east-1",
        "eusc-fr-east-1",
        "global",
        "aws-global",
        "../us-east-1",
    ],
)
def test_other_text_is_no_region(text: str) -> None:
    """What does not have the shape of a region's name belongs to no partition."""
    assert partition_of(text) is None


@PURE
@given(st.text(max_size=20) | st.from_regex(r"(us|cn|us-gov|eusc-de)-[^-]{1,4}-[^-]{1,2}", fullmatch=True))
def test_what_is_a_region_is_safe_in_a_url_or_path(text: str) -> None:
    """A text that has a partition holds only a-z, 0-9 and '-'."""
    if partition_of(text) is not None:
        assert set(text) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


@pytest.mark.parametrize(
    ("name", "suffixes", "truststore"),
    [
        ("aws", ("amazonaws.com", "on.aws"), "https://truststore.pki.rds.amazonaws.com"),
        ("aws-us-gov", ("amazonaws.com",), "https://truststore.pki.us-gov-west-1.rds.amazonaws.com"),
        ("aws-cn", ("amazonaws.com.cn",), "https://rds-truststore.s3.cn-north-1.amazonaws.com.cn"),
        ("aws-iso", ("c2s.ic.gov",), None),
        ("aws-iso-b", ("sc2s.sgov.gov",), None),
        ("aws-iso-e", ("cloud.adc-e.uk",), None),
        ("aws-iso-f", ("csp.hci.ic.gov",), None),
        ("aws-eusc", ("amazonaws.eu",), None),
    ],
)
def test_partition_rows(name: str, suffixes: tuple[str, ...], truststore: str | None) -> None:
    """Each partition has its published suffixes and trust store."""
    (partition,) = [row for row in PARTITIONS if row.name == name]
    assert (suffixes, truststore) == (partition.suffixes, partition.truststore)


def test_tables_agree() -> None:
    """Every partition has its regions listed, and every suffix leads back to the partitions that own it."""
    assert {partition.name for partition in PARTITIONS} == set(REGIONS)
    assert [owner.name for owner in SUFFIXES["amazonaws.com"]] == ["aws", "aws-us-gov"]
    assert [owner.name for owner in SUFFIXES[DSQL_SUFFIX]] == ["aws"]
    owned = {(suffix, row.name) for row in PARTITIONS for suffix in row.suffixes}
    assert owned == {(suffix, owner.name) for suffix, owners in SUFFIXES.items() for owner in owners}


def test_only_commercial_and_eu_sovereign_names_have_a_fixed_order() -> None:
    """Region comes first in aws and aws-eusc; the other partitions have names in both orders."""
    fixed = {row.name for row in PARTITIONS if row.layouts == (REGION_SERVICE,)}
    assert {"aws", "aws-eusc"} == fixed
    assert all(set(row.layouts) == {REGION_SERVICE, SERVICE_REGION} for row in PARTITIONS if row.name not in fixed)
