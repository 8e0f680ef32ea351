"""Real database servers on loopback that present certificates of RDS's own profile.

Needs PostgreSQL and one of MariaDB and MySQL, and nothing of the test framework: the demo and the benchmarks use it
too.
The classes load when they are first used, so ``python -m tests.support.local_rds.process`` can say what is missing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.local_rds.mariadb import MariaDbServer
    from tests.support.local_rds.mysql import MySqlServer
    from tests.support.local_rds.mysql_compatible import MySqlCompatibleServer
    from tests.support.local_rds.pki import Authority, Credentials, KeyType
    from tests.support.local_rds.postgres import PostgresServer

__all__ = [
    "Authority",
    "Credentials",
    "KeyType",
    "MariaDbServer",
    "MySqlCompatibleServer",
    "MySqlServer",
    "PostgresServer",
]

_HOMES = {
    "MariaDbServer": "mariadb",
    "MySqlCompatibleServer": "mysql_compatible",
    "MySqlServer": "mysql",
    "PostgresServer": "postgres",
}


def __getattr__(name: str) -> object:
    """Import the module that holds a public name when the name is first used."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'pki')}"), name)
