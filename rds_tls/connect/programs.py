"""Programs that connect by themselves, such as psql and mysql: what they are told, and how one is started so.

No password is among it. A URL's own is left out: an option or a variable of a shell is no place for it.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from rds_tls.connect.environment import environment_of
from rds_tls.connect.mysql_client import command, is_from_mariadb
from rds_tls.drivers import _libpq, reserved
from rds_tls.errors import OptionError
from rds_tls.roots.cache.kept import lasting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rds_tls.connect.request import Request

# Whose language is spoken: that of libpq's variables, of MySQL's options, or of MariaDB's.
CLIENTS = ("psql", "mysql", "mariadb")

# How the names of programs begin that are made of libpq (PostgreSQL documentation, "Client Applications"), or of what
# the mysql clients share. pgloader, which is not made of libpq, shall not be among them.
_OF_LIBPQ = ("psql", "pg_", "pgbench", "pgcli")
_OF_MYSQL = ("mysql", "mariadb")

# Where an option names a database, what libpq takes for a connection string there, and the names in one (PostgreSQL
# documentation, "psql" and "Connection Strings").
_DATABASE_OPTION = r"-[A-Za-z]*?d|--d[a-z]*="
_CONNECTION_STRING = r"\s*(?:postgres(?:ql)?://|[a-z_]+\s*=)"
_PARAMETER = r"[a-z_]+(?=\s*=)"

# Options of the mysql clients about TLS, or that name an option file, with the prefixes that they may have (MySQL
# documentation, "Program Option Modifiers").
_ABOUT_TLS = r"--(?:(?:loose|skip|disable|enable|maximum)[-_])*(?:ssl|tls|defaults)[\w-]*"


class Told(NamedTuple):
    """What a program is told so that it verifies the server.

    Attributes:
        variables: libpq's environment variables, an empty one to override what may be set; none for a mysql client.
        arguments: a mysql client's first arguments; none for libpq.
        has_left_out: whether there was a password, which is not among them.
    """

    variables: dict[str, str]
    arguments: list[str]
    has_left_out: bool


def told(client: str, request: Request) -> Told:
    """Give what a program is told.

    Args:
        client: one of ``CLIENTS``.
        request: what is asked for.

    Raises:
        OptionError: ``PGSERVICE`` is set, a mysql client is asked for ``via``, or as for ``connect_postgres``.
        EndpointError, TrustError, OSError: as for ``connect_postgres``.
    """
    if client == "psql":
        variables = environment_of(request)
        lasting(variables["PGSSLROOTCERT"])
        return Told(variables, [], variables.pop("PGPASSWORD", None) is not None)
    (_, *arguments), environment, database = command(client, request, from_mariadb=client == "mariadb")
    for argument in arguments:
        lasting(argument.removeprefix("--ssl-ca="))
    if database is not None:
        arguments.append(f"--database={database}")
    return Told({}, arguments, bool(environment))


def client_of(program: str) -> str:
    """Say which of ``CLIENTS`` a program is told like, by its name; one of the mysql clients is asked whose it is.

    Raises:
        OptionError: its name does not say.
        OSError: a mysql client cannot be run.
    """
    name = os.path.basename(program).lower()
    if name.startswith(_OF_LIBPQ):
        return "psql"
    if name.startswith(_OF_MYSQL):
        return "mariadb" if is_from_mariadb(program) else "mysql"
    raise OptionError(
        f"whether {name!r} reads what psql or what mysql reads is not known here: say --client psql if it is made of "
        "libpq, --client mysql or --client mariadb if it takes their options"
    )


def check_own(client: str, arguments: Sequence[str]) -> None:
    """Refuse arguments of a program's own that would win over what it is told about the server.

    Args:
        client: one of ``CLIENTS``.
        arguments: those after the program's name.

    Raises:
        OptionError: one of them decides where to connect, or whether and how TLS is verified.
    """
    for argument in arguments:
        for name in _about_the_server(client, argument):
            raise OptionError(
                f"{name!r} among the program's own arguments would win over what verifies the server: leave it out"
            )


def _about_the_server(client: str, argument: str) -> list[str]:
    """List the names of what decides about the server in an argument; never a value, which may be a password."""
    if client != "psql":
        found = re.match(_ABOUT_TLS, argument)
        return [] if found is None else [found[0]]
    option = re.match(_DATABASE_OPTION, argument)
    database = unquote(argument if option is None else argument[option.end() :])  # a URI's names may be encoded
    if re.match(_CONNECTION_STRING, database) is None:
        return []
    return [name for name in re.findall(_PARAMETER, database) if reserved(name, _libpq.RESERVED)]
