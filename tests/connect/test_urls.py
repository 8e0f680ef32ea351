"""A database URL in place of a host: every form is understood, or refused with the reason, no secret shown."""

from collections.abc import Callable
from typing import Any

import pytest

import rds_tls
from tests.conftest import OFFLINE, Pki
from tests.support.leaks import CANARY, assert_clean
from tests.support.local_rds import KeyType
from tests.support.local_rds.kinds import Server
from tests.support.matrix import every_row
from tests.support.rows import ROWS, Row

HOST = "orders.cluster-abc123def456.eu-west-1.rds.amazonaws.com"
ALIAS = "db.corp.example"

Give = Callable[..., dict[str, Any]]


def postgres(url: str, **arguments: Any) -> dict[str, Any]:
    """Give psycopg's arguments for a URL."""
    return rds_tls.postgres_kwargs(url, settings=OFFLINE, **arguments)


def mysql(url: str, **arguments: Any) -> dict[str, Any]:
    """Give PyMySQL's arguments for a URL."""
    return rds_tls.mysql_kwargs(url, settings=OFFLINE, **arguments)


READ: list[tuple[Give, str, dict[str, Any]]] = [
    (
        postgres,
        f"postgresql://app:pw@{HOST}:6000/shop",
        {"user": "app", "password": "pw", "port": 6000, "dbname": "shop"},
    ),
    (postgres, f"postgres://app@{HOST}/shop", {"user": "app", "dbname": "shop"}),
    (postgres, f"POSTGRES://{HOST}/", {}),
    (postgres, f"postgresql+psycopg://app:pw@{HOST}/shop", {"user": "app", "password": "pw", "dbname": "shop"}),
    (postgres, f"postgresql+asyncpg://:pw@{HOST}", {"password": "pw"}),
    (
        postgres,
        f"jdbc:postgresql://{HOST}:6000/shop?user=app&password=pw",
        {"user": "app", "password": "pw", "port": 6000},
    ),
    (postgres, f"jdbc:aws-wrapper:postgresql://{HOST}/shop?ssl=true", {"dbname": "shop"}),
    (
        postgres,
        f"postgresql://a%40b:p%2Fw%3A%23%3F%25%20@{HOST}/s%2Fh",
        {"user": "a@b", "password": "p/w:#?% ", "dbname": "s/h"},
    ),
    (postgres, f"postgresql://us+er:p+w@{HOST}", {"user": "us+er", "password": "p+w"}),
    (postgres, f"postgresql://app:p:w@{HOST}", {"user": "app", "password": "p:w"}),
    (postgres, f"postgresql://app@{HOST}/shop?sslmode=require", {"user": "app", "dbname": "shop"}),
    (postgres, f"postgresql://app@{HOST}/shop?sslmode=verify-full&connect_timeout=5", {"connect_timeout": 5}),
    (
        postgres,
        f"postgresql://{HOST}/shop?application_name=web&options=-csearch_path%3Dapp",
        {"application_name": "web", "options": "-csearch_path=app"},
    ),
    (postgres, f"postgresql://{HOST}?dbname=shop", {"dbname": "shop"}),
    (mysql, f"mysql://app:pw@{HOST}/shop", {"user": "app", "password": "pw", "database": "shop"}),
    (mysql, f"mysql+pymysql://app@{HOST}:3307/shop?charset=utf8mb4", {"port": 3307, "charset": "utf8mb4"}),
    (mysql, f"mariadb://app@{HOST}/", {"user": "app"}),
    (mysql, f"jdbc:mysql://{HOST}/shop?useSSL=true&requireSSL=true&sslMode=VERIFY_IDENTITY", {"database": "shop"}),
    (mysql, f"mysql://{HOST}?ssl_disabled=false&ssl_verify_cert=true&ssl_verify_identity=true&ssl-mode=REQUIRED", {}),
]


