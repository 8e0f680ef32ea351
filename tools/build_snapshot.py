"""Build, or check, the CA roots that ship with rds_tls.

From the root of a checkout::

    python -m tools.build_snapshot global-bundle.pem govcloud-bundle.pem china-bundle.pem
    python -m tools.build_snapshot --check

The same bundles, in any order, ``--date`` and certifi give the same bytes. A bundle is a file or an https URL, and is
taken only if tools/snapshot_sources.tsv says where it is from. A root that contradicts rds_tls/roots/known.py is never
written; a root that is not in that table is written with a warning, and the tests then ask for its row.
"""

import argparse
import hashlib
import re
import ssl
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from itertools import groupby
from pathlib import Path

import certifi

from rds_tls.endpoint import RootSet, Trust
from rds_tls.errors import BundleError, RdsTlsError
from rds_tls.roots.bundle import Bundle, Root, parse_bundle
from rds_tls.roots.ca_names import RDS_NAME
from rds_tls.roots.channel import CHANNELS, Channel
from rds_tls.roots.known import AMAZON_ROOTS, RDS_ROOTS
from rds_tls.roots.snapshot import COLUMNS, DIRECTORY, MANIFEST, Shipped, parse_manifest
from tools.bundle_sources import SOURCES, Taken, read_sources, take

AMAZON_FILE = f"{RootSet(Trust.AMAZON, None).name}.pem"

# Whose roots each channel ships as.
SHIPPED = {channel: trust for trust, channel in CHANNELS.items()}

CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
CERTIFI = re.compile(r"certifi [0-9]\S*")


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
            build(options.bundle, options.sources, options.date, options.output)
        faults = check(options.output, options.sources, options.date)
    except (RdsTlsError, OSError, UnicodeDecodeError) as error:
        faults = [str(error)]
    for fault in faults:
        print(f"error: {fault}", file=sys.stderr)
    return 1 if faults else 0


def build(locations: Iterable[str], sources: Path, day: date, output: Path) -> None:
    """Write the snapshot's files and its manifest.

    Args:
        locations: the bundles: files, or https URLs.
        sources: the table of where each bundle is from.
        day: the UTC date of the snapshot, on which every root must be valid.
        output: the directory to write to.

    Raises:
        BundleError: a bundle is unusable, from nowhere, or contradicts the table of known roots or another bundle.
        OSError: a bundle cannot be read or fetched, or the output not written.
    """
    known = read_sources(sources)
    taken = [take(location, known, _midnight(day)) for location in locations]
    bundles = [bundle for bundle, _ in taken]
    roots = [root for bundle in bundles for root in bundle.roots]
    if faults := [*strangers(roots), *contradictions(roots), *overlaps(bundles)]:
        raise BundleError("; ".join(faults))
    for name in unknown(roots):
        print(f"warning: {name} is new: check its fingerprint, then add it to roots/known.py", file=sys.stderr)
    files = {file: Taken(cut, source) for bundle, source in taken for file, cut in regional(bundle).items()}
    amazon = amazon_roots(Path(certifi.where()).read_text("utf-8"))
    write(files | {AMAZON_FILE: Taken(amazon, f"certifi {certifi.__version__}")}, day, output)
    print(f"{output}: {len(files) + 1} files. The bundles have {account(bundles)}.")


def write(files: Mapping[str, Taken], day: date, output: Path) -> None:
    """Write the files, then the manifest that lists them."""
    output.mkdir(parents=True, exist_ok=True)
    for file, (content, _) in files.items():
        (output / file).write_bytes(content.to_pem())
    shipped = [_shipped(file, content, day, source) for file, (content, source) in files.items()]
    (output / MANIFEST).write_bytes(render(shipped, day).encode())


def check(directory: Path, sources: Path, day: date) -> list[str]:
    """Compare a snapshot with its own manifest and with the tables of known roots and of sources.

    Args:
        directory: where the snapshot is.
        sources: the table of where each bundle is from.
        day: the UTC date on which every root must be valid.

    Returns:
        What is wrong, in words; empty when nothing is.

    Raises:
        BundleError: the table of sources is damaged.
        TrustError: the manifest is damaged.
        OSError: a file cannot be read.
    """
    known = read_sources(sources).values()
    listed = parse_manifest((directory / MANIFEST).read_text("utf-8"))
    present = {path.name for path in directory.glob("*.pem")}
    faults = [f"{file} is not in {MANIFEST}: delete it" for file in sorted(present - listed.keys())]
    faults += [f"{file} is in {MANIFEST} but not on disk" for file in sorted(listed.keys() - present)]
    if AMAZON_FILE not in listed:
        faults.append(f"{AMAZON_FILE} is not in {MANIFEST}")
    for file in sorted(present & listed.keys()):
        try:
            found = _source_faults(listed[file], known) + _file_faults(directory, listed[file], day)
        except ValueError as error:  # BundleError is one too
            found = [str(error)]
        faults += [f"{file}: {fault}" for fault in found]
    return faults


