"""From Django's settings to a connection of ours: what both engines share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rds_tls.connect import attempt
from rds_tls.connect.request import CONNECT_TIMEOUT, Request
from rds_tls.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rds_tls.drivers import Engine

# What OPTIONS["rds_tls"] may hold: fields of a Request.
_OURS = ("iam", "password", "secret", "via", "expect", "region", "connect_timeout", "settings")

# What says where to connect and as whom, as the drivers call it: each has a setting of its own, by which it is found.
_PARTS = {
    "host": "HOST",
    "port": "PORT",
    "user": "USER",
    "password": "PASSWORD",
    "passwd": "PASSWORD",
    "dbname": "NAME",
    "database": "NAME",
    "db": "NAME",
}


def request_of(settings: Mapping[str, Any]) -> Request:
    """Read what is asked for out of Django's settings for one database.

    Args:
        settings: an entry of ``DATABASES``, with Django's defaults in it.

    Raises:
        OptionError: an option of ours is unknown, or two settings contradict each other.
    """
    options = settings["OPTIONS"]
    ours = _checked(options.get("rds_tls", {}))
    for name, setting in _PARTS.items():
        if name in options:
            raise OptionError(f"OPTIONS in DATABASES has {name!r}, which is for {setting} to say: move it there")
    timeouts = [each["connect_timeout"] for each in (options, ours) if "connect_timeout" in each]
    if len({*map(repr, timeouts)}) > 1:
        raise OptionError("OPTIONS has a connect_timeout, and OPTIONS['rds_tls'] another: leave one out")
    password = settings["PASSWORD"] or None
    if password is not None and ours.get("password") is not None:
        raise OptionError("PASSWORD and the password in OPTIONS['rds_tls'] are two: leave one out")
    return Request(
        host=settings["HOST"] or None,
        port=_port(settings["PORT"]),
        user=settings["USER"] or None,
        database=settings["NAME"] or None,
        **{"password": password, "connect_timeout": (*timeouts, CONNECT_TIMEOUT)[0], **ours},
    )


def _checked(ours: object) -> dict[str, Any]:
    if not isinstance(ours, dict):
        raise OptionError("OPTIONS['rds_tls'] in DATABASES is no dict: write {'iam': True} or the like")
    for name in ours:
        if name not in _OURS:
            shown = repr(name) if isinstance(name, str) and name.isidentifier() else "whose name is no identifier"
            raise OptionError(f"OPTIONS['rds_tls'] has no option {shown}: it has {', '.join(_OURS)}")
    return ours


def _port(port: object) -> int | None:
    """Read PORT, which Django takes as a text too."""
    text = str(port or "")
    if not text:
        return None
    if text.isascii() and text.isdecimal():
        return int(text)
    raise OptionError("PORT in DATABASES is no TCP port: give its number")


def parameters(request: Request, params: Mapping[str, Any]) -> dict[str, Any]:
    """Put a request in the place of what Django would tell the driver about where to connect and as whom.

    No driver knows the name by which the request stands there. So whoever gives these parameters to a driver without
    us, such as a pool or a package that asks Django for them, gets an error and no connection.

    Args:
        request: what ``request_of`` gave.
        params: what Django would give to the driver.

    Returns:
        The parameters for ``connect``.
    """
    databases = [params[name] for name in ("dbname", "database") if name in params]
    others = {name: value for name, value in params.items() if name not in _PARTS and name != "connect_timeout"}
    return {**others, "rds_tls": request._replace(database=databases[0] if databases else None)}


def connect(engine: Engine, driver: str, params: Mapping[str, Any]) -> Any:  # noqa: ANN401 - the driver's
    """Make a connection.

    Args:
        engine: the database engine.
        driver: its driver, as rds_tls calls it.
        params: what ``parameters`` gave, perhaps with a pool's own ``connect_timeout``, which counts where the request
            has none.

    Returns:
        The driver's connection, verified.

    Raises:
        OptionError: an option about TLS stands in OPTIONS, or one that the driver does not know.
        Exception: as for ``rds_tls.connect_postgres``.
    """
    options = dict(params)
    request = options.pop("rds_tls")
    return attempt.connect(engine, driver, request, options)
