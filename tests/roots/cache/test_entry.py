"""What is published is what is read, and what could not be read back is not published."""

import os
import stat
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from rds_tls.roots.cache.disk import Cache
from rds_tls.roots.cache.entry import MAX_FILE_BYTES
from rds_tls.roots.origin import NOTHING_KNOWN, Origin, Validators
from tests.roots.cache.conftest import SHIPPED, loaded_roots
from tests.roots.programs.cache import NAME, URL, publish
from tests.support.programs import run


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
        {"fetched_at": 1e12},
        {"name": "../eu-west-1"},
        {"name": ""},
        {"name": "-eu-west-1"},
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


def test_reading_loads_nothing_heavy(cache: Cache, entry_path: Path) -> None:
    """Choosing a directory and reading an entry loads hashlib, and none of what publishing needs."""
    assert entry_path.exists()
    loaded = run("roots/programs/read_entry.py", cache.directory, NAME, isolated=True).split()
    heavy = {"filelock", "json", "logging", "pathlib", "platformdirs", "tempfile", "dataclasses"}
    assert "hashlib" in loaded
    assert heavy & set(loaded) == set()
