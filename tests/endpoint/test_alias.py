"""Aliases: DNS proposes, the caller's pattern decides, and the endpoint's own name is what gets verified."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import pytest

import rds_tls
from rds_tls.endpoint import Kind
from rds_tls.endpoint.alias import follow, proposed
from tests.conftest import Pki
from tests.support.leaks import CANARY
from tests.support.local_rds import KeyType
from tests.support.local_rds.kinds import MYSQL_SERVERS, POSTGRES_SERVERS, Server
from tests.support.matrix import on_each_server

ALIAS = "db.corp.example"
ACCOUNT = "cluster-abc123def456.eu-west-1.rds.amazonaws.com"
WRITER = f"orders.{ACCOUNT}"
INSTANCE = "orders-1.abc123def456.eu-west-1.rds.amazonaws.com"
PUBLIC = "ec2-203-0-113-7.eu-west-1.compute.amazonaws.com"
ATTACKER = "orders.cluster-zzzzzzzzzzzz.eu-west-1.rds.amazonaws.com"
EXPECT = f"*.{ACCOUNT}"


@pytest.fixture
def dns(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let the system's resolver give a chain of CNAMEs for the alias, and 127.0.0.1 for every name."""
    resolve = socket.getaddrinfo

    def give(*chain: str, ipv4: bool = True) -> None:
        def canonical(host: str, port: Any, *args: Any, flags: int = 0, **options: Any) -> Any:  # noqa: ANN401 - as is
            found = resolve("127.0.0.1", port, *args, **options)
            name = chain[-1] if chain and host == ALIAS else host
            return [(*entry[:3], name if flags & socket.AI_CANONNAME else "", entry[4]) for entry in found]

        def by_name(host: str) -> tuple[str, list[str], list[str]]:
            if not ipv4:
                raise socket.gaierror(-5, "no address")
            return (chain[-1], [host, *chain[:-1]], ["127.0.0.1"]) if chain else (host, [], ["127.0.0.1"])

        monkeypatch.setattr(socket, "getaddrinfo", canonical)
        monkeypatch.setattr(socket, "gethostbyname_ex", by_name)

    return give


@pytest.mark.parametrize(
    ("chain", "expect", "endpoint"),
    [
        ([WRITER], EXPECT, WRITER),
        ([WRITER.upper() + "."], f" {EXPECT.upper()}. ", WRITER),
        ([WRITER], WRITER, WRITER),
        ([WRITER, INSTANCE, PUBLIC], EXPECT, WRITER),
        ([WRITER, INSTANCE, PUBLIC], INSTANCE, INSTANCE),
        (["other.corp.example", WRITER], EXPECT, WRITER),
    ],
)
def test_alias_is_followed_to_what_is_expected(
    dns: Callable[..., None], chain: list[str], expect: str, endpoint: str
) -> None:
    """Of the names in the chain the first one that the caller expects is the endpoint."""
    dns(*chain)
    assert follow(ALIAS, expect).host == endpoint
    assert follow(f"{ALIAS.upper()}.", expect).host == endpoint


@pytest.mark.parametrize(
    ("chain", "found"),
    [
        ([WRITER], (WRITER, EXPECT)),
        (["other.corp.example", WRITER, INSTANCE], (WRITER, EXPECT)),
        (["abc.dsql.eu-west-1.on.aws"], ("abc.dsql.eu-west-1.on.aws", "abc.dsql.eu-west-1.on.aws")),
        ([PUBLIC], None),
        ([], None),
    ],
)
def test_dns_proposes_a_pattern(dns: Callable[..., None], chain: list[str], found: tuple[str, str] | None) -> None:
    """What an alias leads to is told with the pattern that follows it there, and never with other customers' names."""
    dns(*chain)
    answer = proposed(ALIAS)
    assert (answer and (answer[0].host, answer[1])) == found
    if found:
        assert follow(ALIAS, found[1]).host == found[0]
    report = rds_tls.diagnose(ALIAS)
    assert report.cause is not None
    assert [fact for fact in report.cause.facts if f"expect={found and found[1]!r}" in fact] == list(
        report.cause.facts[1:]
    )
    assert bool(report.cause.facts) is bool(found)


