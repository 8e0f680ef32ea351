"""What ``env`` and ``exec`` share: the arguments that name a server to another program."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rds_tls.cli import _common
from rds_tls.connect import programs
from rds_tls.connect.request import Request

if TYPE_CHECKING:
    import argparse

    from rds_tls.connect.programs import Told


def add_arguments(parser: argparse.ArgumentParser, client: str) -> None:
    """Add the arguments; ``client`` says what --client is unless given."""
    parser.add_argument("host", metavar="HOST", help="the endpoint, endpoint:port, or a database URL")
    parser.add_argument("--client", choices=programs.CLIENTS, help=f"whose variables or options; {client} unless given")
    _common.add_way(parser)
    parser.add_argument("--port", type=int, help="the server's port, if it is not the engine's")


def told(chosen: argparse.Namespace, client: str) -> Told:
    """Give what the program is told, and say on stderr if a password was left out."""
    ways = {name: getattr(chosen, name) for name in ("host", "port", "via", "expect", "region")}
    with _common.waiting("looking for the roots"):
        found = programs.told(client, Request(**ways))
    if found.has_left_out:
        sys.stderr.write(f"rds-tls {chosen.command}: the URL's password is left out, for the program to ask for\n")
    return found
