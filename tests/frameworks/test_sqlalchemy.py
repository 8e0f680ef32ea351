"""SQLAlchemy: every row of the drivers' table holds through an engine too, by one line or by the URL alone."""

import time
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, InterfaceError, ProgrammingError

import rds_tls
from rds_tls.sqlalchemy.arguments import kind_of
from tests.conftest import OFFLINE, Pki
from tests.frameworks.engines import ERRORS, HOST, KINDS, NAMED, Kind, Setup, every_kind
from tests.hostile.wire import listening
from tests.support import in_c
from tests.support.leaks import CANARY, assert_clean, locals_of_ours
from tests.support.local_https import LocalHttps
from tests.support.local_rds import Authority, KeyType
from tests.support.local_rds.kinds import Server
from tests.support.programs import run
from tests.support.rows import ROWS
from tests.support.trust_store import HOST as ROTATED
from tests.support.trust_store import OF_REGION, REGION, TrustStore

OTHER = "other.cluster-abc123def456.eu-west-1.rds.amazonaws.com"

each_kind = pytest.mark.parametrize("kind", KINDS, ids=NAMED)


def test_every_driver_has_its_dialect() -> None:
    """Each row of the drivers' table is a dialect here, but for the one that SQLAlchemy has no dialect for."""
    dialects = {(kind_of(kind.make(f"{kind.scheme}://").dialect).driver, kind.is_async) for kind in KINDS}
    assert {(row.driver, row.is_async) for row in ROWS} - dialects == {("mysql-connector", True)}


def test_mariadb_is_mysql() -> None:
    """The dialect by its other name is the same, and Aurora's."""
    url = "mariadb+pymysql://app@localhost/shop"
    with pytest.raises(rds_tls.EndpointError):
        rds_tls.sqlalchemy.create_engine(url).connect()


@every_kind
@pytest.mark.parametrize("by", ["secure", "create"])
def test_secured_engine_verifies(kind: Kind, by: str, server: Server, pki: Pki) -> None:
    """The right name connects over TLS, another name and another root are refused with a note."""
    assert Setup.of(kind, kind.url(server), by=by, **kind.where(server, pki.settings)).ask()
    for host, settings in ((OTHER, pki.settings), (HOST, pki.sibling_settings)):
        with pytest.raises(ERRORS) as caught:
            Setup.of(kind, kind.url(server, host), by=by, **kind.where(server, settings)).ask()
        error = caught.value.orig if isinstance(caught.value, DBAPIError) else caught.value
        assert [note.partition(":")[0] for note in getattr(error, "__notes__", [])] == ["rds_tls"]


@every_kind
def test_engine_outlives_a_rotation(kind: Kind, server: Server, https: LocalHttps, tmp_path: Path) -> None:
    """Made under the old root, it connects under the new one, by one download."""
    old, new = Authority(REGION, KeyType.ECC384), Authority(REGION, KeyType.ECC384)
    server.present(old.issue([ROTATED]))
    store = TrustStore(https, tmp_path / "cache")
    store.publish(REGION, old.root_pem + new.root_pem)
    store.put(REGION, old.root_pem, time.time())
    setup = Setup.of(kind, kind.url(server, ROTATED), **kind.where(server, store.settings))
    with setup.kept() as ask:
        assert ask()
        assert store.asked == []
        server.present(new.issue([ROTATED]))
        assert [ask(), ask()] == [True, True]
    assert store.asked == [OF_REGION]


LEFTOVERS: dict[str, str | tuple[str, ...]] = {
    "sslmode": "disable",
    "ssl": "false",
    "ssl_disabled": "true",
    "ssl_ca": "/ca.pem",
    "ssl_cert": "/client.pem",
    "ssl_verify_identity": "false",
    "ssl_check_hostname": "false",
    "sslrootcert": "/ca.pem",
    "gssencmode": "prefer",
    "host": "127.0.0.9",
    "port": "1",
    "user": "nobody",
    "password": "other",
    "passwd": "other",
    "db": "other",
}


@each_kind
@pytest.mark.parametrize("name", LEFTOVERS)
def test_leftover_that_weakens_is_refused(kind: Kind, name: str, caplog: pytest.LogCaptureFixture) -> None:
    """The reason is said when the engine is made."""
    url = URL.create(kind.scheme, "app", CANARY, HOST, database="shop")
    engine = kind.make(url.update_query_dict({name: LEFTOVERS[name]}))
    with pytest.raises(rds_tls.OptionError, match=f"the URL's option '{name}' cannot be taken: ") as caught:
        rds_tls.sqlalchemy.secure(engine)
    assert_clean(caught.value, caplog)


@each_kind
def test_leftover_that_stands_there_twice_is_refused(kind: Kind) -> None:
    """One of them asks for TLS, and drivers differ in which counts."""
    url = URL.create(kind.scheme, "app", "pw", HOST, query={"sslmode": ("require", "disable")})
    with pytest.raises(rds_tls.OptionError, match="the URL's option 'sslmode' cannot be taken: "):
        rds_tls.sqlalchemy.secure(kind.make(url))


