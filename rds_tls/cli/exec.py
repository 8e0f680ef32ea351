"""``rds-tls exec``: a program that verifies the server, started in place of this one."""

from __future__ import annotations

import argparse
import os
import shutil
import sys

from rds_tls.cli import _told
from rds_tls.connect import programs
from rds_tls.errors import OptionError

_EXAMPLES = """\
  rds-tls exec HOST -- psql -U app shop
  rds-tls exec HOST --via 127.0.0.1:15432 -- pg_dump -U app shop
  rds-tls exec HOST -- mysql -u app -p shop

psql, pg_dump and the like are told by the environment, the mysql clients by
options after their name. No password is asked for or passed on: the program
asks for its own. Options of its own about TLS are refused.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EXAMPLES
    _told.add_arguments(parser, "what the program's name says")
    parser.usage = "rds-tls exec HOST [OPTION ...] -- PROGRAM [ARGUMENT ...]"


def run(chosen: argparse.Namespace) -> int:
    """Become the program, whose exit code is the command's then."""
    if not chosen.program:
        raise OptionError("there is no program: name one after --, as in rds-tls exec HOST -- psql -U app shop")
    program, *own = chosen.program
    if shutil.which(program) is None:
        raise OptionError(f"there is no program {program!r} on PATH: install it, or give its path")
    client = chosen.client or programs.client_of(program)
    programs.check_own(client, own)
    told = _told.told(chosen, client)
    sys.stderr.flush()
    os.execvpe(program, [program, *told.arguments, *own], os.environ | told.variables)  # noqa: S606 - the caller's own program, without a shell
