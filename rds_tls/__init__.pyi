# What editors and type checkers see of rds_tls, whose own file imports each name with its first use.

from rds_tls import sqlalchemy as sqlalchemy
from rds_tls._version import __version__ as __version__
from rds_tls.connect.audit import audit as audit
from rds_tls.connect.diagnose import diagnose as diagnose
from rds_tls.connect.diagnose import probe as probe
from rds_tls.connect.environment import postgres_env as postgres_env
from rds_tls.connect.environment import postgres_uri as postgres_uri
from rds_tls.connect.mysql import aconnect_mysql as aconnect_mysql
from rds_tls.connect.mysql import connect_mysql as connect_mysql
from rds_tls.connect.mysql import mysql_kwargs as mysql_kwargs
from rds_tls.connect.postgres import aconnect_postgres as aconnect_postgres
from rds_tls.connect.postgres import connect_postgres as connect_postgres
from rds_tls.connect.postgres import postgres_kwargs as postgres_kwargs
from rds_tls.context import ssl_context as ssl_context
from rds_tls.diagnosis.audit import AuditReport as AuditReport
from rds_tls.diagnosis.cause import Diagnosis as Diagnosis
from rds_tls.diagnosis.certificates import Certificate as Certificate
from rds_tls.diagnosis.explain import explain as explain
from rds_tls.diagnosis.report import Check as Check
from rds_tls.diagnosis.report import ProbeReport as ProbeReport
from rds_tls.diagnosis.report import Report as Report
from rds_tls.endpoint import Endpoint as Endpoint
from rds_tls.endpoint import Kind as Kind
from rds_tls.endpoint import Trust as Trust
from rds_tls.endpoint import parse_endpoint as parse_endpoint
from rds_tls.errors import AuditError as AuditError
from rds_tls.errors import BundleError as BundleError
from rds_tls.errors import DownloadError as DownloadError
from rds_tls.errors import DriverNotInstalledError as DriverNotInstalledError
from rds_tls.errors import EndpointError as EndpointError
from rds_tls.errors import IamError as IamError
from rds_tls.errors import OptionError as OptionError
from rds_tls.errors import RdsTlsError as RdsTlsError
from rds_tls.errors import SealedContextError as SealedContextError
from rds_tls.errors import SecretError as SecretError
from rds_tls.errors import SettingsError as SettingsError
from rds_tls.errors import TrustError as TrustError
from rds_tls.errors import UnverifiedConnectionError as UnverifiedConnectionError
from rds_tls.pool.aiomysql import aiomysql_pool as aiomysql_pool
from rds_tls.pool.psycopg import AsyncPostgresConnection as AsyncPostgresConnection
from rds_tls.pool.psycopg import PostgresConnection as PostgresConnection
from rds_tls.roots.lookup import ca_path as ca_path
from rds_tls.roots.prefetch import prefetch as prefetch
from rds_tls.settings import Settings as Settings

__all__ = [
    "AsyncPostgresConnection",
    "AuditError",
    "AuditReport",
    "BundleError",
    "Certificate",
    "Check",
    "Diagnosis",
    "DownloadError",
    "DriverNotInstalledError",
    "Endpoint",
    "EndpointError",
    "IamError",
    "Kind",
    "OptionError",
    "PostgresConnection",
    "ProbeReport",
    "RdsTlsError",
    "Report",
    "SealedContextError",
    "SecretError",
    "Settings",
    "SettingsError",
    "Trust",
    "TrustError",
    "UnverifiedConnectionError",
    "aconnect_mysql",
    "aconnect_postgres",
    "aiomysql_pool",
    "audit",
    "ca_path",
    "connect_mysql",
    "connect_postgres",
    "diagnose",
    "explain",
    "mysql_kwargs",
    "parse_endpoint",
    "postgres_env",
    "postgres_kwargs",
    "postgres_uri",
    "prefetch",
    "probe",
    "ssl_context",
]