def contradictions(roots: Iterable[Root]) -> list[str]:
    """List the roots whose fingerprint is not the published one, and those that a region lacks."""
    found = {(root.region, root.channel, root.ca_id, root.fingerprint) for root in roots}
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


def strangers(roots: Iterable[Root]) -> list[str]:
    """List the roots whose names are none that RDS gives to roots: AWS has test CAs too, and anybody has others."""
    return [f"{root.name!r} is no name of an RDS root" for root in roots if not RDS_NAME.fullmatch(root.name)]


def overlaps(bundles: Iterable[Bundle]) -> list[str]:
    """List the files that more than one bundle would give: their source would be either."""
    counts = Counter(file for bundle in bundles for file in regional(bundle))
    return [f"{count} bundles hold {file}: leave all but one out" for file, count in counts.items() if count > 1]


def unknown(roots: Iterable[Root]) -> list[str]:
    """Name the RDS roots that the table of known roots does not have."""
    return [root.name for root in roots if root.region and root.fingerprint not in RDS_ROOTS.values()]


def account(bundles: Iterable[Bundle]) -> str:
    """Say how many roots the bundles have and what was dropped."""
    roots, dropped = 0, Counter[str]()
    for bundle in bundles:
        roots += len(bundle.roots)
        dropped.update(entry.reason.value for entry in bundle.dropped)
    return ", ".join([f"{roots} valid roots", *(f"{count} {reason}" for reason, count in dropped.items())])


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


def render(shipped: Iterable[Shipped], day: date) -> str:
    """Write the manifest: a row for each file, below the source that its roots were taken from."""
    lines = ["# Written by tools/build_snapshot.py", f"# fetched-at: {_seconds(day)}", f"# {' '.join(COLUMNS)}"]
    ordered = sorted(shipped, key=lambda row: (row.source, row.file))
    for source, rows in groupby(ordered, key=lambda row: row.source):
        lines += [f"# source: {source}", *("\t".join(map(str, row[: len(COLUMNS)])) for row in rows)]
    return "\n".join(lines) + "\n"


def _shipped(file: str, content: Bundle, day: date, source: str) -> Shipped:
    return Shipped(file, hashlib.sha256(content.to_pem()).hexdigest(), content.digest, _seconds(day), source)


def _source_faults(shipped: Shipped, known: Iterable[str]) -> list[str]:
    """List what is wrong with what the manifest says about where a file is from."""
    fits = bool(CERTIFI.fullmatch(shipped.source)) if shipped.file == AMAZON_FILE else shipped.source in known
    return [] if fits else [f"is from {shipped.source!r}, which the table of sources does not have"]


def _file_faults(directory: Path, shipped: Shipped, day: date) -> list[str]:
    """List what is wrong with one shipped file: built again from its own content, it must come out the same."""
    content = (directory / shipped.file).read_bytes()
    if shipped.file == AMAZON_FILE:
        files = {AMAZON_FILE: amazon_roots(content.decode("ascii", "replace"))}
    else:
        files = regional(parse_bundle(content, now=_midnight(day)))
    faults = [fault for bundle in files.values() for fault in contradictions(bundle.roots)]
    rebuilt = [_shipped(file, bundle, day, shipped.source) for file, bundle in files.items()]
    if rebuilt != [shipped._replace(fetched_at=_seconds(day))] or hashlib.sha256(content).hexdigest() != shipped.sha256:
        faults.append(f"holds something else than {MANIFEST} says")
    return faults


def _seconds(day: date) -> int:
    return int(_midnight(day).timestamp())


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="build_snapshot", description="Build or check the shipped CA roots.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("bundle", nargs="*", default=[], help="downloaded bundles, or their https URLs")
    what.add_argument("--check", action="store_true", help="only compare the files with the manifest and the tables")
    parser.add_argument("--sources", type=Path, default=SOURCES, help="the table that says where each bundle is from")
    parser.add_argument("--date", type=date.fromisoformat, default=datetime.now(UTC).date(), help="UTC, YYYY-MM-DD")
    parser.add_argument("--output", type=Path, default=Path(DIRECTORY), help="the snapshot's directory")
    return parser


if __name__ == "__main__":
    sys.exit(main())
