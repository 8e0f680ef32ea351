"""A connect that meets a rotated root heals and succeeds. Real servers, a real trust store."""

import asyncio
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pymysql
import pytest

import rds_tls
from rds_tls.connect.attempt import heal_or_explain
from rds_tls.connect.plan import make_plan
from rds_tls.connect.request import Request
from rds_tls.drivers import POSTGRES, Target, sync_adapter
from rds_tls.drivers import pymysql as pymysql_adapter
from rds_tls.roots import background
from rds_tls.roots.healing import trouble_with
from rds_tls.roots.lookup import anchors_for
from tests.roots.healing.conftest import login
from tests.support.local_https import reply
from tests.support.local_rds import Authority, KeyType, MySqlCompatibleServer, PostgresServer
from tests.support.local_rds.kinds import MYSQL_SERVERS, POSTGRES_SERVERS, Server
from tests.support.matrix import on_each_server
from tests.support.trust_store import HOST, OF_REGION, REGION, TrustStore


def psycopg_connect(server: Server, settings: rds_tls.Settings, host: str = HOST) -> None:
    """Connect and disconnect with psycopg."""
    rds_tls.connect_postgres(host, dbname=server.database, **login(server, settings)).close()


def psycopg_async(server: Server, settings: rds_tls.Settings, host: str = HOST) -> None:
    """Connect and disconnect with psycopg's asyncio twin."""

    async def connect() -> None:
        connection = await rds_tls.aconnect_postgres(host, dbname=server.database, **login(server, settings))
        await connection.close()

    asyncio.run(connect())


def pymysql_connect(server: Server, settings: rds_tls.Settings, host: str = HOST) -> None:
    """Connect and disconnect with PyMySQL."""
    rds_tls.connect_mysql(host, database=server.database, **login(server, settings)).close()


Helper = Callable[..., None]
HELPERS: dict[str, Helper] = {"psycopg": psycopg_connect, "psycopg-async": psycopg_async, "pymysql": pymysql_connect}

every_helper = on_each_server(
    "helper", HELPERS, lambda helper: MYSQL_SERVERS if helper is pymysql_connect else POSTGRES_SERVERS
)

DRIVER_ERRORS = (psycopg.OperationalError, pymysql.err.OperationalError)


@every_helper
def test_rotated_root_heals(helper: Helper, server: Server, store: TrustStore, new: Authority) -> None:
    """The first connect after a rotation downloads once and succeeds; the next ones ask for nothing."""
    server.present(new.issue([HOST]))
    before = rds_tls.ssl_context(HOST, settings=store.settings)
    helper(server, store.settings)
    assert store.asked == [OF_REGION]
    helper(server, store.settings)
    assert store.asked == [OF_REGION]
    after = rds_tls.ssl_context(HOST, settings=store.settings)
    assert after is not before
    assert len(after.get_ca_certs()) == 2


def test_lying_etag_does_not_stop_healing(postgres: PostgresServer, store: TrustStore, new: Authority) -> None:
    """Healing asks for the content, whatever the server would say of the validators."""
    postgres.present(new.issue([HOST]))
    psycopg_connect(postgres, store.settings)
    assert "If-None-Match" not in store.server.seen[0].headers


@every_helper
def test_64_connects_heal_with_one_download(helper: Helper, server: Server, store: TrustStore, new: Authority) -> None:
    """Threads that meet the new root together wait for one download, and all connect."""
    server.present(new.issue([HOST]))
    with ThreadPoolExecutor(64) as pool:
        list(pool.map(lambda _: helper(server, store.settings), range(64)))
    assert store.asked == [OF_REGION]


def days(count: int) -> datetime:
    """Give the moment that many days from now, in UTC."""
    return datetime.now(UTC) + timedelta(days=count)


@every_helper
def test_only_an_unknown_root_heals(helper: Helper, server: Server, store: TrustStore, old: Authority) -> None:
    """A wrong name, an expired, an early and a self-signed leaf are refused without a download."""
    for credentials in (
        old.issue(["other." + HOST.partition(".")[2]]),
        old.issue([HOST], not_before=days(-3), not_after=days(-1)),
        old.issue([HOST], not_before=days(1), not_after=days(3)),
        old.self_signed([HOST]),
    ):
        server.present(credentials)
        with pytest.raises(DRIVER_ERRORS):
            helper(server, store.settings)
    assert store.asked == []


@every_helper
def test_foreign_root_asks_once_in_ten_minutes(helper: Helper, server: Server, store: TrustStore) -> None:
    """A root that the newest bundle lacks too stays refused, and costs one download for all the attempts."""
    server.present(Authority(REGION, KeyType.ECC384).issue([HOST]))
    for _ in range(3):
        with pytest.raises(DRIVER_ERRORS) as caught:
            helper(server, store.settings)
        (note,) = caught.value.__notes__
        assert "does not end in any of the trust anchors" in note
    assert store.asked == [OF_REGION]


