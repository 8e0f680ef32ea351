"""What the servers that speak MySQL's protocol share, whoever makes them."""

import secrets
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import ClassVar, Literal, Self

import pymysql

from tests.support.local_rds.pki import Credentials, placeholder
from tests.support.local_rds.process import Home, find_program

Tls = Literal["on", "off", "1.1"]

# Nothing here outlives the process, so nothing needs to reach the disk.
SPEED = (
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-fast-shutdown=2",
    "--innodb-buffer-pool-dump-at-shutdown=OFF",
    "--skip-log-bin",
    "--skip-name-resolve",
    "--performance-schema=OFF",
)

# Clients log in with and without TLS: a refusal of plain text must come from the client. A server that is started again
# finds all of this done.
SETUP = """\
CREATE DATABASE IF NOT EXISTS {database};
CREATE USER IF NOT EXISTS {user}@'127.0.0.1' {identified};
CREATE USER IF NOT EXISTS {user}@'localhost' {identified};
GRANT ALL ON {database}.* TO {user}@'127.0.0.1';
GRANT {may_reload} ON *.* TO {user}@'localhost';
"""


class MySqlCompatibleServer(ABC):
    """A server that runs inside a ``with`` block.

    With TLS it starts with a certificate that nobody trusts, until `present` gives it one.

    Args:
        tls: "on" for TLS 1.2 and 1.3, "off" for none, "1.1" for TLS 1.1 alone.

    Raises:
        ValueError: the server cannot speak TLS so.

    Attributes:
        title: what its makers call it.
        programs: what has to be installed, the server itself first.
        storage: options that the system tables are made with, and every server needs.
        tls_options: the options for each way to speak TLS that it has.
        identified: how an account is given its password, in SQL; {password} stands for it.
        may_reload: the privilege that `present` needs.
        host: its address.
        port: its TCP port, inside the ``with`` block.
        user: the account for clients.
        password: the account's password.
        database: a database to connect to.
    """

    title: ClassVar[str]
    programs: ClassVar[tuple[str, ...]]
    storage: ClassVar[tuple[str, ...]]
    tls_options: ClassVar[Mapping[Tls, tuple[str, ...]]]
    identified: ClassVar[str]
    may_reload: ClassVar[str]

    host = "127.0.0.1"
    user = "app"
    database = "orders"

    def __init__(self, tls: Tls = "on") -> None:
        if tls not in self.tls_options:
            raise ValueError(f"{self.title} has no tls={tls!r}; it has {', '.join(map(repr, self.tls_options))}")
        self.password = secrets.token_hex()
        self.port = 0
        self._tls: Tls = tls

    def __enter__(self) -> Self:
        self._home = Home("mysql")
        try:
            self._start()
        except BaseException:
            self._home.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._home.close()

    def restart(self) -> None:
        """End every session, and start again on the same port."""
        self._home.restart()

    def present(self, credentials: Credentials) -> None:
        """Present this chain on every connection from now on; connections that there are may end.

        Raises:
            ValueError: the server was made without TLS.
        """
        if self._tls == "off":
            name = type(self).__name__
            raise ValueError(f'{name}(tls="off") presents no certificate; make the server with another tls=')
        self._install(credentials)
        self._reload()

    @classmethod
    @abstractmethod
    def _prepare(cls, home: Home) -> None:
        """Make the system tables in the folder ``data``."""

    @abstractmethod
    def _reload(self) -> None:
        """Let the server take what `_install` has written."""

    def _execute(self, statement: str) -> None:
        connection = pymysql.connect(
            unix_socket=str(self._home.path / "socket"), user=self.user, password=self.password, ssl_disabled=True
        )
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)

    def _start(self) -> None:
        program = find_program(self.programs[0])
        home, data = self._home, self._home.path / "data"
        home.run("cp", "-R", _template(type(self)), data)
        identified = self.identified.format(password=self.password)
        setup = SETUP.format(user=self.user, identified=identified, database=self.database, may_reload=self.may_reload)
        self._install(placeholder())
        command = [
            program,
            "--no-defaults",
            f"--datadir={data}",
            f"--tmpdir={home.path}",
            f"--socket={home.path / 'socket'}",
            f"--pid-file={home.path / 'pid'}",
            f"--init-file={home.write('setup.sql', setup.encode())}",
            f"--bind-address={self.host}",
            *SPEED,
            *self.storage,
            *self.tls_options[self._tls],
        ]
        home.start(lambda port: [*command, f"--port={port}"], "ready for connections")
        self.port = home.port

    def _install(self, credentials: Credentials) -> None:
        # Relative names in the options start at the data directory.
        self._home.write("data/chain.pem", credentials.chain_pem)
        self._home.write("data/key.pem", credentials.key_pem)
        self._home.write("data/above.pem", credentials.above_pem)


@cache
def _template(kind: type[MySqlCompatibleServer]) -> Path:
    """Make the system tables once per process; each server starts from a copy, and the keeper removes them."""
    home = Home("mysql")
    kind._prepare(home)
    return home.path / "data"
