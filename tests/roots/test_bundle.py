"""From bytes to roots: what is kept, what is dropped and why, and what is refused."""

import base64
import datetime as dt
import hashlib
import ssl
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from cryptography import x509
from cryptography.exceptions import InternalError
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs7
from hypothesis import given, settings
from hypothesis import strategies as st

from rds_tls.errors import BundleError
from rds_tls.roots import snapshot
from rds_tls.roots.bundle import Bundle, Dropped, Reason, parse_bundle
from rds_tls.roots.ca_names import ca_id_of
from rds_tls.roots.channel import Channel
from rds_tls.roots.pem import MAX_BYTES
from tests.support.minting import BROKEN_CONSTRAINTS, CA, KEY, NO_CA, NOW, OTHER_KEY, key_usage, mint, pem

SHIPPED = Path(snapshot.DIRECTORY)
US_EAST_1 = (SHIPPED / "us-east-1.pem").read_bytes()
PREVIEW = (SHIPPED / "us-east-2-preview.pem").read_bytes()
G1_IDS = ["rds-ca-ecc384-g1", "rds-ca-rsa2048-g1", "rds-ca-rsa4096-g1"]

GOOD = mint("Good Root CA")
GOOD_DER = GOOD.public_bytes(Encoding.DER)
DAY = dt.timedelta(days=1)


def block(label: str, content: bytes) -> bytes:
    """Write any bytes as a PEM block."""
    return b"-----BEGIN %b-----\n%b-----END %b-----\n" % (
        label.encode(),
        base64.encodebytes(content),
        label.encode(),
    )


def parse(data: bytes) -> Bundle:
    """Parse at the moment that the tests live on."""
    return parse_bundle(data, now=NOW)


def reasons(bundle: Bundle) -> list[Reason]:
    """List why things were dropped."""
    return [entry.reason for entry in bundle.dropped]


def test_published_roots_are_described() -> None:
    """Each root of a regional bundle has its region, channel, CA id, fingerprint and validity."""
    bundle = parse(US_EAST_1)
    assert bundle.dropped == ()
    assert [root.ca_id for root in bundle.roots] == G1_IDS
    assert {(root.region, root.channel) for root in bundle.roots} == {("us-east-1", Channel.GA)}
    rsa2048 = bundle.roots[1]
    assert rsa2048.name == "Amazon RDS us-east-1 Root CA RSA2048 G1"
    assert rsa2048.fingerprint == hashlib.sha256(rsa2048.der).hexdigest()
    assert rsa2048.not_before == dt.datetime(2021, 5, 25, 22, 34, 57, tzinfo=dt.UTC)
    assert rsa2048.not_after == dt.datetime(2061, 5, 25, 23, 34, 57, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("name", "region", "channel", "ca_id"),
    [
        ("Amazon RDS us-gov-west-1 Root CA RSA4096 G1", "us-gov-west-1", Channel.GA, "rds-ca-rsa4096-g1"),
        ("Amazon RDS Beta us-east-1 Root CA ECC384 G1", "us-east-1", Channel.BETA, "rds-ca-ecc384-g1"),
        ("Amazon RDS Preview us-east-2 Root CA RSA2048 G1", "us-east-2", Channel.PREVIEW, "rds-ca-rsa2048-g1"),
        ("Amazon RDS us-east-1 2019 CA", "us-east-1", Channel.GA, "rds-ca-2019"),
        ("Amazon RDS Root 2019 CA", None, Channel.GA, "rds-ca-2019"),
        ("Amazon RDS Preview Root 2019 CA", None, Channel.PREVIEW, "rds-ca-2019"),
        ("Amazon RDS af-south-1 Root CA", "af-south-1", Channel.GA, None),
        ("Amazon RDS cn-north-1 Root CA RSA2048 G2", "cn-north-1", Channel.GA, "rds-ca-rsa2048-g2"),
        ("Amazon Root CA 1", None, Channel.GA, None),
        ("My Amazon RDS us-east-1 Root CA RSA2048 G1", None, Channel.GA, None),
        ("Amazon RDS us-east-1 Root CA RSA2048 G1 too", None, Channel.GA, None),
        ("Example Corp Root", None, Channel.GA, None),
    ],
)
def test_name_tells_whose_root_it_is(name: str, region: str | None, channel: Channel, ca_id: str | None) -> None:
    """The common name gives region, channel and CA id; any other name is a root of nobody's region."""
    [root] = parse(pem(mint(name))).roots
    assert (root.region, root.channel, root.ca_id) == (region, channel, ca_id)


