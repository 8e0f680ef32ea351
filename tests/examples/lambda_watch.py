"""The example's handler on AWS Lambda, watched: what it loads, which threads it has, where it writes, whom it calls."""

import os
import socket
import sys
import threading
from importlib import import_module
from typing import Any

seen: dict[str, list[str]] = {"written": [], "called": []}

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
CHANGES = {"os.mkdir", "os.remove", "os.rename", "os.symlink", "os.link", "os.chmod", "os.truncate"}


def watch(event: str, arguments: tuple[Any, ...]) -> None:
    """Note each change of the file system, and each call over the network, that Python makes; libpq makes its own."""
    if event in CHANGES or (event == "open" and arguments[2] & WRITES):
        seen["written"].append(str(arguments[0]))
    elif event in {"socket.connect", "socket.getaddrinfo", "socket.sendto"}:
        seen["called"].append(f"{event} {arguments[1:] if event == 'socket.connect' else arguments}")


sys.addaudithook(watch)

example: Any = import_module("handler")  # its import is watched too


def handler(event: object, context: object) -> dict[str, Any]:
    """Answer as the example does, and describe its connection; or say what was seen so far."""
    if event == "look":
        return dict(seen)
    if event == "roots":
        return {"path": example.rds_tls.ca_path(os.environ["DATABASE_HOST"]), **seen}
    answer = example.handler(event, context)
    kept = example.kept_connection()
    with socket.socket(fileno=os.dup(kept.fileno())) as peer:
        dead_after = peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
    return {
        **answer,
        "is_tls": kept.pgconn.ssl_in_use,
        "dead_after": dead_after,
        "threads": [thread.name for thread in threading.enumerate()],
        "modules": sorted(sys.modules),
    }
