"""AWS partitions: DNS suffixes, region names and trust-store URLs. Tables, and one look-up.

Names, suffixes and the shape of region names are those of botocore's ``data/partitions.json``.
"""

from typing import NamedTuple

# The two orders in front of a DNS suffix.
REGION_SERVICE = "<region>.<service>"
SERVICE_REGION = "<service>.<region>"


class Partition(NamedTuple):
    """A part of AWS with accounts, DNS suffixes and certificate authorities of its own.

    Attributes:
        name: the partition's id, as in an ARN.
        suffixes: the DNS suffixes of its endpoints.
        region_prefixes: what a region's name begins with; it goes on with ``-<word>-<number>``.
        layouts: the orders of region and service in its endpoints' names.
        truststore: the base URL of its RDS trust store; None when AWS publishes none.
    """

    name: str
    suffixes: tuple[str, ...]
    region_prefixes: tuple[str, ...]
    layouts: tuple[str, ...]
    truststore: str | None


_REGION_FIRST = (REGION_SERVICE,)
_EITHER_ORDER = (REGION_SERVICE, SERVICE_REGION)

# Aurora DSQL lives under a suffix of its own: docs.aws.amazon.com/aurora-dsql/latest/userguide/
DSQL_SUFFIX = "on.aws"

PARTITIONS = (
    # Trust store: docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.SSL.html
    Partition(
        name="aws",
        suffixes=("amazonaws.com", DSQL_SUFFIX),
        region_prefixes=("us", "eu", "ap", "sa", "ca", "me", "af", "il", "mx"),
        layouts=_REGION_FIRST,
        truststore="https://truststore.pki.rds.amazonaws.com",
    ),
    # Trust store: the same page; one host serves both regions. <region>.rds is in real use, the tests of the
    # AWS wrapper drivers (RdsUtilsTests) also name rds.<region>.
    Partition(
        name="aws-us-gov",
        suffixes=("amazonaws.com",),
        region_prefixes=("us-gov",),
        layouts=_EITHER_ORDER,
        truststore="https://truststore.pki.us-gov-west-1.rds.amazonaws.com",
    ),
    # Trust store: docs.amazonaws.cn/en_us/AmazonRDS/latest/UserGuide/UsingWithRDS.SSL.html
    # rds.<region> is in real use, <region>.rds is the older order.
    Partition(
        name="aws-cn",
        suffixes=("amazonaws.com.cn",),
        region_prefixes=("cn",),
        layouts=_EITHER_ORDER,
        truststore="https://rds-truststore.s3.cn-north-1.amazonaws.com.cn",
    ),
    # The ISO partitions: no public trust store. RdsUtilsTests name rds.<region> for ISO and ISO-B; no public
    # source shows an endpoint of ISO-E or ISO-F, so both orders parse there too.
    Partition("aws-iso", ("c2s.ic.gov",), ("us-iso",), _EITHER_ORDER, None),
    Partition("aws-iso-b", ("sc2s.sgov.gov",), ("us-isob",), _EITHER_ORDER, None),
    Partition("aws-iso-e", ("cloud.adc-e.uk",), ("eu-isoe",), _EITHER_ORDER, None),
    Partition("aws-iso-f", ("csp.hci.ic.gov",), ("us-isof",), _EITHER_ORDER, None),
    # European Sovereign Cloud: no trust store published yet.
    Partition("aws-eusc", ("amazonaws.eu",), ("eusc-de",), _REGION_FIRST, None),
)

# aws and aws-us-gov share a suffix: only the region tells them apart.
SUFFIXES = {
    suffix: tuple(partition for partition in PARTITIONS if suffix in partition.suffixes)
    for owner in PARTITIONS
    for suffix in owner.suffixes
}

_BY_REGION_PREFIX = {prefix: partition for partition in PARTITIONS for prefix in partition.region_prefixes}


def partition_of(region: str) -> Partition | None:
    """Find the partition that a region belongs to, known or new, by the shape of its name.

    Args:
        region: a region's name, such as "us-east-1".

    Returns:
        The partition, or None when this is not the name of a region. What has one is safe in a URL or a path:
        it holds only ``a-z``, ``0-9`` and ``-``.
    """
    if not (region.isascii() and region.islower()):
        return None
    prefix, _, place = region.rpartition("-")[0].rpartition("-")
    number = region.rpartition("-")[2]
    if not (place.isalnum() and number.isdecimal()):
        return None
    return _BY_REGION_PREFIX.get(prefix)
