"""What doctor asks the trust store for: the time, where a certificate is outside its own, and newer roots."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

import rds_tls
from tests.support.local_https import Answer, LocalHttps, raw, reply
from tests.support.local_rds import Authority, KeyType, PostgresServer
from tests.support.trust_store import HOST, OF_REGION, REGION, TrustStore

# Of a partition without a published trust store.
IN_ISO = "orders.cluster-abc123def456.eu-isoe-west-1.rds.cloud.adc-e.uk"


@pytest.fixture(scope="module")
def https(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHttps]:
    """One HTTPS server for all tests."""
    with LocalHttps(tmp_path_factory.mktemp("https")) as server:
        yield server


@pytest.fixture
def authority() -> Authority:
    """The region's CA."""
    return Authority(REGION, KeyType.ECC384)


@pytest.fixture
def store(https: LocalHttps, authority: Authority, tmp_path: Path) -> TrustStore:
    """A trust store, of which the cache has fresh roots."""
    store = TrustStore(https, tmp_path)
    store.put(REGION, authority.root_pem, time.time())
    return store


def diagnosis(server: PostgresServer, settings: rds_tls.Settings) -> rds_tls.Report:
    """Ask for a diagnosis of the server."""
    return rds_tls.diagnose(HOST, engine="postgresql", via=(server.host, server.port), settings=settings)


def present_outside_its_time(server: PostgresServer, authority: Authority, days: tuple[int, int]) -> None:
    """Let the server have a certificate that is valid from one day to another, counted from now."""
    begin, end = (datetime.now(UTC) + timedelta(days=count) for count in days)
    server.present(authority.issue([HOST, IN_ISO], not_before=begin, not_after=end))


def clock_of(ahead: timedelta) -> Answer:
    """Answer with a Date that this machine is so far ahead of."""
    date = format_datetime(datetime.now(UTC) - ahead, usegmt=True)
    return raw(b"HTTP/1.0 200 OK\r\nDate: %b\r\nContent-Length: 3\r\n\r\nPEM" % date.encode())


CLOCKS = {
    "right": (timedelta(seconds=10), "right"),
    "ahead": (timedelta(days=5, hours=1), "5 days ahead"),
    "behind": (timedelta(hours=-30, minutes=-1), "30 hours behind"),
    "a little behind": (timedelta(minutes=-7, seconds=-20), "7 minutes behind"),
}


@pytest.mark.parametrize(("ahead", "words"), CLOCKS.values(), ids=CLOCKS)
@pytest.mark.parametrize(("cause", "days"), [("expired", (-30, -4)), ("not-yet-valid", (3, 30))])
def test_clock_is_compared(
    cause: str,
    days: tuple[int, int],
    ahead: timedelta,
    words: str,
    postgres: PostgresServer,
    authority: Authority,
    store: TrustStore,
) -> None:
    """A certificate outside its time is that, or this machine's clock is wrong: the trust store's Date tells."""
    present_outside_its_time(postgres, authority, days)
    store.publish(REGION, clock_of(ahead))
    report = diagnosis(postgres, store.settings)
    assert report.cause is not None
    assert report.cause.id == cause
    assert report.cause.facts[-1] == f"by the trust store's Date header this machine's clock is {words}"
    assert store.asked == [OF_REGION]


def test_trust_store_that_does_not_answer_is_a_fact(
    postgres: PostgresServer, authority: Authority, store: TrustStore
) -> None:
    """What came of asking is said; the cause stands."""
    present_outside_its_time(postgres, authority, (-30, -4))
    store.publish(REGION, reply(404))
    report = diagnosis(postgres, store.settings)
    assert report.cause is not None
    assert report.cause.facts[-1] == (
        "the trust store could not be asked for the time: the server answered with status 404"
    )
    store.publish(REGION, raw(b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nPEM"))
    report = diagnosis(postgres, store.settings)
    assert report.cause is not None
    assert report.cause.facts[-1].endswith("the answer has no Date header")


@pytest.mark.parametrize(("host", "change"), [(HOST, {"offline": True}), (IN_ISO, {"truststore_url": None})])
def test_nobody_is_asked_who_may_not_be(
    host: str,
    change: dict[str, Any],
    postgres: PostgresServer,
    authority: Authority,
    store: TrustStore,
    tmp_path: Path,
) -> None:
    """Offline nothing is downloaded, and for a partition without a trust store there is nobody to ask."""
    present_outside_its_time(postgres, authority, (-30, -4))
    file = tmp_path / "roots.pem"
    file.write_bytes(authority.root_pem)
    settings = store.settings.replace(ca_file=file, **change)
    report = rds_tls.diagnose(host, engine="postgresql", via=(postgres.host, postgres.port), settings=settings)
    assert report.cause is not None
    assert report.cause.id == "expired"
    assert report.cause.facts[-1].endswith(" UTC")
    assert store.asked == []


def test_doctor_heals_as_a_connection_would(postgres: PostgresServer, authority: Authority, store: TrustStore) -> None:
    """After a rotation a connection succeeds by newer roots, so that is what is found, and what they are is said."""
    new = Authority(REGION, KeyType.ECC384)
    postgres.present(new.issue([HOST]))
    store.publish(REGION, authority.root_pem + new.root_pem)
    report = diagnosis(postgres, store.settings)
    assert report.ok
    assert report.checks[-1].text.startswith(
        "TLSv1.3, verified by newer roots: the eu-north-9 RDS roots from the cache"
    )
    assert store.asked == [OF_REGION]


def test_look_for_newer_roots_that_failed_is_a_fact(
    postgres: PostgresServer, authority: Authority, store: TrustStore
) -> None:
    """Why there are none is said, and not that nobody has any."""
    del authority
    postgres.present(Authority(REGION, KeyType.RSA2048).issue([HOST]))
    store.publish(REGION, reply(403))
    store.publish_global(reply(500))
    report = diagnosis(postgres, store.settings)
    assert report.cause is not None
    assert report.cause.id == "newer-root"
    assert report.cause.facts[-1].startswith("a newer bundle was looked for: cannot download ")
