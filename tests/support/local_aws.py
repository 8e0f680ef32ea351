"""The HTTP side of AWS on loopback: it answers each path by script, as STS, SSO and a container's agent do."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

from tests.support.serving import Served

ASSUMED = """\
<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
<AssumedRoleUser><AssumedRoleId>AROA:s</AssumedRoleId><Arn>arn:aws:sts::123456789012:assumed-role/app/s</Arn></AssumedRoleUser>
<Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey>
<SessionToken>{token}</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>
</AssumeRoleResult></AssumeRoleResponse>"""

DENIED = """\
<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>AccessDenied</Code>
<Message>User: arn:aws:iam::123456789012:user/app is not authorized to perform: sts:AssumeRole</Message></Error>
<RequestId>c6104cbe</RequestId></ErrorResponse>"""


class Reply(NamedTuple):
    """An answer; a status of 0 hangs up instead."""

    status: int
    body: str = ""


class _Handler(BaseHTTPRequestHandler):
    server: "LocalAws"

    def do_GET(self) -> None:
        """Answer."""
        self.server.asked.append(self.path)
        status, body = self.server.reply
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if status:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

    do_POST = do_GET  # noqa: N815 - the base class names it

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class names it
        """Keep quiet: the tests look at ``asked``."""


class LocalAws(Served, ThreadingHTTPServer):
    """A server that gives every request the same reply; use it as a context manager.

    Attributes:
        reply: what it answers.
        asked: the paths of the requests so far.
        url: what a client names it by.
    """

    daemon_threads = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.reply = Reply(500)
        self.asked: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_port}"
