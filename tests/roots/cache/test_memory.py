"""Downloaded roots where no directory can be written: files without a name, whose numbers others may take over."""

import logging
import os
from pathlib import Path

import pytest

import rds_tls
from rds_tls.context.shared import shared_context
from rds_tls.endpoint import parse_endpoint, root_set
from rds_tls.roots.cache.memory import _HIGH, MEMORY
from rds_tls.roots.lookup import obtain_anchors
from tests.roots.programs.memory import ORIGIN, descriptor_of
from tests.support.local_https import LocalHttps
from tests.support.local_rds import Authority, KeyType
from tests.support.programs import run
from tests.support.trust_store import HOST, REGION, TrustStore, environment

pytestmark = pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="this system has no files without a name")

# What these tests do in processes of their own.
PROGRAM = "roots/programs/memory.py"


@pytest.fixture
def store(https: LocalHttps, tmp_path: Path, root: bytes) -> TrustStore:
    """A trust store with the root, and settings whose cache directory is none."""
    (tmp_path / "file").write_text("in the way")
    store = TrustStore(https, tmp_path / "file")
    store.publish(REGION, root)
    return store


@pytest.fixture
def upload(tmp_path: Path) -> Path:
    """A root that somebody else sent."""
    path = tmp_path / "upload.pem"
    path.write_bytes(Authority("eu-north-8", KeyType.ECC384).root_pem)
    return path


def test_daemon_that_opens_an_upload_in_the_roots_place(store: TrustStore, upload: Path, root: bytes) -> None:
    """After every descriptor was closed, neither a path nor a context leads to what was opened under its number."""
    said = run(PROGRAM, "daemon", REGION, upload, environ=environment(store))
    assert root.decode().splitlines()[5] in said
    assert f"Amazon RDS {REGION} Root CA" in said
    assert "eu-north-8" not in said


def test_closed_file_is_made_anew(
    store: TrustStore, upload: Path, root: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """When a held answer, or an entry, has lost its file, the next call gives another one, without a download."""
    path = rds_tls.ca_path(HOST, settings=store.settings)
    with upload.open("rb") as file:
        os.dup2(file.fileno(), descriptor_of(path))
    with caplog.at_level(logging.WARNING, "rds_tls"):
        again = rds_tls.ca_path(HOST, settings=store.settings)
    assert again != path
    assert Path(again).read_bytes().endswith(root)
    assert "somebody closed the file" in caplog.text
    os.close(descriptor_of(again))
    assert Path(rds_tls.ca_path(HOST, settings=store.settings)).read_bytes().endswith(root)
    assert len(store.asked) == 1
    os.close(descriptor_of(path))


def test_context_takes_no_upload(store: TrustStore, upload: Path) -> None:
    """A context that is built of roots whose file was lost meanwhile holds the roots."""
    anchors = obtain_anchors(root_set(parse_endpoint(HOST), None), store.settings)
    with upload.open("rb") as file:
        os.dup2(file.fileno(), descriptor_of(anchors.path))
    assert REGION in str(shared_context(anchors).get_ca_certs())
    os.close(descriptor_of(anchors.path))


def test_file_is_sealed_and_not_inherited() -> None:
    """Nobody can write, shrink or grow the file, or take the seal off; a program that is executed does not get it."""
    path = MEMORY.publish("any", b"content", ORIGIN).path
    with pytest.raises(PermissionError):
        Path(path).write_bytes(b"other")  # truncates first
    with open(path, "r+b", buffering=0) as file, pytest.raises(PermissionError):  # noqa: PTH123 - for its buffering
        file.write(b"C")
    assert Path(path).read_bytes() == b"content"
    assert not os.get_inheritable(descriptor_of(path))


def test_descriptor_has_a_high_number() -> None:
    """The number is one that a program does not come to when it opens its own files."""
    assert descriptor_of(MEMORY.publish("any", b"content", ORIGIN).path) >= min(_HIGH, 512)


def test_descriptor_respects_the_limit_of_the_process() -> None:
    """Under a low limit the number is high below it, and any that is free when those are taken."""
    first, second, content = run(PROGRAM, "few_descriptors").split()
    assert 56 <= int(first) < 64
    assert 3 <= int(second) < 56
    assert content == "second"


def test_forked_child_has_the_roots(store: TrustStore) -> None:
    """A child of fork() reads the same file at the same path."""
    run(PROGRAM, "fork", REGION, environ=environment(store))


def test_fork_frees_the_memorys_lock() -> None:
    """A child does not inherit a lock of the memory that nobody in it would release."""
    run(PROGRAM, "fork_beside_holder")


def test_system_without_such_files(store: TrustStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is neither a directory nor memory for them, the error names the directory to set."""
    monkeypatch.delattr(os, "memfd_create")
    with pytest.raises(rds_tls.TrustError, match=r"no files without a name.*set RDS_TLS_CACHE_DIR to a directory"):
        rds_tls.ca_path(HOST, settings=store.settings)


def test_no_descriptor_left(store: TrustStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the system refuses another file, that is an error of ours with the system's reason."""

    def refuse(*_: object) -> int:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(os, "memfd_create", refuse)
    with pytest.raises(rds_tls.TrustError, match="Too many open files"):
        rds_tls.ca_path(HOST, settings=store.settings)
