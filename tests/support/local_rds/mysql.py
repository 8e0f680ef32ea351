"""A MySQL server of one's own, on loopback: what Aurora MySQL is made of."""

from collections.abc import Mapping
from typing import ClassVar

import pymysql

from tests.support.local_rds.mysql_compatible import MySqlCompatibleServer, Tls
from tests.support.local_rds.process import Home, find_program

# ER_SSL_LIBRARY_ERROR (MySQL Server Error Message Reference): it does not reload a chain that it cannot verify itself.
SSL_LIBRARY_ERROR = 3888


class MySqlServer(MySqlCompatibleServer):
    """A MySQL server of MySQL's own; its accounts are of the kind that it makes by default, caching_sha2_password.

    What MySQL lacks of MariaDB: TLS 1.1, which ended with 8.0.28, and any plugin in its packages that asks for the
    password as it is (mysql_clear_password), as IAM does. Its own accounts take 256 bytes at most, no whole token.
    """

    title = "MySQL"
    programs = ("mysqld",)
    storage = (
        "--secure-file-priv=NULL",  # Debian's default is a folder that its package makes
        "--innodb-data-file-path=ibdata1:5M:autoextend",
        "--innodb-redo-log-capacity=8M",
        "--innodb-buffer-pool-size=8M",
        "--innodb-doublewrite=OFF",
        "--mysqlx=OFF",  # a second port
    )
    tls_options: ClassVar[Mapping[Tls, tuple[str, ...]]] = {
        "on": (
            "--ssl-cert=chain.pem",
            "--ssl-key=key.pem",
            # It verifies its leaf by these alone, whatever else is in the chain that it sends.
            "--ssl-ca=above.pem",
            "--tls-version=TLSv1.2,TLSv1.3",
        ),
        "off": ("--tls-version=",),
    }
    identified = "IDENTIFIED WITH caching_sha2_password BY '{password}'"
    may_reload = "CONNECTION_ADMIN"

    @classmethod
    def _prepare(cls, home: Home) -> None:
        home.run(
            find_program("mysqld"),
            "--no-defaults",
            "--initialize-insecure",
            f"--datadir={home.path / 'data'}",
            *cls.storage,
        )

    def _reload(self) -> None:
        try:
            self._execute("ALTER INSTANCE RELOAD TLS")
        except pymysql.err.OperationalError as error:
            if error.args[0] != SSL_LIBRARY_ERROR:
                raise
            # Where it starts, it warns of such a chain and sends it.
            self._home.restart()
