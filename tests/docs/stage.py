"""The stage on which a page's first block runs as printed: endpoints' names and ports lead to servers of one's own.

Where the block runs, libnss-wrapper answers in place of the resolver: every endpoint that the documents name leads to a
loopback address of the stage's own. There 5432 and 3306 are free, whatever else listens on this machine. Relays lead on
from there to the servers, whose certificate carries all of those names; RDS_TLS_CA_BUNDLE names its root.
"""

import json
import re
import secrets
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest

from tests.docs import prelude
from tests.docs.pages import DOCUMENTS, Block
from tests.support import in_c
from tests.support.local_aws import LocalAws, Reply
from tests.support.local_rds import Authority, KeyType, PostgresServer
from tests.support.local_rds.kinds import MYSQL_SERVERS

# What the documents log in with, and to what; MySQL has the first database alone.
USER, PASSWORD, DATABASES = "app", "...", ("shop", "orders")

PORTS = {"postgresql": 5432, "mysql": 3306}

# A token is signed anew for each connection, and no server here knows AWS's keys: over TLS every login is taken. What
# a block has to show is TLS, which the client alone can insist on.
ANY_LOGIN = b"hostssl all all 127.0.0.1/32 trust\n"

_NAMES = re.compile(r"[\w-]+(?:\.[\w-]+)*\.(?:rds|docdb)[\w.-]*\.amazonaws\.com(?:\.cn)?|[\w.-]+\.on\.aws")
_TUNNEL = re.compile(r"""(?:via=|@|")\(?"?(?:127\.0\.0\.1|localhost)"?[,:] ?(\d+)""")
_VARIABLES = re.compile(r"""environ(?:\.get\(|\[)["'](\w+)["']""")


class Relay:
    """Passes the bytes of each client on to a server, and counts the clients.

    Args:
        address: where to listen.
        server: the server's port on 127.0.0.1.

    Raises:
        OSError: somebody else listens there.
    """

    def __init__(self, address: tuple[str, int], server: int) -> None:
        self.clients = 0
        self._server = server
        self._listener = socket.create_server(address)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Listen no more."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                self.clients += 1
                server = socket.create_connection(("127.0.0.1", self._server))
                threading.Thread(target=_pass_on, args=(client, server), daemon=True).start()


def _pass_on(client: socket.socket, server: socket.socket) -> None:
    with client, server:
        back = threading.Thread(target=_pump, args=(server, client), daemon=True)
        back.start()
        _pump(client, server)
        back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


class Stage(NamedTuple):
    """What a block finds.

    Attributes:
        environment: the variables of its process.
        relays: those to each engine.
        servers: each engine's port on 127.0.0.1.
        foreign: a file with the root of another authority of the same name.
    """

    environment: dict[str, str]
    relays: dict[str, Relay]
    servers: dict[str, int]
    foreign: Path

    def variables_of(self, block: Block) -> dict[str, str]:
        """Give the variables of a block's process, those that it reads too."""
        scheme = "mysql" if "mysql" in block.text else "postgresql"
        url = f"{scheme}://{USER}:{PASSWORD}@{prelude.host}/{DATABASES[0]}"
        values = {"URL": url, "HOST": prelude.host, "USER": USER, "NAME": DATABASES[0]}
        read = _VARIABLES.findall(block.text)
        return {name: values.get(name.rpartition("_")[2], PASSWORD) for name in read} | self.environment

    @contextmanager
    def tunnels_of(self, block: Block) -> Iterator[None]:
        """Let the tunnels that a block dials be there."""
        engine = "mysql" if "mysql" in block.text else "postgresql"
        with ExitStack() as stack:
            for port in {int(found) for found in _TUNNEL.findall(block.text)}:
                try:
                    relay = Relay(("127.0.0.1", port), self.servers[engine])
                except OSError as error:
                    pytest.skip(f"the block's tunnel is at 127.0.0.1:{port}, which is taken: {error}")
                stack.callback(relay.close)
            yield

    def clients(self) -> Counter[str]:
        """Count who came to each engine so far."""
        return Counter({engine: relay.clients for engine, relay in self.relays.items()})


def names() -> set[str]:
    """List the endpoints that the documents name."""
    return {name.lower() for page in DOCUMENTS for name in _NAMES.findall(page.text) if "truststore" not in name}


@contextmanager
def open_stage(folder: Path) -> Iterator[Stage]:
    """Start servers and relays."""
    if not in_c._library():
        pytest.skip("libnss-wrapper is not installed: apt-get install libnss-wrapper")
    authority, address = Authority("eu-west-1", KeyType.RSA2048), f"127.{secrets.randbelow(200) + 20}.77.1"
    credentials = authority.issue(
        sorted(names(), key=len, reverse=True)
    )  # the last is the common name: 64 letters at most
    files = {"root.pem": authority.root_pem, "foreign.pem": Authority("eu-west-1", KeyType.RSA2048).root_pem}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / "hosts").write_text("".join(f"{address} {name}\n" for name in names()) + "127.0.0.1 localhost\n")
    with ExitStack() as stack:
        aws = stack.enter_context(LocalAws())
        aws.reply = Reply(200, json.dumps({"SecretString": json.dumps({"username": USER, "password": PASSWORD})}))
        postgres, mysql = PostgresServer(), MYSQL_SERVERS[0]()
        postgres.password = mysql.password = PASSWORD
        mysql.database = DATABASES[0]
        for server in (postgres, mysql):
            stack.enter_context(server)
        postgres._home.write("data/pg_hba.conf", ANY_LOGIN)
        _make_databases(postgres.port)
        for server in (postgres, mysql):
            server.present(credentials)
        servers = {"postgresql": postgres.port, "mysql": mysql.port}
        try:
            relays = {engine: Relay((address, port), servers[engine]) for engine, port in PORTS.items()}
        except OSError as error:  # macOS has 127.0.0.1 alone
            pytest.skip(f"nothing can listen at {address}: {error}")
        for relay in relays.values():
            stack.callback(relay.close)
        environment = {
            "LD_PRELOAD": in_c._library(),
            "NSS_WRAPPER_HOSTS": str(folder / "hosts"),
            "RDS_TLS_CA_BUNDLE": str(folder / "root.pem"),
            "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": aws.url,
        }
        yield Stage(environment, relays, servers, folder / "foreign.pem")


def _make_databases(postgres_port: int) -> None:
    with psycopg.connect(
        host="127.0.0.1", port=postgres_port, user=USER, password=PASSWORD, dbname="postgres", autocommit=True
    ) as connection:
        for name in DATABASES:
            connection.execute(f"CREATE DATABASE {name}".encode())
