"""Make a first context for each of some regions, by hand and with ours, and print what both took.

``python first_contexts.py DIRECTORY REGION ...``; the directory holds the roots. A line for each region but the first,
which loads the modules: microseconds by hand, then ours. Every region that ships is new to a process once.
"""

import ssl
import sys
import time
from collections.abc import Callable

import rds_tls

directory, first, *regions = sys.argv[1:]


def by_hand(region: str) -> None:
    """Load the region's roots into a context of one's own."""
    ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(f"{directory}/{region}.pem")


def ours(region: str) -> None:
    """Ask for the context of an endpoint in the region."""
    rds_tls.ssl_context(f"orders.cluster-abc123def456.{region}.rds.amazonaws.com")


def taken(call: Callable[[str], None], region: str) -> float:
    """Give the microseconds that a call takes."""
    start = time.perf_counter()
    call(region)
    return (time.perf_counter() - start) * 1e6


if __name__ == "__main__":
    by_hand(first)
    ours(first)
    for number, region in enumerate(regions):
        order = [by_hand, ours] if number % 2 else [ours, by_hand]
        times = {call: taken(call, region) for call in order}
        print(times[by_hand], times[ours])
