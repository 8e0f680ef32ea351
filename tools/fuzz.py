"""Fuzz what reads other people's bytes: endpoint names, CA bundles, the manifest, entries of the cache.

From the root of a checkout, in an environment that has atheris beside rds_tls (``pip install atheris``)::

    python -m tools.fuzz pem --seconds 600

A run starts from ``tests/fuzz_seeds/<target>`` and ends at the first broken promise, whose input it leaves there:
``tests/test_fuzz.py`` runs every seed, so a find stays a test. Each target also puts its input where blind mutation
would not get it, such as behind a right checksum or below a right signature.
"""

import argparse
import os
import re
import ssl
import sys
import tempfile
import warnings
from base64 import encodebytes
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from importlib import import_module
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from rds_tls.endpoint import Endpoint, Kind, Trust, parse_endpoint, split_host
from rds_tls.endpoint.partitions import PARTITIONS
from rds_tls.errors import BundleError, EndpointError, TrustError
from rds_tls.roots.bundle import parse_bundle
from rds_tls.roots.cache.disk import Cache
from rds_tls.roots.cache.entry import Entry
from rds_tls.roots.snapshot import DIRECTORY, parse_manifest

SEEDS = Path(__file__).parent.parent / "tests" / "fuzz_seeds"

# The day that the seeds' certificates live on.
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)

# The key in the seeds' certificates, no secret: the input of `pem` is signed with it, as a TBSCertificate.
KEY = ec.derive_private_key(0x5EED, ec.SECP256R1())

# RFC 1123, section 2.1.
HOST_NAME = re.compile(r"(?=.{1,253}$)(?:(?!-)[a-z0-9-]{1,63}(?<!-)\.)+[a-z]+")

PRIVATE_KEY = re.compile(rb"(?:^|[\r\n])-----BEGIN [A-Z ]*PRIVATE KEY-----")

CANARY = "hunter2canary"

# Where people put a password beside a host.
WITH_PASSWORD = (
    "postgresql://app:{password}@{host}",
    "postgresql://{password}@{host}",
    "postgresql://{host}/db?user=app&password={password}",
    "{password}@{host}",
    "host={host} password={password}",
)

# What Amazon Trust Services signs for, and RDS's own roots for nothing of it.
AMAZON_KINDS = {Kind.PROXY, Kind.PROXY_ENDPOINT, Kind.DSQL}

# Longest input (bytes): a few certificates. Slowest (seconds) and largest in memory (MB) before it counts as a find.
LONGEST = 8192
SLOWEST = 5
LARGEST = 1500

# RFC 5652 and RFC 5758, as DER: signedData, data, version 1, no digest algorithms or signers, ecdsa-with-SHA256.
_SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
_DATA = bytes.fromhex("300b06092a864886f70d010701")
_VERSION_1 = bytes.fromhex("020101")
_NONE = bytes.fromhex("3100")
_ECDSA_WITH_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")


class BrokenPromiseError(AssertionError):
    """A parser did what it must never do."""


def _promise(kept: object, promise: str) -> None:
    if not kept:
        raise BrokenPromiseError(promise)


def _each(check: Callable[[bytes], bool], *forms: bytes) -> bool:
    """Check every form, also after one was accepted."""
    return max([check(form) for form in forms])


def check_endpoint(data: bytes) -> bool:
    """Feed a text to ``parse_endpoint``, and its lines as a password and a host in one text.

    Args:
        data: the text; what is not UTF-8 becomes lone surrogates.

    Returns:
        Whether the text is an endpoint.

    Raises:
        BrokenPromiseError: a promise is broken. Any exception that is not the parser's own passes through.
    """
    text = data.decode("utf-8", "surrogateescape")
    if CANARY not in text.lower():
        password, _, host = text.partition("\n")
        for form in WITH_PASSWORD:
            _check_password(form.format(password=f"{CANARY}{password}{CANARY}", host=host))
    endpoint = _parse(text)
    if isinstance(endpoint, EndpointError):
        return False
    _promise(text.isascii(), "a look-alike letter makes no endpoint")
    _check_name(endpoint)
    return True


def _parse(text: str) -> Endpoint | EndpointError:
    try:
        return parse_endpoint(text)
    except EndpointError as error:
        return error


def _check_password(text: str) -> None:
    found = _parse(text)
    _promise(CANARY not in f"{found} {found!r}".lower(), "neither an error nor an endpoint shows a password")
    if isinstance(found, Endpoint):
        _promise(split_host(text).has_extras, "a text with a password in it is known to hold more than a host")
    else:
        _promise(found.__context__ is None, "no other error, with a text of its own, is behind an error")


