"""Choose a directory and read an entry, and print what modules that loaded: ``python -I read_entry.py CACHE NAME``."""

import os
import sys

from rds_tls.roots.cache import cache_directories
from rds_tls.roots.cache.disk import Cache

if __name__ == "__main__":
    directory, name = sys.argv[1:]
    cache_directories(None, os.environ)
    assert Cache(directory).read(name)
    sys.stdout.write(" ".join(sys.modules))
