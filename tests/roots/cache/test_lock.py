"""One at a time, and never for ever: between threads and between processes."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rds_tls.roots.cache.disk import Cache
from tests.roots.cache.conftest import hear, tell, worker
from tests.roots.programs.cache import NAME, enter_and_leave


def test_threads_exclude_each_other(cache: Cache) -> None:
    """Of eight threads with a cache each, one at a time is inside."""
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(enter_and_leave, Cache(cache.directory), 5) for _ in range(8)]:
            done.result()


def test_processes_exclude_each_other(cache: Cache) -> None:
    """Of two processes and this one, one at a time is inside."""
    with worker("enter_and_leave", cache) as first, worker("enter_and_leave", cache) as second:
        enter_and_leave(cache)
        assert [first.wait(), second.wait()] == [0, 0]


@pytest.mark.parametrize("timeout", [-1, 0, 0.1])
def test_timeout(cache: Cache, timeout: float, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever does not get the lock in time is told so, and it is no fault; no timeout means for ever."""
    with worker("hold", cache) as holder:
        assert hear(holder) == "True"
        with cache.locked(NAME, timeout) as held:
            assert not held
    assert caplog.records == []


def test_one_lock_for_each_name(cache: Cache) -> None:
    """The lock of one name does not keep anybody from another."""
    with cache.locked(NAME, 0) as held, cache.locked("us-east-1", 0) as other, cache.locked(NAME, 0) as again:
        assert (held, other, again) == (True, True, False)


def test_released_by_an_exception(cache: Cache) -> None:
    """An exception passes through as it is, and the lock is free after it."""
    with pytest.raises(ZeroDivisionError), cache.locked(NAME, 0):
        raise ZeroDivisionError
    with cache.locked(NAME, 0) as held:
        assert held


def test_exception_without_the_lock(cache: Cache) -> None:
    """An OSError from the body is not taken for a lock that cannot be had."""
    with cache.locked(NAME, 0), pytest.raises(TimeoutError, match="body") as raised, cache.locked(NAME, 0):
        raise TimeoutError("body")
    assert raised.value.__context__ is None


def test_lock_of_a_killed_process(cache: Cache) -> None:
    """The lock of a process that was killed is free."""
    with worker("hold", cache) as holder:
        assert hear(holder) == "True"
        holder.kill()
        holder.wait()
        with cache.locked(NAME, 60) as held:
            assert held


def test_linked_lock_file(cache: Cache, tmp_path: Path) -> None:
    """A symbolic link in the lock file's place gives no lock, and its target is not created."""
    assert cache.prepare() is None
    Path(cache.directory, "eu-west-1.pem.lock").symlink_to(tmp_path / "target")
    with cache.locked(NAME, 0) as held:
        assert not held
    assert not (tmp_path / "target").exists()


def test_fork_while_locked(cache: Cache) -> None:
    """A child forked while a thread holds the lock does not keep it: it is free once the parent releases it."""
    with worker("fork_beside_holder", cache) as parent:
        child = int(hear(parent))
        try:
            with cache.locked(NAME, 0) as held:
                assert not held
            tell(parent)
            assert hear(parent) == "released"
            with cache.locked(NAME, 60) as held:
                assert held
        finally:
            os.kill(child, signal.SIGKILL)  # raises if it lives no more


def test_fork_and_the_holder_is_killed(cache: Cache) -> None:
    """A child forked while a thread holds the lock does not keep it when the parent is killed, either."""
    with worker("fork_beside_holder", cache) as parent:
        child = int(hear(parent))
        parent.kill()
        parent.wait()
        try:
            with cache.locked(NAME, 60) as held:
                assert held
        finally:
            os.kill(child, signal.SIGKILL)
