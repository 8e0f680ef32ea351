"""What is kept in memory where no directory can be written: nothing, in most programs.

A file of its own, so that a first context can look here without loading what would keep something.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rds_tls.roots.cache.entry import Entry

# By name: the entry, and what its file is (``identity_of``).
KEPT: dict[str, tuple[Entry, tuple[int, ...]]] = {}
