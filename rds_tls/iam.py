"""IAM login: a token in place of a password, signed for one endpoint, port and user, and good for 15 minutes.

The database checks the token when it lets the user in, so a connection may live on after it has expired. It travels as
clear text inside TLS: whoever reads it can log in with it.
"""

import threading
from contextlib import contextmanager
from functools import cache

from rds_tls.endpoint import Endpoint, Kind
from rds_tls.errors import IamError
from rds_tls.extras import require

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

EXTRA = "iam"

# How long a token is good for, in seconds: docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.html
LIFETIME = 900

# The user whom Aurora DSQL lets in by another action than all the others:
# docs.aws.amazon.com/aurora-dsql/latest/userguide/SECTION_authentication-token.html
DSQL_ADMIN = "admin"


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
        IamError: there are no AWS credentials, or they cannot be used.
    """
    require("botocore.session", EXTRA)
    from botocore.awsrequest import prepare_request_dict
    from botocore.exceptions import BotoCoreError

    try:
        if endpoint.kind is Kind.DSQL:
            action, service, address = ("DbConnectAdmin" if user == DSQL_ADMIN else "DbConnect"), "dsql", endpoint.host
            body = {"Action": action}
        else:
            action, service, address = "connect", "rds-db", f"{endpoint.host}:{port}"
            body = {"Action": action, "DBUser": user}
        # The request that botocore's own generate_db_auth_token signs; a client for it would cost 100 ms.
        request = {"url_path": "/", "query_string": "", "headers": {}, "body": body, "method": "GET"}
        prepare_request_dict(request, f"https://{address}")
        signer = _signer(service, region)
        with _unlogged():
            signed = signer.generate_presigned_url(request, action, LIFETIME, region, service)
    except BotoCoreError as error:
        raise IamError(f"no token can be signed for {user!r} at {endpoint.host}: {error}") from error
    return str(signed).removeprefix("https://")


def _signer(service: str, region: str) -> "Any":  # noqa: ANN401 - botocore has no types
    from botocore.model import ServiceId
    from botocore.signers import RequestSigner

    session = _session()
    credentials = session.get_credentials()
    if credentials is None:
        raise IamError(
            "there are no AWS credentials to sign a token with: set AWS_PROFILE or AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, or give the task, instance or function a role"
        )
    emitter = session.get_component("event_emitter")
    return RequestSigner(ServiceId(service), region, service, "v4", credentials, emitter)


_signing = threading.local()


def _is_not_signing(_record: object) -> bool:
    return not getattr(_signing, "now", False)


@contextmanager
def _unlogged() -> "Iterator[None]":
    """Keep a token out of logs: at DEBUG botocore.auth writes down all that a token is made of, its signature too."""
    import logging

    logging.getLogger("botocore.auth").addFilter(_is_not_signing)  # once, however often this is called
    _signing.now = True
    try:
        yield
    finally:
        _signing.now = False


@cache
def _session() -> "Any":  # noqa: ANN401 - botocore has no types
    """Keep one session: it asks for credentials once, over the network perhaps, and renews them by itself."""
    from botocore.session import Session

    return Session()
