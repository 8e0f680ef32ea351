"""Whatever keeps botocore from finding credentials is an IamError: with the cause, and without a secret anywhere."""

import json
import logging
import pickle
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from botocore.credentials import SSOProvider
from botocore.exceptions import ClientError
from botocore.utils import ContainerMetadataFetcher, SSOTokenLoader

import rds_tls
from rds_tls.connect.aws import session
from tests.conftest import OFFLINE
from tests.support.leaks import CANARY, assert_clean, links, locals_of_ours
from tests.support.local_aws import ASSUMED, DENIED, LocalAws, Reply

HOST = "orders.cluster-abc123def456.eu-west-1.rds.amazonaws.com"
ROLE = "arn:aws:iam::123456789012:role/app"


class Account:
    """A user's AWS files and variables, and AWS itself on loopback."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, aws: LocalAws) -> None:
        self.folder = folder
        self.patch = patch
        self.aws = aws

    def set(self, **variables: str) -> None:
        """Set environment variables."""
        for name, value in variables.items():
            self.patch.setenv(name, value)

    def config(self, text: str) -> None:
        """Write ~/.aws/config: a profile that is used, and one with keys to start from."""
        self.write("config", f"[profile app]\n{text}\n")
        self.write("credentials", f"[base]\naws_access_key_id = AKIDBASE\naws_secret_access_key = {CANARY}\n")
        self.set(AWS_PROFILE="app")

    def write(self, name: str, content: str | bytes) -> Path:
        """Write a file of ~/.aws."""
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def process(self, printed: str | bytes, ending: str = "exit 0") -> None:
        """Let a program give the credentials: the shell, which prints a file and then does something else."""
        path = self.write("printed", printed)
        command = shlex.join(["sh", "-c", f'cat "$0"; {ending}', str(path)])
        self.config(f"credential_process = {command}")


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """A user with no credentials yet, whose every request goes to loopback and is made once."""
    session.cache_clear()
    folder = tmp_path / "aws"
    folder.mkdir()
    monkeypatch.setattr(ContainerMetadataFetcher, "SLEEP_TIME", 0)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with LocalAws() as aws:
        account = Account(folder, monkeypatch, aws)
        account.set(
            AWS_EC2_METADATA_DISABLED="true",
            AWS_CONFIG_FILE=str(folder / "config"),
            AWS_SHARED_CREDENTIALS_FILE=str(folder / "credentials"),
            AWS_ENDPOINT_URL=aws.url,
            AWS_DEFAULT_REGION="eu-west-1",
            AWS_MAX_ATTEMPTS="1",
        )
        yield account
    session.cache_clear()


def sign(user: str = "app") -> str:
    """Get a token."""
    return str(rds_tls.postgres_kwargs(HOST, user=user, iam=True, settings=OFFLINE)["password"])


def assume(account: Account, status: int, body: str = "") -> None:
    """Let STS answer to AssumeRole."""
    account.config(f"role_arn = {ROLE}\nsource_profile = base")
    account.aws.reply = Reply(status, body)


def denied(account: Account) -> None:
    """STS denies the role."""
    assume(account, 403, DENIED)


def truncated(account: Account) -> None:
    """STS's answer breaks off behind the keys."""
    assume(account, 200, ASSUMED.format(key="AKID", secret=CANARY, token=CANARY)[:-30])


def no_xml(account: Account) -> None:
    """Something else answers in STS's place."""
    assume(account, 200, f"<html>{CANARY}")


def overloaded(account: Account) -> None:
    """STS is in trouble."""
    assume(account, 503, f"<html>{CANARY}</html>")


def hung_up(account: Account) -> None:
    """STS hangs up."""
    assume(account, 0)


def unreachable(account: Account) -> None:
    """Nobody listens where STS should be."""
    assume(account, 0)
    account.set(AWS_ENDPOINT_URL="http://127.0.0.1:1")