# What not every driver knows, or what is an option of SQLAlchemy's where it is none in a URL.
STRAYS = {
    "read_default_file": "/etc/my.cnf",
    "unix_socket": "/run/mysqld.sock",
    "service": "hostile",
    "hostaddr": "127.0.0.9",
    "dsn": "postgresql://127.0.0.9/",
    "odbc_connect": "Driver%3DPostgreSQL",
    "creator": "os.system",
    "async_creator_fn": "os.system",
    "direct_tls": "true",
    "sock": "1",
    "no_such_option": "1",
}


@each_kind
@pytest.mark.parametrize("name", STRAYS)
def test_option_that_is_not_known_to_be_harmless_is_refused(kind: Kind, name: str) -> None:
    """When the engine is made, or when it connects, and before anything is dialled."""
    url = URL.create(kind.scheme, "app", "pw", HOST, database="shop", query={name: STRAYS[name]})
    where: dict[str, Any] = {} if kind.dials_in_c else {"via": ("127.0.0.1", 1)}
    with pytest.raises(rds_tls.OptionError):
        Setup.of(kind, url, settings=OFFLINE, **where).ask()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "psycopg" in kind.scheme], ids=lambda kind: kind.name)
@pytest.mark.parametrize("part", ["username", "password", "database"])
def test_nul_in_a_url_is_refused(kind: Kind, part: str) -> None:
    """It would end what libpq reads, and with it all that we say: with connect_args alone it does."""
    url = URL.create(kind.scheme, "app", "pw", HOST, database="shop").set(**{part: "x\0"})  # type: ignore[arg-type]
    with pytest.raises(rds_tls.OptionError, match="has a character that libpq takes for the end of the value"):
        Setup.of(kind, url, settings=OFFLINE, via=("127.0.0.1", 1)).ask()


HARMLESS = {
    "postgresql+psycopg": {"application_name": "shop", "options": "-c search_path=public"},
    "postgresql+psycopg2": {"client_encoding": "utf8", "keepalives": "1"},
    "postgresql+asyncpg": {"prepared_statement_cache_size": "0"},
    "postgresql+pg8000": {"application_name": "shop"},
}


@every_kind
def test_harmless_option_reaches_the_driver(kind: Kind, server: Server, pki: Pki) -> None:
    """What many URLs have, and a timeout, which is ours to keep."""
    query = HARMLESS.get(kind.scheme, {"charset": "utf8mb4"})
    url = kind.url(server, **query, connect_timeout="20")
    assert Setup.of(kind, url, **kind.where(server, pki.settings)).ask()
    with pytest.raises(rds_tls.OptionError, match="connect_timeout= is one, and the engine's URL"):
        rds_tls.sqlalchemy.secure(kind.make(url), connect_timeout=5)


@each_kind
def test_option_of_the_plugin_without_it_is_told_apart(kind: Kind) -> None:
    """Whoever forgets plugin=rds_tls, and secures the engine otherwise."""
    url = URL.create(kind.scheme, "app", "pw", HOST, query={"rds_tls_iam": "true"})
    with pytest.raises(rds_tls.OptionError, match="'rds_tls_iam' cannot be taken: it is one of plugin=rds_tls"):
        rds_tls.sqlalchemy.secure(kind.make(url))


@every_kind
@pytest.mark.parametrize("name", ["sslmode", "ssl", "ssl_verify_identity"])
def test_leftover_that_asks_for_tls_is_satisfied(kind: Kind, name: str, server: Server, pki: Pki) -> None:
    """What a URL asks for beside what is done anyway reaches no driver."""
    value = {"sslmode": "require", "ssl": "true", "ssl_verify_identity": "true"}[name]
    assert Setup.of(kind, kind.url(server, **{name: value}), **kind.where(server, pki.settings)).ask()


@each_kind
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ssl", {"ca": "/ca.pem"}),
        ("sslmode", "require"),
        ("ssl_disabled", True),
        ("host", "127.0.0.9"),
        ("unix_socket", "/run/mysqld.sock"),
        ("async_creator_fn", print),
    ],
)
def test_tls_in_connect_args_is_refused(kind: Kind, name: str, value: object) -> None:
    """What the program itself says about TLS, or where to connect, is no leftover: it is refused when it connects."""
    url = URL.create(kind.scheme, "app", "pw", HOST, database="shop")
    where: dict[str, Any] = {} if kind.dials_in_c else {"via": ("127.0.0.1", 1)}
    with pytest.raises((rds_tls.OptionError, rds_tls.EndpointError)):
        Setup.of(kind, url, options={"connect_args": {name: value}}, settings=OFFLINE, **where).ask()


