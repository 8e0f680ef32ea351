"""What asyncmy and aiomysql share: a login that is guarded, and that ends in time."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

from rds_tls.context.sealed import is_verified
from rds_tls.drivers import close_unverified
from rds_tls.errors import DriverNotInstalledError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from rds_tls.drivers import Target

# MySQL internals, "Capability Flags": the server offers TLS.
_CLIENT_SSL = 0x800

# MySQL's errmsg.h: CR_CONN_HOST_ERROR and CR_SSL_CONNECTION_ERROR.
_CANNOT_CONNECT = 2003
_NO_TLS = 2026


class GuardedLogin:
    """What a driver's connection does besides while it connects, by itself after a lost connection too.

    Nothing of the login goes to a server that hides TLS, or to whoever speaks out of turn before TLS: these drivers
    drop what comes behind the greeting, which is safe as long as they do. ``connect_timeout`` bounds dialling, TLS and
    login together, where the drivers' own ends with the TCP connection. And whatever fails leaves no socket open.

    A reconnect, as by ``ping()``, asks for roots and password anew.

    Attributes:
        again: gives the driver's arguments as they are now; None until the first connection is there.
    """

    again: Callable[[], Mapping[str, Any]] | None = None

    _error: Callable[[int, str], Exception]
    _is_connecting = False
    _last: asyncio.Transport | None = None  # what carried the login: aiomysql forgets it before an error comes here
    server_capabilities: int  # the drivers' own

    def _carrier(self) -> asyncio.Transport | None:
        """Give what carries the connection, if anything does."""
        raise NotImplementedError

    def _renew(self, options: Mapping[str, Any]) -> None:
        """Take the driver's arguments for where to dial, whom to trust and how to log in."""
        raise NotImplementedError

    def _has_unread(self) -> bool:
        """Say whether something has come that the driver has not read."""
        raise NotImplementedError

    async def _in_time(self, connect: Callable[[], Awaitable[object]], host: str, seconds: float | None) -> None:
        """Connect within a time.

        Args:
            connect: the driver's own way.
            host: what it dials, for the error.
            seconds: how long it may take; None for no bound.
        """
        self._is_connecting, self._last = True, None
        try:
            async with asyncio.timeout(seconds):
                if self.again is not None:
                    self._renew(await asyncio.to_thread(self.again))
                await connect()
        except TimeoutError as error:
            self.close()
            raise self._error(_CANNOT_CONNECT, f"Can't connect to MySQL server on {host!r} (timed out)") from error
        except BaseException:
            self.close()
            raise
        finally:
            self._is_connecting, self._last = False, None

    def _abort(self) -> None:
        """Close the sockets at once: a farewell would wait for the server's."""
        for transport in (self._carrier(), self._last):
            if transport is not None:
                transport.abort()

    def close(self) -> None:
        """Close as the driver does, but at once while connecting."""
        if self._is_connecting:
            self._abort()
        super().close()  # type: ignore[misc]

    async def _request_authentication(self) -> Any:  # noqa: ANN401 - the driver's own
        if not self.server_capabilities & _CLIENT_SSL:
            raise self._error(_NO_TLS, "SSL is required but the server doesn't support it")
        if self._has_unread():
            raise self._error(_NO_TLS, "the server sent unencrypted data after its greeting")
        try:
            return await super()._request_authentication()  # type: ignore[misc]
        finally:
            self._last = self._carrier()


def check_transport(connection: Any, transport: asyncio.Transport | None, driver: str, target: Target) -> None:  # noqa: ANN401 - the driver's
    """Raise unless a connection's transport is TLS 1.2 or later and verified the endpoint's name.

    Args:
        connection: the driver's connection.
        transport: what carries it, of asyncio's own loops or of uvloop's: both give the SSLObject below them.
        driver: the driver's name, for people.
        target: what was asked for.

    Raises:
        UnverifiedConnectionError: it is not so; the connection has been closed.
    """
    tls = None if transport is None else transport.get_extra_info("ssl_object")
    if is_verified(tls, target.host, target.anchors.identity):
        return
    if transport is not None:
        transport.abort()
    close_unverified(connection.close, driver, target.host)


def check_version(version: str, oldest: tuple[int, ...], extra: str, older: str) -> None:
    """Refuse a driver that is too old.

    Args:
        version: of the driver, as it says itself.
        oldest: the oldest version that is accepted.
        extra: the extra of rds-tls that installs the driver, which has its name.
        older: what an older one does.

    Raises:
        DriverNotInstalledError: it is older, or its version is none.
    """
    if tuple(map(int, re.findall(r"\d+", version)[:3])) < oldest:
        raise DriverNotInstalledError(
            f"{extra} {version or 'without a version'} is older than {'.'.join(map(str, oldest))}, as far as one can "
            f"tell, before which {older}: pip install --upgrade 'rds-tls[{extra}]'"
        )
