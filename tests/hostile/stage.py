"""What the scripts are given to play with: a certificate to present, and a real server to relay to."""

import ssl
import tempfile
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from tests.support.local_rds import Authority, Credentials

HOST = "orders.cluster-abc123def456.eu-west-1.rds.amazonaws.com"
OTHER = "other.cluster-abc123def456.eu-west-1.rds.amazonaws.com"

# What an injected error says: a client that repeats it has processed bytes that nobody vouched for.
INJECTED = b"injected by a man in the middle"

# MySQL's challenge to the client: fixed, so that every scramble of a known secret is known too.
SALT = b"pepper-and-more-salt"


class Stage(NamedTuple):
    """Where one script plays.

    Attributes:
        context: the hostile server's own TLS settings and certificate.
        upstream: the address of the real server, for a man in the middle.
    """

    context: ssl.SSLContext
    upstream: tuple[str, int]


# For a script that ends before TLS, and relays nothing.
EMPTY_STAGE = Stage(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ("", 0))


class Authorities(NamedTuple):
    """The certificate authority that the client trusts, and one of another region that it must not."""

    trusted: Authority
    sibling: Authority


class Certificate(NamedTuple):
    """What a TLS server presents, and whether it speaks TLS 1.1 and nothing newer."""

    issue: Callable[[Authorities], Credentials]
    only_tls_1_1: bool = False


def _days(count: int) -> datetime:
    return datetime.now(UTC) + timedelta(days=count)


GOOD = Certificate(lambda by: by.trusted.issue([HOST]))
WRONG_NAME = Certificate(lambda by: by.trusted.issue([OTHER]))
SIBLING_REGION = Certificate(lambda by: by.sibling.issue([HOST]))
EXPIRED = Certificate(lambda by: by.trusted.issue([HOST], not_before=_days(-30), not_after=_days(-1)))
NOT_YET_VALID = Certificate(lambda by: by.trusted.issue([HOST], not_before=_days(1), not_after=_days(30)))
SELF_SIGNED = Certificate(lambda by: by.trusted.self_signed([HOST]))
NO_INTERMEDIATE = Certificate(lambda by: by.trusted.issue([HOST], with_intermediate=False))
NO_SAN = Certificate(lambda by: by.trusted.issue([HOST], with_san=False))
OLD_TLS = Certificate(lambda by: by.trusted.issue([HOST]), only_tls_1_1=True)


def server_context(certificate: Certificate, authorities: Authorities) -> ssl.SSLContext:
    """Make the TLS settings of a hostile server."""
    credentials = certificate.issue(authorities)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:  # ssl loads a private key from files alone
        path = Path(folder, "server.pem")
        path.write_bytes(credentials.chain_pem + credentials.key_pem)
        context.load_cert_chain(path)
    if certificate.only_tls_1_1:
        context.set_ciphers("ALL:@SECLEVEL=0")  # OpenSSL speaks TLS 1.1 at security level 0 alone
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # that TLS 1.1 is old is the point
            context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context
