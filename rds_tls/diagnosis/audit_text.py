"""What an audit found, as lines of 80 columns for somebody who reads them."""

from __future__ import annotations

import shlex
from collections import Counter
from typing import TYPE_CHECKING

from rds_tls.diagnosis.audit_rules import NOT_TRUSTED
from rds_tls.diagnosis.audit_values import short

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from rds_tls.diagnosis.audit_rules import Default, Judged
    from rds_tls.diagnosis.audit_values import Authority, EngineVersion, Trusted

_WIDTH = 80

# What a server says whose certificate AWS renews by itself.
_BY_AMAZON = ("Amazon Trust", "by AWS", "-", "by AWS")

_PLURALS = {"instance": "instances", "cluster": "clusters", "proxy": "proxies"}
_ROTATION = {None: "unknown", True: "restarts", False: "no restart"}


def server_lines(servers: Iterable[Judged]) -> Iterator[str]:
    """Give two lines for each server: what it is; and its CA, its certificate's end, the days left, the rotation."""
    for each in servers:
        server = each.server
        yield f"{server.region}  {server.name}  {server.engine_and_version}"
        ca_id, until, left, rotation = _BY_AMAZON if server.is_by_amazon else _cells(each)
        row = f"  {ca_id:<17}  {until:<10}  {left:>10}  {rotation:<10}".rstrip()
        pending = [f"{server.pending_ca_id} pending"] if server.pending_ca_id else []
        yield from _marked(row, ", ".join([*(finding.text for finding in each.findings), *pending]))


def _cells(each: Judged) -> tuple[str, str, str, str]:
    left = "-" if each.days_left is None else f"{each.days_left} days"
    rotation = _ROTATION[each.engine.restarts if each.engine else None]
    return each.server.ca_id or "-", _date(each.server.valid_until), left, rotation


def _marked(row: str, mark: str) -> list[str]:
    """Put a mark behind a row, or below it where there is no room."""
    if not mark:
        return [row]
    behind = f"{row:<47}  <- {mark}"
    return [behind] if len(behind) <= _WIDTH else [row, f"      <- {mark}"]


def default_lines(defaults: Iterable[Default]) -> Iterator[str]:
    """Give two lines for each region: the CA that a new server gets, and whose choice that is."""
    for each in defaults:
        authority = each.authority
        row = f"{authority.region}  new servers get {authority.ca_id}, {_choice(authority)}"
        yield from _marked(row, ", ".join(finding.text for finding in each.findings))


def authority_lines(region: str, authorities: Iterable[Authority]) -> Iterator[str]:
    """Give a region's name, and a line for each of its CAs."""
    yield region
    for each in authorities:
        row = f"  {each.ca_id:<17}  until {_date(each.valid_until)}"
        yield f"{row}  new servers get it: {_choice(each)}" if each.is_default else row


def _choice(authority: Authority) -> str:
    if not authority.is_override:
        return "the default"
    ends = f" until {_date(authority.override_until)}" if authority.override_until else ""
    return f"this account's override{ends}"


def engine_lines(engines: Iterable[EngineVersion]) -> Iterator[str]:
    """Give two lines for each engine's version: how it rotates, and the CAs that it supports."""
    for each in engines:
        lasting = f"certificates of {each.years} year{'s' if each.years != 1 else ''}, " if each.years else ""
        rotation = {None: "rotation unknown", True: "a rotation restarts", False: "rotates without a restart"}
        yield f"{each.region}  {each.engine} {short(each.version)}: {lasting}{rotation[each.restarts]}"
        yield f"  {', '.join(each.ca_ids) or 'no CA named'}"


def verdict(servers: tuple[Judged, ...], defaults: tuple[Default, ...], trusted: Trusted) -> Iterator[str]:
    """Say how many there are, and whether the programs that have these roots can connect to them."""
    lacking = sorted(
        {(each.server.region, _signer(each)) for each in servers if _is_lacking(each)}
        | {(each.authority.region, each.authority.ca_id) for each in defaults if _is_lacking(each)}
    )
    kinds = Counter(each.server.kind for each in servers)
    counts = ", ".join(f"{count} {kind if count == 1 else _PLURALS[kind]}" for kind, count in sorted(kinds.items()))
    whose = f"programs that use {trusted.bundle}" if trusted.bundle else "rds_tls"
    verb = "trust" if trusted.bundle else "trusts"
    if lacking:
        yield f"{counts or 'no servers'}; {whose} will refuse what these CAs sign:"
        yield from (f"  {region}  {ca_id}" for region, ca_id in lacking)
        return
    seen = f", as far as could be seen (not in {', '.join(sorted(trusted.unknown))})" if trusted.unknown else ""
    yield f"{counts or 'no servers'}; {whose} {verb} all of their CAs{seen}."


def fix_lines(commands: Iterable[str]) -> Iterator[str]:
    """Break commands behind a word, as a shell reads on."""
    for command in dict.fromkeys(commands):
        line = " "
        for word in map(shlex.quote, shlex.split(command)):
            if len(line) + len(word) + len("  \\") > _WIDTH:
                yield f"{line} \\"
                line = "     "
            line += f" {word}"
        yield line


def _signer(each: Judged) -> str:
    return "Amazon Root CA 1" if each.server.is_by_amazon else each.server.ca_id or "-"


def _is_lacking(each: Judged | Default) -> bool:
    return any(finding.id == NOT_TRUSTED for finding in each.findings)


def _date(moment: datetime | None) -> str:
    return "-" if moment is None else f"{moment:%Y-%m-%d}"