def unreachable_with_a_login(account: Account) -> None:
    """Nobody listens where STS should be, at a URL with a password."""
    assume(account, 0)
    account.set(AWS_ENDPOINT_URL=f"http://user:{CANARY}@127.0.0.1:1")


def bad_proxy(account: Account) -> None:
    """The proxy's URL, with a password, cannot be read."""
    assume(account, 0)
    account.set(HTTPS_PROXY=f"http://user:{CANARY}@[", AWS_ENDPOINT_URL="https://127.0.0.1:1")


def refusing_proxy(account: Account) -> None:
    """Nobody listens where the proxy should be."""
    assume(account, 0)
    account.set(HTTPS_PROXY=f"http://user:{CANARY}@127.0.0.1:1", AWS_ENDPOINT_URL="https://127.0.0.1:1")


def proxy_with_a_strange_password(account: Account) -> None:
    """The proxy's password cannot be encoded."""
    assume(account, 0)
    account.set(HTTPS_PROXY=f"http://user:{CANARY}\u20ac@127.0.0.1:1", AWS_ENDPOINT_URL="https://127.0.0.1:1")


def short_role(account: Account) -> None:
    """The role's name is too short for STS's model."""
    account.config("role_arn = arn\nsource_profile = base")


def unknown_profile(account: Account) -> None:
    """The profile does not exist."""
    account.set(AWS_PROFILE="nobody")


def missing_source(account: Account) -> None:
    """The role's source profile does not exist."""
    account.config(f"role_arn = {ROLE}\nsource_profile = nobody")


def broken_file(account: Account) -> None:
    """A line of the credentials file is no setting."""
    account.write("credentials", f"[default]\naws_access_key_id = AKID\naws_secret_access_key {CANARY}\n")


def binary_file(account: Account) -> None:
    """The credentials file is not UTF-8."""
    account.write("credentials", f"[default]\naws_secret_access_key = {CANARY}\n".encode() + b"\xff\n")


def half_a_file(account: Account) -> None:
    """The credentials file has one key of two."""
    account.write("credentials", f"[default]\naws_access_key_id = {CANARY}\n")


def failing_process(account: Account) -> None:
    """The program that should give credentials fails."""
    account.process(CANARY, "echo expired login >&2; exit 1")


def process_without_json(account: Account) -> None:
    """What the program prints is no JSON."""
    account.process(CANARY)


def process_with_a_list(account: Account) -> None:
    """What the program prints is other JSON."""
    account.process(json.dumps([CANARY]))


def binary_process(account: Account) -> None:
    """What the program prints is not UTF-8."""
    account.process(CANARY.encode() + b"\xff")


def process_with_strange_time(account: Account) -> None:
    """Two of the program's answers are in each other's place."""
    keys = {"Version": 1, "AccessKeyId": "AKID", "SecretAccessKey": "2099-01-01T00:00:00Z", "Expiration": CANARY}
    account.process(json.dumps(keys))


def missing_process(account: Account) -> None:
    """The program does not exist."""
    account.config(f"credential_process = /nonexistent/tool --password {CANARY}")


def process_with_an_open_quote(account: Account) -> None:
    """The program's command line cannot be split."""
    account.config(f"credential_process = tool '{CANARY}")


def sso(account: Account, status: int, body: str = "", token: str | None = None) -> None:
    """Log in by SSO, with a cached token or none."""
    start = "https://127.0.0.1:1/start"
    account.config(f"sso_start_url = {start}\nsso_region = eu-west-1\nsso_account_id = 1\nsso_role_name = app")
    account.aws.reply = Reply(status, body)
    if token is not None:
        account.patch.setattr(SSOProvider, "_SSO_TOKEN_CACHE_DIR", str(account.folder))
        account.write(f"{SSOTokenLoader()._generate_cache_key(start, None)}.json", token)


SSO_TOKEN = f'{{"accessToken": "{CANARY}", "expiresAt": "2099-01-01T00:00:00Z"}}'


