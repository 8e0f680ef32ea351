"""What is left over in a URL beside the arguments of rds_tls: SQLAlchemy engines under attack.

SQLAlchemy hands a URL's options to the driver as texts, below ``connect_args``, key by key.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import sqlalchemy
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

import rds_tls
from tests.hostile.drivers import Driver, Login
from tests.hostile.evidence import Protocol
from tests.hostile.stage import HOST
from tests.support.local_rds import Authority
from tests.support.rows import TLS_IN_MYSQL, TLS_IN_POSTGRESQL

POSTGRESQL, MYSQL = Protocol.POSTGRESQL, Protocol.MYSQL

# {files} stands for the folder of `write_files`.
PYMYSQL_LEFTOVERS = (
    "ssl_disabled=true",
    "ssl_disabled=false",
    "ssl_verify_cert=false",
    "ssl_verify_cert=true&ssl_ca={files}/foreign.pem",
    "ssl_verify_identity=false",
    "ssl_verify_identity=true&ssl_verify_cert=true&ssl_ca={files}/foreign.pem",
    "ssl_ca={files}/foreign.pem",
    "ssl_cert={files}/none.pem&ssl_key={files}/none.pem",
    "unix_socket={files}/none.socket",
    "read_default_file={files}/my.cnf",
    "read_default_file={files}/my.cnf&read_default_group=mysqld",
    "read_default_group=client",
    "named_pipe=true",
    "defer_connect=true",
    "passwd=other&db=other",
)
PSYCOPG_LEFTOVERS = (
    "sslmode=disable",
    "sslmode=require&sslrootcert=",
    "sslmode=verify-ca",
    "sslrootcert={files}/foreign.pem",
    "sslrootcert=system",
    "sslcrl={files}/foreign-and-revocations.pem",
    "sslcrldir={files}/revocations",
    "sslcert={files}/foreign.pem&sslkey={files}/foreign.pem",
    "sslcertmode=require",
    "sslpassword=x",
    "sslsni=0",
    "sslcompression=1",
    "sslnegotiation=direct",
    "sslkeylogfile={files}/keys.log",
    "ssl_min_protocol_version=TLSv1",
    "ssl_max_protocol_version=TLSv1.1&ssl_min_protocol_version=TLSv1",
    "gssencmode=prefer",
    "requirepeer=nobody",
    "host=127.0.0.9&port=1",
    "hostaddr=127.0.0.9",
    "conninfo=sslmode%3Ddisable+hostaddr%3D127.0.0.9+sslcrl%3D{files}/foreign-and-revocations.pem",
    "service=hostile",
)
SERVICES = """\
[hostile]
host=127.0.0.9
hostaddr=127.0.0.9
sslmode=disable
gssencmode=prefer
requirepeer=nobody
sslrootcert={files}/foreign.pem
sslcrl={files}/foreign-and-revocations.pem
sslcert={files}/foreign.pem
ssl_max_protocol_version=TLSv1.1
"""
# Read by libpq 18 alone; an older one refuses a service file with a name that it does not know.
KEY_LOG = "sslkeylogfile={files}/keys.log\n"


def write_files(folder: Path, foreign: Authority) -> None:
    """Write the files that leftovers name; their certificates are of an authority that must not be trusted."""
    (folder / "revocations").mkdir()
    (folder / "foreign.pem").write_bytes(foreign.root_pem)
    (folder / "foreign-and-revocations.pem").write_bytes(foreign.root_pem + _revocations(foreign))
    (folder / "my.cnf").write_text(f"[client]\nsocket={folder}/none.socket\nssl-ca={folder}/foreign.pem\n")
    key_log = KEY_LOG if psycopg.pq.version() >= 180_000 else ""
    (folder / "services").write_text((SERVICES + key_log).format(files=folder))


def _revocations(authority: Authority) -> bytes:
    """Issue the empty lists without which libpq, given a file of them, refuses every chain."""
    now = datetime.now(UTC)
    pairs = ((authority._root, authority._root_key), (authority._intermediate, authority._intermediate_key))
    return b"".join(
        x509.CertificateRevocationListBuilder(issuer.subject, now, now + timedelta(days=1))
        .sign(key, authority._key_type.digest)
        .public_bytes(Encoding.PEM)
        for issuer, key in pairs
    )


def ask_by_engine(protocol: Protocol, leftover: str, login: Login) -> bool:
    """Ask whether TLS carries a connection of an engine whose URL says something else than its arguments."""
    if protocol is POSTGRESQL:
        scheme, question = "postgresql+psycopg", TLS_IN_POSTGRESQL
        options = rds_tls.postgres_kwargs(HOST, **login.postgres())
    else:
        scheme, question = "mysql+pymysql", TLS_IN_MYSQL
        options = rds_tls.mysql_kwargs(HOST, **login.mysql())
    url = f"{scheme}://other:other@127.0.0.9:1/other?{leftover.format(files=login.files)}"
    engine = sqlalchemy.create_engine(url, connect_args=options, poolclass=NullPool)
    with engine.connect() as connection:
        return bool(connection.execute(sqlalchemy.text(question)).one()[-1])


def _row(protocol: Protocol, leftover: str) -> Driver:
    def connect(login: Login) -> object:
        return ask_by_engine(protocol, leftover, login)

    return Driver(leftover, protocol, connect, (SQLAlchemyError,))


def is_known(engine: Driver) -> bool:
    """Say whether the driver knows the option that is left over; a libpq that does not refuses at once."""
    keywords = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}
    return engine.protocol is MYSQL or engine.name.partition("=")[0] in keywords | {"conninfo"}


ENGINES = (
    *(_row(POSTGRESQL, leftover) for leftover in PSYCOPG_LEFTOVERS),
    *(_row(MYSQL, leftover) for leftover in PYMYSQL_LEFTOVERS),
)
