"""What the MySQL drivers in Python share: PyMySQL, asyncmy and aiomysql."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from rds_tls.drivers import reserved
from rds_tls.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

_LAST_OF_LATIN_1 = "\xff"

_OPTION_FILE = "an option file may name another host, a socket or TLS options; pass what it holds as arguments"

# Not named ssl..., but they decide where the bytes go or whether TLS carries them.
RESERVED = {
    "host": "the host is the first argument, and it is the name that is verified",
    "read_default_file": _OPTION_FILE,
    "read_default_group": _OPTION_FILE,
    "unix_socket": "a Unix-domain socket carries no TLS; leave it out",
}


def parameters(connection: Callable[..., object]) -> dict[str, Any]:
    """List the options of a driver's connection with their defaults."""
    return {name: parameter.default for name, parameter in inspect.signature(connection).parameters.items()}


def settled(options: Mapping[str, Any], reasons: Mapping[str, str], logins: Collection[str]) -> dict[str, Any]:
    """Give each reserved option its default, so that no URL or settings file beside them gives another value.

    Args:
        options: the driver's options with their defaults.
        reasons: the driver's ``RESERVED``.
        logins: which of them decide about the login alone: frameworks pass a login of their own by these.
    """
    return {name: value for name, value in options.items() if reserved(name, reasons) and name not in logins}


def check_password(options: Mapping[str, Any], driver: str) -> None:
    """Refuse a password that these drivers cannot send: their own UnicodeEncodeError would hold the password.

    Raises:
        OptionError: the password has characters outside Latin-1, in which they send it.
    """
    if max(options.get("password", ""), default="") > _LAST_OF_LATIN_1:
        raise OptionError(
            f"the password has a character outside Latin-1, and {driver} sends no other: set one of ASCII characters"
        )
