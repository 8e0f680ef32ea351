"""Which servers there are to run on: those that this machine has."""

from tests.support.local_rds.mariadb import MariaDbServer
from tests.support.local_rds.mysql import MySqlServer
from tests.support.local_rds.mysql_compatible import MySqlCompatibleServer
from tests.support.local_rds.postgres import PostgresServer
from tests.support.local_rds.process import is_installed

Server = PostgresServer | MySqlCompatibleServer


def find_mysql() -> tuple[type[MySqlCompatibleServer], ...]:
    """Find what speaks MySQL's protocol: MariaDB, MySQL, or both.

    Returns:
        What is installed; MariaDB where nothing is: starting it says how to install it.
    """
    kinds: tuple[type[MySqlCompatibleServer], ...] = (MariaDbServer, MySqlServer)
    return tuple(kind for kind in kinds if all(map(is_installed, kind.programs))) or (MariaDbServer,)


# The kinds of server that speak each protocol.
POSTGRES_SERVERS = (PostgresServer,)
MYSQL_SERVERS = find_mysql()
