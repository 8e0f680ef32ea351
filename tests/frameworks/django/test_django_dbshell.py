"""``manage.py dbshell``: psql, MariaDB's and MySQL's client are told to verify the server's name."""

from pathlib import Path

import pytest

from rds_tls.connect.mysql_client import command
from rds_tls.django.connection import request_of
from rds_tls.django.mysql.client import DatabaseClient
from rds_tls.errors import OptionError
from tests.conftest import Pki
from tests.support.django_site import HOST, OTHER, SHELLS, Backend, Site
from tests.support.local_rds.kinds import Server
from tests.support.matrix import on_each_server
from tests.support.rows import TLS_IN_MYSQL, TLS_IN_POSTGRESQL

every_shell = on_each_server("backend", {backend.engine: backend for backend in SHELLS}, lambda it: it.servers)

ASKS = {
    "postgresql": ("dbshell", "--", "-Atc", TLS_IN_POSTGRESQL),
    "mysql": ("dbshell", "--", "--skip-column-names", "--execute", TLS_IN_MYSQL),
}


@every_shell
def test_shell_is_verified(
    backend: Backend, server: Server, pki: Pki, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The right name is asked over TLS; another name and another root are refused."""
    ask = ASKS[backend.engine]
    right = site.manage(backend, backend.database(server), *ask)
    assert right.code == 0, right
    assert right.output.split()[-1] not in {"f", "Ssl_cipher"}
    wrong = site.manage(backend, backend.database(server, HOST=OTHER), *ask)
    monkeypatch.setenv("RDS_TLS_CA_BUNDLE", str(pki.sibling_settings.ca_file))
    foreign = site.manage(backend, backend.database(server), *ask)
    assert (wrong.output, foreign.output) == ("", "")
    assert 0 not in {wrong.code, foreign.code}
    assert server.password not in f"{wrong}{foreign}"


@every_shell
def test_leftovers_do_not_count(backend: Backend, server: Server, site: Site, tmp_path: Path) -> None:
    """What the environment or an option file says about TLS is overridden."""
    home = tmp_path / "home"
    home.mkdir()
    (home / ".my.cnf").write_text("[client]\nskip-ssl\nprotocol=SOCKET\nssl-crl=/nowhere\n")
    more = {"HOME": str(home), "PGSSLMODE": "disable", "PGHOSTADDR": "127.0.0.9", "PGSSLROOTCERT": "/nowhere"}
    assert site.manage(backend, backend.database(server), *ASKS[backend.engine], more=more).code == 0
    refused = site.manage(backend, backend.database(server, HOST=OTHER), *ASKS[backend.engine], more=more)
    assert (refused.code, refused.output) != (0, "")
    assert refused.output == ""


def settings(**others: object) -> dict[str, object]:
    """Give an entry of DATABASES."""
    return {"HOST": HOST, "PORT": "", "NAME": "shop", "USER": "app", "PASSWORD": "", "OPTIONS": {}, **others}


def test_tunnel_is_refused_for_mysql() -> None:
    """The clients have no option by which one name is dialled and another verified: the message says what to do."""
    request = request_of(settings(OPTIONS={"rds_tls": {"via": ("127.0.0.1", 13306)}}))
    with pytest.raises(OptionError, match="via= cannot be used with this driver: the mysql clients verify the name"):
        command("mysql", request)


FAKE = "#!/bin/sh\necho '{version}'\n"
MARIADB = "mysql  Ver 15.1 Distrib 10.11.19-MariaDB, for debian-linux-gnu (x86_64) using  EditLine wrapper"
MYSQL = "mysql  Ver 8.0.39-0ubuntu0.22.04.1 for Linux on x86_64 ((Ubuntu))"


@pytest.mark.parametrize(
    ("version", "iam", "expected"),
    [
        (MARIADB, False, ["--ssl", "--ssl-verify-server-cert"]),
        (MARIADB, True, ["--ssl", "--ssl-verify-server-cert"]),
        (MYSQL, False, ["--ssl-mode=VERIFY_IDENTITY"]),
        (MYSQL, True, ["--ssl-mode=VERIFY_IDENTITY", "--enable-cleartext-plugin"]),
    ],
    ids=["MariaDB", "MariaDB with a token", "MySQL", "MySQL with a token"],
)
def test_each_client_is_told_in_its_own_words(
    version: str,
    iam: bool,  # noqa: FBT001 - a case
    expected: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is installed as mysql is asked which it is; a token is sent by MySQL's where it is told to alone."""
    program = tmp_path / "mysql"
    program.write_text(FAKE.format(version=version))
    program.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI")
    arguments, environment = DatabaseClient.settings_to_cmd_args_env(
        settings(OPTIONS={"charset": "utf8mb4", "rds_tls": {"iam": iam}}), ["--table"]
    )
    ca = next(each for each in arguments if each.startswith("--ssl-ca="))
    assert arguments == [
        "mysql",
        "--no-defaults",
        f"--host={HOST}",
        "--port=3306",
        ca,
        "--tls-version=TLSv1.2,TLSv1.3",
        "--user=app",
        *expected,
        "--default-character-set=utf8mb4",
        "--database=shop",
        "--table",
    ]
    assert ("MYSQL_PWD" in environment) is iam
