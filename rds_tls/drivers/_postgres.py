"""What asyncpg and pg8000 share: they speak PostgreSQL's protocol by themselves."""

from __future__ import annotations

import re
import ssl
from typing import TYPE_CHECKING, Any

from rds_tls.drivers._second_look import answer_verdict, tls_verdict
from rds_tls.errors import DriverNotInstalledError, OptionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rds_tls.drivers import Target

# Not named ssl..., but they decide where the bytes go, or when waiting ends.
RESERVED = {
    "host": "the host is the first argument, and it is the name that is verified",
    "timeout": "pass connect_timeout=, which is for connecting alone; for queries set the server's statement_timeout",
}


def check(options: Mapping[str, Any]) -> None:
    """Refuse a text that would not be sent as it was given.

    The protocol ends each text with a NUL, so what follows one would be read as the next parameter of the login. And an
    error of the driver's about half a surrogate pair, which UTF-8 has not, would hold the text: it may be the password.

    Raises:
        OptionError: a value, or a name or value of a mapping, has such a character.
    """
    for name, value in options.items():
        if not all(map(_is_sendable, _texts(value))):
            raise OptionError(
                f"{name}= has a NUL or half a surrogate pair, which PostgreSQL takes in no text: leave it out"
            )


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, bytes | bytearray):
        yield value.decode("latin-1")
    elif isinstance(value, dict):
        for each in (*value, *value.values()):
            yield from _texts(each)


def _is_sendable(text: str) -> bool:
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def explain(error: Exception, target: Target, *, vague: str, ended: str) -> str:
    """Give the text that says why the driver did not connect, and dial the server once more where it does not.

    Args:
        error: what the driver raised.
        target: what it was to connect to.
        vague: what the driver says for any answer but yes to its request for TLS.
        ended: what it says where the connection ended, besides what Python does.

    Returns:
        What stands in the way of TLS where a second look shows it, else the error's own text.
    """
    text = str(error)
    if vague in text:
        return answer_verdict(target) or text
    if ended in text or isinstance(error, ConnectionResetError | ssl.SSLEOFError):
        return tls_verdict(target, "postgresql") or text
    return text


def check_version(version: str, first: tuple[int, ...], driver: str) -> None:
    """Refuse a driver that is older than the first with which all of this is tested.

    Args:
        version: the installed version.
        first: the numbers of the first one.
        driver: the driver's name, which is its extra's too.

    Raises:
        DriverNotInstalledError: it is older.
    """
    if tuple(map(int, re.findall(r"\d+", version)[: len(first)])) < first:
        needed = ".".join(map(str, first))
        raise DriverNotInstalledError(
            f"{driver} {version} is older than {needed}, the first that rds_tls is tested with: "
            f"pip install --upgrade 'rds-tls[{driver}]'"
        )
