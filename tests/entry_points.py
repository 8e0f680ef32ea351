"""Load each entry point of the package that is found first, and print where it leads: ``python -P entry_points.py``."""

import sys
from importlib.metadata import distribution
from pathlib import Path

if __name__ == "__main__":
    found = distribution("rds-tls")
    for entry in found.entry_points:
        loaded = entry.load()
        path = sys.modules[loaded.__module__].__file__
        assert path is not None
        assert Path(path).is_relative_to(str(found.locate_file(""))), path
        sys.stdout.write(f"{entry.group} {entry.name} {loaded.__qualname__}\n")
