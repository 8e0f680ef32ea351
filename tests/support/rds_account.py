"""An AWS account as RDS's API shows it: botocore's own client, whose answers botocore's Stubber gives."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Self

import pytest
from botocore.stub import Stubber

from rds_tls.connect import audit as door
from rds_tls.connect import audit_aws
from rds_tls.connect.aws import session

# What tests put their own in the place of.
real_client = audit_aws.client

# The moment at which every test looks.
NOW = datetime(2026, 11, 25, 3, 2, tzinfo=UTC)

G1 = ["rds-ca-rsa2048-g1", "rds-ca-rsa4096-g1", "rds-ca-ecc384-g1"]

# What each operation's answer has.
KEYS = {
    "describe_db_instances": "DBInstances",
    "describe_db_clusters": "DBClusters",
    "describe_db_proxies": "DBProxies",
    "describe_certificates": "Certificates",
    "describe_db_engine_versions": "DBEngineVersions",
}


def day(text: str) -> datetime:
    """Give the end of a certificate, a little after this time of day."""
    return datetime.fromisoformat(f"{text}T04:12:00+00:00")


def instance(
    identifier: str, cluster: str | None, engine: str, version: str, ca_id: str, until: str, **more: object
) -> dict[str, Any]:
    """Give an instance."""
    found: dict[str, Any] = {
        "DBInstanceIdentifier": identifier,
        "Engine": engine,
        "EngineVersion": version,
        "CACertificateIdentifier": ca_id,
        "CertificateDetails": {"CAIdentifier": ca_id, "ValidTill": day(until)},
    }
    return found | ({"DBClusterIdentifier": cluster} if cluster else {}) | more


def version(engine: str, number: str, *, restarts: bool | None, ca_ids: list[str] = G1) -> dict[str, Any]:
    """Give an engine's version."""
    found: dict[str, Any] = {"Engine": engine, "EngineVersion": number, "SupportedCACertificateIdentifiers": ca_ids}
    return found if restarts is None else found | {"SupportsCertificateRotationWithoutRestart": not restarts}


def certificate(ca_id: str, until: str = "2061-05-20", **more: object) -> dict[str, Any]:
    """Give a CA."""
    return {"CertificateIdentifier": ca_id, "CertificateType": "CA", "ValidTill": day(until), **more}


class Region:
    """A region, whose calls are answered in the order in which they were prepared."""

    def __init__(self, name: str, *, answers: bool = True) -> None:
        self.client = real_client(name)
        self._stubber = Stubber(self.client)
        if answers:
            self._stubber.activate()

    def answer(self, operation: str, *pages: list[dict[str, Any]], default: str | None = None, **asked: object) -> Self:
        """Answer one call, in one page or several; the second is only had by the first one's marker."""
        for number, page in enumerate(pages or ([],)):
            following = {"Marker": f"page {number + 1}"} if number + 1 < len(pages) else {}
            first = {"DefaultCertificateForNewLaunches": default} if default else {}
            wanted = asked | ({"Marker": f"page {number}"} if number else {})
            self._stubber.add_response(operation, {KEYS[operation]: page, **following, **first}, wanted)
        return self

    def refuse(self, operation: str, code: str = "AccessDenied", message: str = "no") -> Self:
        """Refuse one call."""
        self._stubber.add_client_error(operation, code, message, 403)
        return self

    def run(self, *versions: dict[str, Any]) -> Self:
        """Answer for the engines' versions, each asked for alone."""
        for each in versions:
            asked = {"Engine": each["Engine"], "EngineVersion": each["EngineVersion"], "IncludeAll": True}
            self.answer("describe_db_engine_versions", [each], **asked)
        return self

    def assert_asked(self) -> None:
        """Say whether each answer was asked for."""
        self._stubber.assert_no_pending_responses()


class Account:
    """Regions by their names."""

    def __init__(self) -> None:
        self.regions: dict[str, Region] = {}

    def region(self, name: str) -> Region:
        """Give a region, nothing of which was asked for yet."""
        self.regions[name] = Region(name)
        return self.regions[name]

    def full(
        self,
        name: str,
        instances: list[dict[str, Any]],
        clusters: list[dict[str, Any]] | None = None,
        proxies: list[dict[str, Any]] | None = None,
    ) -> Region:
        """Give a region with servers; what they run is to be answered for too."""
        region = self.region(name).answer("describe_db_instances", instances)
        region.answer("describe_db_clusters", clusters or []).answer("describe_db_proxies", proxies or [])
        return region.answer("describe_certificates", [*map(certificate, G1)], default=G1[0])

    def empty(self, name: str, *, default: str = G1[0], override: str = "", but: tuple[str, ...] = ()) -> Region:
        """Give a region that has no servers, and that refuses some calls."""
        region = self.region(name)
        for operation in ("describe_db_instances", "describe_db_clusters", "describe_db_proxies"):
            if operation in but:
                region.refuse(operation)
            else:
                region.answer(operation)
        chosen: dict[str, Any] = (
            {"CustomerOverride": True, "CustomerOverrideValidTill": day(override)} if override else {}
        )
        listed = [certificate(each, **(chosen if each == default else {})) for each in G1]
        return region.answer("describe_certificates", listed, default=default)


class _Clock(datetime):
    @classmethod
    def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]  # noqa: ANN401 - as datetime has it
        return NOW.astimezone(tz)


@contextmanager
def rds_account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """Give an account with credentials, at ``NOW``; a request that is not prepared for fails."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    session.cache_clear()
    account = Account()
    monkeypatch.setattr(door, "datetime", _Clock)
    monkeypatch.setattr(audit_aws, "client", lambda name: account.regions[name].client)
    yield account
    session.cache_clear()
