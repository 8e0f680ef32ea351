"""What went wrong between a driver and a server, in words: the cause and the fix.

Drivers wrap OpenSSL's reason in an error of their own, so its text is what they have in common. A text that no
row knows gets no diagnosis: a wrong explanation is worse than none.
"""

from enum import Enum
from typing import NamedTuple


class Cause(Enum):
    """Why a verified connection was refused."""

    UNKNOWN_ROOT = "unknown root"
    SELF_SIGNED = "self-signed certificate"
    NAME_MISMATCH = "name mismatch"
    EXPIRED = "expired certificate"
    NOT_YET_VALID = "certificate not valid yet"
    MALFORMED = "certificate against RFC 5280"
    UNVERIFIED = "certificate not verified"
    NO_TLS = "no TLS"
    INJECTED = "bytes before TLS"
    OLD_TLS = "TLS older than 1.2"
    CA_FILE = "unreadable CA file"


class Diagnosis(NamedTuple):
    """One cause, what it means and what to do.

    Attributes:
        cause: the kind of failure.
        meaning: what the server or the client did, as a template over ``host`` and ``anchors``.
        fix: what to do about it, as a template over the same names.
    """

    cause: Cause
    meaning: str
    fix: str

    def note(self, host: str, anchors: str) -> str:
        """Fill the templates.

        Args:
            host: the name that was to be verified.
            anchors: which trust anchors were used, and from where.

        Returns:
            Two lines for ``BaseException.add_note``.
        """
        names = {"host": host, "anchors": anchors}
        return f"rds_tls: {self.meaning.format(**names)}\nrds_tls: fix: {self.fix.format(**names)}"


_UNKNOWN_ROOT = Diagnosis(
    Cause.UNKNOWN_ROOT,
    "the chain that the server at {host} sent does not end in any of the trust anchors: {anchors}",
    "check that the host is the one you mean and that a tunnel leads to its region; a server that does not send "
    "its intermediate certificate, or one behind a TLS proxy with a CA of its own, looks the same",
)
_SELF_SIGNED = Diagnosis(
    Cause.SELF_SIGNED,
    "the server that answers for {host} has a self-signed certificate, which no RDS server has",
    "check where the host name or the tunnel leads: a local or self-hosted database answers there; for one of "
    "your own, name its root CA with RDS_TLS_CA_BUNDLE or Settings(ca_file=...)",
)
_NAME_MISMATCH = Diagnosis(
    Cause.NAME_MISMATCH,
    "the server's certificate is not for {host}: another database answers, or the name is not among its SANs",
    "check where the host name or the tunnel leads; a new custom endpoint gets its SAN when the instance "
    "restarts; an endpoint of an RDS Proxy is verified by the proxy's default endpoint: pass that as host and "
    "dial this one with via=",
)
_EXPIRED = Diagnosis(
    Cause.EXPIRED,
    "a certificate in the chain of {host} has expired, or this machine's clock is ahead",
    "compare this machine's clock with UTC; otherwise rotate the server's certificate (RDS console: "
    "'Certificate authority', or a restart of the instance)",
)
_NOT_YET_VALID = Diagnosis(
    Cause.NOT_YET_VALID,
    "a certificate in the chain of {host} is not valid yet, or this machine's clock is behind",
    "compare this machine's clock with UTC: virtual machines and containers that were suspended run late",
)
_MALFORMED = Diagnosis(
    Cause.MALFORMED,
    "a certificate in the chain of {host} breaks a rule of RFC 5280, which RDS certificates keep",
    "check where the host name or the tunnel leads; for a server of your own, issue a certificate with SAN, "
    "subject and authority key identifiers, by a CA with critical basicConstraints and keyUsage",
)
_UNVERIFIED = Diagnosis(
    Cause.UNVERIFIED,
    "the certificate of {host} did not verify against the trust anchors: {anchors}",
    "read the reason in the driver's message; check where the host name or the tunnel leads",
)
_NO_TLS = Diagnosis(
    Cause.NO_TLS,
    "the server that answers for {host} offers no TLS, so nothing was sent to it",
    "every RDS server offers TLS: check where the host name or the tunnel leads (a pooler or proxy that ends TLS "
    "must be given a certificate); a server of your own needs ssl=on (PostgreSQL) or ssl_cert and ssl_key (MySQL)",
)
_INJECTED = Diagnosis(
    Cause.INJECTED,
    "what came from {host} before or in place of TLS is none: somebody speaks out of turn, as a man in the middle does",
    "find out who is on the way: a tunnel, a proxy, the network; no RDS server does this, and nothing was sent",
)
_OLD_TLS = Diagnosis(
    Cause.OLD_TLS,
    "the server that answers for {host} speaks no TLS 1.2 or later",
    "every supported Aurora version speaks TLS 1.2: upgrade the engine, and remove a tls_version or "
    "ssl_max_protocol_version below 1.2 from its parameter group",
)
_CA_FILE = Diagnosis(
    Cause.CA_FILE,
    "the driver cannot load the trust anchors: {anchors}",
    "name a readable PEM file of root CA certificates, each of them whole",
)

