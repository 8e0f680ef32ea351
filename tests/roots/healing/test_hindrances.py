"""Whatever stops healing costs the healing alone: the first error stands, and nothing else is trusted."""

import logging
import threading
import time
from pathlib import Path

import pytest

import rds_tls
from rds_tls.endpoint import RootSet
from rds_tls.roots import healing, snapshot
from rds_tls.roots.anchors import Source
from rds_tls.roots.lookup import in_background, obtain_anchors
from tests.roots.conftest import Step
from tests.support.local_rds import Authority, PostgresServer
from tests.support.programs import run
from tests.support.trust_store import HOST, REGION, TrustStore, environment


def broken_cryptography(folder: Path) -> str:
    """Make a cryptography that cannot be loaded, as in a Lambda layer that was built for another system."""
    (folder / "cryptography").mkdir()
    (folder / "cryptography" / "__init__.py").write_text(
        'raise ImportError("/lib64/libc.so.6: version `GLIBC_2.33\' not found")\n'
    )
    return str(folder)


@pytest.mark.parametrize("task", ["connect", "handshake"])
def test_cryptography_that_cannot_be_loaded(
    postgres: PostgresServer, tls_server: int, store: TrustStore, new: Authority, tmp_path: Path, task: str
) -> None:
    """Where nothing can read newer roots, the handshake's error stays, with its note, and no thread complains."""
    postgres.present(new.issue([HOST]))
    region = "eu-west-1"  # shipped, so that its roots need not be parsed
    host = HOST.replace(REGION, region)
    store.publish(region, new.root_pem)
    environ = environment(store, PYTHONPATH=broken_cryptography(tmp_path))
    port = postgres.port if task == "connect" else tls_server
    said = run("roots/programs/healing.py", task, host, port, environ=environ)
    assert store.asked == [f"/{region}/{region}-bundle.pem"]
    expected = "does not end in any of the trust anchors" if task == "connect" else "unable to get local issuer"
    assert expected in said


@pytest.mark.parametrize(
    ("offline", "expected"),
    [("1", f"no {REGION} RDS roots are at hand"), ("0", "what is needed for it cannot be loaded: /lib64/libc.so.6")],
)
def test_roots_that_nothing_can_read_are_not_trusted(
    store: TrustStore, tmp_path: Path, offline: str, expected: str
) -> None:
    """Without a working cryptography an unlisted root in the cache counts as absent, and no download is believed."""
    environ = environment(store, RDS_TLS_OFFLINE=offline, PYTHONPATH=broken_cryptography(tmp_path))
    assert expected in run("roots/programs/healing.py", "roots", REGION, environ=environ)


def test_entry_that_is_gone_stops_no_healing(store: TrustStore, caplog: pytest.LogCaptureFixture) -> None:
    """Roots whose file somebody removed are compared with others all the same."""
    known = Path(snapshot.DIRECTORY, "eu-west-1.pem").read_bytes()
    store.put("eu-west-1", known, time.time())
    store.publish("eu-west-1", known)
    failed = obtain_anchors(RootSet(rds_tls.Trust.RDS, "eu-west-1"), store.settings)
    assert failed.source is Source.CACHE
    Path(failed.path).unlink()
    with caplog.at_level(logging.WARNING, "rds_tls"):
        assert healing.heal(failed) is None
    assert store.asked == ["/eu-west-1/eu-west-1-bundle.pem"]
    assert caplog.records == []


def test_whatever_stops_healing_is_logged(store: TrustStore, caplog: pytest.LogCaptureFixture) -> None:
    """Healing that meets a file that has gone gives up with a warning, and raises nothing."""
    failed = obtain_anchors(RootSet(rds_tls.Trust.RDS, "eu-west-1"), store.settings._replace(max_age=float("inf")))
    gone = failed._replace(path="/nowhere/eu-west-1.pem", digest="another")
    with caplog.at_level(logging.WARNING, "rds_tls"):
        assert healing.heal(gone) is None
    assert "could not be renewed: FileNotFoundError: " in caplog.text


@pytest.mark.parametrize("error", [ZeroDivisionError("bug"), SystemExit("a signal's own"), MemoryError()])
def test_whatever_stops_background_work_is_logged(
    store: TrustStore,
    error: BaseException,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    wait_for_healing: Step,
) -> None:
    """Nothing that background work raises comes to threading.excepthook, which prints a traceback."""
    complaints: list[object] = []
    monkeypatch.setattr(threading, "excepthook", complaints.append)
    anchors = obtain_anchors(RootSet(rds_tls.Trust.RDS, REGION), store.settings)

    def fail() -> None:
        raise error

    with caplog.at_level(logging.WARNING, "rds_tls"):
        in_background("trial", anchors, fail)
        wait_for_healing()
    assert complaints == []
    assert f"could not be refreshed: {type(error).__name__}: {error}" in caplog.text
