"""The table of published roots: complete, consistent, and equal to what ships."""

import re
from collections import Counter

import pytest

from rds_tls.endpoint import RootSet, Trust
from rds_tls.endpoint.partitions import PARTITIONS
from rds_tls.roots import snapshot
from rds_tls.roots.known import AMAZON_ROOTS, BETA, ECC384, GA, PREVIEW, RDS_ROOTS, RSA2048, RSA4096
from tests.support.known_regions import PUBLISHED, REGIONS
from tests.support.minting import fingerprints
from tests.support.programs import modules_after

GA_REGIONS = {region for region, channel, _ in RDS_ROOTS if channel == GA}

FINGERPRINT = re.compile(r"[0-9a-f]{64}")


def test_every_region_has_one_root_of_each_kind() -> None:
    """AWS publishes three CAs for each region and channel; 40 sets of three are known."""
    sets: dict[tuple[str, str], list[str]] = {}
    for region, channel, ca_id in RDS_ROOTS:
        sets.setdefault((region, channel), []).append(ca_id)
    assert len(RDS_ROOTS) == 120
    assert all(sorted(ca_ids) == [ECC384, RSA2048, RSA4096] for ca_ids in sets.values())
    assert Counter(channel for _, channel in sets) == {GA: 38, BETA: 1, PREVIEW: 1}


def test_every_published_region_is_known() -> None:
    """The regions whose roots are known are those of the partitions with a trust store."""
    assert [partition.name for partition in PARTITIONS if partition.truststore] == list(PUBLISHED)
    assert {region for partition in PUBLISHED for region in REGIONS[partition]} == GA_REGIONS


def test_fingerprints_are_distinct_sha256() -> None:
    """Every value is the hex of one SHA-256, and no root stands in two rows."""
    values = [*RDS_ROOTS.values(), *AMAZON_ROOTS.values()]
    assert [value for value in values if not FINGERPRINT.fullmatch(value)] == []
    assert len(set(values)) == len(values) == 125


@pytest.mark.parametrize("region", sorted(GA_REGIONS))
def test_shipped_roots_are_the_published_ones(region: str) -> None:
    """What ships for a region is its three GA roots and no Beta, Preview or other root."""
    shipped = snapshot.find(RootSet(Trust.RDS, region))
    assert shipped is not None
    published = [RDS_ROOTS[region, GA, ca_id] for ca_id in (RSA2048, RSA4096, ECC384)]
    assert sorted(fingerprints(shipped.path)) == sorted(published)


@pytest.mark.parametrize("region", [region for name in REGIONS if name not in PUBLISHED for region in REGIONS[name]])
def test_regions_that_do_not_ship(region: str) -> None:
    """A region of a partition without a trust store is not in the snapshot, under any trust."""
    assert snapshot.find(RootSet(Trust.RDS, region)) is None
    assert snapshot.find(RootSet(Trust.RDS_PREVIEW, region)) is None


def test_shipped_preview_roots_are_the_published_ones() -> None:
    """The Preview environment's three roots ship for the region that it is in."""
    shipped = snapshot.find(RootSet(Trust.RDS_PREVIEW, "us-east-2"))
    assert shipped is not None
    published = [RDS_ROOTS["us-east-2", PREVIEW, ca_id] for ca_id in (RSA2048, RSA4096, ECC384)]
    assert sorted(fingerprints(shipped.path)) == sorted(published)


def test_table_imports_nothing() -> None:
    """The table is data: loading it loads no other module."""
    loaded = modules_after("import rds_tls.roots.known")
    assert loaded == {"rds_tls", "rds_tls.roots", "rds_tls.roots.known"}
