"""The attacks: one row for each, and what the peer plays."""

from collections.abc import Callable
from typing import NamedTuple

from tests.hostile import mysql, postgres, stage
from tests.hostile.evidence import PASSWORD, TOKEN, Protocol
from tests.hostile.stage import Certificate, Stage
from tests.hostile.wire import Wire

POSTGRESQL, MYSQL = Protocol.POSTGRESQL, Protocol.MYSQL


class Attack(NamedTuple):
    """One attack.

    Attributes:
        name: what the server does, for the report.
        protocol: the protocol it speaks.
        script: what the peer plays.
        certificate: what it presents once TLS starts.
        password: the password that the client is given.
        succeeds_on: the careless drivers that hand over user and password, whatever their version.
        after_request: whether the attack comes after the client's request for TLS.
        relays: whether a man in the middle passes the client on to a real server whose certificate is good.
        stalls: whether only the client's own timeout ends it.
        by_context_only: whether libpq, which has its own rules for names, accepts the certificate.
    """

    name: str
    protocol: Protocol
    script: Callable[[Wire, Stage], None]
    certificate: Certificate = stage.SELF_SIGNED
    password: str = PASSWORD
    succeeds_on: tuple[str, ...] = ()
    after_request: bool = True
    relays: bool = False
    stalls: bool = False
    by_context_only: bool = False


# The careless drivers of `drivers.CARELESS`.
PREFER = "psycopg, sslmode and gssencmode=prefer (libpq's defaults)"
PLAIN = "PyMySQL, no TLS arguments"
DISABLED = "PyMySQL, ssl_disabled=True"
UNVERIFIED = "PyMySQL, a context that verifies nothing"

POSTGRESQL_ATTACKS = (
    Attack("answers N", POSTGRESQL, postgres.play(postgres.refuse), succeeds_on=(PREFER,)),
    Attack(
        "answers N, for an IAM token",
        POSTGRESQL,
        postgres.play(postgres.refuse),
        password=TOKEN,
        succeeds_on=(PREFER,),
    ),
    Attack("answers E (an error)", POSTGRESQL, postgres.play(postgres.fail)),
    Attack(
        "offers GSS encryption alone",
        POSTGRESQL,
        postgres.play(postgres.refuse, to_gss=b"G"),
        succeeds_on=(PREFER,),
    ),
    Attack("answers S, then in clear", POSTGRESQL, postgres.play(postgres.answer_in_clear), succeeds_on=(PREFER,)),
    Attack(
        "injects a finished login after S, before a self-signed certificate",
        POSTGRESQL,
        postgres.play(postgres.inject(postgres.LOGGED_IN)),
    ),
    Attack(
        "man in the middle injects a finished login after the real server's S",
        POSTGRESQL,
        postgres.inject_and_relay(postgres.LOGGED_IN),
        relays=True,
    ),
    Attack(
        "man in the middle injects an error after the real server's S",
        POSTGRESQL,
        postgres.inject_and_relay(postgres.ERROR),
        relays=True,
    ),
    Attack("closes", POSTGRESQL, postgres.play(postgres.close)),
    Attack("stalls", POSTGRESQL, postgres.play(postgres.stall), stalls=True),
    Attack("answers S, then stalls", POSTGRESQL, postgres.play(postgres.stall_handshake), stalls=True),
)

PLUGINS = {
    "mysql_clear_password": mysql.clear_password,
    "caching_sha2_password and RSA": mysql.caching_sha2_password,
    "sha256_password and RSA": mysql.sha256_password,
    "mysql_native_password": mysql.native_password,
    "dialog": mysql.dialog,
}

MYSQL_ATTACKS = (
    *(
        Attack(
            f"hides TLS, asks by {name}",
            MYSQL,
            mysql.hide_tls(plugin),
            succeeds_on=(PLAIN, DISABLED),
            after_request=False,
        )
        for name, plugin in PLUGINS.items()
    ),
    Attack(
        "hides TLS, asks for an IAM token by mysql_clear_password",
        MYSQL,
        mysql.hide_tls(mysql.clear_password),
        password=TOKEN,
        succeeds_on=(PLAIN, DISABLED),
        after_request=False,
    ),
    Attack(
        "offers TLS, then asks in clear by mysql_clear_password",
        MYSQL,
        mysql.answer_in_clear(b"\xfemysql_clear_password\0"),
    ),
    Attack("offers TLS, then ends the login in clear", MYSQL, mysql.answer_in_clear(mysql.OK)),
    Attack(
        "injects a finished login after the greeting, before a self-signed certificate",
        MYSQL,
        mysql.inject(mysql.OK),
        after_request=False,
        succeeds_on=(PLAIN, UNVERIFIED),
    ),
    Attack(
        "man in the middle injects a finished login after the real server's greeting",
        MYSQL,
        mysql.inject_and_relay(mysql.OK),
        after_request=False,
        relays=True,
    ),
    Attack(
        "man in the middle injects an error after the real server's greeting",
        MYSQL,
        mysql.inject_and_relay(mysql.ERROR),
        after_request=False,
        relays=True,
    ),
    Attack("closes after the SSL request", MYSQL, mysql.close),
    Attack("stalls", MYSQL, mysql.stall, after_request=False, stalls=True),
    Attack("offers TLS, then stalls", MYSQL, mysql.stall_handshake, stalls=True),
)

CERTIFICATES = {
    "of another cluster": stage.WRONG_NAME,
    "under another region's root": stage.SIBLING_REGION,
    "expired": stage.EXPIRED,
    "not yet valid": stage.NOT_YET_VALID,
    "self-signed": stage.SELF_SIGNED,
    "without its intermediate": stage.NO_INTERMEDIATE,
    "without a SAN": stage.NO_SAN,
}


def _bad_certificates(protocol: Protocol, script: Callable[[Wire, Stage], None], *careless: str) -> tuple[Attack, ...]:
    return tuple(
        Attack(
            f"certificate {name}",
            protocol,
            script,
            certificate,
            succeeds_on=careless,
            by_context_only=certificate is stage.NO_SAN,
        )
        for name, certificate in CERTIFICATES.items()
    )


ATTACKS = (
    *POSTGRESQL_ATTACKS,
    *_bad_certificates(POSTGRESQL, postgres.play(postgres.accept), PREFER),
    Attack("TLS 1.1 alone", POSTGRESQL, postgres.play(postgres.accept), stage.OLD_TLS, succeeds_on=(PREFER,)),
    *MYSQL_ATTACKS,
    *_bad_certificates(MYSQL, mysql.accept, PLAIN, UNVERIFIED),
    Attack("TLS 1.1 alone", MYSQL, mysql.accept, stage.OLD_TLS, succeeds_on=(UNVERIFIED,)),
)

# Not attacks, for the same servers and the same record: what keeps to the rules must pass.
GOOD_CERTIFICATES = (
    Attack("good certificate", POSTGRESQL, postgres.play(postgres.accept), stage.GOOD),
    Attack("good certificate", MYSQL, mysql.accept, stage.GOOD),
)
FAITHFUL_RELAYS = (
    Attack("passes everything on", POSTGRESQL, postgres.inject_and_relay(b""), relays=True),
    Attack("passes everything on", MYSQL, mysql.inject_and_relay(b""), relays=True),
)
