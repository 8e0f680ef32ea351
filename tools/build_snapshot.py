"""Build, or check, the CA roots that ship with rds_tls.

From the root of a checkout::

    python -m tools.build_snapshot https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem
    python -m tools.build_snapshot downloaded-bundle.pem --origin "where it is from"
    python -m tools.build_snapshot --check

The same bundle, ``--date`` and certifi give the same bytes. A root that contradicts rds_tls/known_roots.py is
never written; a root that is not in that table is written with a warning, and the tests then ask for its row.
"""

import argparse
import hashlib
import re
import ssl
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path

import certifi
import requests

from rds_tls.bundle import MAX_BYTES, Bundle, Channel, Root, parse_bundle
from rds_tls.endpoint import RootSet, Trust
from rds_tls.errors import BundleError, RdsTlsError
from rds_tls.known_roots import AMAZON_ROOTS, RDS_ROOTS
from rds_tls.snapshot import COLUMNS, DIRECTORY, MANIFEST, Shipped, parse_manifest

AMAZON_FILE = f"{RootSet(Trust.AMAZON, None).name}.pem"

# Whose roots each channel ships as. Beta is left out: no endpoint name leads to it.
SHIPPED = {Channel.GA: Trust.RDS, Channel.PREVIEW: Trust.RDS_PREVIEW}

CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)

