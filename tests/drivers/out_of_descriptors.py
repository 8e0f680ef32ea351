"""A program for the tests: it connects with no file descriptor left, and says what came of it and what that shows."""

import asyncio
import os
import resource
import sys
from contextlib import suppress

import psycopg

import rds_tls

NOWHERE = ("127.0.0.1", 1)
OFFLINE = rds_tls.Settings(offline=True)


def use_up_descriptors() -> None:
    """Let this process open nothing more."""
    lowest = os.dup(0)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


def report(name: str, error: Exception, password: str) -> None:
    """Print an error's class and reason, and whether it shows the password."""
    held = getattr(error, "pgconn", None)
    shown = f"{error!r} {error.__context__!r} {vars(error)} {held and held.info}"
    reason = str(error).partition(":")[0]  # what follows differs from one libpq to the next
    print(f"{name}: {type(error).__name__}, {reason}{' with the password' if password in shown else ''}")  # noqa: T201


async def main(host: str, password: str) -> None:
    """Connect by both helpers; the event loop has what it needs already."""
    with suppress(psycopg.OperationalError):  # nobody listens there; all that a connection needs is imported now
        await rds_tls.aconnect_postgres(host, user="app", via=NOWHERE, settings=OFFLINE)
    use_up_descriptors()
    try:
        rds_tls.connect_postgres(host, user="app", password=password, via=NOWHERE, settings=OFFLINE)
    except Exception as error:  # noqa: BLE001 - which one it is, is the question
        report("sync", error, password)
    try:
        await rds_tls.aconnect_postgres(host, user="app", password=password, via=NOWHERE, settings=OFFLINE)
    except Exception as error:  # noqa: BLE001 - as above
        report("async", error, password)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
