"""The disk cache, with real files, real processes and real kills."""

import logging
import os
import random
import re
import signal
import ssl
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rds_tls
from rds_tls.roots.cache import cache_directories
from rds_tls.roots.cache.disk import _LEFTOVER_AGE, Cache
from rds_tls.roots.cache.entry import MAX_FILE_BYTES, Entry
from rds_tls.roots.origin import NOTHING_KNOWN, Origin, Validators
from tests.roots.programs.cache import CONTENTS, NAME, URL, enter_and_leave, publish
from tests.support.programs import command, run

SHIPPED = Path(rds_tls.__file__).parent / "roots" / "snapshot"
KILLS = 200
STRANGER = 65534
TEMPORARY = "/tmp/rds-tls-7"  # noqa: S108 - a name to compare with, not a file


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    """A cache whose directory does not exist yet."""
    return Cache(str(tmp_path / "above" / "cache"))


@pytest.fixture
def entry_path(cache: Cache) -> Path:
    """The file of a small, good entry."""
    return Path(publish(cache, b"small\n").path)


@contextmanager
def worker(task: str, cache: Cache) -> Iterator[subprocess.Popen[str]]:
    """Run a task of tests/roots/programs/cache.py beside the test."""
    program = command("roots/programs/cache.py", task, cache.directory)
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def tell(process: subprocess.Popen[str]) -> None:
    """Let a worker go on."""
    assert process.stdin
    process.stdin.write("\n")
    process.stdin.flush()


def hear(process: subprocess.Popen[str]) -> str:
    """Wait for a worker's next line."""
    assert process.stdout
    return process.stdout.readline().strip()


def files(cache: Cache, pattern: str = "*") -> set[str]:
    """List the names of the files in a cache."""
    return {path.name for path in Path(cache.directory).glob(pattern)}


def forge(facts: bytes, content: bytes = b"") -> bytes:
    """Write an entry whose check is right, whatever its facts are."""
    return b"# rds_tls cache 1\n# sha256: %s\n" % sha256(facts + content).hexdigest().encode() + facts + content


def test_round_trip(cache: Cache) -> None:
    """An entry is read as it was published, with every fact."""
    published = publish(cache, b"content\n", fetched_at=1_790_000_000.123)
    assert cache.read(NAME) == published
    assert published == (
        f"{cache.directory}/eu-west-1.pem",
        b"content\n",
        Origin(URL, Validators('"abc"', "Tue, 03 Nov 2026 10:00:00 GMT"), 1_790_000_000.123),
        sha256(b"content\n").hexdigest(),
    )


def test_absent_is_none_and_silent(cache: Cache, caplog: pytest.LogCaptureFixture) -> None:
    """A missing entry, and a missing directory, are no fault and leave no trace."""
    assert cache.read(NAME) is None
    assert not Path(cache.directory).exists()
    publish(cache, b"")
    assert cache.read("us-east-1") is None
    assert caplog.records == []


def test_files_are_private(cache: Cache) -> None:
    """Whatever the umask, nobody else can write or read what the cache creates."""
    before = os.umask(0)
    try:
        path = publish(cache, b"").path
        with cache.locked(NAME, 0):
            pass
    finally:
        os.umask(before)
    modes = {oct(stat.S_IMODE(file.stat().st_mode)) for file in Path(cache.directory).iterdir()}
    folders = {oct(stat.S_IMODE(folder.stat().st_mode)) for folder in Path(path).parents[:2]}
    assert ({"0o600"}, {"0o700"}) == (modes, folders)


@pytest.mark.parametrize("value", [None, "", "W/\"a-b\" 'c'", "x" * 200])
def test_keeps_validator(cache: Cache, value: str | None) -> None:
    """A validator that fits on a line is kept to the letter; an empty one is none."""
    publish(cache, b"content", etag=value)
    entry = cache.read(NAME)
    assert entry
    assert entry.origin.validators.etag == (value or None)


@pytest.mark.parametrize(
    "value",
    ["a\nb", "a\r", "\0", "\x7f", "é", "\ud800", "\u2028", " a", "a ", "x" * 201, "-----BEGIN CERTIFICATE-----"],
)
def test_forgets_hostile_validator(cache: Cache, value: str) -> None:
    """A server's ETag that could leave its line, or pass for PEM, is not stored; the content is."""
    publish(cache, b"content", etag=value)
    entry = cache.read(NAME)
    assert entry
    assert (entry.origin.validators.etag, entry.content, entry.origin.url) == (None, b"content", URL)