# What the text of a driver's error holds -> the diagnosis. The first row that matches wins, so a reason comes
# before the "certificate verify failed" that surrounds it. Sources: OpenSSL crypto/x509/x509_txt.c and
# ssl/ssl_err.c; CPython Modules/_ssl.c; libpq fe-secure-openssl.c, fe-secure-common.c, fe-connect.c; PyMySQL
# connections.py; MariaDB Connector/C ma_tls.c (3.3 and 3.4) and my_auth.c; drivers/pymysql.py, drivers/mysqlclient.py,
# drivers/_mysql_asyncio.py. Compared in lower case: OpenSSL 1.1 and 3 differ in capitals and hyphens.
_TEXTS = (
    ("does not match host name", _NAME_MISMATCH),
    ("hostname mismatch", _NAME_MISMATCH),
    ("host name mismatch", _NAME_MISMATCH),
    ("certificate has expired", _EXPIRED),
    ("certificate is not yet valid", _NOT_YET_VALID),
    ("self-signed certificate in certificate chain", _UNKNOWN_ROOT),
    ("self signed certificate in certificate chain", _UNKNOWN_ROOT),
    ("self-signed certificate", _SELF_SIGNED),
    ("self signed certificate", _SELF_SIGNED),
    ("unable to get local issuer certificate", _UNKNOWN_ROOT),
    ("unable to get issuer certificate", _UNKNOWN_ROOT),
    ("unable to verify the first certificate", _UNKNOWN_ROOT),
    ("certificate signature failure", _UNKNOWN_ROOT),
    ("could not read root certificate file", _CA_FILE),
    ("root certificate file", _CA_FILE),
    ("key identifier", _MALFORMED),
    ("basic constraints", _MALFORMED),
    ("key usage", _MALFORMED),
    ("invalid ca certificate", _MALFORMED),
    ("certificate verify failed", _UNVERIFIED),
    ("server does not support ssl", _NO_TLS),
    ("server doesn't support it", _NO_TLS),
    ("unencrypted data after ssl", _INJECTED),
    ("unencrypted data after its greeting", _INJECTED),
    ("wrong version number", _INJECTED),
    ("record layer failure", _INJECTED),
    ("unsupported protocol", _OLD_TLS),
    ("no protocols available", _OLD_TLS),
    ("alert protocol version", _OLD_TLS),
    ("wrong ssl version", _OLD_TLS),
    ("validation of ssl server certificate failed", _NAME_MISMATCH),
    ("hostname verification failed", _NAME_MISMATCH),
    ("ssl is required, but the server does not support it", _NO_TLS),
    ("bytes from before tls", _INJECTED),
)


def diagnose(text: str) -> Diagnosis | None:
    """Find the cause in the text of a driver's error.

    Args:
        text: what ``str()`` gives for the error.

    Returns:
        The diagnosis, or None when the text says nothing about TLS that is known here.
    """
    folded = text.lower()
    return next((diagnosis for fragment, diagnosis in _TEXTS if fragment in folded), None)
