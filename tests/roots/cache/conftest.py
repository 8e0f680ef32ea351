"""What the tests of the cache share: a cache, an entry, processes beside the test, and another user."""

import os
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import rds_tls
from rds_tls.roots.cache.disk import Cache
from tests.roots.programs.cache import publish
from tests.support.programs import command

SHIPPED = Path(rds_tls.__file__).parent / "roots" / "snapshot"

# Another user, whom only root can become.
STRANGER = 65534
ROOT = os.geteuid() == 0


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


def loaded_roots(path: str) -> int:
    """Count the certificates that OpenSSL takes from a file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(path)
    return context.cert_store_stats()["x509_ca"]


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
