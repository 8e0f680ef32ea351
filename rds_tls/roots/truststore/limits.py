"""One HTTP answer within bounds: its bytes are timed and counted where they arrive, whatever is done with them above.

Above are http.client and urllib3, and neither can be relied on for this: urllib3 before 2.8 keeps a chunk's size line
however long it gets, http.client takes 100 headers of 64 KiB and any number of "100 Continue" answers, and both read
trailers without end. A read timeout starts anew with every byte, so that an answer which drips would take hours.
"""

from __future__ import annotations

import time
from io import BufferedReader, RawIOBase
from typing import TYPE_CHECKING, Any, NamedTuple

from urllib3.connection import HTTPSConnection

if TYPE_CHECKING:
    import socket
    from http.client import HTTPResponse

    from typing_extensions import Buffer


class AnswerTooLargeError(OSError):
    """An answer has more bytes than it may; an OSError, as whatever else goes wrong with a connection."""


class Limits(NamedTuple):
    """What every answer of a session must keep to.

    Attributes:
        deadline: when the last byte must have come, as a reading of the monotonic clock (seconds).
        most_bytes: what an answer may have in all: status lines, headers, body, chunk sizes and trailers.
    """

    deadline: float
    most_bytes: int

    def remaining(self) -> float:
        """Return the seconds that are left.

        Raises:
            TimeoutError: none are.
        """
        remaining = self.deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("the deadline has passed")
        return remaining


class LimitedConnection(HTTPSConnection):
    """An HTTPS connection that keeps each answer within limits, a proxy's to CONNECT too.

    Args:
        limits: what each answer must keep to.
    """

    def __init__(self, *args: Any, limits: Limits, **options: Any) -> None:
        super().__init__(*args, **options)
        self._limits = limits

    def response_class(  # type: ignore[override]  # it is called, and a method can be called as a class can
        self, sock: socket.socket, *args: Any, **options: Any
    ) -> HTTPResponse:
        """Make the reader of an answer, as http.client does for every one that it awaits."""
        response = super().response_class(sock, *args, **options)
        response.fp = BufferedReader(_LimitedReader(response.fp.detach(), sock, self._limits))
        return response


class _LimitedReader(RawIOBase):
    """The bytes of one answer, from a socket: in clear, of TLS, or of TLS inside a proxy's."""

    def __init__(self, source: RawIOBase, sock: socket.socket, limits: Limits) -> None:
        self._source = source
        self._sock = sock
        self._limits = limits
        self._left = limits.most_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int | None:
        self._sock.settimeout(self._limits.remaining())
        count = self._source.readinto(buffer)
        self._left -= count or 0
        if self._left < 0:
            raise AnswerTooLargeError(f"the answer is larger than {self._limits.most_bytes} bytes, headers and all")
        return count

    def close(self) -> None:
        self._source.close()
        super().close()
