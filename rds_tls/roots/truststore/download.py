"""A small file over HTTPS, within a bounded time and size: nothing is known here about what is in it.

Every request has one absolute deadline, kept in three places, because none of them covers everything:

- the caller waits for a worker thread no longer than that, as ``getaddrinfo`` can neither be timed nor interrupted;
- each read of an answer ends at the deadline, so that a server which drips does not hold the abandoned thread
  (``rds_tls.roots.truststore.limits``, which counts the bytes as well);
- no attempt starts after it.
"""

from __future__ import annotations

import os
import random
import ssl
import threading
import time
from base64 import b64encode
from concurrent.futures import Future
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote_to_bytes, urljoin, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from rds_tls._version import __version__
from rds_tls.errors import DownloadError
from rds_tls.genuine import GenuineContext
from rds_tls.roots.origin import NOTHING_KNOWN, Origin, Validators
from rds_tls.roots.pem import MAX_BYTES
from rds_tls.roots.truststore.causes import FAILURES, AttemptError, explained
from rds_tls.roots.truststore.limits import LimitedConnection, Limits
from rds_tls.settings import without_login

if TYPE_CHECKING:
    from rds_tls.settings import Settings

# What headers, chunk sizes and trailers may add to it; a megabyte in chunks of 4 KiB needs 3 KiB.
_MAX_FRAMING_BYTES = 65_536
_MAX_REDIRECTS = 3
# Seconds before the second and the third attempt, each shortened by up to half at random: what starts together
# (a fleet, a fork pool) must not come back together.
_PAUSES = (0.25, 0.5)
_CHUNK_BYTES = 16_384
_NOT_THERE = frozenset({403, 404})  # S3 answers 403 for a missing key when listing is not allowed
_TOO_MANY_REQUESTS = 429
_SERVER_ERROR = 500

# Not the common generator: a program that seeded it alike everywhere would have no jitter, and get other numbers.
_jitter = random.SystemRandom()


class Download(NamedTuple):
    """What a server sent.

    Attributes:
        content: the file, never empty; None when it has not changed since the validators.
        origin: where it came from, with the validators to send the next time.
        date: what the server's clock said (POSIX seconds, UTC), by its Date header; None where it sent none.
    """

    content: bytes | None
    origin: Origin
    date: float | None = None


class _Request(NamedTuple):
    """What one call of download() is about; the URL has no login in it."""

    url: str
    login: _Login
    settings: Settings
    validators: Validators
    limits: Limits


class _Login(AuthBase):
    """The user and password of a URL, and no other: without an auth of its own, requests looks into ``~/.netrc``.

    Args:
        url: the URL; its login is sent as it is written, percent-decoded, whatever its character set.
    """

    def __init__(self, url: str) -> None:
        self._user_info = url.rpartition("@")[0].partition("://")[2].encode()

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._user_info:
            user, _, password = map(unquote_to_bytes, self._user_info.partition(b":"))
            request.headers["Authorization"] = f"Basic {b64encode(user + b':' + password).decode()}"
        return request


def download(url: str, settings: Settings, validators: Validators = NOTHING_KNOWN) -> Download:
    """Fetch a file of at most 1 MiB over verified HTTPS.

    The server is verified against ``settings.mirror_ca_file``, or else what requests takes (``REQUESTS_CA_BUNDLE``,
    certifi); proxies come from the environment. The content is NOT verified: bundle.py does that.

    Args:
        url: an ``https://`` URL without user and password; it may redirect three times, to the same host and port
            alone.
        settings: the time to connect and for everything (s), the CA file of a mirror, and the login in its URL, which
            is sent along.
        validators: what an earlier download returned, to get no content when the file is still the same.

    Returns:
        The file, and where it came from.

    Raises:
        DownloadError: for every failure; at the latest when ``settings.total_timeout`` is over.
    """
    # The login is in an object that no repr shows: a traceback may show locals.
    login = _Login(settings.truststore_url or "")
    limits = Limits(time.monotonic() + settings.total_timeout, MAX_BYTES + _MAX_FRAMING_BYTES)
    request = _Request(url, login, settings, validators, limits)
    future: Future[Download] = Future()
    # A daemon: an interpreter that ends does not wait for a resolver that never answers.
    threading.Thread(target=_work, args=(request, future), name="rds-tls-download", daemon=True).start()
    try:
        return future.result(settings.total_timeout)
    except AttemptError as error:
        failure = DownloadError(url, error.cause, missing=error.missing)
    except TimeoutError:
        failure = DownloadError(url, f"no answer in time ({settings.total_timeout} s)")
    # Raised where nothing hangs below it: the texts of requests and urllib3 may repeat a password.
    raise failure


def _work(request: _Request, future: Future[Download]) -> None:
    try:
        with _session(request.limits) as session:
            future.set_result(_with_retries(session, request))
    except BaseException as error:  # noqa: BLE001  nothing is swallowed: the waiting caller raises it
        future.set_exception(error)


