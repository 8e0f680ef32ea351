"""The grammar of endpoint names: one table, one parser; no network, no disk, no clock.

A name is read from its right end: DNS suffix, region and service, then what stands before them. The result
decides which roots verify the server, so whatever does not fit the grammar is refused.
"""

import re
from functools import lru_cache

from rds_tls.endpoint.hosttext import ADDRESS_RULE, HIDDEN, MAX_NAME, is_showable
from rds_tls.endpoint.partitions import DSQL_SUFFIX, REGION_SERVICE, SERVICE_REGION, SUFFIXES, Partition, partition_of
from rds_tls.endpoint.values import Endpoint, Kind, Trust
from rds_tls.errors import EndpointError

# The label before region and service is <word>-<hash>; an instance's is the bare hash. The hash has 12
# letters and digits in practice, and never a '-'.
_KINDS = {
    # docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.Overview.Endpoints.html
    "cluster": Kind.WRITER,
    "cluster-ro": Kind.READER,
    "cluster-custom": Kind.CUSTOM,
    "": Kind.INSTANCE,
    # docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy-endpoints.html
    "proxy": Kind.PROXY,
    # docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/limitless.html
    "shardgrp": Kind.SHARD_GROUP,
    # docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-global-database-connecting.html
    "global": Kind.GLOBAL_WRITER,
}

# The labels that stand for a service, and whose roots sign its certificates.
_SERVICES = {
    # docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.SSL.html
    "rds": Trust.RDS,
    # docs.aws.amazon.com/general/latest/gr/rds-service.html
    "rds-fips": Trust.RDS,
    # docs.aws.amazon.com/AmazonRDS/latest/UserGuide/working-with-the-database-preview-environment.html
    "rds-preview": Trust.RDS_PREVIEW,
    # docs.aws.amazon.com/documentdb/latest/developerguide/security.encryption.ssl.html
    "docdb": Trust.RDS,
}

# docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy.howitworks.html and the DSQL user guide: the
# certificates of these come from Amazon Trust Services.
_AMAZON_KINDS = frozenset({Kind.PROXY, Kind.PROXY_ENDPOINT, Kind.DSQL})

# Databases with RDS-like names that Amazon Trust Services signs for; the RDS roots would be the wrong ones.
_FOREIGN_SERVICES = frozenset({"neptune", "docdb-elastic"})

# The word in the region's place of a Global Database writer.
_GLOBAL = "global"

# RFC 1035 section 2.3.4: the length of a label.
_MAX_LABEL = 63

_LOCAL_RULE = "'localhost' has no RDS certificate: pass the endpoint's name as host, the tunnel's end as via="


# The name alone is remembered, never the URL around it, which may hold a password.
@lru_cache(maxsize=1024)
def parse_name(text: str, port: int | None) -> Endpoint:
    """Parse a name, in any case and with one trailing dot or none; the port is passed on.

    Raises:
        EndpointError: it is not the name of an endpoint.
    """
    labels = _labels(text)
    name = ".".join(labels)
    head, suffix = _split_suffix(name, labels)
    if suffix == DSQL_SUFFIX:
        return _dsql(name, port, head)
    return _rds(name, port, head, suffix)


def _labels(name: str) -> list[str]:
    name = name.removesuffix(".").lower()
    labels = name.split(".")
    if len(name) > MAX_NAME or not all(map(_is_label, labels)):
        raise _label_error(name, labels)
    return labels


def _is_label(text: str) -> bool:
    """Tell whether a lower-case ASCII text may stand between two dots of a host name."""
    return text.replace("-", "").isalnum() and text[0] != "-" != text[-1] and len(text) <= _MAX_LABEL


def _label_error(name: str, labels: list[str]) -> EndpointError:
    """Say why a name is no host name, and show nothing of one that may hold a password."""
    if not name:
        return EndpointError(name, "it is empty: pass the endpoint's name")
    if len(name) > MAX_NAME:
        return EndpointError(HIDDEN, f"it has {len(name)} characters: a host name has {MAX_NAME} at most")
    if not is_showable(name):
        return EndpointError(HIDDEN, "it has characters that no host name has: pass the host alone")
    label = next(label for label in labels if not _is_label(label))
    if not label:
        return EndpointError(name, "it has an empty label: two dots in a row, or one in front")
    if len(label) > _MAX_LABEL:
        return EndpointError(name, f"label {label!r} has {len(label)} characters: DNS allows {_MAX_LABEL}")
    return EndpointError(name, f"label {label!r} may hold letters, digits and '-', and no '-' at either end")


