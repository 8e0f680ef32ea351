"""AWS Secrets Manager: user and password from the JSON that RDS keeps there, fetched once and kept for an hour.

Keys of the JSON: docs.aws.amazon.com/secretsmanager/latest/userguide/reference_secret_json_structure.html
"""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from rds_tls.connect.aws import ask, session
from rds_tls.endpoint import Endpoint, Trust, parse_endpoint
from rds_tls.endpoint.hosttext import MAX_PORT
from rds_tls.errors import EndpointError, OptionError, SecretError

if TYPE_CHECKING:
    from rds_tls.connect.request import Request

# How long a secret is kept, in seconds, as AWS's own caching clients keep it by default. A rotated one is fetched anew
# as soon as a server refuses the old one.
_KEPT = 3600.0

# How long one that was just fetched is believed, in seconds, also where a server refuses it: a wrong secret would
# otherwise be asked for with each connection of a pool.
_BELIEVED = 5.0

_MAX_KEPT = 64

# In seconds, for connecting and for each answer; botocore's own are a minute each, which AWS Lambda without a way to
# Secrets Manager would wait for, several times.
_CONNECT_TIMEOUT = 3
_READ_TIMEOUT = 10
_ATTEMPTS = 3


class Secret(NamedTuple):
    """What a secret says about a database; its repr shows no value."""

    user: str
    password: str
    host: str | None = None
    port: int | None = None
    database: str | None = None

    def __repr__(self) -> str:
        return "<Secret>"


class Login(NamedTuple):
    """What a plan logs in with, and where to look when a server refuses it.

    Attributes:
        name: the secret's name or ARN.
        region: the AWS region that it is in; None to leave it to botocore.
        secret: what was kept or fetched.
    """

    name: str
    region: str | None
    secret: Secret

    def renewed(self) -> Self | None:
        """Fetch the secret anew; None where it is still the same. This may wait for the network.

        Raises:
            SecretError: it cannot be fetched.
        """
        found = find(self.name, self.region, refused=self.secret)
        return None if found[:2] == self.secret[:2] else self._replace(secret=found)


# Each secret by its name and region, with the moment (``time.monotonic``) at which it was fetched.
_secrets: dict[tuple[str, str | None], tuple[Secret, float]] = {}
_lock = threading.Lock()
if hasattr(os, "register_at_fork"):  # a child whose parent was just fetching would wait for ever
    os.register_at_fork(after_in_child=_lock._at_fork_reinit)  # type: ignore[attr-defined]  # noqa: SLF001 - as logging does


def log_in(request: Request) -> tuple[Request, Login]:
    """Fill a request from the secret that it names.

    Args:
        request: what the caller asks for; its host is no URL.

    Returns:
        The request with the secret's user and password, and with its host, port and database where the call gives
        none: a reader's secret names the writer. An endpoint of a proxy has the engine's own port, whatever that of
        the database behind it is. And the login, by which to look again.

    Raises:
        OptionError: there is another login beside it.
        DriverNotInstalledError, SecretError: as for ``find``.
    """
    name = request.secret
    if not (isinstance(name, str) and name):
        raise OptionError("secret= is the name or the ARN of a secret, a str")
    if request.user is not None or request.password is not None or request.iam:
        raise OptionError("secret= brings user and password: leave user=, password= and iam= out, in a URL too")
    endpoint = _endpoint(request)
    region = request.region or (endpoint and endpoint.region)
    secret = find(name, region)
    has_port = request.port is not None or (endpoint is not None and endpoint.port is not None)
    is_fixed = endpoint is not None and endpoint.trust is Trust.AMAZON
    filled = request._replace(
        user=secret.user,
        password=secret.password,
        host=request.host or secret.host,
        port=request.port if has_port or is_fixed else secret.port,
        database=request.database or secret.database,
    )
    if filled.host is None:
        raise SecretError(f"the secret {name!r} has no 'host': pass the endpoint")
    return filled, Login(name, region, secret)


def _endpoint(request: Request) -> Endpoint | None:
    """Find the endpoint that the call names; None for an alias, or where it names none."""
    if request.host is None:
        return None
    try:
        return parse_endpoint(request.host)
    except EndpointError:
        return None  # whoever resolves the destination says so


def find(name: str, region: str | None, *, refused: Secret | None = None) -> Secret:
    """Give a secret as it is kept, or fetch it from AWS Secrets Manager; this may wait for the network.

    Args:
        name: the secret's name or ARN.
        region: the AWS region that it is in; an ARN says its own, and None leaves it to botocore's configuration.
        refused: what a server has just refused, so that it is fetched anew.

    Returns:
        The secret.

    Raises:
        DriverNotInstalledError: botocore is not installed.
        SecretError: it cannot be fetched, or is not what RDS writes; the cause is botocore's error.
    """
    key = (name, _region_in(name) or region)
    with _lock:  # one fetch for all who wait
        secret, fetched_at = _secrets.get(key, (None, 0.0))
        age = time.monotonic() - fetched_at
        if secret is not None and age < (_KEPT if secret != refused else _BELIEVED):
            return secret
        failure = f"the secret {name!r} cannot be fetched from AWS Secrets Manager"
        fetched = _read(name, ask(lambda: _fetched(*key), failure, SecretError))  # in no local: a traceback may show it
        if len(_secrets) >= _MAX_KEPT:
            _secrets.clear()
        _secrets[key] = fetched, time.monotonic()
        return fetched


def _region_in(name: str) -> str | None:
    """Give the region of an ARN (arn:partition:secretsmanager:region:account:secret:name)."""
    parts = name.split(":")
    return parts[3] if parts[0] == "arn" and len(parts) > len(["arn", "partition", "service"]) else None


def _fetched(name: str, region: str | None) -> str | None:
    """Ask for the current version of a secret; None where it is binary."""
    from botocore.config import Config

    config = Config(
        connect_timeout=_CONNECT_TIMEOUT, read_timeout=_READ_TIMEOUT, retries={"total_max_attempts": _ATTEMPTS}
    )
    client = session().create_client("secretsmanager", region_name=region, config=config)
    try:
        answer: dict[str, Any] = client.get_secret_value(SecretId=name)
    finally:
        client.close()
    return answer.get("SecretString")


def _read(name: str, text: str | None) -> Secret:
    """Read what RDS writes: user and password, and where a person or a template added it, where to connect."""
    found = _parsed(text)
    user, password = found.get("username"), found.get("password")
    if not (isinstance(user, str) and user and isinstance(password, str) and password):
        del found, user, password, text  # a traceback may show locals
        raise SecretError(
            f"the secret {name!r} is not what RDS keeps there: store JSON with texts for 'username' and 'password'"
        )
    return Secret(user, password, _text(found.get("host")), _port(found.get("port")), _text(found.get("dbname")))


def _parsed(text: str | None) -> dict[str, Any]:
    import json

    try:
        found = json.loads(text or "")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _port(value: object) -> int | None:
    """Read a port, which some templates write as a text."""
    text = str(value)
    return int(text) if text.isdecimal() and len(text) <= len(str(MAX_PORT)) and 0 < int(text) <= MAX_PORT else None
