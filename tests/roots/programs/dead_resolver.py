"""Download with a resolver that never answers, print why that was given up, and end: ``python dead_resolver.py``."""

import socket
import sys
import threading
from typing import Any

from rds_tls.errors import DownloadError
from rds_tls.roots.truststore.download import download
from rds_tls.settings import Settings


def never(*_: object, **__: object) -> Any:  # noqa: ANN401 - getaddrinfo's own
    """Wait for ever, as for DNS."""
    threading.Event().wait()


if __name__ == "__main__":
    socket.getaddrinfo = never
    try:
        download("https://truststore.invalid/roots.pem", Settings(total_timeout=0.1))
    except DownloadError as error:
        sys.stdout.write(f"{error.cause}\n")
