"""A caller's own CA file is read once, and again as soon as it may be another one."""

import os
import threading
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import pytest

import rds_tls
from rds_tls.roots import ca_file, snapshot
from rds_tls.roots.ca_file import checked_digest
from rds_tls.roots.identity import identity_of
from tests.support.programs import run

FIRST = b"-----BEGIN CERTIFICATE-----\nfirst\n"
OTHER = b"-----BEGIN CERTIFICATE-----\nother\n"


@pytest.fixture(autouse=True)
def _any_age(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let files of this moment count as old enough to be remembered."""
    monkeypatch.setattr(ca_file, "_STEP", -(10**18))
    monkeypatch.setattr(ca_file, "_digests", {})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A CA file that was read once."""
    path = tmp_path / "roots.pem"
    path.write_bytes(FIRST)
    assert checked_digest(str(path)) == sha256(FIRST).hexdigest()
    assert len(ca_file._digests) == 1
    return path


def test_unchanged_file_is_opened_once() -> None:
    """Three calls open the file once."""
    shipped = f"{snapshot.DIRECTORY}/us-east-1.pem"  # it is older than the step of any clock
    assert run("roots/programs/ca_file.py", shipped) == "1\n"


def overwrite(path: Path) -> None:
    """Write another content of the same length into the same file, and put its times back as far as one can."""
    before = path.stat()
    while path.stat().st_ctime_ns == before.st_ctime_ns:  # the clock of the file system goes in steps
        path.write_bytes(OTHER)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace(path: Path) -> None:
    """Put another file in its place, of the same length and time."""
    before = path.stat()
    other = path.with_name("other.pem")
    other.write_bytes(OTHER)
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)


def relink(path: Path) -> None:
    """Put a link to another file in its place, as Kubernetes does with a mounted secret."""
    other = path.with_name("other.pem")
    other.write_bytes(OTHER)
    path.unlink()
    path.symlink_to(other)


@pytest.mark.parametrize("change", [overwrite, replace, relink])
def test_changed_file_is_noticed_at_once(path: Path, change: Callable[[Path], None]) -> None:
    """Whatever way the content comes to be another one, the next call has its digest."""
    change(path)
    assert path.read_bytes() == OTHER
    assert checked_digest(str(path)) == sha256(OTHER).hexdigest()


@pytest.mark.parametrize("field", ["st_dev", "st_ino", "st_mtime_ns", "st_size", "st_ctime_ns"])
def test_each_fact_tells_files_apart(path: Path, field: str) -> None:
    """Two files are one only when device, inode, both times and size are the same."""
    status = path.stat()
    same = {name: getattr(status, name) for name in dir(status) if name.startswith("st_")}
    other = SimpleNamespace(**same | {field: same[field] + 1})
    assert identity_of(SimpleNamespace(**same)) == identity_of(status)  # type: ignore[arg-type]
    assert identity_of(other) != identity_of(status)  # type: ignore[arg-type]


BAD = {
    "private key": (b"-----BEGIN RSA PRIVATE KEY-----\n", "holds a private key"),
    "too large": (b"#" * 1_048_576, "is larger than 1048576 bytes"),
}


@pytest.mark.parametrize(("more", "reason"), BAD.values(), ids=BAD)
def test_every_check_holds_for_what_a_file_becomes(path: Path, more: bytes, reason: str) -> None:
    """A file that was good is judged as any other when it has changed, and never remembered while it is bad."""
    path.write_bytes(FIRST + more)
    for _ in range(2):
        with pytest.raises(rds_tls.TrustError, match=reason):
            checked_digest(str(path))
    path.unlink()
    with pytest.raises(rds_tls.TrustError, match="cannot be read: No such file"):
        checked_digest(str(path))


def test_file_that_may_change_unseen_is_not_remembered(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was changed a moment ago may change within the same step of the clock, so it is read with each call."""
    monkeypatch.undo()
    path.write_bytes(OTHER)
    before = dict(ca_file._digests)
    assert checked_digest(str(path)) == sha256(OTHER).hexdigest()
    assert ca_file._digests == before


def test_file_that_changes_while_it_is_read_is_not_remembered(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read of a file in the middle of a change is no content that it ever had."""
    path.write_bytes(OTHER)
    looked_at: list[int] = []

    def fstat(descriptor: int) -> os.stat_result:
        looked_at.append(descriptor)
        if len(looked_at) == 2:
            path.write_bytes(FIRST + OTHER)
        return os.stat(descriptor)

    before = dict(ca_file._digests)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fstat", fstat)
        checked_digest(str(path))
    assert len(looked_at) == 2
    assert ca_file._digests == before
    assert checked_digest(str(path)) == sha256(FIRST + OTHER).hexdigest()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
def test_pipe_is_not_remembered(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no regular file gives another content with each reading, and looks the same."""
    pipe = path.with_name("pipe")
    os.mkfifo(pipe)
    status = pipe.stat()
    monkeypatch.setattr(os, "fstat", lambda _: status)  # as if it were read before the system takes note of the writing
    before = dict(ca_file._digests)
    for content in (FIRST, OTHER):
        writer = threading.Thread(target=pipe.write_bytes, args=(content,), daemon=True)
        writer.start()
        assert checked_digest(str(pipe)) == sha256(content).hexdigest()
        writer.join()
    assert ca_file._digests == before


def test_remembered_files_are_bounded(tmp_path: Path) -> None:
    """A program that writes CA files for ever does not fill its memory with their digests."""
    for number in range(ca_file._MAX_DIGESTS + 10):
        path = tmp_path / f"{number}.pem"
        path.write_bytes(FIRST)
        checked_digest(str(path))
    assert 0 < len(ca_file._digests) <= ca_file._MAX_DIGESTS
