"""What a host name means: str -> Endpoint, and which roots verify it. No network, no disk, no clock."""

from typing import TypeVar

from rds_tls.endpoint.grammar import parse_name
from rds_tls.endpoint.hosttext import HostText, split_host
from rds_tls.endpoint.partitions import partition_of
from rds_tls.endpoint.values import Endpoint, Kind, RootSet, Trust
from rds_tls.errors import OptionError

__all__ = [
    "Endpoint",
    "HostText",
    "Kind",
    "RootSet",
    "Trust",
    "endpoint_of",
    "parse_endpoint",
    "reconciled",
    "root_set",
    "split_host",
]

_Value = TypeVar("_Value", int, str)


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
    return endpoint_of(split_host(host))


def endpoint_of(text: HostText) -> Endpoint:
    """Parse what ``split_host`` has cut, as ``parse_endpoint`` does.

    Raises:
        EndpointError: it is not the name of an endpoint.
    """
    return parse_name(*text.name_and_port())


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


def reconciled(name: str, in_host: _Value | None, argument: _Value | None) -> _Value | None:
    """Take what the host says or what the argument says, and refuse two that differ.

    Raises:
        OptionError: they differ.
    """
    if in_host is not None and argument is not None and in_host != argument:
        raise OptionError(f"the host says {name} {in_host!r}, the argument {name}={argument!r}: leave one out")
    return in_host if argument is None else argument