def test_long_etag_cannot_smuggle_a_certificate(cache: Cache) -> None:
    """OpenSSL finds no certificate in an ETag that is laid out for the pieces in which it reads a line."""
    lines = (SHIPPED / "us-east-1.pem").read_text().splitlines()
    smuggled = lines[lines.index("-----BEGIN CERTIFICATE-----") : lines.index("-----END CERTIFICATE-----") + 1]
    etag = " " * (254 - len("# etag: ")) + "".join(line.ljust(254) for line in smuggled)
    trap = Path(cache.directory + ".txt")
    trap.parent.mkdir()
    trap.write_text(f"# etag: {etag}\n")
    assert loaded_roots(str(trap)) == 1, "the trap works when nothing guards against it"

    path = publish(cache, (SHIPPED / "eu-west-1.pem").read_bytes(), etag=etag).path
    assert loaded_roots(path) == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "https://example.com/a\nb"},
        {"url": ""},
        {"url": "https://example.com/" + "a" * 200},
        {"fetched_at": float("nan")},
        {"fetched_at": float("inf")},
        {"fetched_at": -1.0},
        {"name": "../eu-west-1"},
        {"name": ""},
        {"name": "a\0"},
        {"content": b"x" * MAX_FILE_BYTES},
    ],
    ids=str,
)
def test_refuses_what_it_could_not_read_back(cache: Cache, wrong: dict[str, object]) -> None:
    """A URL, time, name or size that has no place in an entry is an OSError, and nothing is written."""
    facts: dict[str, Any] = {"name": NAME, "content": b"", "url": URL, "fetched_at": 0.0} | wrong
    origin = Origin(facts["url"], NOTHING_KNOWN, facts["fetched_at"])
    with pytest.raises(OSError, match="cache cannot use"):
        cache.publish(facts["name"], facts["content"], origin)
    assert list(Path(cache.directory).glob("*")) == []


@pytest.mark.parametrize("name", ["../eu-west-1", "", "a\0", "EU", "a/b", "a.b", "x" * 300])
def test_bad_name_is_absent_and_unlockable(cache: Cache, name: str) -> None:
    """A name that could point elsewhere, or is too long for a file, reads as absent and gives no lock."""
    publish(cache, b"")
    assert cache.read(name) is None
    with cache.locked(name, 0) as held:
        assert not held


def test_relative_directory_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative directory is taken from where the process is now, not from where it goes."""
    monkeypatch.chdir(tmp_path)
    cache = Cache("cache")
    monkeypatch.chdir("/")
    assert publish(cache, b"").path == str(tmp_path / "cache" / "eu-west-1.pem")


def test_truncated_anywhere(cache: Cache, entry_path: Path) -> None:
    """An entry cut at any length is absent."""
    good = entry_path.read_bytes()
    for length in range(len(good)):
        entry_path.write_bytes(good[:length])
        assert cache.read(NAME) is None, length
    entry_path.write_bytes(good)
    assert cache.read(NAME)


def test_any_bit_flipped(cache: Cache, entry_path: Path) -> None:
    """An entry with any single bit flipped, in its facts or its content, is absent."""
    good = entry_path.read_bytes()
    for bit in range(len(good) * 8):
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        entry_path.write_bytes(bad)
        assert cache.read(NAME) is None, bit


@pytest.mark.parametrize(
    "data",
    [
        forge(b"\n# url: u\n# etag: \n# last-modified: \n# fetched-at: 1.000\n"),
        forge(b"# url: \n# etag: \n# last-modified: \n# fetched-at: 1.000\n"),
        forge(b"# url: u\n# etag: \n# last-modified: \n# fetched-at: 1e9\n"),
        forge(b"# url: u\n# etag: \n# last-modified: \n# fetched-at: nan\n"),
        forge(b"# url: u\n# etag: \xff\n# last-modified: \n# fetched-at: 1.000\n"),
        forge(b"# url: u\n# etag: \n# fetched-at: 1.000\n"),
        forge(b"# url: u\n# etag: \n# last-modified: \n# fetched-at: 1.000\n", b"x" * MAX_FILE_BYTES),
    ],
    ids=["another line", "no url", "time", "nan", "etag", "missing line", "huge"],
)
def test_wrong_facts_with_right_check(cache: Cache, entry_path: Path, data: bytes) -> None:
    """A check that fits does not excuse facts, or a size, that no publish writes."""
    entry_path.write_bytes(data)
    assert cache.read(NAME) is None


def test_right_facts_with_right_check(cache: Cache, entry_path: Path) -> None:
    """The forgery of these tests is believed when nothing is wrong with it."""
    entry_path.write_bytes(forge(b"# url: u\n# etag: \n# last-modified: \n# fetched-at: 1.000\n", b"x"))
    entry = cache.read(NAME)
    assert entry
    assert entry[1:3] == (b"x", Origin("u", NOTHING_KNOWN, 1.0))


def test_future_version_is_replaced(cache: Cache, entry_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """An entry in a later release's format is absent, is mentioned at INFO, and can be replaced."""
    entry_path.write_bytes(entry_path.read_bytes().replace(b"cache 1\n", b"cache 2\n"))
    with caplog.at_level(logging.INFO, "rds_tls"):
        assert cache.read(NAME) is None
    assert [record.levelno for record in caplog.records] == [logging.INFO]
    published = publish(cache, b"new")
    assert cache.read(NAME) == published


