"""Make a first context from a fresh cache, and print what modules that loaded: ``python -I first_context.py CACHE``."""

import sys

import rds_tls
from rds_tls.context.sealed import SealedContext

if __name__ == "__main__":
    directory = sys.argv[1]
    context = rds_tls.ssl_context(region="eu-west-1", settings=rds_tls.Settings(cache_dir=directory, offline=True))
    assert isinstance(context, SealedContext)
    assert context.anchors[0].startswith(directory), context.anchors
    sys.stdout.write(" ".join(sys.modules))
