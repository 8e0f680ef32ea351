"""Django: what is not verified is refused by the project too, and the console says why."""

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Pki
from tests.hostile import mysql as hostile_mysql
from tests.hostile import postgres as hostile_postgres
from tests.hostile.evidence import Protocol, bytes_leaked
from tests.hostile.stage import EMPTY_STAGE, GOOD, Authorities, Stage, server_context
from tests.hostile.wire import listening
from tests.support import in_c
from tests.support.django_site import BACKENDS, HOST, OTHER, POOLED, SHELLS, Backend, Site
from tests.support.leaks import CANARY
from tests.support.local_rds import PostgresServer
from tests.support.local_rds.kinds import Server
from tests.support.matrix import on_each_server

# A pool makes each attempt as psycopg alone does, and then waits for its timeout.
AT_ONCE = {name: backend for name, backend in BACKENDS.items() if not backend.options}

# What connects: Django's backend, and the engine's shell.
CONNECTS = ("migrate", "--plan")
COMMANDS = {
    **{name: (backend, CONNECTS) for name, backend in AT_ONCE.items()},
    **{f"dbshell, {backend.engine}": (backend, ("dbshell",)) for backend in SHELLS},
}
every_command = on_each_server("command", COMMANDS, lambda command: command[0].servers)

Command = tuple[Backend, tuple[str, ...]]


@pytest.fixture
def backend(command: Command) -> Backend:
    """What the command connects by."""
    return command[0]


@on_each_server("command", {name: (backend, CONNECTS) for name, backend in AT_ONCE.items()}, lambda it: it[0].servers)
def test_unverified_server_is_refused_with_a_note(
    command: Command, server: Server, pki: Pki, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another name and another root are refused, and the traceback on the console has the cause and the fix."""
    backend, arguments = command
    refusals = [site.manage(backend, backend.database(server, HOST=OTHER), *arguments)]
    monkeypatch.setenv("RDS_TLS_CA_BUNDLE", str(pki.sibling_settings.ca_file))
    refusals.append(site.manage(backend, backend.database(server), *arguments))
    for refused, words in zip(refusals, (f"is not for {OTHER}", "root"), strict=True):
        assert refused.code == 1
        note, *more = (line for line in refused.errors.splitlines() if line.startswith("rds_tls: "))
        assert words in note
        assert any(line.startswith("rds_tls: fix: ") for line in more)
        assert server.password not in refused.errors


def test_pool_says_why_it_has_no_connection(pki: Pki, postgres: PostgresServer, site: Site) -> None:
    """Its error, which says only that time is up, has the note of what kept it from connecting."""
    postgres.present(pki.authority.issue([HOST]))
    refused = site.manage(POOLED, POOLED.database(postgres, HOST=OTHER), *CONNECTS)
    assert "PoolTimeout" in refused.errors
    note = next(line for line in refused.errors.splitlines() if line.startswith("rds_tls: "))
    assert f"is not for {OTHER}" in note


def test_pool_with_connections_of_another_class_is_refused(pki: Pki, postgres: PostgresServer, site: Site) -> None:
    """The class in OPTIONS["pool"] would connect in place of rds_tls."""
    postgres.present(pki.authority.issue([HOST]))
    database = POOLED.database(postgres, OPTIONS={"pool": {"connection_class": "psycopg.Connection"}})
    refused = site.manage(POOLED, database, *CONNECTS)
    assert refused.code == 1
    assert "OptionError: a pool's connection_class is rds_tls's own" in refused.errors


@every_command
def test_server_without_tls_gets_nothing(command: Command, server: Server, site: Site) -> None:
    """One that hides TLS, or answers the request for it with no, reads nothing of the login."""
    backend, arguments = command
    protocol = Protocol.POSTGRESQL if backend.engine == "postgresql" else Protocol.MYSQL
    with listening(lambda wire: hiding(backend)(wire, EMPTY_STAGE)) as peer:
        database = backend.database(server, peer.address[1], USER="canary-user-6f1d0c", PASSWORD=CANARY)
        assert site.manage(backend, database, *arguments).code != 0
    assert [bytes_leaked(wire, protocol) for wire in peer.wires] == [0] * max(1, len(peer.wires))


def hiding(backend: Backend) -> Any:  # noqa: ANN401 - a script
    """Give a script that does without TLS, and asks for the password."""
    if backend.engine == "postgresql":
        return hostile_postgres.play(hostile_postgres.refuse)
    return hostile_mysql.hide_tls(hostile_mysql.clear_password)


@every_command
def test_token_is_signed_for_the_endpoint(
    command: Command, server: Server, pki: Pki, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A verified server that asks for the password is given a token, for the endpoint's own port."""
    backend, arguments = command
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI")
    stage = Stage(server_context(GOOD, Authorities(pki.authority, pki.authority)), ("", 0))
    is_postgres = backend.engine == "postgresql"
    script = hostile_postgres.play(hostile_postgres.accept) if is_postgres else hostile_mysql.accept
    with listening(lambda wire: script(wire, stage)) as peer:
        database = backend.database(server, peer.address[1], PASSWORD="", rds_tls={"iam": True})
        site.manage(backend, database, *arguments)
    port = peer.address[1] if backend.by_name else 5432 if is_postgres else 3306
    assert any(f"{HOST}:{port}/?Action=connect&DBUser=app&".encode() in wire.inside for wire in peer.wires)


@on_each_server("command", {"psycopg": (BACKENDS["psycopg"], CONNECTS)}, lambda it: it[0].servers)
def test_alias_leads_to_what_is_expected(command: Command, server: Server, site: Site, tmp_path: Path) -> None:
    """HOST may be a name of one's own, where the endpoint that it leads to is expected."""
    if in_c.missing("psycopg"):
        pytest.skip(in_c.missing("psycopg"))
    backend, arguments = command[0]._replace(by_name=True), command[1]
    hosts = tmp_path / "hosts"
    hosts.write_text(f"127.0.0.1 {HOST} db.example.com\n127.0.0.1 {OTHER} old.example.com\n")
    codes = []
    for alias in ("db.example.com", "old.example.com"):
        database = backend.database(server, HOST=alias, rds_tls={"expect": HOST})
        ended = site.manage(backend, database, *arguments, more={"NSS_WRAPPER_HOSTS": str(hosts)})
        codes.append((ended.code, "none of these matches expect=" in ended.errors))
    assert codes == [(0, False), (1, True)]
