"""Verified TLS connections to Amazon Aurora and RDS.

The floors: imports run strictly downwards, and rooms on one floor never import each other.

::

    0  _version    the version of this package
    0  errors      the exception tree
    0  log         messages under the logger "rds_tls"
    0  known_roots fingerprints of the published roots
    0  records     named tuples, without the import of typing
    1  genuine     the interpreter's own SSLContext, whatever stands in its place
    1  regions     partitions, DNS suffixes, trust-store URLs
    1  settings    one frozen value, read from arguments and environment
    1  limits      one HTTP answer: its bytes counted and timed where they arrive
    1  bundle      bytes -> Bundle of roots
    1  diagnosis   what went wrong in a handshake -> its cause and its fix
    1  refresh     when to look for newer roots, and how soon again
    1  extras      what an extra installs, imported when a call needs it
    2  ca_file     a caller's own CA file
    2  endpoint    host name -> Endpoint
    2  download    one file over HTTPS, in bounded time
    2  cache       downloaded roots on disk: atomic, locked, self-checking
    3  alias       a CNAME of one's own -> the endpoint behind it
    3  iam         a token in place of a password
    3  snapshot    the roots that ship with the package
    3  kept        what is in memory
    3  truststore  where the roots are published
    3  validation  whether roots are AWS's, when they come and when they are read again
    4  memory      downloaded roots where no directory can be written
    5  store       which directory, or this process's memory
    6  renewal     download, validate, store
    7  trust       what to trust for an endpoint, and why
    8  healing     newer roots, after a rotation
    9  sealed      a sealed SSLContext from a trusted bundle
    10 context     one for all who trust the same anchors
    11 pinned      one for one name, whatever a driver dials
    12 drivers     one file for each database driver
    13 plan        what is decided before a driver dials, and after it failed
    14 connect     one call from a host name to a verified connection

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
    from rds_tls.renewal import prefetch
    from rds_tls.settings import Settings
    from rds_tls.trust import ca_path

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
    "ca_path": "trust",
    "connect_mysql": "connect",
    "connect_postgres": "connect",
    "mysql_kwargs": "connect",
    "parse_endpoint": "endpoint",
    "postgres_kwargs": "connect",
    "prefetch": "renewal",
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