@pytest.mark.parametrize(
    ("issuer", "expected"),
    [
        ("Amazon RDS ap-northeast-2 Subordinate CA RSA2048 G1.A.5", "rds-ca-rsa2048-g1"),
        ("Amazon RDS Preview us-east-2 Subordinate CA ECC384 G1.B.12", "rds-ca-ecc384-g1"),
        ("Amazon RDS eu-west-1 2019 CA", "rds-ca-2019"),
        ("Amazon RSA 2048 M01", None),
        ("", None),
    ],
)
def test_ca_id_of_a_server_certificates_issuer(issuer: str, expected: str | None) -> None:
    """The name of an intermediate tells which CA a server uses."""
    assert ca_id_of(issuer) == expected


DROPPED = {
    "expired": (mint(end=NOW - DAY / 2), Reason.EXPIRED, "ended on 2026-11-23"),
    "not yet valid": (mint(begin=NOW + DAY / 2), Reason.NOT_YET_VALID, "begins on 2026-11-24"),
    "intermediate": (
        mint("Sub CA", issuer="Good Root CA"),
        Reason.INTERMEDIATE,
        "is issued by 'Good Root CA'",
    ),
    "forged": (
        mint(signing_key=OTHER_KEY),
        Reason.BAD_SIGNATURE,
        "its own key does not verify it: InvalidSignature",
    ),
    "leaf": (mint(extensions=(NO_CA,)), Reason.NOT_A_CA, "its extensions do not allow it to sign certificates"),
    "no extensions": (
        mint(extensions=()),
        Reason.NOT_A_CA,
        "its extensions do not allow it to sign certificates",
    ),
    "key usage": (
        mint(extensions=(CA, key_usage(key_cert_sign=False))),
        Reason.NOT_A_CA,
        "its extensions do not allow it to sign certificates",
    ),
    "duplicate": (GOOD, Reason.DUPLICATE, "is in the bundle more than once"),
}


@pytest.mark.parametrize(("certificate", "reason", "detail"), DROPPED.values(), ids=DROPPED)
def test_what_is_no_trust_anchor_is_dropped(certificate: x509.Certificate, reason: Reason, detail: str) -> None:
    """A certificate that is no valid root is dropped with its name and the reason; the root beside it stays."""
    bundle = parse(pem(GOOD, certificate))
    [name] = certificate.subject
    assert bundle.dropped == (Dropped(str(name.value), reason, detail),)
    assert [root.der for root in bundle.roots] == [GOOD_DER]


@pytest.mark.parametrize("extensions", [(CA,), (CA, key_usage(key_cert_sign=True))])
def test_root_with_and_without_key_usage_is_kept(extensions: tuple[x509.ExtensionType, ...]) -> None:
    """A CA may have no keyUsage; one that it has must allow signing certificates."""
    assert len(parse(pem(mint(extensions=extensions))).roots) == 1


def test_validity_includes_its_ends() -> None:
    """A root is valid in its first and in its last second."""
    certificate = mint(begin=NOW, end=NOW)
    assert len(parse(pem(certificate)).roots) == 1
    for moment in (NOW - dt.timedelta(seconds=1), NOW + dt.timedelta(seconds=1)):
        with pytest.raises(BundleError):
            parse_bundle(pem(certificate), now=moment)


