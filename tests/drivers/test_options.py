"""Driver options: every name that a driver knows is either harmless or refused, and none is overridden in silence."""

import asyncio
import inspect
import socket
from types import SimpleNamespace
from typing import Any

import psycopg
import pymysql
import pytest

import rds_tls
from rds_tls.drivers import psycopg as psycopg_adapter
from rds_tls.drivers import pymysql as pymysql_adapter
from rds_tls.drivers import reserved
from tests.conftest import OFFLINE
from tests.hostile.evidence import PASSWORD, USER, Protocol, bytes_leaked
from tests.hostile.postgres import play, refuse
from tests.hostile.stage import EMPTY_STAGE
from tests.hostile.wire import listening

CANARY = "c4n4ry"
NOWHERE = ("127.0.0.1", 1)  # what a call that should be refused would dial
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
    bind_address binary_prefix program_name server_public_key compress
    """.split()  # noqa: SIM905 - as above
)

# Release notes of PostgreSQL 16, 17 and 18.
NEW_IN_LIBPQ = {b"sslcertmode", b"sslnegotiation", b"sslkeylogfile"}
LIBPQ_OPTIONS = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}
PSYCOPG_OPTIONS = set(inspect.signature(psycopg.connect).parameters) - {"kwargs"}
PYMYSQL_OPTIONS = set(inspect.signature(pymysql.connections.Connection.__init__).parameters) - {"self"}


def test_every_libpq_option_is_decided() -> None:
    """Each option that this libpq and this psycopg know is reserved or listed as harmless, never both."""
    known = LIBPQ_OPTIONS | PSYCOPG_OPTIONS
    refused = {name for name in known if reserved(name, psycopg_adapter.RESERVED)}
    assert known - refused == known & (HARMLESS_LIBPQ | HARMLESS_PSYCOPG)
    assert refused >= {"sslmode", "sslrootcert", "gssencmode", "hostaddr", "ssl_min_protocol_version"}


def test_every_pymysql_option_is_decided() -> None:
    """Each option that this PyMySQL knows is reserved or listed as harmless, never both."""
    refused = {name for name in PYMYSQL_OPTIONS if reserved(name, pymysql_adapter.RESERVED)}
    assert PYMYSQL_OPTIONS - refused == PYMYSQL_OPTIONS & HARMLESS_PYMYSQL
    assert refused >= {"ssl", "ssl_ca", "ssl_disabled", "ssl_verify_identity", "unix_socket"}


RESERVED_LIBPQ = sorted(
    {name for name in LIBPQ_OPTIONS | PSYCOPG_OPTIONS if reserved(name, psycopg_adapter.RESERVED)} - {"host"}
)
RESERVED_PYMYSQL = sorted({name for name in PYMYSQL_OPTIONS if reserved(name, pymysql_adapter.RESERVED)} - {"host"})


@pytest.mark.parametrize("name", [*RESERVED_LIBPQ, "ssl_option_of_the_future", "requiressl"])
@pytest.mark.parametrize("call", [rds_tls.connect_postgres, rds_tls.postgres_kwargs])
def test_conflicting_libpq_option_is_refused(name: str, call: Any) -> None:  # noqa: ANN401 - two signatures
    """A TLS option raises before anything is dialled, whatever its value, and the message names it."""
    with pytest.raises(rds_tls.OptionError, match=f"driver option '{name}' cannot be passed: "):
        call(HOST, user="app", via=NOWHERE, **{name: "verify-full"})


@pytest.mark.parametrize("name", [*RESERVED_PYMYSQL, "ssl_option_of_the_future"])
@pytest.mark.parametrize("call", [rds_tls.connect_mysql, rds_tls.mysql_kwargs])
def test_conflicting_pymysql_option_is_refused(name: str, call: Any) -> None:  # noqa: ANN401 - two signatures
    """A TLS option raises before anything is dialled, whatever its value, and the message names it."""
    with pytest.raises(rds_tls.OptionError, match=f"driver option '{name}' cannot be passed: "):
        call(HOST, user="app", via=NOWHERE, **{name: True})


CALLS = [rds_tls.connect_postgres, rds_tls.postgres_kwargs, rds_tls.connect_mysql, rds_tls.mysql_kwargs]

# What is no option of either driver, and what psycopg, which quotes values and not names, would make of it.
STRANGE_NAMES = [
    " sslmode",
    "sslmode ",
    "\tsslrootcert",
    "\nhostaddr",
    "user=x sslmode",
    "sslmode=disable",
    "sslmode\0",
    "SSLMODE",
    "\u017fslmode",  # a long s, which lower() keeps and casefold() does not
    "ssl_disabled ",
    " ssl",
    "\uff53\uff53\uff4c",  # full-width letters, which Python reads as ssl where they are code
    "",
]


@pytest.mark.parametrize("name", STRANGE_NAMES)
@pytest.mark.parametrize("call", CALLS)
def test_name_that_is_no_option_is_refused(name: str, call: Any) -> None:  # noqa: ANN401 - four signatures
    """A name that the driver does not know raises before anything is dialled, however much it looks like one."""
    with pytest.raises(rds_tls.OptionError, match="the installed driver has no option"):
        call(HOST, user="app", via=NOWHERE, **{name: "disable"})


@pytest.mark.parametrize(
    ("call", "name", "nearest"),
    [
        (rds_tls.connect_postgres, "aplication_name", "application_name"),
        (rds_tls.connect_postgres, "db_name", "dbname"),
        (rds_tls.postgres_kwargs, "row_factry", "row_factory"),
        (rds_tls.connect_mysql, "conect_timeout", "connect_timeout"),
        (rds_tls.mysql_kwargs, "INIT_COMMAND", "init_command"),
    ],
)
def test_nearest_option_is_suggested(call: Any, name: str, nearest: str) -> None:  # noqa: ANN401 - as above
    """A misspelt option is named, with the option of the driver's that is most like it."""
    message = f"the installed driver has no option '{name}': the nearest that it has is '{nearest}'"
    with pytest.raises(rds_tls.OptionError, match=message):
        call(HOST, user="app", via=NOWHERE, **{name: "x"})


