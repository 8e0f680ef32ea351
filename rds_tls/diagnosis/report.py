"""What diagnose and probe give: values that print as text, show in a notebook, and become JSON."""

from __future__ import annotations

import html
from datetime import UTC, datetime
from typing import Any, NamedTuple

from rds_tls.diagnosis.cause import Diagnosis  # noqa: TC001 - typing.get_type_hints looks them up here
from rds_tls.diagnosis.certificates import Certificate, shown

_TABLE_COLUMN = 14


class Check(NamedTuple):
    """One step on the way to a verified connection.

    Attributes:
        name: what was looked at, such as "DNS".
        ok: whether it is as it should be.
        text: what was seen.
    """

    name: str
    ok: bool
    text: str


class Report(NamedTuple):
    """What ``diagnose`` found: each step up to the first that fails, and why that fails.

    Attributes:
        host: the endpoint, or what was given for one.
        checks: the steps, in their order.
        cause: why the last one fails; None where none does.
    """

    host: str
    checks: tuple[Check, ...]
    cause: Diagnosis | None = None

    @property
    def ok(self) -> bool:
        """Whether a verified connection can be had, as far as one can tell without logging in."""
        return all(check.ok for check in self.checks)

    def __str__(self) -> str:
        lines = [f"{'ok' if check.ok else 'FAIL':<6}{check.name:<8}{check.text}" for check in self.checks]
        if self.cause is not None:
            lines += [f"{'note':<14}{fact}" for fact in self.cause.facts]
            lines += [f"{'cause':<6}{self.cause.meaning} [{self.cause.id}]", f"{'fix':<6}{self.cause.fix}"]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Give the report as plain values, for JSON."""
        return {
            "host": self.host,
            "ok": self.ok,
            "checks": [check._asdict() for check in self.checks],
            "cause": None if self.cause is None else self.cause.to_dict(),
        }

    def _repr_html_(self) -> str:
        """Show it in a notebook."""
        return f"<pre>{html.escape(str(self))}</pre>"


class ProbeReport(NamedTuple):
    """What ``probe`` saw of a server.

    Attributes:
        host: the endpoint.
        protocol: what the server speaks: "postgresql" or "mysql".
        tls: the TLS version of a handshake, such as "TLSv1.3".
        chain: the certificates that the server sent, leaf first.
        cause: why they do not verify; None where they do.
        root: the trust anchor that the chain leads to, where it does; servers do not send it.
    """

    host: str
    protocol: str
    tls: str
    chain: tuple[Certificate, ...]
    cause: Diagnosis | None = None
    root: Certificate | None = None

    @property
    def verified(self) -> bool:
        """Whether chain and name verify against the endpoint's trust anchors."""
        return self.cause is None

    @property
    def ca_id(self) -> str | None:
        """RDS's identifier of the CA that signed the leaf; None where there is none."""
        return self.chain[0].ca_id if self.chain else None

    @property
    def days_left(self) -> int | None:
        """Whole days until the first certificate of the chain ends, by this machine's clock; negative once one has."""
        ends = [certificate.not_after for certificate in self.chain]
        return (min(ends) - datetime.now(UTC)).days if ends else None

    def __str__(self) -> str:
        verdict = "verified" if self.cause is None else f"NOT verified: {self.cause.meaning} [{self.cause.id}]"
        lines = [", ".join(filter(None, (self.protocol, self.tls, verdict)))]
        for position, each in enumerate(self.chain):
            lines.append(_row("intermediate" if position else "leaf", shown(each.subject)))
            lines += [_row("  names", ", ".join(map(shown, each.names)))] if each.names else []
            lines.append(_row("  issuer", f"{shown(each.issuer)}{f' ({each.ca_id})' if each.ca_id else ''}"))
            lines.append(_row("  valid", f"{each.not_before:%Y-%m-%d} to {each.not_after:%Y-%m-%d}"))
        if self.root is not None:
            lines.append(_row("root", f"{self.root.subject}, until {self.root.not_after:%Y-%m-%d}"))
        return "\n".join([*lines, *([] if self.days_left is None else [_row("days left", str(self.days_left))])])

    def to_dict(self) -> dict[str, Any]:
        """Give the report as plain values, for JSON or a row of a table."""
        return {
            "host": self.host,
            "protocol": self.protocol,
            "tls": self.tls,
            "verified": self.verified,
            "ca_id": self.ca_id,
            "days_left": self.days_left,
            "chain": [certificate.to_dict() for certificate in self.chain],
            "root": None if self.root is None else self.root.to_dict(),
            "cause": None if self.cause is None else self.cause.to_dict(),
        }

    def _repr_html_(self) -> str:
        """Show it in a notebook."""
        return f"<pre>{html.escape(str(self))}</pre>"


def _row(name: str, value: str) -> str:
    return f"{name:<{_TABLE_COLUMN}}{value}"
