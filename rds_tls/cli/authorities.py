"""``rds-tls authorities``: the CAs that RDS offers in a region, and which of them a new server gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rds_tls.cli import _common
from rds_tls.connect.audit import authorities
from rds_tls.diagnosis.audit import described_authority
from rds_tls.diagnosis.audit_text import authority_lines

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    _common.add_regions(parser)
    _common.add_json(parser)


def run(chosen: argparse.Namespace) -> int:
    """Print the CAs of each region; 1 where they could not be seen."""
    with _common.waiting("asking AWS"):
        views = authorities(*chosen.region)
    if chosen.json:
        _common.write_json([described_authority(each) for view in views for each in view.authorities])
    else:
        _common.show("\n".join(line for view in views for line in authority_lines(view.region, view.authorities)), 6)
    return _common.tell_unseen(line for view in views for line in view.unseen)
