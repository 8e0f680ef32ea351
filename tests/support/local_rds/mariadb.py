"""A MariaDB server of one's own, on loopback."""

from collections.abc import Mapping
from typing import ClassVar

from tests.support.local_rds.mysql_compatible import MySqlCompatibleServer, Tls
from tests.support.local_rds.process import Home, find_program

CERTIFICATE = ("--ssl-cert=chain.pem", "--ssl-key=key.pem")


class MariaDbServer(MySqlCompatibleServer):
    """A MariaDB server; its accounts are of the kind that it makes by default, mysql_native_password."""

    title = "MariaDB"
    programs = ("mariadbd", "mariadb-install-db")
    # Sizes are read from the files.
    storage = ("--innodb-log-file-size=4M", "--innodb-buffer-pool-size=8M")
    tls_options: ClassVar[Mapping[Tls, tuple[str, ...]]] = {
        "on": (*CERTIFICATE, "--tls-version=TLSv1.2,TLSv1.3"),
        "off": ("--skip-ssl",),  # from 11.4 on MariaDB makes a certificate by itself
        # OpenSSL speaks TLS 1.1 at security level 0 alone.
        "1.1": (*CERTIFICATE, "--tls-version=TLSv1.1", "--ssl-cipher=ALL:@SECLEVEL=0"),
    }
    identified = "IDENTIFIED VIA mysql_native_password USING PASSWORD('{password}')"
    may_reload = "RELOAD"

    @classmethod
    def _prepare(cls, home: Home) -> None:
        home.run(
            find_program("mariadb-install-db"),
            "--no-defaults",
            f"--datadir={home.path / 'data'}",
            "--skip-test-db",
            *cls.storage,
        )

    def _reload(self) -> None:
        self._execute("FLUSH SSL")
