"""Connecting within a time: Python's own timeouts count for each address and each step anew."""

from __future__ import annotations

import socket
import time
from typing import Any


class Deadline:
    """The moment by which a connection has to be there.

    Args:
        seconds: how long from now; None for no end.
    """

    def __init__(self, seconds: float | None) -> None:
        self._end = None if seconds is None else time.monotonic() + seconds

    def left(self) -> float | None:
        """Give the seconds that are left; None where there is no end.

        Raises:
            TimeoutError: none are left.
        """
        if self._end is None:
            return None
        seconds = self._end - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("timed out")
        return seconds


def dial(host: str, port: int, deadline: Deadline, source: tuple[str, int] | None = None) -> socket.socket:
    """Open a TCP connection to the first address of a name that answers.

    Each address gets an equal share of the time that is left, so that one which does not answer leaves some for the
    next.

    Args:
        host: a name or an IP address.
        port: the TCP port.
        deadline: when to give up.
        source: the local address to dial from.

    Returns:
        The socket; its timeout is a share of what was left, and the caller's to set anew.

    Raises:
        OSError: what the last address said, or the resolver; TimeoutError where no time is left.
    """
    entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for more, entry in zip(range(len(entries) - 1, -1, -1), entries, strict=True):
        left = deadline.left()
        try:
            return _dial_one(entry, None if left is None else left / (more + 1), source)
        except OSError:
            if not more:
                raise
    raise OSError(f"{host!r} has no address")


def _dial_one(entry: tuple[Any, ...], seconds: float | None, source: tuple[str, int] | None) -> socket.socket:
    family, kind, protocol, _, address = entry
    sock = socket.socket(family, kind, protocol)
    try:
        sock.settimeout(seconds)
        if source is not None:
            sock.bind(source)
        sock.connect(address)
    except BaseException:
        sock.close()
        raise
    return sock
