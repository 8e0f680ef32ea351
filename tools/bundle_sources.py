"""The bundles that tools/build_snapshot.py builds from: read, and known to be from somewhere.

``snapshot_sources.tsv``, beside this file, is the table: a bundle whose SHA-256 has no row in it is not taken.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import requests

from rds_tls.errors import BundleError
from rds_tls.roots.bundle import Bundle, parse_bundle
from rds_tls.roots.pem import MAX_BYTES

SOURCES = Path(__file__).with_name("snapshot_sources.tsv")
COLUMNS = ("sha256", "origin")

TIMEOUT = (10.0, 60.0)  # seconds: to connect, between two pieces of the answer


class Taken(NamedTuple):
    """Roots, and where they were taken from, in words."""

    bundle: Bundle
    source: str


def read_sources(path: Path) -> dict[str, str]:
    """Read the table of sources.

    Args:
        path: a file of comment lines and rows: the SHA-256 of a bundle in hex, a tab, where it is from.

    Returns:
        The source of each bundle, which names its SHA-256 too, by that SHA-256.

    Raises:
        BundleError: a row is none.
        OSError: the file cannot be read.
    """
    rows = [line.split("\t") for line in path.read_text("utf-8").splitlines() if not line.startswith("#")]
    for row in rows:
        if len(row) != len(COLUMNS) or not all(row):
            raise BundleError(f"{path} has the row {row}: give a bundle's SHA-256, a tab and where it is from")
    return {digest: f"{origin}, sha256 {digest}" for digest, origin in rows}


def take(location: str, sources: Mapping[str, str], now: datetime) -> Taken:
    """Read a bundle that is from somewhere.

    Args:
        location: a file, or an https URL.
        sources: the source of each bundle, by its SHA-256.
        now: the moment at which a root must be valid; with a time zone.

    Returns:
        The bundle and its source.

    Raises:
        BundleError: it is no bundle, or nothing says where it is from.
        OSError: it cannot be read or fetched.
    """
    data = fetch(location) if "://" in location else Path(location).read_bytes()
    bundle, digest = parse_bundle(data, now=now), hashlib.sha256(data).hexdigest()
    if digest not in sources:
        raise BundleError(f"{location} has SHA-256 {digest}: add a row to {SOURCES.name} that says where it is from")
    return Taken(bundle, sources[digest])


def fetch(url: str) -> bytes:
    """Download a bundle over verified HTTPS; a redirect is refused, since it could lead elsewhere."""
    if not url.startswith("https://"):
        raise BundleError(f"{url} is not an https:// URL: what it gives could be anybody's roots")
    content = b""
    with requests.get(url, timeout=TIMEOUT, stream=True, allow_redirects=False) as response:
        if response.status_code != requests.codes.ok:
            raise BundleError(f"{url} answered with status {response.status_code}, not 200")
        for chunk in response.iter_content(65_536):
            content += chunk
            if len(content) > MAX_BYTES:
                break
    return content
