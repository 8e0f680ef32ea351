"""Drivers in C, which resolve names in C: a process in which every endpoint's name leads to loopback.

``python -m tests.support.in_c SOCKET`` is that process. What decides about a connection is done by the tests' own
process; here a driver's adapter dials, logs in and verifies, and here the connection is asked. libnss-wrapper, which
answers in place of the resolver, has to be there when a program starts, and does not stand what the servers do. Its
first answer makes its table, which breaks where two threads ask first: a program with threads asks before it has them.
"""

import atexit
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any, ClassVar

import pytest

from rds_tls import drivers
from rds_tls.drivers import Target
from tests.support import ROOT
from tests.support.trust_store import HOST as ROTATED

# Where packages put it: Debian and Ubuntu, Fedora.
PLACES = ("lib/*/libnss_wrapper.so", "lib64/libnss_wrapper.so")

# The cluster of nearly every test; two have two addresses, of which the first or both take no connection.
ZONE = "eu-west-1.rds.amazonaws.com"
CLUSTER = f"cluster-abc123def456.{ZONE}"
# A proxy, a further endpoint of it, and a custom endpoint; and what a Global Database's writer is called.
OF_OTHER_KINDS = (
    "orders.proxy-abc123def456",
    "reports.endpoint.proxy-abc123def456",
    "reports.cluster-custom-abc123def456",
)
GLOBAL_WRITER = "shop.global-abc123def456.global.rds.amazonaws.com"
HALF_DEAD, DEAD = f"half-dead.{CLUSTER}", f"dead.{CLUSTER}"
# To the address of everybody Linux opens no TCP connection: ENETUNREACH, and nothing is sent (net/ipv4/tcp_ipv4.c).
NOWHERE = f"nowhere.{CLUSTER}"
ADDRESSES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(
        (
            f"orders.{CLUSTER}",
            f"other.{CLUSTER}",
            "orders.cluster-ro-abc123def456.eu-west-1.rds.amazonaws.com",
            "orders-1.abc123def456.eu-west-1.rds.amazonaws.com",
            *(f"{name}.{ZONE}" for name in OF_OTHER_KINDS),
            GLOBAL_WRITER,
            ROTATED,
        ),
        ("127.0.0.1",),
    ),
    HALF_DEAD: ("127.0.0.2", "127.0.0.1"),
    DEAD: ("127.0.0.2", "127.0.0.3"),
    NOWHERE: ("255.255.255.255",),
}


def missing(module: str) -> str:
    """Say why a driver cannot be run here; nothing where it can."""
    if find_spec(module) is None:
        return f"{module} is not installed, or cannot be built here"
    if not _library():
        return "libnss-wrapper is not installed: apt-get install libnss-wrapper"
    return ""


def _library() -> str:
    return next((str(found) for place in PLACES for found in Path("/usr").glob(place)), "")


@cache
def environment(*lines: str) -> dict[str, str]:
    """Give the environment of a process in which the names of ``ADDRESSES`` lead there.

    Args:
        *lines: of a hosts file, put before those of ``ADDRESSES``: an address, a name, and what are aliases of it.
    """
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder)
    hosts = Path(folder, "hosts")
    listed = [f"{ip} {name}" for name, addresses in ADDRESSES.items() for ip in addresses]
    hosts.write_text("".join(f"{line}\n" for line in (*lines, *listed)))
    return {"LD_PRELOAD": _library(), "NSS_WRAPPER_HOSTS": str(hosts)}


_STARTING = threading.Lock()


