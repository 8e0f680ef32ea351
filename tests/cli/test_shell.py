"""``rds-tls env`` and ``exec``: what a shell and a program make of them, with real clients and real servers."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rds_tls.cli import env, main
from rds_tls.connect import programs
from rds_tls.errors import OptionError
from tests.conftest import Pki
from tests.support import ROOT, in_c
from tests.support.leaks import CANARY
from tests.support.local_rds import Authority, KeyType, MySqlCompatibleServer, PostgresServer
from tests.support.rows import TLS_IN_MYSQL, TLS_IN_POSTGRESQL

HOST = f"orders.{in_c.CLUSTER}"
OTHER = f"other.{in_c.CLUSTER}"

Output = pytest.CaptureFixture[str]

needs_psql = pytest.mark.skipif(shutil.which("psql") is None, reason="psql is not installed")


@pytest.fixture(scope="module")
def pki(pkis: dict[KeyType, Pki]) -> Pki:
    """The PKI with the fastest keys."""
    return pkis[KeyType.ECC384]


@pytest.fixture
def trusted(pki: Pki, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """A machine whose environment names the test PKI's root, at a path that a shell would take apart."""
    folder = tmp_path / 'it\'s a "$HOME" `x`; folder'
    folder.mkdir()
    roots = folder / "roots.pem"
    roots.write_bytes(pki.authority.root_pem)
    monkeypatch.setenv("RDS_TLS_CA_BUNDLE", str(roots))
    return pki.authority


@pytest.fixture
def server(postgres: PostgresServer, pki: Pki) -> PostgresServer:
    """PostgreSQL with a certificate for the endpoint."""
    postgres.present(pki.authority.issue([HOST]))
    return postgres


@pytest.fixture
def mysql_here(mysql: MySqlCompatibleServer, pki: Pki) -> MySqlCompatibleServer:
    """A MySQL-compatible server with a certificate for the endpoint, whose name leads there."""
    if reason := in_c.missing("rds_tls"):
        pytest.skip(reason)
    if shutil.which("mysql") is None:
        pytest.skip("mysql is not installed")
    mysql.present(pki.authority.issue([HOST]))
    return mysql


def sh(script: str, **more: str) -> "subprocess.CompletedProcess[str]":
    """Run a script by /bin/sh, in which ``rds-tls`` is the command."""
    function = f'rds_tls() {{ "{sys.executable}" -m rds_tls "$@"; }}\n'
    environ = os.environ | {"PYTHONPATH": str(ROOT), "AWS_EC2_METADATA_DISABLED": "true"} | more
    return subprocess.run(
        ["/bin/sh", "-c", function + script], env=environ, capture_output=True, text=True, timeout=60, check=False
    )


PSQL = f'psql --no-password -AtXc "{TLS_IN_POSTGRESQL}"'


def login(server: PostgresServer) -> dict[str, str]:
    """Give what psql logs in with, and leftovers that would win if they were not overridden."""
    return {
        "PGUSER": server.user,
        "PGPASSWORD": server.password,
        "PGDATABASE": server.database,
        "PGSSLMODE": "disable",
        "PGHOSTADDR": "127.0.0.9",
        "PGPORT": "1",
        "PGSSLROOTCERT": "/nowhere",
    }


def through(server: PostgresServer) -> str:
    """Name the server as a tunnel's end."""
    return f"--via {server.host}:{server.port}"


FORMS = {
    "env": 'eval "$(rds_tls env {host} {via})" && {psql}',
    "env with --port": 'eval "$(rds_tls env {host} {via} --port 5432)"; {psql}',
    "exec": "rds_tls exec {host} {via} -- {psql}",
    "exec --client": "rds_tls exec --client psql {host} {via} -- {psql}",
}


