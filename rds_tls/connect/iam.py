"""IAM login: a token in place of a password, signed for one endpoint, port and user, and good for 15 minutes.

The database checks the token when it lets the user in, so a connection may live on after it has expired. It travels as
clear text inside TLS: whoever reads it can log in with it.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from rds_tls.endpoint import Endpoint, Kind
from rds_tls.errors import IamError
from rds_tls.extras import require

if TYPE_CHECKING:
    from collections.abc import Iterator
    from logging import Logger, LogRecord

_EXTRA = "iam"

# How long a token is good for, in seconds: docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.html
_LIFETIME = 900

# The user whom Aurora DSQL lets in by another action than all the others:
# docs.aws.amazon.com/aurora-dsql/latest/userguide/SECTION_authentication-token.html
_DSQL_ADMIN = "admin"


def token(endpoint: Endpoint, port: int, user: str, region: str) -> str:
    """Sign a token, with the credentials that botocore's usual chain finds.

    Args:
        endpoint: the real endpoint; a token for an alias or an address is no good. A proxy's is signed for the proxy.
        port: the endpoint's TCP port, never a tunnel's.
        user: the database user.
        region: the AWS region that the endpoint is in.

    Returns:
        The token: a secret, to be used as the password of one new connection.

    Raises:
        DriverNotInstalledError: botocore is not installed.
        IamError: there are no AWS credentials, or they cannot be used; the cause is botocore's error.
    """
    require("botocore.session", _EXTRA)
    try:
        with _unlogged():
            return _signed(endpoint, port, user, region)
    except IamError:
        raise
    except Exception as error:  # noqa: BLE001 - botocore raises what it meets: of HTTP, JSON, ini files, processes
        cause = _without_secrets(error)
    # Raised where nothing hangs below it but the cause.
    raise IamError(f"no token can be signed for {user!r} at {endpoint.host}: {_words(cause)}") from cause


def _signed(endpoint: Endpoint, port: int, user: str, region: str) -> str:
    from botocore.awsrequest import prepare_request_dict

    if endpoint.kind is Kind.DSQL:
        action, service, address = ("DbConnectAdmin" if user == _DSQL_ADMIN else "DbConnect"), "dsql", endpoint.host
        body = {"Action": action}
    else:
        action, service, address = "connect", "rds-db", f"{endpoint.host}:{port}"
        body = {"Action": action, "DBUser": user}
    # The request that botocore's own generate_db_auth_token signs; a client for it would cost 100 ms.
    request = {"url_path": "/", "query_string": "", "headers": {}, "body": body, "method": "GET"}
    prepare_request_dict(request, f"https://{address}")
    signed = _signer(service, region).generate_presigned_url(request, action, _LIFETIME, region, service)
    return str(signed).removeprefix("https://")


def _signer(service: str, region: str) -> Any:  # noqa: ANN401 - botocore has no types
    from botocore.model import ServiceId
    from botocore.signers import RequestSigner

    session = _session()
    credentials = _credentials(session)
    if credentials is None:
        raise IamError(
            "there are no AWS credentials to sign a token with: set AWS_PROFILE or AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, or give the task, instance or function a role"
        )
    emitter = session.get_component("event_emitter")
    return RequestSigner(ServiceId(service), region, service, "v4", credentials, emitter)


def _credentials(session: Any) -> Any:  # noqa: ANN401 - botocore has no types
    """Give the credentials of this moment, fetched or renewed where need be; None where there are none."""
    from botocore.credentials import Credentials

    found = session.get_credentials()
    frozen = found and found.get_frozen_credentials()
    if not (frozen and frozen.access_key and frozen.secret_key):
        return None
    # botocore takes "aws_session_token =" for a token, signs it along, and AWS refuses what comes of it.
    return Credentials(frozen.access_key, frozen.secret_key, frozen.token or None)


def _without_secrets(error: Exception) -> Exception:
    """Leave an error its own words, and take off what it quotes: a file or an answer with keys, a request, a login."""
    from json import JSONDecodeError

    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

    error.__cause__ = error.__context__ = None
    if isinstance(error, HTTPClientError):
        error.request = error.response = None
    if isinstance(error, BotoCoreError):
        error.kwargs = {name: _plain(value) for name, value in error.kwargs.items()}
        error.args = tuple(map(_plain, error.args))
    elif isinstance(error, JSONDecodeError):
        error.doc = ""
    elif isinstance(error, UnicodeDecodeError | UnicodeEncodeError):
        error.object = error.object[:0]
        error.args = (error.encoding, error.object, error.start, error.end, error.reason)
    elif not isinstance(error, ClientError | OSError):
        error.args = ()  # an XML parser's words, for one, are the whole answer
    return error


def _plain(value: object) -> str:
    """Give a text without the logins of the URLs in it, and of an error inside another one its kind alone."""
    import re  # only a refusal needs it

    return type(value).__name__ if isinstance(value, Exception) else re.sub(r"://\S*@", "://", str(value))


def _words(error: Exception) -> str:
    from botocore.exceptions import BotoCoreError, ClientError

    if isinstance(error, BotoCoreError | ClientError):
        return str(error)
    return f"{type(error).__name__}: {error}".removesuffix(": ")


_signing = threading.local()


def _may_log(record: LogRecord) -> bool:
    if not getattr(_signing, "now", False):
        return True
    record.exc_info = None  # a traceback quotes the answer that could not be read
    return record.levelname != "DEBUG"


@cache
def _loggers() -> list[Logger]:
    """Give the logger of each module of botocore, imported or not: a logger's filter holds for none below it."""
    import logging
    from pkgutil import iter_modules

    import botocore.retries

    packages = (botocore, botocore.retries)
    modules = [module for package in packages for module in iter_modules(package.__path__, f"{package.__name__}.")]
    return [logging.getLogger(module.name) for module in modules]


@contextmanager
def _unlogged() -> Iterator[None]:
    """Keep a token, and the credentials that sign it, out of logs while this thread signs.

    At DEBUG botocore writes down what a token is made of, its signature too, and answers that bring credentials.
    """
    for logger in _loggers():
        logger.addFilter(_may_log)  # once, however often this is called
    _signing.now = True
    try:
        yield
    finally:
        _signing.now = False


@cache
def _session() -> Any:  # noqa: ANN401 - botocore has no types
    """Keep one session: it asks for credentials once, over the network perhaps, and renews them by itself."""
    from botocore.session import Session

    return Session()