def test_logged_once(cache: Cache, entry_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """However often a damaged entry is read, one warning names its path and the fault."""
    entry_path.write_bytes(b"damaged")
    for _ in range(3):
        assert Cache(cache.directory).read(NAME) is None
    expected = f"the cache cannot use {str(entry_path)!r}: it is torn or was edited"
    assert [("rds_tls", logging.WARNING, expected)] == caplog.record_tuples


@given(data=st.binary())
def test_arbitrary_bytes(data: bytes) -> None:
    """No bytes make a read raise, and none that were not published are believed."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "eu-west-1.pem").write_bytes(data)
        assert Cache(directory).read(NAME) is None


@given(st.data())
def test_mutated_entry(data: st.DataObject) -> None:
    """An entry with any slice replaced by anything is absent, unless it is the same as before."""
    with tempfile.TemporaryDirectory() as directory:
        cache = Cache(directory)
        published = publish(cache, b"content\n")
        good = Path(published.path).read_bytes()
        start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(good))] * 2)))
        bad = good[:start] + data.draw(st.binary()) + good[end:]
        Path(published.path).write_bytes(bad)
        assert (published if bad == good else None) == cache.read(NAME)


def replace_by_link(path: Path) -> None:
    """Put a symbolic link to the good thing in its place."""
    path.symlink_to(path.rename(path.with_name(path.name + ".real")))


def replace_by_folder(path: Path) -> None:
    """Put a directory in its place."""
    path.unlink()
    path.mkdir()


def replace_by_fifo(path: Path) -> None:
    """Put a pipe that nobody writes to in its place."""
    path.unlink()
    os.mkfifo(path)


def give_away(path: Path) -> None:
    """Give it to another user."""
    os.chown(path, STRANGER, -1)


def open_to_group(path: Path) -> None:
    """Let the group write it."""
    path.chmod(0o770)


def open_to_world(path: Path) -> None:
    """Let everybody write it."""
    path.chmod(0o702)


def open_parent(path: Path) -> None:
    """Let everybody replace it."""
    path.parent.chmod(0o777)


def open_parent_to_group(path: Path) -> None:
    """Let the group replace it."""
    path.parent.chmod(0o775)


ROOT = os.geteuid() == 0
AWAY = [give_away] if ROOT else []


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (replace_by_link, "symbolic link"),
        (replace_by_folder, "not a regular file"),
        (replace_by_fifo, "not a regular file"),
        (open_to_group, "mode 0770"),
        (open_to_world, "mode 0702"),
        *[(spoil, "belongs to uid 65534") for spoil in AWAY],
    ],
)
def test_entry_of_doubtful_origin(
    cache: Cache,
    entry_path: Path,
    spoil: Callable[[Path], None],
    fault: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A good entry that is a link, no regular file, another user's or writable by others is absent."""
    assert cache.read(NAME)
    spoil(entry_path)
    assert cache.read(NAME) is None
    assert fault in caplog.text
    assert cache.prepare() is None


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (replace_by_link, "symbolic link"),
        (open_to_group, "mode 0770"),
        (open_to_world, "mode 0702"),
        (open_parent, "others can write '.+' above it"),
        (open_parent_to_group, "others can write '.+' above it"),
        *[(spoil, "belongs to uid 65534") for spoil in AWAY],
    ],
)
def test_directory_of_doubtful_origin(
    cache: Cache, entry_path: Path, spoil: Callable[[Path], None], fault: str
) -> None:
    """A directory that others control is refused for reading, publishing and locking, with the reason."""
    before = entry_path.read_bytes()
    spoil(Path(cache.directory))
    assert re.search(fault, cache.prepare() or "")
    assert cache.read(NAME) is None
    with pytest.raises(PermissionError, match=fault):
        publish(cache, b"more")
    with cache.locked(NAME, 0) as held:
        assert not held
    assert entry_path.read_bytes() == before