@needs_psql
@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_psql_is_verified(form: str, server: PostgresServer, pki: Pki) -> None:
    """The right name is asked over TLS; another name and another root are refused."""

    def run(host: str, **more: str) -> "subprocess.CompletedProcess[str]":
        return sh(form.format(host=host, via=through(server), psql=PSQL), **login(server), **more)

    right = run(HOST)
    assert (right.stdout, right.stderr) == ("t\n", "")
    wrong = run(OTHER)
    assert (wrong.stdout, wrong.returncode) == ("", 2)
    assert "does not match host name" in wrong.stderr
    foreign = run(HOST, RDS_TLS_CA_BUNDLE=str(pki.sibling_settings.ca_file))
    assert (foreign.stdout, foreign.returncode) == ("", 2)
    assert "certificate verify failed" in foreign.stderr


@needs_psql
def test_psql_without_an_answer_does_not_connect(server: PostgresServer) -> None:
    """A shell goes on after an ``env`` that failed: psql is not run, and where it is run it trusts nobody."""
    leftovers = login(server) | {"PGHOST": server.host, "PGHOSTADDR": server.host, "PGPORT": str(server.port)}
    assert sh(PSQL, **leftovers).stdout == "f\n"
    stopped = sh(f'eval "$(rds_tls env db.corp.example)" && {PSQL}', **leftovers)
    assert (stopped.stdout, stopped.stderr.count("psql:")) == ("", 0)
    went_on = sh(f'eval "$(rds_tls env db.corp.example)"; {PSQL}', **leftovers)
    assert (went_on.stdout, went_on.stderr.count("psql:")) == ("", 1)
    assert "which is no AWS suffix" in went_on.stderr


def test_env_says_what_decides(capsys: Output) -> None:
    """A line for each variable, with empty ones over leftovers, and no service beside them."""
    assert main(["env", HOST, "--via", "127.0.0.1:15432"]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    for line in (f"PGHOST={HOST}", "PGHOSTADDR=127.0.0.1", "PGPORT=15432", "PGSSLMODE=verify-full", "PGSSLKEY=''"):
        assert f"export {line}" in lines
    assert lines[-1] == "unset PGSERVICE"
    assert err == ""
    assert main(["env", HOST]) == 0
    assert "export PGHOSTADDR=''" in capsys.readouterr().out


def test_env_as_json(capsys: Output) -> None:
    """A dict of variables, or a list of options, for other programs."""
    assert main(["env", "--json", HOST]) == 0
    assert json.loads(capsys.readouterr().out)["PGSSLMODE"] == "verify-full"
    assert main(["env", "--json", "--client", "mysql", HOST]) == 0
    options = json.loads(capsys.readouterr().out)
    assert options[:3] == ["--no-defaults", f"--host={HOST}", "--port=3306"]
    assert main(["env", "--json", "db.corp.example"]) == 2
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("client", "scheme"), [("psql", "postgresql"), ("mysql", "mysql"), ("mariadb", "mysql")])
def test_passwords_are_left_out(client: str, scheme: str, capsys: Output) -> None:
    """What else a URL says is printed; that there was a password is said, and not which."""
    url = f"{scheme}://app:{CANARY}@{HOST}:6000/shop"
    for json_too in ([], ["--json"]):
        assert main(["env", "--client", client, url, *json_too]) == 0
        out, err = capsys.readouterr()
        assert CANARY not in out + err
        assert {"app", "6000", "shop"} <= {*out.replace("=", " ").replace('"', " ").replace(",", " ").split()}
        assert err == "rds-tls env: the URL's password is left out, for the program to ask for\n"


MISPLACED = {
    "in the command's place": [f"postgresql://app:{CANARY}@{HOST}/shop"],
    "twice": ["env", HOST, f"postgresql://app:{CANARY}@{HOST}/shop"],
    "in an option's place": ["env", HOST, "--client", f"postgresql://app:{CANARY}@{HOST}/shop"],
    "in the tunnel's place": ["env", HOST, "--via", f"postgresql://app:{CANARY}@{HOST}/shop"],
}