def no_sso_token(account: Account) -> None:
    """Nobody has logged in by SSO."""
    sso(account, 401)


def sso_denied(account: Account) -> None:
    """The SSO token is no good any more."""
    sso(account, 401, '{"__type": "UnauthorizedException", "message": "Session token not found or invalid"}', SSO_TOKEN)


def sso_hung_up(account: Account) -> None:
    """SSO hangs up on a request that has the token in it."""
    sso(account, 0, token=SSO_TOKEN)


def half_an_sso_token(account: Account) -> None:
    """The cached SSO token has no date."""
    sso(account, 200, token=f'{{"accessToken": "{CANARY}"}}')


def web_identity(account: Account) -> None:
    """STS denies a web identity's token."""
    assume(account, 403, DENIED)
    token = account.write("token", CANARY)
    account.set(AWS_WEB_IDENTITY_TOKEN_FILE=str(token), AWS_ROLE_ARN=ROLE)
    account.patch.delenv("AWS_PROFILE")


def missing_web_identity(account: Account) -> None:
    """A web identity's token is not where it should be."""
    account.set(AWS_WEB_IDENTITY_TOKEN_FILE=str(account.folder / "none"), AWS_ROLE_ARN=ROLE)


def container(account: Account, status: int, body: str) -> None:
    """Let a container's agent answer."""
    account.set(AWS_CONTAINER_CREDENTIALS_FULL_URI=f"{account.aws.url}/keys", AWS_CONTAINER_AUTHORIZATION_TOKEN=CANARY)
    account.aws.reply = Reply(status, body)


def broken_container(account: Account) -> None:
    """The agent's answer is no JSON."""
    container(account, 200, f'{{"AccessKeyId": "AKID", "SecretAccessKey": "{CANARY}"')


def half_a_container(account: Account) -> None:
    """The agent's answer lacks something."""
    container(account, 200, f'{{"AccessKeyId": "AKID", "Token": "{CANARY}"}}')


def strange_secret(account: Account) -> None:
    """The secret key has bytes that are no text."""
    account.set(AWS_ACCESS_KEY_ID="AKID", AWS_SECRET_ACCESS_KEY=f"{CANARY}\udcff")


def empty_secret(account: Account) -> None:
    """The secret key is empty, beside a session token."""
    keys = "aws_access_key_id = AKID\naws_secret_access_key =\naws_session_token = "
    account.write("credentials", f"[default]\n{keys}{CANARY}\n")


# What goes wrong, and the class of the cause, if there is one.
TROUBLES = {
    denied: "ClientError",
    truncated: "ResponseParserError",
    no_xml: "ResponseParserError",
    overloaded: "ClientError",
    hung_up: "ConnectionClosedError",
    unreachable: "EndpointConnectionError",
    unreachable_with_a_login: "EndpointConnectionError",
    bad_proxy: "HTTPClientError",
    refusing_proxy: "ProxyConnectionError",
    proxy_with_a_strange_password: "HTTPClientError",
    short_role: "ParamValidationError",
    unknown_profile: "ProfileNotFound",
    missing_source: "InvalidConfigError",
    broken_file: "ConfigParseError",
    binary_file: "ConfigParseError",
    half_a_file: "PartialCredentialsError",
    failing_process: "CredentialRetrievalError",
    process_without_json: "JSONDecodeError",
    process_with_a_list: "AttributeError",
    binary_process: "UnicodeDecodeError",
    process_with_strange_time: "ParserError",
    missing_process: "FileNotFoundError",
    process_with_an_open_quote: "ValueError",
    no_sso_token: "SSOTokenLoadError",
    sso_denied: "UnauthorizedSSOTokenError",
    sso_hung_up: "ConnectionClosedError",
    half_an_sso_token: "SSOTokenLoadError",
    web_identity: "ClientError",
    missing_web_identity: "FileNotFoundError",
    broken_container: "CredentialRetrievalError",
    half_a_container: "KeyError",
    strange_secret: "UnicodeEncodeError",
    empty_secret: "NoneType",
}


