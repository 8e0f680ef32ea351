"""``rds-tls probe``: the certificates that a server sends, verified or not."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from rds_tls.cli import _common
from rds_tls.connect.diagnose import probe

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    _common.add_server(parser)
    parser.add_argument(
        "--max-days", type=int, metavar="N", help="end with 1 where a certificate ends within N days, for alarms"
    )
    parser.add_argument("--pem", action="store_true", help="print the certificates as PEM, the leaf first")
    _common.add_json(parser)


def run(chosen: argparse.Namespace) -> int:
    """Print what was seen; 1 where it does not verify, or ends too soon."""
    with _common.waiting("looking at the server"):
        report = probe(**_common.server(chosen))
    if chosen.json:
        _common.write_json(report.to_dict())
    elif chosen.pem:
        _common.write("".join(ssl.DER_cert_to_PEM_cert(each.der) for each in report.chain).rstrip())
    else:
        _common.show(str(report), 14)
    ends_too_soon = chosen.max_days is not None and (report.days_left is None or report.days_left <= chosen.max_days)
    return 1 if ends_too_soon or not report.verified else 0
