"""When newer roots are looked for: one thread at most, how often, and how soon again after a failure."""

import logging
import re
import threading
import time
from pathlib import Path

import pytest

import rds_tls
from rds_tls.roots import background, lookup
from rds_tls.roots.anchors import Source
from rds_tls.roots.lookup import obtain_anchors
from tests.roots.conftest import Step, Thread
from tests.support.local_https import reply
from tests.support.trust_store import (
    KNOWN,
    OF_REGION,
    REGION,
    ROOTS,
    TrustStore,
    shipped,
)


@pytest.mark.parametrize("hindrance", ["lambda", "offline"])
def test_no_refresh_where_none_may_run(
    store: TrustStore, root: bytes, monkeypatch: pytest.MonkeyPatch, hindrance: str, refresh_thread: Thread
) -> None:
    """On AWS Lambda and offline a stale bundle is served, and no thread starts."""
    store.put(REGION, root, time.time())
    settings = store.settings._replace(max_age=0, offline=hindrance == "offline")
    if hindrance == "lambda":
        monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "orders")
    assert obtain_anchors(ROOTS, settings).source is Source.CACHE
    assert refresh_thread() is None
    assert store.asked == []


def test_refresh_lets_the_connect_go_first(
    store: TrustStore, root: bytes, monkeypatch: pytest.MonkeyPatch, wait_for_refresh: Step, refresh_thread: Thread
) -> None:
    """A refresh waits before it begins, and an interpreter that is about to exit ends the wait, and the refresh."""
    monkeypatch.setattr(background, "_HEAD_START", 3600.0)
    store.put(REGION, root, time.time())
    store.publish(REGION, root)
    obtain_anchors(ROOTS, store.settings._replace(max_age=0))
    thread = refresh_thread()
    assert thread is not None
    assert thread.is_alive()
    background.SCHEDULE.close()
    wait_for_refresh()
    assert store.asked == []


def test_failed_refresh_is_logged_and_not_repeated(
    store: TrustStore, root: bytes, caplog: pytest.LogCaptureFixture, wait_for_refresh: Step, forget_answers: Step
) -> None:
    """A refresh that fails leaves what there is, says so once, and waits before the next one."""
    store.put(REGION, root, time.time())
    store.publish(REGION, reply(400))
    stale = store.settings._replace(max_age=0)
    with caplog.at_level(logging.WARNING, logger="rds_tls"):
        for _ in range(3):
            forget_answers()
            assert obtain_anchors(ROOTS, stale).source is Source.CACHE
            wait_for_refresh()
    assert store.asked == [OF_REGION]
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "could not be refreshed" in caplog.text


def test_one_background_thread_at_most(
    store: TrustStore, root: bytes, wait_for_refresh: Step, refresh_thread: Thread
) -> None:
    """While one refresh waits for a slow server, no second thread starts for another region."""
    release = threading.Event()
    answer = reply(200, root)
    store.put(REGION, root, time.time())
    store.publish(REGION, lambda handler: (release.wait(30), answer(handler))[1])
    stale = store.settings._replace(max_age=0)
    obtain_anchors(ROOTS, stale)
    running = refresh_thread()
    obtain_anchors(KNOWN, stale)
    assert refresh_thread() is running
    release.set()
    wait_for_refresh()
    assert store.asked == [OF_REGION]


def test_one_refresh_after_the_other(store: TrustStore, root: bytes, wait_for_refresh: Step) -> None:
    """When a background refresh has come to its end, the next one runs."""
    store.put(REGION, root, time.time())
    store.publish(REGION, root)
    store.publish("eu-west-1", shipped(KNOWN))
    stale = store.settings._replace(max_age=0)
    for roots in (ROOTS, KNOWN):
        obtain_anchors(roots, stale)
        wait_for_refresh()
    assert store.asked == [OF_REGION, "/eu-west-1/eu-west-1-bundle.pem"]


def test_failure_stands_for_a_minute(store: TrustStore, root: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nothing covers and nobody gives is asked for once a minute, not by every call; the error says when."""
    passed = [0.0]
    real_clock = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: real_clock() + passed[0])
    store.publish(REGION, reply(400))
    with pytest.raises(rds_tls.DownloadError) as first:
        obtain_anchors(ROOTS, store.settings)
    for _ in range(2):
        with pytest.raises(rds_tls.DownloadError) as again:
            obtain_anchors(ROOTS, store.settings)
        assert (str(again.value), again.value.url) == (str(first.value), first.value.url)
        (note,) = again.value.__notes__
        assert re.fullmatch(r"rds_tls: this was tried at \d\d:\d\d:\d\d UTC, and stands for 60 seconds: .*", note)
    assert not hasattr(first.value, "__notes__")
    assert store.asked == [OF_REGION]
    passed[0] = background._STANDS
    store.publish(REGION, root)
    assert obtain_anchors(ROOTS, store.settings).source is Source.CACHE


def test_failure_stands_for_its_settings_alone(store: TrustStore, root: bytes, forget_answers: Step) -> None:
    """Other settings are tried at once, and a success puts an end to what stood."""
    store.publish(REGION, reply(400))
    for _ in range(2):
        with pytest.raises(rds_tls.DownloadError):
            obtain_anchors(ROOTS, store.settings)
    store.publish(REGION, root)
    other = store.settings._replace(total_timeout=9.0)
    path = Path(obtain_anchors(ROOTS, other).path)
    assert store.asked == [OF_REGION] * 2
    assert obtain_anchors(ROOTS, store.settings).path == str(path)
    path.unlink()
    obtain_anchors(ROOTS, other)
    forget_answers()
    path.unlink()
    with pytest.raises(rds_tls.DownloadError):
        obtain_anchors(ROOTS, store.settings)
    lookup.renewed(ROOTS, store.settings, None)
    forget_answers()
    path.unlink()
    assert obtain_anchors(ROOTS, store.settings).path == str(path)


def test_failure_that_stands_keeps_no_frames(store: TrustStore) -> None:
    """What is remembered of a failure leads to no variable of the calls that met it: there may be passwords."""
    store.publish(REGION, reply(400))
    for _ in range(2):
        with pytest.raises(rds_tls.DownloadError):
            obtain_anchors(ROOTS, store.settings)
    ((kept, _, _),) = background.SCHEDULE._failed.values()
    assert (kept.__traceback__, kept.__context__, kept.__cause__) == (None, None, None)


def test_failures_that_stand_are_bounded() -> None:
    """A program that makes up settings for ever does not fill its memory with failures."""
    for number in range(background._MAX_FAILED + 10):
        background.SCHEDULE.remember(number, rds_tls.TrustError("no"))
    assert len(background.SCHEDULE._failed) <= background._MAX_FAILED
