"""An entry that is not what was published is absent."""

import logging
import tempfile
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds_tls.roots.cache.disk import Cache
from rds_tls.roots.cache.entry import MAX_FILE_BYTES
from rds_tls.roots.origin import NOTHING_KNOWN, Origin
from tests.roots.programs.cache import NAME, publish


def forge(facts: bytes, content: bytes = b"") -> bytes:
    """Write an entry whose check is right, whatever its facts are."""
    return b"# rds_tls cache 1\n# sha256: %s\n" % sha256(facts + content).hexdigest().encode() + facts + content


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


def test_no_version_at_all(cache: Cache, entry_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A file with a word in the version's place is damaged, not of a later release."""
    entry_path.write_bytes(entry_path.read_bytes().replace(b"cache 1\n", b"cache one\n"))
    assert cache.read(NAME) is None
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


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
