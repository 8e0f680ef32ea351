"""Endpoint names: str -> Endpoint. One table, one parser; no network, no disk, no clock.

A name is read from its right end: DNS suffix, region and service, then what stands before them. The result
decides which roots verify the server, so whatever does not fit the grammar is refused.

An error never shows user info or a bad port of a URL, nor any text that does not look like a host name.
"""

import re
from enum import Enum
from functools import lru_cache

from rds_tls.endpoint.partitions import DSQL_SUFFIX, REGION_SERVICE, SERVICE_REGION, SUFFIXES, Partition, partition_of
from rds_tls.errors import EndpointError, OptionError
from rds_tls.records import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    Value = TypeVar("Value", int, str)


class Kind(Enum):
    """What an endpoint leads to."""

    WRITER = "writer"
    READER = "reader"
    CUSTOM = "custom"
    INSTANCE = "instance"
    PROXY = "proxy"
    PROXY_ENDPOINT = "proxy endpoint"
    SHARD_GROUP = "shard group"
    GLOBAL_WRITER = "global writer"
    DSQL = "dsql"


class Trust(Enum):
    """Whose roots sign the certificate of an endpoint."""

    RDS = "rds"
    RDS_PREVIEW = "rds-preview"
    AMAZON = "amazon"

    # Enum's own hashes the name, in Python, whenever something is looked up by a RootSet.
    __hash__ = object.__hash__


class RootSet(NamedTuple):
    """Which roots sign the certificates of an endpoint.

    Attributes:
        trust: whose roots they are.
        region: the AWS region; None for Amazon Trust Services, whose roots serve every region.
    """

    trust: Trust
    region: str | None

    @property
    def name(self) -> str:
        """The name of the file that holds them, without its suffix: in the package and in a cache."""
        if self.region is None:
            return self.trust.value
        return self.region if self.trust is Trust.RDS else f"{self.region}-preview"

    def __str__(self) -> str:
        if self.trust is Trust.AMAZON:
            return "Amazon Trust Services roots"
        return f"{self.region} {'Preview ' if self.trust is Trust.RDS_PREVIEW else ''}RDS roots"


class Endpoint(NamedTuple):
    """A parsed endpoint.

    Attributes:
        host: the full name in lower case, without a trailing dot: what the certificate must carry.
        port: the TCP port, if the text named one.
        kind: what the endpoint leads to.
        identifier: the first label: the cluster, instance, proxy or alias.
        region: the AWS region; None for a Global Database writer, whose name has none.
        partition: the AWS partition, such as "aws-cn".
        trust: whose roots sign its certificate.
    """

    host: str
    port: int | None
    kind: Kind
    identifier: str
    region: str | None
    partition: str
    trust: Trust


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

# RFC 1035 section 2.3.4 and RFC 1123 section 2.1: the lengths and the letters of a host name.
_MAX_NAME = 253
_MAX_LABEL = 63
_MAX_PORT = 65_535

# These patterns wait for their first use, which a bare name that parses never makes: compiling each costs 0.1 ms.
# RFC 3986 section 3, and the prefix of JDBC: jdbc:postgresql://
_SCHEME = r"[A-Za-z][A-Za-z0-9+.:-]*"
_END_OF_AUTHORITY = r"[/?#]"

# Any other text may hold a password: a URL cut wrongly, or "host=... password=...".
_SHOWABLE = rf"[\w.-]{{0,{_MAX_NAME}}}"
_HIDDEN = "<not shown>"

_ADDRESS_RULE = "an IP address has no RDS certificate: pass the endpoint's name as host, the address as via="
_LOCAL_RULE = "'localhost' has no RDS certificate: pass the endpoint's name as host, the tunnel's end as via="


def parse_endpoint(host: str) -> Endpoint:
    """Parse the name of an Aurora, RDS, RDS Proxy, DocumentDB or Aurora DSQL endpoint.

    It says what the name means, not that such an endpoint exists.

    Args:
        host: the name, also as ``host:port`` or inside a URL, in any case, with one trailing dot or none.

    Returns:
        The endpoint; the port is None unless the text names one.

    Raises:
        EndpointError: the text is not the name of an endpoint.
    """
    return _parse_name(*_name_and_port(host))


# The name alone is remembered, never the URL around it, which may hold a password.
@lru_cache(maxsize=1024)
def _parse_name(text: str, port: int | None) -> Endpoint:
    labels = _labels(text)
    name = ".".join(labels)
    head, suffix = _split_suffix(name, labels)
    if suffix == DSQL_SUFFIX:
        return _dsql(name, port, head)
    return _rds(name, port, head, suffix)


def root_set(endpoint: Endpoint | None, region: str | None) -> RootSet:
    """Find which roots sign for an endpoint, or for a region's RDS endpoints.

    Args:
        endpoint: the endpoint; None for a region.
        region: the AWS region; needed where the endpoint's name says none.

    Returns:
        The set of roots. Its region is None only for Amazon Trust Services.

    Raises:
        OptionError: the region is none, contradicts the endpoint's, or is missing.
    """
    if region is not None and not (isinstance(region, str) and partition_of(region)):
        raise OptionError("region= is not the name of an AWS region, such as 'eu-west-1': check its spelling")
    if endpoint is None and region is None:
        raise OptionError("neither a host nor a region is given: pass the endpoint, or region='us-east-1'")
    if endpoint is None:
        return RootSet(Trust.RDS, region)
    region = reconciled("region", endpoint.region, region)
    if endpoint.trust is Trust.AMAZON:
        return RootSet(Trust.AMAZON, None)
    if region is None:
        raise OptionError(f"{endpoint.host!r} has no region in its name: pass region= with the one its writer is in")
    return RootSet(endpoint.trust, region)


