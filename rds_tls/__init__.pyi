"""What editors and type checkers see of ``rds_tls``, whose own file imports each name with its first use.

The functions that connect give what their driver's own connect gives; they themselves, whose drivers need not be
installed, say Any.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import psycopg
import pymysql

from rds_tls._version import __version__ as __version__
from rds_tls.connect import mysql_kwargs as mysql_kwargs
from rds_tls.connect import postgres_kwargs as postgres_kwargs
from rds_tls.context import ssl_context as ssl_context
from rds_tls.endpoint import Endpoint as Endpoint
from rds_tls.endpoint import Kind as Kind
from rds_tls.endpoint import Trust as Trust
from rds_tls.endpoint import parse_endpoint as parse_endpoint
from rds_tls.errors import BundleError as BundleError
from rds_tls.errors import DownloadError as DownloadError
from rds_tls.errors import DriverNotInstalledError as DriverNotInstalledError
from rds_tls.errors import EndpointError as EndpointError
from rds_tls.errors import IamError as IamError
from rds_tls.errors import OptionError as OptionError
from rds_tls.errors import RdsTlsError as RdsTlsError
from rds_tls.errors import SealedContextError as SealedContextError
from rds_tls.errors import SettingsError as SettingsError
from rds_tls.errors import TrustError as TrustError
from rds_tls.errors import UnverifiedConnectionError as UnverifiedConnectionError
from rds_tls.roots.lookup import ca_path as ca_path
from rds_tls.roots.renewal import prefetch as prefetch
from rds_tls.settings import Settings as Settings

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

_Address: TypeAlias = tuple[str, int]
_Password: TypeAlias = str | Callable[[], str]

def connect_postgres(
    host: str,
    *,
    user: str,
    password: _Password | None = None,
    dbname: str | None = None,
    port: int | None = None,
    via: _Address | None = None,
    expect: str | None = None,
    iam: bool = False,
    region: str | None = None,
    settings: Settings | None = None,
    **driver_options: Any,
) -> psycopg.Connection[Any]:
    """Connect to Aurora or RDS PostgreSQL with psycopg over verified TLS."""

async def aconnect_postgres(
    host: str,
    *,
    user: str,
    password: _Password | None = None,
    dbname: str | None = None,
    port: int | None = None,
    via: _Address | None = None,
    expect: str | None = None,
    iam: bool = False,
    region: str | None = None,
    settings: Settings | None = None,
    **driver_options: Any,
) -> psycopg.AsyncConnection[Any]:
    """Connect as ``connect_postgres`` does, with ``psycopg.AsyncConnection``."""

def connect_mysql(
    host: str,
    *,
    user: str,
    password: _Password | None = None,
    database: str | None = None,
    port: int | None = None,
    via: _Address | None = None,
    expect: str | None = None,
    iam: bool = False,
    region: str | None = None,
    settings: Settings | None = None,
    **driver_options: Any,
) -> pymysql.Connection[Any]:
    """Connect to Aurora or RDS MySQL (or MariaDB) with PyMySQL over verified TLS."""
