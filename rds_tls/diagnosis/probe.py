"""What a server sends: a handshake that logs nobody in, believes nothing, and reads the chain.

The context that verifies nothing is made here and nowhere else. It never carries a name of a user, a secret or a query:
the connection ends with the handshake.
"""

from __future__ import annotations

import _ssl
import ssl
from typing import TYPE_CHECKING, Any, NamedTuple

from rds_tls.context.dial import Deadline, dial
from rds_tls.context.handshake import Answer, ask_for_tls, shake_hands
from rds_tls.diagnosis.certificates import Certificate, read_chain
from rds_tls.errors import RdsTlsError
from rds_tls.genuine import GenuineContext

if TYPE_CHECKING:
    from rds_tls.context.handshake import Protocol

# How long a look at a server that refused or was refused may take, in seconds.
SECONDS = 5.0


class Sight(NamedTuple):
    """What a server showed.

    Attributes:
        answer: what came of asking for TLS.
        chain: the certificates that it sent, leaf first.
        tls: the TLS version, such as "TLSv1.3"; empty where no handshake came about.
        error: why none did.
    """

    answer: Answer
    chain: tuple[Certificate, ...] = ()
    tls: str = ""
    error: OSError | None = None


def look(address: tuple[str, int], protocol: Protocol, host: str, seconds: float = SECONDS) -> Sight:
    """Dial a server, ask for TLS, shake hands without believing it, and leave.

    Args:
        address: what to dial.
        protocol: which engine to speak to.
        host: the name to ask for (SNI).
        seconds: how long that may take in all.

    Returns:
        What was seen.

    Raises:
        OSError: the server cannot be dialled, or does not answer in time.
    """
    deadline = Deadline(seconds)
    with dial(*address, deadline) as plain:
        answer = ask_for_tls(plain, protocol, deadline)
        if answer is not Answer.YES:
            return Sight(answer)
        try:
            with shake_hands(plain, _blind_context(), host, deadline) as tls:
                return Sight(answer, read_chain(_sent_by(tls)), tls.version() or "")
        except OSError as error:
            return Sight(answer, error=error)


def chain_of(
    address: tuple[str, int], protocol: Protocol, host: str, seconds: float = SECONDS
) -> tuple[Certificate, ...]:
    """Give what ``look`` sees of the chain; nothing where there is nothing to be seen."""
    try:
        return look(address, protocol, host, seconds).chain
    except (OSError, RdsTlsError):
        return ()


def _blind_context() -> ssl.SSLContext:
    """Make a context that takes any certificate: to see what a server sends, never to trust it."""
    context = GenuineContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _sent_by(tls: ssl.SSLSocket) -> list[bytes]:
    """Give the DER of each certificate that the server sent.

    ``SSLSocket.get_unverified_chain`` came with Python 3.13; what it calls has been there since 3.10.
    """
    below: Any = tls._sslobj  # type: ignore[attr-defined]  # noqa: SLF001 - as above
    return [each.public_bytes(_ssl.ENCODING_DER) for each in below.get_unverified_chain() or ()]
