"""From a request to a plan: everything that is decided before a driver dials."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any, NamedTuple

from rds_tls.connect.request import Request, obtain_password, resolve_destination
from rds_tls.drivers import Adapter, Engine, Target, adapter_of, check_names
from rds_tls.roots.lookup import trusted_bundle
from rds_tls.settings import process_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rds_tls.connect.request import Destination
    from rds_tls.roots.anchors import Anchors


class Plan(NamedTuple):
    """One connection to be made.

    Attributes:
        adapter: the module of ``rds_tls.drivers`` that knows the driver.
        target: what to connect to, and what to trust there.
        options: the driver's own arguments.
        healed: whether the trust anchors are what healing found, so that there is nothing more to try.
    """

    adapter: Adapter
    target: Target
    options: dict[str, Any]
    healed: bool = False

    def __repr__(self) -> str:
        return f"<Plan for {self.target.host!r}>"  # never the options: the password is among them

    def with_newer(self, bundle: Anchors) -> Plan:
        """Make the same plan with newer anchors.

        Raises:
            RdsTlsError: the driver's arguments cannot be had with them.
        """
        target = self.target._replace(bundle=bundle)
        options = {**self.options, **self.adapter.kwargs(target)}
        return self._replace(target=target, options=options, healed=True)


def make_plan(engine: Engine, driver: str, request: Request, driver_options: Mapping[str, Any]) -> Plan:
    """Check every argument, find the trust anchors, resolve what the driver cannot, get the password or the token.

    Args:
        engine: the database engine.
        driver: the name of its driver.
        request: what is asked for.
        driver_options: what is passed on to the driver.

    Returns:
        The plan.

    Raises:
        EndpointError, OptionError, TrustError, DriverNotInstalledError, IamError: as for ``connect_postgres``.
        OSError: an alias, or the name in ``via``, does not resolve.
    """
    adapter = adapter_of(engine, driver)
    check_names(adapter, driver_options)
    destination = resolve_destination(request, engine.port)
    settings = process_settings() if request.settings is None else request.settings
    target = _resolved_target(adapter, destination, trusted_bundle(destination.roots, settings))
    options = adapter.kwargs(target)
    login = {
        "user": request.user,
        "password": obtain_password(request, destination),
        adapter.DATABASE: request.database,
    }
    options.update({name: value for name, value in login.items() if value is not None})
    options.update(driver_options)
    adapter.check(options)
    return Plan(adapter, target, options)


def _resolved_target(adapter: Adapter, destination: Destination, bundle: Anchors) -> Target:
    """Describe the target; the name in ``via`` is resolved where the driver takes addresses alone."""
    via = destination.via
    addresses = _resolved(via[0]) if via is not None and adapter.NEEDS_ADDRESSES else ()
    return Target(destination.endpoint.host, destination.port, bundle, via, addresses)


def _resolved(name: str) -> tuple[str, ...]:
    """Ask the resolver for the addresses of a name, each once, in its order."""
    found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
