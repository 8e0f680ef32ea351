"""``rds-tls env``: what another program needs to verify the server, as a shell reads it."""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from typing import TYPE_CHECKING

from rds_tls.cli import _common, _told
from rds_tls.errors import OptionError, RdsTlsError

if TYPE_CHECKING:
    from rds_tls.connect.programs import Told

_EXAMPLES = """\
psql, pg_dump and whatever else is made of libpq (sh, bash, zsh):
  eval "$(rds-tls env HOST)" && psql -U app shop

MySQL's client 8.0 and later, and MariaDB's; no option file is read:
  mysql $(rds-tls env --client mysql HOST) -u app -p shop
  mariadb $(rds-tls env --client mariadb HOST) -u app -p shop

No password is among it. A program's own options win over what it is told here:
give it none about TLS. rds-tls exec, which suits scripts better, sees to that.
"""

# What a shell makes more of in what $(...) gives: it splits at blanks, and finds files by the rest (POSIX.1-2024, Shell
# Command Language, 2.6.5 and 2.6.6).
_NOT_LEFT_ALONE = r"[\s*?\[\\]"

# What is printed where there is no answer: a shell goes on after a $(...) that failed, and the program, told nothing,
# would connect as it likes. So psql is told to trust nobody, and the mysql clients what they do not know.
_NO_ANSWER = {
    "psql": "export PGSSLMODE=verify-full PGSSLROOTCERT=/dev/null/none; false",
    "mysql": "--no-defaults --rds-tls-env-has-failed",
    "mariadb": "--no-defaults --rds-tls-env-has-failed",
}

_FOR_READERS = {
    "mysql": "# for MySQL's client 8.0 and later; MariaDB's: --client mariadb\n",
    "mariadb": "# for MariaDB's client; MySQL's: --client mysql\n",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EXAMPLES
    _told.add_arguments(parser, "psql")
    _common.add_json(parser)


def run(chosen: argparse.Namespace) -> int:
    """Print lines of ``export``, or the mysql clients' options on one line."""
    client = chosen.client or "psql"
    try:
        told = _told.told(chosen, client)
        answer = "" if chosen.json else _answer(told)
    except (RdsTlsError, OSError):
        if not chosen.json:
            _common.write(_NO_ANSWER[client])
        raise
    if chosen.json:
        _common.write_json(told.variables or told.arguments)
        return 0
    if client in _FOR_READERS and sys.stdout.isatty():  # not beside `mysql $(rds-tls ...)`
        sys.stderr.write(_FOR_READERS[client])
    _common.write(answer)
    return 0


def _answer(told: Told) -> str:
    if told.arguments:
        return " ".join(map(_checked, told.arguments))
    exports = [f"export {name}={shlex.quote(value)}" for name, value in told.variables.items()]
    return "\n".join([*exports, "unset PGSERVICE"])  # whose file would win over all of them


def _checked(argument: str) -> str:
    """Refuse an argument that would not come out of $(...) as it went in."""
    name, _, value = argument.partition("=")
    if re.search(_NOT_LEFT_ALONE, value) is None:
        return argument
    shown = repr(value) if name == "--ssl-ca" else "its value"
    raise OptionError(
        f"{name}: a shell would not leave {shown} alone, for a blank or a pattern in it: use rds-tls exec in place of "
        "$(...), or --json; a path is chosen by RDS_TLS_CACHE_DIR"
    )
