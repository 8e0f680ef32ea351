"""The grammar of endpoint names, accepted and refused, and what an error may show."""

import traceback
from random import Random
from typing import cast

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rds_tls.endpoint import Endpoint, Kind, Trust, grammar, parse_endpoint, split_host
from rds_tls.endpoint.partitions import PARTITIONS, REGION_SERVICE, SERVICE_REGION, SUFFIXES
from rds_tls.errors import EndpointError

PURE = settings(derandomize=True, deadline=None, database=None)

H = "abc123def456"
HIDDEN = "<not shown>"
CLUSTER = f"db.cluster-{H}.us-east-1.rds.amazonaws.com"
ADDRESS_RULE = "an IP address has no RDS certificate: pass the endpoint's name as host, the address as via="
LOCAL_RULE = "'localhost' has no RDS certificate: pass the endpoint's name as host, the tunnel's end as via="
TWO_COLONS_RULE = "it has more than one ':': pass a host, or host:port"
PORT_RULE = "the port after ':' is no number from 1 to 65535"
CHARACTERS_RULE = "it has characters that no host name has: pass the host alone"
ASCII_RULE = "it is not all ASCII: type the name as AWS shows it"
EMPTY_LABEL_RULE = "it has an empty label: two dots in a row, or one in front"
GLOBAL_RULE = "'global-<hash>' and 'global' in the region's place go only together"
DSQL_RULE = "before '.on.aws' only Aurora DSQL parses: <id>.dsql.<region> or <id>.dsql-<suffix>.<region>"
TWICE_RULE = "the service stands twice: 'rds' before region and service"
EMPTY_RULE = "it is empty: pass the endpoint's name"
TOO_LONG_RULE = "it has 305 characters: a host name has 253 at most"
LONG_LABEL_RULE = f"label '{'a' * 64}' has 64 characters: DNS allows 63"
AT_SIGN_RULE = "it has a '@': pass the host alone, the user as user="
LATE_AT_SIGN_RULE = "the URL has a '@' after its first '/', '?' or '#': percent-encode all four in user info"
SCHEME_RULE = "what stands before '://' is no URL scheme, as in 'postgresql://'"
COMMA_RULE = "it has a ',', as between several hosts: pass one"


def look_alike_rule(tail: str) -> str:
    """Give the rule for a name whose end no partition has."""
    return (
        f"the name ends in '.{tail}', which is no AWS suffix: a look-alike, or an alias - "
        "pass the endpoint that the alias stands for"
    )


def head_rule(head: str) -> str:
    """Give the rule for labels that no kind of endpoint has."""
    return (
        f"'{head}' before region and service is not <name>.<hash>, <name>.endpoint.proxy-<hash>, or <name> and "
        "one of cluster-<hash>, cluster-ro-<hash>, cluster-custom-<hash>, proxy-<hash>, shardgrp-<hash>, "
        "global-<hash>"
    )


def label_rule(label: str) -> str:
    """Give the rule for a label with a character, or a hyphen, that may not be there."""
    return f"label '{label}' may hold letters, digits and '-', and no '-' at either end"


def no_region_rule(label: str) -> str:
    """Give the rule for something else in the region's place."""
    return f"the name has no region: '{label}' stands in its place"


def wrong_region_rule(region: str, suffix: str, partitions: str) -> str:
    """Give the rule for a region under a suffix of another partition."""
    return f"region '{region}' does not belong to '.{suffix}' (partition {partitions})"


def layout_rule(partition: str) -> str:
    """Give the rule for region and service in the wrong order."""
    return f"partition {partition} has <region>.<service>, the name has <service>.<region>"


def foreign_rule(service: str) -> str:
    """Give the rule for a database service that is not RDS."""
    return f"'{service}' is not RDS: Amazon Trust Services signs its certificates"


def no_service_rule(labels: str) -> str:
    """Give the rule for labels that are no region and service."""
    return f"'{labels}' before '.amazonaws.com' is not a region and a service (rds, rds-fips, rds-preview, docdb)"


def outcome(text: str) -> Endpoint | EndpointError:
    """Give what the parser returns or refuses a text with."""
    try:
        return parse_endpoint(text)
    except EndpointError as error:
        return error


def refusal(host: object) -> EndpointError:
    """Give the error that a text is refused with."""
    with pytest.raises(EndpointError) as caught:
        parse_endpoint(cast("str", host))
    return caught.value


