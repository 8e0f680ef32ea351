"""Names of endpoints that the tests of the grammar share: every published form, and what is made of it."""

from typing import cast

import pytest

from rds_tls.endpoint import Endpoint, Kind, Trust, parse_endpoint
from rds_tls.errors import EndpointError

H = "abc123def456"

CLUSTER = f"db.cluster-{H}.us-east-1.rds.amazonaws.com"


def look_alike_rule(tail: str) -> str:
    """Give the rule for a name whose end no partition has."""
    return (
        f"the name ends in '.{tail}', which is no AWS suffix: a look-alike, or an alias - "
        "pass the endpoint that the alias stands for"
    )


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
