"""The roots that ship with rds_tls: one PEM file for each region, listed in ``manifest.tsv``.

Finding a file reads the manifest, once, and no PEM file. ``tools/build_snapshot.py`` writes both.
"""

import os
from functools import cache
from typing import NamedTuple  # without annotations as text, as in anchors

from rds_tls.endpoint import RootSet
from rds_tls.errors import TrustError

DIRECTORY = os.path.dirname(__file__)
MANIFEST = "manifest.tsv"

_REINSTALL = "Install rds-tls again, or set RDS_TLS_CA_BUNDLE to a PEM file of the roots."
_UNPACK = (
    "OpenSSL and libpq read files on disk, nothing inside a zip: "
    "install rds-tls unpacked, or set RDS_TLS_CA_BUNDLE to a PEM file of the roots."
)


# What fetched-at may have: until the year 5138. int() refuses thousands of digits with an error of its own.
_MAX_DIGITS = 11


class Shipped(NamedTuple):
    """A file of roots that ships with the package: a row of the manifest, and what stands above it.

    Attributes:
        file: the file's name, which is ``RootSet.name`` and ``.pem``.
        sha256: SHA-256, in hex, of its bytes.
        digest: SHA-256, in hex, over the roots in it (``Bundle.digest``).
        fetched_at: when they were taken from their source, in POSIX seconds (UTC).
        source: where they were taken from, in words.
    """

    file: str
    sha256: str
    digest: str
    fetched_at: int
    source: str

    @property
    def path(self) -> str:
        """Where the file is."""
        return os.path.join(DIRECTORY, self.file)


# What stands in a row; fetched-at stands above all rows, a source above the rows that it holds for.
COLUMNS = Shipped._fields[:3]


def find(roots: RootSet) -> Shipped | None:
    """Find the shipped roots of an endpoint.

    Args:
        roots: which roots sign its certificate.

    Returns:
        The file, or None if none ships for this region.

    Raises:
        TrustError: the snapshot is damaged, or is not on disk, as when the package is imported from a zip.
    """
    shipped = _manifest().get(f"{roots.name}.pem")
    if shipped is not None and not os.path.isfile(shipped.path):
        raise TrustError(f"the shipped roots are missing from the disk ({shipped.path}). {_UNPACK}")
    return shipped


def parse_manifest(text: str) -> dict[str, Shipped]:
    """Read a manifest. What its files hold is for ``tools/build_snapshot.py --check`` to say.

    Args:
        text: lines with a ``#`` in front, one of them ``# fetched-at: <POSIX seconds>``; a row for each file, its
            columns separated by tabs; above the rows that it holds for, ``# source: <text>``.

    Returns:
        The files by name, in the order of the text.

    Raises:
        TrustError: a line does not follow these rules.
    """
    fetched_at, source = None, ""
    files: dict[str, Shipped] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if line.startswith("#"):
            fact, _, value = line.partition(": ")
            if fact == "# fetched-at":
                fetched_at = _parse_time(value, number)
            elif fact == "# source":
                source = value
        elif line:
            if fetched_at is None or not source:
                raise _damaged(f"line {number} comes before '# fetched-at' or '# source'")
            shipped = _parse_row(line, number, fetched_at, source)
            if files.setdefault(shipped.file, shipped) is not shipped:
                raise _damaged(f"line {number} lists {shipped.file!r} once more")
    if not files:
        raise _damaged("it lists no file")
    return files


def _parse_time(digits: str, number: int) -> int:
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= _MAX_DIGITS):
        raise _damaged(f"line {number} has {digits!r}, no number of seconds")
    return int(digits)


def _parse_row(line: str, number: int, fetched_at: int, source: str) -> Shipped:
    columns = line.split("\t")
    if len(columns) != len(COLUMNS):
        raise _damaged(f"line {number} has {len(columns)} columns, not {len(COLUMNS)}")
    file, sha256, digest = columns
    if not _is_file_name(file):
        raise _damaged(f"line {number} has {file!r} for its file")
    return Shipped(file, sha256, digest, fetched_at, source)


def _is_file_name(text: str) -> bool:
    """Tell whether a text is a name without a path, so that no row leads out of the directory."""
    return text.removesuffix(".pem").replace("-", "").isalnum()


def _damaged(fault: str) -> TrustError:
    return TrustError(f"the list of shipped roots ({MANIFEST}) is damaged: {fault}. {_REINSTALL}")


@cache
def _manifest() -> dict[str, Shipped]:
    """Read the manifest of the installed package, the first time only."""
    path = os.path.join(DIRECTORY, MANIFEST)
    try:
        with open(path, encoding="utf-8") as file:
            return parse_manifest(file.read())
    except OSError as error:
        raise TrustError(f"the shipped roots cannot be read ({path}: {error.strerror}). {_UNPACK}") from error
    except UnicodeDecodeError as error:
        raise _damaged(str(error)) from error