# What stands before region and service, and what it means under the service "rds".
HEADS = [
    (f"db.cluster-{H}", Kind.WRITER, "db", Trust.RDS),
    (f"db.cluster-ro-{H}", Kind.READER, "db", Trust.RDS),
    (f"alias.cluster-custom-{H}", Kind.CUSTOM, "alias", Trust.RDS),
    (f"inst.{H}", Kind.INSTANCE, "inst", Trust.RDS),
    (f"inst-green-abc123.{H}", Kind.INSTANCE, "inst-green-abc123", Trust.RDS),
    (f"inst-old1.{H}", Kind.INSTANCE, "inst-old1", Trust.RDS),
    (f"db.shardgrp-{H}", Kind.SHARD_GROUP, "db", Trust.RDS),
    (f"px.proxy-{H}", Kind.PROXY, "px", Trust.AMAZON),
    (f"name.endpoint.proxy-{H}", Kind.PROXY_ENDPOINT, "name", Trust.AMAZON),
]

# What stands after it: every partition and every order of region and service that it has.
TAILS = [
    ("us-east-2.rds.amazonaws.com", "us-east-2", "aws"),
    ("us-gov-west-1.rds.amazonaws.com", "us-gov-west-1", "aws-us-gov"),
    ("rds.us-gov-east-1.amazonaws.com", "us-gov-east-1", "aws-us-gov"),
    ("rds.cn-northwest-1.amazonaws.com.cn", "cn-northwest-1", "aws-cn"),
    ("cn-north-1.rds.amazonaws.com.cn", "cn-north-1", "aws-cn"),
    ("rds.us-iso-east-1.c2s.ic.gov", "us-iso-east-1", "aws-iso"),
    ("us-iso-east-1.rds.c2s.ic.gov", "us-iso-east-1", "aws-iso"),
    ("rds.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1", "aws-iso-b"),
    ("us-isob-east-1.rds.sc2s.sgov.gov", "us-isob-east-1", "aws-iso-b"),
    ("rds.eu-isoe-west-1.cloud.adc-e.uk", "eu-isoe-west-1", "aws-iso-e"),
    ("eu-isoe-west-1.rds.cloud.adc-e.uk", "eu-isoe-west-1", "aws-iso-e"),
    ("rds.us-isof-south-1.csp.hci.ic.gov", "us-isof-south-1", "aws-iso-f"),
    ("us-isof-south-1.rds.csp.hci.ic.gov", "us-isof-south-1", "aws-iso-f"),
    ("eusc-de-east-1.rds.amazonaws.eu", "eusc-de-east-1", "aws-eusc"),
]

# Names that are more than a head and a tail.
OTHERS = [
    (f"g.global-{H}.global.rds.amazonaws.com", Kind.GLOBAL_WRITER, "g", None, "aws", Trust.RDS),
    (f"i.{H}.us-east-1.rds-fips.amazonaws.com", Kind.INSTANCE, "i", "us-east-1", "aws", Trust.RDS),
    (f"i.{H}.us-east-2.rds-preview.amazonaws.com", Kind.INSTANCE, "i", "us-east-2", "aws", Trust.RDS_PREVIEW),
    ("id.dsql.us-east-1.on.aws", Kind.DSQL, "id", "us-east-1", "aws", Trust.AMAZON),
    ("id.dsql-fnh4.us-east-1.on.aws", Kind.DSQL, "id", "us-east-1", "aws", Trust.AMAZON),
    (f"d.cluster-{H}.eu-west-1.docdb.amazonaws.com", Kind.WRITER, "d", "eu-west-1", "aws", Trust.RDS),
    (f"d.{H}.docdb.cn-north-1.amazonaws.com.cn", Kind.INSTANCE, "d", "cn-north-1", "aws-cn", Trust.RDS),
    # The longest label that DNS allows.
    (f"{'a' * 63}.{H}.us-east-1.rds.amazonaws.com", Kind.INSTANCE, "a" * 63, "us-east-1", "aws", Trust.RDS),
    # Not known today: a new region, and a hash of another length.
    (f"db.cluster-{H}.us-north-9.rds.amazonaws.com", Kind.WRITER, "db", "us-north-9", "aws", Trust.RDS),
    ("db.cluster-x1.us-east-1.rds.amazonaws.com", Kind.WRITER, "db", "us-east-1", "aws", Trust.RDS),
]

VALID = [
    *(
        Endpoint(f"{head}.{tail}", None, kind, identifier, region, partition, trust)
        for head, kind, identifier, trust in HEADS
        for tail, region, partition in TAILS
    ),
    *(
        Endpoint(host, None, kind, identifier, region, partition, trust)
        for host, kind, identifier, region, partition, trust in OTHERS
    ),
]


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


