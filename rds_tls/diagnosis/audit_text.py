"""What an audit found, as lines of 80 columns for somebody who reads them."""

from __future__ import annotations

import shlex
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from rds_tls.diagnosis.audit_rules import Default, Judged, Missing
    from rds_tls.diagnosis.audit_values import Authority, EngineVersion, Trusted

_WIDTH = 80

# What a server says whose certificate AWS renews by itself.
_BY_AMAZON = ("Amazon Trust", "by AWS", "-", "by AWS")

_PLURALS = {"instance": "instances", "cluster": "clusters", "proxy": "proxies"}
_ROTATION = {None: "not known", True: "restarts", False: "no restart"}


def server_lines(servers: Iterable[Judged]) -> Iterator[str]:
    """Give two lines for each server: what it is; and its CA, its certificate's end, the days left, the rotation."""
    for each in servers:
        server = each.server
        yield f"{server.region}  {server.name}  {server.engine_and_version}"
        ca_id, until, left, rotation = _BY_AMAZON if server.is_by_amazon else _cells(each)
        row = f"  {ca_id:<17}  {until:<10}  {left:>9}  {rotation:<10}"
        pending = [f"{server.pending_ca_id} pending"] if server.pending_ca_id else []
        yield from _marked(row, [*_worst(each), *pending])


def _cells(each: Judged) -> tuple[str, str, str, str]:
    left = "-" if each.days_left is None else f"{each.days_left} days"
    rotation = _ROTATION[each.engine.restarts if each.engine else None]
    return each.server.ca_id or "-", _date(each.server.valid_until), left, rotation


def _worst(each: Judged | Default) -> list[str]:
    """Give the most urgent finding alone: the days and the verdict show the others."""
    return [finding.text for finding in each.findings[:1]]


def _marked(row: str, marks: list[str]) -> list[str]:
    """Put marks behind a row, or below it where there is no room."""
    mark = f"<- {', '.join(marks)}"
    if not marks:
        return [row.rstrip()]
    behind = f"{row}  {mark}"
    return [behind] if len(behind) <= _WIDTH else [row.rstrip(), f"      {mark}"]


def default_lines(defaults: Iterable[Default]) -> Iterator[str]:
    """Give a line for each region: the CA that a new server gets, and whose choice that is."""
    for each in defaults:
        authority = each.authority
        row = f"{authority.region}  new servers get {authority.ca_id}, {_choice(authority)}"
        yield from _marked(row, _worst(each))


def authority_lines(region: str, authorities: Iterable[Authority]) -> Iterator[str]:
    """Give a region's name, and a line for each of its CAs; nothing where it showed none."""
    rows = tuple(authorities)
    yield from [region] if rows else []
    for each in rows:
        row = f"  {each.ca_id:<17}  until {_date(each.valid_until)}"
        yield f"{row}  new servers get it, {_choice(each)}" if each.is_default else row


def _choice(authority: Authority) -> str:
    if not authority.is_override:
        return "RDS's default"
    ends = f" until {_date(authority.override_until)}" if authority.override_until else ""
    return f"an override{ends}"


def engine_lines(engines: Iterable[EngineVersion]) -> Iterator[str]:
    """Give two lines for each engine's version: how it rotates, and the CAs that it supports."""
    for each in engines:
        lasting = f"{each.years}-year certificates, " if each.years else ""
        yield f"{each.region}  {each.engine} {each.version}: {lasting}{_ROTATION[each.restarts]}"
        yield f"  {', '.join(each.ca_ids) or 'no CA named'}"


def verdict(servers: Iterable[Judged], missing: Iterable[Missing], trusted: Trusted) -> Iterator[str]:
    """Say how many there are, and whether the programs that have these roots can connect to them."""
    kinds = Counter(each.server.kind for each in servers)
    counts = ", ".join(f"{count} {kind if count == 1 else _PLURALS[kind]}" for kind, count in sorted(kinds.items()))
    whose = f"programs that use {trusted.bundle}" if trusted.bundle else "rds_tls"
    lines = [f"  {each.region}  {each.ca_id}" for each in missing]
    if lines:
        yield f"{counts or 'no servers'}; {whose} will refuse what these CAs sign:"
        yield from lines
    else:
        unknown = f", but for those in {', '.join(sorted(trusted.unknown))}" if trusted.unknown else ""
        yield f"{counts or 'no servers'}; {whose} {'trust' if trusted.bundle else 'trusts'} all of their CAs{unknown}."


def bundle_lines(missing: Iterable[Missing], trusted: Trusted) -> Iterator[str]:
    """Say where a bundle gets the roots that it lacks; of a retired CA there is none."""
    places = ("ENDPOINT" if each.is_amazon else each.region for each in missing if not each.is_retired)
    for place in dict.fromkeys(places if trusted.bundle else ()):
        of = " for the proxy's endpoint" if place == "ENDPOINT" else ""
        yield f"First add to {trusted.bundle} the roots that 'rds-tls bundle {place}' prints{of}."


def fix_lines(commands: Iterable[str]) -> Iterator[str]:
    """Break commands in front of an option, as a shell reads on."""
    for command in commands:
        line = " "
        for part in _parts(command):
            if len(line) + len(part) + len("  \\") > _WIDTH:
                yield f"{line} \\"
                line = "     "
            line += f" {part}"
        yield line


def _parts(command: str) -> list[str]:
    """Cut a command in front of its options."""
    parts: list[str] = []
    for word in map(shlex.quote, shlex.split(command)):
        if parts and not word.startswith("--"):
            parts[-1] += f" {word}"
        else:
            parts.append(word)
    return parts


def _date(moment: datetime | None) -> str:
    return "-" if moment is None else f"{moment:%Y-%m-%d}"
