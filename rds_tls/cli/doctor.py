"""``rds-tls doctor``: each step on the way to a verified connection, and why the first one fails that does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rds_tls.cli import _common
from rds_tls.connect.diagnose import diagnose

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    _common.add_server(parser)
    _common.add_json(parser)


def run(chosen: argparse.Namespace) -> int:
    """Print the report; 1 where a step fails."""
    with _common.waiting("looking at the server"):
        report = diagnose(**_common.server(chosen))
    if chosen.json:
        _common.write_json(report.to_dict())
    else:
        _common.show(str(report), 14)
    return 0 if report.ok else 1