# Text, what the error shows of it (None: all of it), and the rule that it names.
REFUSED = [
    # no name at all
    (None, HIDDEN, "a host is a str, not NoneType"),
    (b"db", HIDDEN, "a host is a str, not bytes"),
    ("", None, EMPTY_RULE),
    (" . ", "", EMPTY_RULE),
    (":5432", "", EMPTY_RULE),
    ("postgresql:///db", "", EMPTY_RULE),
    # addresses, and this machine
    ("10.0.0.1", None, ADDRESS_RULE),
    ("10.0.0.1:5432", "10.0.0.1", ADDRESS_RULE),
    ("127.1.", "127.1", ADDRESS_RULE),
    ("2130706433", None, ADDRESS_RULE),
    ("0X7F000001", "0x7f000001", ADDRESS_RULE),
    ("0x7f.0.0.0x", None, ADDRESS_RULE),
    ("::1", None, ADDRESS_RULE),
    ("[::1]", "::1", ADDRESS_RULE),
    ("postgresql://u:p@[::ffff:10.0.0.1]:5432/db", "::ffff:10.0.0.1", ADDRESS_RULE),
    ("fe80::1%eth0", "fe80::1", ADDRESS_RULE),
    ("localhost", None, LOCAL_RULE),
    ("db.localhost:5432", "db.localhost", LOCAL_RULE),
    ("localhost.localdomain", None, LOCAL_RULE),
    # letters and lengths
    (CLUSTER.replace("d", "\N{FULLWIDTH LATIN SMALL LETTER D}", 1), f"\\uff44{CLUSTER[1:]}", ASCII_RULE),
    ("\N{KELVIN SIGN}.rds.amazonaws.com", "\\u212a.rds.amazonaws.com", ASCII_RULE),
    (CLUSTER.replace(".", "\N{IDEOGRAPHIC FULL STOP}"), HIDDEN, ASCII_RULE),
    (f"{CLUSTER}\N{NO-BREAK SPACE}", HIDDEN, ASCII_RULE),
    (f"db..{CLUSTER}", None, EMPTY_LABEL_RULE),
    (f".{CLUSTER}", None, EMPTY_LABEL_RULE),
    (f"{CLUSTER}..", f"{CLUSTER}.", EMPTY_LABEL_RULE),
    (f"{'a' * 64}.{H}.us-east-1.rds.amazonaws.com", None, LONG_LABEL_RULE),
    (f"{'a.' * 127}{CLUSTER}", HIDDEN, TOO_LONG_RULE),
    (f"my_db.{H}.us-east-1.rds.amazonaws.com", None, label_rule("my_db")),
    (f"-db.{H}.us-east-1.rds.amazonaws.com", None, label_rule("-db")),
    (f"db-.{H}.us-east-1.rds.amazonaws.com", None, label_rule("db-")),
    (f"*.{H}.us-east-1.rds.amazonaws.com", HIDDEN, CHARACTERS_RULE),
    (f"{CLUSTER}/db", HIDDEN, CHARACTERS_RULE),
    (f"{CLUSTER}\0.evil.example", HIDDEN, CHARACTERS_RULE),
    (f"host={CLUSTER} password=hunter2", HIDDEN, CHARACTERS_RULE),
    (f"jdbc:sqlserver://{CLUSTER};password=hunter2", HIDDEN, CHARACTERS_RULE),
    # suffixes
    (f"{CLUSTER}.evil.example", None, look_alike_rule("evil.example")),
    ("10.0.0.1.evil.example", None, look_alike_rule("evil.example")),
    (CLUSTER.replace(".amazonaws", "-amazonaws"), None, look_alike_rule("rds-amazonaws.com")),
    (CLUSTER.replace("amazonaws", "amaz0naws"), None, look_alike_rule("amaz0naws.com")),
    (f"{CLUSTER}.au", None, look_alike_rule("com.au")),
    ("db.mycompany.example", None, look_alike_rule("mycompany.example")),
    ("mydb", None, look_alike_rule("mydb")),
    # region and service
    (f"x.cluster-{H}.rds.amazonaws.com.cn", None, no_region_rule(f"cluster-{H}")),
    (f"db.{H}.us-eest.rds.amazonaws.com", None, no_region_rule("us-eest")),
    (
        f"db.cluster-{H}.us-east-1.rds.amazonaws.com.cn",
        None,
        wrong_region_rule("us-east-1", "amazonaws.com.cn", "aws-cn"),
    ),
    (
        f"db.cluster-{H}.cn-north-1.rds.amazonaws.com",
        None,
        wrong_region_rule("cn-north-1", "amazonaws.com", "aws, aws-us-gov"),
    ),
    (
        f"db.cluster-{H}.us-iso-east-1.rds.amazonaws.eu",
        None,
        wrong_region_rule("us-iso-east-1", "amazonaws.eu", "aws-eusc"),
    ),
    (f"db.cluster-{H}.rds.us-east-1.amazonaws.com", None, layout_rule("aws")),
    (f"db.cluster-{H}.rds.eusc-de-east-1.amazonaws.eu", None, layout_rule("aws-eusc")),
    (f"db.cluster-{H}.rds.cn-northwest-1.rds.amazonaws.com.cn", None, TWICE_RULE),
    ("db.rds.cn-northwest-1.rds.amazonaws.com.cn", None, TWICE_RULE),
    ("db.rds.rds.cn-northwest-1.amazonaws.com.cn", None, TWICE_RULE),
    (f"db.{H}.us-east-1.redshift.amazonaws.com", None, no_service_rule("us-east-1.redshift")),
    (f"db.{H}.us-east-1.amazonaws.com", None, no_service_rule(f"{H}.us-east-1")),
    ("amazonaws.com", None, no_service_rule("")),
    (f"db.cluster-{H}.us-east-1.neptune.amazonaws.com", None, foreign_rule("neptune")),
    (f"db.cluster-{H}.neptune.cn-northwest-1.amazonaws.com.cn", None, foreign_rule("neptune")),
    ("db-1234.us-east-1.docdb-elastic.amazonaws.com", None, foreign_rule("docdb-elastic")),
    # what stands before them
    ("us-east-1.rds.amazonaws.com", None, head_rule("")),
    (f"{H}.us-east-1.rds.amazonaws.com", None, head_rule(H)),
    (f"db.cluster-rw-{H}.us-east-1.rds.amazonaws.com", None, head_rule(f"db.cluster-rw-{H}")),
    (f"extra.{CLUSTER}", None, head_rule(f"extra.db.cluster-{H}")),
    (f"n.endpoint.cluster-{H}.us-east-1.rds.amazonaws.com", None, head_rule(f"n.endpoint.cluster-{H}")),
    (f"n.other.proxy-{H}.us-east-1.rds.amazonaws.com", None, head_rule(f"n.other.proxy-{H}")),
    # Global Database
    (f"g.global-{H}.us-east-1.rds.amazonaws.com", None, GLOBAL_RULE),
    (f"g.cluster-{H}.global.rds.amazonaws.com", None, GLOBAL_RULE),
    (f"g.{H}.global.rds.amazonaws.com", None, GLOBAL_RULE),
    (f"g.global-{H}.rds.global.amazonaws.com", None, layout_rule("aws")),
    # Aurora DSQL
    ("id.us-east-1.on.aws", None, DSQL_RULE),
    ("id.dsqlx.us-east-1.on.aws", None, DSQL_RULE),
    ("extra.id.dsql.us-east-1.on.aws", None, DSQL_RULE),
    ("id.dsql.global.on.aws", None, no_region_rule("global")),
    ("id.dsql.us-gov-west-1.on.aws", None, wrong_region_rule("us-gov-west-1", "on.aws", "aws")),
    # ports, users, several hosts
    (f"{CLUSTER}:", HIDDEN, PORT_RULE),
    (f"{CLUSTER}:0", HIDDEN, PORT_RULE),
    (f"{CLUSTER}:65536", HIDDEN, PORT_RULE),
    (f"{CLUSTER}:-1", HIDDEN, PORT_RULE),
    (f"{CLUSTER}:1_0", HIDDEN, PORT_RULE),
    (f"{CLUSTER}:{'9' * 5000}", HIDDEN, PORT_RULE),
    ("user:hunter2", HIDDEN, PORT_RULE),
    ("user:hunter2:5432", HIDDEN, TWO_COLONS_RULE),
    (f"user@{CLUSTER}", HIDDEN, AT_SIGN_RULE),
    (f"{CLUSTER},{CLUSTER}", HIDDEN, COMMA_RULE),
    (f"postgresql://u:p@{CLUSTER}:5432,{CLUSTER}:5432/db", HIDDEN, COMMA_RULE),
    (f"postgresql://u:p/w@{CLUSTER}/db", HIDDEN, LATE_AT_SIGN_RULE),
    (f"postgresql://u:p@x/w@{CLUSTER}/db", HIDDEN, LATE_AT_SIGN_RULE),
    (f"1 2://{CLUSTER}", HIDDEN, SCHEME_RULE),
    (f"://{CLUSTER}", HIDDEN, SCHEME_RULE),
]


@pytest.mark.parametrize(("text", "shown", "rule"), REFUSED)
def test_refused_with_the_rule(text: object, shown: str | None, rule: str) -> None:
    """Each text outside the grammar is refused, and the error names the rule and shows no more than it may."""
    error = refusal(text)
    assert (text if shown is None else shown, rule) == (error.host, error.rule)


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


def test_parts_of_a_url_are_not_shown() -> None:
    """A traceback that shows locals, or a log, has nothing of a URL that was cut in two."""
    text = split_host(f"postgresql://app:{CANARY}@{CLUSTER}/db?password={CANARY}")
    assert CANARY not in f"{text!r} {text}"


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