@pytest.mark.parametrize(("trouble", "cause"), TROUBLES.items(), ids=[trouble.__name__ for trouble in TROUBLES])
def test_every_trouble_with_credentials_is_an_iam_error(
    account: Account, trouble: Callable[[Account], None], cause: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The message names user, host and cause; the cause is kept; no text, local or log at DEBUG shows a secret."""
    caplog.set_level(logging.DEBUG)
    trouble(account)
    with pytest.raises(rds_tls.IamError) as caught:
        sign()
    error = caught.value
    assert cause in {kind.__name__ for kind in type(error.__cause__).mro()}
    assert_clean(error, caplog)
    assert [name for name, text in locals_of_ours(error).items() if CANARY in text] == []
    assert len(list(links(error))) == (1 if error.__cause__ is None else 2)
    if error.__cause__ is not None:
        assert str(error).startswith(f"no token can be signed for 'app' at {HOST}: ")
        assert type(error.__cause__).__name__ in str(error) or str(error.__cause__) in str(error)


def test_denied_role_keeps_what_aws_said(account: Account) -> None:
    """The cause is AWS's answer, with its code, its words and all that a program may want to look at."""
    denied(account)
    with pytest.raises(rds_tls.IamError, match="is not authorized to perform: sts:AssumeRole") as caught:
        sign()
    cause = caught.value.__cause__
    assert isinstance(cause, ClientError)
    assert cause.response["Error"]["Code"] == "AccessDenied"


def test_cause_can_be_sent_to_another_process(account: Account) -> None:
    """What is taken off a cause leaves it whole enough for a pickle."""
    bad_proxy(account)
    with pytest.raises(rds_tls.IamError) as caught:
        sign()
    twin = pickle.loads(pickle.dumps(caught.value.__cause__))  # noqa: S301 - our own
    assert str(twin).startswith("An HTTP Client raised an unhandled exception")


def test_user_that_is_no_text_is_an_iam_error(account: Account) -> None:
    """A user's name that cannot be encoded is no error of another kind."""
    account.set(AWS_ACCESS_KEY_ID="AKID", AWS_SECRET_ACCESS_KEY=CANARY)
    with pytest.raises(rds_tls.IamError, match="UnicodeEncodeError: 'utf-8' codec can't encode"):
        sign("app\udcff")


def test_assumed_role_signs_and_is_not_logged(account: Account, caplog: pytest.LogCaptureFixture) -> None:
    """The role's own credentials sign; the answer that brings them is in no log at DEBUG."""
    caplog.set_level(logging.DEBUG)
    assume(account, 200, ASSUMED.format(key="AKIDROLE", secret=CANARY, token=f"session-{CANARY}"))
    query = parse_qs(sign())
    assert query["X-Amz-Security-Token"] == [f"session-{CANARY}"]
    assert query["X-Amz-Credential"][0].startswith("AKIDROLE/")
    assert account.aws.asked == ["/"]
    assert CANARY not in caplog.text


@pytest.mark.parametrize("place", ["file", "environment"])
def test_empty_session_token_is_none(account: Account, place: str) -> None:
    """A credentials file, or a variable, that leaves the session token empty has none to sign along."""
    if place == "file":
        account.write(
            "credentials", "[default]\naws_access_key_id = AKID\naws_secret_access_key = x\naws_session_token =\n"
        )
    else:
        account.set(AWS_ACCESS_KEY_ID="AKID", AWS_SECRET_ACCESS_KEY=CANARY, AWS_SESSION_TOKEN="")
    query = parse_qs(sign(), keep_blank_values=True)
    assert "X-Amz-Security-Token" not in query
    assert query["X-Amz-Credential"][0].startswith("AKID/")
