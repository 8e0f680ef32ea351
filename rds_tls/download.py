"""A small file over HTTPS, within a bounded time and size: nothing is known here about what is in it.

Every request has one absolute deadline, kept in three places, because none of them covers everything:

- the caller waits for a worker thread no longer than that, as ``getaddrinfo`` can neither be timed nor interrupted;
- each read from the TLS socket ends at the deadline, as an ordinary read timeout starts anew with every byte that
  arrives, so that a server which drips its answer would hold the abandoned thread for hours;
- no attempt starts after it.
"""

import http.client
import math
import os
import random
import socket
import ssl
import sys
import threading
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urljoin, urlsplit, urlunsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from rds_tls.errors import DownloadError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Buffer

    from rds_tls.settings import Settings

# The global bundle, the largest published file, has 165 KB in 2026.
MAX_BYTES = 1_048_576
MAX_REDIRECTS = 3
# Seconds before the second and the third attempt, each shortened by up to half at random: what starts together
# (a fleet, a fork pool) must not come back together.
PAUSES = (0.25, 0.5)
CHUNK_BYTES = 65_536
# Chains of errors seen here have up to five links; the bound is against one that is circular.
MAX_LINKS = 16

NOT_THERE = frozenset({403, 404})  # S3 answers 403 for a missing key when listing is not allowed
TOO_MANY_REQUESTS = 429
SERVER_ERROR = 500

# Not the common generator: a program that seeded it alike everywhere would have no jitter, and get other numbers.
_jitter = random.SystemRandom()

