"""``rds-tls inspect``: the roots in a CA bundle, what is left out and why, and which of them AWS has published."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rds_tls.cli import _common
from rds_tls.errors import BundleError
from rds_tls.roots.bundle import parse_bundle
from rds_tls.roots.known import AMAZON_ROOTS, RDS_ROOTS
from rds_tls.roots.lookup import ca_path
from rds_tls.roots.pem import MAX_BYTES

if TYPE_CHECKING:
    import argparse

    from rds_tls.roots.bundle import Root

_PUBLISHED = frozenset(RDS_ROOTS.values()) | frozenset(AMAZON_ROOTS.values())


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("place", metavar="FILE|REGION|HOST", help="a PEM or PKCS#7 file, a region or an endpoint")
    parser.add_argument("--region", help="show this region's roots alone")
    _common.add_json(parser)


def run(chosen: argparse.Namespace) -> int:
    """Print the bundle; 1 where something in it is no trust anchor, or is none that AWS has published."""
    path = _path(chosen.place)
    with open(path, "rb") as file:
        bundle = parse_bundle(file.read(MAX_BYTES + 1), now=datetime.now(UTC))
    roots = [root for root in bundle.roots if chosen.region in {None, root.region}]
    if not roots:
        raise BundleError(f"{path} has no root of {chosen.region}: leave --region out to see those that it has")
    dropped = [each._asdict() | {"reason": each.reason.value} for each in bundle.dropped]
    if chosen.json:
        _common.write_json({"path": path, "roots": [*map(_described, roots)], "dropped": dropped})
    else:
        _common.write("\n".join(_lines(path, roots, dropped)))
    return 1 if dropped or any(root.fingerprint not in _PUBLISHED for root in roots) else 0


def _path(place: str) -> str:
    """Find the file: one that is there, else the trust anchors of a region or an endpoint."""
    if os.path.exists(place) or os.sep in place:
        return place
    return ca_path(place) if "." in place else ca_path(region=place)


def _described(root: Root) -> dict[str, Any]:
    return {
        "name": root.name,
        "region": root.region,
        "channel": root.channel.value,
        "ca_id": root.ca_id,
        "sha256": root.fingerprint,
        "not_before": root.not_before.isoformat(),
        "not_after": root.not_after.isoformat(),
        "published": root.fingerprint in _PUBLISHED,
    }


def _lines(path: str, roots: list[Root], dropped: list[dict[str, Any]]) -> list[str]:
    published = sum(root.fingerprint in _PUBLISHED for root in roots)
    counts = f"{len(roots) + len(dropped)} certificates: {len(roots)} roots kept, {len(dropped)} dropped"
    lines = [
        path,
        f"{counts}; {published} of them published by AWS",
        f"{'region':<16}{'CA id':<20}{'valid until':<13}SHA-256",
    ]
    for root in roots:
        mark = "" if root.fingerprint in _PUBLISHED else "  <- not known"
        name = root.ca_id or root.name
        shown = ":".join(root.fingerprint[index : index + 2] for index in range(0, 8, 2))
        lines.append(f"{root.region or '-':<16}{name:<20}{root.not_after:%Y-%m-%d}   {shown}:...{mark}")
    return lines + [f" ! {each['name']}: {each['reason']}, {each['detail']}" for each in dropped]
