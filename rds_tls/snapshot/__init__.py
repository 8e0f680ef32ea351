"""The roots that ship with rds_tls: one PEM file for each region, listed in ``manifest.tsv``.

Finding a file reads the manifest, once, and no PEM file. ``tools/build_snapshot.py`` writes both.
"""

import datetime as dt
import os
import re
from functools import cache
from typing import NamedTuple

from rds_tls.endpoint import Trust
from rds_tls.errors import TrustError

DIRECTORY = os.path.dirname(__file__)
MANIFEST = "manifest.tsv"

# The region of a file that serves every region, as the Amazon Trust Services roots do.
EVERY_REGION = "*"

# What may stand in the columns of a row, in order; tests/test_snapshot.py shows a whole manifest.
COLUMNS = {
    "file": re.compile(r"[a-z0-9-]+\.pem"),
    "region": re.compile(r"[a-z]+(?:-[a-z]+)+-[0-9]+|\*"),
    "trust": re.compile("|".join(trust.value for trust in Trust)),
    "sha256": re.compile(r"[0-9a-f]{64}"),
    "digest": re.compile(r"[0-9a-f]{64}"),
}

REINSTALL = "Install rds-tls again, or set RDS_TLS_CA_BUNDLE to a PEM file of the roots."
UNPACK = (
    "OpenSSL and libpq read files on disk, nothing inside a zip: "
    "install rds-tls unpacked, or set RDS_TLS_CA_BUNDLE to a PEM file of the roots."
)


class Row(NamedTuple):
    """One shipped file as the manifest lists it: the columns, in order."""

    file: str
    region: str
    trust: str
    sha256: str
    digest: str


class Manifest(NamedTuple):
    """What ships: the rows, the UTC date (ISO) of the snapshot, and the source for each kind of trust."""

    date: str
    sources: dict[str, str]
    rows: tuple[Row, ...]


class Shipped(NamedTuple):
    """A file of roots that ships with the package.

    Attributes:
        path: the PEM file.
        digest: SHA-256, in hex, over the roots in it (``Bundle.digest``).
        source: where its roots were taken from.
        date: the UTC date (ISO) on which they were.
    """

    path: str
    digest: str
    source: str
    date: str


def find(trust: Trust, region: str | None) -> Shipped | None:
    """Find the shipped roots for a kind of trust in a region.

    Args:
        trust: whose roots sign the server's certificate.
        region: the AWS region; makes no difference to ``Trust.AMAZON``, which serves every region.

    Returns:
        The file, or None if none ships for this region.

    Raises:
        TrustError: the snapshot is damaged, or is not on disk, as when the package is imported from a zip.
    """
    shipped = _shipped().get((trust.value, EVERY_REGION if trust is Trust.AMAZON else region))
    if shipped is not None and not os.path.isfile(shipped.path):
        raise TrustError(f"the shipped roots are missing from the disk ({shipped.path}). {UNPACK}")
    return shipped


def parse_manifest(text: str) -> Manifest:
    """Read a manifest.

    Args:
        text: ``# key: value`` lines (the date, and a source for each kind of trust that has a row), then one
            row for each file, its columns separated by tabs.

    Returns:
        The manifest, its rows in the order of the text.

    Raises:
        TrustError: a line does not follow these rules.
    """
    facts: dict[str, str] = {}
    rows: dict[tuple[str, str], Row] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if line.startswith("#"):
            key, colon, value = line[1:].partition(":")
            facts |= {key.strip(): value.strip()} if colon else {}
        elif line:
            row = _parse_row(line, number)
            if rows.setdefault((row.trust, row.region), row) is not row:
                raise _damaged(f"line {number} lists {row.trust} in {row.region} once more")
    date = facts.pop("date", "")
    if not _is_date(date):
        raise _damaged(f"its date is {date!r}, not an ISO date")
    if missing := {row.trust for row in rows.values() if not facts.get(row.trust)}:
        raise _damaged(f"it names no source for {', '.join(sorted(missing))}")
    return Manifest(date, facts, tuple(rows.values()))


def _is_date(text: str) -> bool:
    """Tell whether a text is a day of the calendar: the age of the roots is reckoned from it."""
    try:
        # The pattern comes first: Python also reads other forms of ISO 8601, such as weeks.
        return bool(re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text) and dt.date.fromisoformat(text))
    except ValueError:
        return False


def _parse_row(line: str, number: int) -> Row:
    values = line.split("\t")
    if len(values) != len(COLUMNS):
        raise _damaged(f"line {number} has {len(values)} columns, not {len(COLUMNS)}")
    for (column, pattern), value in zip(COLUMNS.items(), values, strict=True):
        if not pattern.fullmatch(value):
            raise _damaged(f"line {number} has {value!r} for its {column}")
    return Row(*values)


def _damaged(fault: str) -> TrustError:
    return TrustError(f"the list of shipped roots ({MANIFEST}) is damaged: {fault}. {REINSTALL}")


@cache
def _shipped() -> dict[tuple[str, str | None], Shipped]:
    """Read the manifest of the installed package, the first time only."""
    path = os.path.join(DIRECTORY, MANIFEST)
    try:
        with open(path, encoding="utf-8") as file:
            manifest = parse_manifest(file.read())
    except OSError as error:
        raise TrustError(f"the shipped roots cannot be read ({path}: {error.strerror}). {UNPACK}") from error
    except UnicodeDecodeError as error:
        raise _damaged(str(error)) from error
    return {
        (row.trust, row.region): Shipped(
            os.path.join(DIRECTORY, row.file),
            row.digest,
            manifest.sources[row.trust],
            manifest.date,
        )
        for row in manifest.rows
    }
