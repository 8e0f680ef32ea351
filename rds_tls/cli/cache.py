"""``rds-tls cache``: where downloaded roots are kept, and what is there."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from rds_tls.cli import _common
from rds_tls.roots.cache.contents import Place, clear, places
from rds_tls.settings import process_settings

if TYPE_CHECKING:
    import argparse

    from rds_tls.roots.cache.contents import Listed

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "--clear",
        action="store_true",
        help="remove the entries, and no other file; a program that was told the path of one cannot connect before it "
        "asks again",
    )
    _common.add_json(parser)


def run(chosen: argparse.Namespace) -> int:
    """Print what is there, or what was removed; 1 where no directory can be used, or something stays."""
    return _clear(as_json=chosen.json) if chosen.clear else _show(as_json=chosen.json)


def _clear(*, as_json: bool) -> int:
    with _common.waiting("waiting for other processes that download roots"):
        removed, faults = clear(process_settings())
    if as_json:
        _common.write_json({"removed": removed, "faults": faults})
    else:
        _common.write("\n".join(f"removed {path}" for path in removed) or "there was nothing to remove")
        sys.stderr.writelines(f"rds-tls cache: {fault}\n" for fault in faults)
    return 1 if faults else 0


def _show(*, as_json: bool) -> int:
    found = places(process_settings())
    used = next((place for place in found if place.fault is None), None)
    if as_json:
        directory = None if used is None else used.directory
        _common.write_json({"directory": directory, "places": [place.to_dict() for place in found]})
        return 1 if used is None else 0
    # One that has nothing and gets nothing is nobody's concern.
    shown = [place for place in found if place is used or place.entries or place.fault]
    lines = [line for place in shown for line in _lines(place, is_used=place is used)]
    if used is None:
        lines.append("downloads stay in memory: set RDS_TLS_CACHE_DIR to a directory that can be written")
    _common.show("\n".join(lines), 4)
    return 1 if used is None else 0


def _lines(place: Place, *, is_used: bool) -> list[str]:
    state = "downloaded roots go here" if is_used else place.fault or "not needed"
    lines = [place.directory, f"  {state}"]
    if place.entries:
        lines.append(f"  {'region':<16}{'fetched (UTC)':<18}{'age':<11}{'size':>8}{'roots':>7}")
    return lines + [_line(entry) for entry in place.entries]


def _line(entry: Listed) -> str:
    """Describe an entry; what these settings do not find is unused, such as one of a mirror that is no longer named."""
    if entry.fetched_at is None:
        return f"  {entry.region:<16}not used: {entry.fault}"
    fetched = time.strftime("%Y-%m-%d %H:%M", time.gmtime(entry.fetched_at))
    age = _age(time.time() - entry.fetched_at)
    fresh = "fresh" if entry.is_fresh else "stale"
    mark = "" if entry.is_found else ", unused"
    return f"  {entry.region:<16}{fetched:<18}{age:<11}{entry.size:>8}{entry.roots:>7}  {fresh}{mark}"


def _age(seconds: float) -> str:
    for unit, name in ((_DAY, "day"), (_HOUR, "hour"), (_MINUTE, "minute")):
        if count := int(seconds // unit):
            return f"{count} {name}{'' if count == 1 else 's'}" if count > 0 else "in future"
    return "just now"