@every_kind
def test_url_alone_secures(kind: Kind, server: Server, pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program whose only setting is a URL is verified by ``?plugin=rds_tls``."""
    monkeypatch.setenv("RDS_TLS_CA_BUNDLE", str(pki.settings.ca_file))
    query = {"plugin": "rds_tls", "rds_tls_connect_timeout": "20"}
    if kind.dials_in_c:
        if reason := in_c.missing(kind.dials_in_c):
            pytest.skip(reason)
        environ = {**in_c.environment(), "RDS_TLS_CA_BUNDLE": str(pki.settings.ca_file)}
        url = kind.url(server, **query).render_as_string(hide_password=False)
        assert run("frameworks/programs/ask_url.py", url, kind.question, environ=environ).startswith("TLS_")
        return
    query |= {"rds_tls_via": f"{server.host}:{server.port}"}
    assert Setup.of(kind, kind.url(server, **query), by="url").ask()
    with pytest.raises(ERRORS):
        Setup.of(kind, kind.url(server, OTHER, **query), by="url").ask()


@each_kind
def test_lost_plugin_connects_to_nothing(kind: Kind) -> None:
    """SQLAlchemy drops ``plugins=`` without a word: an option of ours beside it is what each driver refuses."""
    with listening(lambda wire: wire.hang_up()) as peer:
        host, port = peer.address
        query = {"plugins": "rds_tls", "rds_tls_connect_timeout": "10"}
        engine = kind.make(URL.create(kind.scheme, "app", CANARY, host, port, "shop", query))
        with pytest.raises((TypeError, AttributeError, ProgrammingError, InterfaceError)):
            kind.ask(engine)
    assert peer.wires == []


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("rds_tls_iamm", "true", "the plugin rds_tls has no option 'rds_tls_iamm': it has rds_tls_iam, "),
        ("rds_tls_password", CANARY, "the plugin rds_tls has no option 'rds_tls_password'"),
        ("rds_tls_iam", "maybe", "rds_tls_iam cannot be read: it is true or false"),
        ("rds_tls_via", "nowhere", "rds_tls_via cannot be read: it is address:port"),
        ("rds_tls_connect_timeout", "soon", "rds_tls_connect_timeout cannot be read: it is seconds"),
    ],
)
def test_option_of_the_plugin_is_read_or_refused(name: str, value: str, message: str) -> None:
    """A misspelt option is no option of the driver's, and none is guessed."""
    url = URL.create("postgresql+psycopg", "app", "pw", HOST, query={"plugin": "rds_tls", name: value})
    with pytest.raises(rds_tls.OptionError, match=message) as caught:
        sqlalchemy.create_engine(url)
    assert CANARY not in str(caught.value)


@each_kind
@pytest.mark.parametrize("other", [{"password": "other"}, {"iam": True}, {"secret": "orders"}], ids=str)
def test_two_passwords_are_refused(kind: Kind, other: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    """One in the URL and one beside it: none is chosen without a word."""
    engine = kind.make(URL.create(kind.scheme, "app", CANARY, HOST, database="shop"))
    with pytest.raises(rds_tls.OptionError, match="leave one out") as caught:
        rds_tls.sqlalchemy.secure(engine, **other)
    assert_clean(caught.value, caplog)
    assert CANARY not in str(locals_of_ours(caught.value))


@pytest.mark.parametrize(("name", "part"), [("db", "database"), ("passwd", "password"), ("username", "user")])
def test_part_by_two_names_is_refused(name: str, part: str) -> None:
    """The URL's and that of connect_args, which the driver has another name for: neither wins without a word."""
    url = URL.create("mysql+pymysql", "app", CANARY, HOST, database="shop")
    setup = Setup.of(NAMED["mysql+pymysql"], url, options={"connect_args": {name: "other"}}, settings=OFFLINE)
    with pytest.raises(rds_tls.OptionError, match=f"name each another {part}: leave one out") as caught:
        setup.ask()
    assert CANARY not in str(locals_of_ours(caught.value))


@pytest.mark.parametrize("url", ["sqlite://", "postgresql+psycopg2://app@h/shop"], ids=["SQLite", "another's name"])
def test_dialect_without_an_adapter_is_refused(url: str) -> None:
    """SQLite has no TLS, and of a dialect that another package names nothing is known, whatever its driver."""
    engine = sqlalchemy.create_engine(url)
    if engine.dialect.name == "postgresql":
        engine.dialect.name = "redshift"
    with pytest.raises(rds_tls.OptionError, match=r"knows no dialect (sqlite|redshift)\+\w+: use postgresql"):
        rds_tls.sqlalchemy.secure(engine)


@pytest.mark.parametrize("other", ["postgresql+psycopg://app@h/shop", None, sqlalchemy], ids=["URL", "None", "module"])
def test_what_is_no_engine_is_refused(other: Any) -> None:  # noqa: ANN401 - a mistake
    """Whoever passes a URL, or a framework's object, is told so."""
    with pytest.raises(rds_tls.OptionError, match="takes an Engine or an AsyncEngine of SQLAlchemy's, not a "):
        rds_tls.sqlalchemy.secure(other)
