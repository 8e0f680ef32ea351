"""Asking RDS what there is: a region's answers become a View, and what it refuses becomes a line in it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from rds_tls.connect.aws import ask, session
from rds_tls.diagnosis.audit_values import Authority, EngineVersion, Server, View
from rds_tls.diagnosis.certificates import shown
from rds_tls.errors import AuditError

# In seconds, for connecting and for each answer: a region without a way to it shall not hold up the others for long.
_CONNECT_TIMEOUT = 5
_READ_TIMEOUT = 20
# As often as botocore's standard mode asks again when it is throttled, with growing pauses between.
_ATTEMPTS = 6

# What an identity may not do, by the codes that RDS refuses with (Common Errors of the RDS API reference).
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized"})

# Codes that no other call to the region would be answered without, and what they mean.
_SHUT = {
    "InvalidClientTokenId": "the region is not opted in, or is another partition's",
    "UnrecognizedClientException": "the region is not opted in, or is another partition's",
    "AuthFailure": "the region is not opted in, or is another partition's",
    "OptInRequired": "the account has not opted in to it",
    "ExpiredToken": "the credentials have expired",
    "ExpiredTokenException": "the credentials have expired",
    "RequestExpired": "this machine's clock is wrong, or the credentials have expired",
    "SignatureDoesNotMatch": "the secret access key is not the access key's",
    "Throttling": f"AWS was busy, {_ATTEMPTS} times",
}

# Engines whose servers Amazon Trust Services signs for, whatever CA RDS names:
# docs.aws.amazon.com/neptune/latest/userguide/security-ssl.html
_BY_AMAZON = frozenset({"neptune"})

# The EngineMode of Aurora Serverless v1, whose certificates are AWS Certificate Manager's:
# docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/UsingWithRDS.SSL-certificate-rotation.html
_SERVERLESS_V1 = "serverless"


def client(region: str) -> Any:  # noqa: ANN401 - botocore has no types
    """Make what asks RDS in a region; to be called by one thread at a time, as botocore's sessions are."""
    from botocore.config import Config

    retries = {"mode": "standard", "total_max_attempts": _ATTEMPTS}
    config = Config(connect_timeout=_CONNECT_TIMEOUT, read_timeout=_READ_TIMEOUT, retries=retries)
    return session().create_client("rds", region_name=region, config=config)


class Inquiry:
    """The questions to one region.

    Args:
        region: the AWS region.
        client: what asks it.
    """

    def __init__(self, region: str, client: Any) -> None:  # noqa: ANN401 - as above
        self._region = region
        self._client = client
        self._is_shut = False
        self._is_seen = False
        self._refused: set[str] = set()
        self._unseen: list[str] = []

    def servers(self) -> View:
        """See servers, CAs, and what the servers' engines make of certificates."""
        instances = [_instance(self._region, each) for each in self._all("describe_db_instances", "DBInstances")]
        inhabited = {each.cluster for each in instances}
        clusters = [_cluster(self._region, each) for each in self._all("describe_db_clusters", "DBClusters")]
        alone = [each for each in clusters if each.ca_id or each.identifier not in inhabited]
        proxies = [_proxy(self._region, each) for each in self._all("describe_db_proxies", "DBProxies")]
        found = self.authorities()
        run = dict.fromkeys((each.engine, each.version) for each in (*instances, *alone) if each.version)
        engines = [each for engine, version in run for each in self._versions(engine, version)]
        return self._view(found._replace(servers=(*instances, *alone, *proxies), engines=tuple(engines)))

    def authorities(self) -> View:
        """See the CAs."""
        pages = self._pages("describe_certificates")
        defaults = (page.get("DefaultCertificateForNewLaunches") for page in pages)
        default = next(filter(None, defaults), None)
        listed = [each for page in pages for each in page.get("Certificates", ())]
        authorities = tuple(_authority(self._region, each, default) for each in listed)
        return self._view(View(self._region, (), _text(default), authorities))

    def engines(self, engine: str, version: str | None) -> View:
        """See the versions of an engine, or one of them."""
        return self._view(View(self._region, engines=tuple(self._versions(engine, version))))

    def _view(self, view: View) -> View:
        return view._replace(unseen=tuple(self._unseen), is_seen=self._is_seen)

    def _versions(self, engine: str, version: str | None) -> list[EngineVersion]:
        named = {"Engine": engine} | ({"EngineVersion": version} if version else {})
        # IncludeAll: a server may run what a new one may not.
        found = self._all("describe_db_engine_versions", "DBEngineVersions", **named, IncludeAll=True)
        return [_engine_version(self._region, each) for each in found]

    def _all(self, operation: str, key: str, **arguments: object) -> list[dict[str, Any]]:
        return [each for page in self._pages(operation, **arguments) for each in page.get(key, ())]

    def _pages(self, operation: str, **arguments: object) -> list[dict[str, Any]]:
        """Ask for every page; what is refused once is not asked for again, nor anything of a region that is shut."""
        if self._is_shut or operation in self._refused:
            return []
        paginator = self._client.get_paginator(operation)
        try:
            pages = ask(lambda: list(paginator.paginate(**arguments)), f"{self._region} does not answer", AuditError)
        except AuditError as error:
            self._note(operation, error)
            return []
        self._is_seen = True
        return pages

    def _note(self, operation: str, error: AuditError) -> None:
        action = f"rds:{self._client.meta.method_to_api_mapping[operation]}"
        code = _code(error)
        if code in _DENIED:
            self._refused.add(operation)
            self._unseen.append(f"{action} is denied in {self._region}")
            return
        self._is_shut = code is None or code in _SHUT
        words = _SHUT.get(code or "") or shown(str(error.__cause__))
        self._unseen.append(f"{self._region}: {words}" if self._is_shut else f"{self._region}: {action}: {words}")