def test_ten_minutes_later_it_asks_again(
    postgres: PostgresServer, store: TrustStore, new: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pause ends: a root that appears in the trust store later is found then."""
    answer = store.server.answers[OF_REGION]
    store.publish(REGION, reply(400))
    postgres.present(new.issue([HOST]))
    with pytest.raises(psycopg.OperationalError):
        psycopg_connect(postgres, store.settings)
    store.server.answers[OF_REGION] = answer
    with pytest.raises(psycopg.OperationalError):
        psycopg_connect(postgres, store.settings)
    monkeypatch.setattr(background, "_PAUSE", 0.0)
    psycopg_connect(postgres, store.settings)
    assert store.asked == [OF_REGION, OF_REGION]


def test_trouble_is_kept_until_the_trust_store_answers(
    postgres: PostgresServer, store: TrustStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Why no newer roots could be had is there for a note, and forgotten once the answer is that there are none."""
    answer = store.server.answers[OF_REGION]
    store.publish(REGION, reply(400))
    postgres.present(Authority(REGION, KeyType.ECC384).issue([HOST]))
    anchors = anchors_for(HOST, None, store.settings)
    with pytest.raises(psycopg.OperationalError):
        psycopg_connect(postgres, store.settings)
    assert "400" in trouble_with(anchors)
    store.server.answers[OF_REGION] = answer
    monkeypatch.setattr(background, "_PAUSE", 0.0)
    with pytest.raises(psycopg.OperationalError):
        psycopg_connect(postgres, store.settings)
    assert trouble_with(anchors) == ""


@every_helper
@pytest.mark.parametrize("choice", ["offline", "ca_file"])
def test_no_healing_against_the_callers_choice(
    helper: Helper, server: Server, store: TrustStore, old: Authority, new: Authority, tmp_path: Path, choice: str
) -> None:
    """Offline, and with a CA file of the caller's own, nothing is downloaded and nothing else is trusted."""
    (tmp_path / "old.pem").write_bytes(old.root_pem)
    fields: dict[str, Any] = {"offline": True} if choice == "offline" else {"ca_file": tmp_path / "old.pem"}
    server.present(new.issue([HOST]))
    with pytest.raises(DRIVER_ERRORS):
        helper(server, store.settings._replace(**fields))
    assert store.asked == []


def test_another_process_may_have_healed(postgres: PostgresServer, store: TrustStore, new: Authority) -> None:
    """A newer entry that somebody else stored is used without a download."""
    postgres.present(new.issue([HOST]))
    assert len(rds_tls.ssl_context(HOST, settings=store.settings).get_ca_certs()) == 1
    with ThreadPoolExecutor(1) as pool:
        pool.submit(rds_tls.prefetch, REGION, settings=store.settings._replace(max_age=1)).result()
    psycopg_connect(postgres, store.settings)
    assert store.asked == [OF_REGION]


def test_one_more_attempt_and_no_third(store: TrustStore, new: Authority) -> None:
    """After a second failure the error stands, even if the roots have changed once more meanwhile."""
    error = psycopg.OperationalError("unable to get local issuer certificate")
    plan = make_plan(sync_adapter(POSTGRES, "psycopg"), POSTGRES, Request(HOST, settings=store.settings), {})
    rds_tls.prefetch(REGION, settings=store.settings)
    second = heal_or_explain(plan, error)
    assert second is not None
    assert second.target.anchors != plan.target.anchors
    assert not hasattr(error, "__notes__")
    store.publish(REGION, new.root_pem)
    rds_tls.prefetch(REGION, settings=store.settings)
    assert heal_or_explain(second, error) is None
    assert len(error.__notes__) == 1


def test_second_attempt_dials_what_the_first_one_did(
    postgres: PostgresServer, store: TrustStore, new: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tunnel's name is resolved once for both attempts: gone when newer roots are there, it is not missed."""
    postgres.present(new.issue([HOST]))
    resolve, asked = socket.getaddrinfo, []

    def once(host: Any, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - getaddrinfo's own
        if host == "tunnel.internal":
            asked.append(host)
            if len(asked) > 2:  # the plan asked, and the look at the certificate
                raise socket.gaierror(socket.EAI_NONAME, "gone")
            host = postgres.host
        return resolve(host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", once)
    options = {**login(postgres, store.settings), "via": ("tunnel.internal", postgres.port)}
    with rds_tls.connect_postgres(HOST, dbname=postgres.database, **options) as connection:
        assert connection.info.hostaddr == postgres.host
    assert len(asked) == 2
    assert store.asked == [OF_REGION]


def test_second_attempt_that_cannot_be_made_hides_no_error(
    mysql: MySqlCompatibleServer, store: TrustStore, new: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no context comes of the newer roots, the first error stands, with its note."""
    mysql.present(new.issue([HOST]))
    kwargs, made = pymysql_adapter.kwargs, []

    def once(target: Target) -> dict[str, Any]:
        made.append(target)
        if len(made) > 1:
            raise rds_tls.TrustError("OpenSSL cannot load the trust anchors")
        return kwargs(target)

    monkeypatch.setattr(pymysql_adapter, "kwargs", once)
    with pytest.raises(pymysql.err.OperationalError, match="certificate verify failed") as caught:
        pymysql_connect(mysql, store.settings)
    assert len(made) == 2
    assert len(caught.value.__notes__) == 1
