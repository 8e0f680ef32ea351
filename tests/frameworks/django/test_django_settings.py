"""Django's settings: what OPTIONS may hold, what contradicts, and what is imported for them."""

from typing import Any

import pytest

import rds_tls
from rds_tls.django.connection import connect, parameters, request_of
from rds_tls.drivers import MYSQL, POSTGRES
from tests.support.django_site import BACKENDS, HOST, Backend, Site
from tests.support.leaks import CANARY

every_backend = pytest.mark.parametrize("backend", BACKENDS.values(), ids=BACKENDS)


def settings(**others: Any) -> dict[str, Any]:
    """Give an entry of DATABASES, with Django's defaults in it."""
    return {"HOST": HOST, "PORT": "", "NAME": "shop", "USER": "app", "PASSWORD": "", "OPTIONS": {}, **others}


def ours(**options: Any) -> dict[str, Any]:
    """Give settings with options of ours."""
    return settings(OPTIONS={"rds_tls": options})


def test_every_option_of_secure_is_taken() -> None:
    """What SQLAlchemy's engines can be told, Django's can: anything else is refused by name."""
    told = {
        "iam": False,
        "password": lambda: "pw",
        "secret": "arn:x",
        "via": ("127.0.0.1", 1),
        "expect": HOST,
        "region": "eu-west-1",
        "connect_timeout": 3,
        "settings": rds_tls.Settings(offline=True),
    }
    assert {*told} == {*rds_tls.sqlalchemy.secure.__annotations__} - {"engine", "return"}
    request = request_of(ours(**told))
    assert {name: getattr(request, name) for name in told} == told


CONTRADICTIONS = {
    "unknown option": (ours(iamm=True), r"OPTIONS\['rds_tls'\] has no option 'iamm': it has iam, password, secret"),
    "secret as a name": (ours(**{f"{CANARY}": True}), "has no option whose name is no identifier: it has iam"),
    "no dict": (settings(OPTIONS={"rds_tls": True}), r"OPTIONS\['rds_tls'\] in DATABASES is no dict"),
    "two passwords": (settings(PASSWORD=CANARY, OPTIONS={"rds_tls": {"password": "x"}}), "are two: leave one out"),
    "two timeouts": (
        settings(OPTIONS={"connect_timeout": 3, "rds_tls": {"connect_timeout": 4}}),
        "and OPTIONS.'rds_tls'. another: leave one out",
    ),
    "no port": (settings(PORT=CANARY), "PORT in DATABASES is no TCP port: give its number"),
    **{
        f"{name} in OPTIONS": (settings(OPTIONS={name: CANARY}), f"has '{name}', which is for {setting} to say")
        for name, setting in {
            "host": "HOST",
            "port": "PORT",
            "user": "USER",
            "password": "PASSWORD",
            "passwd": "PASSWORD",
            "dbname": "NAME",
            "database": "NAME",
            "db": "NAME",
        }.items()
    },
}


@pytest.mark.parametrize(("told", "message"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_contradiction_is_refused(told: dict[str, Any], message: str) -> None:
    """The setting and the fix are named, and no value that may be a secret."""
    with pytest.raises(rds_tls.OptionError, match=message) as caught:
        request_of(told)
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    ("told", "message"),
    [
        (settings(HOST=f"{HOST}:5433", PORT="5432"), "5433"),
        (settings(HOST=f"postgresql://app@{HOST}:5433/shop", PORT=5432), "5433"),
        (settings(HOST=f"postgresql://other@{HOST}/shop"), "the URL has a user, and user= gives another"),
        (settings(HOST=f"postgresql://app@{HOST}/other"), "the URL has a database, and dbname="),
        (settings(HOST=f"postgresql://app@{HOST}/shop?sslmode=disable"), "'sslmode' cannot be taken"),
        (settings(PORT="70000"), "70000"),
        (settings(HOST=""), "there is no host"),
        (settings(HOST="/var/run/postgresql"), "is not an RDS endpoint"),
        (settings(HOST="db.example.com"), "db.example.com"),
        (ours(secret="x"), "secret= brings user and password"),  # noqa: S106 - a name
    ],
)
def test_host_port_and_url_agree_or_are_refused(told: dict[str, Any], message: str) -> None:
    """Two settings that say different things are refused before anything is dialled."""
    with pytest.raises((rds_tls.OptionError, rds_tls.EndpointError), match=message):
        connect(POSTGRES, "psycopg", parameters(request_of(told), {"dbname": told["NAME"]}))


TLS_OPTIONS = {
    "psycopg": ("sslmode", "sslrootcert", "hostaddr", "service", "gssencmode"),
    "psycopg2": ("sslmode", "sslrootcert", "hostaddr", "service", "gssencmode"),
    "mysqlclient": ("ssl", "ssl_mode", "read_default_file", "unix_socket"),
    "pymysql": ("ssl", "ssl_disabled", "ssl_ca", "ssl_verify_cert", "read_default_file", "unix_socket"),
}


@pytest.mark.parametrize(
    ("driver", "name"), [(driver, name) for driver, names in TLS_OPTIONS.items() for name in names]
)
def test_option_about_tls_is_refused(driver: str, name: str) -> None:
    """What OPTIONS says about TLS, or about another way to the server, is refused with the reason, whatever it says."""
    engine = POSTGRES if driver.startswith("psycopg") else MYSQL
    told = settings(OPTIONS={name: "require"})
    with pytest.raises(rds_tls.OptionError, match=f"the driver option '{name}' cannot be passed: "):
        connect(engine, driver, parameters(request_of(told), told["OPTIONS"]))


def test_request_shows_no_secret() -> None:
    """What Django's parameters show of the request is its user."""
    shown = repr(parameters(request_of(settings(PASSWORD=CANARY)), {"password": CANARY, "dbname": "shop"}))
    assert shown == "{'rds_tls': <Request for 'app'>}"


@pytest.mark.parametrize("engine", ["postgresql", "mysql"])
def test_settings_need_neither_driver_nor_network(engine: str, site: Site) -> None:
    """An image build reads the settings, whatever is installed there, and asks nobody."""
    database = {"ENGINE": f"rds_tls.django.{engine}", **settings()}
    backend = Backend(engine, "none")
    ended = site.run(backend, database, "-m", "tests.frameworks.django.project.without_network", "read the settings")
    assert (ended.code, ended.output.strip()) == (0, HOST), ended


@every_backend
def test_static_files_are_collected_without_network(backend: Backend, site: Site) -> None:
    """Collectstatic needs the driver, as with Django's own engines, and asks nobody."""
    if backend.missing:
        pytest.skip(backend.missing)
    database = {"ENGINE": f"rds_tls.django.{backend.engine}", **settings(OPTIONS=dict(backend.options))}
    ended = site.run(backend, database, "-m", "tests.frameworks.django.project.without_network", "collect static files")
    assert ended.code == 0, ended
    assert "static files" in ended.output
