"""Ask for a context of one region in eight threads, and print each set of roots that one of them got.

``python ask_together.py REGION``; with the same PYTHONHASHSEED, programs that got the same roots print the same.
"""

import sys
from concurrent.futures import ThreadPoolExecutor

import rds_tls


def roots(region: str) -> tuple[bytes, ...]:
    """Give the roots that a context holds, in order."""
    return tuple(sorted(rds_tls.ssl_context(region=region).get_ca_certs(binary_form=True)))


if __name__ == "__main__":
    with ThreadPoolExecutor(8) as pool:
        found = {hash(each) for each in pool.map(roots, sys.argv[1:] * 8)}
    sys.stdout.write(f"{' '.join(map(str, found))}\n")
