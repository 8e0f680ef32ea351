"""Dialling within a time: over all addresses of a name, and for each driver in C by a share for each address."""

import socket
import threading
from collections.abc import Callable
from typing import Any

import pymysql
import pytest

import rds_tls
from rds_tls.context.dial import Deadline, dial
from rds_tls.drivers import _libpq
from tests.conftest import OFFLINE
from tests.support.blackhole import blackhole

HOST = "orders.cluster-abc123def456.eu-west-1.rds.amazonaws.com"
NAME = "two.test"

Resolve = Callable[..., None]


@pytest.fixture
def resolves_to(monkeypatch: pytest.MonkeyPatch) -> Resolve:
    """Let every name that is no address lead to some addresses."""
    resolve = socket.getaddrinfo

    def become(*addresses: str) -> None:
        def answer(host: str, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - getaddrinfo's own
            names = addresses if host in {NAME, HOST} else (host,)
            return [entry for name in names for entry in resolve(name, *args, **options)]

        monkeypatch.setattr(socket, "getaddrinfo", answer)

    return become


def test_next_address_is_dialled_in_time(resolves_to: Resolve) -> None:
    """An address that does not answer takes no more than its share: the second one is reached."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with blackhole("127.0.0.2", port):
            resolves_to("127.0.0.2", "127.0.0.1")
            with dial(NAME, port, Deadline(1.0)) as sock:
                assert sock.getpeername() == ("127.0.0.1", port)


def test_last_address_says_why(resolves_to: Resolve) -> None:
    """Where none answers, what the last one said is raised."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    resolves_to("127.0.0.2", "127.0.0.1")
    with pytest.raises(ConnectionRefusedError):
        dial(NAME, port, Deadline(None))


def test_time_that_is_up_is_an_error() -> None:
    """Whoever asks for what is left of no time gets a TimeoutError, which is an OSError to every driver."""
    with pytest.raises(TimeoutError, match="timed out"):
        Deadline(0.0).left()
    assert Deadline(None).left() is None


def test_local_address_is_the_callers() -> None:
    """The address to dial from is bound first."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        dial("127.0.0.1", server.getsockname()[1], Deadline(5.0), ("127.0.0.3", 0)) as sock,
    ):
        assert sock.getsockname()[0] == "127.0.0.3"


def test_pymysql_ends_in_a_blackhole() -> None:
    """PyMySQL's error is as it words its own, and comes when the time is up."""
    errors: list[pymysql.Error] = []

    def connect(via: tuple[str, int]) -> None:
        try:
            rds_tls.connect_mysql(HOST, user="app", via=via, settings=OFFLINE, connect_timeout=0.2)
        except pymysql.err.OperationalError as error:
            errors.append(error)

    with blackhole() as via:
        waiting = threading.Thread(target=connect, args=(via,), daemon=True)
        waiting.start()
        waiting.join(30)
        assert len(errors) == 1
    assert errors[0].args == (2003, "Can't connect to MySQL server on '127.0.0.1' (timed out)")


# As without a tunnel: no option of libpq's that says where to dial is left open.
OPTIONS: dict[str, Any] = {"host": HOST, "hostaddr": "", "port": "5432"}


@pytest.mark.parametrize(
    ("addresses", "seconds", "dialled", "share"),
    [
        (["127.0.0.1"], 10, "127.0.0.1", 10),
        (["127.0.0.1"], 0.5, "127.0.0.1", 2),
        (["127.0.0.1", "127.0.0.2"], 10, "127.0.0.1,127.0.0.2", 5),
        (["127.0.0.1", "127.0.0.2", "127.0.0.3"], 10, "127.0.0.1,127.0.0.2,127.0.0.3", 3),
        (["127.0.0.1", "127.0.0.2", "127.0.0.3"], 5, "127.0.0.1,127.0.0.2", 2),
    ],
)
def test_each_address_has_a_share_of_libpqs_time(
    addresses: list[str], seconds: float, dialled: str, share: int
) -> None:
    """Libpq's own time counts for each address anew, in whole seconds and two at least; the shares are no more."""
    options = _libpq.within(OPTIONS, addresses, seconds)
    host = ",".join([HOST] * len(dialled.split(",")))
    assert options == {"host": host, "port": "5432", "hostaddr": dialled, "connect_timeout": share}


def test_addresses_of_a_tunnel_share_the_time_too() -> None:
    """What via= resolved to is in the options already."""
    tunnel = OPTIONS | {"host": f"{HOST},{HOST}", "hostaddr": "127.0.0.1,127.0.0.2"}
    assert _libpq.within(tunnel, [], 8) == tunnel | {"connect_timeout": 4}


def test_name_that_nobody_knows_is_left_to_libpq(resolves_to: Resolve) -> None:
    """The driver says so itself, in its own words."""
    resolves_to()
    assert _libpq.addresses_of(HOST) == []
    assert _libpq.within(OPTIONS, [], 10) == OPTIONS | {"connect_timeout": 10}