def test_other_owner(cache: Cache, entry_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What belongs to somebody other than this process's effective user is refused."""
    if ROOT:
        for path in (entry_path, entry_path.parent):
            give_away(path)
    monkeypatch.setattr(os, "geteuid", lambda: STRANGER - 1)
    assert "this process runs as 65533" in (cache.prepare() or "")
    assert cache.read(NAME) is None


@pytest.mark.skipif(not ROOT, reason="only root can make what belongs to root")
def test_what_belongs_to_root() -> None:
    """An ordinary user may read what root has put there, as in an image, and not replace it."""
    with tempfile.TemporaryDirectory() as directory:
        cache = Cache(directory)
        published = publish(cache, b"content")
        Path(directory).chmod(0o755)
        Path(published.path).chmod(0o644)
        os.seteuid(STRANGER)
        try:
            assert cache.read(NAME) == published
            assert "read-only" in (cache.prepare() or "")
        finally:
            os.seteuid(0)


@pytest.mark.skipif(not ROOT, reason="only root can be somebody else too")
def test_home_of_another_user() -> None:
    """A cache in the home of another user, as after sudo -E, is not used: he can put his own in its place."""
    with tempfile.TemporaryDirectory(dir="/tmp") as above:  # pytest's own are closed to him
        Path(above).chmod(0o755)
        home = Path(above, "home")
        cache = Cache(str(home / ".cache" / "rds-tls"))
        path = Path(publish(cache, b"ours\n").path)
        os.chown(home, STRANGER, STRANGER)
        run("roots/programs/stranger.py", STRANGER, "put_own", home, isolated=True)
        assert path.read_text() == "his", "he can do it"
        run("roots/programs/stranger.py", STRANGER, "put_back", home, isolated=True)
        assert path.read_bytes().endswith(b"ours\n")
        assert f"{str(home)!r} above it belongs to uid {STRANGER}" in (cache.prepare() or "")
        assert cache.read(NAME) is None


@pytest.mark.skipif(not ROOT, reason="only root can be somebody else too")
def test_nothing_is_made_in_the_home_of_another_user() -> None:
    """Where a cache could not be trusted, no directory is left behind that its owner could not use himself."""
    with tempfile.TemporaryDirectory(dir="/tmp") as home:
        os.chown(home, STRANGER, STRANGER)
        assert "above it belongs to uid" in (Cache(f"{home}/.cache/rds-tls").prepare() or "")
        assert list(Path(home).iterdir()) == []


@pytest.mark.parametrize("whose", ["stranger", "ours"] if ROOT else ["ours"])
def test_link_on_the_way(tmp_path: Path, whose: str) -> None:
    """A directory behind a link is judged by the link's owner, and by every directory on the way to its target."""
    real = tmp_path / "real"
    publish(Cache(str(real / "cache")), b"content\n")
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "link").symlink_to("../link")
    caches = [Cache(str(tmp_path / link / "cache")) for link in ("link", "other/link")]
    assert [cache.prepare() for cache in caches] == [None, None]
    if whose == "stranger":
        os.chown(tmp_path / "link", STRANGER, STRANGER, follow_symlinks=False)
    else:
        real.chmod(0o777)
    said = "is a link of uid 65534" if whose == "stranger" else "others can write"
    assert [said in (cache.prepare() or "") for cache in caches] == [True, True]
    assert [cache.read(NAME) for cache in caches] == [None, None]


def test_sticky_directory_of_another_user(cache: Cache, entry_path: Path) -> None:
    """The sticky bit helps against everybody but the directory's owner, so only root's own counts."""
    above = entry_path.parents[1]
    above.chmod(0o1777)
    if ROOT:
        os.chown(above, STRANGER, STRANGER)
    assert "above it" in (cache.prepare() or "")
    assert cache.read(NAME) is None


@pytest.mark.skipif(not ROOT, reason="only root's own sticky directory is accepted")
def test_sticky_parent_is_fine(cache: Cache, entry_path: Path) -> None:
    """A parent like /tmp, where everybody may write and nobody may replace, is accepted."""
    entry_path.parents[1].chmod(0o1777)
    assert cache.prepare() is None
    assert cache.read(NAME)