@pytest.mark.parametrize("arguments", MISPLACED.values(), ids=MISPLACED)
def test_misplaced_url_keeps_its_password(arguments: list[str], capsys: Output) -> None:
    """What argparse refuses it shows, but for a login."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    out, err = capsys.readouterr()
    assert HOST in err
    assert CANARY not in out + err


REFUSED = {
    "weaker URL": f"postgresql://app:{CANARY}@{HOST}/shop?sslmode=disable",
    "another engine's URL": f"mysql://app:{CANARY}@{HOST}/shop",
    "raw @": f"postgresql://app:{CANARY}/@{HOST}/shop",
}


@pytest.mark.parametrize("url", REFUSED.values(), ids=REFUSED)
def test_refused_url_keeps_its_password(url: str, capsys: Output) -> None:
    """No error shows a part of the URL that may be a password."""
    assert main(["env", url]) == 2
    out, err = capsys.readouterr()
    assert out == f"{env._NO_ANSWER['psql']}\n"
    assert err.startswith("rds-tls env: ")
    assert CANARY not in err


def test_exec_passes_no_password(tmp_path: Path) -> None:
    """The program's environment and arguments have none of the URL's; the user's own variable stays."""
    program = tmp_path / "pg_show"
    program.write_text('#!/bin/sh\necho "$PGPASSWORD|$PGUSER|$*"\nexit 7\n')
    program.chmod(0o700)
    ran = sh(f"rds_tls exec postgresql://app:{CANARY}@{HOST}/shop -- {program} -x -- 'a b'", PGPASSWORD="own")
    assert (ran.stdout, ran.returncode) == ("own|app|-x -- a b\n", 7)
    assert ran.stderr == "rds-tls exec: the URL's password is left out, for the program to ask for\n"


CANNOT = {
    "nothing": ([], "there is no program: name one after --"),
    "no such program": (["--", "no-such-program"], "there is no program 'no-such-program' on PATH"),
    "unknown program": (["--", "ls"], "say --client psql if it is made of libpq"),
    "psql, a conninfo": (["--", "psql", "dbname=x sslmode=disable"], "'sslmode' among the program's own"),
    "psql, -d": (["--", "psql", "-Xdsslmode=prefer"], "'sslmode' among"),
    "psql, --dbname": (["--", "psql", "--dbname=service=shop"], "'service' among"),
    "psql, a URI": (["--", "psql", f"postgresql://{HOST}/shop?ssl%6Dode=disable"], "'sslmode' among"),
    "psql, a host": (["--", "psql", "host=elsewhere"], "'host' among"),
    "mysql, --skip-ssl": (["--", "mysql", "--skip-ssl"], "'--skip-ssl' among"),
    "mysql, loose": (["--", "mysql", "--loose-ssl_mode=DISABLED"], "'--loose-ssl_mode' among"),
    "mysql, an option file": (["--", "mysql", "--defaults-file=/x"], "'--defaults-file' among"),
    "mysql, a tunnel": (["--via", "127.0.0.1:1", "--", "mysql"], "Let the endpoint's name lead to a tunnel on this"),
}


