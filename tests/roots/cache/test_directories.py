"""Where the cache may live."""

import os
import sys
from pathlib import Path

import pytest

from rds_tls.roots.cache import cache_directories
from rds_tls.roots.cache.disk import Cache

TEMPORARY = "/tmp/rds-tls-7"  # noqa: S108 - a name to compare with, not a file


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
