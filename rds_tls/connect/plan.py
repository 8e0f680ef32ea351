"""Everything that is decided before a driver dials: engine, driver, name, port, trust anchors, options.

And what is decided after it failed: whether newer roots make one more attempt worth while, or what to tell the caller.
"""

import socket
from functools import lru_cache

from rds_tls import log
from rds_tls.drivers import Engine, Target, adapter_of, check_names
from rds_tls.endpoint import Endpoint, RootSet, endpoint_of, reconciled, root_set, split_host
from rds_tls.errors import OptionError, RdsTlsError
from rds_tls.records import NamedTuple
from rds_tls.roots.lookup import trusted_bundle
from rds_tls.settings import Settings, process_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from rds_tls.drivers import Adapter
    from rds_tls.roots.anchors import Anchors

    Address = tuple[str, int]
    Password = str | Callable[[], str]

_MAX_PORT = 65_535


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
        return f"<Request for {self.user!r}>"  # never the password, nor a URL that may hold one


class Plan(NamedTuple):
    """One connection to be made.

    Attributes:
        adapter: the module of ``rds_tls.drivers`` that makes it.
        target: what to connect to, and what to trust there.
        options: the driver's own arguments.
        healed: whether the trust anchors are what healing found, so that there is nothing more to try.
    """

    adapter: "Adapter"
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
        from rds_tls.diagnosis.causes import Cause, diagnose

        diagnosis = diagnose(self.adapter.explain(error, self.target))
        if diagnosis is None:
            return None
        if diagnosis.cause is Cause.UNKNOWN_ROOT and not self.healed:
            from rds_tls.roots.healing import heal

            bundle = heal(self.target.bundle)
            healed = bundle and self._with(bundle)
            if healed:
                return healed
        error.add_note(diagnosis.note(self.target.host, str(self.target.bundle)))
        return None

    def _with(self, bundle: "Anchors") -> "Plan | None":
        """Plan a second attempt with newer anchors; None where even its arguments cannot be had any more."""
        target = self.target._replace(bundle=bundle)
        try:
            options = {**self.options, **self.adapter.kwargs(target)}
        except RdsTlsError as error:  # as when OpenSSL cannot load them
            log.warning("no second attempt at %s with newer roots: %s", target.host, error)
            return None
        return self._replace(target=target, options=options, healed=True)


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
    adapter = adapter_of(engine, driver)
    check_names(adapter, driver_options)
    route = _route(request)
    settings = process_settings() if request.settings is None else request.settings
    bundle = trusted_bundle(route.roots, settings)
    via = None if request.via is None else _checked_via(request.via)
    addresses = _resolved(via[0]) if via is not None and adapter.NEEDS_ADDRESSES else ()
    target = Target(route.endpoint.host, route.port or engine.port, bundle, via, addresses)
    options = adapter.kwargs(target)
    if request.user is not None:
        options["user"] = request.user
    password = _password(request, route.endpoint, target.port)
    if password is not None:
        options["password"] = password
    if request.database is not None:
        options[adapter.DATABASE] = request.database
    options.update(driver_options)
    adapter.check(options)
    return Plan(adapter, target, options)


def _resolved(name: str) -> tuple[str, ...]:
    """Ask the resolver for the addresses of a name, each once, in its order."""
    found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


class Route(NamedTuple):
    """What a host, a port and a region lead to: the endpoint, the port if one is given, and whose roots sign."""

    endpoint: Endpoint
    port: int | None
    roots: RootSet


def _route(request: Request) -> Route:
    if request.expect is not None:
        from rds_tls.endpoint.alias import follow

        return _checked_route(follow(request.host, request.expect), request.port, request.region)
    try:
        return _known_route(request.host, request.port, request.region)
    except TypeError:  # something that cannot be hashed, so nothing that is allowed: let the checks say what
        return _known_route.__wrapped__(request.host, request.port, request.region)


# What is refused is not remembered, and that is every text with a password in it. A port of 5432.0 is not 5432.
@lru_cache(maxsize=1024, typed=True)
def _known_route(host: str, port: int | None, region: str | None) -> Route:
    text = split_host(host)
    if text.has_extras:
        raise OptionError(
            "the host is a URL with more than a host and a port in it: pass user=, password=, the database "
            "and driver options as arguments, since nothing is read from the URL"
        )
    return _checked_route(endpoint_of(text), port, region)


def _checked_route(endpoint: Endpoint, port: int | None, region: str | None) -> Route:
    if port is not None:
        _checked_port(port, "port=")
    return Route(endpoint, reconciled("port", endpoint.port, port), root_set(endpoint, region))


def _password(request: Request, endpoint: Endpoint, port: int) -> str | None:
    """Get what this one connection logs in with."""
    if not request.iam:
        password: object = request.password() if callable(request.password) else request.password
        if password is None or isinstance(password, str):
            return password
        kind = type(password).__name__
        del password  # a traceback may show locals
        raise OptionError(f"password= gives a {kind}, not a str")
    if request.password is not None:
        raise OptionError("iam=True signs a token in place of the password: leave password= out")
    region = reconciled("region", endpoint.region, request.region)
    if request.user is None or region is None:
        raise OptionError("iam=True signs a token for a user in a region: pass user=, and region= if the host has none")
    from rds_tls.connect.iam import token

    return token(endpoint, port, request.user, region)


def _checked_port(port: int, name: str) -> int:
    if not (isinstance(port, int) and 0 < port <= _MAX_PORT):
        raise OptionError(f"{name}{_shown(port)} is no TCP port: give an integer from 1 to {_MAX_PORT}")
    return port


def _checked_via(via: "Address") -> "Address":
    match via:
        case (str() as address, int() as port) if _is_dialable(address):
            return address, _checked_port(port, "the port of via=, ")
        case _:
            raise OptionError(f"via={_shown(via)} is no address: give a pair, as in via=('127.0.0.1', 15432)")


def _is_dialable(address: str) -> bool:
    """Say whether the resolver takes a text at all; of any other, its UnicodeError would repeat it."""
    try:
        return address != "" and address.encode("idna") != b""
    except UnicodeError:
        return False


def _shown(value: object) -> str:
    """Show a number; of anything else, which may be a password in the wrong place, its type."""
    return repr(value) if isinstance(value, int | float) else f"<{type(value).__name__}>"
