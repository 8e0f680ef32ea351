"""``rds-tls ca``: a path and nothing else, as ``python -m certifi``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rds_tls.cli import _common
from rds_tls.roots.lookup import ca_path

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("place", metavar="REGION|HOST", help="a region, such as eu-west-1, or an endpoint")


def run(chosen: argparse.Namespace) -> int:
    """Print the path of a PEM file of the trust anchors."""
    is_host = "." in chosen.place
    _common.write(ca_path(chosen.place) if is_host else ca_path(region=chosen.place))
    return 0