UNREADABLE = {
    "not base64": b"-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n",
    "junk in base64": pem(GOOD).replace(b"MII", b"M!!II"),
    "nothing inside": b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
    "not DER": block("CERTIFICATE", b"nothing of the kind"),
    "half a certificate": block("CERTIFICATE", GOOD_DER[: len(GOOD_DER) // 2]),
    "more than a certificate": block("CERTIFICATE", GOOD_DER + b"\x00"),
    "broken extension": pem(mint(extensions=(BROKEN_CONSTRAINTS,))),
    "another label": block("X509 CRL", GOOD_DER),
    "broken PKCS#7": block("PKCS7", b"nothing of the kind"),
}


@pytest.mark.parametrize("bad", UNREADABLE.values(), ids=UNREADABLE)
def test_one_unreadable_certificate_loses_no_other(bad: bytes) -> None:
    """Between good delimiters, something unreadable is dropped under its position; all others stay."""
    bundle = parse(pem(mint("First")) + bad + pem(mint("Last")))
    assert [root.name for root in bundle.roots] == ["First", "Last"]
    [dropped] = bundle.dropped
    assert (dropped.name, dropped.reason) == ("certificate 2", Reason.UNREADABLE)
    assert dropped.detail


@pytest.mark.parametrize("action", ["error", "ignore"])
def test_serial_number_zero_never_costs_the_file(action: Literal["error", "ignore"]) -> None:
    """The Starfield root, of which cryptography warns, is kept or dropped; the roots beside it stay either way."""
    with warnings.catch_warnings(action=action):
        bundle = parse((SHIPPED / "amazon.pem").read_bytes())
    names = [root.name for root in bundle.roots]
    assert names[:4] == [f"Amazon Root CA {number}" for number in (1, 2, 3, 4)]
    assert len(names) + reasons(bundle).count(Reason.UNREADABLE) == 5


@pytest.mark.parametrize("file", [path.name for path in SHIPPED.glob("*-*.pem")])
def test_no_rds_root_is_warned_of(file: str) -> None:
    """With warnings made errors, as in these tests, every shipped RDS root is read without one."""
    assert parse((SHIPPED / file).read_bytes()).dropped == ()


class Pausing(dt.datetime):
    """A moment that waits when a certificate is compared with it: in the midst of a parse."""

    reached = threading.Event()
    go_on = threading.Event()

    def __gt__(self, other: object) -> bool:
        self.reached.set()
        assert self.go_on.wait(60)
        return super().__gt__(other)  # type: ignore[operator]  # a datetime is what it is compared with


def test_parse_in_a_thread_leaves_the_warning_filters_alone() -> None:
    """While another thread holds filters of its own, a parse changes none: else those could stay for ever."""
    before = list(warnings.filters)
    moment = Pausing.fromtimestamp(NOW.timestamp(), dt.UTC)
    thread = threading.Thread(target=parse_bundle, args=(US_EAST_1,), kwargs={"now": moment})
    thread.start()
    assert Pausing.reached.wait(60)
    with warnings.catch_warnings():
        Pausing.go_on.set()
        thread.join()
    assert list(warnings.filters) == before


@pytest.mark.parametrize("encoding", [Encoding.DER, Encoding.PEM])
def test_pkcs7_equals_pem(encoding: Encoding) -> None:
    """A PKCS#7 file, binary or PEM, gives the roots of the PEM file with the same certificates."""
    certificates = x509.load_pem_x509_certificates(US_EAST_1)
    expired = mint("Old", end=NOW - DAY / 2)
    bundle = parse(pkcs7.serialize_certificates([expired, *certificates], encoding))
    assert bundle.digest == parse(US_EAST_1).digest
    assert reasons(bundle) == [Reason.EXPIRED]


DECORATIONS: dict[str, Callable[[bytes], bytes]] = {
    "BOM": lambda data: b"\xef\xbb\xbf" + data,
    "CRLF": lambda data: data.replace(b"\n", b"\r\n"),
    "CR": lambda data: data.replace(b"\n", b"\r"),
    "comments": lambda data: b"# AWS\n" + data + b"subject=/CN=x\n-----\n# the end",
    "non-ASCII": lambda data: "# Zürich\n".encode() + data + b"\xff\xfe\n",
    "blanks": lambda data: data.replace(b"\n", b" \n").replace(b"-----BEGIN", b"\n\n  -----BEGIN"),
    "no last newline": lambda data: data.rstrip(),
}


@pytest.mark.parametrize("decorate", DECORATIONS.values(), ids=DECORATIONS)
def test_decoration_makes_no_difference(decorate: Callable[[bytes], bytes]) -> None:
    """A BOM, other line ends, comments in any encoding and blanks change nothing."""
    plain = pem(GOOD, mint("Second"))
    assert parse(decorate(plain)) == parse(plain)


PRIVATE_KEY = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

REFUSED = {
    "empty": (b"", "is empty"),
    "blank": (b" \r\n\t", "is empty"),
    "garbage": (b"\x00\x01garbage", "neither PEM nor PKCS#7"),
    "web page": (b"<html>403 Forbidden</html>", "neither PEM nor PKCS#7"),
    "certificate in DER": (GOOD_DER, "neither PEM nor PKCS#7"),
    "UTF-16": (pem(GOOD).decode().encode("utf-16"), "neither PEM nor PKCS#7"),
    "cut in a body": (US_EAST_1[:-400], "line 45 lacks its BEGIN or its END"),
    "cut in an END line": (US_EAST_1.rstrip()[:-3], "lacks its BEGIN or its END"),
    "cut in a BEGIN line": (pem(GOOD) + b"-----BEGIN CERT", "lacks its BEGIN or its END"),
    "head is missing": (US_EAST_1[400:], "line 1[0-9] lacks its BEGIN or its END"),
    "BEGIN within": (pem(GOOD).replace(b"\n-----END", b"\n-----BEGIN CERTIFICATE-----\n-----END"), "lacks its"),
    "another END": (pem(GOOD).replace(b"END CERTIFICATE", b"END PKCS7"), "lacks its BEGIN or its END"),
    "two ENDs": (pem(GOOD, GOOD).replace(b"BEGIN", b"END"), "line 1 lacks its BEGIN or its END"),
    "private key": (US_EAST_1 + PRIVATE_KEY, "holds a private key"),
    "private key first": (PRIVATE_KEY + US_EAST_1, "holds a private key"),
    "oversize": (US_EAST_1 + b"#" * MAX_BYTES, "larger than 1048576 bytes"),
    "all dropped": (
        pem(mint("Old", end=NOW - DAY / 2), mint("Sub", issuer="Old"), mint("Older", end=NOW - DAY / 2)),
        "no usable root: 2 expired, 1 intermediate; the first, 'Old', ended on 2026-11-23",
    ),
    "PKCS#7 without certificates": (
        base64.b64decode("MCcGCSqGSIb3DQEHAqAaMBgCAQExADALBgkqhkiG9w0BBwGgAKEAMQA="),
        "no usable root: no certificate|neither PEM nor PKCS#7",
    ),
}


@pytest.mark.parametrize(("data", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_bundle_is_refused(data: bytes, message: str) -> None:
    """Half a file, no file, a private key or no root at all is an error that says which."""
    with pytest.raises(BundleError, match=message):
        parse(data)


def test_largest_bundle_is_read() -> None:
    """A file of exactly the largest size is no error."""
    assert parse(US_EAST_1 + b"#" * (MAX_BYTES - len(US_EAST_1))).digest == parse(US_EAST_1).digest


@pytest.mark.parametrize("label", ["RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY"])
def test_private_key_of_any_kind_is_refused(label: str) -> None:
    """No label of a private key passes, and the message does not repeat the key."""
    key = block(label, b"secret" * 8)
    with pytest.raises(BundleError, match="holds a private key") as caught:
        parse(US_EAST_1 + key)
    assert key.splitlines()[1].decode() not in str(caught.value)


def test_naive_time_is_refused() -> None:
    """A moment without a time zone is nobody's moment."""
    with pytest.raises(BundleError, match=r"2026-11-23T12:00:00 has no time zone"):
        parse_bundle(US_EAST_1, now=NOW.replace(tzinfo=None))


def test_only_keeps_one_region_and_channel() -> None:
    """Roots of another region or channel, or of no region, are left out; the drops are remembered."""
    other_channel = pem(mint("Amazon RDS Beta us-east-1 Root CA RSA2048 G1"))
    noise = PREVIEW + other_channel + pem(GOOD, GOOD)
    mixed = parse((SHIPPED / "eu-west-1.pem").read_bytes() + noise + US_EAST_1)
    selected = mixed.only("us-east-1")
    assert selected.roots == parse(US_EAST_1).roots
    assert selected.dropped == mixed.dropped != ()
    assert mixed.only("us-east-2", Channel.PREVIEW).roots == parse(PREVIEW).roots
    assert [root.name for root in mixed.only("us-east-1", Channel.BETA).roots] == [
        "Amazon RDS Beta us-east-1 Root CA RSA2048 G1"
    ]


def test_only_says_what_there_is() -> None:
    """A region that the bundle lacks is an error that names the regions it has in that channel."""
    mixed = parse(US_EAST_1 + PREVIEW + pem(GOOD))
    with pytest.raises(BundleError, match=r"no ga root for region 'us-east-2', only for: us-east-1\."):
        mixed.only("us-east-2")
    with pytest.raises(BundleError, match="only for: no region at all"):
        parse(pem(GOOD)).only("us-east-2")


def test_digest_depends_on_the_roots_alone() -> None:
    """Order and dropped certificates make no difference; one root more or less does."""
    first, second = mint("First"), mint("Second")
    bundle = parse(pem(first, second))
    assert bundle.digest == parse(pem(second, mint(issuer="First"), first, first)).digest
    assert len({bundle.digest, parse(pem(first)).digest, parse(pem(second)).digest}) == 3
    assert len(bundle.digest) == 64


def test_pem_round_trip() -> None:
    """What to_pem writes is ASCII, says what each root is, and reads back to the same roots."""
    bundle = parse(US_EAST_1 + pem(GOOD))
    text = bundle.to_pem().decode("ascii")
    assert parse(bundle.to_pem()).roots == bundle.roots
    assert (
        f"# Amazon RDS us-east-1 Root CA ECC384 G1; rds-ca-ecc384-g1; SHA-256 {bundle.roots[0].fingerprint}; " in text
    )
    assert f"# Good Root CA; no CA id; SHA-256 {bundle.roots[3].fingerprint}; until 2026-11-24\n" in text


@pytest.mark.parametrize("name", ["\n-----BEGIN CERTIFICATE-----\nx", "Zürich\r\n", "x" * 64, "-----" * 12])
def test_no_name_passes_for_pem(name: str) -> None:
    """A hostile common name stays inside its comment, for OpenSSL as for this parser."""
    written = parse(pem(mint(name))).to_pem()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=written.decode("ascii"))
    assert len(context.get_ca_certs()) == len(parse(written).roots) == 1
    assert written.count(b"\n-----") == written.count(b"-----") / 2 == 2
    assert max(map(len, written.splitlines())) < 254


def accepted_or_refused(data: bytes) -> None:
    """Parse: a bundle with roots, or a BundleError; anything else fails the test."""
    try:
        bundle = parse(data)
    except BundleError as error:
        assert str(error)  # noqa: PT017 - both outcomes are right
    else:
        assert parse(bundle.to_pem()).digest == bundle.digest


SEEDS = [pem(GOOD, DROPPED["intermediate"][0]), pkcs7.serialize_certificates([GOOD, mint("Two")], Encoding.DER)]


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """A bundle in which a few stretches are replaced by other bytes."""
    data = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(data)))
        data = data[:start] + draw(st.binary(max_size=4)) + data[start + draw(st.integers(0, 6)) :]
    return data


@given(st.one_of(st.binary(max_size=400), mutations()))
@settings(deadline=None, max_examples=300)
def test_any_bytes_are_accepted_or_refused(data: bytes) -> None:
    """Arbitrary and damaged files never raise anything but BundleError."""
    accepted_or_refused(data)


@given(st.data())
@settings(deadline=None, max_examples=300)
def test_any_damage_inside_a_certificate_is_contained(data: st.DataObject) -> None:
    """Whatever happens to one certificate's DER, the root beside it stays."""
    der = bytearray(GOOD_DER)
    for _ in range(data.draw(st.integers(1, 3))):
        der[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))
    beside = mint("Beside")
    bundle = parse(block("CERTIFICATE", bytes(der)) + pem(beside))
    assert bundle.roots[-1].der == beside.public_bytes(Encoding.DER)
    assert len(bundle.roots) + len(bundle.dropped) == 2


def test_library_without_algorithms_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a FIPS provider is configured, the OpenSSL in cryptography's wheel has nothing to verify a root by."""

    def fail(_: bytes) -> None:
        raise InternalError("Unknown OpenSSL error", [])

    monkeypatch.setattr(x509, "load_der_x509_certificate", fail)
    with pytest.raises(BundleError, match=r"no usable root: 1 unreadable; the first, .* Unknown OpenSSL error"):
        parse(pem(GOOD))
