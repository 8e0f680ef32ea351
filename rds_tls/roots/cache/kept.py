"""What is kept in memory where no directory can be written: nothing, in most programs.

A file of its own, so that a first context can look here without loading what would keep something.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rds_tls.errors import TrustError

if TYPE_CHECKING:
    from rds_tls.roots.cache.entry import Entry

# By name: the entry, and what its file is (``identity_of``).
KEPT: dict[str, tuple[Entry, tuple[int, ...]]] = {}


def lasting(path: str) -> str:
    """Give back the path of some roots that shall serve another program than this one.

    Raises:
        TrustError: they are in this process's memory alone, so that nobody else can read them.
    """
    if any(path == entry.path for entry, _ in KEPT.values()):
        raise TrustError(
            "no directory can be written for the downloaded roots, and other programs cannot read this one's memory: "
            "set RDS_TLS_CACHE_DIR to a directory that can be written (rds-tls cache says what is wrong with each)"
        )
    return path