def _check_name(endpoint: Endpoint) -> None:
    host, region = endpoint.host, endpoint.region
    (partition,) = (partition for partition in PARTITIONS if partition.name == endpoint.partition)
    _promise(HOST_NAME.fullmatch(host), "a host is what DNS allows")
    _promise(host.endswith(tuple(f".{suffix}" for suffix in partition.suffixes)), "a host is below AWS's own suffix")
    _promise(endpoint.identifier == host.partition(".")[0], "the identifier is the first label")
    _promise(
        (endpoint.trust is Trust.AMAZON) == (endpoint.kind in AMAZON_KINDS), "Amazon's roots are for its own kinds"
    )
    _promise(endpoint.port is None or 0 < endpoint.port < 2**16, "a port is one")
    _promise((region is None) == (endpoint.kind is Kind.GLOBAL_WRITER), "only a global writer has no region")
    _promise(region is None or re.fullmatch(r"[a-z]+(-[a-z0-9]+)+", region), "a region is safe in a path")
    _promise(region is None or region in host.split("."), "a region is a label of the host")
    bare = endpoint._replace(port=None)
    _promise(parse_endpoint(host) == bare, "a parsed host parses to itself")
    _promise(parse_endpoint(f" {host.upper()}. ") == bare, "case, white space and the last dot make no difference")


def check_pem(data: bytes) -> bool:
    """Feed bytes to ``parse_bundle``: as they are, as a certificate, and as what is signed in one.

    Args:
        data: PEM, or DER of a certificate or a TBSCertificate.

    Returns:
        Whether any form holds a root.

    Raises:
        BrokenPromiseError: a promise is broken. Any exception that is not the parser's own passes through.
    """
    signature = KEY.sign(data, ec.ECDSA(hashes.SHA256()))
    signed = _der(0x30, data, _ECDSA_WITH_SHA256, _der(0x03, b"\0", signature))
    return _each(_check_bundle, data, _armour("CERTIFICATE", data), _armour("CERTIFICATE", signed))


def check_pkcs7(data: bytes) -> bool:
    """Feed bytes to ``parse_bundle``: as they are, as a PKCS7 block, and as the certificates in one.

    Args:
        data: DER of a PKCS#7 structure or of certificates, or PEM.

    Returns:
        Whether any form holds a root.

    Raises:
        BrokenPromiseError: a promise is broken. Any exception that is not the parser's own passes through.
    """
    content = _der(0x30, _VERSION_1, _NONE, _DATA, _der(0xA0, data), _NONE)
    wrapped = _der(0x30, _SIGNED_DATA, _der(0xA0, content))
    return _each(_check_bundle, data, _armour("PKCS7", data), wrapped)


