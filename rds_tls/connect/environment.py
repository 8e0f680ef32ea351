"""Programs on libpq that connect by themselves, such as psql, pg_dump and dbt: what they are told, as PG* variables."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, cast
from urllib.parse import quote, urlencode

from rds_tls.connect.plan import make_plan
from rds_tls.connect.request import Address, Password, Request
from rds_tls.drivers import POSTGRES, Adapter, _libpq
from rds_tls.drivers._in_c import is_sendable
from rds_tls.errors import OptionError
from rds_tls.settings import Settings  # noqa: TC001 - typing.get_type_hints looks it up here

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rds_tls.drivers import Target

# The variable of each parameter that has one, but for those that decide nothing here (PostgreSQL documentation, "libpq:
# Environment Variables", of 13 to 18). A libpq that does not know one of them does not look at it.
_VARIABLES = {
    "application_name": "PGAPPNAME",
    "channel_binding": "PGCHANNELBINDING",
    "client_encoding": "PGCLIENTENCODING",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "dbname": "PGDATABASE",
    "gssencmode": "PGGSSENCMODE",
    "host": "PGHOST",
    "hostaddr": "PGHOSTADDR",
    "options": "PGOPTIONS",
    "password": "PGPASSWORD",
    "port": "PGPORT",
    "requirepeer": "PGREQUIREPEER",
    "ssl_max_protocol_version": "PGSSLMAXPROTOCOLVERSION",
    "ssl_min_protocol_version": "PGSSLMINPROTOCOLVERSION",
    "sslcert": "PGSSLCERT",
    "sslcertmode": "PGSSLCERTMODE",
    "sslcompression": "PGSSLCOMPRESSION",
    "sslcrl": "PGSSLCRL",
    "sslcrldir": "PGSSLCRLDIR",
    "sslkey": "PGSSLKEY",
    "sslmode": "PGSSLMODE",
    "sslnegotiation": "PGSSLNEGOTIATION",
    "sslrootcert": "PGSSLROOTCERT",
    "sslsni": "PGSSLSNI",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
    "user": "PGUSER",
}

# Parameters that a libpq of 13 does not know, which refuses a URI that names them; each of them says the default.
_NEWER = frozenset({"sslcertmode", "sslcrldir", "sslnegotiation", "sslsni"})

# What libpq is built with where that is a value (fe-connect.c, PQconninfoOptions).
_BUILT_WITH = {"sslcompression": "0", "sslnegotiation": "postgres", "sslsni": "1"}


def postgres_env(
    host: str | None = None,
    *,
    user: str | None = None,
    password: Password | None = None,
    dbname: str | None = None,
    port: int | None = None,
    via: Address | None = None,
    expect: str | None = None,
    iam: bool = False,
    secret: str | None = None,
    region: str | None = None,
    settings: Settings | None = None,
) -> dict[str, str]:
    """Give the environment variables by which psql, pg_dump or any other program on libpq verifies the server.

    ::

        subprocess.run(["psql"], env=os.environ | rds_tls.postgres_env("db.cluster-....amazonaws.com", user="app"))

    The arguments are those of ``rds_tls.connect_postgres``; a function in ``password`` is called once, and ``iam``
    signs a token that is good for 15 minutes. The program's own arguments win over these variables: give it none that
    say where or how to connect. It needs libpq 13.5, 14.1 or later: an older one believes what comes before TLS.
    asyncpg and pg8000 do not read all of them: use ``postgres_kwargs`` there.

    Returns:
        The variables, each that decides about TLS or where to dial among them, an empty one to override what may be
        set already. ``PGPASSWORD`` is a secret: whoever may look at the program's process can read it.

    Raises:
        OptionError: ``PGSERVICE`` is set, or what ``connect_postgres`` raises it for.
        EndpointError, TrustError, DriverNotInstalledError, IamError, SecretError, OSError: as for
            ``connect_postgres``.
    """
    return environment_of(
        Request(
            host=host,
            port=port,
            via=via,
            expect=expect,
            region=region,
            settings=settings,
            iam=iam,
            secret=secret,
            user=user,
            password=password,
            database=dbname,
        )
    )


def postgres_uri(
    host: str | None = None,
    *,
    user: str | None = None,
    password: Password | None = None,
    dbname: str | None = None,
    port: int | None = None,
    via: Address | None = None,
    expect: str | None = None,
    iam: bool = False,
    secret: str | None = None,
    region: str | None = None,
    settings: Settings | None = None,
) -> str:
    """Give the connection URI by which a program on libpq verifies the server, such as ADBC's driver.

    The arguments and what is raised are those of ``postgres_env``, but that ``PGSERVICE`` does not count beside it.

    Returns:
        The URI, percent-encoded, with the password or the token in it: a secret. It is for libpq, 13.5, 14.1 or later,
        and names no parameter that such a one does not know; other programs may read it in another way.
    """
    request = Request(
        host=host,
        port=port,
        via=via,
        expect=expect,
        region=region,
        settings=settings,
        iam=iam,
        secret=secret,
        user=user,
        password=password,
        database=dbname,
    )
    told = {name: value for name, value in _parameters(request).items() if value and name not in _NEWER}
    return "postgresql://?" + urlencode(told, quote_via=quote)


def environment_of(request: Request) -> dict[str, str]:
    """Give the variables for a request, as ``postgres_env`` does."""
    if "PGSERVICE" in os.environ:
        raise OptionError(
            "PGSERVICE is set, and what its service file says wins over every other variable: unset it, and pass what "
            "the file holds as arguments"
        )
    return {_VARIABLES[name]: value for name, value in _parameters(request).items()}


def _parameters(request: Request) -> dict[str, str]:
    """Give libpq's parameters for a request, as texts."""
    # A plan asks it for arguments alone: the program connects by itself, and nobody can look at its connection.
    plan = make_plan(cast("Adapter", _Environment()), POSTGRES, request, {})
    if plan.seconds is not None:
        plan.options.update(_libpq.bounds(plan.seconds))
    return {name: str(value) for name, value in plan.options.items()}


class _Environment:
    """The environment, as a plan asks a driver's adapter."""

    DATABASE = "dbname"
    NEEDS_ADDRESSES = True  # libpq's hostaddr takes no name
    NO_TUNNEL = ""
    NO_ARGUMENTS = ""
    RESERVED = _libpq.RESERVED

    def known(self) -> frozenset[str]:
        """Name each parameter that has a variable."""
        return frozenset(_VARIABLES)

    def kwargs(self, target: Target) -> dict[str, object]:
        """Give libpq's parameters for a verify-full connection."""
        defaults = {name: _BUILT_WITH.get(name, "") for name in _VARIABLES}
        return _libpq.arguments(target, _libpq.settled(defaults))

    def check(self, options: Mapping[str, object]) -> None:
        """Refuse a text that no variable can hold: Python's own error would show it, and it may be the password."""
        for name, value in options.items():
            if not is_sendable(str(value)):
                raise OptionError(
                    f"{name}= has a NUL, or half a surrogate pair, which no environment variable can hold: leave it out"
                )