TIMEOUT = (10.0, 60.0)  # seconds: to connect, between two pieces of the answer


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: the command line; that of the process by default.

    Returns:
        The exit status: 0 when the snapshot is whole, 1 when it is not or nothing was written.
    """
    options = _parser().parse_args(arguments)
    try:
        if not options.check:
            build(options.bundle, options.origin, options.date, options.output)
        faults = check(options.output, options.date)
    except (RdsTlsError, OSError, UnicodeDecodeError) as error:
        faults = [str(error)]
    for fault in faults:
        print(f"error: {fault}", file=sys.stderr)
    return 1 if faults else 0


def build(bundle_location: str, origin: str | None, day: date, output: Path) -> None:
    """Write the snapshot's files and its manifest.

    Args:
        bundle_location: a file, or an https URL.
        origin: where the bundle is from, for the manifest; the location itself by default.
        day: the UTC date of the snapshot, on which every root must be valid.
        output: the directory to write to.

    Raises:
        BundleError: the bundle is unusable or contradicts the table of known roots.
        OSError: the bundle cannot be read or fetched, or the output not written.
    """
    data = fetch(bundle_location) if "://" in bundle_location else Path(bundle_location).read_bytes()
    bundle = parse_bundle(data, now=_midnight(day))
    if faults := contradictions(bundle.roots):
        raise BundleError("; ".join(faults))
    for name in unknown(bundle.roots):
        print(f"warning: {name} is new: check its fingerprint, then add it to known_roots.py", file=sys.stderr)
    source = f"{origin or bundle_location}, sha256 {hashlib.sha256(data).hexdigest()}"
    sources = {Trust.RDS: source, Trust.RDS_PREVIEW: source, Trust.AMAZON: f"certifi {certifi.__version__}"}
    amazon = amazon_roots(Path(certifi.where()).read_text("utf-8"))
    files = {AMAZON_FILE: amazon, **regional(bundle)}
    output.mkdir(parents=True, exist_ok=True)
    for file, content in files.items():
        (output / file).write_bytes(content.to_pem())
    shipped = [_shipped(file, content, day) for file, content in sorted(files.items())]
    (output / MANIFEST).write_bytes(render(shipped, day, sources).encode())
    print(f"{output}: {len(files)} files. The bundle has {account(bundle)}.")


def check(directory: Path, day: date) -> list[str]:
    """Compare a snapshot with its own manifest and with the table of known roots.

    Args:
        directory: where the snapshot is.
        day: the UTC date on which every root must be valid.

    Returns:
        What is wrong, in words; empty when nothing is.

    Raises:
        TrustError: the manifest is damaged.
        OSError: a file cannot be read.
    """
    listed = parse_manifest((directory / MANIFEST).read_text("utf-8"))
    present = {path.name for path in directory.glob("*.pem")}
    faults = [f"{file} is not in {MANIFEST}: delete it" for file in sorted(present - listed.keys())]
    faults += [f"{file} is in {MANIFEST} but not on disk" for file in sorted(listed.keys() - present)]
    if AMAZON_FILE not in listed:
        faults.append(f"{AMAZON_FILE} is not in {MANIFEST}")
    for file in sorted(present & listed.keys()):
        try:
            found = _file_faults((directory / file).read_bytes(), listed[file], day)
        except ValueError as error:  # BundleError is one too
            found = [str(error)]
        faults += [f"{file}: {fault}" for fault in found]
    return faults


def fetch(url: str) -> bytes:
    """Download a bundle over verified HTTPS; a redirect is refused, since it could lead elsewhere."""
    if not url.startswith("https://"):
        raise BundleError(f"{url} is not an https:// URL: what it gives could be anybody's roots")
    content = b""
    with requests.get(url, timeout=TIMEOUT, stream=True, allow_redirects=False) as response:
        if response.status_code != requests.codes.ok:
            raise BundleError(f"{url} answered with status {response.status_code}, not 200")
        for chunk in response.iter_content(65_536):
            content += chunk
            if len(content) > MAX_BYTES:
                break
    return content


def contradictions(roots: Iterable[Root]) -> list[str]:
    """List the roots whose fingerprint is not the published one, and those that a region lacks."""
    found = {(root.region, root.channel.value, root.ca_id, root.fingerprint) for root in roots}
    places = {(region, channel) for region, channel, *_ in found}
    faults = [
        f"{region} {channel} {ca_id} has SHA-256 {fingerprint}, but {RDS_ROOTS[region, channel, ca_id]} is published"
        for region, channel, ca_id, fingerprint in sorted(found, key=str)
        if region and ca_id and RDS_ROOTS.get((region, channel, ca_id), fingerprint) != fingerprint
    ]
    faults += [
        f"{region} {channel} lacks its published {ca_id}"
        for (region, channel, ca_id), fingerprint in RDS_ROOTS.items()
        if (region, channel) in places and (region, channel, ca_id, fingerprint) not in found
    ]
    return faults


def unknown(roots: Iterable[Root]) -> list[str]:
    """Name the RDS roots that the table of known roots does not have."""
    return [root.name for root in roots if root.region and root.fingerprint not in RDS_ROOTS.values()]


def account(bundle: Bundle) -> str:
    """Say how many roots a bundle has and what was dropped."""
    dropped = Counter(entry.reason.value for entry in bundle.dropped)
    counts = [f"{len(bundle.roots)} valid roots", *(f"{count} {reason}" for reason, count in dropped.items())]
    return ", ".join(counts)


def regional(bundle: Bundle) -> dict[str, Bundle]:
    """Cut a bundle into the files to ship, by file name; Beta roots and those of other owners are left out."""
    files = {}
    for region, channel in {(root.region, root.channel) for root in bundle.roots}:
        if region and channel in SHIPPED:
            roots = sorted(bundle.only(region, channel).roots, key=lambda root: (root.name, root.fingerprint))
            files[f"{RootSet(SHIPPED[channel], region).name}.pem"] = Bundle(tuple(roots), ())
    return files


def amazon_roots(text: str) -> Bundle:
    """Pick the five Amazon Trust Services roots out of PEM text, by the SHA-256 of their DER.

    The standard library does it alone: the Starfield root's serial number is 0, which cryptography warns of
    and will refuse in a later release.
    """
    ders = [ssl.PEM_cert_to_DER_cert(block) for block in CERTIFICATE.findall(text)]
    by_fingerprint = {hashlib.sha256(der).hexdigest(): der for der in ders}
    if missing := [name for name, fingerprint in AMAZON_ROOTS.items() if fingerprint not in by_fingerprint]:
        raise BundleError(f"no {', '.join(missing)}: all {len(AMAZON_ROOTS)} roots of AMAZON_ROOTS must be there")
    return Bundle(tuple(_amazon_root(name, by_fingerprint[key]) for name, key in AMAZON_ROOTS.items()), ())


def _amazon_root(name: str, der: bytes) -> Root:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=der)
    [facts] = context.get_ca_certs()
    begin, end = (
        datetime.fromtimestamp(ssl.cert_time_to_seconds(str(facts[key])), UTC) for key in ("notBefore", "notAfter")
    )
    return Root(name, None, Channel.GA, None, hashlib.sha256(der).hexdigest(), begin, end, der)


def render(shipped: Iterable[Shipped], day: date, sources: dict[Trust, str]) -> str:
    """Write the manifest: facts first, then a row for each file."""
    facts = {"fetched-at": _seconds(day)} | {trust.value: source for trust, source in sources.items()}
    comments = "".join(f"# {key}: {value}\n" for key, value in facts.items())
    rows = "".join("\t".join(map(str, row[: len(COLUMNS)])) + "\n" for row in shipped)
    return f"# Written by tools/build_snapshot.py\n{comments}# {' '.join(COLUMNS)}\n{rows}"


def _shipped(file: str, content: Bundle, day: date) -> Shipped:
    return Shipped(file, hashlib.sha256(content.to_pem()).hexdigest(), content.digest, _seconds(day))


def _file_faults(content: bytes, shipped: Shipped, day: date) -> list[str]:
    """List what is wrong with one shipped file: built again from its own content, it must come out the same."""
    if shipped.file == AMAZON_FILE:
        files = {AMAZON_FILE: amazon_roots(content.decode("ascii", "replace"))}
    else:
        files = regional(parse_bundle(content, now=_midnight(day)))
    faults = [fault for bundle in files.values() for fault in contradictions(bundle.roots)]
    rebuilt = [_shipped(file, bundle, day)._replace(fetched_at=shipped.fetched_at) for file, bundle in files.items()]
    if rebuilt != [shipped] or hashlib.sha256(content).hexdigest() != shipped.sha256:
        faults.append(f"holds something else than {MANIFEST} says")
    return faults


def _seconds(day: date) -> int:
    return int(_midnight(day).timestamp())


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="build_snapshot", description="Build or check the shipped CA roots.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("bundle", nargs="?", help="a downloaded bundle, or the https URL of one")
    what.add_argument("--check", action="store_true", help="only compare the files with the manifest and the table")
    parser.add_argument("--origin", metavar="TEXT", help="where the bundle is from, for the manifest")
    parser.add_argument("--date", type=date.fromisoformat, default=datetime.now(UTC).date(), help="UTC, YYYY-MM-DD")
    parser.add_argument("--output", type=Path, default=Path(DIRECTORY), help="the snapshot's directory")
    return parser


if __name__ == "__main__":
    sys.exit(main())
