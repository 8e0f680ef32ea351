"""``rds-tls``: what is trusted, what a server sends, and why a connection fails. It never logs in.

Each command is a module beside this: arguments and printing, and nothing else. stdout is the answer, stderr what is
wrong with the question; a command ends with 0 where all is good, 1 for a finding, 2 for wrong usage or where this
machine stands in the way.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from typing import TYPE_CHECKING

from rds_tls._version import __version__
from rds_tls.errors import RdsTlsError

if TYPE_CHECKING:
    from collections.abc import Sequence

GOOD, FINDING, TROUBLE = 0, 1, 2

_DESCRIPTION = "What is trusted, what a server sends, and why a connection fails. It never logs in."

# Each command is imported when it is asked for: `ca` shall not wait for what `inspect` needs.
_COMMANDS = {
    "ca": "print the path of a region's or an endpoint's trust anchors",
    "endpoint": "say what endpoint names mean, and what is trusted for them",
    "doctor": "say why a verified connection cannot be had",
    "probe": "show the certificates that a server sends",
    "inspect": "show the roots in a CA bundle, or those of a region",
    "audit": "show the certificates of an AWS account's servers, the most urgent first",
    "authorities": "show the CAs that RDS offers in a region, and which a new server gets",
    "engines": "show which CAs an engine supports, and whether a new certificate restarts it",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: those after the program's name; the process's own unless given.

    Returns:
        The exit code.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    parser = argparse.ArgumentParser(prog="rds-tls", description=_DESCRIPTION)
    parser.add_argument("--version", action="version", version=f"rds-tls {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, text in _COMMANDS.items():
        command = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        if name in given[:1]:
            import_module(f"{__name__}.{name}").add_arguments(command)
    chosen = parser.parse_args(given)
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
