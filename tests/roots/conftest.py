"""What the tests of roots share: a trust store, and what a process holds and does behind the calls."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rds_tls.roots import background, lookup
from tests.support.local_https import LocalHttps
from tests.support.local_rds import Authority, KeyType
from tests.support.trust_store import REGION, TrustStore

# A step that a test takes at some moment: to forget something, or to wait for something.
Step = Callable[[], None]

# The thread that looked for newer roots last, if there was one.
Thread = Callable[[], threading.Thread | None]


@pytest.fixture(scope="module")
def https(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHttps]:
    """One HTTPS server for every test of a file: making certificates takes longer than most tests."""
    with LocalHttps(tmp_path_factory.mktemp("https")) as server:
        yield server


@pytest.fixture
def store(https: LocalHttps, tmp_path: Path) -> TrustStore:
    """An empty trust store, and settings that use it with an empty cache."""
    return TrustStore(https, tmp_path / "cache")


@pytest.fixture(scope="module")
def root() -> bytes:
    """A root of the region that nobody knows yet."""
    return Authority(REGION, KeyType.ECC384).root_pem


@pytest.fixture
def forget_answers() -> Step:
    """Forget which anchors were given out, and not what failed."""
    return lookup._remembered.clear


@pytest.fixture
def new_process() -> Step:
    """Forget what this process holds, as the next one would."""

    def forget() -> None:
        lookup._remembered.clear()
        background.SCHEDULE.forget()

    return forget


@pytest.fixture
def refresh_thread() -> Thread:
    """Give the thread that looked for newer roots last, if there was one."""
    return lambda: background.SCHEDULE._thread


@pytest.fixture
def wait_for_refresh(refresh_thread: Thread) -> Step:
    """Let the background refresh end, if one runs."""

    def wait() -> None:
        thread = refresh_thread()
        if thread is not None:
            thread.join(30)
            assert not thread.is_alive()

    return wait
