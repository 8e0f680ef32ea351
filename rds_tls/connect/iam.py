"""IAM login: a token in place of a password, signed for one endpoint, port and user, and good for 15 minutes.

The database checks the token when it lets the user in, so a connection may live on after it has expired. It travels as
clear text inside TLS: whoever reads it can log in with it.
"""

from __future__ import annotations

from typing import Any

from rds_tls.connect.aws import ask, session
from rds_tls.endpoint import Endpoint, Kind
from rds_tls.errors import IamError

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
    return ask(
        lambda: _signed(endpoint, port, user, region),
        f"no token can be signed for {user!r} at {endpoint.host}",
        IamError,
    )


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

    credentials = _credentials()
    if credentials is None:
        raise IamError(
            "there are no AWS credentials to sign a token with: set AWS_PROFILE or AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, or give the task, instance or function a role"
        )
    emitter = session().get_component("event_emitter")
    return RequestSigner(ServiceId(service), region, service, "v4", credentials, emitter)


def _credentials() -> Any:  # noqa: ANN401 - as above
    """Give the credentials of this moment, fetched or renewed where need be; None where there are none."""
    from botocore.credentials import Credentials

    found = session().get_credentials()
    frozen = found and found.get_frozen_credentials()
    if not (frozen and frozen.access_key and frozen.secret_key):
        return None
    # botocore takes "aws_session_token =" for a token, signs it along, and AWS refuses what comes of it.
    return Credentials(frozen.access_key, frozen.secret_key, frozen.token or None)
