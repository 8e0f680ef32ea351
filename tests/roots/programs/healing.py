"""What the tests of healing do in processes of their own: ``python healing.py TASK ARGUMENTS``."""

import socket
import ssl
import sys

import psycopg

import rds_tls
from rds_tls.roots import background


def connect(host: str, port: str) -> None:
    """Connect to a server whose root is unknown, and print what the driver raised and its notes."""
    try:
        rds_tls.connect_postgres(host, user="app", via=("127.0.0.1", int(port)))
    except psycopg.OperationalError as error:
        sys.stdout.write("\n".join(["OperationalError", *error.__notes__, ""]))


def handshake(host: str, port: str) -> None:
    """Shake hands with a server whose root is unknown, by a context alone, and wait for the thread behind it."""
    background._HEAD_START = 0.0
    with socket.create_connection(("127.0.0.1", int(port))) as plain:
        try:
            rds_tls.ssl_context(host).wrap_socket(plain, server_hostname=host)
        except ssl.SSLCertVerificationError as error:
            sys.stdout.write(f"{error.verify_message}\n")
    thread = background.SCHEDULE._thread
    assert thread is not None
    thread.join()


def roots(region: str) -> None:
    """Print the path of a region's roots, or why there is none."""
    try:
        sys.stdout.write(rds_tls.ca_path(region=region))
    except rds_tls.TrustError as error:
        sys.stdout.write(str(error))


TASKS = {task.__name__: task for task in (connect, handshake, roots)}

if __name__ == "__main__":
    TASKS[sys.argv[1]](*sys.argv[2:])
