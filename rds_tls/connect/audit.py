"""The public way to see which certificates an account's servers have; it asks AWS, and changes nothing."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rds_tls.connect import audit_aws
from rds_tls.connect.audit_aws import Inquiry
from rds_tls.connect.aws import ask, session
from rds_tls.diagnosis.audit import AuditReport, report_of
from rds_tls.diagnosis.audit_rules import AMAZON_ROOT
from rds_tls.diagnosis.audit_values import Trusted, View
from rds_tls.endpoint import RootSet, Trust, root_set
from rds_tls.errors import AuditError, BundleError, OptionError, RdsTlsError
from rds_tls.roots.bundle import Root, parse_bundle
from rds_tls.roots.known import AMAZON_ROOTS, GA, RDS_ROOTS
from rds_tls.roots.lookup import obtain_anchors
from rds_tls.roots.pem import read_bounded
from rds_tls.settings import Settings, process_settings

if TYPE_CHECKING:
    from collections.abc import Callable

# How many days before a certificate's end that is a finding, unless the caller says otherwise.
DAYS = 60

_MAX_DAYS = 36_500
_AT_A_TIME = 8

_OF_PROXIES = AMAZON_ROOTS[AMAZON_ROOT]


def audit(
    *regions: str,
    days: int = DAYS,
    bundle: str | os.PathLike[str] | None = None,
    settings: Settings | None = None,
) -> AuditReport:
    """See every instance, cluster and proxy of an account, with its CA and its certificate's end.

    It asks AWS with the credentials that botocore's usual chain finds. They need ``rds:DescribeDBInstances``,
    ``rds:DescribeDBClusters``, ``rds:DescribeDBProxies``, ``rds:DescribeCertificates`` and
    ``rds:DescribeDBEngineVersions``. It dials no server, and changes nothing. What is denied, and a region that does
    not answer, is named in the report.

    Args:
        *regions: AWS regions, as in "eu-west-1"; that of botocore's configuration unless given.
        days: how many days before a certificate's end that is a finding.
        bundle: a file of CA certificates, PEM or PKCS#7, to compare the servers with in place of the roots that this
            package trusts.
        settings: where trust anchors come from; those of the environment unless given.

    Returns:
        The report, the most urgent first, with the command for each finding.

    Raises:
        DriverNotInstalledError: botocore is not installed.
        AuditError: nothing could be seen, as without credentials.
        BundleError, OSError: the file is no bundle, or cannot be read.
        OptionError: there is no region, one is none, or ``days`` is no number of days.
    """
    if not isinstance(days, int) or isinstance(days, bool) or not 0 <= days <= _MAX_DAYS:
        raise OptionError(f"days={days!r} is no number of days: give an integer from 0 to {_MAX_DAYS}")
    now = datetime.now(UTC)
    of_bundle = None if bundle is None else _read(os.fspath(bundle), now)
    views = _ask_all(regions, lambda inquiry: inquiry.servers())
    if of_bundle is not None:
        return report_of(views, of_bundle, now, days, ())
    trusted, unseen = _own([view.region for view in views], process_settings() if settings is None else settings, now)
    return report_of(views, trusted, now, days, unseen)


def authorities(*regions: str) -> tuple[View, ...]:
    """See the CAs that RDS offers in each region, which of them a new server gets, and whose choice that is.

    Args:
        *regions: AWS regions, as for ``audit``.

    Raises:
        DriverNotInstalledError, AuditError, OptionError: as for ``audit``.
    """
    return _ask_all(regions, lambda inquiry: inquiry.authorities())


def engine_versions(engine: str, version: str | None, *regions: str) -> tuple[View, ...]:
    """See which CAs an engine's versions support, and whether a new certificate restarts them.

    Args:
        engine: such as "aurora-postgresql".
        version: such as "16.6"; every one unless given.
        *regions: AWS regions, as for ``audit``.

    Raises:
        DriverNotInstalledError, AuditError: as for ``audit``.
        OptionError: as for ``audit``, or there is no such version.
    """
    views = _ask_all(regions, lambda inquiry: inquiry.engines(engine, version))
    if not any(view.engines or view.unseen for view in views):
        named = f"{engine!r} has no version {version!r}" if version else f"there is no engine {engine!r}"
        raise OptionError(f"RDS says that {named}: leave the version out, or see 'aws rds describe-db-engine-versions'")
    return views


def _ask_all(regions: tuple[str, ...], question: Callable[[Inquiry], View]) -> tuple[View, ...]:
    """Ask every region, several at a time."""
    clients = ask(lambda: _clients(regions), "AWS cannot be asked", AuditError)
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        views = tuple(pool.map(lambda each: question(Inquiry(*each)), clients.items()))
    if not any(view.is_seen for view in views):
        raise AuditError(f"nothing could be seen: {'; '.join(line for view in views for line in view.unseen)}")
    return views


def _clients(regions: tuple[str, ...]) -> dict[str, Any]:
    """Make what asks each region."""
    chosen = regions or (session().get_config_variable("region"),)
    if not chosen[0]:
        raise OptionError("no region is given: pass one or more, or set AWS_DEFAULT_REGION or the profile's region")
    for region in chosen:
        root_set(None, region)  # refuses what is no region's name
    if session().get_credentials() is None:
        raise AuditError(
            "there are no AWS credentials to ask with: set AWS_PROFILE or AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, or give the task, instance or function a role"
        )
    return {region: audit_aws.client(region) for region in chosen}


def _read(path: str, now: datetime) -> Trusted:
    content = read_bounded(path)
    try:
        roots = parse_bundle(content, now=now).roots
    except BundleError as error:
        raise BundleError(f"{path}: {error}") from error
    return Trusted(path, _ca_ids(roots), any(root.fingerprint == _OF_PROXIES for root in roots))


def _own(regions: list[str], settings: Settings, now: datetime) -> tuple[Trusted, list[str]]:
    """Give what this package trusts in each region, and what could not be found out of it."""
    if settings.ca_file is not None:
        return _read(os.fspath(settings.ca_file), now), []
    ca_ids: set[tuple[str, str]] = set()
    unseen: dict[str, str] = {}
    for region in regions:
        try:
            anchors = obtain_anchors(RootSet(Trust.RDS, region), settings)
            ca_ids |= _read(anchors.path, now).ca_ids
        except (RdsTlsError, OSError) as error:
            unseen[region] = f"the roots of {region}: {error}"
    return Trusted(None, frozenset(ca_ids), has_amazon=True, unknown=frozenset(unseen)), list(unseen.values())


def _ca_ids(roots: tuple[Root, ...]) -> frozenset[tuple[str, str]]:
    """List region and CA of RDS's roots.

    Anybody can make a root of such a name, so of one that is known the fingerprint must be right too.
    """
    return frozenset(
        (root.region, root.ca_id)
        for root in roots
        if root.region and root.ca_id and root.channel == GA
        if RDS_ROOTS.get((root.region, GA, root.ca_id), root.fingerprint) == root.fingerprint
    )
