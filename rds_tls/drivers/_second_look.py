"""A second look at a server that a driver has not connected to: what the driver keeps back, the server shows again."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from rds_tls.context.dial import Deadline, dial
from rds_tls.context.handshake import Answer, ask_for_tls, shake_hands
from rds_tls.context.shared import shared_context
from rds_tls.errors import RdsTlsError

if TYPE_CHECKING:
    from collections.abc import Collection

    from rds_tls.context.handshake import Protocol
    from rds_tls.drivers import Target

# How long a look may take, in seconds; only a refused connection waits for it.
_SECONDS = 5.0

# How long one may take where the driver has waited in vain already.
_SECONDS_MORE = 1.0

# What an answer means, for drivers that have one text for all of them, or none. The first two are libpq's own words
# (fe-connect.c, PQconnectPoll); diagnosis/texts.py knows all of them.
_MEANINGS = {
    Answer.NO: "server does not support SSL",
    Answer.MORE: "received unencrypted data after SSL response",
    Answer.MYSQL: "MySQL answers where PostgreSQL was asked for",
    Answer.POSTGRESQL: "PostgreSQL answers where MySQL was asked for",
    Answer.OTHER: "what answers is no database",
    Answer.ERROR: "an error came before TLS",
    Answer.END: "the connection ended before TLS",
}

# What drivers of MySQL's say where a server ended the connection, sent what is no greeting, or an error in place of one
# (PyMySQL's connections.py, which asyncmy and aiomysql are made from; mysql-connector's errmsg 2013; OpenSSL's
# ssl_err.c by CPython and by MariaDB's library; MySQL's errmsg 1040). The same may come when TLS stands, so that they
# alone tell nothing.
_ENDED = (
    "Lost connection to MySQL server during query",
    "Packet sequence number wrong",
    "EOF occurred in violation of protocol",
    "unexpected eof while reading",
    "Connection reset by peer",
    "Too many connections",
)


def certificate_verdict(target: Target) -> str | None:
    """Dial a PostgreSQL server, ask for TLS and shake hands; nothing else is sent.

    Args:
        target: what a driver was to connect to.

    Returns:
        Why OpenSSL refuses the server's certificate; None where it does not, or where no handshake comes about:
        whoever answers now may say anything, or nothing, and a context may not be had, or not be used.
    """
    deadline = Deadline(_SECONDS)
    try:
        with dial(*(target.via or (target.host, target.port)), deadline) as plain:
            ask_for_tls(plain, "postgresql", deadline)
            shake_hands(plain, shared_context(target.anchors), target.host, deadline).close()
    except ssl.SSLCertVerificationError as verdict:
        return str(verdict)
    except (OSError, RdsTlsError):
        return None
    return None


def answer_verdict(target: Target) -> str | None:
    """Dial a PostgreSQL server and ask for TLS; nothing else is sent.

    Args:
        target: what a driver was to connect to.

    Returns:
        What the answer means, in words that the table of causes knows; None where it stands in the way of nothing.
    """
    try:
        return _MEANINGS.get(_ask(target, _SECONDS))
    except OSError:
        return None


def tls_verdict(target: Target, protocol: Protocol) -> str | None:
    """Dial a server, ask for TLS and shake hands as a connection does; nothing else is sent.

    Args:
        target: what a driver was to connect to.
        protocol: which engine to speak to.

    Returns:
        What stands in the way of TLS, in words that the table of causes knows, or in OpenSSL's; None where nothing
        does, or where it cannot be seen.
    """
    deadline = Deadline(_SECONDS)
    try:
        plain = dial(*(target.via or (target.host, target.port)), deadline)
    except OSError:
        return None
    try:
        with plain:
            answer = ask_for_tls(plain, protocol, deadline)
            if answer is Answer.YES:
                shake_hands(plain, shared_context(target.anchors), target.host, deadline).close()
            return _MEANINGS.get(answer)
    except (ssl.SSLEOFError, ConnectionError):
        return _MEANINGS[Answer.END]
    except ssl.SSLError as reason:
        return str(reason)
    except (OSError, RdsTlsError):
        return None


def explain_mysql(text: str, target: Target, silent: Collection[str], ended: Collection[str] = ()) -> str:
    """Give the text that says why a driver of MySQL's did not connect, and dial once more where its own does not say.

    MySQL speaks first. Where no greeting came, PostgreSQL may be waiting for its client to speak: it is asked for TLS.
    Where the connection ended, or something else than a greeting came, MySQL is. Nothing else is sent.

    Args:
        text: the driver's own, or that of what it was raised from.
        target: what it was to connect to.
        silent: what the driver says where no greeting came, or no connection for a reason that it keeps back.
        ended: what it says where a connection ended, besides what all of them do.

    Returns:
        The text, and behind it what the second look shows.
    """
    if any(words in text for words in silent):
        more = _explain_silence(target)
        if more is not None:
            return f"{text}: {more}"
    if any(words in text for words in (*_ENDED, *ended)) and "timed out" not in text:
        more = tls_verdict(target, "mysql")
        if more is not None:
            return f"{text}: {more}"
    return text


def _explain_silence(target: Target) -> str | None:
    """Say that PostgreSQL answers, or why nobody does; None where there is no answer."""
    try:
        answer = _ask(target, _SECONDS_MORE)
    except TimeoutError:
        return None
    except OSError as reason:
        return str(reason)
    return _MEANINGS[Answer.POSTGRESQL] if answer in {Answer.YES, Answer.NO} else None


def _ask(target: Target, seconds: float) -> Answer:
    """Ask for TLS as PostgreSQL's clients do.

    Raises:
        OSError: the server cannot be dialled, or does not answer in time.
    """
    deadline = Deadline(seconds)
    with dial(*(target.via or (target.host, target.port)), deadline) as plain:
        return ask_for_tls(plain, "postgresql", deadline)
