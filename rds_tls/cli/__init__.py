"""``rds-tls``: what is trusted, what a server sends, and why a connection fails. It never logs in.

Each command is a module beside this: arguments and printing, and nothing else. stdout is the answer, stderr what is
wrong with the question; a command ends with 0 where all is good, 1 for a finding, 2 for wrong usage or where this
machine stands in the way.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from importlib import import_module
from typing import TYPE_CHECKING

from rds_tls._version import __version__
from rds_tls.errors import RdsTlsError
from rds_tls.settings import without_login

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

GOOD, FINDING, TROUBLE = 0, 1, 2

_DESCRIPTION = "What is trusted, what a server sends, and why a connection fails. It never logs in."

# Each command is imported when it is asked for: `ca` shall not wait for what `inspect` needs.
_COMMANDS = {
    "ca": "print the path of a region's or an endpoint's trust anchors",
    "endpoint": "say what endpoint names mean, and what is trusted for them",
    "doctor": "say why a verified connection cannot be had",
    "probe": "show the certificates that a server sends",
    "inspect": "show what is in a CA bundle, or the roots of a region",
    "bundle": "write the roots of a region or an endpoint, for programs of any kind",
    "env": "print what psql or a mysql client needs to verify a server",
    "exec": "run psql, a mysql client or the like, so that it verifies a server",
    "prefetch": "download the roots of regions now",
    "cache": "show or clear what was downloaded",
    "audit": "show the certificates of an AWS account's servers, the most urgent first",
    "authorities": "show the CAs that RDS offers in a region, and which a new server gets",
    "engines": "show which CAs an engine supports, and whether a new certificate restarts it",
}


class _Parser(argparse.ArgumentParser):
    """Shows no login of a URL that stands in a wrong place, such as the command's."""

    def error(self, message: str) -> NoReturn:
        """Refuse the arguments."""
        super().error(without_login(message) if "://" in message else message)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: those after the program's name; the process's own unless given.

    Returns:
        The exit code.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    parser = _Parser(prog="rds-tls", description=_DESCRIPTION)
    parser.add_argument("--version", action="version", version=f"rds-tls {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, text in _COMMANDS.items():
        command = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        if name in given[:1]:
            import_module(f"{__name__}.{name}").add_arguments(command)
    chosen = _parsed(parser, given)
    # One of the Amazon Trust Services roots has the serial number 0, which is nothing to tell the user of a command.
    warnings.filterwarnings("ignore", message="Parsed a serial number which wasn't positive")
    try:
        code: int = import_module(f"{__name__}.{chosen.command}").run(chosen)
        sys.stdout.flush()
    except BrokenPipeError:  # as by `| head`: whoever read has seen enough
        sys.stderr.close()
        return GOOD
    except (RdsTlsError, OSError) as error:
        sys.stderr.write(f"rds-tls {chosen.command}: {error}\n")
        return TROUBLE
    return code


def _parsed(parser: argparse.ArgumentParser, given: list[str]) -> argparse.Namespace:
    """Parse the arguments, but for those of another program's: argparse drops each "--" of theirs too."""
    end = given.index("--") if given[:1] == ["exec"] and "--" in given else len(given)
    return parser.parse_args(given[:end], argparse.Namespace(program=given[end + 1 :]))
