"""What commands share: the arguments that name a server, and how an answer is printed.

``write`` gives what other programs read as it is; ``show`` breaks lines for a reader, and colours them on a terminal.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import textwrap
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rds_tls.roots.lookup import anchors_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rds_tls.roots.anchors import Anchors

_WIDTH = 80
_SHORT = 6

# How long somebody waits without a word, in seconds.
_PATIENCE = 1.0

# How a line begins, or what is in it -> the SGR code by which a terminal shows that (ECMA-48, 8.3.117).
_COLOURS = (
    (re.compile(r"^ok\b"), "32"),
    (re.compile(r"^FAIL\b|^ !|<- .*|NOT verified"), "1;31"),
    (re.compile(r"^ *(cause|fix)\b"), "1"),
)


def add_json(parser: argparse._ActionsContainer) -> None:
    """Add ``--json``."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def add_regions(parser: argparse.ArgumentParser) -> None:
    """Add ``--region``, which may be given several times."""
    parser.add_argument(
        "--region",
        action="append",
        default=[],
        metavar="REGION",
        help="a region to ask; again for more; that of AWS's own configuration unless given",
    )


def add_server(parser: argparse.ArgumentParser) -> None:
    """Add what names a server: those of ``rds_tls.diagnose``."""
    parser.add_argument("host", help="the endpoint, or endpoint:port")
    parser.add_argument(
        "--engine", choices=["postgresql", "mysql"], help="what is spoken there; found out unless given"
    )
    add_way(parser)
    parser.add_argument("--timeout", type=float, default=5.0, metavar="SECONDS", help="how long each step may take (5)")


def add_way(parser: argparse.ArgumentParser) -> None:
    """Add what says how a server is reached, and what its name leads to."""
    parser.add_argument("--via", type=address, metavar="ADDRESS:PORT", help="dial this, and verify the endpoint")
    parser.add_argument("--expect", metavar="PATTERN", help="follow the host as an alias to what this names")
    parser.add_argument("--region", help="the region, for a name that has none")


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


def anchors_of(place: str) -> Anchors:
    """Find the trust anchors of a region or an endpoint, whichever is named."""
    host, region = (place, None) if "." in place else (None, place)
    with waiting("looking for the roots"):
        return anchors_for(host, region, None)


def write(text: str) -> None:
    """Print lines of the answer."""
    sys.stdout.write(f"{text}\n")


def write_json(value: object) -> None:
    """Print JSON."""
    write(json.dumps(value, indent=2))


def tell_unseen(lines: Iterable[str]) -> int:
    """Say on stderr what an answer lacks; and give the exit code, 1 where that is anything."""
    unseen = list(lines)
    sys.stderr.write("".join(f"not seen: {line}\n" for line in unseen))
    return 1 if unseen else 0


def show(text: str, indent: int) -> None:
    """Print lines for somebody who reads them; ``indent`` is that of ``wrapped``."""
    lines = wrapped(text, indent)
    write("\n".join(map(_coloured, lines.splitlines())) if _has_colour() else lines)


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Say on stderr what is waited for, where it takes longer than a second.

    Args:
        what: what is done, as in "downloading the roots of eu-west-1".
    """
    said = threading.Timer(_PATIENCE, lambda: sys.stderr.write(f"rds-tls: {what} ...\n"))
    said.daemon = True
    said.start()
    try:
        yield
    finally:
        said.cancel()


def _has_colour() -> bool:
    """Say whether the answer goes to a terminal whose user has nothing against colour (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _coloured(line: str) -> str:
    for pattern, code in _COLOURS:
        line = pattern.sub(lambda found, code=code: f"\x1b[{code}m{found[0]}\x1b[0m", line)  # type: ignore[misc]
    return line


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
