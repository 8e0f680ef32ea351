"""Nobody else can have put a file, or the directory, there."""

import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from rds_tls.roots.cache.disk import Cache
from tests.roots.cache.conftest import ROOT, STRANGER
from tests.roots.programs.cache import NAME, publish
from tests.support.programs import run


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
