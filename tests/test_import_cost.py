"""What an import loads, seen in a fresh interpreter."""

import pytest

from tests.support.programs import modules_after, run

# What a context for a shipped region is made with. The rest waits for a cache, a stale bundle, a failure or a driver.
OURS = {
    "rds_tls",
    "rds_tls.context",
    "rds_tls.context.sealed",
    "rds_tls.context.shared",
    "rds_tls.endpoint",
    "rds_tls.endpoint.grammar",
    "rds_tls.endpoint.hosttext",
    "rds_tls.endpoint.partitions",
    "rds_tls.endpoint.values",
    "rds_tls.errors",
    "rds_tls.genuine",
    "rds_tls.log",
    "rds_tls.roots",
    "rds_tls.roots.anchors",
    "rds_tls.roots.cache",
    "rds_tls.roots.cache.kept",
    "rds_tls.roots.identity",
    "rds_tls.roots.lookup",
    "rds_tls.roots.snapshot",
    "rds_tls.settings",
}


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
def test_snapshot_region_needs_ssl_and_typing_alone(call: str) -> None:
    """A context or a path for a shipped region loads what ssl and plain Python load, and our own files."""
    loaded = modules_after(f"import ssl, rds_tls\nfor _ in range(2): rds_tls.{call}")
    assert "rds_tls.roots.lookup" in loaded
    assert loaded - set(run("plain_python.py", isolated=True).split()) <= OURS


def test_psycopg_needs_no_context() -> None:
    """Arguments for psycopg load what psycopg loads, and of our own neither a context nor what a failure needs."""
    call = "rds_tls.postgres_kwargs('db.cluster-abc123def456.eu-west-1.rds.amazonaws.com')"
    plain = {*run("plain_python.py", isolated=True).split()}
    loaded = modules_after(f"import psycopg, rds_tls\n{call}") - modules_after("import psycopg") - plain
    assert "rds_tls.drivers.psycopg" in loaded
    assert {name.split(".")[0] for name in loaded} == {"rds_tls"}
    assert {"context", "genuine", "diagnosis"}.isdisjoint(name.split(".")[1] for name in loaded if "." in name)


def test_other_modules_are_seen_when_loaded() -> None:
    """The measurement itself notices an import that ssl does not make."""
    assert "dataclasses" in modules_after("import ssl, dataclasses") - modules_after("import ssl")
