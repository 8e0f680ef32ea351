"""The audit of an account: what was seen of its regions, judged; a value that prints, and becomes JSON or a table."""

from __future__ import annotations

import html
from datetime import datetime  # noqa: TC003 - typing.get_type_hints looks it up here
from typing import TYPE_CHECKING, Any, NamedTuple

from rds_tls.diagnosis.audit_rules import Default, Judged, Measure, Missing, judged, judged_default, missing
from rds_tls.diagnosis.audit_text import bundle_lines, default_lines, engine_lines, fix_lines, server_lines, verdict
from rds_tls.diagnosis.audit_values import (  # noqa: TC001 - typing.get_type_hints looks them up here
    Authority,
    EngineVersion,
    Trusted,
    View,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

# The columns of a table for other programs.
COLUMNS = (
    "region",
    "kind",
    "identifier",
    "cluster",
    "engine",
    "version",
    "ca_id",
    "valid_until",
    "days_left",
    "restarts",
    "years",
    "supported_ca_ids",
    "pending_ca_id",
    "findings",
    "command",
)


class AuditReport(NamedTuple):
    """What ``audit`` saw of an account, the most urgent first.

    Attributes:
        at: when that was, UTC.
        days: how many days before a certificate's end that is a finding.
        trusted: the roots that the servers were compared with.
        servers: instances, proxies, and clusters that have a certificate of their own or no instance.
        defaults: the CA that a new server gets, for each region.
        authorities: the CAs that RDS offers, in each region.
        engines: what the servers' engines make of certificates.
        unseen: what could not be seen, and why; a line each.
    """

    at: datetime
    days: int
    trusted: Trusted
    servers: tuple[Judged, ...]
    defaults: tuple[Default, ...]
    authorities: tuple[Authority, ...] = ()
    engines: tuple[EngineVersion, ...] = ()
    unseen: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether everything was seen, and nothing is wrong with it."""
        return not self.unseen and not any(each.findings for each in self._judged)

    @property
    def missing(self) -> tuple[Missing, ...]:
        """The CAs that programs do not trust, and that sign for a server or would for a new one."""
        return missing(self.servers, self.defaults)

    @property
    def commands(self) -> tuple[str, ...]:
        """What puts the findings right, for a shell, the most urgent first; nothing runs it."""
        return tuple(dict.fromkeys(each.command for each in self._judged if each.command))

    @property
    def _judged(self) -> list[Judged | Default]:
        return [*self.servers, *self.defaults]

    def __str__(self) -> str:
        lines = [*server_lines(self.servers), "", *default_lines(self.defaults)]
        lines += [*engine_lines(self.engines), "", *verdict(self.servers, self.missing, self.trusted)]
        lines += bundle_lines(self.missing, self.trusted)
        if self.commands:
            lines += ["To fix, after reading rds-tls audit --explain:", *fix_lines(self.commands)]
        return "\n".join([*lines, *(f"not seen: {each}" for each in self.unseen)]).lstrip("\n")

    def to_dict(self) -> dict[str, Any]:
        """Give the report as plain values, for JSON.

        Returns:
            ``at`` (ISO 8601), ``days``, ``ok``, ``bundle`` (the file's name, or null for the package's own roots);
            ``servers``, each as ``rows`` has it; ``defaults`` and ``authorities`` with ``region``, ``ca_id``,
            ``valid_until``, ``is_default``, ``is_override``, ``override_until`` and ``thumbprint``, the defaults with
            ``findings`` and ``command`` too; ``engines`` with ``region``, ``engine``, ``version``, ``ca_ids``,
            ``restarts`` and ``years``; ``missing`` with ``region``, ``ca_id``, ``is_amazon`` and ``is_retired``;
            ``commands``; and ``unseen``, a line for each thing that could not be seen.
        """
        return {
            "at": self.at.isoformat(),
            "days": self.days,
            "ok": self.ok,
            "bundle": self.trusted.bundle,
            "servers": [_row(each) for each in self.servers],
            "defaults": [
                described_authority(each.authority) | {"findings": _ids(each), "command": each.command}
                for each in self.defaults
            ],
            "authorities": [*map(described_authority, self.authorities)],
            "engines": [*map(described_engine, self.engines)],
            "missing": [each._asdict() for each in self.missing],
            "commands": list(self.commands),
            "unseen": list(self.unseen),
        }

    def rows(self) -> list[dict[str, Any]]:
        """Give a table for other programs: the servers, and for each region what a new one gets.

        Returns:
            A mapping from each of ``region``, ``kind`` ("instance", "cluster", "proxy" or "default"), ``identifier``,
            ``cluster``, ``engine``, ``version``, ``ca_id``, ``valid_until`` (ISO 8601), ``days_left``, ``restarts``,
            ``years`` (how long the engine's certificates last), ``supported_ca_ids``, ``pending_ca_id``, ``findings``
            (their ids) and ``command``; None for what is not known.
        """
        defaults = (
            dict.fromkeys(COLUMNS)
            | {"region": each.authority.region, "kind": "default", "ca_id": each.authority.ca_id}
            | {"valid_until": _moment(each.authority.valid_until), "findings": _ids(each), "command": each.command}
            for each in self.defaults
        )
        return [*map(_row, self.servers), *defaults]

    def _repr_html_(self) -> str:
        """Show it in a notebook."""
        return f"<pre>{html.escape(str(self))}</pre>"


def report_of(views: Iterable[View], trusted: Trusted, now: datetime, days: int, unseen: Iterable[str]) -> AuditReport:
    """Judge what was seen.

    Args:
        views: what was seen of each region.
        trusted: what programs trust.
        now: the moment to judge at.
        days: how many days before a certificate's end that is a finding.
        unseen: what else could not be seen.
    """
    views = tuple(views)
    measures = [Measure(view, trusted, now, days) for view in views]
    servers = (judged(server, measure) for measure in measures for server in measure.view.servers)
    defaults = map(judged_default, measures)
    return AuditReport(
        at=now,
        days=days,
        trusted=trusted,
        servers=tuple(sorted(servers, key=lambda each: each.urgency)),
        defaults=tuple(each for each in defaults if each is not None),
        authorities=tuple(each for view in views for each in view.authorities),
        engines=tuple(each for view in views for each in view.engines),
        unseen=(*(line for view in views for line in view.unseen), *unseen),
    )


def described_authority(authority: Authority) -> dict[str, Any]:
    """Give a CA as plain values, for JSON."""
    moments = {name: _moment(getattr(authority, name)) for name in ("valid_until", "override_until")}
    return authority._asdict() | moments


def described_engine(engine: EngineVersion) -> dict[str, Any]:
    """Give an engine's version as plain values, for JSON."""
    return engine._asdict() | {"ca_ids": list(engine.ca_ids), "years": engine.years}


def _row(each: Judged) -> dict[str, Any]:
    server, engine = each.server, each.engine
    found = {
        **server._asdict(),
        "valid_until": _moment(server.valid_until),
        "days_left": each.days_left,
        "restarts": engine and engine.restarts,
        "years": engine and engine.years,
        "supported_ca_ids": list(engine.ca_ids) if engine else None,
        "findings": _ids(each),
        "command": each.command,
    }
    return {name: found[name] for name in COLUMNS}


def _ids(each: Judged | Default) -> list[str]:
    return [finding.id for finding in each.findings]


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
