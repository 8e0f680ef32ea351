"""``rds-tls audit``: the certificates of an account's servers, the most urgent first, and how to rotate them."""

from __future__ import annotations

import csv
import sys
from typing import TYPE_CHECKING

from rds_tls.cli import _common
from rds_tls.connect.audit import DAYS, audit
from rds_tls.diagnosis.audit import COLUMNS

if TYPE_CHECKING:
    import argparse

    from rds_tls.diagnosis.audit import AuditReport

# From docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.SSL-certificate-rotation.html and
# docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/UsingWithRDS.SSL-certificate-rotation.html
_EXPLAINED = """\
Before a certificate is rotated:

1. Programs first. Each of them must trust the new CA before a server shows it:
   rds-tls audit --bundle FILE says so of a file of roots. Programs that connect
   with rds_tls trust all CAs of their region. A renewal by the same CA changes
   nothing for programs.
2. Restarts. Where the audit says "restarts", the server is down for as long as
   a restart takes, and keeps its old certificate until then. "no restart" means
   that open connections live on, and new ones see the new certificate.
3. When. --no-apply-immediately, in the commands, waits for the maintenance
   window; --apply-immediately does not, for a certificate that has ended.
   RDS may have planned a renewal already, which this shows:
   aws rds describe-pending-maintenance-actions
4. One first. Rotate a test server, connect to it, then the others: in a cluster
   its readers, then its writer.
5. Never add --no-certificate-rotation-restart for a server that is used with
   TLS: AWS means it for servers that are not.
6. RDS Proxy, Aurora Serverless v1 and Neptune need nothing: AWS renews what
   Amazon Trust Services sign.

https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.SSL-certificate-rotation.html"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    _common.add_regions(parser)
    parser.add_argument(
        "--days", type=int, default=DAYS, metavar="N", help=f"find certificates that end within N days ({DAYS})"
    )
    parser.add_argument(
        "--bundle", metavar="FILE", help="say whether programs that use this CA file can connect, not those of rds_tls"
    )
    form = parser.add_mutually_exclusive_group()
    _common.add_json(form)
    form.add_argument("--csv", action="store_true", help="print a table for other programs")
    form.add_argument("--explain", action="store_true", help="say what to know before a certificate is rotated")


def run(chosen: argparse.Namespace) -> int:
    """Print the report; 1 where something is wrong, or could not be seen."""
    if chosen.explain:
        _common.write(_EXPLAINED)
        return 0
    with _common.waiting("asking AWS"):
        report = audit(*chosen.region, days=chosen.days, bundle=chosen.bundle)
    if chosen.json:
        _common.write_json(report.to_dict())
    elif chosen.csv:
        _write_csv(report)
    else:
        _common.show(str(report), 6)
    return 0 if report.ok else 1


def _write_csv(report: AuditReport) -> None:
    """Print a line for each row; what could not be seen has no place in a table, and goes to stderr."""
    table = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
    table.writeheader()
    for row in report.rows():
        table.writerow({name: " ".join(cell) if isinstance(cell, list) else cell for name, cell in row.items()})
    _common.tell_unseen(report.unseen)
