"""``rds-tls inspect``: what is in a CA bundle, which of it AWS has published, and what it lacks."""

from __future__ import annotations

import os
import textwrap
from itertools import groupby
from typing import TYPE_CHECKING

from rds_tls.cli import _common
from rds_tls.diagnosis.inspect import inspect_bundle, is_published, key_of
from rds_tls.errors import BundleError
from rds_tls.roots.pem import read_bounded

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from rds_tls.diagnosis.inspect import Inspection
    from rds_tls.roots.bundle import Root

_NAME_WIDTH = 18


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("place", metavar="FILE|REGION|HOST", help="a PEM or PKCS#7 file, a region or an endpoint")
    parser.add_argument("--region", help="show what is of this region alone")
    parser.add_argument("--full", action="store_true", help="print names, whole fingerprints and both dates")
    _common.add_json(parser)


def run(chosen: argparse.Namespace) -> int:
    """Print the bundle; 1 where it is not published roots alone, or lacks one of a region that it is for."""
    path = _path(chosen.place)
    found = inspect_bundle(read_bounded(path))
    if chosen.region:
        found = found.only(chosen.region)
        if not found.roots:
            raise BundleError(f"{path} has no root of {chosen.region}: leave --region out to see those that it has")
    if chosen.json:
        _common.write_json({"path": path, **found.to_dict()})
    else:
        _common.write(path)
        _common.show("\n".join(_lines(found, is_full=chosen.full)), 4)
    return 0 if found.ok else 1


def _path(place: str) -> str:
    """Find what is named: a file that is there, else the trust anchors of a region or an endpoint."""
    # A folder may have a region's name, as those have that hold one's configuration.
    is_file = os.sep in place or (os.path.exists(place) and not os.path.isdir(place))
    return place if is_file else _common.anchors_of(place).path


def _lines(found: Inspection, *, is_full: bool) -> Iterator[str]:
    counts = f"{len(found.roots)} roots kept, {len(found.dropped)} dropped"
    yield f"{len(found.roots) + len(found.dropped)} certificates: {counts}; {found.published} published by AWS"
    if is_full:
        yield from map(_whole, found.roots)
    elif found.roots:
        yield f"{'region':<16}{'CA id':<19}{'key':<10}{'valid until':<13}SHA-256"
        yield from map(_row, found.roots)
    for root in found.roots:
        if not is_published(root):
            yield f" ! {root.name}: not among the roots that AWS is known to have published"
    yield from (f" ! {each.name}: {each.reason.value}, {each.detail}" for each in found.dropped)
    for region, missing in groupby(found.missing, key=lambda each: each.region):
        ids = ", ".join(each.ca_id for each in missing)
        yield f" ! {region} lacks {ids}: a server with such a certificate is refused"
    if found.missing:
        regions = sorted({each.region for each in found.missing})
        yield f"use instead: rds-tls bundle {regions[0] if len(regions) == 1 else 'REGION'} -o roots.pem"


def _row(root: Root) -> str:
    start = ":".join(root.fingerprint[index : index + 2] for index in range(0, 8, 2))
    name = textwrap.shorten(root.ca_id or root.name, _NAME_WIDTH, placeholder="...")
    return f"{root.region or '-':<16}{name:<19}{key_of(root):<10}{root.not_after:%Y-%m-%d}   {start}:..."


def _whole(root: Root) -> str:
    return (
        f"{root.name}\n"
        f"    {root.region or 'no region'}, {root.ca_id or 'no CA id'}, {key_of(root)}\n"
        f"    valid {root.not_before:%Y-%m-%d} to {root.not_after:%Y-%m-%d}\n"
        f"    SHA-256 {root.fingerprint}"
    )