@pytest.mark.parametrize(("arguments", "words"), CANNOT.values(), ids=CANNOT)
def test_exec_refuses(
    arguments: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    """What is not there, and what would win over verification, ends with 2 and runs nothing."""
    for name in ("psql", "mysql"):  # for machines that have none
        (tmp_path / name).write_text("#!/bin/sh\necho MySQL\n")
        (tmp_path / name).chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(os, "execvpe", lambda *_: pytest.fail("it was run"))
    assert main(["exec", HOST, *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err


def test_harmless_arguments_are_the_programs_own() -> None:
    """What decides nothing about the server goes through, a statement and a plain database too."""
    programs.check_own("psql", ["-h", HOST, "-U", "app", "-c", "select ssl = true", "shop", "postgresql:///shop"])
    programs.check_own("mysql", ["-u", "app", "-p", "--enable-cleartext-plugin", "-e", "select '--ssl=0'", "shop"])


def test_service_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    """Its file would win over every variable."""
    monkeypatch.setenv("PGSERVICE", "shop")
    assert main(["exec", HOST, "--client", "psql", "--", sys.executable]) == 2
    assert "PGSERVICE is set" in capsys.readouterr().err


def asks(server: MySqlCompatibleServer, host: str) -> dict[str, str]:
    """Give scripts that ask a MySQL-compatible server whether TLS carries the connection, by each form."""
    which = "mariadb" if programs.client_of("mysql") == "mariadb" else "mysql"
    own = f'--user={server.user} --skip-column-names --execute "{TLS_IN_MYSQL}" {server.database}'
    return {
        "env": f"mysql $(rds_tls env --client {which} {host}:{server.port}) {own}",
        "exec": f"rds_tls exec {host} --port {server.port} -- mysql {own}",
        "exec --client": f"rds_tls exec --client {which} {host}:{server.port} -- mysql {own}",
    }


def run_mysql(script: str, server: MySqlCompatibleServer, roots: object, home: Path) -> "tuple[int, str, str]":
    """Run such a script where an option file turns TLS off, and the endpoint's name leads to loopback."""
    (home / ".my.cnf").write_text("[client]\nskip-ssl\nprotocol=SOCKET\n")
    more = {
        **in_c.environment(),
        "HOME": str(home),
        "MYSQL_PWD": server.password,
        "RDS_TLS_CA_BUNDLE": str(roots),
    }
    ran = sh(script, **more)
    return ran.returncode, ran.stdout, ran.stderr


@pytest.mark.parametrize("form", ["env", "exec", "exec --client"])
def test_mysql_is_verified(form: str, mysql_here: MySqlCompatibleServer, pki: Pki, tmp_path: Path) -> None:
    """The right name is asked over TLS; another name and another root are refused, whatever an option file says."""
    roots = pki.settings.ca_file
    code, out, err = run_mysql(asks(mysql_here, HOST)[form], mysql_here, roots, tmp_path)
    assert (code, err) == (0, "")
    assert out.split()[-1] != "Ssl_cipher"
    wrong = run_mysql(asks(mysql_here, OTHER)[form], mysql_here, roots, tmp_path)
    foreign = run_mysql(asks(mysql_here, HOST)[form], mysql_here, pki.sibling_settings.ca_file, tmp_path)
    for code, out, err in (wrong, foreign):
        assert (code != 0, out) == (True, "")
        assert "ERROR 2026" in err  # CR_SSL_CONNECTION_ERROR


def test_mysql_refuses_a_server_without_tls(
    mysql_here: MySqlCompatibleServer, mysql_without_tls: MySqlCompatibleServer, pki: Pki, tmp_path: Path
) -> None:
    """One that offers none gets no login."""
    del mysql_here  # whose skips count here too
    code, out, _ = run_mysql(asks(mysql_without_tls, HOST)["exec"], mysql_without_tls, pki.settings.ca_file, tmp_path)
    assert (code != 0, out) == (True, "")


@pytest.mark.usefixtures("mysql_here")
def test_mysql_without_an_answer_does_not_connect() -> None:
    """A shell goes on after an ``env`` that failed, with an option that no client knows."""
    for client in ("mysql", "mariadb"):
        ran = sh(f"mysql $(rds_tls env --client {client} db.corp.example) --execute 'select 1'")
        assert ran.returncode != 0
        assert "unknown option '--rds-tls-env-has-failed'" in ran.stderr


@pytest.mark.usefixtures("trusted")
def test_path_that_a_shell_takes_apart_is_refused(capsys: Output) -> None:
    """$(...) has no quotes: options that would not come out whole are not printed, but in JSON."""
    assert main(["env", "--client", "mysql", HOST]) == 2
    out, err = capsys.readouterr()
    assert out == f"{env._NO_ANSWER['mysql']}\n"
    assert "--ssl-ca: a shell would not leave" in err
    assert main(["env", "--client", "mysql", HOST, "--json"]) == 0


def test_unknown_name_is_said() -> None:
    """A name that begins nearly like a libpq program's proves nothing."""
    with pytest.raises(OptionError, match="'pgloader' reads what psql or what mysql reads is not known"):
        programs.client_of("/usr/bin/pgloader")
