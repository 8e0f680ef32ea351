"""A second look at a server that a driver has not connected to: what the driver keeps back, the server shows again."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from rds_tls.context.dial import Deadline, dial
from rds_tls.context.handshake import Answer, ask_for_tls, shake_hands
from rds_tls.context.shared import shared_context
from rds_tls.errors import RdsTlsError

if TYPE_CHECKING:
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
}


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


def explain_silence(error: BaseException, target: Target, *vague: str) -> str:
    """Give the text that says why a driver of MySQL's did not connect, and dial once more where it does not say.

    MySQL speaks first. Where no greeting came, PostgreSQL may be waiting for its client to speak: it is asked for TLS,
    and nothing else is sent.

    Args:
        error: what the driver raised.
        target: what it was to connect to.
        vague: what it says where no greeting came, or no connection for a reason that it keeps back.

    Returns:
        The error's own text, and behind it that PostgreSQL answers, or that nobody does.
    """
    text = str(error)
    if not any(words in text for words in vague):
        return text
    try:
        answer = _ask(target, _SECONDS_MORE)
    except ConnectionRefusedError as reason:
        return f"{text}: {reason}"
    except OSError:
        return text
    return f"{text}: {_MEANINGS[Answer.POSTGRESQL]}" if answer in {Answer.YES, Answer.NO} else text


def _ask(target: Target, seconds: float) -> Answer:
    """Ask for TLS as PostgreSQL's clients do.

    Raises:
        OSError: the server cannot be dialled, or does not answer in time.
    """
    deadline = Deadline(seconds)
    with dial(*(target.via or (target.host, target.port)), deadline) as plain:
        return ask_for_tls(plain, "postgresql", deadline)
