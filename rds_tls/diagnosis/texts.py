"""By what the errors of drivers are known: their texts, and the classes of those that Python raises below them.

Drivers wrap OpenSSL's reason in an error of their own, so its text is what they have in common. A text that no row
knows gets no cause: a wrong explanation is worse than none.
"""

from __future__ import annotations

import errno
import re
import socket
from typing import TYPE_CHECKING

from rds_tls.errors import EndpointError, TrustError

if TYPE_CHECKING:
    from collections.abc import Iterator

# What the text of an error holds -> the cause's id. The first row that matches wins, so what a server says about a
# login, which may repeat any name, comes before all else, and a reason before the "certificate verify failed" that
# surrounds it.
# Sources: PostgreSQL src/backend/libpq/auth.c; MySQL's errmsg (1044, 1045, 1129, 1130, 1698); OpenSSL
# crypto/x509/x509_txt.c and ssl/ssl_err.c; CPython Modules/_ssl.c; libpq fe-secure-openssl.c, fe-secure-common.c,
# fe-connect.c; PyMySQL connections.py; MariaDB Connector/C ma_tls.c (3.3 and 3.4) and my_auth.c; this package's own
# drivers; for names and the network gai_strerror and strerror of glibc, macOS and Windows, psycopg's own words and
# MySQL's errmsg (2005).
# Both libraries in C give a number alone for a dial that failed (libmysqlclient and libmariadb, errmsg 2002 and 2003):
# that of Linux, of macOS or of Windows.
# Compared in lower case: OpenSSL 1.1 and 3 differ in capitals and hyphens.
TEXTS = (
    ("authentication failed for user", "login-refused"),
    ("access denied for user", "login-refused"),
    ("no pg_hba.conf entry for host", "login-refused"),
    ("does not match host name", "other-name"),
    ("hostname mismatch", "other-name"),
    ("host name mismatch", "other-name"),
    ("certificate has expired", "expired"),
    ("certificate is not yet valid", "not-yet-valid"),
    ("self-signed certificate in certificate chain", "unknown-root"),
    ("self signed certificate in certificate chain", "unknown-root"),
    ("self-signed certificate", "self-signed"),
    ("self signed certificate", "self-signed"),
    ("unable to get local issuer certificate", "unknown-root"),
    ("unable to get issuer certificate", "unknown-root"),
    ("unable to verify the first certificate", "unknown-root"),
    ("certificate signature failure", "unknown-root"),
    ("could not read root certificate file", "unreadable-ca-file"),
    ("root certificate file", "unreadable-ca-file"),
    ("key too weak", "weak-key"),
    ("key too small", "weak-key"),
    ("md too weak", "weak-key"),
    ("certificate revoked", "revocation"),
    ("certificate crl", "revocation"),
    ("crl has expired", "revocation"),
    ("key identifier", "malformed"),
    ("basic constraints", "malformed"),
    ("key usage", "malformed"),
    ("invalid ca certificate", "malformed"),
    ("certificate verify failed", "unverified"),
    ("server does not support ssl", "no-tls"),
    ("server doesn't support it", "no-tls"),
    ("unencrypted data after ssl", "injected-bytes"),
    ("unencrypted data after its greeting", "injected-bytes"),
    ("wrong version number", "injected-bytes"),
    ("record layer failure", "injected-bytes"),
    ("unsupported protocol", "old-tls"),
    ("no protocols available", "old-tls"),
    ("alert protocol version", "old-tls"),
    ("wrong ssl version", "old-tls"),
    ("alert handshake failure", "no-common-cipher"),
    ("validation of ssl server certificate failed", "other-name"),
    ("hostname verification failed", "other-name"),
    ("ssl is required, but the server does not support it", "no-tls"),
    ("bytes from before tls", "injected-bytes"),
    ("mysql answers where postgresql was asked for", "other-engine"),
    ("postgresql answers where mysql was asked for", "other-engine"),
    ("what answers is no database", "not-a-database"),
    ("the connection ended before tls", "hung-up"),
    ("an error came before tls", "hung-up"),
    ("server sent an error response during ssl exchange", "hung-up"),
    ("error packet before completion of tls handshake", "hung-up"),
    ("is blocked because of many connection errors", "hung-up"),
    ("is not allowed to connect to this", "hung-up"),
    ("temporary failure in name resolution", "resolver-down"),
    ("name or service not known", "name-not-found"),
    ("no address associated with hostname", "name-not-found"),
    ("nodename nor servname provided", "name-not-found"),
    ("getaddrinfo failed", "name-not-found"),
    ("unknown server host", "name-not-found"),
    ("unknown mysql server host", "name-not-found"),
    ("connection refused", "refused"),
    ("no route to host", "no-route"),
    ("network is unreachable", "no-route"),
    ("' (111)", "refused"),
    ("' (61)", "refused"),
    ("' (10061)", "refused"),
    ("' (101)", "no-route"),
    ("' (113)", "no-route"),
    ("' (51)", "no-route"),
    ("' (65)", "no-route"),
    ("' (10051)", "no-route"),
    ("' (10065)", "no-route"),
    ("' (110)", "no-answer"),
    ("' (60)", "no-answer"),
    ("' (10060)", "no-answer"),
    ("reading initial communication packet', system error: 110", "no-answer"),
    ("timeout expired", "no-answer"),
    ("timed out", "no-answer"),
)

