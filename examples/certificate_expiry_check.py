"""For CI: fail when a database's certificate ends soon or does not verify; it logs nobody in and needs no password.

    pip install rds-tls
    python certificate_expiry_check.py --days 30 db.cluster-abc123def456.eu-west-1.rds.amazonaws.com [HOST:PORT ...]

``rds-tls probe HOST --max-days 30`` does the same for one host. This looks at all of them before it fails, a line for
each, so that one run names every database that needs care; one that cannot be reached is named and fails too. The exit
code is 0 or 1.
"""

import argparse
import sys

import rds_tls


def objection(host: str, days: int) -> str:
    """Say what is wrong with a server's certificate; nothing where all is well."""
    try:
        report = rds_tls.probe(host)
    except (rds_tls.RdsTlsError, OSError) as error:
        return str(error)
    if report.cause is not None:
        return f"{report.cause.meaning} [{report.cause.id}]"
    left = report.days_left or 0
    return f"{left} days left" if left <= days else ""


parser = argparse.ArgumentParser(description="Fail when a certificate ends soon.")
parser.add_argument("hosts", nargs="+", metavar="HOST[:PORT]")
parser.add_argument("--days", type=int, default=30)
chosen = parser.parse_args()
objections = {host: objection(host, chosen.days) for host in chosen.hosts}
for host, text in objections.items():
    print(f"{'FAIL' if text else 'ok':<6}{host}  {text}".rstrip())
sys.exit(any(objections.values()))
