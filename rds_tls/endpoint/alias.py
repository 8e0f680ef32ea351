"""From an alias of one's own to the endpoint behind it. DNS only proposes; what is accepted, the caller has said.

DNS is not authentication, and every AWS customer can own a valid RDS certificate. So a CNAME is followed only to a name
that the caller's pattern allows, and that name is the one to dial and to verify.
"""

import re
import socket

from rds_tls.endpoint import Endpoint, Kind, parse_endpoint
from rds_tls.endpoint.hosttext import HIDDEN
from rds_tls.errors import EndpointError, OptionError

# A chain of CNAMEs longer than this is a mistake or an attack; resolvers themselves stop at 8 to 16.
_MAX_HOPS = 8

_ANY_LABEL = "*."

# The kinds whose names have an account's hash behind the first label (grammar.py's tables have the sources), so that
# '*' stands for that account's endpoints alone. Aurora DSQL's have none: a pattern would match every customer's cluster
# of the region. A new kind is refused until it is known to have one.
_OF_ONE_ACCOUNT = frozenset(
    {
        Kind.WRITER,
        Kind.READER,
        Kind.CUSTOM,
        Kind.INSTANCE,
        Kind.PROXY,
        Kind.PROXY_ENDPOINT,
        Kind.SHARD_GROUP,
        Kind.GLOBAL_WRITER,
    }
)

# Labels and dots, and nothing that a URL or a login has; an error shows such a text, and a resolver is asked for it.
# Asked for an empty label, or one of more than 63 characters, it would raise a UnicodeError.
_LABEL = r"[A-Za-z0-9*_-]{1,63}"
_NAME = re.compile(rf"(?=.{{1,254}}\Z){_LABEL}(?:\.{_LABEL})*\.?")


def follow(alias: str, expect: str) -> Endpoint:
    """Find the endpoint that an alias stands for.

    An endpoint may be passed as well; it then has to match too. The names that DNS gives are tried in the order of the
    chain: an Aurora cluster's name is itself an alias of its instance's, and that of a public address.

    Args:
        alias: the name in one's own zone, a CNAME.
        expect: the endpoint, or a pattern whose first label is ``*``, as in
            ``*.cluster-abc123def456.us-east-1.rds.amazonaws.com``.

    Returns:
        The endpoint, whose host is the name to dial and to verify.

    Raises:
        OptionError: ``expect`` is neither an endpoint nor such a pattern, or one that other customers' endpoints match.
        EndpointError: the alias is no plain name, or no name that DNS gives matches; the message says which it gave.
        OSError: the name does not resolve.
    """
    allowed = _pattern(expect)
    name = _plain(alias)
    if name is None:
        raise EndpointError(HIDDEN, "with expect= a host is a name alone: no URL, no user, no port (pass port=)")
    chain = _chain(name) if _endpoint(name) is None else [name]
    for found in chain:
        endpoint = _endpoint(found)
        if endpoint is not None and _matches(endpoint.host, allowed):
            return endpoint
    raise EndpointError(name, f"it leads to {', '.join(map(repr, chain))}, and none of these matches expect={expect!r}")


def proposed(alias: str) -> tuple[Endpoint, str] | None:
    """Ask DNS which endpoint an alias leads to, to tell somebody who may know whether that is the one.

    Args:
        alias: the name in one's own zone.

    Returns:
        The first endpoint in the chain of CNAMEs, and the pattern for ``expect=`` by which ``follow`` takes it and its
        account's others; None where there is none.
    """
    name = _plain(alias)
    try:
        chain = [] if name is None else _chain(name)
    except OSError:
        return None
    for endpoint in filter(None, map(_endpoint, chain)):
        rest = endpoint.host.partition(".")[2]
        return endpoint, f"{_ANY_LABEL}{rest}" if endpoint.kind in _OF_ONE_ACCOUNT else endpoint.host
    return None


def _pattern(expect: str) -> str:
    """Check a pattern: with any first label in place of ``*`` it must be an endpoint, account and region included."""
    pattern = _plain(expect)
    if pattern is None:
        raise OptionError(f"expect={HIDDEN} is neither an RDS endpoint nor one with '*' for its first label")
    try:
        endpoint = parse_endpoint(pattern.replace(_ANY_LABEL, "any.", 1) if pattern.startswith(_ANY_LABEL) else pattern)
    except EndpointError as error:
        raise OptionError(
            f"expect={expect!r} is neither an RDS endpoint nor one with '*' for its first label: {error.rule}"
        ) from error
    if pattern.startswith(_ANY_LABEL) and endpoint.kind not in _OF_ONE_ACCOUNT:
        raise OptionError(
            f"expect={expect!r} matches the {endpoint.kind.value} endpoints of every AWS customer, as no account is in "
            "their names: give the endpoint's whole name"
        )
    return pattern


def _plain(text: str) -> str | None:
    """Give a name in lower case, without a trailing dot; None for any other text, which may hold a password."""
    if not isinstance(text, str) or not _NAME.fullmatch(text.strip()):
        return None
    return text.strip().removesuffix(".").lower()


def _matches(host: str, pattern: str) -> bool:
    if pattern.startswith(_ANY_LABEL):
        return host.partition(".")[2] == pattern.removeprefix(_ANY_LABEL)
    return host == pattern


def _endpoint(name: str) -> Endpoint | None:
    try:
        return parse_endpoint(name)
    except EndpointError:
        return None


def _chain(name: str) -> list[str]:
    """Ask the system's resolver for the names of a CNAME chain, in its order, without the alias itself."""
    found = [entry[3] for entry in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM, flags=socket.AI_CANONNAME)]
    canonical = next((name for name in found if name), "")
    # getaddrinfo gives the end of the chain alone; the names on the way come from the older call, over IPv4.
    try:
        _, aliases, _ = socket.gethostbyname_ex(name)
    except OSError:
        aliases = []
    names = [given.removesuffix(".").lower() for given in (*aliases[:_MAX_HOPS], canonical) if given]
    return [given for given in dict.fromkeys(names) if given != name] or [name]
