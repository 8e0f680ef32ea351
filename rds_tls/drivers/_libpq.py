"""What psycopg and psycopg2 share: what libpq is told about TLS, what it made of that, and within what time."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any

from rds_tls.drivers import reserved, resolved
from rds_tls.errors import DriverNotInstalledError, OptionError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from rds_tls.drivers import Target

# libpq waits for whole seconds, and for two at least (PostgreSQL documentation, "connect_timeout"); psycopg does too.
_LEAST = 2

# Before these libpq takes for the server's what a man in the middle puts before the TLS handshake (CVE-2021-23222:
# fixed in 13.5 and 14.1), and before 13 it cannot be told the oldest TLS version.
_FIRST_SAFE = {13: 130_005, 14: 140_001}

# What libpq says where a connection ended, before TLS stands or later: fe-misc.c, pqReadData, and fe-secure-openssl.c,
# open_client_SSL, with OpenSSL's own words.
_ENDED = (
    "server closed the connection unexpectedly",
    "SSL SYSCALL error",
    "unexpected eof while reading",
    "Connection reset by peer",
)

# Not named ssl..., but they decide where the bytes go or whether TLS carries them.
RESERVED = {
    "gssencmode": "GSS encryption would take the place of TLS; leave it out",
    "host": "the host is the first argument, and it is the name that is verified",
    "hostaddr": "to dial another address use via=(address, port)",
    "requirepeer": "it is for Unix-domain sockets, which carry no TLS; leave it out",
    "requiressl": "rds_tls always asks for verify-full; leave it out",
    "service": "a service file may hold TLS options of its own; pass what it holds as arguments",
}

# No file can be there, whoever asks: a device is no directory. libpq takes the ENOTDIR for "no such file".
_NO_FILE = f"{os.devnull}/none"

# What each reserved parameter is set to where libpq's default is not what is meant. Sources: PostgreSQL documentation,
# "libpq: Parameter Key Words"; fe-secure-openssl.c, initialize_SSL, of 15 to 18.
_MEANT = {
    "gssencmode": "disable",
    "ssl_min_protocol_version": "TLSv1.2",
    # RDS asks for no client certificate, and before 16 an unreadable ~/.postgresql ends the connection.
    "sslcert": _NO_FILE,
    "sslcertmode": "disable",
    # libpq trusts the CA certificates that it finds in a file of revocations, its default ~/.postgresql/root.crl too.
    "sslcrl": _NO_FILE,
    "sslmode": "verify-full",
}


def settled(defaults: Mapping[str, str]) -> dict[str, str]:
    """Give each reserved parameter a value, so that no URL, environment or service file gives another.

    There is none for ``service``: an empty name is looked up too. What a service file sets does not count beside these.

    Args:
        defaults: the parameters that the driver's libpq knows, with the values that it was built with.
    """
    names = [name for name in defaults if reserved(name, RESERVED) and name != "service"]
    return {name: _MEANT.get(name, defaults[name]) for name in names}


def arguments(target: Target, told: Mapping[str, str]) -> dict[str, Any]:
    """Give libpq's arguments for a verify-full connection.

    Args:
        target: what to connect to, and what to trust there.
        told: what ``settled`` gave.
    """
    options: dict[str, Any] = {**verified(target, told), "port": target.port}
    if target.via is not None:
        name, options["port"] = target.via
        addresses = target.via_addresses or (name,)  # libpq refuses a name that nobody resolved; empty means a socket
        # libpq pairs the two lists: it dials an address and verifies the host beside it.
        options["hostaddr"] = ",".join(addresses)
        options["host"] = ",".join([target.host] * len(addresses))
    return options


def verified(target: Target, told: Mapping[str, str]) -> dict[str, str]:
    """Give all that libpq is told about TLS, and the name to verify."""
    return {**told, "host": target.host, "sslrootcert": target.anchors.path}


def check(
    options: Mapping[str, Any],
    parameters: Collection[str],
    read_back: Callable[[str, str], Mapping[str, str] | None],
) -> None:
    """Refuse a value that libpq would not read as it was given.

    Both drivers write one connection string of all values. A NUL ends it, and where C takes bytes outside ASCII for
    blanks (macOS: 0x85 and 0xA0), a letter such as an a with a grave accent ends its value, and what follows is an
    option.

    Args:
        options: what the driver is given.
        parameters: the names of those that the driver gives to libpq.
        read_back: gives what libpq reads where the driver writes one option; None where it reads nothing.

    Raises:
        OptionError: a value is not read back as it was given.
    """
    for name, value in options.items():
        text = str(value)
        is_plain = text.isascii() and text.isprintable()
        if not is_plain and name in parameters and read_back(name, text) != {name: text}:
            raise OptionError(f"{name}= has a character that libpq takes for the end of the value: leave it out")


def is_as_told(told: Mapping[str, str], wanted: Mapping[str, str], target: Target, options: Mapping[str, Any]) -> bool:
    """Say whether libpq was told all that we told it, and dialled where that leads.

    Args:
        told: the parameters of a connection.
        wanted: what ``verified`` gave.
        target: what the connection was to lead to.
        options: what the driver was given.
    """
    hosts, addresses = (told[name].split(",") for name in ("host", "hostaddr"))  # libpq's pairs, or the one it dialled
    # The address is the resolver's word, but for a tunnel's, which was resolved before the options were made.
    is_there = target.via is None or {*addresses} <= {*options["hostaddr"].split(",")}
    # What was said of them stands above; of the rest libpq has to repeat every word.
    rest = {**wanted, "port": str(options["port"]), "host": told["host"], "hostaddr": told["hostaddr"]}
    return is_there and {*hosts} == {target.host} and rest.items() <= told.items()


def explain(error: Exception, target: Target) -> str:
    """Give the text that says why libpq did not connect, and dial the server once more where it keeps that back.

    libpq says that a chain did not verify, but not why, that an answer was none, but not whose it is, and that the
    connection ended, but not when. In these cases the server is asked for TLS again, and shaken hands with for a chain
    or an end; nothing else is sent.

    Args:
        error: what the driver raised.
        target: what it was to connect to.

    Returns:
        What stands in the way where libpq keeps it to itself, else the error's own text.
    """
    text = str(error)
    is_chain, is_answer = "certificate verify failed" in text, "invalid response to SSL negotiation" in text
    if not (is_chain or is_answer or any(words in text for words in _ENDED)):
        return text
    from rds_tls.drivers import _second_look as look  # a connection needs no context

    if is_chain:
        return look.certificate_verdict(target) or text
    return (look.answer_verdict(target) if is_answer else look.tls_verdict(target, "postgresql")) or text


def check_version(version: int, driver: str, extra: str) -> None:
    """Refuse a libpq that is not safe.

    Args:
        version: as ``PQlibVersion`` gives it: 150018 is 15.18.
        driver: the driver's name, for people.
        extra: the extra of rds-tls that installs the driver with a libpq of its own.

    Raises:
        DriverNotInstalledError: it is older than the first safe one.
    """
    major = version // 10_000
    if version < _FIRST_SAFE.get(major, version) or major < min(_FIRST_SAFE):
        raise DriverNotInstalledError(
            f"libpq {major}.{version % 10_000}, which {driver} uses here, believes what comes before TLS, or cannot be "
            f"told to refuse TLS 1.1: pip install --upgrade 'rds-tls[{extra}]'"
        )


def bounds(seconds: float) -> dict[str, Any]:
    """Give libpq's argument that bounds connecting; it counts for each address anew."""
    return {"connect_timeout": max(_LEAST, math.ceil(seconds))}


