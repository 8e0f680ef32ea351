"""What an import loads, seen in a fresh interpreter."""

import subprocess
import sys

import pytest

# What costs milliseconds, or is a driver: loaded by the call that needs it, never by the import.
HEAVY = {
    "botocore",
    "certifi",
    "contextlib",
    "cryptography",
    "dataclasses",
    "datetime",
    "filelock",
    "hashlib",
    "importlib.resources",
    "json",
    "logging",
    "pathlib",
    "psycopg",
    "pymysql",
    "rds_tls.cache",
    "rds_tls.diagnosis",
    "rds_tls.healing",
    "rds_tls.memory",
    "rds_tls.refresh",
    "requests",
    "tempfile",
    "threading",
    "typing",
    "urllib.parse",
}

REPORT = "import sys; print(*sys.modules)"


def modules_after(code: str) -> set[str]:
    """Run code in a fresh, isolated interpreter and list the modules that it loaded."""
    command = [sys.executable, "-I", "-c", f"{code}\n{REPORT}"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    bare = subprocess.run([*command[:-1], REPORT], capture_output=True, text=True, check=True)
    return set(result.stdout.split()) - set(bare.stdout.split())


def test_import_loads_nothing_heavy() -> None:
    """Importing rds_tls loads rds_tls and no other module."""
    assert modules_after("import rds_tls") == {"rds_tls"}


@pytest.mark.parametrize(
    "call",
    [
        "ssl_context(region='eu-west-1')",
        "ssl_context('db.cluster-abc123def456.eu-west-1.rds.amazonaws.com')",
        "ssl_context('px.proxy-abc123def456.eu-west-1.rds.amazonaws.com')",
        "ca_path(region='eu-west-1')",
    ],
)
def test_snapshot_region_loads_nothing_heavy(call: str) -> None:
    """A context or a path for a shipped region needs the standard library's light parts only."""
    loaded = modules_after(f"import rds_tls\nfor _ in range(2): rds_tls.{call}")
    assert "rds_tls.trust" in loaded
    assert loaded & HEAVY == set()


def test_heavy_names_are_seen_when_loaded() -> None:
    """The measurement itself notices a heavy import."""
    assert "dataclasses" in modules_after("import dataclasses")
