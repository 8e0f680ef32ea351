"""What went wrong with one attempt at a download, in words, and whether another one may help."""

from __future__ import annotations

import http.client
import socket
import ssl
from typing import TYPE_CHECKING

import requests
import urllib3

from rds_tls.roots.truststore.limits import AnswerTooLargeError

if TYPE_CHECKING:
    from collections.abc import Iterator

# Chains of errors seen here have up to five links; the bound is against one that is circular.
_MAX_LINKS = 16

# What went wrong, in words, and whether another attempt may help. The first row that fits any error in the chain
# (requests wraps urllib3, which wraps the system's own) decides, so the precise ones come first; {0} is the error at
# the bottom. The texts on the way up are not quoted: they may repeat a proxy's password.
_UNTRUSTED = (
    "the server's certificate is not trusted ({0}); for a mirror, or a proxy that opens TLS, name its CA in "
    "RDS_TLS_TRUSTSTORE_CA_FILE, Settings(mirror_ca_file=...) or REQUESTS_CA_BUNDLE"
)
_MALFORMED = "the URL, or that of the proxy, is malformed"
_CAUSES: tuple[tuple[type[Exception], bool, str], ...] = (
    (AnswerTooLargeError, False, "{0}"),
    (socket.gaierror, True, "the host name does not resolve (DNS: {0})"),
    (ssl.SSLCertVerificationError, False, _UNTRUSTED),
    (ssl.SSLEOFError, True, "the connection ended during TLS"),
    (ssl.SSLError, False, "TLS failed ({0})"),
    (ConnectionRefusedError, True, "the connection was refused"),
    (TimeoutError, True, "no answer in time"),
    (ConnectionError, True, "the connection broke ({0})"),
    (urllib3.exceptions.NewConnectionError, True, "the host cannot be reached ({0})"),
    (http.client.IncompleteRead, True, "the answer is shorter than its Content-Length"),
    (urllib3.exceptions.ProtocolError, True, "the answer is not HTTP"),
    (http.client.HTTPException, True, "the answer is not HTTP"),
    (urllib3.exceptions.LocationValueError, False, _MALFORMED),
    (requests.exceptions.InvalidURL, False, _MALFORMED),
    (requests.exceptions.InvalidSchema, False, "requests, as it is installed, cannot use this kind of proxy"),
    (OSError, False, "{0}"),
    (ValueError, False, _MALFORMED),
)

# What requests raises, and what is below it: whatever is none of these is a mistake of ours, and is seen as it is.
FAILURES = (OSError, ValueError, http.client.HTTPException, urllib3.exceptions.HTTPError)


class AttemptError(Exception):
    """One attempt failed; it becomes a DownloadError unless another one succeeds."""

    def __init__(self, cause: str, *, transient: bool = False, missing: bool = False) -> None:
        super().__init__(cause)
        self.cause = cause
        self.transient = transient
        self.missing = missing


def explained(error: Exception) -> AttemptError:
    """Put an error of requests, or of what is below it, in words."""
    chain = list(_chain(error))
    where = ""
    if any(isinstance(link, urllib3.exceptions.ProxyError) for link in chain):
        where = "at the proxy of the environment (HTTPS_PROXY): "
    for kind, transient, words in _CAUSES:
        if any(isinstance(link, kind) for link in chain):
            return AttemptError(where + words.format(chain[-1]), transient=transient)
    return AttemptError(where + type(error).__name__)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Walk from an error down to the one it began with; some links are an argument or an attribute only."""
    for _ in range(_MAX_LINKS):
        if error is None:
            return
        yield error
        below = (error.__cause__, *error.args, getattr(error, "reason", None), error.__context__)
        error = next((link for link in below if isinstance(link, BaseException)), None)
