"""What commands share: the arguments that name a server, and how an answer is printed."""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from typing import Any

_WIDTH = 80
_SHORT = 6


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add ``--json``."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def add_server(parser: argparse.ArgumentParser) -> None:
    """Add what names a server: those of ``rds_tls.diagnose``."""
    parser.add_argument("host", help="the endpoint, or endpoint:port")
    parser.add_argument(
        "--engine", choices=["postgresql", "mysql"], help="what is spoken there; found out unless given"
    )
    parser.add_argument("--via", type=address, metavar="ADDRESS:PORT", help="dial this, and verify the endpoint")
    parser.add_argument("--expect", metavar="PATTERN", help="follow the host as an alias to what this names")
    parser.add_argument("--region", help="the region, for a name that has none")
    parser.add_argument("--timeout", type=float, default=5.0, metavar="SECONDS", help="how long each step may take (5)")


def server(chosen: argparse.Namespace) -> dict[str, Any]:
    """Give the arguments of ``rds_tls.diagnose``."""
    named = {name: getattr(chosen, name) for name in ("engine", "via", "expect", "region")}
    return {"host": chosen.host, "connect_timeout": chosen.timeout, **named}


def address(text: str) -> tuple[str, int]:
    """Read ``address:port``; an IPv6 address has brackets."""
    name, colon, port = text.rpartition(":")
    if not (colon and port.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is no ADDRESS:PORT, as in 127.0.0.1:15432")
    return name.removeprefix("[").removesuffix("]"), int(port)


def write(text: str) -> None:
    """Print lines of the answer."""
    sys.stdout.write(f"{text}\n")


def write_json(value: object) -> None:
    """Print JSON."""
    write(json.dumps(value, indent=2))


def wrapped(text: str, indent: int) -> str:
    """Break lines at 80 columns, between words alone: what is to be copied stays whole.

    Args:
        text: the lines.
        indent: how far what follows a break is indented: less below the short heads of a report's cause and fix.
    """
    lines = []
    for line in text.splitlines():
        below = " " * (_SHORT if line.startswith(("cause ", "fix ")) else indent)
        lines.append(
            textwrap.fill(line, _WIDTH, subsequent_indent=below, break_long_words=False, break_on_hyphens=False)
        )
    return "\n".join(lines)