# What libpq would read as a string of options, were it given such a text as one.
SMUGGLED = [
    "postgresql://other/orders?sslmode=disable",
    "sslmode=disable host=127.0.0.1",
    "orders sslmode=disable",
    "orders' sslmode='disable",
    "orders\\' sslmode=disable",
    "orders\\",
    "orders\tsslmode=disable",
    "orders\x0bsslmode=disable",
    "orders\x1csslmode=disable",
    "\u00e0sslmode=disable",  # 0xC3 0xA0: a blank in macOS's C library
]


@pytest.mark.parametrize("name", ["user", "password", "dbname", "application_name", "options"])
def test_value_stays_one_value(name: str) -> None:
    """A server that hides TLS reads nothing, whatever options a value seems to hold."""
    script = play(refuse)
    with listening(lambda wire: script(wire, EMPTY_STAGE)) as peer:
        for value in SMUGGLED:
            arguments: dict[str, Any] = {"user": USER, "password": PASSWORD, name: value}
            with pytest.raises(psycopg.OperationalError, match="server does not support SSL"):
                rds_tls.connect_postgres(HOST, via=peer.address, settings=OFFLINE, **arguments)
    assert len(peer.wires) == len(SMUGGLED)
    assert [bytes_leaked(wire, Protocol.POSTGRESQL) for wire in peer.wires] == [0] * len(SMUGGLED)


@pytest.mark.parametrize("name", ["user", "password", "dbname", "application_name"])
@pytest.mark.parametrize("value", [f"{CANARY}\0", f"{CANARY}\ud800"], ids=["NUL", "half a surrogate pair"])
@pytest.mark.parametrize("call", [rds_tls.connect_postgres, rds_tls.postgres_kwargs])
def test_value_that_ends_early_is_refused(call: Any, name: str, value: str) -> None:  # noqa: ANN401 - as above
    """A value that libpq would cut off, and all options behind it, is refused, and not shown."""
    with pytest.raises(rds_tls.OptionError, match=f"{name}= has a character that libpq takes for the end") as caught:
        call(HOST, **{"user": "app", "via": NOWHERE, "settings": OFFLINE, name: value})
    assert CANARY not in str(caught.value)
    assert caught.value.__context__ is None


def test_value_that_is_read_as_an_option_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A value that ends early in this C library alone is refused too: here psycopg does not quote at all."""
    monkeypatch.setattr(psycopg.conninfo, "_param_escape", str)
    with pytest.raises(rds_tls.OptionError, match="dbname= has a character that libpq takes for the end"):
        rds_tls.postgres_kwargs(HOST, dbname="\u00e0 sslmode=disable")
    assert rds_tls.postgres_kwargs(HOST, dbname="\u00e0")["dbname"] == "\u00e0"


@pytest.mark.parametrize("call", [rds_tls.connect_mysql, rds_tls.mysql_kwargs])
def test_password_that_pymysql_cannot_send_is_refused(call: Any) -> None:  # noqa: ANN401 - as above
    """A password outside Latin-1 is refused, and not shown as PyMySQL's own UnicodeEncodeError would show it."""
    with pytest.raises(rds_tls.OptionError, match="the password has a character outside Latin-1") as caught:
        call(HOST, user="app", via=NOWHERE, password=f"{CANARY}\u20ac", settings=OFFLINE)
    assert CANARY not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize(("name", "instead"), [("passwd", "password="), ("db", "database=")])