def test_directory_is_a_file(tmp_path: Path) -> None:
    """A file in the directory's place, or above it, is a fault and not an exception."""
    file = tmp_path / "file"
    file.write_bytes(b"")
    assert "not a directory" in (Cache(str(file)).prepare() or "")
    assert "Not a directory" in (Cache(str(file / "below")).prepare() or "")
    assert Cache(str(file)).read(NAME) is None
    assert Cache(str(file / "below")).read(NAME) is None


@pytest.mark.parametrize("directory", ["/\0", "/\ud800", "/proc/self/no", "/" + "x" * 300])
def test_impossible_directory(directory: str) -> None:
    """A path that no directory can have is a fault and not an exception."""
    cache = Cache(directory)
    assert cache.prepare()
    assert cache.read(NAME) is None
    with cache.locked(NAME, 0) as held:
        assert not held


def test_lost_current_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative directory in a current directory that is gone is a fault and not an exception."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    cache = Cache("cache")
    assert cache.prepare()
    assert cache.read(NAME) is None


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
        assert "Permission denied" in (Cache(f"{cache.directory}/below").prepare() or "")
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


@pytest.mark.parametrize(
    ("platform", "environ", "expected"),
    [
        ("linux", {"HOME": "/home/a"}, ["/home/a/.cache/rds-tls", TEMPORARY]),
        ("linux", {"HOME": "/home/a", "XDG_CACHE_HOME": "/c"}, ["/c/rds-tls", TEMPORARY]),
        ("linux", {"HOME": "/home/a", "XDG_CACHE_HOME": "c"}, ["/home/a/.cache/rds-tls", TEMPORARY]),
        ("linux", {"HOME": "/home/a", "TMPDIR": "/t"}, ["/home/a/.cache/rds-tls", "/t/rds-tls-7"]),
        ("linux", {"HOME": "a"}, [TEMPORARY]),
        ("linux", {"HOME": "/home/a", "AWS_LAMBDA_FUNCTION_NAME": "f"}, [TEMPORARY]),
        ("darwin", {"HOME": "/Users/a", "TMPDIR": "/t"}, ["/Users/a/Library/Caches/rds-tls", "/t/rds-tls-7"]),
    ],
)
def test_places(monkeypatch: pytest.MonkeyPatch, platform: str, environ: dict[str, str], expected: list[str]) -> None:
    """The platform's convention comes first, then a temporary directory with the user's number."""
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(os, "geteuid", lambda: 7)
    assert expected == cache_directories(None, environ)


def test_explicit_excludes_all_others() -> None:
    """A directory that the caller chose is the only one; its tilde is understood."""
    assert cache_directories("/mine", {"HOME": "/home/a"}) == ["/mine"]
    assert cache_directories("~/mine", {}) == [str(Path("~/mine").expanduser())]


def test_home_that_cannot_be_written(tmp_path: Path) -> None:
    """Where home cannot be written, the first candidate without a fault is the temporary one."""
    (tmp_path / "home").write_bytes(b"")
    environ = {"HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path)}
    first, second = cache_directories(None, environ)
    assert Cache(first).prepare()
    assert Cache(second).prepare() is None


def test_reading_loads_nothing_heavy(cache: Cache, entry_path: Path) -> None:
    """Choosing a directory and reading an entry loads hashlib, and none of what publishing needs."""
    assert entry_path.exists()
    loaded = run("roots/programs/read_entry.py", cache.directory, NAME, isolated=True).split()
    heavy = {"filelock", "json", "logging", "pathlib", "platformdirs", "tempfile", "dataclasses"}
    assert "hashlib" in loaded
    assert heavy & set(loaded) == set()


def watch(cache: Cache, child: int, published: list[Entry], changes: int) -> None:
    """Read until the entry has changed a number of times; each time it must be one of those published."""
    entry = cache.read(NAME)
    while changes:
        os.kill(child, 0)  # raises if the child, which makes the changes, lives no more
        before, entry = entry, cache.read(NAME)
        assert entry in published
        changes -= entry != before


def loaded_roots(path: str) -> int:
    """Count the certificates that OpenSSL takes from a file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(path)
    return context.cert_store_stats()["x509_ca"]


@contextmanager
def set_at_end(event: threading.Event) -> Iterator[None]:
    """Set an event at the end, whatever happens."""
    try:
        yield
    finally:
        event.set()


@contextmanager
def as_ordinary_user(directory: str) -> Iterator[None]:
    """Run as somebody who owns the directory and whom file modes bind: root is bound by none."""
    if not ROOT:
        yield
        return
    os.chown(directory, STRANGER, STRANGER)
    os.seteuid(STRANGER)
    try:
        yield
    finally:
        os.seteuid(0)
