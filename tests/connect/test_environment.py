"""``postgres_env``: psql and pg_dump verify by the environment alone, whatever else it says."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

import rds_tls
from rds_tls.connect import environment
from rds_tls.drivers import _libpq, reserved
from rds_tls.drivers.psycopg2 import _PARAMETERS
from tests.conftest import OFFLINE, Pki
from tests.hostile import postgres as hostile
from tests.hostile.evidence import Protocol, bytes_leaked
from tests.hostile.stage import EMPTY_STAGE
from tests.hostile.wire import listening
from tests.support.leaks import CANARY
from tests.support.local_rds import KeyType, PostgresServer
from tests.support.rows import TLS_IN_POSTGRESQL

HOST = "orders.cluster-abc123def456.eu-west-1.rds.amazonaws.com"
OTHER = "other.cluster-abc123def456.eu-west-1.rds.amazonaws.com"

pytestmark = pytest.mark.skipif(shutil.which("psql") is None, reason="psql is not installed")


@pytest.fixture
def pki(pkis: dict[KeyType, Pki]) -> Pki:
    """The PKI with the fastest keys."""
    return pkis[KeyType.ECC384]


@pytest.fixture
def server(postgres: PostgresServer, pki: Pki) -> PostgresServer:
    """PostgreSQL with a certificate for the endpoint."""
    postgres.present(pki.authority.issue([HOST]))
    return postgres


def variables(server: PostgresServer, pki: Pki, host: str = HOST, **arguments: Any) -> dict[str, str]:
    """Give the variables for a server, through a tunnel."""
    told = {
        "user": server.user,
        "password": server.password,
        "dbname": server.database,
        "via": (server.host, server.port),
        "settings": pki.settings,
    }
    return rds_tls.postgres_env(host, **told | arguments)


def run(told: dict[str, str], *command: str) -> "subprocess.CompletedProcess[str]":
    """Run a program by the environment alone."""
    return subprocess.run(command, env=os.environ | told, capture_output=True, text=True, timeout=60, check=False)


def ask(told: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """Ask by psql whether TLS carries its connection."""
    return run(told, "psql", "--no-password", "-AtXc", TLS_IN_POSTGRESQL)


def test_psql_is_verified(server: PostgresServer, pki: Pki) -> None:
    """The right name is asked over TLS; another name and another root are refused."""
    assert ask(variables(server, pki)).stdout == "t\n"
    assert "does not match host name" in ask(variables(server, pki, OTHER)).stderr
    assert "certificate verify failed" in ask(variables(server, pki, settings=pki.sibling_settings)).stderr


def test_pg_dump_is_verified(server: PostgresServer, pki: Pki) -> None:
    """What else is made of libpq reads the same variables."""
    assert run(variables(server, pki), "pg_dump", "--schema-only").returncode == 0
    assert run(variables(server, pki, OTHER), "pg_dump", "--schema-only").returncode == 1


def test_server_without_tls_gets_nothing(server: PostgresServer, pki: Pki) -> None:
    """One that answers the request for TLS with no reads nothing of the login."""
    script = hostile.play(hostile.refuse)
    with listening(lambda wire: script(wire, EMPTY_STAGE)) as peer:
        refused = ask(variables(server, pki, via=peer.address))
    assert "server does not support SSL, but SSL was required" in refused.stderr
    assert [bytes_leaked(wire, Protocol.POSTGRESQL) for wire in peer.wires] == [0]


LEFTOVERS = {
    "PGSSLMODE": "disable",
    "PGREQUIRESSL": "0",
    "PGSSLROOTCERT": "/nowhere/ca.pem",
    "PGSSLCRL": "/nowhere/crl.pem",
    "PGSSLCERT": "/nowhere/client.pem",
    "PGSSLMAXPROTOCOLVERSION": "TLSv1",
    "PGSSLMINPROTOCOLVERSION": "TLSv1",
    "PGGSSENCMODE": "require",
    "PGREQUIREPEER": "nobody",
    "PGHOST": "db.example.com",
    "PGHOSTADDR": "127.0.0.9",
    "PGPORT": "1",
    "PGUSER": "nobody",
    "PGDATABASE": "nowhere",
}


@pytest.mark.parametrize("name", LEFTOVERS)
def test_leftover_does_not_count(name: str, server: PostgresServer, pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the environment says already is overridden: right connects, and wrong does not."""
    monkeypatch.setenv(name, LEFTOVERS[name])
    assert ask(variables(server, pki)).stdout == "t\n"
    assert ask(variables(server, pki, OTHER)).stdout == ""


def test_everything_about_tls_is_said() -> None:
    """Each parameter that decides about TLS or where to dial has a variable here, if libpq reads one for it."""
    deciding = {name for name in _PARAMETERS if reserved(name, _libpq.RESERVED)}
    assert deciding - {*environment._VARIABLES} == {"service", "sslpassword", "sslkeylogfile"}
    told = rds_tls.postgres_env(HOST, settings=OFFLINE)
    assert {environment._VARIABLES[name] for name in deciding & {*environment._VARIABLES}} <= told.keys()
    assert told["PGSSLMODE"] == "verify-full"
    assert told["PGHOSTADDR"] == ""


