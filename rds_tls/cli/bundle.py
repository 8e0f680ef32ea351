"""``rds-tls bundle``: the roots of a region, as a file for programs of any kind."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rds_tls.cli import _common
from rds_tls.diagnosis.inspect import inspect_bundle, is_published
from rds_tls.errors import OptionError
from rds_tls.roots.export import JAVA_PASSWORD, to_java_truststore, to_pkcs7

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from rds_tls.roots.bundle import Root

_FORMATS = ("pem", "p7b", "p12")

# What makes use of a file. Source: certutil's and keytool's own help.
_HINTS = {
    "p7b": "on Windows: certutil -user -addstore Root {file}   (this user alone, every program of theirs)",
    "p12": (
        f"in Java: -Djavax.net.ssl.trustStore={{file}} -Djavax.net.ssl.trustStorePassword={JAVA_PASSWORD}\n"
        f"to look: keytool -list -keystore {{file}} -storepass {JAVA_PASSWORD}   (Java's own habit, no secret)"
    ),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("place", metavar="REGION|HOST", help="a region, such as eu-west-1, or an endpoint")
    formats = parser.add_mutually_exclusive_group()
    helps = ("PEM, for nearly everything (the default)", "PKCS#7, for Windows", "PKCS#12, a trust store for Java")
    for name, text in zip(_FORMATS, helps, strict=True):
        formats.add_argument(f"--{name}", dest="format", action="store_const", const=name, help=text)
    parser.add_argument("-o", "--output", metavar="FILE", help="write it there; PEM goes to stdout unless given")
    _common.add_json(parser)


def run(chosen: argparse.Namespace) -> int:
    """Write the file; the format is that of the file's name unless one is chosen."""
    named = next((name for name in _FORMATS if (chosen.output or "").endswith(f".{name}")), "pem")
    form = chosen.format or named
    if chosen.output is None and (form != "pem" or chosen.json):
        raise OptionError("stdout is for PEM alone: name a file with -o, such as -o roots.p7b")
    pem = _common.anchors_of(chosen.place).pem()
    if chosen.output is None:
        sys.stdout.buffer.write(pem)  # as it is: a file of the caller's own may have comments in any encoding
        return 0
    roots = inspect_bundle(pem).roots
    with open(chosen.output, "wb") as file:
        file.write(_made(form, pem, roots))
    _report(chosen, form, roots)
    return 0


def _made(form: str, pem: bytes, roots: Sequence[Root]) -> bytes:
    return {"p7b": to_pkcs7, "p12": to_java_truststore}[form](roots) if form != "pem" else pem


def _report(chosen: argparse.Namespace, form: str, roots: Sequence[Root]) -> None:
    published = sum(map(is_published, roots))
    if chosen.json:
        described = {"file": chosen.output, "format": form, "roots": len(roots), "published": published}
        _common.write_json(described | ({"password": JAVA_PASSWORD} if form == "p12" else {}))
        return
    known = "all of them" if published == len(roots) else f"{published} of them"
    _common.write(f"wrote {chosen.output}: {len(roots)} roots for {chosen.place}, {known} published by AWS")
    if form in _HINTS:
        _common.write(_HINTS[form].format(file=chosen.output))
