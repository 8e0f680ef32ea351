"""Find the shipped roots of some regions, and print which files that opened: ``python find_shipped.py REGION ...``."""

import sys
from pathlib import Path

from rds_tls.endpoint import RootSet, Trust
from rds_tls.roots import snapshot

if __name__ == "__main__":
    opened: list[object] = []
    sys.addaudithook(lambda event, arguments: opened.append(arguments[0]) if event == "open" else None)
    for region in sys.argv[1:]:
        snapshot.find(RootSet(Trust.RDS, region))
    sys.stdout.write(" ".join(Path(str(path)).name for path in opened))