# What went wrong, in words, and whether another attempt may help. The first row that fits any error in the chain
# (requests wraps urllib3, which wraps the system's own) decides, so the precise ones come first; {0} is the error at
# the bottom. The texts on the way up are not quoted: they may repeat a proxy's password.
_UNTRUSTED = (
    "the server's certificate is not trusted ({0}); for a mirror, or a proxy that opens TLS, name its CA in "
    "RDS_TLS_TRUSTSTORE_CA_FILE, Settings(mirror_ca_file=...) or REQUESTS_CA_BUNDLE"
)
_MALFORMED = "the URL, or that of the proxy, is malformed"
_CAUSES: tuple[tuple[type[Exception], bool, str], ...] = (
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
_FAILURES = (OSError, ValueError, http.client.HTTPException, urllib3.exceptions.HTTPError)


class Validators(NamedTuple):
    """What a server said about a file's version, to be sent back when it is asked for again.

    Attributes:
        etag: the ETag header.
        last_modified: the Last-Modified header.
    """

    etag: str | None = None
    last_modified: str | None = None

    def headers(self) -> dict[str, str]:
        """Return the headers that make a request conditional."""
        pairs = (("If-None-Match", self.etag), ("If-Modified-Since", self.last_modified))
        return {name: value for name, value in pairs if value}


class Download(NamedTuple):
    """What a server sent.

    Attributes:
        url: the URL as it was asked for, without user and password.
        content: the file, never empty; None when it has not changed since the validators.
        validators: those to send the next time.
    """

    url: str
    content: bytes | None
    validators: Validators


NOTHING_KNOWN = Validators()


class _Request(NamedTuple):
    """What one call of download() is about; the deadline is a reading of the monotonic clock (s)."""

    url: str
    settings: "Settings"
    validators: Validators
    deadline: float

    def remaining(self) -> float:
        return _remaining(self.deadline)


class _AttemptError(Exception):
    """One attempt failed; it becomes a DownloadError unless another one succeeds."""

    def __init__(self, cause: str, *, transient: bool = False, missing: bool = False) -> None:
        super().__init__(cause)
        self.cause = cause
        self.transient = transient
        self.missing = missing


def download(url: str, settings: "Settings", validators: Validators = NOTHING_KNOWN) -> Download:
    """Fetch a file of at most 1 MiB over verified HTTPS.

    The server is verified against ``settings.mirror_ca_file``, or else what requests takes (``REQUESTS_CA_BUNDLE``,
    certifi); proxies come from the environment. The content is NOT verified: bundle.py does that.

    Args:
        url: an ``https://`` URL; it may redirect three times, to the same host and port alone.
        settings: the time to connect and for everything (s), and the CA file of a mirror.
        validators: what an earlier download returned, to get no content when the file is still the same.

    Returns:
        The file and its validators.

    Raises:
        DownloadError: for every failure; at the latest when ``settings.total_timeout`` is over.
    """
    request = _Request(url, settings, validators, time.monotonic() + settings.total_timeout)
    future: Future[Download] = Future()
    # A daemon: an interpreter that ends does not wait for a resolver that never answers.
    threading.Thread(target=_work, args=(request, future), name="rds-tls-download", daemon=True).start()
    try:
        return future.result(settings.total_timeout)
    except _AttemptError as error:
        # Not chained: the texts of requests and urllib3 below it may repeat a password.
        raise DownloadError(_public(url), error.cause, missing=error.missing) from None
    except TimeoutError:
        raise DownloadError(_public(url), f"no answer in time ({settings.total_timeout} s)") from None


def _work(request: _Request, future: "Future[Download]") -> None:
    try:
        with _session(request.deadline) as session:
            future.set_result(_try(session, request))
    except BaseException as error:  # noqa: BLE001  nothing is swallowed: the waiting caller raises it
        future.set_exception(error)


def _try(session: requests.Session, request: _Request) -> Download:
    # Not urllib3's Retry: its second attempt follows at once, and it knows neither the body nor a deadline.
    for pause in PAUSES:
        try:
            return _attempt(session, request)
        except _AttemptError as error:
            if not error.transient or time.monotonic() + pause >= request.deadline:
                raise
        time.sleep(pause * _jitter.uniform(0.5, 1))
    return _attempt(session, request)


def _attempt(session: requests.Session, request: _Request) -> Download:
    try:
        with _follow(session, request) as response:
            content = _content(response, request.validators)
            return Download(_public(request.url), content, _validators(response, request.validators))
    except _FAILURES as error:
        raise _explained(error) from error


def _follow(session: requests.Session, request: _Request) -> requests.Response:
    """Get a URL, or what it redirects to as long as that is on the same server."""
    url = request.url
    if urlsplit(url).scheme != "https":
        raise _AttemptError("only https:// URLs are fetched")
    for _ in range(1 + MAX_REDIRECTS):
        response = _get(session, url, request)
        if not response.is_redirect:
            return response
        response.close()
        url = urljoin(url, response.headers["Location"])
        if _origin(url) != _origin(request.url):
            raise _AttemptError(f"it redirects to {_public(url)[:200]!r}, which is another server")
    raise _AttemptError(f"it redirects more than {MAX_REDIRECTS} times")


def _get(session: requests.Session, url: str, request: _Request) -> requests.Response:
    settings, remaining = request.settings, request.remaining()
    return session.get(
        url,
        headers=request.validators.headers(),
        stream=True,
        timeout=(min(settings.connect_timeout, remaining), remaining),
        # By request: on a session, REQUESTS_CA_BUNDLE would win over it.
        verify=os.fspath(settings.mirror_ca_file) if settings.mirror_ca_file else True,
    )


def _content(response: requests.Response, validators: Validators) -> bytes | None:
    """Judge the status and the length, and read the body."""
    status = response.status_code
    if status == requests.codes.not_modified and validators.headers():
        return None
    if status != requests.codes.ok:
        transient = status == TOO_MANY_REQUESTS or status >= SERVER_ERROR
        raise _AttemptError(
            f"the server answered with status {status}", transient=transient, missing=status in NOT_THERE
        )
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise _AttemptError("the answer is compressed, which was not asked for")
    length = response.headers.get("Content-Length", "")
    content = _read(response, int(length) if length.isdecimal() else None)
    if not content:
        raise _AttemptError("the file is empty")
    return content


def _read(response: requests.Response, length: int | None) -> bytes:
    """Read a body, counting it whatever length is announced; urllib3 refuses one that is shorter than that."""
    too_large = _AttemptError(f"the file is larger than {MAX_BYTES} bytes")
    if length is not None and length > MAX_BYTES:
        raise too_large
    content = bytearray()
    for chunk in response.iter_content(CHUNK_BYTES):
        content += chunk
        if len(content) > MAX_BYTES:
            raise too_large
    return bytes(content)


def _validators(response: requests.Response, sent: Validators) -> Validators:
    """Take the validators of an answer; a 304 need not repeat those it was asked with (RFC 9110, 15.4.5)."""
    received = Validators(response.headers.get("ETag"), response.headers.get("Last-Modified"))
    if response.status_code != requests.codes.not_modified:
        return received
    return Validators(received.etag or sent.etag, received.last_modified or sent.last_modified)


class _DeadlineSocket(ssl.SSLSocket):
    """A TLS socket whose reads all end at its context's deadline."""

    def recv_into(self, buffer: "Buffer", nbytes: int | None = None, flags: int = 0) -> int:
        context = self.context
        if isinstance(context, _DeadlineContext):
            self.settimeout(_remaining(context.deadline))
        return super().recv_into(buffer, nbytes, flags)


class _DeadlineContext(ssl.SSLContext):
    """A context that verifies chain and name, and holds no roots: requests loads those for each request."""

    sslsocket_class = _DeadlineSocket
    deadline = math.inf


class _Adapter(HTTPAdapter):
    """Connections, direct or through a proxy, that end at a deadline."""

    def __init__(self, deadline: float) -> None:
        self._context = _DeadlineContext(ssl.PROTOCOL_TLS_CLIENT)
        self._context.deadline = deadline
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=self._context)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:  # noqa: ANN401  as requests declares it
        return super().proxy_manager_for(proxy, **kwargs, ssl_context=self._context)


