"""What every driver does alike: alias, tunnel by name, fresh secrets, healing, and the checks after connecting."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import rds_tls
from rds_tls.connect import iam
from rds_tls.connect.aws import session
from rds_tls.connect.plan import Plan, make_plan
from rds_tls.connect.request import Request
from rds_tls.drivers import POSTGRES
from tests.conftest import OFFLINE, Pki
from tests.hostile.attacks import GOOD_CERTIFICATES
from tests.hostile.evidence import Protocol, secrets_read
from tests.hostile.stage import GOOD, Authorities, Stage, server_context
from tests.hostile.wire import listening
from tests.support.local_https import LocalHttps
from tests.support.local_rds import Authority, KeyType
from tests.support.local_rds.kinds import Server
from tests.support.matrix import every_row, on_each_server
from tests.support.rows import ROWS, Row
from tests.support.trust_store import OF_REGION, REGION, TrustStore

HOST = "orders.cluster-abc123def456.eu-west-1.rds.amazonaws.com"
OTHER = "other.cluster-abc123def456.eu-west-1.rds.amazonaws.com"
ALIAS = "db.corp.example"
UNEXPECTED = "*.cluster-zzzzzzzzzzzz.eu-west-1.rds.amazonaws.com"
EXPECT = "*.cluster-abc123def456.eu-west-1.rds.amazonaws.com"
ROTATED = f"orders.cluster-abc123def456.{REGION}.rds.amazonaws.com"


@pytest.fixture
def server(server: Server, pki: Pki) -> Server:
    """A server that the driver speaks to, with a certificate for the endpoint."""
    server.present(pki.authority.issue([HOST]))
    return server


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    """A resolver by which every name leads to 127.0.0.1, and the alias by way of the endpoint."""
    resolve = socket.getaddrinfo

    def canonical(host: str, port: Any, *args: Any, flags: int = 0, **options: Any) -> Any:  # noqa: ANN401 - getaddrinfo's own
        name = HOST if host == ALIAS else host
        found = resolve("127.0.0.1", port, *args, **options)
        return [(*entry[:3], name if flags & socket.AI_CANONNAME else "", entry[4]) for entry in found]

    monkeypatch.setattr(socket, "getaddrinfo", canonical)
    monkeypatch.setattr(socket, "gethostbyname_ex", lambda host: (HOST, [host], ["127.0.0.1"]))


def login(server: Server) -> dict[str, Any]:
    """Give what every driver is given besides where to dial."""
    return {"user": server.user, "password": server.password, "database": server.database}


@every_row
@pytest.mark.usefixtures("resolver")
def test_endpoint_is_dialled_by_its_name(row: Row, server: Server, pki: Pki) -> None:
    """Without via= the driver dials the endpoint where its name leads, and the port that it was given."""
    answer = row.connect_and_ask(HOST, row.question, port=server.port, settings=pki.settings, **login(server))
    assert row.has_tls(answer)


@every_row
@pytest.mark.usefixtures("resolver")
def test_alias_is_followed(row: Row, server: Server, pki: Pki) -> None:
    """An alias is dialled and verified as the endpoint that it leads to, and refused where that is not expected."""
    arguments = {"port": server.port, "settings": pki.settings, **login(server)}
    assert row.has_tls(row.connect_and_ask(ALIAS, row.question, expect=EXPECT, **arguments))
    with pytest.raises(rds_tls.EndpointError):
        row.connect_and_ask(ALIAS, row.question, expect=UNEXPECTED, **arguments)


@on_each_server("row", {row.name: row for row in ROWS if not row.adapter.NO_TUNNEL}, lambda row: row.servers)
@pytest.mark.usefixtures("resolver")
def test_tunnel_may_have_a_name(row: Row, server: Server, pki: Pki) -> None:
    """The tunnel's name is resolved, and the endpoint is what is verified."""
    arguments = {"via": ("tunnel.internal", server.port), "settings": pki.settings, **login(server)}
    assert row.has_tls(row.connect_and_ask(HOST, row.question, **arguments))
    with pytest.raises(row.errors):
        row.connect_and_ask(OTHER, row.question, **arguments)


@pytest.mark.parametrize("row", [row for row in ROWS if row.adapter.NO_TUNNEL], ids=lambda row: row.name)
def test_tunnel_is_refused_where_it_would_be_verified(row: Row) -> None:
    """A driver that verifies the name it dials takes no via=, and the error says what to do instead."""
    request = Request(HOST, user="app", via=("127.0.0.1", 1), settings=OFFLINE)
    with pytest.raises(rds_tls.OptionError, match=r"via= cannot be used with this driver: .* Let the endpoint's name"):
        make_plan(row.adapter, row.engine, request, {})


@every_row
def test_password_function_is_asked_for_each_connection(row: Row, server: Server, pki: Pki) -> None:
    """A function in place of a password is called once for each connection, and what it gives logs in."""
    asked = []

    def password() -> str:
        asked.append(row)
        return server.password

    arguments = login(server) | {"password": password, "via": (server.host, server.port), "settings": pki.settings}
    for count in (1, 2):
        assert row.has_tls(row.connect_and_ask(HOST, row.question, **arguments))
        assert len(asked) == count


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_token_is_sent_inside_tls(row: Row, pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token is signed for each connection, and sent as it is to a server that was verified."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI")
    session.cache_clear()
    signed: list[str] = []
    sign = iam.token

    def record(*arguments: Any) -> str:
        signed.append(sign(*arguments))
        return signed[-1]

    monkeypatch.setattr(iam, "token", record)
    protocol = Protocol.POSTGRESQL if row.is_postgres else Protocol.MYSQL
    (attack,) = (each for each in GOOD_CERTIFICATES if each.protocol is protocol)
    stage = Stage(server_context(GOOD, Authorities(pki.authority, pki.authority)), ("", 0))
    with listening(lambda wire: attack.script(wire, stage)) as peer:
        for _ in range(2):
            with pytest.raises(row.errors):
                row.connect_and_ask(
                    HOST, row.question, user="app", iam=True, via=peer.address, settings=pki.settings, database="orders"
                )
    session.cache_clear()
    logins = [wire for wire in peer.wires if wire.inside]  # the others are looks at a server that has ended a login
    read = [secrets_read(wire, {"token": token}) for wire, token in zip(logins, signed, strict=True)]
    assert read == [{"token"}] * 2
    assert {secrets_read(wire, {"token": token}) for wire in peer.wires if not wire.inside for token in signed} <= {
        frozenset()
    }


