"""What is wrong with a server's certificate, how urgent that is, and the command that puts it right."""

from __future__ import annotations

import re
import shlex
from datetime import datetime  # noqa: TC003 - typing.get_type_hints looks it up here
from typing import NamedTuple

from rds_tls.diagnosis.audit_values import Authority, EngineVersion, Server, Trusted, View
from rds_tls.roots.known import ECC384, RSA2048, RSA4096

# CAs from before those of the first generation (G1) are named by their year; the last of them, rds-ca-2019, ended in
# 2024: docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.SSL-certificate-rotation.html
# Where AWS says itself when a CA ends, that counts: in some regions rds-ca-2019 lasts until 2061
# (aws.amazon.com/blogs/aws/rotate-your-ssl-tls-certificates-now-amazon-rds-and-amazon-aurora-expire-in-2024/).
_RETIRED = re.compile(r"rds-ca-20[01][0-9]\b.*")

# What to change to, the default of most regions first.
_PREFERRED = (RSA2048, RSA4096, ECC384)

# An instance with one of these engines, and with a cluster, is part of a Multi-AZ DB cluster, whose CA is changed for
# all of it: "Valid for Cluster Type: Multi-AZ DB clusters" (ModifyDBCluster in botocore's model).
_MULTI_AZ = frozenset({"mysql", "postgres"})

# "This setting doesn't apply to RDS Custom DB instances" (ModifyDBInstance, CACertificateIdentifier).
_CUSTOM = "custom-"

# The ids of the findings, the most urgent first.
ENDED, RETIRED, NOT_TRUSTED, ENDS_SOON = "ended", "retired-ca", "not-trusted", "ends-soon"
_URGENCY = (ENDED, RETIRED, NOT_TRUSTED, ENDS_SOON)


class Finding(NamedTuple):
    """Something that is wrong.

    Attributes:
        id: what programs call it: "ended", "retired-ca", "not-trusted" or "ends-soon".
        text: the same for a reader.
    """

    id: str
    text: str


class Judged(NamedTuple):
    """A server, and what was found of it.

    Attributes:
        server: the server.
        days_left: whole days until its certificate ends; negative once it has, None where AWS does not say.
        engine: what its engine's version makes of certificates; None where that could not be seen.
        findings: what is wrong, the most urgent first.
        command: what puts it right, for a shell; None where there is nothing to run.
    """

    server: Server
    days_left: int | None
    engine: EngineVersion | None
    findings: tuple[Finding, ...] = ()
    command: str | None = None

    @property
    def urgency(self) -> tuple[int, float, str, str]:
        """What it is sorted by."""
        worst = _URGENCY.index(self.findings[0].id) if self.findings else len(_URGENCY)
        days = float("inf") if self.days_left is None else self.days_left
        return worst, days, self.server.region, self.server.name


class Default(NamedTuple):
    """The CA that a new server gets in a region, and what was found of it.

    Attributes:
        authority: the CA.
        findings: what is wrong, the most urgent first.
        command: what puts it right, for a shell; None where there is nothing to run.
    """

    authority: Authority
    findings: tuple[Finding, ...] = ()
    command: str | None = None


def judged(server: Server, view: View, trusted: Trusted, now: datetime, days: int) -> Judged:
    """Judge one server.

    Args:
        server: the server.
        view: its region.
        trusted: what programs trust.
        now: the moment to judge at.
        days: how many days before a certificate's end that is a finding.
    """
    engine = view.engine(server)
    left = None if server.valid_until is None else (server.valid_until - now).days
    if server.is_by_amazon:
        return Judged(server, left, engine, () if trusted.has_amazon else (_not_trusted(trusted),))
    findings = (*_of_end(left, days), *_of_authority(server.region, server.ca_id, view, trusted, now))
    ordered = tuple(sorted(findings, key=lambda finding: _URGENCY.index(finding.id)))
    return Judged(server, left, engine, ordered, _command(server, view, trusted, now) if ordered else None)


def judged_default(view: View, trusted: Trusted, now: datetime) -> Default | None:
    """Judge what a new server gets; None where AWS does not say."""
    if view.default is None:
        return None
    authority = view.authority(view.default) or Authority(view.region, view.default, None, is_default=True)
    findings = _of_authority(view.region, view.default, view, trusted, now)
    better = _usable(_PREFERRED, view, trusted, now, [each.ca_id for each in view.authorities])
    if not findings or better is None:
        return Default(authority, findings)
    words = ("aws", "rds", "modify-certificates", "--region", view.region, "--certificate-identifier", better)
    return Default(authority, findings, shlex.join(words))


def _of_end(left: int | None, days: int) -> tuple[Finding, ...]:
    if left is None or left > days:
        return ()
    return (Finding(ENDED, "ended"),) if left < 0 else (Finding(ENDS_SOON, f"within {days} days"),)


def _of_authority(region: str, ca_id: str | None, view: View, trusted: Trusted, now: datetime) -> tuple[Finding, ...]:
    if ca_id is None:
        return ()
    retired = (Finding(RETIRED, "retired CA"),) if _is_retired(ca_id, view, now) else ()
    return (*retired, *((_not_trusted(trusted),) if trusted.lacks(region, ca_id) else ()))


def _not_trusted(trusted: Trusted) -> Finding:
    return Finding(NOT_TRUSTED, f"not in {trusted.bundle}" if trusted.bundle else "not trusted")


def _is_retired(ca_id: str, view: View, now: datetime) -> bool:
    authority = view.authority(ca_id)
    if authority is not None and authority.valid_until is not None:
        return authority.valid_until <= now
    return _RETIRED.fullmatch(ca_id) is not None


def _command(server: Server, view: View, trusted: Trusted, now: datetime) -> str | None:
    """Give the command that rotates a certificate in the next maintenance window."""
    engine = view.engine(server)
    offered = [server.ca_id, view.default, *_PREFERRED]
    target = _usable([each for each in offered if each], view, trusted, now, engine.ca_ids if engine else ())
    if target is None or target == server.pending_ca_id or server.engine.startswith(_CUSTOM):
        return None
    cluster = server.identifier if server.kind == "cluster" else server.cluster
    if server.kind == "cluster" or (cluster and server.engine in _MULTI_AZ):
        what = ("modify-db-cluster", "--region", server.region, "--db-cluster-identifier", cluster or "")
    else:
        what = ("modify-db-instance", "--region", server.region, "--db-instance-identifier", server.identifier)
    return shlex.join(("aws", "rds", *what, "--ca-certificate-identifier", target, "--no-apply-immediately"))


def _usable(
    ca_ids: list[str] | tuple[str, ...],
    view: View,
    trusted: Trusted,
    now: datetime,
    supported: list[str] | tuple[str, ...],
) -> str | None:
    """Choose the first CA that is offered and lasts; one that programs trust before any other."""
    lasting = [each for each in ca_ids if not _is_retired(each, view, now) and (not supported or each in supported)]
    return next((each for each in lasting if not trusted.lacks(view.region, each)), lasting[0] if lasting else None)
