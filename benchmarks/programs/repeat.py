"""Repeat a call: ``python repeat.py CALL HOST COUNT``."""

import sys

import rds_tls


def ssl_context(host: str, count: int) -> None:
    """Ask for the endpoint's context."""
    for _ in range(count):
        rds_tls.ssl_context(host)


def parse_endpoint(host: str, count: int) -> None:
    """Parse the same name."""
    for _ in range(count):
        rds_tls.parse_endpoint(host)


def parse_new_endpoint(host: str, count: int) -> None:
    """Parse a name that was not there before."""
    for number in range(count):
        rds_tls.parse_endpoint(f"db{number}{host}")


def postgres_kwargs(host: str, count: int) -> None:
    """Ask for psycopg's arguments."""
    for _ in range(count):
        rds_tls.postgres_kwargs(host)


def mysql_kwargs(host: str, count: int) -> None:
    """Ask for PyMySQL's arguments."""
    for _ in range(count):
        rds_tls.mysql_kwargs(host)


CALLS = {
    call.__name__: call for call in (ssl_context, parse_endpoint, parse_new_endpoint, postgres_kwargs, mysql_kwargs)
}

if __name__ == "__main__":
    CALLS[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
