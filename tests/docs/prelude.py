"""The names that a block may use without a line that makes them: what every reader has, or has just read about."""

import os
from collections.abc import Callable

import rds_tls

host: str = "db.cluster-abc123def456.eu-west-1.rds.amazonaws.com"
password: str = "..."  # noqa: S105 - the stage's
settings: rds_tls.Settings = rds_tls.Settings()


def fetch_password() -> str:
    """Give the password, as a program's own function does."""
    return password


async def fresh_password() -> str:
    """Give the password, as a program's own function does for a pool of asyncmy's."""
    return password


__all__ = ["Callable", "fetch_password", "fresh_password", "host", "os", "password", "rds_tls", "settings"]
