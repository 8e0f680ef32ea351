"""What tests/test_pyinstaller.py has a program built of: it connects with a driver, or is the command rds-tls.

``PROGRAM rds-tls ARGUMENTS...``, or ``PROGRAM connect FUNCTION DRIVER URL PORT``, with the password in ``PASSWORD``.
"""

import asyncio
import inspect
import os
import sys

import rds_tls
from rds_tls.cli import main


async def connect(function: str, driver: str, url: str, port: str) -> None:
    """Connect, and print which module's connection came of it; a driver that is not awaited does so here too."""
    connection = getattr(rds_tls, function)(
        url, driver=driver, password=os.environ["PASSWORD"], via=("127.0.0.1", int(port))
    )
    if inspect.isawaitable(connection):
        connection = await connection
    print(type(connection).__module__.partition(".")[0])  # noqa: T201 - the answer
    sys.stdout.flush()
    os._exit(0)  # drivers differ in how a connection is closed; the server sees this end too


if __name__ == "__main__":
    if sys.argv[1] == "rds-tls":
        sys.exit(main(sys.argv[2:]))
    asyncio.run(connect(*sys.argv[2:]))
