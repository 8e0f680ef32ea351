"""What is no endpoint's name is refused, and the error names the rule."""

import pytest

from tests.endpoint.names import CLUSTER, H, look_alike_rule, refusal

HIDDEN = "<not shown>"

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