def reconciled(name: str, in_host: "Value | None", argument: "Value | None") -> "Value | None":
    """Take what the host says or what the argument says, and refuse two that differ.

    Raises:
        OptionError: they differ.
    """
    if in_host is not None and argument is not None and in_host != argument:
        raise OptionError(f"the host says {name} {in_host!r}, the argument {name}={argument!r}: leave one out")
    return in_host if argument is None else argument


def url_extras(host: str) -> bool:
    """Tell whether a text is a URL that carries more than a host and a port.

    Args:
        host: what ``parse_endpoint`` takes.

    Returns:
        True when there is user info, a path with a name in it, a query or a fragment.

    Raises:
        EndpointError: it is not an ASCII string, or has something other than a scheme before ``://``.
    """
    url = _split_url(_text(host))
    if url is None:
        return False
    authority, rest = url
    return "@" in authority or rest.strip("/?#") != ""


def _text(host: str) -> str:
    if not isinstance(host, str):
        raise EndpointError(_HIDDEN, f"a host is a str, not {type(host).__name__}")
    # Before strip() and lower(), which turn some letters into ASCII: the Kelvin sign's lower case is 'k'.
    if not host.isascii():
        raise EndpointError(_shown(host), "it is not all ASCII: type the name as AWS shows it")
    return host.strip()


def _shown(text: str) -> str:
    """Give what an error may show: look-alike letters as escapes, and nothing that may hold a password."""
    return text.encode("ascii", "backslashreplace").decode() if re.fullmatch(_SHOWABLE, text) else _HIDDEN


def _split_url(text: str) -> tuple[str, str] | None:
    """Split a URL into its authority and the rest after it; None for a text that is no URL."""
    scheme, separator, location = text.partition("://")
    if not separator:
        return None
    if not re.fullmatch(_SCHEME, scheme):
        raise EndpointError(_HIDDEN, "what stands before '://' is no URL scheme, as in 'postgresql://'")
    authority = re.split(_END_OF_AUTHORITY, location, maxsplit=1)[0]
    return authority, location[len(authority) :]


def _name_and_port(host: str) -> tuple[str, int | None]:
    text = _text(host)
    url = _split_url(text)
    if url is None:
        if "@" in text:
            raise EndpointError(_HIDDEN, "it has a '@': pass the host alone, the user as user=")
        return _split_port(text)
    authority, rest = url
    # A raw '/', '?' or '#' in a password ends the authority early: what follows may be the rest of it.
    if "@" in rest:
        raise EndpointError(
            _HIDDEN, "the URL has a '@' after its first '/', '?' or '#': percent-encode all four in user info"
        )
    return _split_port(authority.rpartition("@")[2])


def _split_port(location: str) -> tuple[str, int | None]:
    if "," in location:
        raise EndpointError(_HIDDEN, "it has a ',', as between several hosts: pass one")
    name, colon, port = location.partition(":")
    if not colon:
        return name, None
    if ":" in port:
        address = location.removeprefix("[").partition("]")[0].partition("%")[0]
        if _is_ipv6(address):
            raise EndpointError(address, _ADDRESS_RULE)
        raise EndpointError(_HIDDEN, "it has more than one ':': pass a host, or host:port")
    # int() refuses thousands of digits with an error of its own, so the length comes first.
    if not (port.isdecimal() and len(port) <= len(str(_MAX_PORT)) and 0 < int(port) <= _MAX_PORT):
        raise EndpointError(_HIDDEN, f"the port after ':' is no number from 1 to {_MAX_PORT}")
    return name, int(port)


def _is_ipv6(text: str) -> bool:
    from ipaddress import IPv6Address  # only a refusal needs it

    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True


def _labels(name: str) -> list[str]:
    name = name.removesuffix(".").lower()
    labels = name.split(".")
    if len(name) > _MAX_NAME or not all(map(_is_label, labels)):
        raise _label_error(name, labels)
    return labels


def _is_label(text: str) -> bool:
    """Tell whether a lower-case ASCII text may stand between two dots of a host name."""
    return text.replace("-", "").isalnum() and text[0] != "-" != text[-1] and len(text) <= _MAX_LABEL


def _label_error(name: str, labels: list[str]) -> EndpointError:
    """Say why a name is no host name, and show nothing of one that may hold a password."""
    if not name:
        return EndpointError(name, "it is empty: pass the endpoint's name")
    if len(name) > _MAX_NAME:
        return EndpointError(_HIDDEN, f"it has {len(name)} characters: a host name has {_MAX_NAME} at most")
    if not re.fullmatch(_SHOWABLE, name):
        return EndpointError(_HIDDEN, "it has characters that no host name has: pass the host alone")
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
        raise EndpointError(name, _ADDRESS_RULE)
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
