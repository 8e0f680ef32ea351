"""Driver options: every name that a driver knows is either harmless or refused, and none is overridden in silence."""

import asyncio
import inspect
from typing import Any

import psycopg
import pymysql
import pytest

import rds_tls
from rds_tls.drivers import psycopg as psycopg_adapter
from rds_tls.drivers import pymysql as pymysql_adapter
from rds_tls.drivers import reserved
from tests.conftest import OFFLINE

HOST = "db.cluster-abc123def456.eu-west-1.rds.amazonaws.com"
PROXY = "px.proxy-abc123def456.eu-west-1.rds.amazonaws.com"

# What a caller may pass on: none of these decides where the bytes go or whether TLS carries them. A name that a
# new version of the driver adds is in neither list, and the test below asks for a decision.
HARMLESS_LIBPQ = set(
    """
    user password passfile channel_binding connect_timeout dbname port client_encoding options application_name
    fallback_application_name keepalives keepalives_idle keepalives_interval keepalives_count tcp_user_timeout
    require_auth min_protocol_version max_protocol_version krbsrvname gsslib gssdelegation replication
    target_session_attrs load_balance_hosts scram_client_key scram_server_key oauth_issuer oauth_client_id
    oauth_client_secret oauth_scope
    """.split()  # noqa: SIM905 - forty quoted names would hide the list
)
HARMLESS_PSYCOPG = {"autocommit", "context", "cursor_factory", "prepare_threshold", "row_factory"}
HARMLESS_PYMYSQL = set(
    """
    user password database port charset collation sql_mode conv use_unicode client_flag cursorclass init_command
    connect_timeout autocommit local_infile max_allowed_packet auth_plugin_map read_timeout write_timeout
    bind_address binary_prefix program_name server_public_key compress passwd db
    """.split()  # noqa: SIM905 - as above
)

LIBPQ_OPTIONS = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}
PSYCOPG_OPTIONS = set(inspect.signature(psycopg.connect).parameters) - {"kwargs"}
PYMYSQL_OPTIONS = set(inspect.signature(pymysql.connections.Connection.__init__).parameters) - {"self"}


def test_every_libpq_option_is_decided() -> None:
    """Each option that this libpq and this psycopg know is reserved or listed as harmless, never both."""
    known = LIBPQ_OPTIONS | PSYCOPG_OPTIONS
    refused = {name for name in known if reserved(psycopg_adapter, name)}
    assert known - refused == known & (HARMLESS_LIBPQ | HARMLESS_PSYCOPG)
    assert refused >= {"sslmode", "sslrootcert", "gssencmode", "hostaddr", "ssl_min_protocol_version"}


def test_every_pymysql_option_is_decided() -> None:
    """Each option that this PyMySQL knows is reserved or listed as harmless, never both."""
    refused = {name for name in PYMYSQL_OPTIONS if reserved(pymysql_adapter, name)}
    assert PYMYSQL_OPTIONS - refused == PYMYSQL_OPTIONS & HARMLESS_PYMYSQL
    assert refused >= {"ssl", "ssl_ca", "ssl_disabled", "ssl_verify_identity", "unix_socket"}


RESERVED_LIBPQ = sorted(
    {name for name in LIBPQ_OPTIONS | PSYCOPG_OPTIONS if reserved(psycopg_adapter, name)} - {"host"}
)
RESERVED_PYMYSQL = sorted({name for name in PYMYSQL_OPTIONS if reserved(pymysql_adapter, name)} - {"host"})


@pytest.mark.parametrize("name", [*RESERVED_LIBPQ, "ssl_option_of_the_future", "requiressl"])
@pytest.mark.parametrize("call", [rds_tls.connect_postgres, rds_tls.postgres_kwargs])
def test_conflicting_libpq_option_is_refused(name: str, call: Any) -> None:  # noqa: ANN401 - two signatures
    """A TLS option raises before anything is dialled, whatever its value, and the message names it."""
    with pytest.raises(rds_tls.OptionError, match=f"driver option '{name}' cannot be passed: "):
        call(HOST, user="app", **{name: "verify-full"})


@pytest.mark.parametrize("name", [*RESERVED_PYMYSQL, "ssl_option_of_the_future"])
@pytest.mark.parametrize("call", [rds_tls.connect_mysql, rds_tls.mysql_kwargs])
def test_conflicting_pymysql_option_is_refused(name: str, call: Any) -> None:  # noqa: ANN401 - two signatures
    """A TLS option raises before anything is dialled, whatever its value, and the message names it."""
    with pytest.raises(rds_tls.OptionError, match=f"driver option '{name}' cannot be passed: "):
        call(HOST, user="app", **{name: True})


@pytest.mark.parametrize("name", ["sslmode", "conninfo"])
def test_async_helper_refuses_too(name: str) -> None:
    """The asyncio twin refuses the same options."""
    options: dict[str, Any] = {name: "x"}
    with pytest.raises(rds_tls.OptionError, match=name):
        asyncio.run(rds_tls.aconnect_postgres(HOST, user="app", **options))