def test_service_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service file wins over every variable, so that nothing here would count; an empty name is looked up too."""
    for name in ("", "shop"):
        monkeypatch.setenv("PGSERVICE", name)
        with pytest.raises(rds_tls.OptionError, match="PGSERVICE is set, and what its service file says wins"):
            rds_tls.postgres_env(HOST, settings=OFFLINE)


@pytest.mark.parametrize("value", [f"{CANARY}\0", f"{CANARY}\ud800"], ids=["NUL", "half a surrogate pair"])
def test_text_that_no_variable_holds_is_refused(value: str) -> None:
    """Python's own error would show the password."""
    with pytest.raises(rds_tls.OptionError, match="password= has a NUL, or half a surrogate pair") as caught:
        rds_tls.postgres_env(HOST, user="app", password=value, settings=OFFLINE)
    assert CANARY not in str(caught.value)
    assert caught.value.__context__ is None


def test_url_becomes_variables() -> None:
    """What a whole URL says is said to the program."""
    url = f"postgresql://app:pw@{HOST}:6000/shop?sslmode=require&application_name=nightly&connect_timeout=7"
    told = rds_tls.postgres_env(url, settings=OFFLINE)
    names = ("PGUSER", "PGPASSWORD", "PGHOST", "PGPORT", "PGDATABASE", "PGAPPNAME", "PGCONNECT_TIMEOUT", "PGSSLMODE")
    assert [told[name] for name in names] == ["app", "pw", HOST, "6000", "shop", "nightly", "7", "verify-full"]


def test_option_without_a_variable_is_refused() -> None:
    """Nothing of a URL is dropped without a word."""
    with pytest.raises(rds_tls.OptionError, match="has no option 'keepalives'"):
        rds_tls.postgres_env(f"postgresql://app@{HOST}/shop?keepalives=1", settings=OFFLINE)


def test_token_is_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    """With iam the password is a token for the endpoint's own port, and not for the tunnel's."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI")
    told = rds_tls.postgres_env(HOST, user="app", iam=True, via=("127.0.0.1", 15432), settings=OFFLINE)
    assert told["PGPASSWORD"].startswith(f"{HOST}:5432/?Action=connect&DBUser=app&")
    assert (told["PGHOST"], told["PGHOSTADDR"], told["PGPORT"]) == (HOST, "127.0.0.1", "15432")


def test_no_driver_is_needed(tmp_path: Path) -> None:
    """A program that only starts psql has no driver installed."""
    program = tmp_path / "program.py"
    program.write_text(
        "import sys\n"
        "for driver in ('psycopg', 'psycopg2', 'asyncpg', 'pg8000'):\n    sys.modules[driver] = None\n"
        "import rds_tls\n"
        f"print(rds_tls.postgres_env({HOST!r}, settings=rds_tls.Settings(offline=True))['PGSSLMODE'])\n"
    )
    ran = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.stderr) == ("verify-full\n", "")


def uri(server: PostgresServer, pki: Pki, host: str = HOST, **arguments: Any) -> str:
    """Give a URI for a server, through a tunnel."""
    told = {
        "user": server.user,
        "password": server.password,
        "dbname": server.database,
        "via": (server.host, server.port),
        "settings": pki.settings,
    }
    return rds_tls.postgres_uri(host, **told | arguments)


def test_uri_is_verified(server: PostgresServer, pki: Pki) -> None:
    """A program that takes a URI alone verifies chain and name: psql, and libpq in psycopg."""
    asked = run({}, "psql", uri(server, pki), "--no-password", "-AtXc", TLS_IN_POSTGRESQL)
    assert asked.stdout == "t\n"
    with psycopg.connect(uri(server, pki)) as connection:
        assert connection.pgconn.ssl_in_use
    with pytest.raises(psycopg.OperationalError, match="does not match host name"):
        psycopg.connect(uri(server, pki, OTHER))
    with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
        psycopg.connect(uri(server, pki, settings=pki.sibling_settings))


def test_uri_is_encoded() -> None:
    """What a password may hold stays one value, and an old libpq knows every name."""
    text = rds_tls.postgres_uri(HOST, user="a&b", password="p w/&?#%+=@:", settings=OFFLINE)  # noqa: S106 - no secret
    read = {each.keyword.decode(): each.val and each.val.decode() for each in psycopg.pq.Conninfo.parse(text.encode())}
    assert (read["user"], read["password"], read["host"], read["sslmode"]) == (
        "a&b",
        "p w/&?#%+=@:",
        HOST,
        "verify-full",
    )
    assert read["sslrootcert"] == rds_tls.ca_path(HOST, settings=OFFLINE)
    assert not any(f"{name}=" in text for name in environment._NEWER)
