"""What a caller asks for: each argument is checked here, once, and what follows from several is decided here, once."""

from collections.abc import Callable
from typing import NamedTuple

from rds_tls.endpoint import Endpoint, RootSet, parse_endpoint, reconciled, root_set
from rds_tls.endpoint.hosttext import MAX_PORT
from rds_tls.errors import OptionError
from rds_tls.settings import Settings

# How long connecting may take unless the caller says otherwise, in seconds.
CONNECT_TIMEOUT = 10.0

# The longest connect_timeout, in seconds: what is longer is a mistake, and drivers differ in what they make of it.
_DAY = 86_400

Address = tuple[str, int]
Password = str | Callable[[], str]


class Request(NamedTuple):
    """What a caller of ``rds_tls.connect`` asks for, as its arguments say; nothing is checked yet."""

    host: str | None
    port: int | None = None
    via: Address | None = None
    expect: str | None = None
    region: str | None = None
    settings: Settings | None = None
    iam: bool = False
    user: str | None = None
    password: Password | None = None
    database: str | None = None
    connect_timeout: float | None = None
    secret: str | None = None

    def __repr__(self) -> str:
        return f"<Request for {self.user!r}>"  # never the password, nor a URL that may hold one


class Destination(NamedTuple):
    """Where a request leads.

    Attributes:
        endpoint: the endpoint, whose name is verified.
        port: its TCP port.
        is_port_given: whether the host or the caller says the port.
        region: the AWS region that it is in; None where neither its name nor the caller says one.
        roots: whose roots sign for it.
        via: the address (name or IP, port) to dial in its place, or None to dial the endpoint.
    """

    endpoint: Endpoint
    port: int
    is_port_given: bool
    region: str | None
    roots: RootSet
    via: Address | None


def resolve_destination(request: Request, default_port: int) -> Destination:
    """Check where to connect, and decide it; an alias is followed by DNS, and nothing else dials.

    Args:
        request: what the caller asks for.
        default_port: the engine's port, for when neither the host nor the caller says one.

    Returns:
        The destination, each part of it checked.

    Raises:
        EndpointError: the host is not an RDS endpoint, or an alias of none that is expected.
        OptionError: host, port, region or via is no such thing, or two of them contradict each other.
        OSError: the alias does not resolve.
    """
    endpoint = _endpoint(request)
    if request.port is not None:
        checked_port(request.port, "port=")
    port = reconciled("port", endpoint.port, request.port)
    return Destination(
        endpoint=endpoint,
        port=default_port if port is None else port,
        is_port_given=port is not None,
        roots=root_set(endpoint, request.region),
        region=endpoint.region or request.region,  # root_set has seen to it that they agree
        via=None if request.via is None else _checked_via(request.via),
    )


def _endpoint(request: Request) -> Endpoint:
    if request.host is None:
        raise OptionError("there is no host: pass the endpoint, or a database URL")
    if request.expect is not None:
        from rds_tls.endpoint.alias import follow  # only expect= pays for its pattern

        return follow(request.host, request.expect)
    return parse_endpoint(request.host)


def obtain_password(request: Request, destination: Destination) -> str | None:
    """Get what one connection logs in with: call the caller's function, or sign a token.

    Args:
        request: what the caller asks for.
        destination: where that leads.

    Returns:
        The password or the token; None to leave it to the driver.

    Raises:
        OptionError: the password is no text, or arguments contradict each other.
        DriverNotInstalledError, IamError: as for ``rds_tls.connect.iam.token``.
    """
    if request.iam:
        return _token(request, destination)
    password: object = request.password() if callable(request.password) else request.password
    if password is None or isinstance(password, str):
        return password
    kind = type(password).__name__
    del password  # a traceback may show locals
    raise OptionError(f"password= gives a {kind}, not a str")


def _token(request: Request, destination: Destination) -> str:
    if request.password is not None:
        raise OptionError("iam=True signs a token in place of the password: leave password= out")
    if request.user is None or destination.region is None:
        raise OptionError("iam=True signs a token for a user in a region: pass user=, and region= if the host has none")
    from rds_tls.connect import iam  # whoever has a password does without

    return iam.token(destination.endpoint, destination.port, request.user, destination.region)


def checked_seconds(request: Request) -> float | None:
    """Give how long connecting may take, in seconds; None for no bound.

    Raises:
        OptionError: ``connect_timeout`` is no number from above 0 to a day.
    """
    seconds = request.connect_timeout
    if seconds is None or (isinstance(seconds, int | float) and 0 < seconds <= _DAY):
        return seconds
    raise OptionError(
        f"connect_timeout={_shown(seconds)} is no time to wait: give seconds, above 0 and at most a day, or None to "
        "leave it to the driver"
    )


def checked_port(port: int, name: str) -> int:
    """Give a TCP port.

    Args:
        port: what the caller gives for one.
        name: what the caller calls it.

    Raises:
        OptionError: it is none.
    """
    if not (isinstance(port, int) and 0 < port <= MAX_PORT):
        raise OptionError(f"{name}{_shown(port)} is no TCP port: give an integer from 1 to {MAX_PORT}")
    return port


def _checked_via(via: Address) -> Address:
    match via:
        case (str() as address, int() as port) if _is_dialable(address):
            return address, checked_port(port, "the port of via=, ")
        case _:
            raise OptionError(f"via={_shown(via)} is no address: give a pair, as in via=('127.0.0.1', 15432)")


def _is_dialable(address: str) -> bool:
    """Say whether the resolver takes a text at all; of any other, its UnicodeError would repeat it.

    A path is no address: asyncpg takes one for the folder of a Unix-domain socket, and logs in there without TLS.
    """
    try:
        return "/" not in address and address.encode("idna") != b""
    except UnicodeError:
        return False


def _shown(value: object) -> str:
    """Show a number; of anything else, which may be a password in the wrong place, its type."""
    return repr(value) if isinstance(value, int | float) else f"<{type(value).__name__}>"