def test_no_name_and_no_resolver_propose_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but a plain name is asked for, and nothing comes of a resolver that is down."""

    def unknown(*_: object, **__: object) -> object:
        raise socket.gaierror(socket.EAI_AGAIN, "later")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert proposed(ALIAS) is None
    assert proposed(f"app:{CANARY}@{ALIAS}") is None


def test_canonical_name_is_enough(dns: Callable[..., None]) -> None:
    """Where the older resolver call has no answer, the end of the chain decides."""
    dns(WRITER, ipv4=False)
    assert follow(ALIAS, EXPECT).host == WRITER


@pytest.mark.parametrize(
    "chain",
    [[ATTACKER], [PUBLIC], ["evil.example"], [f"{WRITER}.evil.example"], [f"a.b.{ACCOUNT}"], []],
    ids=["another account", "an address", "elsewhere", "look-alike", "two labels", "no alias"],
)
def test_anything_else_is_refused(dns: Callable[..., None], chain: list[str]) -> None:
    """An answer that the caller does not expect is refused, and the message names what DNS said."""
    dns(*chain)
    with pytest.raises(rds_tls.EndpointError) as caught:
        follow(ALIAS, EXPECT)
    said = ", ".join(map(repr, chain or [ALIAS]))
    assert caught.value.rule == f"it leads to {said}, and none of these matches expect={EXPECT!r}"


def test_pattern_for_instances_does_not_allow_a_cluster(dns: Callable[..., None]) -> None:
    """The star stands for one label and for nothing less or more."""
    dns(WRITER)
    with pytest.raises(rds_tls.EndpointError):
        follow(ALIAS, "*.abc123def456.eu-west-1.rds.amazonaws.com")


def test_long_chain_is_not_walked_to_its_end(dns: Callable[..., None]) -> None:
    """After eight names only the canonical one is looked at."""
    detours = [f"hop{number}.corp.example" for number in range(20)]
    dns(*detours, WRITER, PUBLIC)
    with pytest.raises(rds_tls.EndpointError, match=r"hop6\.corp\.example', 'ec2-"):
        follow(ALIAS, EXPECT)


@pytest.mark.parametrize(
    "expect",
    ["*", "*.com", "*.rds.amazonaws.com", "*.eu-west-1.rds.amazonaws.com", f"*{ACCOUNT}", f"*.*.{ACCOUNT}", "", "x", 7],
)
def test_pattern_must_name_an_account(expect: Any) -> None:  # noqa: ANN401 - bad types too
    """A pattern that would allow other accounts' endpoints, or none, is refused."""
    with pytest.raises(rds_tls.OptionError, match="is neither an RDS endpoint nor one with"):
        follow(ALIAS, expect)


# An endpoint of each kind, in each kind of place: H is what tells one account from another.
H = "abc123def456"
OF_EACH_KIND = {
    Kind.WRITER: [f"db.cluster-{H}.us-east-1.rds.amazonaws.com", f"d.cluster-{H}.eu-west-1.docdb.amazonaws.com"],
    Kind.READER: [f"db.cluster-ro-{H}.us-east-1.rds.amazonaws.com"],
    Kind.CUSTOM: [f"db.cluster-custom-{H}.us-east-1.rds.amazonaws.com"],
    Kind.INSTANCE: [
        f"db.{H}.us-east-1.rds.amazonaws.com",
        f"db.{H}.us-east-1.rds-fips.amazonaws.com",
        f"db.{H}.us-east-2.rds-preview.amazonaws.com",
        f"db.{H}.rds.cn-north-1.amazonaws.com.cn",
    ],
    Kind.PROXY: [f"px.proxy-{H}.us-east-1.rds.amazonaws.com"],
    Kind.PROXY_ENDPOINT: [f"px.endpoint.proxy-{H}.us-east-1.rds.amazonaws.com"],
    Kind.SHARD_GROUP: [f"db.shardgrp-{H}.us-east-1.rds.amazonaws.com"],
    Kind.GLOBAL_WRITER: [f"db.global-{H}.global.rds.amazonaws.com"],
    Kind.DSQL: ["abcdefghij.dsql.us-east-1.on.aws", "abcdefghij.dsql-fnh4.us-east-1.on.aws"],
}


@pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.name.lower())
def test_pattern_of_every_kind_names_an_account(kind: Kind) -> None:
    """What stands after the star has an account's hash, or the pattern is refused with the fix."""
    for host in OF_EACH_KIND[kind]:
        pattern = f"*.{host.partition('.')[2]}"
        assert rds_tls.parse_endpoint(host).kind is kind
        assert follow(host, host).host == host
        if H in pattern:
            assert follow(host, pattern).host == host
            with pytest.raises(rds_tls.EndpointError, match="none of these matches"):
                follow(host.replace(H, "zzzzzzzzzzzz"), pattern)
        else:
            with pytest.raises(rds_tls.OptionError, match=r"of every AWS customer.*: give the endpoint's whole name"):
                follow(host, pattern)


def test_every_dsql_cluster_of_a_region_is_never_expected() -> None:
    """Another customer's Aurora DSQL cluster, which DNS may name, has a name that only the whole of ours keeps out."""
    with pytest.raises(rds_tls.OptionError, match=r"expect='\*\.dsql\.us-east-1\.on\.aws' matches the dsql endpoints"):
        rds_tls.connect_postgres(
            "db.corp.example", user="admin", password=CANARY, expect="*.dsql.us-east-1.on.aws", via=("127.0.0.1", 1)
        )


def test_endpoint_itself_must_be_expected() -> None:
    """An endpoint needs no DNS, but it has to be the expected one."""
    assert follow(WRITER, EXPECT).host == WRITER
    with pytest.raises(rds_tls.EndpointError, match="none of these matches"):
        follow(ATTACKER, EXPECT)


def test_alias_without_expect_is_no_endpoint() -> None:
    """Without expect= no alias is ever followed."""
    with pytest.raises(rds_tls.EndpointError, match="or an alias - pass the endpoint that the alias stands for"):
        rds_tls.postgres_kwargs(ALIAS)


def test_kwargs_hold_the_endpoint(dns: Callable[..., None]) -> None:
    """What is dialled and verified is the endpoint, not the alias."""
    dns(WRITER)
    assert rds_tls.postgres_kwargs(ALIAS, expect=EXPECT)["host"] == WRITER
    assert rds_tls.mysql_kwargs(ALIAS, expect=EXPECT)["host"] == WRITER


CONNECTS = {name: name for name in ("psycopg", "psycopg-async", "pymysql")}


@on_each_server("connect", CONNECTS, lambda connect: MYSQL_SERVERS if connect == "pymysql" else POSTGRES_SERVERS)
def test_alias_connects_and_the_endpoint_is_verified(
    dns: Callable[..., None],
    server: Server,
    pkis: dict[KeyType, Pki],
    connect: str,
) -> None:
    """A real server with a certificate for the endpoint, not for the alias, passes; the attacker's does not."""
    pki = pkis[KeyType.ECC384]
    server.present(pki.authority.issue([WRITER]))

    def dial() -> None:
        login: dict[str, Any] = {
            "user": server.user,
            "password": server.password,
            "expect": EXPECT,
            "via": (server.host, server.port),
            "settings": pki.settings,
        }
        if connect == "psycopg":
            rds_tls.connect_postgres(ALIAS, dbname=server.database, **login).close()
        elif connect == "pymysql":
            rds_tls.connect_mysql(ALIAS, **login).close()
        else:
            asyncio.run(close(rds_tls.aconnect_postgres(ALIAS, dbname=server.database, **login)))

    dns(WRITER, INSTANCE)
    dial()
    dns(ATTACKER)
    with pytest.raises(rds_tls.EndpointError):
        dial()


async def close(connecting: Any) -> None:  # noqa: ANN401 - an awaitable connection
    """Connect and disconnect."""
    await (await connecting).close()


@pytest.mark.parametrize(
    "alias",
    [
        "app:pw@db.example",
        "https://db.example",
        "db.example:5432",
        "a b",
        "d\u00e9.example",
        "",
        b"db.example",
        "db..example",
        ".db.example",
        f"{'a' * 64}.example",
        f"{'a.' * 127}a",
        "db.example\n.example",
    ],
)
def test_only_a_plain_name_is_resolved(monkeypatch: pytest.MonkeyPatch, alias: Any) -> None:  # noqa: ANN401 - bad types too
    """Whatever else stands in the alias's place is neither asked of a resolver nor shown."""
    asked: list[object] = []
    for call in ("getaddrinfo", "gethostbyname_ex"):
        monkeypatch.setattr(socket, call, lambda *arguments, **_: asked.append(arguments))
    with pytest.raises(rds_tls.EndpointError, match="with expect= a host is a name alone") as caught:
        follow(alias, EXPECT)
    assert asked == []
    assert caught.value.host == "<not shown>"