def _der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = len(content).to_bytes((len(content).bit_length() + 7) // 8 or 1, "big")
    return bytes([tag]) + (size if len(content) < 0x80 else bytes([0x80 | len(size)]) + size) + content  # noqa: PLR2004 - X.690, 8.1.3


def _armour(label: str, der: bytes) -> bytes:
    return b"-----BEGIN %b-----\n%b-----END %b-----\n" % (label.encode(), encodebytes(der), label.encode())


def _check_bundle(data: bytes) -> bool:
    try:
        bundle = parse_bundle(data, now=NOW)
    except BundleError:
        return False
    _promise(bundle.roots, "a bundle has a root")
    _promise(not PRIVATE_KEY.search(data), "a private key is in no bundle")
    _promise(parse_bundle(bundle.to_pem(), now=NOW).roots == bundle.roots, "what is written reads the same")
    for root in bundle.roots:
        _promise(root.not_before <= NOW <= root.not_after, "a root is valid now")
        _promise(root.region is None or root in bundle.only(root.region, root.channel).roots, "a region has its roots")
        _promise(root.fingerprint == sha256(root.der).hexdigest(), "a fingerprint is the certificate's")
        with warnings.catch_warnings(action="ignore"):
            certificate = x509.load_der_x509_certificate(root.der)
            certificate.verify_directly_issued_by(certificate)  # raises unless it is self-signed
    _check_with_openssl(bundle.to_pem(), {root.der for root in bundle.roots})
    return True


def _check_with_openssl(pem: bytes, roots: set[bytes]) -> None:
    """Ask the library that will trust these certificates, which shares no code with the parser."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=pem.decode("ascii"))
    _promise(set(context.get_ca_certs(binary_form=True)) == roots, "OpenSSL sees these CA certificates and no other")
    for details in context.get_ca_certs():
        begin, end = (ssl.cert_time_to_seconds(str(details[key])) for key in ("notBefore", "notAfter"))
        _promise(details["subject"] == details["issuer"], "OpenSSL finds a root issued by itself")
        _promise(begin <= NOW.timestamp() <= end, "OpenSSL finds a root valid now")


def check_manifest(data: bytes) -> bool:
    """Feed a text to ``parse_manifest``.

    Args:
        data: the text, in UTF-8.

    Returns:
        Whether it is a manifest.

    Raises:
        BrokenPromiseError: a promise is broken. Any exception that is not the parser's own passes through.
    """
    try:
        files = parse_manifest(data.decode("utf-8", "surrogateescape"))
    except TrustError:
        return False
    _promise(files, "a snapshot has files")
    for name, shipped in files.items():
        _promise(os.path.normpath(shipped.path) == f"{DIRECTORY}/{name}", "a file is inside the directory")
        datetime.fromtimestamp(shipped.fetched_at, UTC)  # raises unless it is a moment of the calendar
        _promise(shipped.source, "a file is from somewhere")
    return True


def check_cache(data: bytes) -> bool:
    """Give ``Cache.read`` a file with these bytes, and one in which they are behind a right checksum.

    Args:
        data: a file of the cache, or what follows its checksum.

    Returns:
        Whether an entry was read.

    Raises:
        BrokenPromiseError: a promise is broken. Any exception, since ``Cache.read`` raises none, passes through.
    """
    forged = b"# rds_tls cache 1\n# sha256: %b\n%b" % (sha256(data).hexdigest().encode(), data)
    return _each(_check_file, data, forged)


def _check_file(data: bytes) -> bool:
    store = _scratch_cache()
    path = Path(store.directory, "entry.pem")
    path.write_bytes(data)
    path.chmod(0o600)
    entry = store.read("entry")
    if entry is None:
        return False
    first, check, rest = data.split(b"\n", 2)
    _promise(check == b"# sha256: " + sha256(rest).hexdigest().encode(), f"a file is whole below {first!r}")
    _promise(entry.digest == sha256(entry.content).hexdigest(), "a digest is the content's")
    _promise(data.endswith(entry.content), "the content is the end of the file")
    _check_header(store, path, entry, data.removesuffix(entry.content))
    return True


def _check_header(store: Cache, path: Path, entry: Entry, header: bytes) -> None:
    lines = header.decode("ascii").splitlines()
    _promise(all(line.startswith("# ") and "-----" not in line for line in lines), "the header is comment lines")
    content = Path(store.directory, "content.pem")
    content.write_bytes(entry.content)
    _promise(_anchors(path) == _anchors(content), "the header adds and hides no trust anchor")
    _promise(
        store.publish("entry", entry.content, entry.origin) == entry,
        "an entry that was read can be published and reads the same",
    )


def _anchors(path: Path) -> list[bytes] | None:
    """Read a file as libpq does; None for one that OpenSSL refuses."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cafile=path)
    except ssl.SSLError:
        return None
    return context.get_ca_certs(binary_form=True)


@cache
def _scratch_cache() -> Cache:
    """Make one directory for all runs: a fault is reported once for each path."""
    return Cache(tempfile.mkdtemp(prefix="rds-tls-fuzz-"))


TARGETS: dict[str, Callable[[bytes], bool]] = {
    "endpoint": check_endpoint,
    "pem": check_pem,
    "pkcs7": check_pkcs7,
    "manifest": check_manifest,
    "cache": check_cache,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: the command line; that of the process by default.

    Returns:
        libFuzzer's exit status: 0 when time was up before anything was found.
    """
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz", description="Fuzz one parser until time is up.")
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=600, help="how long, 600 unless given")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="rds-tls-fuzz-") as folder:
        child = os.fork()
        if not child:
            _fuzz(options.target, options.seconds, folder)
        _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _fuzz(target: str, seconds: int, folder: str) -> None:
    """Fuzz; libFuzzer then ends the process without a look back, so another one must clean the folder up."""
    atheris = import_module("atheris")
    tempfile.tempdir = folder
    seeds = SEEDS / target
    limits = [f"-max_total_time={seconds}", f"-max_len={LONGEST}", f"-timeout={SLOWEST}", f"-rss_limit_mb={LARGEST}"]

    def run(data: bytes) -> None:
        TARGETS[target](data)

    atheris.instrument_all()
    atheris.Setup([sys.argv[0], *limits, f"-artifact_prefix={seeds}/find-", tempfile.mkdtemp(), str(seeds)], run)
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
