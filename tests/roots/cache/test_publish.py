"""A publish happens whole or not at all, with real processes and real kills."""

import os
import random
import signal
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from rds_tls.roots.cache.disk import _LEFTOVER_AGE, Cache
from rds_tls.roots.cache.entry import Entry
from tests.roots.cache.conftest import SHIPPED, as_ordinary_user, hear, loaded_roots, tell, worker
from tests.roots.programs.cache import CONTENTS, NAME, publish

KILLS = 200


def files(cache: Cache, pattern: str = "*") -> set[str]:
    """List the names of the files in a cache."""
    return {path.name for path in Path(cache.directory).glob(pattern)}


def test_fault_creates_the_directory(cache: Cache) -> None:
    """A missing directory is created, with what is missing above it."""
    assert cache.prepare() is None
    assert Path(cache.directory).is_dir()


def test_another_process_creates_the_directory(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory that appears just before it is created is no fault."""
    create = os.mkdir

    def create_twice(path: str, mode: int) -> None:
        create(path, mode)
        create(path, mode)

    monkeypatch.setattr(os, "mkdir", create_twice)
    assert cache.prepare() is None


def test_read_only_directory() -> None:
    """A directory that may not be written is a fault; the entry in it is still served, and a publish fails."""
    with tempfile.TemporaryDirectory() as above, as_ordinary_user(above):
        cache = Cache(f"{above}/cache")
        published = publish(cache, b"before")
        Path(cache.directory).chmod(0o500)
        assert "read-only" in (cache.prepare() or "")
        assert cache.fault() == cache.prepare()
        assert "Permission denied" in (Cache(f"{cache.directory}/below").prepare() or "")
        assert f"{cache.directory!r} above it is read-only" in (Cache(f"{cache.directory}/below").fault() or "")
        assert cache.read(NAME) == published
        with pytest.raises(PermissionError):
            publish(cache, b"after")
        with cache.locked(NAME, 0) as held:
            assert not held
        Path(cache.directory).chmod(0o700)


def test_full_disk(cache: Cache) -> None:
    """When the disk takes half of it, a publish raises OSError, keeps the old entry and leaves no litter."""
    published = publish(cache, CONTENTS[0][:10])
    with worker("publish_beyond_limit", cache) as process:
        assert hear(process) == "OSError"
    assert cache.read(NAME) == published
    assert files(cache) == {"eu-west-1.pem"}


def test_failed_sync(cache: Cache, entry_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk does not confirm the data, the old entry stays and there is no litter."""

    def fail(descriptor: int) -> None:
        raise OSError(5, f"Input/output error on {descriptor}")

    before = entry_path.read_bytes()
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="Input/output error"):
        publish(cache, b"new")
    assert (files(cache), entry_path.read_bytes()) == ({entry_path.name}, before)


def test_leftovers_are_swept(cache: Cache, entry_path: Path) -> None:
    """A publish removes this entry's old temporary files; young ones and other people's files stay."""
    now = entry_path.stat().st_mtime
    ages = {
        "eu-west-1.pem.old.tmp": _LEFTOVER_AGE + 60,
        "eu-west-1.pem.young.tmp": 0,
        "us-east-1.pem.old.tmp": _LEFTOVER_AGE + 60,
        "eu-west-1.pem.txt": _LEFTOVER_AGE + 60,
    }
    for name, age in ages.items():
        (entry_path.parent / name).touch()
        os.utime(entry_path.parent / name, (now - age, now - age))
    publish(cache, b"")
    assert files(cache) == {*ages, "eu-west-1.pem"} - {"eu-west-1.pem.old.tmp"}


def test_killed_in_the_middle(cache: Cache) -> None:
    """Through 200 kills at random moments a reader sees one of the two contents, whole, every time."""
    published = [publish(cache, content) for content in CONTENTS]
    randomness = random.Random(20261103)  # noqa: S311 - moments to kill at, not secrets
    with worker("nurse", cache) as nurse:
        for _ in range(KILLS):
            tell(nurse)
            child = int(hear(nurse))
            watch(cache, child, published, changes=randomness.randrange(3))
            for _ in range(randomness.randrange(50)):
                assert cache.read(NAME) in published
            os.kill(child, signal.SIGKILL)
    assert cache.read(NAME) in published
    leftovers = files(cache, "*.tmp")
    assert leftovers, "some kills came in the middle of a publish"

    for leftover in leftovers:
        os.utime(Path(cache.directory, leftover), (0, 0))
    publish(cache, CONTENTS[0])
    assert files(cache, "*.tmp") == set()


def test_path_can_be_opened_at_any_moment(cache: Cache) -> None:
    """While entries replace each other, OpenSSL finds three roots at the path each time."""
    contents = [(SHIPPED / f"{region}.pem").read_bytes() for region in ("eu-west-1", "us-east-1")]
    path = publish(cache, contents[0]).path
    done = threading.Event()

    def replace() -> int:
        count = 0
        while not done.is_set():
            publish(cache, contents[count % 2])
            count += 1
        return count

    with ThreadPoolExecutor(1) as pool:
        replacing = pool.submit(replace)
        found = set()
        with set_at_end(done):
            for _ in range(200):
                found.add(loaded_roots(path))
    assert found == {3}
    assert replacing.result() > 1


def watch(cache: Cache, child: int, published: list[Entry], changes: int) -> None:
    """Read until the entry has changed a number of times; each time it must be one of those published."""
    entry = cache.read(NAME)
    while changes:
        os.kill(child, 0)  # raises if the child, which makes the changes, lives no more
        before, entry = entry, cache.read(NAME)
        assert entry in published
        changes -= entry != before


@contextmanager
def set_at_end(event: threading.Event) -> Iterator[None]:
    """Set an event at the end, whatever happens."""
    try:
        yield
    finally:
        event.set()