def test_postgres_kwargs_verify_everything() -> None:
    """The arguments for psycopg ask libpq for verify-full with the region's roots, and for TLS alone."""
    options = rds_tls.postgres_kwargs(f"{HOST}:6000", user="app", application_name="shop", settings=OFFLINE)
    assert options == {
        "host": HOST,
        "port": 6000,
        "sslmode": "verify-full",
        "sslrootcert": rds_tls.ca_path(region="eu-west-1", settings=OFFLINE),
        "sslcertmode": "disable",
        "ssl_min_protocol_version": "TLSv1.2",
        "gssencmode": "disable",
        "user": "app",
        "application_name": "shop",
    }


def test_old_libpq_is_not_given_what_it_rejects(monkeypatch: pytest.MonkeyPatch) -> None:
    """A libpq before 16, such as Debian 12's, gets no sslcertmode."""
    monkeypatch.setattr(psycopg.pq, "version", lambda: 150_018)
    assert "sslcertmode" not in rds_tls.postgres_kwargs(HOST)


def test_mysql_kwargs_hold_the_shared_context() -> None:
    """The arguments for PyMySQL are the endpoint and the region's sealed context."""
    options = rds_tls.mysql_kwargs(HOST, user="app")
    assert options == {"host": HOST, "port": 3306, "ssl": rds_tls.ssl_context(HOST), "user": "app"}


def test_postgres_tunnel_dials_every_address_of_its_name() -> None:
    """A tunnel given by name is dialled on each of its addresses, and the endpoint is verified on each."""
    options = rds_tls.postgres_kwargs(HOST, via=("localhost", 15432))
    addresses = options["hostaddr"].split(",")
    assert "127.0.0.1" in addresses
    assert options["host"] == ",".join([HOST] * len(addresses))
    assert options["port"] == 15432


def test_mysql_tunnel_pins_the_endpoint() -> None:
    """PyMySQL dials the tunnel with a context that verifies the endpoint's name."""
    options = rds_tls.mysql_kwargs(HOST, via=("127.0.0.1", 13306))
    assert (options["host"], options["port"]) == ("127.0.0.1", 13306)
    assert options["ssl"].pinned_name == HOST


MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "unknown driver": ({"driver": "asyncpq"}, "no driver 'asyncpq' here: use one of psycopg"),
    "two ports": ({"host": f"{HOST}:6000", "port": 5432}, "the host says port 6000, the argument port=5432"),
    "port as text": ({"port": "5432"}, "port='5432' is no TCP port: give an integer from 1 to 65535"),
    "port as float": ({"port": 5432.0}, "port=5432.0 is no TCP port"),
    "port as list": ({"port": [5432]}, r"port=\[5432\] is no TCP port"),
    "region as list": ({"region": ["eu-west-1"]}, r"region=\['eu-west-1'\] is not the name of an AWS region"),
    "port zero": ({"port": 0}, "port=0 is no TCP port"),
    "port too large": ({"port": 65_536}, "port=65536 is no TCP port"),
    "two regions": (
        {"region": "us-east-1"},
        "the host says region 'eu-west-1', the argument region='us-east-1'",
    ),
    "no such region": ({"region": "europe"}, "region='europe' is not the name of an AWS region"),
    "via as text": ({"via": "127.0.0.1:15432"}, "via='127.0.0.1:15432' is no address: give a pair"),
    "via without host": ({"via": ("", 15432)}, "is no address: give a pair"),
    "via with a bad port": ({"via": ("127.0.0.1", 0)}, r"the port of via=\('127.0.0.1', 0\) is no TCP port"),
    "url with a login": ({"host": f"postgresql://app:pw@{HOST}/shop"}, "nothing is read from the URL"),
    "url with options": ({"host": f"postgresql://{HOST}?sslmode=disable"}, "nothing is read from the URL"),
}


@pytest.mark.parametrize(("arguments", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistake_is_explained(arguments: dict[str, Any], message: str) -> None:
    """A contradiction or a bad value raises an OptionError that names it and the fix."""
    rds_tls.postgres_kwargs(HOST, port=5432)  # what was right before makes nothing right
    with pytest.raises(rds_tls.OptionError, match=message) as caught:
        rds_tls.postgres_kwargs(**{"host": HOST, **arguments})
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize("call", [rds_tls.postgres_kwargs, rds_tls.ssl_context, rds_tls.ca_path])
@pytest.mark.parametrize("host", [5432, [HOST], HOST.encode()])
def test_host_that_is_no_text_is_explained(call: Any, host: Any) -> None:  # noqa: ANN401 - anything but a str
    """A host of another type, one that cannot be hashed too, is named as the mistake that it is."""
    with pytest.raises(rds_tls.EndpointError, match="a host is a str, not "):
        call(host)


def test_agreeing_arguments_are_fine() -> None:
    """A port or region that repeats what the host says is no contradiction."""
    options = rds_tls.postgres_kwargs(f"{HOST}:6000", port=6000, region="eu-west-1")
    assert options["port"] == 6000


def test_plain_url_is_a_host() -> None:
    """A URL that holds a host and a port alone is read as such."""
    assert rds_tls.postgres_kwargs(f"postgresql://{HOST}:6000")["port"] == 6000


def test_proxy_gets_the_amazon_roots() -> None:
    """RDS Proxy is verified against Amazon Trust Services, not against the region's RDS roots."""
    settings = OFFLINE
    proxy = rds_tls.postgres_kwargs(PROXY, settings=settings)["sslrootcert"]
    assert proxy == rds_tls.ca_path(PROXY, settings=settings)
    assert proxy != rds_tls.ca_path(HOST, settings=settings)
