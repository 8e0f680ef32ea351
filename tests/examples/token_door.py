"""Who says whether a token is good, where PostgreSQL asks a directory (LDAP), as Aurora asks IAM.

PostgreSQL then wants the password as clear text inside TLS, which is how a token travels to Aurora.
"""

import socketserver
from collections.abc import Callable

from tests.support.serving import Served

# A simple bind and its answers (RFC 4511, 4.2): BindResponse with resultCode 0, or 49, and two empty texts.
_SUCCESS, _INVALID_CREDENTIALS = 0, 49
_LONG = 0x80


def _take(data: bytes) -> tuple[bytes, bytes]:
    """Take one value of BER off the front: its content, and what comes after it."""
    length, start = data[1], 2
    if length >= _LONG:
        start += length - _LONG
        length = int.from_bytes(data[2:start], "big")
    return data[start : start + length], data[start + length :]


class _Handler(socketserver.BaseRequestHandler):
    server: "TokenDoor"

    def handle(self) -> None:
        """Answer the one bind of a connection."""
        message, _ = _take(self.request.recv(65536))
        number, request = _take(message)
        _version, rest = _take(_take(request)[0])
        name, rest = _take(rest)
        is_good = self.server.is_good(name.decode(), _take(rest)[0].decode())
        answer = bytes((10, 1, _SUCCESS if is_good else _INVALID_CREDENTIALS, 4, 0, 4, 0))
        body = bytes((2, len(number))) + number + bytes((0x61, len(answer))) + answer
        self.request.sendall(bytes((0x30, len(body))) + body)


class TokenDoor(Served, socketserver.ThreadingTCPServer):
    """A directory that knows nobody, and asks a function; use it as a context manager.

    Args:
        is_good: given a user and a password, says whether they may log in.
    """

    daemon_threads = True

    def __init__(self, is_good: Callable[[str, str], bool]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.is_good = is_good
        self.port: int = self.server_address[1]
