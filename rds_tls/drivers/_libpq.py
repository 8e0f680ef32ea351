"""What psycopg and psycopg2 share: how libpq is told to connect within a time."""

from __future__ import annotations

import math
import socket
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# libpq waits for whole seconds, and for two at least (PostgreSQL documentation, "connect_timeout"); psycopg does too.
_LEAST = 2


def bounds(seconds: float) -> dict[str, Any]:
    """Give libpq's argument that bounds connecting; it counts for each address anew."""
    return {"connect_timeout": max(_LEAST, math.ceil(seconds))}


def addresses_of(host: str) -> list[str]:
    """Ask the resolver for the addresses of a name, each once, in its order; none where it knows none."""
    try:
        return distinct(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM))
    except OSError:
        return []  # the driver asks again, and says so in its own words


def distinct(entries: Sequence[tuple[Any, ...]]) -> list[str]:
    """Give the addresses in the resolver's answer, each once, in its order."""
    return list(dict.fromkeys(str(entry[4][0]) for entry in entries))


def within(options: Mapping[str, Any], addresses: Sequence[str], seconds: float) -> dict[str, Any]:
    """Let libpq's time, which counts for each address anew, end in time over all of them.

    Each address gets an equal share. Those for which no share is left are not dialled.

    Args:
        options: the driver's arguments.
        addresses: the IP addresses of the host in ``options``; none where nobody knows them.
        seconds: how long connecting may take together.

    Returns:
        The arguments, with the addresses to dial beside the host that is verified there.
    """
    dialled = options["hostaddr"].split(",") if "hostaddr" in options else addresses
    dialled = dialled[: max(1, int(seconds // _LEAST))]
    share = {"connect_timeout": max(_LEAST, int(seconds / max(1, len(dialled))))}
    if not dialled:
        return {**options, **share}
    host = options["host"].partition(",")[0]
    return {**options, **share, "hostaddr": ",".join(dialled), "host": ",".join([host] * len(dialled))}
