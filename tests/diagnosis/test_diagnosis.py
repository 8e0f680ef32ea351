"""The texts of driver errors, and what is made of them. The handshake tests prove the same on real servers."""

import pytest

from rds_tls.diagnosis.causes import Cause, diagnose

HOST = "db.cluster-abc123def456.eu-west-1.rds.amazonaws.com"

# Seen from OpenSSL 1.1 and 3, CPython 3.11-3.13, libpq 15 and 18 and PyMySQL 1.2.
SEEN = {
    'server certificate for "x" (and 2 other names) does not match host name "y"': Cause.NAME_MISMATCH,
    "certificate verify failed: Hostname mismatch, certificate is not valid for 'x'. (_ssl.c:1006)": (
        Cause.NAME_MISMATCH
    ),
    "certificate verify failed: certificate has expired (_ssl.c:1006)": Cause.EXPIRED,
    "certificate verify failed: certificate is not yet valid": Cause.NOT_YET_VALID,
    "certificate verify failed: self-signed certificate": Cause.SELF_SIGNED,
    "certificate verify failed: self signed certificate": Cause.SELF_SIGNED,
    "certificate verify failed: self-signed certificate in certificate chain": Cause.UNKNOWN_ROOT,
    "certificate verify failed: unable to get local issuer certificate": Cause.UNKNOWN_ROOT,
    "certificate verify failed: Missing Authority Key Identifier (_ssl.c:1006)": Cause.MALFORMED,
    "SSL error: certificate verify failed": Cause.UNVERIFIED,
    "server does not support SSL, but SSL was required": Cause.NO_TLS,
    '(2026, "SSL is required but the server doesn\'t support it")': Cause.NO_TLS,
    "received unencrypted data after SSL response": Cause.INJECTED,
    "[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)": Cause.INJECTED,
    "[SSL] record layer failure (_ssl.c:1006)": Cause.INJECTED,
    "SSL error: tlsv1 alert protocol version": Cause.OLD_TLS,
    "[SSL: UNSUPPORTED_PROTOCOL] unsupported protocol (_ssl.c:1006)": Cause.OLD_TLS,
    'could not read root certificate file "/x.pem": no certificate or crl found': Cause.CA_FILE,
    'root certificate file "/x.pem" does not exist': Cause.CA_FILE,
}


@pytest.mark.parametrize(("text", "cause"), SEEN.items())
def test_known_text_has_its_cause(text: str, cause: Cause) -> None:
    """The reason inside an error decides, not the general failure around it."""
    diagnosis = diagnose(text)
    assert diagnosis is not None
    assert diagnosis.cause is cause


@pytest.mark.parametrize(
    "text", ["", 'password authentication failed for user "app"', "connection refused", "timed out"]
)
def test_other_text_has_none(text: str) -> None:
    """What is not about TLS gets no explanation that would mislead."""
    assert diagnose(text) is None


@pytest.mark.parametrize("text", SEEN)
def test_note_names_the_host_or_the_anchors(text: str) -> None:
    """Every note is filled in: a meaning that names what it is about, and a fix."""
    diagnosis = diagnose(text)
    assert diagnosis is not None
    meaning, fix = diagnosis.note(HOST, "eu-west-1 RDS roots").splitlines()
    assert meaning.startswith("rds_tls: ")
    assert HOST in meaning or "eu-west-1 RDS roots" in meaning
    assert fix.startswith("rds_tls: fix: ")
    assert "{" not in meaning + fix
