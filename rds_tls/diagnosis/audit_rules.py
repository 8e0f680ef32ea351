"""What is wrong with a server's certificate, how urgent that is, and the command that puts it right."""

from __future__ import annotations

import re
import shlex
from datetime import datetime  # noqa: TC003 - typing.get_type_hints looks it up here
from typing import TYPE_CHECKING, NamedTuple

from rds_tls.diagnosis.audit_values import Authority, EngineVersion, Server, Trusted, View
from rds_tls.roots.known import ECC384, RSA2048, RSA4096

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

# The root that signs for RDS Proxy: docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy.howitworks.html
AMAZON_ROOT = "Amazon Root CA 1"

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
RETIRED, ENDED, NOT_TRUSTED, ENDS_SOON = "retired-ca", "ended", "not-trusted", "ends-soon"
_URGENCY = (RETIRED, ENDED, NOT_TRUSTED, ENDS_SOON)


class Finding(NamedTuple):
    """Something that is wrong.

    Attributes:
        id: what programs call it: "retired-ca", "ended", "not-trusted" or "ends-soon".
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


class Missing(NamedTuple):
    """A CA that a server has, or a new one gets, and that programs do not trust.

    Attributes:
        region: the AWS region.
        ca_id: RDS's identifier of it, or the name of Amazon's root.
        is_amazon: whether it is Amazon Trust Services'.
        is_retired: whether it has ended, so that nothing brings it back.
    """

    region: str
    ca_id: str
    is_amazon: bool
    is_retired: bool


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


class Measure(NamedTuple):
    """What the servers of a region are judged by.

    Attributes:
        view: the region.
        trusted: what programs trust.
        now: the moment to judge at.
        days: how many days before a certificate's end that is a finding.
    """

    view: View
    trusted: Trusted
    now: datetime
    days: int

    def findings(self, ca_id: str | None, left: int | None = None) -> tuple[Finding, ...]:
        """Find what is wrong with a CA, and with a certificate of it that ends in so many days."""
        found = []
        if ca_id is not None and self.is_retired(ca_id):
            found.append(Finding(RETIRED, "retired CA"))
        if left is not None and left < 0:
            found.append(Finding(ENDED, "ended"))
        if ca_id is not None and self.trusted.lacks(self.view.region, ca_id):
            found.append(not_trusted(self.trusted))
        if left is not None and 0 <= left <= self.days:
            found.append(Finding(ENDS_SOON, f"within {self.days} days"))
        return tuple(found)

    def is_retired(self, ca_id: str) -> bool:
        """Tell whether a CA has ended: by what AWS says of it, else by its name."""
        authority = self.view.authority(ca_id)
        if authority is not None and authority.valid_until is not None:
            return authority.valid_until <= self.now
        return _RETIRED.fullmatch(ca_id) is not None

    def best(self, ca_ids: Iterable[str | None], supported: Collection[str]) -> str | None:
        """Choose the first CA that lasts and is supported; one that programs trust before any other."""
        lasting = [each for each in ca_ids if each and not self.is_retired(each)]
        usable = [each for each in lasting if each in supported or not supported]
        trusted = [each for each in usable if not self.trusted.lacks(self.view.region, each)]
        return next(iter([*trusted, *usable]), None)


def judged(server: Server, measure: Measure) -> Judged:
    """Judge one server."""
    engine = measure.view.engine(server)
    if server.is_by_amazon:
        return Judged(server, None, engine, () if measure.trusted.has_amazon else (not_trusted(measure.trusted),))
    left = None if server.valid_until is None else (server.valid_until - measure.now).days
    findings = measure.findings(server.ca_id, left)
    offered = (server.ca_id, measure.view.default, *_PREFERRED)
    target = measure.best(offered, engine.ca_ids if engine else ())
    is_needed = _helps(findings, target, server.ca_id) and target != server.pending_ca_id
    command = _rotation(server, target) if target and is_needed and not server.engine.startswith(_CUSTOM) else None
    return Judged(server, left, engine, findings, command)


def judged_default(measure: Measure) -> Default | None:
    """Judge what a new server gets; None where AWS does not say."""
    view = measure.view
    if view.default is None:
        return None
    authority = view.authority(view.default) or Authority(view.region, view.default, None, is_default=True)
    findings = measure.findings(view.default)
    target = measure.best((view.default, *_PREFERRED), [each.ca_id for each in view.authorities])
    if target is None or not _helps(findings, target, view.default):
        return Default(authority, findings)
    words = ("aws", "rds", "modify-certificates", "--region", view.region, "--certificate-identifier", target)
    return Default(authority, findings, shlex.join(words))


def missing(servers: Iterable[Judged], defaults: Iterable[Default]) -> tuple[Missing, ...]:
    """List the CAs that programs do not trust, and that sign for a server or would for a new one."""
    found = [(each.server.region, each.server.ca_id, each.server.is_by_amazon, _ids(each)) for each in servers]
    found += [(each.authority.region, each.authority.ca_id, False, _ids(each)) for each in defaults]
    lacking = (
        Missing(region, AMAZON_ROOT if is_amazon else ca_id or "-", is_amazon, RETIRED in ids)
        for region, ca_id, is_amazon, ids in found
        if NOT_TRUSTED in ids
    )
    return tuple(sorted(set(lacking)))


def not_trusted(trusted: Trusted) -> Finding:
    """Give the finding that programs do not trust what signs for a server."""
    return Finding(NOT_TRUSTED, f"not in {trusted.bundle}" if trusted.bundle else "not trusted")


def _ids(each: Judged | Default) -> set[str]:
    return {finding.id for finding in each.findings}


def _helps(findings: tuple[Finding, ...], target: str | None, now: str | None) -> bool:
    """Tell whether a change helps: no program trusts a CA more for a new certificate of the same one."""
    return any(finding.id != NOT_TRUSTED or target != now for finding in findings)


def _rotation(server: Server, target: str) -> str:
    """Give the command that rotates a certificate in the next maintenance window."""
    cluster = server.identifier if server.kind == "cluster" else server.cluster
    if cluster and (server.kind == "cluster" or server.engine in _MULTI_AZ):
        what = ("modify-db-cluster", "--region", server.region, "--db-cluster-identifier", cluster)
    else:
        what = ("modify-db-instance", "--region", server.region, "--db-instance-identifier", server.identifier)
    return shlex.join(("aws", "rds", *what, "--ca-certificate-identifier", target, "--no-apply-immediately"))