# The same for what Python raises, by its number: the texts of asyncio's own do not say which it is.
_NUMBERS = {
    errno.ECONNREFUSED: "refused",
    errno.ENETUNREACH: "no-route",
    errno.EHOSTUNREACH: "no-route",
    errno.ETIMEDOUT: "no-answer",
}

# Library and reason before them, and the line behind them (CPython, Modules/_ssl.c).
_WRAPPING = re.compile(r"^\[[A-Z0-9_]+(?:: [A-Z0-9_]+)?\] | \(_ssl\.c:[0-9]+\)$")

# What EndpointError's rules say -> the cause's id (endpoint/grammar.py and endpoint/hosttext.py).
_RULES = (("has no rds certificate", "local-address"), ("is no aws suffix", "alias"))


def cause_of(error: BaseException, text: str | None = None) -> str | None:
    """Find the cause of an error.

    Args:
        error: what was raised; what hangs below it is read too.
        text: what says more than the error's own text, if there is such a thing.

    Returns:
        The cause's id; None when nothing known here is said.
    """
    if text is not None and (found := cause_of_text(text)):
        return found
    return next(filter(None, map(_cause_of_link, links(error))), None)


def cause_of_text(text: str) -> str | None:
    """Find the cause in a text alone, as ``cause_of``."""
    folded = text.lower()
    return next((cause for fragment, cause in TEXTS if fragment in folded), None)


def openssls_words(text: str) -> str:
    """Take off what Python puts around OpenSSL's words."""
    return _WRAPPING.sub("", text)


def links(error: BaseException | None) -> Iterator[BaseException]:
    """Give an error and what it was raised from, or as a group of; each once, the nearest first.

    What somebody was handling meanwhile says nothing: a program may connect because something else has failed.
    """
    waiting: list[BaseException | None] = [error]
    seen = set[int]()
    for link in waiting:
        if link is not None and id(link) not in seen:
            seen.add(id(link))
            waiting.append(link.__cause__)
            waiting += link.exceptions if isinstance(link, BaseExceptionGroup) else ()
            yield link


def _cause_of_link(error: BaseException) -> str | None:
    if isinstance(error, EndpointError):
        rule = error.rule.lower()
        return next((cause for fragment, cause in _RULES if fragment in rule), "not-an-endpoint")
    if isinstance(error, TrustError):
        return "no-roots"
    if isinstance(error, socket.gaierror):
        return "resolver-down" if error.errno == socket.EAI_AGAIN else "name-not-found"
    if isinstance(error, TimeoutError):
        return "no-answer"
    found = cause_of_text(str(error))
    if found is None and isinstance(error, OSError):
        return _NUMBERS.get(error.errno or 0)
    return found