def test_second_name_of_an_argument_is_refused(name: str, instead: str) -> None:
    """PyMySQL's old names would lose to the arguments, or win over a token, without a word."""
    options: dict[str, Any] = {name: "x"}
    with pytest.raises(rds_tls.OptionError, match=f"it is PyMySQL's old name for {instead}; pass that"):
        rds_tls.connect_mysql(HOST, user="app", via=NOWHERE, **options)


@pytest.mark.parametrize("name", ["sslmode", "conninfo"])
def test_async_helper_refuses_too(name: str) -> None:
    """The asyncio twin refuses the same options."""
    options: dict[str, Any] = {name: "x"}
    with pytest.raises(rds_tls.OptionError, match=name):
        asyncio.run(rds_tls.aconnect_postgres(HOST, user="app", via=NOWHERE, **options))


# What libpq is told besides host, port and file: TLS as it is meant, and nothing for all that could be left over.
VERIFIED_LIBPQ = {
    "gssencmode": "disable",
    "hostaddr": "",
    "requirepeer": "",
    "ssl_max_protocol_version": "",
    "ssl_min_protocol_version": "TLSv1.2",
    "sslcert": "/dev/null/none",
    "sslcertmode": "disable",
    "sslcompression": "0",
    "sslcrl": "/dev/null/none",
    "sslcrldir": "",
    "sslkey": "",
    "sslkeylogfile": "",
    "sslmode": "verify-full",
    "sslnegotiation": "postgres",
    "sslpassword": "",
    "sslsni": "1",
}


def test_postgres_kwargs_verify_everything() -> None:
    """The arguments for psycopg ask libpq for verify-full with the region's roots, and for TLS alone."""
    options = rds_tls.postgres_kwargs(f"{HOST}:6000", user="app", application_name="shop", settings=OFFLINE)
    known = {name: value for name, value in VERIFIED_LIBPQ.items() if name in LIBPQ_OPTIONS}
    assert options == known | {
        "host": HOST,
        "port": 6000,
        "sslrootcert": rds_tls.ca_path(region="eu-west-1", settings=OFFLINE),
        "user": "app",
        "application_name": "shop",
    }


def test_postgres_kwargs_leave_nothing_reserved_open() -> None:
    """Each parameter of this libpq that is reserved has a value, but for service, which has none that means none."""
    reserved_here = {name for name in LIBPQ_OPTIONS if reserved(name, psycopg_adapter.RESERVED)}
    assert reserved_here - set(rds_tls.postgres_kwargs(HOST)) == {"service"}


def test_old_libpq_is_not_given_what_it_rejects(monkeypatch: pytest.MonkeyPatch) -> None:
    """A libpq before 16, such as Debian 12's, gets no sslcertmode, and no other parameter that it does not know."""
    older = [option for option in psycopg.pq.Conninfo.get_defaults() if option.keyword not in NEW_IN_LIBPQ]
    monkeypatch.setattr(psycopg.pq, "Conninfo", SimpleNamespace(get_defaults=lambda: older))
    psycopg_adapter._defaults.cache_clear()
    psycopg_adapter._settled.cache_clear()
    options = rds_tls.postgres_kwargs(HOST)
    assert not options.keys() & {keyword.decode() for keyword in NEW_IN_LIBPQ}
    assert options["sslmode"] == "verify-full"


def test_mysql_kwargs_hold_the_shared_context() -> None:
    """The arguments for PyMySQL are the endpoint, the region's sealed context, and nothing for all else about TLS."""
    options = rds_tls.mysql_kwargs(HOST, user="app")
    nothing = {name for name in PYMYSQL_OPTIONS if reserved(name, pymysql_adapter.RESERVED)} - {"db", "passwd"}
    assert nothing >= {"ssl_ca", "ssl_disabled", "ssl_verify_cert", "ssl_verify_identity", "unix_socket", "named_pipe"}
    expected = {"host": HOST, "ssl": rds_tls.ssl_context(HOST), "user": "app"}
    assert options == dict.fromkeys(nothing) | {"defer_connect": False, "ssl_disabled": False} | expected


