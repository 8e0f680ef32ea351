"""``rds-tls prefetch``: the roots of regions, downloaded now, as when an image or a Lambda layer is built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rds_tls.cli import _common
from rds_tls.roots.cache.kept import lasting
from rds_tls.roots.prefetch import prefetch

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("regions", nargs="+", metavar="REGION", help="a region, such as us-gov-west-1")
    parser.add_argument(
        "--directory",
        metavar="DIR",
        help="where to put them; set RDS_TLS_BUNDLE_DIR to it at run time. The cache unless given",
    )
    _common.add_json(parser)


def run(chosen: argparse.Namespace) -> int:
    """Print the paths of the PEM files, in the order of the regions."""
    with _common.waiting(f"downloading the roots of {', '.join(chosen.regions)}"):
        paths = [lasting(path) for path in prefetch(*chosen.regions, directory=chosen.directory)]
    if chosen.json:
        _common.write_json(dict(zip(chosen.regions, paths, strict=True)))
    else:
        _common.write("\n".join(paths))
    return 0