@every_row
def test_token_logs_in_where_a_password_would(
    row: Row, server: Server, pki: Pki, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real server lets a token in that is the account's password: asked for by the plugin of that server's accounts.

    That is caching_sha2_password with MySQL, which the first time asks for all of it inside TLS, and not
    mysql_clear_password as with Aurora: for that MySQL's packages have no plugin. A scripted server asks so above.
    """
    monkeypatch.setattr(iam, "token", lambda *_: server.password)
    arguments: dict[str, Any] = {"via": (server.host, server.port), "settings": pki.settings}
    arguments |= {"database": server.database, "user": server.user, "iam": True}
    assert row.has_tls(row.connect_and_ask(HOST, row.question, **arguments))


@pytest.fixture(scope="module")
def https(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHttps]:
    """One HTTPS server for the trust store."""
    with LocalHttps(tmp_path_factory.mktemp("https")) as server:
        yield server


@every_row
def test_rotated_root_heals(row: Row, server: Server, https: LocalHttps, tmp_path: Path) -> None:
    """The first connect after a rotation downloads once and succeeds; the next one asks for nothing."""
    old, new = Authority(REGION, KeyType.ECC384), Authority(REGION, KeyType.ECC384)
    store = TrustStore(https, tmp_path / "cache")
    store.publish(REGION, old.root_pem + new.root_pem)
    store.put(REGION, old.root_pem, time.time())
    server.present(new.issue([ROTATED]))
    arguments = {"via": (server.host, server.port), "settings": store.settings, **login(server)}
    for _ in range(2):
        assert row.has_tls(row.connect_and_ask(ROTATED, row.question, **arguments))
        assert store.asked == [OF_REGION]


Spoil = Callable[[Plan, Pki], Plan]


def _sockets() -> set[str]:
    """List this process's sockets."""
    found = set[str]()
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # that by which the folder is read
            found.add(str(descriptor.readlink()))
    return {each for each in found if each.startswith("socket:")}


lists_descriptors = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="/proc lists what is open")


@lists_descriptors
@on_each_server("row", {row.name: row for row in ROWS if not row.dials_in_c}, lambda row: row.servers)
def test_refused_login_leaves_nothing_open(row: Row, server: Server, pki: Pki) -> None:
    """The socket is closed by the time that the error comes, not only when nobody has the error any more."""
    before = _sockets()
    wrong = login(server) | {"password": "wrong", "via": (server.host, server.port), "settings": pki.settings}
    with pytest.raises(row.errors) as refused:
        row.connect_and_ask(HOST, row.question, **wrong)
    assert _sockets() <= before
    assert refused.value.__traceback__ is not None  # which has all that a driver's frames have


@lists_descriptors
@pytest.mark.parametrize("row", [row for row in ROWS if not row.dials_in_c], ids=lambda row: row.name)
def test_server_that_hangs_up_leaves_nothing_open(row: Row, pki: Pki) -> None:
    """As with a refused login."""
    protocol = Protocol.POSTGRESQL if row.is_postgres else Protocol.MYSQL
    (hangs_up,) = (each for each in GOOD_CERTIFICATES if each.protocol is protocol)
    stage = Stage(server_context(GOOD, Authorities(pki.authority, pki.authority)), ("", 0))
    before, wrong = _sockets(), "wrong"
    with listening(lambda wire: hangs_up.script(wire, stage)) as peer, pytest.raises(row.errors) as caught:
        row.connect_and_ask(HOST, row.question, user="app", password=wrong, via=peer.address, settings=pki.settings)
    assert _sockets() <= before
    assert caught.value.__traceback__ is not None


def _for_another_name(plan: Plan, _pki: Pki) -> Plan:
    return plan._replace(target=plan.target._replace(host=OTHER))


def _for_other_anchors(plan: Plan, pki: Pki) -> Plan:
    other = make_plan(plan.adapter, POSTGRES, Request(HOST, settings=pki.sibling_settings), {})
    return plan._replace(target=plan.target._replace(anchors=other.target.anchors))


@every_row
@pytest.mark.parametrize("spoil", [_for_another_name, _for_other_anchors])
def test_connection_that_is_not_what_was_asked_for_is_closed(row: Row, server: Server, pki: Pki, spoil: Spoil) -> None:
    """After connecting the driver's own connection is looked at, and closed where it verified something else."""
    adapter = row.adapter
    request = Request(
        HOST,
        **row.dialled(via=(server.host, server.port)),
        settings=pki.settings,
        user=server.user,
        password=server.password,
        database=server.database,
    )
    plan = make_plan(adapter, row.engine, request, dict(row.options))

    def check(connection: Any) -> None:  # noqa: ANN401 - the driver's
        adapter.verify(connection, plan.target, plan.options)
        other = spoil(plan, pki)
        with pytest.raises(rds_tls.UnverifiedConnectionError):
            adapter.verify(connection, other.target, other.options)

    connect = adapter.aconnect if row.is_async else adapter.connect
    row.connected(lambda: connect(plan.options, plan.target, plan.seconds), check)