@pytest.mark.parametrize("give", [rds_tls.postgres_kwargs, rds_tls.mysql_kwargs])
def test_port_is_there_where_it_was_chosen(give: Any) -> None:  # noqa: ANN401 - two signatures
    """A default port beside a URL's or a framework's own would win without a word, so there is none."""
    assert "port" not in give(HOST)
    assert give(HOST, port=6000)["port"] == 6000
    assert give(f"{HOST}:6000")["port"] == 6000
    assert give(HOST, via=("127.0.0.1", 6000))["port"] == 6000


def test_signed_port_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token is for one port, so that is the one to dial."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI")
    assert rds_tls.mysql_kwargs(HOST, user="app", iam=True)["port"] == 3306


def test_mysql_tunnel_pins_the_endpoint() -> None:
    """PyMySQL dials the tunnel with a context that verifies the endpoint's name."""
    options = rds_tls.mysql_kwargs(HOST, via=("127.0.0.1", 13306))
    assert (options["host"], options["port"]) == ("127.0.0.1", 13306)
    assert options["ssl"].host == HOST


def test_mysql_tunnel_is_resolved_by_whoever_dials_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyMySQL takes a name and resolves it with each connect and reconnect, so the arguments hold it as it is."""

    def nobody(*_args: Any, **_options: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "nobody should ask")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    assert rds_tls.mysql_kwargs(HOST, via=("tunnel.internal", 13306))["host"] == "tunnel.internal"
    with pytest.raises(socket.gaierror):
        rds_tls.postgres_kwargs(HOST, via=("tunnel.internal", 15432))


MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "unknown driver": ({"driver": CANARY}, "Aurora PostgreSQL has no such driver= here: use one of psycopg"),
    "two ports": ({"host": f"{HOST}:6000", "port": 5432}, "the host says port 6000, the argument port=5432"),
    "port as text": ({"port": CANARY}, "port=<str> is no TCP port: give an integer from 1 to 65535"),
    "port as text beside another": ({"host": f"{HOST}:6000", "port": CANARY}, "port=<str> is no TCP port"),
    "port as float": ({"port": 5432.0}, "port=5432.0 is no TCP port"),
    "port as list": ({"port": [CANARY]}, "port=<list> is no TCP port"),
    "region as list": ({"region": [CANARY]}, "region= is not the name of an AWS region, such as 'eu-west-1'"),
    "port zero": ({"port": 0}, "port=0 is no TCP port"),
    "port too large": ({"port": 65_536}, "port=65536 is no TCP port"),
    "two regions": (
        {"region": "us-east-1"},
        "the host says region 'eu-west-1', the argument region='us-east-1'",
    ),
    "no such region": ({"region": CANARY}, "region= is not the name of an AWS region, such as 'eu-west-1'"),
    "via as text": ({"via": CANARY}, "via=<str> is no address: give a pair"),
    "via with a label too long": ({"via": ("x" * 70, 15432)}, "via=<tuple> is no address: give a pair"),
    "via with an empty label": ({"via": ("a..b", 15432)}, "via=<tuple> is no address: give a pair"),
    "via without host": ({"via": ("", CANARY)}, "via=<tuple> is no address: give a pair"),
    "via with a bad port": ({"via": (CANARY, 0)}, "the port of via=, 0 is no TCP port"),
    "url with another login": ({"host": f"postgresql://app:{CANARY}@{HOST}/shop", "user": "root"}, "leave one out"),
    "url with options": ({"host": f"postgresql://{HOST}?sslmode=disable"}, "Take it out of the URL"),
    "option that is no identifier": (
        {f"password={CANARY}": True},
        "has no option whose name is no identifier: the nearest that it has is 'password'",
    ),
    "option that is like no other": ({f"{CANARY} {CANARY} {CANARY}": True}, "is no identifier: check the spelling"),
}


@pytest.mark.parametrize(("arguments", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistake_is_explained(arguments: dict[str, Any], message: str) -> None:
    """A contradiction or a bad value raises an OptionError that names it and the fix."""
    rds_tls.postgres_kwargs(HOST, port=5432)  # what was right before makes nothing right
    with pytest.raises(rds_tls.OptionError, match=message) as caught:
        rds_tls.postgres_kwargs(**{"host": HOST, **arguments})
    assert CANARY not in f"{caught.value!r} {caught.value}"


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
