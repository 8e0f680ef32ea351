"""What the numbers were measured on: the machine, and the versions of everything that takes part."""

import os
import platform
import ssl
from importlib import metadata

AWS_WRAPPER = "aws-advanced-python-wrapper"
GOOGLE_CONNECTOR = "cloud-sql-python-connector"

DISTRIBUTIONS = ("rds-tls", "psycopg", "psycopg-binary", "PyMySQL", "cryptography", AWS_WRAPPER, GOOGLE_CONNECTOR)


def version(distribution: str) -> str | None:
    """Give the installed version of a distribution; None when it is not installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def describe() -> dict[str, str | None]:
    """List the machine and the versions, by name."""
    facts = {
        "machine": platform.platform(),
        "cpus": str(os.cpu_count()),
        "load": " ".join(f"{load:.1f}" for load in os.getloadavg()),
        "python": platform.python_version(),
        "openssl": ssl.OPENSSL_VERSION,
    }
    return facts | {distribution: version(distribution) for distribution in DISTRIBUTIONS}
