"""Connect for the first time in a process, and print what that took.

``python first_connect.py WAY REPORT HOST PORT USER PASSWORD DATABASE ROOTS``: REPORT is "time", from the start of the
imports to the connection in milliseconds, or "memory", the peak in KiB. The resolver answers loopback, hence socket is
there already, as in Lambda's runtime. Each way imports what it needs itself: that is what is measured.
"""
# ruff: noqa: PLC0415 - as the first lines say

import sys
import time

from benchmarks.programs.peak import print_peak
from benchmarks.resolver import answer_loopback

way, report, host, port, user, password, database, roots = sys.argv[1:]


def psycopg_by_hand() -> object:
    """Connect as without rds_tls, to PostgreSQL."""
    import psycopg

    return psycopg.connect(
        host=host, port=port, user=user, password=password, dbname=database, sslmode="verify-full", sslrootcert=roots
    )


def pymysql_by_hand() -> object:
    """Connect as without rds_tls, to MySQL."""
    import ssl

    import pymysql

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(roots)
    return pymysql.connect(host=host, port=int(port), user=user, password=password, database=database, ssl=context)


def ours_to_postgres() -> object:
    """Connect with ours to PostgreSQL."""
    import rds_tls

    return rds_tls.connect_postgres(host, port=int(port), user=user, password=password, dbname=database)


def ours_to_mysql() -> object:
    """Connect with ours to MySQL."""
    import rds_tls

    return rds_tls.connect_mysql(host, port=int(port), user=user, password=password, database=database)


WAYS = {connect.__name__: connect for connect in (psycopg_by_hand, pymysql_by_hand, ours_to_postgres, ours_to_mysql)}

if __name__ == "__main__":
    answer_loopback()
    start = time.perf_counter()
    connection = WAYS[way]()
    took = (time.perf_counter() - start) * 1000
    if report == "time":
        print(took)
    else:
        print_peak()
    connection.close()  # type: ignore[attr-defined]  # every driver's has it
