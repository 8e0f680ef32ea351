"""The texts of driver errors, and the causes they lead to. The handshake tests prove the same on real servers."""

import socket

import pytest

import rds_tls
from rds_tls.diagnosis.causes import CAUSES
from rds_tls.diagnosis.texts import TEXTS, cause_of, cause_of_text

HOST = "db.cluster-abc123def456.eu-west-1.rds.amazonaws.com"

# Seen from OpenSSL 1.1 and 3, CPython 3.11-3.13, libpq 15 and 18, PyMySQL 1.2, MariaDB Connector/C, asyncpg, glibc.
SEEN = {
    'server certificate for "x" (and 2 other names) does not match host name "y"': "other-name",
    "certificate verify failed: Hostname mismatch, certificate is not valid for 'x'. (_ssl.c:1006)": "other-name",
    "certificate verify failed: certificate has expired (_ssl.c:1006)": "expired",
    "certificate verify failed: certificate is not yet valid": "not-yet-valid",
    "certificate verify failed: self-signed certificate": "self-signed",
    "certificate verify failed: self signed certificate": "self-signed",
    "certificate verify failed: self-signed certificate in certificate chain": "unknown-root",
    "certificate verify failed: unable to get local issuer certificate": "unknown-root",
    "certificate verify failed: Missing Authority Key Identifier (_ssl.c:1006)": "malformed",
    "certificate verify failed: EE certificate key too weak (_ssl.c:1006)": "weak-key",
    "certificate verify failed: unable to get certificate CRL (_ssl.c:1006)": "revocation",
    "SSL error: certificate verify failed": "unverified",
    "server does not support SSL, but SSL was required": "no-tls",
    '(2026, "SSL is required but the server doesn\'t support it")': "no-tls",
    "received unencrypted data after SSL response": "injected-bytes",
    "[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)": "injected-bytes",
    "[SSL] record layer failure (_ssl.c:1006)": "injected-bytes",
    "SSL error: tlsv1 alert protocol version": "old-tls",
    "[SSL: UNSUPPORTED_PROTOCOL] unsupported protocol (_ssl.c:1006)": "old-tls",
    "[SSL: SSLV3_ALERT_HANDSHAKE_FAILURE] sslv3 alert handshake failure (_ssl.c:1006)": "no-common-cipher",
    'could not read root certificate file "/x.pem": no certificate or crl found': "unreadable-ca-file",
    'root certificate file "/x.pem" does not exist': "unreadable-ca-file",
    'could not translate host name "x" to address: Name or service not known': "name-not-found",
    "failed to resolve host 'x': [Errno -3] Temporary failure in name resolution": "resolver-down",
    'connection to server at "10.0.0.1", port 5432 failed: Connection refused': "refused",
    "Can't connect to MySQL server on 'x' ([Errno 113] No route to host)": "no-route",
    "connection timeout expired": "no-answer",
    '(2013, "Lost connection to MySQL server during query (timed out)")': "no-answer",
    'password authentication failed for user "app"': "login-refused",
    'PAM authentication failed for user "app"': "login-refused",
    "(1045, \"Access denied for user 'app'@'10.0.0.1' (using password: YES)\")": "login-refused",
    "(2003, \"Can't connect to MySQL server on '10.0.0.1' (111)\")": "refused",
    "(2002, \"Can't connect to server on 'x' (101)\")": "no-route",
    "(2003, \"Can't connect to MySQL server on 'x:3306' (110)\")": "no-answer",
    "(2003, \"Can't connect to MySQL server on 'x' (10060)\")": "no-answer",
    "(2013, \"Lost connection to server at 'handshake: reading initial communication packet', system error: 110\")": (
        "no-answer"
    ),
    "server sent an error response during SSL exchange": "hung-up",
    "(2002, 'Received error packet before completion of TLS handshake. The authenticity of the following error cannot "
    "be verified: 1040 - Too many connections')": "hung-up",
    "(1129, \"Host '10.0.0.1' is blocked because of many connection errors\")": "hung-up",
    "(1130, \"Host '10.0.0.1' is not allowed to connect to this MySQL server\")": "hung-up",
    'no pg_hba.conf entry for host "10.0.0.1", user "app", database "shop", SSL encryption': "login-refused",
}


@pytest.mark.parametrize(("text", "cause"), SEEN.items())
def test_known_text_has_its_cause(text: str, cause: str) -> None:
    """The reason inside an error decides, not the general failure around it."""
    assert cause_of_text(text) == cause
    assert cause_of(Exception(text)) == cause


@pytest.mark.parametrize("text", ["", 'relation "orders" does not exist', "Too many connections"])
def test_other_text_has_none(text: str) -> None:
    """What says nothing known gets no explanation that would mislead."""
    assert cause_of_text(text) is None
    assert rds_tls.explain(Exception(text)) is None


def test_refused_login_is_never_blamed_on_tls() -> None:
    """A server repeats the user's name, whatever that is made of."""
    for name in ("certificate has expired", "wrong version number", "self-signed certificate"):
        assert cause_of_text(f'FATAL:  password authentication failed for user "{name}"') == "login-refused"
        assert cause_of_text(f"(1045, \"Access denied for user '{name}'@'10.0.0.1'\")") == "login-refused"


BY_CLASS = {
    "name-not-found": socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
    "resolver-down": socket.gaierror(socket.EAI_AGAIN, "in some language"),
    "refused": ConnectionRefusedError(111, "Connect call failed ('127.0.0.1', 1)"),
    "no-route": OSError(113, "Connect call failed ('10.0.0.1', 1)"),
    "no-answer": TimeoutError(),
}


@pytest.mark.parametrize(("cause", "error"), BY_CLASS.items())
def test_class_and_number_tell_where_the_text_does_not(cause: str, error: OSError) -> None:
    """What Python raises is known by itself, below a driver's error, and in a group of several."""
    above = RuntimeError("the driver's own words")
    above.__cause__ = error
    for found in (error, above, ExceptionGroup("several", [ValueError(), above])):
        assert cause_of(found) == cause


def test_what_was_handled_meanwhile_says_nothing() -> None:
    """A program that connects elsewhere because one server was silent has no second silence."""
    error = RuntimeError('database "shop" does not exist')
    error.__context__ = TimeoutError()
    assert cause_of(error) is None


def test_every_text_leads_into_the_table() -> None:
    """Each row names a cause, whose words need nothing that a text does not bring."""
    for _, cause in TEXTS:
        diagnosis = CAUSES[cause].diagnosis({"host": HOST, "anchors": "eu-west-1 RDS roots"})
        assert HOST in diagnosis.meaning or "eu-west-1 RDS roots" in diagnosis.meaning


def test_ids_are_unique_words() -> None:
    """No two rows share an id, and each is what a runbook can hold."""
    assert len(CAUSES) >= 24
    for cause in CAUSES.values():
        assert cause.id.replace("-", "").isalpha()
        assert cause.id == cause.id.lower()
        assert cause.evidence
