"""IAM tokens: signed as AWS's own tool signs them, for the real endpoint, anew for each connection."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import botocore.session
import pytest

import rds_tls
from rds_tls.connect import iam
from rds_tls.connect.aws import session
from rds_tls.drivers import psycopg as psycopg_adapter
from rds_tls.drivers import pymysql as pymysql_adapter

WRITER = "orders.cluster-abc123def456.eu-west-1.rds.amazonaws.com"
PROXY = "px.proxy-abc123def456.eu-west-1.rds.amazonaws.com"
GLOBAL_WRITER = "g.global-abc123def456.global.rds.amazonaws.com"
DSQL = "abcdefghij.dsql.us-east-1.on.aws"

# Differ from one signature to the next.
FLEETING = {"X-Amz-Date", "X-Amz-Signature"}


@pytest.fixture(autouse=True)
def _fresh_session(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let each test find its own credentials, and no metadata service."""
    session.cache_clear()
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    yield
    session.cache_clear()


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials such as a task or a function has."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session")


def parts(token: str) -> tuple[str, dict[str, list[str]]]:
    """Split a token into its address and what is signed, without what changes from second to second."""
    url = urlsplit(f"https://{token}")
    query = parse_qs(url.query, strict_parsing=True)
    assert query.keys() >= FLEETING
    return url.netloc, {name: values for name, values in query.items() if name not in FLEETING}


def scope(token: str) -> list[str]:
    """Give the credential scope without its date: key, region, service, terminator."""
    key, _, *rest = parts(token)[1]["X-Amz-Credential"][0].split("/")
    return [key, *rest]


def client(service: str, region: str) -> Any:  # noqa: ANN401 - botocore has no types
    """Give AWS's own client, whose tokens are the measure."""
    return botocore.session.Session().create_client(service, region_name=region)


@pytest.mark.usefixtures("credentials")
@pytest.mark.parametrize("host", [WRITER, PROXY])
def test_token_is_what_aws_signs(host: str) -> None:
    """For a cluster and for a proxy alike the token is the one that botocore's own client gives."""
    token = rds_tls.postgres_kwargs(f"{host}:6000", user="app", iam=True)["password"]
    expected = client("rds", "eu-west-1").generate_db_auth_token(host, 6000, "app", "eu-west-1")
    assert parts(token) == parts(expected)
    assert scope(token) == ["AKIDEXAMPLE", "eu-west-1", "rds-db", "aws4_request"]
    assert parts(token)[1]["X-Amz-Expires"] == ["900"]


@pytest.mark.usefixtures("credentials")
@pytest.mark.parametrize(
    ("user", "method"), [("app", "generate_db_connect_auth_token"), ("admin", "generate_db_connect_admin_auth_token")]
)
def test_dsql_token_is_what_aws_signs(user: str, method: str) -> None:
    """Aurora DSQL has a service and two actions of its own."""
    token = rds_tls.postgres_kwargs(DSQL, user=user, iam=True)["password"]
    expected = getattr(client("dsql", "us-east-1"), method)(DSQL, "us-east-1")
    assert parts(token) == parts(expected)


@pytest.mark.usefixtures("credentials")
def test_token_is_for_the_endpoint_not_for_the_tunnel() -> None:
    """Through a tunnel the token still names the endpoint and its own port."""
    options = rds_tls.mysql_kwargs(WRITER, user="app", iam=True, via=("127.0.0.1", 13306))
    assert parts(options["password"])[0] == f"{WRITER}:3306"
    assert (options["host"], options["port"]) == ("127.0.0.1", 13306)


@pytest.mark.usefixtures("credentials")
def test_global_writer_is_asked_for_its_region() -> None:
    """A token needs a region, and the name has none."""
    token = rds_tls.postgres_kwargs(GLOBAL_WRITER, user="app", iam=True, region="eu-west-1")["password"]
    assert scope(token)[1] == "eu-west-1"
    with pytest.raises(rds_tls.OptionError, match="pass region="):
        rds_tls.postgres_kwargs(GLOBAL_WRITER, user="app", iam=True)


