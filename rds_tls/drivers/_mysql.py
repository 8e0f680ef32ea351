"""What the MySQL drivers in Python share: PyMySQL, asyncmy and aiomysql."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from rds_tls.context.shared import shared_context
from rds_tls.drivers import reserved
from rds_tls.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from rds_tls.context.sealed import SealedContext
    from rds_tls.drivers import Target

_LAST_OF_LATIN_1 = "\xff"

_OPTION_FILE = "an option file may name another host, a socket or TLS options; pass what it holds as arguments"

# Not named ssl..., but they decide where the bytes go or whether TLS carries them.
RESERVED = {
    "host": "the host is the first argument, and it is the name that is verified",
    "read_default_file": _OPTION_FILE,
    "read_default_group": _OPTION_FILE,
    "unix_socket": "a Unix-domain socket carries no TLS; leave it out",
}


def peer(target: Target) -> tuple[str, int, SealedContext]:
    """Give what to dial, and the context that verifies the endpoint there."""
    if target.via is None:
        return target.host, target.port, shared_context(target.anchors)
    from rds_tls.context.tunnel import tunnel_context  # only a tunnel pays for it

    # These drivers verify the name they dial. A context that pins the endpoint's name holds for reconnects too, which a
    # socket handed to connect() would not: those dial by themselves.
    return *target.via, tunnel_context(target.anchors, target.host)


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
