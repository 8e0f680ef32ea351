"""Everything that is decided before a driver dials: engine, driver, name, port, trust anchors, options.

And what is decided after it failed: whether newer roots make one more attempt worth while, or what to tell the caller.
"""

from importlib import import_module
from typing import NamedTuple

from rds_tls import regions
from rds_tls.diagnosis import Cause, diagnose
from rds_tls.drivers import Target, refuse_reserved
from rds_tls.endpoint import Endpoint, RootSet, Trust, parse_endpoint, url_extras
from rds_tls.errors import OptionError
from rds_tls.settings import Settings, process_settings
from rds_tls.trust import heal, trusted_bundle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType
    from typing import Any, TypeVar

    Address = tuple[str, int]
    Password = str | Callable[[], str]
    Value = TypeVar("Value", int, str)

_MAX_PORT = 65_535


class Engine(NamedTuple):
    """A database engine: its port, what its drivers call a database, and the drivers that have an adapter."""

    name: str
    port: int
    database_option: str
    drivers: tuple[str, ...]


POSTGRES = Engine("Aurora PostgreSQL", 5432, "dbname", ("psycopg",))
MYSQL = Engine("Aurora MySQL", 3306, "database", ("pymysql",))


class Request(NamedTuple):
    """What a caller of ``rds_tls.connect`` asks for, as its arguments say."""

    host: str
    port: int | None = None
    via: "Address | None" = None
    expect: str | None = None
    region: str | None = None
    settings: Settings | None = None
    iam: bool = False
    user: str | None = None
    password: "Password | None" = None
    database: str | None = None

    def __repr__(self) -> str:
        return f"<Request for {self.user!r} at {self.host!r}>"  # never the password


class Plan(NamedTuple):
    """One connection to be made.

    Attributes:
        adapter: the module of ``rds_tls.drivers`` that makes it.
        target: what to connect to, and what to trust there.
        options: the driver's own arguments.
        healed: whether the trust anchors are what healing found, so that there is nothing more to try.
    """

    adapter: "ModuleType"
    target: Target
    options: "dict[str, Any]"
    healed: bool = False

    def __repr__(self) -> str:
        return f"<Plan for {self.target.host!r}>"  # never the options: the password is among them

    def after(self, error: Exception) -> "Plan | None":
        """Decide what follows from a driver's error.

        An unknown root alone leads to a second attempt, and only where newer roots are found. Every other TLS failure
        gets a note with its cause and its fix.

        Args:
            error: what the driver raised; it is left as it is but for the note.

        Returns:
            The plan for a second attempt, or None when the error stands.
        """
        diagnosis = diagnose(self.adapter.reason(error, self.target))
        if diagnosis is None:
            return None
        if diagnosis.cause is Cause.UNKNOWN_ROOT and not self.healed:
            bundle = heal(self.target.bundle)
            if bundle is not None:
                target = self.target._replace(bundle=bundle)
                options = {**self.options, **self.adapter.kwargs(target)}
                return self._replace(target=target, options=options, healed=True)
        error.add_note(diagnosis.note(self.target.host, str(self.target.bundle)))
        return None


def make_plan(engine: Engine, driver: str, request: Request, driver_options: "Mapping[str, Any]") -> Plan:
    """Check every argument, find the trust anchors, and get the password or the token.

    Args:
        engine: the database engine.
        driver: the name of its driver.
        request: what is asked for.
        driver_options: what is passed on to the driver.

    Returns:
        The plan.

    Raises:
        EndpointError, OptionError, TrustError, DriverNotInstalledError, IamError: as for ``connect_postgres``.
    """
    if driver not in engine.drivers:
        raise OptionError(f"{engine.name} has no driver {driver!r} here: use one of {', '.join(engine.drivers)}")
    adapter = import_module(f"rds_tls.drivers.{driver}")
    refuse_reserved(adapter, driver_options)
    endpoint = _endpoint(request)
    port = _agreed("port", endpoint.port, request.port)
    settings = process_settings() if request.settings is None else request.settings
    target = Target(
        host=endpoint.host,
        port=engine.port if port is None else _checked_port(port, f"port={port!r}"),
        bundle=trusted_bundle(root_set(endpoint, request.region), settings),
        via=_checked_via(request.via),
    )
    login = {
        "user": request.user,
        "password": _password(request, endpoint, target.port),
        engine.database_option: request.database,
    }
    given = {name: value for name, value in login.items() if value is not None}
    return Plan(adapter, target, {**adapter.kwargs(target), **given, **driver_options})


def _endpoint(request: Request) -> Endpoint:
    if url_extras(request.host):
        raise OptionError(
            "the host is a URL with more than a host and a port in it: pass user=, password=, the database "
            "and driver options as arguments, since nothing is read from the URL"
        )
    if request.expect is not None:
        from rds_tls.alias import follow

        return follow(request.host, request.expect)
    return parse_endpoint(request.host)


def _password(request: Request, endpoint: Endpoint, port: int) -> str | None:
    """Get what this one connection logs in with."""
    if not request.iam:
        password = request.password() if callable(request.password) else request.password
        if password is not None and not isinstance(password, str):
            raise OptionError(f"password= gives a {type(password).__name__}, not a str")
        return password
    if request.password is not None:
        raise OptionError("iam=True signs a token in place of the password: leave password= out")
    region = _agreed("region", endpoint.region, request.region)
    if request.user is None or region is None:
        raise OptionError("iam=True signs a token for a user in a region: pass user=, and region= if the host has none")
    from rds_tls.iam import token

    return token(endpoint, port, request.user, region)


def root_set(host: str | Endpoint | None, region: str | None) -> RootSet:
    """Find which roots sign for an endpoint, or for a region's RDS endpoints.

    Args:
        host: the endpoint, parsed or not; None for a region.
        region: the AWS region; needed where the host says none.

    Returns:
        The set of roots. Its region is None only for Amazon Trust Services.

    Raises:
        EndpointError: the host is not an RDS endpoint.
        OptionError: the region is none, contradicts the host's, or is missing.
    """
    if region is not None and regions.partition_of(region) is None:
        raise OptionError(f"region={region!r} is not the name of an AWS region: check its spelling")
    if host is None and region is None:
        raise OptionError("neither a host nor a region is given: pass the endpoint, or region='us-east-1'")
    endpoint = parse_endpoint(host) if isinstance(host, str) else host
    if endpoint is None:
        return RootSet(Trust.RDS, region)
    region = _agreed("region", endpoint.region, region)
    if endpoint.trust is Trust.AMAZON:
        return RootSet(Trust.AMAZON, None)
    if region is None:
        raise OptionError(f"{endpoint.host!r} has no region in its name: pass region= with the one its writer is in")
    return RootSet(endpoint.trust, region)


def _agreed(name: str, in_host: "Value | None", argument: "Value | None") -> "Value | None":
    """Take what the host says or what the argument says, and refuse two that differ."""
    if in_host is not None and argument is not None and in_host != argument:
        raise OptionError(f"the host says {name} {in_host!r}, the argument {name}={argument!r}: leave one out")
    return in_host if argument is None else argument


def _checked_port(port: int, origin: str) -> int:
    if not (isinstance(port, int) and 0 < port <= _MAX_PORT):
        raise OptionError(f"{origin} is no TCP port: give an integer from 1 to {_MAX_PORT}")
    return port


def _checked_via(via: "Address | None") -> "Address | None":
    match via:
        case None:
            return None
        case (str() as address, int() as port) if address:
            return address, _checked_port(port, f"the port of via={via!r}")
        case _:
            raise OptionError(f"via={via!r} is no address: give a pair, as in via=('127.0.0.1', 15432)")
