"""``rds-tls engines``: which CAs an engine's versions support, and whether a new certificate restarts them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rds_tls.cli import _common
from rds_tls.connect.audit import engine_versions
from rds_tls.diagnosis.audit import described_engine
from rds_tls.diagnosis.audit_text import engine_lines

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("engine", metavar="ENGINE", help="such as aurora-postgresql, aurora-mysql, postgres or mysql")
    parser.add_argument("version", metavar="VERSION", nargs="?", help="as AWS names it, such as 16.6; all unless given")
    _common.add_regions(parser)
    _common.add_json(parser)


def run(chosen: argparse.Namespace) -> int:
    """Print the versions in each region; 1 where they could not be seen."""
    with _common.waiting("asking AWS"):
        views = engine_versions(chosen.engine, chosen.version, *chosen.region)
    found = [each for view in views for each in view.engines]
    if chosen.json:
        _common.write_json([described_engine(each) for each in found])
    else:
        _common.show("\n".join(engine_lines(found)), 6)
    return _common.tell_unseen(line for view in views for line in view.unseen)