@pytest.mark.parametrize(("give", "url", "expected"), READ)
def test_url_is_read(give: Give, url: str, expected: dict[str, Any]) -> None:
    """User, password, port, database and harmless options are taken; what asks for TLS is satisfied."""
    options = give(url)
    assert options["host"] == HOST
    assert expected.items() <= options.items()
    bare = give(HOST)
    assert {name: options[name] for name in bare} == bare  # nothing about TLS is other than for the bare host
    asked_for = {"user", "password", "port", "dbname", "database"} & options.keys()
    assert asked_for <= expected.keys() | {"user", "dbname", "database"}


REFUSED: dict[str, tuple[Give, str, str]] = {
    "plain text": (postgres, "?sslmode=disable", "'sslmode' cannot be taken: it asks for less"),
    "plain text if need be": (postgres, "?sslmode=prefer", "'sslmode' cannot be taken: it asks for less"),
    "asyncpg's": (postgres, "?ssl=prefer", "'ssl' cannot be taken: it asks for less"),
    "no TLS": (mysql, "?ssl_disabled=true", "'ssl_disabled' cannot be taken: it asks for less"),
    "no name": (mysql, "?ssl_verify_identity=false", "'ssl_verify_identity' cannot be taken: it asks for less"),
    "Java's": (mysql, "?useSSL=false", "'useSSL' cannot be taken: it asks for less"),
    "GSS": (postgres, "?gssencmode=prefer", "'gssencmode' cannot be taken: it asks for less"),
    "own roots": (
        postgres,
        "?sslrootcert=/ca.pem",
        "'sslrootcert' cannot be taken: to trust a file of your own",
    ),
    "own roots in MySQL": (mysql, "?ssl_ca=/ca.pem", "'ssl_ca' cannot be taken: to trust a file of your own set RDS"),
    "Java's store": (mysql, "?trustCertificateKeyStoreUrl=file:x", "only what is known to be harmless"),
    "another host": (postgres, "?host=127.0.0.1", "'host' cannot be taken: only what is known to be harmless"),
    "another address": (postgres, "?hostaddr=127.0.0.1", "'hostaddr' cannot be taken: only what is known"),
    "a socket": (mysql, "?unix_socket=/x", "'unix_socket' cannot be taken: only what is known to be harmless"),
    "Prisma's": (postgres, "?pgbouncer=true", "'pgbouncer' cannot be taken: only what is known to be harmless"),
    "not this driver's": (mysql, "?application_name=web", "has no option 'application_name'"),
    "twice": (postgres, "?sslmode=require&sslMode=disable", "names the option 'sslMode' twice"),
    "a plus": (postgres, "?application_name=a+b", r"write '%' as %25, in an option '\+' as %2B"),
    "a bare per cent": (postgres, "?application_name=a%zz", "is not percent-encoded UTF-8"),
    "no UTF-8": (postgres, "?application_name=%ff", "is not percent-encoded UTF-8"),
    "a NUL": (postgres, "?application_name=a%00", "is not percent-encoded UTF-8"),
    "no seconds": (postgres, "?connect_timeout=soon", "connect_timeout in the URL is no number of seconds"),
    "no time": (postgres, "?connect_timeout=0", "connect_timeout=0 is no time to wait"),
    "a fragment": (postgres, "?application_name=a#b", "percent-encode it as %23"),
    "a name that is none": (postgres, f"?{CANARY}%20=1", "whose name is no identifier"),
}


@pytest.mark.parametrize(("give", "query", "message"), REFUSED.values(), ids=REFUSED)
def test_option_of_a_url_is_refused(give: Give, query: str, message: str, caplog: pytest.LogCaptureFixture) -> None:
    """What would weaken TLS, lead elsewhere or is not known never reaches a driver, and nothing secret is shown."""
    scheme = "postgresql" if give is postgres else "mysql"
    with pytest.raises(rds_tls.OptionError, match=message) as caught:
        give(f"{scheme}://app:{CANARY}@{HOST}/shop{query}")
    assert_clean(caught.value, caplog)


