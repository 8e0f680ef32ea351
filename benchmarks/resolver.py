"""Name resolution without DNS: every name leads to this machine, as an entry in its hosts file would.

So both sides of a comparison dial the endpoint by its name, the way programs do, and no side needs a detour.
psycopg asks Python's resolver too, from 3.3 on.
"""

import socket
from typing import Any

_resolve = socket.getaddrinfo


def answer_loopback() -> None:
    """Let Python's resolver answer 127.0.0.1 for every name, in this process, from now on."""
    vars(socket)["getaddrinfo"] = _loopback


def _loopback(_host: object, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - the signature of getaddrinfo
    return _resolve("127.0.0.1", *arguments, **options)
