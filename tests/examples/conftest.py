"""What the tests of examples share: the fastest keys, and the stand-ins for AWS that single examples ask."""

import json
from collections.abc import Iterator
from secrets import token_hex
from typing import Any

import psycopg
import pytest

from tests.conftest import Pki
from tests.examples.table import TOKEN_USER
from tests.examples.token_door import TokenDoor
from tests.support.django_site import HOST
from tests.support.local_aws import LocalAws, Reply
from tests.support.local_rds import KeyType, PostgresServer

KEY_ID = "AKIDEXAMPLE"


@pytest.fixture
def pki(pkis: dict[KeyType, Pki]) -> Pki:
    """The PKI with the fastest keys."""
    return pkis[KeyType.ECC384]


@pytest.fixture(scope="session")
def tokens(postgres: PostgresServer) -> Iterator[list[str]]:
    """Let one user log in to PostgreSQL by tokens alone, signed for the endpoint; give those that were shown."""
    shown: list[str] = []

    def is_good(user: str, token: str) -> bool:
        shown.append(token)
        return token.startswith(f"{HOST}:{postgres.port}/?Action=connect&DBUser={user}&") and KEY_ID in token

    login: dict[str, Any] = {"user": postgres.user, "password": postgres.password, "dbname": postgres.database}
    with (
        TokenDoor(is_good) as door,
        psycopg.connect(host=postgres.host, port=postgres.port, autocommit=True, **login) as connection,
    ):
        connection.execute(f"CREATE ROLE {TOKEN_USER} LOGIN")
        directory = f'ldapserver=127.0.0.1 ldapport={door.port} ldapprefix=""'
        postgres.log_in_by(f"hostssl all {TOKEN_USER} 127.0.0.1/32 ldap {directory}")
        if connection.execute("SELECT FROM pg_hba_file_rules WHERE error IS NOT NULL").fetchone():
            pytest.skip("this PostgreSQL is built without LDAP, by which it lets a token in")
        yield shown


@pytest.fixture
def aws() -> Iterator[LocalAws]:
    """AWS Secrets Manager, as far as an example asks it."""
    with LocalAws() as account:
        yield account


@pytest.fixture
def environ(aws: LocalAws, postgres: PostgresServer) -> dict[str, str]:
    """What every example finds about AWS; its secret has the password of PostgreSQL's user."""
    aws.reply = Reply(200, json.dumps({"SecretString": json.dumps({"password": postgres.password})}))
    return {
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": token_hex(),
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": aws.url,
        "NO_PROXY": "127.0.0.1",
    }
