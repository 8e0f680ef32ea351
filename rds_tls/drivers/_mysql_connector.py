"""What the two connections of mysql-connector-python share: what is safe, what is refused, its errors and its log."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn

from rds_tls.context.shared import shared_context
from rds_tls.errors import DriverNotInstalledError, OptionError
from rds_tls.extras import require

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import ModuleType

    from rds_tls.drivers import Target

_EXTRA = "mysql-connector"
DATABASE = "database"
NEEDS_ADDRESSES = False
NO_TUNNEL = ""
NO_ARGUMENTS = (
    "beside any file of CAs it trusts the system's; call rds_tls.connect_mysql(host, driver='mysql-connector') or "
    "rds_tls.aconnect_mysql for each connection, as a pool's or an engine's creator does"
)

# From 9.2 on a connection of asyncio can be closed, which ended in a RuntimeError before (seen with 8.4 and 9.1), and
# timeouts have classes of their own (errors.py).
_FIRST_SAFE = (9, 2)

_OPTION_FILE = "an option file may name another host, a socket or TLS options; pass what it holds as arguments"
_ONE_HOST = "the host is the first argument, and it is the name that is verified; it alone is dialled"
_POOL = "the driver's pool keeps what it was given first; use one that calls rds_tls.connect_mysql for each connection"

# Not named ssl..., but they decide where the bytes go or whether TLS carries them, or win over what rds_tls passes.
RESERVED = {
    "connection_timeout": "pass connect_timeout=, which bounds TLS and login too",
    "db": "it is another name for database=; pass that",
    "dns_srv": _ONE_HOST,
    "dsn": "the driver knows the name and takes none; pass its parts as arguments",
    "failover": _ONE_HOST,
    "force_ipv6": "each address of the host is dialled in turn; leave it out",
    "host": _ONE_HOST,
    "loop": "the running event loop is used; leave it out",
    "option_files": _OPTION_FILE,
    "option_groups": _OPTION_FILE,
    "passwd": "it is another name for password=; pass that",
    "password1": "it would win over password= and over a token; pass password=",
    "pool_name": _POOL,
    "pool_reset_session": _POOL,
    "pool_size": _POOL,
    "read_default_file": _OPTION_FILE,
    "tls_ciphersuites": "rds_tls's own context decides; leave it out",
    "tls_versions": "rds_tls takes TLS 1.2 and later; leave it out",
    "unix_socket": "a Unix-domain socket carries no TLS; leave it out",
    "username": "it is another name for user=; pass that",
}

_PASSWORDS = {"password", "password2", "password3"}


def require_driver(*modules: str) -> ModuleType:
    """Import mysql-connector-python.

    Args:
        modules: what it does not import by itself.

    Returns:
        ``mysql.connector``, of a version that is safe.

    Raises:
        DriverNotInstalledError: it cannot be imported, or is older than 9.2.
    """
    driver = require("mysql.connector", _EXTRA)
    if driver.__version_info__[:2] < _FIRST_SAFE:
        raise DriverNotInstalledError(
            f"mysql-connector-python {driver.__version__} is older than 9.2, from which on its connections can be "
            f"bounded and closed: pip install --upgrade 'rds-tls[{_EXTRA}]'"
        )
    for module in modules:
        require(module, _EXTRA)
    return driver


def kwargs(target: Target) -> dict[str, Any]:
    """Say where to dial, and with which context.

    Args:
        target: what to connect to, and what to trust there.

    Returns:
        Options for the connections here. The driver has no ``ssl``: it is taken out before that sees the rest.

    Raises:
        TrustError: OpenSSL cannot load the anchors.
    """
    host, port = target.via or (target.host, target.port)
    return {"host": host, "port": port, "ssl": shared_context(target.anchors)}


def bounds(_seconds: float) -> NoReturn:
    """Refuse: the driver's own ``connection_timeout`` ends with TCP, or comes anew for each packet."""
    raise OptionError(f"no arguments bound mysql-connector: {NO_ARGUMENTS}")


def check(options: Mapping[str, Any]) -> None:
    """Refuse what the driver cannot send, in words without the value, and its C extension.

    Raises:
        OptionError: a password is no Unicode text, and the driver's own UnicodeEncodeError would hold it; or the C
            extension is asked for.
    """
    for name in _PASSWORDS & options.keys():
        if _is_unsendable(options[name]):
            raise OptionError(f"{name}= has half a surrogate pair, which no UTF-8 text has: decode it as UTF-8")
    if not options.get("use_pure", True):
        # Seen with 26.10: no timeout of its options ends a TLS handshake that a server stalls, nothing of it says which
        # name was verified, and with Python's ssl loaded it often cannot be: it brings an OpenSSL of its own.
        raise OptionError(
            "use_pure=False asks for the driver's C extension, which a stalled TLS handshake holds for ever, and "
            "which cannot tell afterwards what it verified: leave it out"
        )


def _is_unsendable(value: object) -> bool:
    try:
        str(value).encode()
    except UnicodeEncodeError:
        return True
    return False


def explain(error: Exception, target: Target) -> str:
    """Give the text that says why the driver did not connect: its own, with OpenSSL's; as ``explain_mysql``."""
    from rds_tls.drivers._second_look import explain_mysql  # only a failure pays for it

    text = str(error)
    return explain_mysql(text, target, _SILENT, (text,) if text.endswith(_REASONLESS) else ())


def refuse_without_tls(connection: Any) -> None:  # noqa: ANN401 - either kind of connection
    """Raise, once the server has greeted, unless the next step is TLS: the driver itself would log in without.

    Raises:
        mysql.connector.InterfaceError: the server offers no TLS.
    """
    errors, flags = _words()
    if connection._ssl_disabled or not connection._client_flags & flags.SSL:  # noqa: SLF001 - what its login looks at
        raise errors.InterfaceError(errno=2026, msg="SSL is required, but the server doesn't support it")


def dialling_failed(host: str, port: int, error: OSError) -> Exception:
    """Give the driver's error for a connection that did not come about; an end of time has its own class."""
    errors, _ = _words()
    kind = errors.ConnectionTimeoutError if isinstance(error, TimeoutError) else errors.InterfaceError
    failed: Exception = kind(errno=2003, values=(host, port, error))
    return failed


def tls_failed(address: str, reason: object) -> Exception:
    """Give the driver's error for TLS that did not come about, with OpenSSL's reason in it."""
    errors, _ = _words()
    kind = errors.ConnectionTimeoutError if isinstance(reason, TimeoutError) else errors.InterfaceError
    failed: Exception = kind(errno=2055, values=(address, reason))
    return failed


def _words() -> tuple[Any, Any]:
    from mysql.connector import errors
    from mysql.connector.constants import ClientFlag

    return errors, ClientFlag


# What it says where a greeting did not come in time: the pure driver, and that of asyncio, which does not say of what.
_SILENT = ("The Read Operation timed out", "' ()")
# How the text of that of asyncio ends where a server left amid the handshake: asyncio's ConnectionResetError has none.
_REASONLESS = "system error: "

_connecting: ContextVar[bool] = ContextVar("connecting", default=False)


def _may_log(record: logging.LogRecord) -> bool:
    return record.levelno > logging.DEBUG or not _connecting.get()


@cache
def _silence() -> None:
    for name in ("mysql.connector", "mysql.connector.aio"):
        logging.getLogger(name).addFilter(_may_log)


@contextmanager
def unlogged() -> Iterator[None]:
    """Keep what a connection logs in with out of logs: at DEBUG the driver writes down each answer, a token too."""
    _silence()
    before = _connecting.set(True)
    try:
        yield
    finally:
        _connecting.reset(before)
