"""Verified TLS connections to Amazon Aurora and RDS.

The folders are the way that data takes: a package's ``__init__`` is its door, the function that the next room calls.
Imports run strictly downwards, rooms on one floor never import each other, and inside a package no import leads in a
circle.

::

    6  connect/    one call from a host name to a verified connection
    5  drivers/    one file for each database driver
    5  diagnosis/  what is wrong, in words
    4  context/    sealed SSLContexts
    3  roots/      the trust anchors of an endpoint, and where they come from
    2  endpoint/   what a host name means
    2  settings    one frozen value, read from arguments and environment
    2  extras      what an extra installs, imported when a call needs it
    2  genuine     the interpreter's own SSLContext, whatever stands in its place
    1  errors      the exception tree
    1  log         messages under the logger "rds_tls"
    1  records     named tuples, without the import of typing
    1  _version    the version of this package

Importing this package loads nothing but this file: each public name arrives with its first use (PEP 562).
"""

# Not typing's own name: importing typing here would cost more than the rest of this file. Type checkers
# take any constant of this name for true.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from rds_tls._version import __version__ as __version__
    from rds_tls.connect import aconnect_postgres, connect_mysql, connect_postgres, mysql_kwargs, postgres_kwargs
    from rds_tls.context import ssl_context
    from rds_tls.endpoint import Endpoint, Kind, Trust, parse_endpoint
    from rds_tls.errors import (
        BundleError,
        DownloadError,
        DriverNotInstalledError,
        EndpointError,
        IamError,
        OptionError,
        RdsTlsError,
        SealedContextError,
        SettingsError,
        TrustError,
        UnverifiedConnectionError,
    )
    from rds_tls.roots.lookup import ca_path
    from rds_tls.roots.renewal import prefetch
    from rds_tls.settings import Settings

__all__ = [
    "BundleError",
    "DownloadError",
    "DriverNotInstalledError",
    "Endpoint",
    "EndpointError",
    "IamError",
    "Kind",
    "OptionError",
    "RdsTlsError",
    "SealedContextError",
    "Settings",
    "SettingsError",
    "Trust",
    "TrustError",
    "UnverifiedConnectionError",
    "aconnect_postgres",
    "ca_path",
    "connect_mysql",
    "connect_postgres",
    "mysql_kwargs",
    "parse_endpoint",
    "postgres_kwargs",
    "prefetch",
    "ssl_context",
]

_HOMES = {
    "__version__": "_version",
    "Endpoint": "endpoint",
    "Kind": "endpoint",
    "Settings": "settings",
    "Trust": "endpoint",
    "aconnect_postgres": "connect",
    "ca_path": "roots.lookup",
    "connect_mysql": "connect",
    "connect_postgres": "connect",
    "mysql_kwargs": "connect",
    "parse_endpoint": "endpoint",
    "postgres_kwargs": "connect",
    "prefetch": "roots.renewal",
    "ssl_context": "context",
}


def __getattr__(name: str) -> object:
    """Import the module that holds a public name when the name is first used."""
    if name not in __all__ and name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # What importlib.import_module does, without the import of importlib.
    home = __import__(f"{__name__}.{_HOMES.get(name, 'errors')}", fromlist=[name])
    value = globals()[name] = getattr(home, name)
    return value


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted({*globals(), *__all__})