def bounded(options: Mapping[str, Any], target: Target, seconds: float | None) -> Mapping[str, Any]:
    """Let libpq's time end in ``seconds`` over all addresses; this asks the resolver."""
    if seconds is None:
        return options
    return within(options, [] if target.via else addresses_of(target.host), seconds)


def addresses_of(host: str) -> list[str]:
    """Ask the resolver for the addresses of a name, each once, in its order; none where it knows none."""
    try:
        return list(resolved(host))
    except OSError:
        return []  # the driver asks again, and says so in its own words


def within(options: Mapping[str, Any], addresses: Sequence[str], seconds: float) -> dict[str, Any]:
    """Let libpq's time, which counts for each address anew, end in time over all of them.

    Each address gets an equal share. Those for which no share is left are not dialled.

    Args:
        options: the driver's arguments; ``hostaddr`` is empty where there is no tunnel.
        addresses: the IP addresses of the host in ``options``; none where nobody knows them.
        seconds: how long connecting may take together.

    Returns:
        The arguments, with the addresses to dial beside the host that is verified there.
    """
    dialled = options["hostaddr"].split(",") if options["hostaddr"] else addresses
    dialled = dialled[: max(1, int(seconds // _LEAST))]
    share = {"connect_timeout": max(_LEAST, int(seconds / max(1, len(dialled))))}
    if not dialled:
        return {**options, **share}
    host = options["host"].partition(",")[0]
    return {**options, **share, "hostaddr": ",".join(dialled), "host": ",".join([host] * len(dialled))}