def _with_retries(session: requests.Session, request: _Request) -> Download:
    # Not urllib3's Retry: its second attempt follows at once, and it knows neither the body nor a deadline.
    for pause in _PAUSES:
        try:
            return _attempt(session, request)
        except AttemptError as error:
            if not error.transient or time.monotonic() + pause >= request.limits.deadline:
                raise
        time.sleep(pause * _jitter.uniform(0.5, 1))
    return _attempt(session, request)


def _attempt(session: requests.Session, request: _Request) -> Download:
    try:
        with _follow(session, request) as response:
            content = _content(response, request.validators)
            origin = Origin(request.url, _validators(response, request.validators), time.time())
            return Download(content, origin, _date(response))
    except FAILURES as error:
        raise explained(error) from error


def _follow(session: requests.Session, request: _Request) -> requests.Response:
    """Get a URL, or what it redirects to as long as that is on the same server."""
    url = request.url
    if urlsplit(url).scheme != "https":
        raise AttemptError("only https:// URLs are fetched")
    for _ in range(1 + _MAX_REDIRECTS):
        response = _get(session, url, request)
        if not response.is_redirect:
            return response
        response.close()
        url = urljoin(url, response.headers["Location"])
        if _origin(url) != _origin(request.url):
            raise AttemptError(f"it redirects to {without_login(url)[:200]!r}, which is another server")
    raise AttemptError(f"it redirects more than {_MAX_REDIRECTS} times")


def _get(session: requests.Session, url: str, request: _Request) -> requests.Response:
    settings, remaining = request.settings, request.limits.remaining()
    return session.get(
        url,
        auth=request.login,
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
        transient = status == _TOO_MANY_REQUESTS or status >= _SERVER_ERROR
        raise AttemptError(
            f"the server answered with status {status}", transient=transient, missing=status in _NOT_THERE
        )
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise AttemptError("the answer is compressed, which was not asked for")
    length = response.headers.get("Content-Length", "")
    content = _read(response, int(length) if length.isdecimal() else None)
    if not content:
        raise AttemptError("the file is empty")
    return content


def _read(response: requests.Response, length: int | None) -> bytes:
    """Read a body, counting it whatever length is announced; urllib3 refuses one that is shorter than that."""
    too_large = AttemptError(f"the file is larger than {MAX_BYTES} bytes")
    if length is not None and length > MAX_BYTES:
        raise too_large
    content = bytearray()
    for chunk in response.iter_content(_CHUNK_BYTES):
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


def _date(response: requests.Response) -> float | None:
    """Read the Date header (RFC 9110, 6.6.1)."""
    try:
        return parsedate_to_datetime(response.headers.get("Date", "")).timestamp()
    except ValueError:
        return None


class _Adapter(HTTPAdapter):
    """Connections, direct or through a proxy, whose answers keep to limits."""

    def __init__(self, limits: Limits) -> None:
        # It verifies chain and name, and holds no roots: requests loads those for each request.
        # The system's roots would come with a class that another package puts in the place of ssl.SSLContext.
        self._context = GenuineContext(ssl.PROTOCOL_TLS_CLIENT)
        self._limits = limits
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=self._context)
        self.poolmanager.pool_classes_by_scheme = {"https": self._pool}

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:  # noqa: ANN401  as requests declares it
        manager = super().proxy_manager_for(proxy, **kwargs, ssl_context=self._context)
        manager.pool_classes_by_scheme = self.poolmanager.pool_classes_by_scheme
        return manager

    def _pool(self, *args: Any, **kwargs: Any) -> urllib3.HTTPSConnectionPool:
        pool = urllib3.HTTPSConnectionPool(*args, **kwargs)
        pool.ConnectionCls = partial(LimitedConnection, limits=self._limits)  # type: ignore[assignment]
        return pool


class _Session(requests.Session):
    """A session that speaks HTTPS alone and follows no redirect by itself."""

    def __init__(self, limits: Limits) -> None:
        super().__init__()
        self.adapters.clear()
        self.mount("https://", _Adapter(limits))

    def get_redirect_target(self, resp: requests.Response) -> str | None:  # noqa: ARG002  requests names it
        """Find none: requests would read a redirect's body to its end, however long, before anything else."""
        return None


def _session(limits: Limits) -> _Session:
    session = _Session(limits)
    # No compression: it would hide the size, and Content-Length would count something else.
    session.headers.update({"User-Agent": f"rds-tls/{__version__}", "Accept-Encoding": "identity"})
    return session


def _origin(url: str) -> tuple[str | None, str | None, int]:
    """Name the server of a URL, by the parser that requests itself goes by."""
    parsed = urllib3.util.parse_url(url)
    return parsed.scheme, parsed.host, parsed.port or 443