@cache
def _process() -> str:
    """Start the process once, and give the path of the socket that it listens on."""
    address = str(Path(environment()["NSS_WRAPPER_HOSTS"]).with_name("socket"))
    process = subprocess.Popen(
        [sys.executable, "-m", __name__, address],
        cwd=ROOT,
        env=os.environ | environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    atexit.register(process.communicate)  # it ends where its input ends
    assert process.stdout is not None  # it is a pipe
    assert process.stdout.readline() == b"ready\n"
    return address


class Far:
    """A driver's connection in the other process, or the way to one.

    Args:
        module: the driver, as it is imported.
    """

    def __init__(self, module: str) -> None:
        reason = missing(module)
        if reason:
            pytest.skip(reason)
        with _STARTING:  # attacks that stall meet their drivers at the same time
            address = _process()
        self._pipe: Connection[Any, Any] = Client(address, family="AF_UNIX")

    def do(self, action: str, *arguments: Any) -> Any:  # noqa: ANN401 - what the action gives
        """Let the other process do one of its actions; what it raises is raised here."""
        self._pipe.send((action, arguments))
        answer = self._pipe.recv()
        if isinstance(answer, BaseException):
            self._pipe.close()
            raise answer
        return answer

    def ask(self, question: str) -> tuple[Any, ...] | None:
        """Ask a question over the connection, which is closed then, and give the first row of the answer."""
        answer: tuple[Any, ...] | None = self.do("ask", question)
        self._pipe.close()
        return answer


class FarAdapter:
    """A driver's adapter that dials in the other process.

    Args:
        adapter: the module of ``rds_tls.drivers``.
        module: the driver, as it is imported.
    """

    def __init__(self, adapter: Any, module: str) -> None:  # noqa: ANN401 - a module
        self._adapter = adapter
        self._module = module

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - the adapter's
        return getattr(self._adapter, name)

    def connect(self, options: Mapping[str, Any], target: Target, seconds: float | None) -> Far:
        """Connect as the adapter does."""
        far = Far(self._module)
        # What is asked again later is a function of this process's own.
        far.do("connect", self._adapter.__name__, dict(options), target._replace(again=None), seconds)
        return far

    def verify(self, far: Far, target: Target, options: Mapping[str, Any]) -> None:
        """Verify as the adapter does."""
        far.do("verify", self._adapter.__name__, target, dict(options))


class Elsewhere:
    """Inside its ``with`` blocks rds_tls finds one adapter in the other process; blocks of several threads overlap."""

    _find: ClassVar[Any] = staticmethod(drivers._imported)
    _lock: ClassVar[threading.Lock] = threading.Lock()
    _open: ClassVar[Counter[tuple[str, str]]] = Counter()

    def __init__(self, adapter: str, module: str) -> None:
        self._pair = adapter, module

    def __enter__(self) -> None:
        with self._lock:
            self._open[self._pair] += 1
            drivers._imported = self._found  # type: ignore[assignment]

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._open[self._pair] -= 1
            if not self._open.total():
                drivers._imported = self._find

    @classmethod
    def _found(cls, name: str) -> object:
        found = cls._find(name)
        modules = [module for (adapter, module), blocks in cls._open.items() if adapter == name and blocks]
        return FarAdapter(found, modules[0]) if modules else found


class Actions:
    """What the other process does for one caller, with one connection."""

    def __init__(self) -> None:
        self._connection: Any = None

    def connect(self, adapter: str, *arguments: object) -> None:
        """Connect by an adapter."""
        self._connection = import_module(adapter).connect(*arguments)

    def verify(self, adapter: str, *arguments: object) -> None:
        """Let an adapter look at the connection."""
        import_module(adapter).verify(self._connection, *arguments)

    def ask(self, question: str) -> object:
        """Ask the server, and close."""
        with self._connection as connection, connection.cursor() as cursor:
            cursor.execute(question)
            return cursor.fetchone()

    def run(self, function: str, *arguments: object) -> object:
        """Call a function of a test's, "module:name", with the connection if there is one."""
        module, _, name = function.partition(":")
        connection = () if self._connection is None else (self._connection,)
        return getattr(import_module(module), name)(*connection, *arguments)


def _serve(pipe: "Connection[Any, Any]") -> None:
    actions = Actions()
    with pipe:
        while True:
            try:
                action, arguments = pipe.recv()
            except EOFError:
                return
            try:
                answer = getattr(actions, action)(*arguments)
            except Exception as error:  # noqa: BLE001 - raised again where it was asked for
                answer = error
            pipe.send(answer)


def main(address: str) -> None:
    """Serve each caller in a thread of its own until the input ends."""
    socket.getaddrinfo("localhost", None)  # see above
    with Listener(address, family="AF_UNIX") as listener:

        def accept() -> None:
            while True:
                threading.Thread(target=_serve, args=(listener.accept(),), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1])