def _code(error: AuditError) -> str | None:
    """Give the code with which AWS refused; None where it did not answer."""
    from botocore.exceptions import ClientError

    cause = error.__cause__
    return str(cause.response.get("Error", {}).get("Code", "")) if isinstance(cause, ClientError) else None


def _instance(region: str, found: dict[str, Any]) -> Server:
    details = found.get("CertificateDetails") or {}
    engine = _text(found.get("Engine")) or "unknown"
    return Server(
        region,
        "instance",
        _text(found.get("DBInstanceIdentifier")) or "-",
        _text(found.get("DBClusterIdentifier")),
        engine,
        _text(found.get("EngineVersion")),
        _text(details.get("CAIdentifier") or found.get("CACertificateIdentifier")),
        _moment(details.get("ValidTill")),
        _text((found.get("PendingModifiedValues") or {}).get("CACertificateIdentifier")),
        engine in _BY_AMAZON,
    )


def _cluster(region: str, found: dict[str, Any]) -> Server:
    """Read a cluster: one of Aurora's has its instances' certificates, a Multi-AZ DB cluster its own."""
    details = found.get("CertificateDetails") or {}
    engine = _text(found.get("Engine")) or "unknown"
    return Server(
        region,
        "cluster",
        _text(found.get("DBClusterIdentifier")) or "-",
        None,
        engine,
        _text(found.get("EngineVersion")),
        _text(details.get("CAIdentifier")),
        _moment(details.get("ValidTill")),
        _text((found.get("PendingModifiedValues") or {}).get("CertificateDetails", {}).get("CAIdentifier")),
        engine in _BY_AMAZON or found.get("EngineMode") == _SERVERLESS_V1,
    )


def _proxy(region: str, found: dict[str, Any]) -> Server:
    name, family = _text(found.get("DBProxyName")) or "-", _text(found.get("EngineFamily")) or "unknown"
    return Server(region, "proxy", name, None, family, is_by_amazon=True)


def _authority(region: str, found: dict[str, Any], default: object) -> Authority:
    ca_id = found.get("CertificateIdentifier")
    return Authority(
        region,
        _text(ca_id) or "-",
        _moment(found.get("ValidTill")),
        ca_id == default,
        bool(found.get("CustomerOverride")),
        _moment(found.get("CustomerOverrideValidTill")),
        _text(found.get("Thumbprint")),
    )


def _engine_version(region: str, found: dict[str, Any]) -> EngineVersion:
    rotates = found.get("SupportsCertificateRotationWithoutRestart")
    ca_ids = tuple(shown(str(each)) for each in found.get("SupportedCACertificateIdentifiers", ()))
    engine, version = _text(found.get("Engine")) or "-", _text(found.get("EngineVersion")) or "-"
    return EngineVersion(region, engine, version, ca_ids, None if rotates is None else not rotates)


def _text(value: object) -> str | None:
    """Give a text as it may be printed; None where there is none."""
    return shown(value) if isinstance(value, str) and value else None


def _moment(value: object) -> datetime | None:
    return value.astimezone(UTC) if isinstance(value, datetime) else None