class _Session(requests.Session):
    """A session that speaks HTTPS alone and follows no redirect by itself."""

    def __init__(self, deadline: float) -> None:
        super().__init__()
        self.adapters.clear()
        self.mount("https://", _Adapter(deadline))

    def get_redirect_target(self, resp: requests.Response) -> str | None:  # noqa: ARG002  requests names it
        """Find none: requests would read a redirect's body to its end, however long, before anything else."""
        return None


def _session(deadline: float) -> _Session:
    session = _Session(deadline)
    # The package itself is always there before its modules. Importing it here would run against the floors, and
    # importlib.metadata knows nothing of a package that was copied into a Lambda archive.
    version = sys.modules["rds_tls"].__version__
    # No compression: it would hide the size, and Content-Length would count something else.
    session.headers.update({"User-Agent": f"rds-tls/{version}", "Accept-Encoding": "identity"})
    return session


def _remaining(deadline: float) -> float:
    """Return the seconds that are left.

    Raises:
        TimeoutError: none are.
    """
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        raise TimeoutError("the deadline has passed")
    return remaining


def _origin(url: str) -> tuple[str | None, str | None, int]:
    """Name the server of a URL, by the parser that requests itself goes by."""
    parsed = urllib3.util.parse_url(url)
    return parsed.scheme, parsed.host, parsed.port or 443


def _public(url: str) -> str:
    """Leave user and password out of a URL."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "the URL that was given"
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _explained(error: Exception) -> _AttemptError:
    """Put an error of requests, or of what is below it, in words."""
    chain = list(_chain(error))
    where = ""
    if any(isinstance(link, urllib3.exceptions.ProxyError) for link in chain):
        where = "at the proxy of the environment (HTTPS_PROXY): "
    for kind, transient, words in _CAUSES:
        if any(isinstance(link, kind) for link in chain):
            return _AttemptError(where + words.format(chain[-1]), transient=transient)
    return _AttemptError(where + type(error).__name__)


def _chain(error: BaseException | None) -> "Iterator[BaseException]":
    """Walk from an error down to the one it began with; some links are an argument or an attribute only."""
    for _ in range(MAX_LINKS):
        if error is None:
            return
        yield error
        below = (error.__cause__, *error.args, getattr(error, "reason", None), error.__context__)
        error = next((link for link in below if isinstance(link, BaseException)), None)
