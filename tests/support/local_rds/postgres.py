"""A PostgreSQL server of one's own, on loopback."""

import secrets
import signal
import socket
import struct
import time
from collections.abc import Callable
from typing import NamedTuple, Self

from tests.support.local_rds.pki import Credentials, placeholder, unverified_context
from tests.support.local_rds.process import Home, ServerError, find_program

# The 8 bytes with which a client asks for TLS (PostgreSQL documentation, "Message Formats").
SSL_REQUEST = struct.pack("!II", 8, 80877103)

RELOAD_SECONDS = 10

# Nothing here outlives the process, so nothing needs to reach the disk.
SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 100
shared_buffers = '4MB'
fsync = off
synchronous_commit = off
full_page_writes = off
autovacuum = off
"""

# All of these apply on SIGHUP, to connections that come after it.
TLS_OFF = "ssl = off\n"
TLS_ON = "ssl = on\nssl_cert_file = 'chain.pem'\nssl_key_file = 'key.pem'\n"
TLS_1_1 = """
ssl_min_protocol_version = 'TLSv1.1'
ssl_max_protocol_version = 'TLSv1.1'
ssl_ciphers = 'ALL:@SECLEVEL=0'  # OpenSSL speaks TLS 1.1 at security level 0 alone
"""

# A `host` line takes connections with TLS and without: a refusal of plain text must come from the client.
HOST_BASED_AUTHENTICATION = b"host all all 127.0.0.1/32 scram-sha-256\n"


class Handshake(NamedTuple):
    """What the server showed in a TLS handshake."""

    version: str | None
    leaf_der: bytes | None


class PostgresServer:
    """A PostgreSQL server that runs inside a ``with`` block.

    It starts with TLS on and a certificate that nobody trusts, until `present` gives it one.

    Attributes:
        title: what its makers call it.
        host: its address.
        port: its TCP port, inside the ``with`` block.
        user: the one account, a superuser.
        password: the account's password.
        database: a database to connect to.
    """

    title = "PostgreSQL"
    host = "127.0.0.1"
    user = "app"
    database = "postgres"

    def __init__(self) -> None:
        self.password = secrets.token_hex()
        self.port = 0

    def __enter__(self) -> Self:
        self._home = Home("postgres")
        try:
            self._start()
        except BaseException:
            self._home.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        # SIGTERM would wait for clients to leave; SIGINT ends their sessions.
        self._home.close(signal.SIGINT)

    def restart(self) -> None:
        """End every session, and start again on the same port."""
        self._home.restart(signal.SIGINT)  # SIGKILL would leave the sessions' processes

    def present(self, credentials: Credentials) -> None:
        """Present this chain with TLS 1.2 and 1.3 on every connection from now on."""
        self._install(credentials)
        self._configure(TLS_ON)
        self._reload(
            lambda seen: seen is not None and seen.leaf_der == credentials.leaf_der and seen.version != "TLSv1.1"
        )

    def log_in_by(self, rule: str) -> None:
        """Let a rule of pg_hba.conf's come before the one for everybody; it counts from the next `present` on."""
        self._home.write("data/pg_hba.conf", f"{rule}\n".encode() + HOST_BASED_AUTHENTICATION)

    def tls_off(self) -> None:
        """Refuse TLS, and still let clients log in."""
        self._configure(TLS_OFF)
        self._reload(lambda seen: seen is None)

    def tls_only_1_1(self) -> None:
        """Speak TLS 1.1 and nothing newer, with the chain presented last."""
        self._configure(TLS_ON + TLS_1_1)
        self._reload(lambda seen: seen is not None and seen.version == "TLSv1.1")

    def handshake(self) -> Handshake | None:
        """Shake hands as a client that takes anything.

        Returns:
            What the server showed, or None where it offers no TLS.
        """
        with socket.create_connection((self.host, self.port), timeout=RELOAD_SECONDS) as plain:
            plain.sendall(SSL_REQUEST)
            if plain.recv(1) != b"S":
                return None
            with unverified_context().wrap_socket(plain) as tls:
                return Handshake(tls.version(), tls.getpeercert(binary_form=True))

    def _start(self) -> None:
        initdb, postgres = find_program("initdb"), find_program("postgres")
        home, data = self._home, self._home.path / "data"
        password = home.write("password", self.password.encode())
        options = [f"--username={self.user}", f"--pwfile={password}", "--auth=scram-sha-256", "--encoding=UTF8"]
        home.run(initdb, *options, "--no-sync", f"--pgdata={data}")
        home.write("data/pg_hba.conf", HOST_BASED_AUTHENTICATION)
        self._install(placeholder())
        self._configure(TLS_ON)
        home.start(lambda port: [postgres, "-D", data, "-p", str(port)], "ready to accept connections")
        self.port = home.port

    def _install(self, credentials: Credentials) -> None:
        # Relative names in the settings start at the data directory.
        self._home.write("data/chain.pem", credentials.chain_pem)
        self._home.write("data/key.pem", credentials.key_pem)

    def _configure(self, tls: str) -> None:
        self._home.write("data/postgresql.conf", (SETTINGS + tls).encode())

    def _reload(self, done: Callable[[Handshake | None], bool]) -> None:
        """Reload the configuration, and shake hands until a new connection shows it."""
        self._home.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + RELOAD_SECONDS
        while not done(self.handshake()):
            if time.monotonic() > deadline:
                raise ServerError(f"PostgreSQL has not taken its new TLS settings:\n{self._home.log()}")
