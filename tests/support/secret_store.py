"""AWS Secrets Manager on loopback."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from rds_tls.connect import secret as secrets_manager
from rds_tls.connect.aws import session
from tests.support.local_aws import LocalAws, Reply

NAME = "prod/orders"


class SecretStore:
    """Secrets Manager, as a test has it."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws = aws

    def keep(self, value: object) -> None:
        """Let every secret have this value from now on."""
        text = value if isinstance(value, str) else json.dumps(value)
        self.aws.reply = Reply(200, json.dumps({"Name": NAME, "SecretString": text}))

    @property
    def fetched(self) -> int:
        """How often a secret was asked for."""
        return len(self.aws.asked)


@contextmanager
def secret_store(monkeypatch: pytest.MonkeyPatch) -> Iterator[SecretStore]:
    """Give an account whose requests go to loopback, each made once, and which nothing was fetched for."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    session.cache_clear()
    secrets_manager._secrets.clear()
    with LocalAws() as aws:
        variables = {
            "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": aws.url,
        }
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(secrets_manager, "_ATTEMPTS", 1)
        yield SecretStore(aws)
    session.cache_clear()
    secrets_manager._secrets.clear()