CONTRADICTIONS: dict[str, tuple[Give, str, dict[str, Any], str]] = {
    "another engine": (postgres, f"mysql://{HOST}", {}, "does not begin with postgresql:// or postgres://"),
    "MySQL's turn": (mysql, f"postgresql+psycopg://app:{CANARY}@{HOST}", {}, "begin with mysql:// or mariadb://"),
    "no database": (postgres, f"https://app:{CANARY}@{HOST}", {}, "does not begin with postgresql://"),
    "two users": (
        postgres,
        f"postgresql://app:{CANARY}@{HOST}",
        {"user": "root"},
        "a user, and user= gives another",
    ),
    "two passwords": (
        mysql,
        f"mysql://app:{CANARY}@{HOST}",
        {"password": "pw"},
        "password= gives another",
    ),
    "a function": (mysql, f"mysql://app:{CANARY}@{HOST}", {"password": str}, "password= gives another"),
    "a token": (
        mysql,
        f"mysql://app:{CANARY}@{HOST}",
        {"iam": True},
        "iam=True signs a token",
    ),
    "two databases": (
        mysql,
        f"mysql://{HOST}/shop",
        {"database": "x"},
        "dbname= or database= gives another",
    ),
    "two ports": (mysql, f"mysql://{HOST}:3307", {"port": 3306}, "the host says port 3307, the argument port=3306"),
    "two timeouts": (mysql, f"mysql://{HOST}?connect_timeout=3", {"connect_timeout": 4}, "leave one out"),
    "a bad per cent": (mysql, f"mysql://app:{CANARY}%@{HOST}", {}, "the URL's password is not percent-encoded"),
}


@pytest.mark.parametrize(("give", "url", "arguments", "message"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_url_and_arguments_agree_or_are_refused(
    give: Give, url: str, arguments: dict[str, Any], message: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Of two that say different things none is chosen without a word."""
    with pytest.raises(rds_tls.OptionError, match=message) as caught:
        give(url, **arguments)
    assert_clean(caught.value, caplog)


def test_agreeing_arguments_are_fine() -> None:
    """The same thing twice is no contradiction, and an argument of the driver's lies over the URL's own option."""
    url = f"postgresql://app:pw@{HOST}:6000/shop?application_name=web"
    options = postgres(url, user="app", password="pw", port=6000, dbname="shop", application_name="worker")  # noqa: S106
    assert (options["user"], options["port"], options["application_name"]) == ("app", 6000, "worker")


def test_alias_may_stand_in_a_url(monkeypatch: pytest.MonkeyPatch) -> None:
    """The host of a URL is followed where expect= says to what, and its port is the endpoint's."""
    monkeypatch.setattr("socket.gethostbyname_ex", lambda host: (HOST, [host], ["127.0.0.1"]))
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: [(2, 1, 6, HOST, ("127.0.0.1", 0))])
    options = rds_tls.mysql_kwargs(f"mysql://app@{ALIAS}:6000/shop", expect=HOST, settings=OFFLINE)
    assert (options["host"], options["port"], options["user"]) == (HOST, 6000, "app")


@every_row
def test_url_alone_connects(row: Row, server: Server, pkis: dict[KeyType, Pki]) -> None:
    """DATABASE_URL is all that a program needs: every driver connects by it, verified."""
    scheme = "postgresql" if row.is_postgres else "mysql"
    pki = pkis[KeyType.ECC384]
    server.present(pki.authority.issue([HOST]))
    url = f"{scheme}://{server.user}:{server.password}@{HOST}/{server.database}?sslmode=require"
    arguments: dict[str, Any] = {"via": (server.host, server.port), "settings": pki.settings}
    assert row.has_tls(row.connect_and_ask(url, row.question, **arguments))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_nobody_is_refused(row: Row) -> None:
    """Without a user libpq would take the operating system's: nothing is dialled."""
    with pytest.raises(rds_tls.OptionError, match="there is no user to log in as"):
        row.connect_and_ask(HOST, row.question, via=("127.0.0.1", 1), settings=OFFLINE)
