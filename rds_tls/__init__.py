"""Verified TLS connections to Amazon Aurora and RDS.

::

    import os
    import rds_tls

    connection = rds_tls.connect_postgres(
        "shop.cluster-abc123def456.eu-west-1.rds.amazonaws.com",
        user="app",
        password=os.environ["DATABASE_PASSWORD"],
        dbname="shop",
    )
    print(connection.execute("SELECT version()").fetchone())

The server's chain is verified against the roots of its region, and its name against the endpoint. For MySQL it is
``connect_mysql``; for a pool, an ORM or an event loop ``postgres_kwargs`` and ``mysql_kwargs``; for anything else that
speaks TLS ``ssl_context`` and ``ca_path``.
"""

# Importing this package loads nothing but this file: each public name arrives with its first use (PEP 562), from the
# module named here. __init__.pyi shows the same names to editors and type checkers.
_HOMES = {
    "AsyncPostgresConnection": "pool.psycopg",
    "AuditError": "errors",
    "AuditReport": "diagnosis.audit",
    "BundleError": "errors",
    "Certificate": "diagnosis.certificates",
    "Check": "diagnosis.report",
    "Diagnosis": "diagnosis.cause",
    "DownloadError": "errors",
    "DriverNotInstalledError": "errors",
    "Endpoint": "endpoint",
    "EndpointError": "errors",
    "IamError": "errors",
    "Kind": "endpoint",
    "OptionError": "errors",
    "PostgresConnection": "pool.psycopg",
    "ProbeReport": "diagnosis.report",
    "RdsTlsError": "errors",
    "Report": "diagnosis.report",
    "SealedContextError": "errors",
    "SecretError": "errors",
    "Settings": "settings",
    "SettingsError": "errors",
    "Trust": "endpoint",
    "TrustError": "errors",
    "UnverifiedConnectionError": "errors",
    "__version__": "_version",
    "aconnect_mysql": "connect.mysql",
    "aconnect_postgres": "connect.postgres",
    "aiomysql_pool": "pool.aiomysql",
    "audit": "connect.audit",
    "ca_path": "roots.lookup",
    "connect_mysql": "connect.mysql",
    "connect_postgres": "connect.postgres",
    "diagnose": "connect.diagnose",
    "explain": "diagnosis.explain",
    "mysql_kwargs": "connect.mysql",
    "parse_endpoint": "endpoint",
    "postgres_env": "connect.environment",
    "postgres_kwargs": "connect.postgres",
    "postgres_uri": "connect.environment",
    "prefetch": "roots.prefetch",
    "probe": "connect.diagnose",
    "ssl_context": "context",
}

# What needs a framework: a module, imported with its first use.
_ROOMS = frozenset({"sqlalchemy"})

__all__ = [name for name in _HOMES if name != "__version__"]


def __getattr__(name: str) -> object:
    """Import the module that holds a public name when the name is first used."""
    if name in _ROOMS:
        from importlib import import_module

        return import_module(f"{__name__}.{name}")
    if name not in _HOMES:
        raise _UnknownNameError(f"module {__name__!r} has no attribute {name!r}", name=name)
    from importlib import import_module

    value = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    return value


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted({*globals(), *__all__})


class _UnknownNameError(AttributeError):
    """What a name that is not public leads to; read, it says which one may be meant.

    Not before: Python asks for a module's name here before it imports the module, and drops the answer.
    """

    def __str__(self) -> str:
        from difflib import get_close_matches

        close = get_close_matches(self.name, __all__, n=1)
        return f"{super().__str__()}{''.join(f'; maybe {name!r} is meant' for name in close)}"
