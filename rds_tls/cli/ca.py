"""``rds-tls ca``: a path and nothing else, as ``python -m certifi``; what it is by ``--json``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rds_tls.cli import _common
from rds_tls.roots.cache.kept import lasting

if TYPE_CHECKING:
    import argparse

    from rds_tls.roots.anchors import Anchors


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("place", metavar="REGION|HOST", help="a region, such as eu-west-1, or an endpoint")
    _common.add_json(parser)


def run(chosen: argparse.Namespace) -> int:
    """Print the path of a PEM file of the trust anchors."""
    anchors = _common.anchors_of(chosen.place)
    lasting(anchors.path)
    if chosen.json:
        _common.write_json(_described(anchors))
    else:
        _common.write(anchors.path)
    return 0


def _described(anchors: Anchors) -> dict[str, Any]:
    as_of = None if anchors.as_of is None else datetime.fromtimestamp(anchors.as_of, UTC).isoformat()
    return {
        "path": anchors.path,
        "roots": str(anchors.roots),
        "source": anchors.source.value,
        "as_of": as_of,
        "is_fresh": anchors.is_fresh,
    }
