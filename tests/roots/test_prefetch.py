"""Bundles that are downloaded now, for a program that has no network."""

import stat
from pathlib import Path

import pytest

import rds_tls
from rds_tls.roots.anchors import Source
from rds_tls.roots.lookup import obtain_anchors
from tests.support.trust_store import (
    HOST,
    OF_REGION,
    REGION,
    ROOTS,
    TrustStore,
)


def test_prefetched_directory_serves_offline(store: TrustStore, root: bytes, tmp_path: Path) -> None:
    """What prefetch puts into a directory serves a program that has no network, whoever runs it."""
    store.publish(REGION, root)
    (path,) = rds_tls.prefetch(REGION, directory=tmp_path / "image" / "roots", settings=store.settings)
    assert Path(path).parent == tmp_path / "image" / "roots"
    assert stat.S_IMODE(Path(path).stat().st_mode) == 0o644
    assert stat.S_IMODE(Path(path).parent.stat().st_mode) == 0o755
    program = rds_tls.Settings(offline=True, bundle_dir=Path(path).parent)
    anchors = obtain_anchors(ROOTS, program)
    assert anchors.source is Source.PREFETCHED
    assert anchors.path == path
    assert len(rds_tls.ssl_context(HOST, settings=program).get_ca_certs()) == 1


def test_prefetch_leaves_a_directorys_mode(store: TrustStore, root: bytes, tmp_path: Path) -> None:
    """A directory that was there stays as closed as its owner made it."""
    directory = tmp_path / "mine"
    directory.mkdir(mode=0o700)
    store.publish(REGION, root)
    rds_tls.prefetch(REGION, directory=directory, settings=store.settings)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_prefetch_without_a_directory_fills_the_cache(store: TrustStore, root: bytes) -> None:
    """Without directory= the cache is filled, and the first connection finds it."""
    store.publish(REGION, root)
    paths = rds_tls.prefetch(REGION, settings=store.settings)
    assert paths == [obtain_anchors(ROOTS, store.settings).path]
    assert store.asked == [OF_REGION]


def test_prefetch_mistakes(store: TrustStore, root: bytes, tmp_path: Path) -> None:
    """No region, no such region, no network and no directory are each said."""
    with pytest.raises(rds_tls.OptionError, match="no region is named"):
        rds_tls.prefetch(settings=store.settings)
    with pytest.raises(rds_tls.OptionError, match="'europe' is not the name of an AWS region"):
        rds_tls.prefetch("europe", settings=store.settings)
    with pytest.raises(rds_tls.OptionError, match="forbids"):
        rds_tls.prefetch(REGION, settings=rds_tls.Settings(offline=True))
    with pytest.raises(rds_tls.TrustError, match="AWS publishes no trust store"):
        rds_tls.prefetch("us-iso-east-1", settings=rds_tls.Settings())
    store.publish(REGION, root)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(rds_tls.SettingsError, match="prefetch\\(\\) cannot use directory="):
        rds_tls.prefetch(REGION, directory=tmp_path / "file", settings=store.settings)