class Refused(Exception):  # noqa: N818 - a stand-in for a driver's error
    """The end of a test's connection."""


Connect = Callable[..., object]


def asynchronous(host: str, **options: Any) -> object:
    """Connect with the asyncio helper."""
    return asyncio.run(rds_tls.aconnect_postgres(host, **options))


CONNECTS: list[tuple[Connect, Any, str]] = [
    (rds_tls.connect_postgres, psycopg_adapter, "connect"),
    (asynchronous, psycopg_adapter, "aconnect"),
    (rds_tls.connect_mysql, pymysql_adapter, "connect"),
]


@pytest.fixture(params=CONNECTS, ids=["psycopg", "psycopg-async", "pymysql"])
def passwords(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[object]]:
    """Connect twice with some arguments, and give the passwords that the driver was handed."""
    connect, adapter, name = request.param
    seen: list[object] = []

    def driver(options: dict[str, Any], *_: object) -> object:
        seen.append(options.get("password"))
        raise Refused

    def twice(**options: Any) -> list[object]:
        monkeypatch.setattr(adapter, name, driver)
        for _ in range(2):
            with pytest.raises(Refused):
                connect(WRITER, user="app", **options)
        return seen

    return twice


@pytest.mark.usefixtures("credentials")
def test_each_connection_gets_a_token_of_its_own(
    passwords: Callable[..., list[object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A helper signs for every connection that it makes."""
    signed = []
    sign = iam.token

    def count(*args: Any) -> str:
        signed.append(sign(*args))
        return signed[-1]

    monkeypatch.setattr(iam, "token", count)
    assert passwords(iam=True) == signed
    assert len(signed) == 2


def test_password_function_is_called_for_each_connection(passwords: Callable[..., list[object]]) -> None:
    """A function in place of a password is asked anew each time."""
    answers = iter(["first", "second"])
    assert passwords(password=lambda: next(answers)) == ["first", "second"]


def test_password_function_must_give_text() -> None:
    """What is not a str is refused by its type, and its value is not shown."""
    with pytest.raises(rds_tls.OptionError, match="password= gives a bytes, not a str") as caught:
        rds_tls.postgres_kwargs(WRITER, user="app", password=lambda: b"s3cret")  # type: ignore[arg-type]
    assert "s3cret" not in str(caught.value)


@pytest.mark.usefixtures("credentials")
def test_contradictions_are_explained() -> None:
    """A token beside a password, or for nobody, is a mistake."""
    with pytest.raises(rds_tls.OptionError, match="leave password= out"):
        rds_tls.postgres_kwargs(WRITER, user="app", password="x", iam=True)  # noqa: S106 - a contradiction
    with pytest.raises(rds_tls.OptionError, match="pass user="):
        rds_tls.postgres_kwargs(WRITER, iam=True)


def test_missing_credentials_are_explained() -> None:
    """Without credentials the message says how to give some."""
    with pytest.raises(rds_tls.IamError, match="there are no AWS credentials to sign a token with: set AWS_PROFILE"):
        rds_tls.postgres_kwargs(WRITER, user="app", iam=True)


def test_unusable_credentials_are_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    """What botocore says of half a key is passed on."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    with pytest.raises(rds_tls.IamError, match=r"no token can be signed for 'app' at orders.*Partial credentials"):
        rds_tls.postgres_kwargs(WRITER, user="app", iam=True)


def test_missing_botocore_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is named."""
    monkeypatch.setitem(__import__("sys").modules, "botocore.session", None)
    with pytest.raises(rds_tls.DriverNotInstalledError, match=r"pip install 'rds-tls\[iam\]'"):
        rds_tls.postgres_kwargs(WRITER, user="app", iam=True)
