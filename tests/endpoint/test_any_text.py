"""Arbitrary text is an endpoint or an EndpointError, and a password in it shows nowhere."""

import traceback
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rds_tls.endpoint import Endpoint, parse_endpoint, split_host
from rds_tls.endpoint.partitions import SUFFIXES
from rds_tls.errors import EndpointError
from tests.endpoint.names import CLUSTER, VALID, look_alike_rule, outcome, refusal

PURE = settings(derandomize=True, deadline=None, database=None)

# Building blocks of valid names and of what people and attackers write around them.
HOSTS = [endpoint.host for endpoint in VALID]

valid_hosts = st.sampled_from(HOSTS)

MARKS = [".", "..", "-", ":", ":5432", "@", "/", "?", "#", ",", "[", "]", "%", "://", " ", "\n", "\0", ""]

WORDS = ["rds", "global", "endpoint", "us-east-1", "cn-north-1", "cluster-", "proxy-h", "global-h", "dsql", "x"]

PIECES = ["postgresql://", "127.0.0.1", "::1", "[::1]", "\N{KELVIN SIGN}", "\N{LATIN SMALL LETTER LONG S}"]

fragments = st.sampled_from([*MARKS, *WORDS, *PIECES, *SUFFIXES])


@st.composite
def mutated_hosts(draw: st.DrawFn) -> str:
    """A valid host with up to three pieces cut out and replaced."""
    text = draw(valid_hosts)
    for _ in range(draw(st.integers(1, 3))):
        start, end = sorted(draw(st.tuples(*[st.integers(0, len(text))] * 2)))
        text = text[:start] + draw(fragments | st.text(max_size=3)) + text[end:]
    return text


texts = (
    st.text()
    | mutated_hosts()
    | st.lists(fragments, max_size=8).map("".join)
    | st.lists(fragments, max_size=8).map(".".join)
)


@settings(PURE, max_examples=1000)
@given(texts)
def test_any_text_is_an_endpoint_or_an_endpoint_error(text: str) -> None:
    """No text makes the parser raise anything but EndpointError, and what it accepts is in normal form."""
    endpoint = outcome(text)
    if isinstance(endpoint, Endpoint):
        assert endpoint._replace(port=None) == parse_endpoint(endpoint.host)
        assert any(endpoint.host.endswith(f".{suffix}") for suffix in SUFFIXES)


@settings(PURE, max_examples=500)
@given(texts)
def test_extras_are_there_or_not_or_an_endpoint_error(text: str) -> None:
    """No text makes split_host raise anything but EndpointError, and what is no URL has no extras."""
    try:
        extras = split_host(text).has_extras
    except EndpointError:
        return
    assert "://" in text or not extras


@PURE
@given(
    st.sampled_from(VALID),
    st.randoms(use_true_random=False),
    st.sampled_from(["", "."]),
    st.none() | st.integers(1, 65535),
    st.sampled_from(["", "postgresql://", "jdbc:mysql://", "postgresql://u:p@", "mysql://u%40x:a:b@c,d@"]),
    st.sampled_from(["", "/", "/db", "/db?a=b#c", "?a=b"]),
    st.text(" \t\r\n", max_size=3),
)
def test_wrapping_does_not_change_the_meaning(
    endpoint: Endpoint, random: Random, dot: str, port: int | None, before: str, after: str, space: str
) -> None:
    """Case, dot, port, URL and white space, in any combination, leave the endpoint as it is."""
    host = "".join(random.choice([letter.upper(), letter]) for letter in endpoint.host)
    location = f"{before}{host}{dot}{'' if port is None else f':{port}'}{after if before else ''}"
    assert endpoint._replace(port=port) == parse_endpoint(f"{space}{location}{space}")


@PURE
@given(valid_hosts, st.from_regex(r"[a-z][a-z0-9]{0,9}(\.[a-z][a-z0-9]{0,9}){0,2}", fullmatch=True))
def test_name_below_another_domain_never_parses(host: str, domain: str) -> None:
    """A valid name with any domain behind it is a look-alike."""
    longer = f"{host}.{domain}"
    assert look_alike_rule(".".join(longer.split(".")[-2:])) == refusal(longer).rule


@PURE
@given(valid_hosts, st.data())
def test_suffix_with_another_letter_never_parses(host: str, data: st.DataObject) -> None:
    """A valid name with one character of its DNS suffix changed is refused."""
    suffix = max((known for known in SUFFIXES if host.endswith(f".{known}")), key=len)
    position = data.draw(st.integers(len(host) - len(suffix) - 1, len(host) - 1))
    letter = data.draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz0123456789-_"))
    assume(letter != host[position])
    assert refusal(f"{host[:position]}{letter}{host[position + 1 :]}").rule


CANARY = "CaNaRy7"

raw_password = st.text(st.characters(codec="utf-8"), max_size=8)

url_hosts = valid_hosts | st.sampled_from(["db.evil.example", "localhost", "[::1]", "a_b", "a,b", "", "x:y", "x:1:2"])


@settings(PURE, max_examples=500)
@given(raw_password, raw_password, st.sampled_from(["", "postgresql://", "jdbc:mysql://", "a b://"]), url_hosts)
def test_password_never_shows(left: str, right: str, scheme: str, host: str) -> None:
    """Whatever characters are around it, a password in front of a '@' is in no part of the error."""
    result = outcome(f"{scheme}user:{left}{CANARY}{right}@{host}/db")
    if isinstance(result, EndpointError):
        shown = "".join(traceback.format_exception(result))
        assert CANARY.lower() not in f"{result!s}{result!r}{result.args}{shown}".lower()
    else:
        assert host == result.host


@pytest.mark.parametrize(
    "text",
    [
        f"user:{CANARY}",
        f"{CLUSTER}:{CANARY}",
        f"postgresql://user:{CANARY}",
        f"postgresql://user:1:{CANARY}",
        f"postgresql://user:{CANARY}/x@{CLUSTER}/db",
        f"postgresql://user:a@{CANARY}/x@{CLUSTER}/db",
        f"postgresql://user:a@{CANARY}?x@{CLUSTER}/db",
        f"postgresql://user:a@{CANARY}#x@{CLUSTER}/db",
        f"user:{CANARY}@{CLUSTER}",
        f"postgresql:/user:{CANARY}@{CLUSTER}",
        f"[::1]:{CANARY}",
        f"::1%{CANARY}",
        f"host={CLUSTER} password={CANARY}",
        f"jdbc:sqlserver://{CLUSTER};password={CANARY}",
        f"jdbc:sqlserver://{CLUSTER}:1433;password={CANARY}",
        f"postgresql://{CLUSTER}\N{KELVIN SIGN}/db?password={CANARY}",
        f"postgresql://db.evil.example/db?password={CANARY}",
        f"{CANARY}\n://{CLUSTER}",
    ],
)
def test_misplaced_secret_never_shows(text: str) -> None:
    """A secret that stands where a port, a query or half a URL is expected is not shown either."""
    error = refusal(text)
    assert CANARY.lower() not in f"{error!s}{error!r}".lower()


def test_parts_of_a_url_are_not_shown() -> None:
    """A traceback that shows locals, or a log, has nothing of a URL that was cut in two."""
    text = split_host(f"postgresql://app:{CANARY}@{CLUSTER}/db?password={CANARY}")
    assert CANARY not in f"{text!r} {text}"
