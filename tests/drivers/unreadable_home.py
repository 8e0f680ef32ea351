"""A program for the tests: it connects as somebody who may not read the home directory that HOME names.

That is a container which started as root and dropped its rights, with HOME=/root. Python may lie in such a home too, so
everything is imported before the rights are dropped.
"""

import os
import pwd
import shutil
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import psycopg

import rds_tls

NOBODY = pwd.getpwnam("nobody")


def main(host: str, port: int, user: str, database: str, ca_file: Path) -> None:
    """Connect to the port on 127.0.0.1 and print that the connection is verified."""
    folder = Path(tempfile.mkdtemp())
    try:
        folder.chmod(0o755)
        settings = rds_tls.Settings(ca_file=shutil.copy(ca_file, folder))
        closed = folder / "home" / ".postgresql"
        closed.mkdir(parents=True)
        closed.parent.chmod(0)
        os.environ["HOME"] = str(closed.parent)
        # Nobody listens there, but all that a connection needs is imported then.
        with suppress(psycopg.OperationalError):
            rds_tls.connect_postgres(host, user=user, via=("127.0.0.1", 1), settings=settings)
        if os.geteuid() == 0:
            os.setegid(NOBODY.pw_gid)
            os.seteuid(NOBODY.pw_uid)
        rds_tls.connect_postgres(host, user=user, dbname=database, via=("127.0.0.1", port), settings=settings).close()
        print("verified")  # noqa: T201 - the answer to whoever runs this program
    finally:
        os.seteuid(os.getuid())
        closed.parent.chmod(0o700)
        shutil.rmtree(folder)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4], Path(sys.argv[5]))
