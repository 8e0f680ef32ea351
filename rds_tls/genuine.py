"""The interpreter's own SSLContext, whatever another package has put in its place.

Packages replace what ``ssl`` holds, before this one is imported or after: truststore (and pip-system-certs, which
injects it when Python starts) by a context that trusts the system's roots, gevent and eventlet by sockets that wait for
their hub. A context that derives from what happens to stand there would trust what its owner never chose. So this one
derives from the class that ``ssl.py`` itself defined, and takes from others what decides nothing about trust: sockets.
"""

from __future__ import annotations

import _ssl
import ssl
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rds_tls.errors import TrustError

if TYPE_CHECKING:
    from socket import socket

# The modules that define the sockets of runtimes whose constructor takes a ready context, as the original one does.
_COOPERATIVE = frozenset({"gevent.ssl", "eventlet.green.ssl"})


def _interpreters_own() -> type[_ssl._SSLContext]:
    """Find the class that ``ssl.py`` defined: it is the first one below OpenSSL's, and stays there."""
    for found in _ssl._SSLContext.__subclasses__():  # noqa: SLF001 - no public name leads to it once it was replaced
        if (found.__module__, found.__qualname__) == ("ssl", "SSLContext"):
            return found
    raise TrustError(
        f"the interpreter's own ssl.SSLContext is gone, {_name(ssl.SSLContext)} stands in its place, and nobody here "
        "knows what that trusts: find out which package puts it there, and use rds_tls without that"
    )


def _name(found: type) -> str:
    return f"{found.__module__}.{found.__qualname__}"


if TYPE_CHECKING:
    Own = ssl.SSLContext
else:
    Own = _interpreters_own()
_OwnSocket: type[ssl.SSLSocket] = Own.sslsocket_class
OwnObject: type[ssl.SSLObject] = Own.sslobject_class


class GenuineContext(Own):
    """An SSLContext that is none but OpenSSL's, and whose sockets are those of the runtime.

    Attributes:
        guard: what its sockets do besides, if anything: a class without a base, which stands before the runtime's own.
    """

    guard: type | None = None

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """Pass for an instance of whatever stands at ``ssl.SSLContext``: drivers and event loops ask ``isinstance``."""
        own = type(self)
        return own if issubclass(own, ssl.SSLContext) else ssl.SSLContext

    def __setattr__(self, name: str, value: object) -> None:
        # The setters in ssl.py look their own class up by its name, and call themselves for ever once another class
        # has it. What they set is OpenSSL's, so it is set there.
        below: Any = getattr(_ssl._SSLContext, name, None)  # noqa: SLF001 - as above
        if hasattr(below, "__set__"):
            below.__set__(self, value)
        else:
            super().__setattr__(name, value)

    # The signature is the base class's own, so that a driver may pass anything by position.
    def wrap_socket(
        self,
        sock: socket,
        server_side: bool = False,  # noqa: FBT001, FBT002
        do_handshake_on_connect: bool = True,  # noqa: FBT001, FBT002
        suppress_ragged_eofs: bool = True,  # noqa: FBT001, FBT002
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLSocket:
        """Wrap as ``ssl.SSLContext.wrap_socket`` does, in a socket of the runtime.

        Raises:
            TrustError: something unknown stands at ``ssl.SSLSocket``; nothing has been sent.
        """
        runtimes = ssl.SSLSocket
        if runtimes is not _OwnSocket and runtimes.__module__ not in _COOPERATIVE:
            raise TrustError(
                f"{_name(runtimes)} stands in the place of ssl.SSLSocket, and nobody here knows what it does with a "
                "connection: find out which package puts it there, and use rds_tls without that"
            )
        chosen = _guarded(self.guard, runtimes)
        if runtimes is _OwnSocket:
            own: ssl.SSLSocket = chosen._create(  # type: ignore[attr-defined]  # noqa: SLF001 - as ssl.py does
                sock=sock,
                server_side=server_side,
                do_handshake_on_connect=do_handshake_on_connect,
                suppress_ragged_eofs=suppress_ragged_eofs,
                server_hostname=server_hostname,
                context=self,
                session=session,
            )
            return own
        tls: Any = runtimes(
            sock=sock,
            server_side=server_side,
            do_handshake_on_connect=False,
            suppress_ragged_eofs=suppress_ragged_eofs,
            server_hostname=server_hostname,
            _context=self,
        )
        # Their constructors know their own class alone.
        tls.__class__ = chosen
        tls.do_handshake_on_connect = do_handshake_on_connect
        if do_handshake_on_connect and tls._connected:  # noqa: SLF001 - ssl.py's own name, kept by both
            _shake_hands(tls)
        return tls  # type: ignore[no-any-return]


def _shake_hands(tls: ssl.SSLSocket) -> None:
    try:
        tls.do_handshake()
    except BaseException:
        tls.close()
        raise


@lru_cache(maxsize=16)
def _guarded(guard: type | None, socket_class: type[ssl.SSLSocket]) -> type[ssl.SSLSocket]:
    return socket_class if guard is None else type(socket_class.__name__, (guard, socket_class), {})
