"""A MariaDB server of one's own, on loopback."""

import secrets
from functools import cache
from pathlib import Path
from typing import Literal, Self

import pymysql

from tests.support.local_rds.pki import Credentials, placeholder
from tests.support.local_rds.process import Home, find_program

Tls = Literal["on", "off", "1.1"]

# What both the template and the servers need: sizes are read from the files.
STORAGE = ("--innodb-log-file-size=4M", "--innodb-buffer-pool-size=8M")

# Nothing here outlives the process, so nothing needs to reach the disk.
SPEED = (
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-fast-shutdown=2",
    "--innodb-buffer-pool-dump-at-shutdown=OFF",
    "--skip-log-bin",
    "--skip-name-resolve",
    "--performance-schema=OFF",
)

CERTIFICATE = ("--ssl-cert=chain.pem", "--ssl-key=key.pem")
TLS_OPTIONS: dict[Tls, tuple[str, ...]] = {
    "on": (*CERTIFICATE, "--tls-version=TLSv1.2,TLSv1.3"),
    "off": ("--skip-ssl",),  # from 11.4 on MariaDB makes a certificate by itself
    # OpenSSL speaks TLS 1.1 at security level 0 alone.
    "1.1": (*CERTIFICATE, "--tls-version=TLSv1.1", "--ssl-cipher=ALL:@SECLEVEL=0"),
}

# RELOAD is for FLUSH SSL. Clients log in with and without TLS: a refusal of plain text must come from the client.
SETUP = """\
CREATE DATABASE {database};
CREATE USER {user}@'127.0.0.1' IDENTIFIED VIA mysql_native_password USING PASSWORD('{password}');
CREATE USER {user}@'localhost' IDENTIFIED VIA mysql_native_password USING PASSWORD('{password}');
GRANT ALL ON {database}.* TO {user}@'127.0.0.1';
GRANT RELOAD ON *.* TO {user}@'localhost';
"""


class MariaDbServer:
    """A MariaDB server that runs inside a ``with`` block.

    With TLS it starts with a certificate that nobody trusts, until `present` gives it one.

    Args:
        tls: "on" for TLS 1.2 and 1.3, "off" for none, "1.1" for TLS 1.1 alone.

    Attributes:
        host: its address.
        port: its TCP port, inside the ``with`` block.
        user: the account for clients.
        password: the account's password.
        database: a database to connect to.
    """

    host = "127.0.0.1"
    user = "app"
    database = "orders"

    def __init__(self, tls: Tls = "on") -> None:
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

    def present(self, credentials: Credentials) -> None:
        """Present this chain on every connection from now on.

        Raises:
            ValueError: the server was made without TLS.
        """
        if self._tls == "off":
            raise ValueError('MariaDbServer(tls="off") presents no certificate; make the server with another tls=')
        self._install(credentials)
        connection = pymysql.connect(
            unix_socket=str(self._home.path / "socket"), user=self.user, password=self.password, ssl_disabled=True
        )
        with connection, connection.cursor() as cursor:
            cursor.execute("FLUSH SSL")

    def _start(self) -> None:
        mariadbd = find_program("mariadbd")
        home, data = self._home, self._home.path / "data"
        home.run("cp", "-R", _template(), data)
        setup = SETUP.format(user=self.user, password=self.password, database=self.database)
        self._install(placeholder())
        command = [
            mariadbd,
            "--no-defaults",
            f"--datadir={data}",
            f"--tmpdir={home.path}",
            f"--socket={home.path / 'socket'}",
            f"--init-file={home.write('setup.sql', setup.encode())}",
            f"--bind-address={self.host}",
            *STORAGE,
            *SPEED,
            *TLS_OPTIONS[self._tls],
        ]
        home.start(lambda port: [*command, f"--port={port}"], "ready for connections")
        self.port = home.port

    def _install(self, credentials: Credentials) -> None:
        # Relative names in the options start at the data directory.
        self._home.write("data/chain.pem", credentials.chain_pem)
        self._home.write("data/key.pem", credentials.key_pem)


@cache
def _template() -> Path:
    """Make the system tables once per process; each server starts from a copy, and the keeper removes them."""
    home = Home("mysql")
    home.run(
        find_program("mariadb-install-db"),
        "--no-defaults",
        f"--datadir={home.path / 'data'}",
        "--skip-test-db",
        *STORAGE,
    )
    return home.path / "data"
