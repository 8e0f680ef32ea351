"""What is made for psycopg2, asyncpg or pg8000, given to every other driver: none hands over a login by it."""

from importlib import import_module
from typing import Any

import pytest

import rds_tls
from tests.conftest import SIBLING, Pki
from tests.hostile import mysql, postgres
from tests.hostile.evidence import PASSWORD, USER, Protocol, bytes_leaked, secrets_read
from tests.hostile.others import OTHERS, is_missing
from tests.hostile.stage import EMPTY_STAGE, HOST, SIBLING_REGION, Authorities, Stage, server_context
from tests.hostile.wire import Script, listening
from tests.support.local_rds import Authority, KeyType

MADE_FOR = ("psycopg2", "asyncpg", "pg8000")


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("made_for", MADE_FOR)
def test_no_login_is_handed_over(
    pkis: dict[KeyType, Pki],
    made_for: Any,  # noqa: ANN401 - a Literal
    other: str,
) -> None:
    """A server that hides TLS, and one under another root, read nothing, whether the driver refuses or verifies."""
    if is_missing(other):
        pytest.skip(f"{other} is not installed, or cannot be built here")
    pki, driver = pkis[KeyType.ECC384], OTHERS[other]
    foreign = Authority(SIBLING, KeyType.ECC384)
    stage = Stage(server_context(SIBLING_REGION, Authorities(foreign, foreign)), ("", 0))
    plays = {
        Protocol.POSTGRESQL: (postgres.play(postgres.refuse), postgres.play(postgres.accept)),
        Protocol.MYSQL: (mysql.hide_tls(mysql.clear_password), mysql.accept),
    }[driver.protocol]
    scripts: list[Script] = [
        lambda wire: plays[0](wire, EMPTY_STAGE),
        lambda wire: plays[1](wire, stage),
    ]
    for script in scripts:
        with listening(script) as peer:
            arguments = rds_tls.postgres_kwargs(
                HOST,
                made_for,
                user=USER,
                password=PASSWORD,
                via=peer.address,
                settings=pki.settings,
            )
            with pytest.raises(Exception, match=r".") as caught:
                driver.connect(import_module(driver.module), arguments)
            assert not isinstance(caught.value, AssertionError)
        read = [
            (bytes_leaked(wire, driver.protocol), secrets_read(wire, {"password": PASSWORD})) for wire in peer.wires
        ]
        assert read == [(0, frozenset())] * len(read)
