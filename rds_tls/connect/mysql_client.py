"""The programs mysql and mysqldump, MariaDB's or MySQL's own: the arguments by which they verify the server."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, NamedTuple, cast

from rds_tls.connect.plan import make_plan
from rds_tls.drivers import MYSQL, Adapter
from rds_tls.drivers._in_c import is_sendable
from rds_tls.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rds_tls.connect.request import Request
    from rds_tls.drivers import Target


class Command(NamedTuple):
    """How a client is started.

    Attributes:
        arguments: the program, and by which arguments it connects.
        environment: what its environment has besides ours: the password.
        database: the database to use there, if one is asked for.
    """

    arguments: list[str]
    environment: dict[str, str]
    database: str | None

    def __repr__(self) -> str:
        return f"<Command {self.arguments[0]!r}>"  # never the password


def command(program: str, request: Request, *, from_mariadb: bool | None = None) -> Command:
    """Give the command by which one of the clients connects, verified; a token is signed for it where asked for.

    No option file is read: it may turn verification off, or trust others besides.

    Args:
        program: "mysql", "mysqldump" or the like.
        request: what is asked for.
        from_mariadb: whether it is MariaDB's, or MySQL's own; the program is asked unless given.

    Raises:
        OSError: the program is asked, and is not installed.
        OptionError: ``via`` is asked for, which the clients have no option for; or as for ``connect_mysql``.
        Exception: as for ``connect_mysql``.
    """
    # A plan asks it for arguments alone: the program connects by itself, and nobody can look at its connection.
    options = make_plan(cast("Adapter", _Client()), MYSQL, request, {}).options
    database, password = options.pop("database", None), options.pop("password", None)
    arguments = [f"--{name}={value}" for name, value in options.items()]
    # MYSQL_PWD is read by both, and unlike an argument it is no other user's to see.
    environment = {} if password is None else {"MYSQL_PWD": password}
    verifying = _verifying(
        from_mariadb=is_from_mariadb(program) if from_mariadb is None else from_mariadb, iam=request.iam
    )
    return Command([program, "--no-defaults", *arguments, *verifying], environment, database)


def is_from_mariadb(program: str) -> bool:
    """Ask a program whether it is MariaDB's, which goes by MySQL's names too.

    Raises:
        OSError: the program is not installed, or cannot be run.
    """
    # One that fails to say so is told what MySQL's are told: MariaDB's refuse an option that they do not know.
    asked = subprocess.run([program, "--version"], capture_output=True, text=True, errors="replace", check=False)  # noqa: S603 - the name is the caller's choice
    return "MariaDB" in asked.stdout


def _verifying(*, from_mariadb: bool, iam: bool) -> list[str]:
    """Give the arguments by which a client verifies chain and name.

    Sources: MariaDB documentation, "TLS Options" of the mariadb client; MySQL documentation, "Command Options for
    Encrypted Connections" and "Client-Side Cleartext Pluggable Authentication". MariaDB's client answers a request for
    a token by itself, inside TLS alone. A client that is neither refuses what it does not know.
    """
    if from_mariadb:
        return ["--ssl", "--ssl-verify-server-cert"]
    return ["--ssl-mode=VERIFY_IDENTITY", *(["--enable-cleartext-plugin"] if iam else [])]


class _Client:
    """A client's options, as a plan asks a driver's adapter."""

    DATABASE = "database"
    NEEDS_ADDRESSES = False
    NO_TUNNEL = (
        "the mysql clients verify the name that they dial. Let the endpoint's name lead to a tunnel on this machine, "
        "as a line in /etc/hosts does, and give the tunnel's port as the server's"
    )
    NO_ARGUMENTS = ""
    RESERVED: Mapping[str, str] = {}

    def known(self) -> frozenset[str]:
        """Name the options that a URL may bring: none."""
        return frozenset()

    def kwargs(self, target: Target) -> dict[str, str]:
        """Give the options that both clients have."""
        return {
            "host": target.host,
            "port": str(target.port),
            "ssl-ca": target.anchors.path,
            "tls-version": "TLSv1.2,TLSv1.3",
        }

    def check(self, options: Mapping[str, object]) -> None:
        """Refuse a text that no argument or variable can hold: Python's own error would show it."""
        for name, value in options.items():
            if not is_sendable(str(value)):
                raise OptionError(
                    f"{name}= has a NUL, or half a surrogate pair, which no program can be told: leave it out"
                )
