"""From a request to a plan: everything that is decided before a driver dials."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from rds_tls.connect.request import Destination, Request, checked_seconds, obtain_password, resolve_destination
from rds_tls.drivers import Adapter, Engine, Target, adapter_of, check_names, resolved
from rds_tls.errors import OptionError
from rds_tls.roots.lookup import find_remembered, obtain_anchors
from rds_tls.settings import Settings, process_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rds_tls.connect.secret import Login
    from rds_tls.endpoint import Endpoint
    from rds_tls.roots.anchors import Anchors


class Plan(NamedTuple):
    """One connection to be made.

    Attributes:
        adapter: the module of ``rds_tls.drivers`` that knows the driver.
        engine: the database engine.
        target: what to connect to, and what to trust there.
        endpoint: the endpoint that the target is.
        options: the driver's own arguments.
        seconds: how long connecting may take; None for no bound.
        is_port_chosen: whether the port is the caller's choice, and not the engine's default.
        login: what ``secret=`` brought, while there may be a newer one; None without.
        healed: whether the trust anchors are what healing found, so that there is nothing more to try.
    """

    adapter: Adapter
    engine: Engine
    target: Target
    endpoint: Endpoint
    options: dict[str, Any]
    seconds: float | None = None
    is_port_chosen: bool = True
    login: Login | None = None
    healed: bool = False

    def __repr__(self) -> str:
        return f"<Plan for {self.target.host!r}>"  # never the options: the password is among them

    def with_newer(self, anchors: Anchors) -> Self:
        """Make the same plan with newer anchors.

        Raises:
            RdsTlsError: the driver's arguments cannot be had with them.
        """
        target = self.target._replace(anchors=anchors)
        options = {**self.options, **self.adapter.kwargs(target)}
        return self._replace(target=target, options=options, healed=True)

    def with_new_login(self) -> Self | None:
        """Make the same plan with the secret as it is now; None where that is what was refused, or there is none.

        Raises:
            RdsTlsError: it cannot be fetched.
        """
        login = self.login and self.login.renewed()
        if login is None:
            return None
        options = {**self.options, "user": login.secret.user, "password": login.secret.password}
        return self._replace(options=options, login=None)


def make_plan(adapter: Adapter, engine: Engine, request: Request, driver_options: Mapping[str, Any]) -> Plan:
    """Check every argument, find the trust anchors, resolve what the driver cannot, get the password or the token.

    Args:
        adapter: the module of ``rds_tls.drivers`` that knows the driver.
        engine: the database engine.
        request: what is asked for.
        driver_options: what is passed on to the driver.

    Returns:
        The plan.

    Raises:
        EndpointError, OptionError, TrustError, DriverNotInstalledError, IamError: as for ``connect_postgres``.
        OSError: an alias, or the name in ``via``, does not resolve.
    """
    request, options = _read(request, engine, driver_options)
    check_names(adapter, options)
    login = None
    if request.secret is not None:
        from rds_tls.connect.secret import log_in  # whoever has a password does without

        request, login = log_in(request)
    destination = resolve_destination(request, engine.port)
    anchors = obtain_anchors(destination.roots, _settings(request))
    return _plan(adapter, engine, request, destination, anchors, options)._replace(login=login)


def plan_at_once(adapter: Adapter, engine: Engine, request: Request, driver_options: Mapping[str, Any]) -> Plan | None:
    """Make the plan that ``make_plan`` makes, where nothing in it can keep an event loop waiting.

    Args:
        adapter: the module of ``rds_tls.drivers`` that knows the driver.
        engine: the database engine.
        request: what is asked for.
        driver_options: what is passed on to the driver.

    Returns:
        The plan; None where roots have to be looked for, a name resolved for the driver, a token signed, a secret
        fetched, or the caller's function called.

    Raises:
        EndpointError, OptionError, TrustError, DriverNotInstalledError: as for ``connect_postgres``.
    """
    if request.expect is not None or request.iam or request.secret is not None or callable(request.password):
        return None
    request, options = _read(request, engine, driver_options)
    destination = resolve_destination(request, engine.port)
    if adapter.NEEDS_ADDRESSES and destination.via is not None and not _is_ip_address(destination.via[0]):
        return None
    anchors = find_remembered(destination.roots, _settings(request))
    if anchors is None:
        return None
    check_names(adapter, options)  # after the roots: a first call imports the driver here, in a thread then
    return _plan(adapter, engine, request, destination, anchors, options)


def arguments_of(engine: Engine, driver: str, request: Request, driver_options: Mapping[str, Any]) -> dict[str, Any]:
    """Give the arguments for a driver's own connect, planned as by ``make_plan``.

    Args:
        engine: the database engine.
        driver: the name of its driver.
        request: what is asked for.
        driver_options: what is passed on to the driver.

    Returns:
        The driver's own arguments. A default port would beat the one of a URL or of a framework's settings without a
        word, so there is a port only where it was chosen, or signed for.

    Raises:
        EndpointError, OptionError, TrustError, DriverNotInstalledError, IamError: as for ``postgres_kwargs``.
        OSError: as for ``make_plan``.
    """
    adapter = adapter_of(engine, driver)
    if adapter.NO_ARGUMENTS:
        raise OptionError(f"no arguments make {driver} verify by itself: {adapter.NO_ARGUMENTS}")
    plan = make_plan(adapter, engine, request, driver_options)
    if plan.seconds is not None:
        plan.options.update(adapter.bounds(plan.seconds))
    if not plan.is_port_chosen:
        del plan.options["port"]
    return plan.options


def _read(request: Request, engine: Engine, driver_options: Mapping[str, Any]) -> tuple[Request, Mapping[str, Any]]:
    """Take a URL apart where the host is one, and lay the caller's options over the URL's own."""
    if not (isinstance(request.host, str) and "://" in request.host):
        return request, driver_options
    from rds_tls.connect.url import read_url  # only a URL pays for it

    request, options = read_url(request, engine)
    return request, {**options, **driver_options}


def _settings(request: Request) -> Settings:
    return process_settings() if request.settings is None else request.settings


def _plan(
    adapter: Adapter,
    engine: Engine,
    request: Request,
    destination: Destination,
    anchors: Anchors,
    driver_options: Mapping[str, Any],
) -> Plan:
    via = destination.via
    if via is not None and adapter.NO_TUNNEL:
        raise OptionError(f"via= cannot be used with this driver: {adapter.NO_TUNNEL}")
    addresses = resolved(via[0]) if via is not None and adapter.NEEDS_ADDRESSES else ()
    target = Target(destination.endpoint.host, destination.port, anchors, via, addresses)
    options = adapter.kwargs(target)
    if request.user is not None:
        options["user"] = request.user
    password = obtain_password(request, destination)
    if password is not None:
        options["password"] = password
    if request.database is not None:
        options[adapter.DATABASE] = request.database
    options.update(driver_options)
    adapter.check(options)
    is_port_chosen = destination.is_port_given or via is not None or request.iam
    return Plan(adapter, engine, target, destination.endpoint, options, checked_seconds(request), is_port_chosen)


def _is_ip_address(text: str) -> bool:
    """Say whether a text is an address, for which no resolver asks anybody."""
    for family in (socket.AF_INET, socket.AF_INET6):
        with suppress(OSError, ValueError):  # ValueError: it has a NUL
            return bool(socket.inet_pton(family, text))
    return False