def _split_suffix(name: str, labels: list[str]) -> tuple[list[str], str]:
    for start in range(len(labels)):
        suffix = ".".join(labels[start:])
        if suffix in SUFFIXES:
            return labels[:start], suffix
    # "Ends in a number", as the URL standard tells IPv4 addresses: 127.1 and 0x7f000001 are addresses too.
    if re.fullmatch(r"[0-9]+|0x[0-9a-f]*", labels[-1]):
        raise EndpointError(name, ADDRESS_RULE)
    if labels[-1] in ("localhost", "localdomain"):
        raise EndpointError(name, _LOCAL_RULE)
    raise EndpointError(
        name,
        f"the name ends in '.{'.'.join(labels[-2:])}', which is no AWS suffix: a look-alike, or an alias - "
        "pass the endpoint that the alias stands for",
    )


def _rds(name: str, port: int | None, head: list[str], suffix: str) -> Endpoint:
    head, region, service, layout = _split_service(name, head, suffix)
    # A Global Database writer has no region that tells the owners of a suffix apart; the first one's are
    # the documented ones.
    partition = SUFFIXES[suffix][0] if region == _GLOBAL else _partition(name, region, suffix)
    if layout not in partition.layouts:
        allowed = " or ".join(partition.layouts)
        raise EndpointError(name, f"partition {partition.name} has {allowed}, the name has {layout}")
    kind, identifier = _kind(name, head)
    if (kind is Kind.GLOBAL_WRITER) != (region == _GLOBAL):
        raise EndpointError(name, "'global-<hash>' and 'global' in the region's place go only together")
    trust = Trust.AMAZON if kind in _AMAZON_KINDS else _SERVICES[service]
    known_region = None if region == _GLOBAL else region
    return Endpoint(name, port, kind, identifier, known_region, partition.name, trust)


def _split_service(name: str, head: list[str], suffix: str) -> tuple[list[str], str, str, str]:
    """Take region and service from the end of the labels that stand before the suffix."""
    rest, tail = head[:-2], head[-2:]
    for label in tail:
        if label in _FOREIGN_SERVICES:
            raise EndpointError(name, f"{label!r} is not RDS: Amazon Trust Services signs its certificates")
    match tail:
        case [region, service] if service in _SERVICES:
            return rest, region, service, REGION_SERVICE
        case [service, region] if service in _SERVICES:
            return rest, region, service, SERVICE_REGION
    raise EndpointError(
        name,
        f"{'.'.join(tail)!r} before '.{suffix}' is not a region and a service ({', '.join(_SERVICES)})",
    )


def _partition(name: str, region: str, suffix: str) -> Partition:
    partition = partition_of(region)
    if partition is None:
        raise EndpointError(name, f"the name has no region: {region!r} stands in its place")
    owners = SUFFIXES[suffix]
    if partition not in owners:
        names = ", ".join(owner.name for owner in owners)
        raise EndpointError(name, f"region {region!r} does not belong to '.{suffix}' (partition {names})")
    return partition


def _kind(name: str, head: list[str]) -> tuple[Kind, str]:
    """Read the labels before region and service."""
    if head and head[-1] in _SERVICES:
        raise EndpointError(name, f"the service stands twice: {head[-1]!r} before region and service")
    match head:
        case [identifier, account] if kind := _KINDS.get(account.rpartition("-")[0]):
            return kind, identifier
        case [identifier, "endpoint", account] if account.rpartition("-")[0] == "proxy":
            return Kind.PROXY_ENDPOINT, identifier
    words = ", ".join(f"{word}-<hash>" for word in _KINDS if word)
    raise EndpointError(
        name,
        f"{'.'.join(head)!r} before region and service is not <name>.<hash>, "
        f"<name>.endpoint.proxy-<hash>, or <name> and one of {words}",
    )


def _dsql(name: str, port: int | None, head: list[str]) -> Endpoint:
    match head:
        case [identifier, service, region] if service == "dsql" or service.startswith("dsql-"):
            partition = _partition(name, region, DSQL_SUFFIX)
            return Endpoint(name, port, Kind.DSQL, identifier, region, partition.name, Trust.AMAZON)
    raise EndpointError(
        name,
        f"before '.{DSQL_SUFFIX}' only Aurora DSQL parses: <id>.dsql.<region> or <id>.dsql-<suffix>.<region>",
    )
