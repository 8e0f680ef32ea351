"""The main job on this machine: verified connections to both engines, and the same ones refused.

It starts PostgreSQL, and MariaDB or MySQL or both, on free loopback ports with certificates of RDS's own profile, from
a certificate authority made for this run. ``via=`` plays the tunnel: each server is dialled on 127.0.0.1 and has to
prove that it is the Aurora endpoint. Run it with ``nox -s demo``.
"""

import socket
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from ssl import SSLSocket
from typing import Any

from cryptography import x509

import rds_tls
from rds_tls.roots.ca_names import ca_id_of
from tests.support.local_rds import Authority, Credentials, KeyType, PostgresServer
from tests.support.local_rds.kinds import MYSQL_SERVERS, Server
from tests.support.local_rds.postgres import SSL_REQUEST

HOST = "demo.cluster-abc123def456.eu-west-1.rds.amazonaws.com"
WRONG_HOST = "other.cluster-abc123def456.eu-west-1.rds.amazonaws.com"

Connect = Callable[..., Any]


def postgres_socket(port: int, settings: rds_tls.Settings) -> SSLSocket:
    """Make a verified TLS socket to PostgreSQL: libpq keeps its own out of Python's reach."""
    plain = socket.create_connection(("127.0.0.1", port))
    plain.sendall(SSL_REQUEST)
    plain.recv(1)
    return rds_tls.ssl_context(HOST, settings=settings).wrap_socket(plain, server_hostname=HOST)


def show_endpoint(host: str, settings: rds_tls.Settings) -> None:
    """Print what the host name says and which roots are used for it."""
    endpoint = rds_tls.parse_endpoint(host)
    roots = x509.load_pem_x509_certificates(Path(rds_tls.ca_path(host, settings=settings)).read_bytes())
    print(f"  endpoint       {endpoint.kind.value} of {endpoint.identifier!r} in {endpoint.region}")
    for root in roots:
        print(f"  root used      {common_name(root.subject)}")


def show_peer(tls: SSLSocket) -> None:
    """Print what the handshake proved."""
    leaf = x509.load_der_x509_certificate(tls.getpeercert(binary_form=True) or b"")
    print(f"  TLS version    {tls.version()}")
    print(f"  verified name  {tls.server_hostname}")
    print(f"  issued by      {ca_id_of(common_name(leaf.issuer))}")
    print(f"  expires        {leaf.not_valid_after_utc:%Y-%m-%d %H:%M} UTC")


def common_name(name: x509.Name) -> str:
    """Give the common name of a certificate's subject or issuer."""
    return str(name.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value)


def show_refusal(why: str, connect: Connect, host: str, settings: rds_tls.Settings | None) -> None:
    """Connect where it must fail, and print the driver's own exception with the note that rds_tls adds."""
    try:
        connect(host, settings=settings).close()
    except Exception as error:  # noqa: BLE001 - each driver has its own, and any other is shown too
        print(f"  {why}: refused with {type(error).__module__}.{type(error).__qualname__}")
        for line in "\n".join(error.__notes__).splitlines():
            print(f"    {line}")
    else:
        raise SystemExit(f"{why}: the connection was not refused")


def show(
    engine: str,
    server: Server,
    connect: Connect,
    tls_of: Callable[[Any], SSLSocket],
    own: rds_tls.Settings,
) -> None:
    """Connect to one server, show what was verified, then show both refusals."""

    def dial(host: str, settings: rds_tls.Settings | None) -> Any:  # noqa: ANN401 - the driver's connection
        via = ("127.0.0.1", server.port)
        return connect(host, user=server.user, password=server.password, via=via, settings=settings)

    print(f"{engine} at {HOST}")
    show_endpoint(HOST, own)
    connection = dial(HOST, own)
    with connection.cursor() as cursor:
        cursor.execute("SELECT version()")
        print(f"  server says    {cursor.fetchone()[0].split(' (')[0]}")
    show_peer(tls_of(connection))
    connection.close()
    show_refusal("wrong name", dial, WRONG_HOST, own)
    show_refusal("foreign CA", dial, HOST, rds_tls.Settings(offline=True))
    print()


def main() -> None:
    """Show every engine, with roots made for this run and then with the roots of the real eu-west-1."""
    authority = Authority("eu-west-1", KeyType.RSA2048)
    credentials: Credentials = authority.issue([HOST, HOST.replace("cluster-", "cluster-ro-")])
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "root.pem")
        root.write_bytes(authority.root_pem)
        own = rds_tls.Settings(ca_file=root)
        with PostgresServer() as postgres:
            postgres.present(credentials)
            show(
                "Aurora PostgreSQL",
                postgres,
                partial(rds_tls.connect_postgres, dbname=postgres.database),
                lambda _: postgres_socket(postgres.port, own),
                own,
            )
        for kind in MYSQL_SERVERS:
            with kind() as mysql:
                mysql.present(credentials)
                show(
                    "Aurora MySQL",
                    mysql,
                    partial(rds_tls.connect_mysql, database=mysql.database),
                    lambda connection: connection._sock,  # noqa: SLF001 - there is no public way to it
                    own,
                )
    connected, refused = ("Both", "four") if len(MYSQL_SERVERS) == 1 else ("All three", "six")
    print(f"{connected} connections were verified, and all {refused} that should be refused were refused.")


if __name__ == "__main__":
    main()
