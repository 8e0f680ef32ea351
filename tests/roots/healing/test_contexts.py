"""A context by itself fails once at a rotated root, and the next one knows the root."""

import asyncio
import socket
import ssl
from contextlib import suppress

import pymysql
import pytest

import rds_tls
from tests.roots.conftest import Step, Thread
from tests.roots.healing.conftest import login
from tests.support.local_rds import Authority, MySqlCompatibleServer
from tests.support.trust_store import HOST, OF_REGION, REGION, TrustStore


def test_context_in_a_driver_heals_for_the_next(
    mysql: MySqlCompatibleServer, store: TrustStore, new: Authority, wait_for_healing: Step
) -> None:
    """A driver that was given the context fails once; the context that is given out next knows the new root."""
    mysql.present(new.issue([HOST]))

    def connect() -> None:
        options = rds_tls.mysql_kwargs(HOST, **login(mysql, store.settings))
        pymysql.connect(**options).close()

    with pytest.raises(pymysql.err.OperationalError):
        connect()
    wait_for_healing()
    connect()
    assert store.asked == [OF_REGION]


def test_context_in_an_event_loop_heals_for_the_next(
    tls_server: int, store: TrustStore, wait_for_healing: Step
) -> None:
    """The same holds for asyncio, whose loop does not wait for the download."""

    async def connect() -> None:
        context = rds_tls.ssl_context(HOST, settings=store.settings)
        _, writer = await asyncio.open_connection("127.0.0.1", tls_server, ssl=context, server_hostname=HOST)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    with pytest.raises(ssl.SSLCertVerificationError):
        asyncio.run(connect())
    wait_for_healing()
    asyncio.run(connect())
    assert store.asked == [OF_REGION]


def test_context_on_lambda_starts_no_thread(
    tls_server: int, store: TrustStore, monkeypatch: pytest.MonkeyPatch, refresh_thread: Thread
) -> None:
    """AWS Lambda freezes threads: there a context fails and leaves it at that."""
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "orders")
    context = rds_tls.ssl_context(HOST, settings=store.settings)
    with socket.create_connection(("127.0.0.1", tls_server)) as plain, pytest.raises(ssl.SSLCertVerificationError):
        context.wrap_socket(plain, server_hostname=HOST)
    assert refresh_thread() is None


def test_wrong_name_does_not_heal_a_context(
    tls_server: int, store: TrustStore, new: Authority, refresh_thread: Thread
) -> None:
    """A handshake that fails for any other reason looks for nothing."""
    store.publish(REGION, new.root_pem)
    rds_tls.prefetch(REGION, settings=store.settings)
    context = rds_tls.ssl_context(HOST, settings=store.settings)
    with socket.create_connection(("127.0.0.1", tls_server)) as plain, pytest.raises(ssl.SSLCertVerificationError):
        context.wrap_socket(plain, server_hostname=f"x{HOST}")
    assert refresh_thread() is None
