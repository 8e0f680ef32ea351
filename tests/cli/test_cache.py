"""``rds-tls prefetch`` and ``cache``: what is downloaded by hand, what is kept, and what is removed."""

import json
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rds_tls.cli import main
from rds_tls.roots import cache
from rds_tls.roots.cache.disk import Cache
from rds_tls.roots.cache.kept import lasting
from rds_tls.roots.origin import NOTHING_KNOWN, Origin
from rds_tls.settings import process_settings
from tests.support.local_https import LocalHttps
from tests.support.local_rds import Authority, KeyType
from tests.support.trust_store import KNOWN, REGION, TrustStore, environment, publish_in_memory, shipped

Output = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def https(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHttps]:
    """One HTTPS server for all of these."""
    with LocalHttps(tmp_path_factory.mktemp("https")) as server:
        yield server


@pytest.fixture(scope="module")
def root() -> bytes:
    """A root of the region that nobody knows yet."""
    return Authority(REGION, KeyType.ECC384).root_pem


@pytest.fixture
def store(https: LocalHttps, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrustStore:
    """An empty trust store, which the environment names, with an empty cache."""
    store = TrustStore(https, tmp_path / "cache")
    for name, value in environment(store).items():
        if name.startswith("RDS_TLS_"):
            monkeypatch.setenv(name, value)
    process_settings.cache_clear()
    return store


def test_prefetch_prints_paths(store: TrustStore, root: bytes, tmp_path: Path, capsys: Output) -> None:
    """One on a line, in the order of the regions, into a directory or into the cache."""
    store.publish(REGION, root)
    store.publish("eu-west-1", shipped(KNOWN))
    directory = tmp_path / "image"
    assert main(["prefetch", REGION, "eu-west-1", "--directory", str(directory)]) == 0
    out, err = capsys.readouterr()
    assert out == f"{directory}/{REGION}.pem\n{directory}/eu-west-1.pem\n"
    assert "rds-tls prefetch" not in err
    assert main(["prefetch", REGION, "--json"]) == 0
    entry = store.entry(REGION)
    assert entry is not None
    assert json.loads(capsys.readouterr().out) == {REGION: entry.path}


def test_prefetch_that_fails_prints_no_path(store: TrustStore, capsys: Output) -> None:
    """What is not published, and no region at all, end with 2."""
    store.publish(REGION, b"no bundle")
    for regions, words in (
        ([REGION], "the bundle is neither PEM nor"),
        (["atlantis"], "'atlantis' is not the name of an AWS region"),
    ):
        assert main(["prefetch", *regions]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert words in err


def test_roots_in_memory_are_no_answer(store: TrustStore, root: bytes, tmp_path: Path, capsys: Output) -> None:
    """A path that no other program can open is not printed: the message says what to do."""
    entry = publish_in_memory(store, REGION, root, time.time())
    assert lasting(str(tmp_path)) == str(tmp_path)
    assert entry.path.startswith("/proc/self/fd/")
    for arguments in (["ca", REGION], ["env", f"x.cluster-abc123def456.{REGION}.rds.amazonaws.com", "--json"]):
        assert main(arguments) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert "set RDS_TLS_CACHE_DIR to a directory that can be written" in err


def test_prefetch_into_memory_is_no_answer(store: TrustStore, root: bytes, capsys: Output) -> None:
    """Roots that no directory takes are gone with the command: it says so."""
    store.publish(REGION, root)
    Path(str(store.settings.cache_dir)).write_text("in the way")
    assert main(["prefetch", REGION]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "no directory can be written for the downloaded roots" in err


def test_cache_shows_what_is_there(store: TrustStore, root: bytes, capsys: Output) -> None:
    """Each entry with its region, date, age, size, roots, and whether it is fresh and counts."""
    day = 86_400
    store.put(REGION, root, time.time() - 8 * day - 60)
    store.put("eu-west-1", shipped(KNOWN), time.time() - 3 * 3600 - 60)
    Cache(str(store.settings.cache_dir)).publish(
        "eu-west-1", shipped(KNOWN), Origin("https://truststore.pki.rds.amazonaws.com/x", NOTHING_KNOWN, time.time())
    )
    assert main(["cache"]) == 0
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert lines[:2] == [str(store.settings.cache_dir), "  downloaded roots go here"]
    assert len(lines) == 6
    old, *known = sorted(lines[3:])
    assert old.split()[0] == REGION
    assert " 8 days " in old
    assert old.endswith("  stale")
    assert {line.split()[0] for line in known} == {"eu-west-1"}
    assert sorted(line.rpartition("  ")[2] for line in known) == ["fresh", "fresh, unused"]
    assert [line for line in known if " 3 hours " in line and line.endswith("fresh")] != []
    assert max(map(len, lines[1:])) <= 80
    assert main(["cache", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["directory"] == str(store.settings.cache_dir)
    entries = shown["places"][0]["entries"]
    assert sorted((each["region"], each["roots"], each["is_fresh"], each["is_found"]) for each in entries) == [
        (REGION, 1, False, True),
        ("eu-west-1", 3, True, False),
        ("eu-west-1", 3, True, True),
    ]
    assert all(each["size"] == Path(each["path"]).stat().st_size for each in entries)


def test_cache_that_is_missing_is_not_made(store: TrustStore, capsys: Output) -> None:
    """Whoever looks changes nothing."""
    assert main(["cache"]) == 0
    assert "downloaded roots go here" in capsys.readouterr().out
    assert not os.path.lexists(str(store.settings.cache_dir))
    assert cache.directories(process_settings()) == [str(store.settings.cache_dir)]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.write_text(""), "it is not a directory"),
        (lambda path: path.mkdir(mode=0o777) or path.chmod(0o777), "others can write it (mode 0777); chmod go-w"),
        (lambda path: path.symlink_to(path.parent), "it is a symbolic link"),
        (lambda path: path.parent.chmod(0o777), "others can write"),
    ],
    ids=["file", "open", "link", "open above"],
)
def test_directory_that_cannot_be_used_is_a_finding(
    spoil: object, words: str, store: TrustStore, capsys: Output
) -> None:
    """The reason is said, and that downloads stay in memory; what is said is what stands in a download's way."""
    path = Path(str(store.settings.cache_dir))
    assert callable(spoil)
    spoil(path)
    assert main(["cache"]) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert words in out
    assert "downloads stay in memory" in out
    storage = Cache(str(path))
    assert storage.fault() == storage.prepare()


def test_clear_removes_entries_alone(store: TrustStore, root: bytes, tmp_path: Path, capsys: Output) -> None:
    """Strangers' files stay, whatever they are called: PEM files, links, folders, locks."""
    entry = store.put(REGION, root, time.time())
    folder = Path(entry.path).parent
    torn = folder / "eu-west-1.pem"
    torn.write_bytes(b"# rds_tls cache 9\ntorn")
    torn.chmod(0o600)
    elsewhere = tmp_path / "elsewhere.pem"
    elsewhere.write_bytes(Path(entry.path).read_bytes())
    strangers = [folder / name for name in ("server.pem", "notes.txt", "us-east-1.pem", "eu-west-2.pem", "UPPER.pem")]
    strangers[0].write_bytes(root)
    strangers[1].write_bytes(Path(entry.path).read_bytes())
    strangers[2].symlink_to(elsewhere)
    strangers[3].mkdir()
    strangers[4].write_bytes(Path(entry.path).read_bytes())
    assert main(["cache", "--clear"]) == 0
    out, err = capsys.readouterr()
    assert sorted(out.splitlines()) == sorted([f"removed {entry.path}", f"removed {torn}"])
    assert err == ""
    assert all(map(os.path.lexists, strangers))
    assert elsewhere.exists()
    assert not torn.exists()
    assert store.entry(REGION) is None
    assert main(["cache", "--clear", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"removed": [], "faults": []}


def test_clear_leaves_a_directory_that_others_can_write(store: TrustStore, root: bytes, capsys: Output) -> None:
    """Somebody else may have put links there, or swap files while they are looked at."""
    entry = store.put(REGION, root, time.time())
    Path(entry.path).parent.chmod(0o777)
    assert main(["cache", "--clear"]) == 1
    out, err = capsys.readouterr()
    assert out == "there was nothing to remove\n"
    assert "others can write it" in err
    assert Path(entry.path).exists()
    assert main(["cache"]) == 1
    assert REGION not in capsys.readouterr().out


def test_stranger_is_not_removed_by_name(store: TrustStore, root: bytes) -> None:
    """What takes an entry's place before its lock is had stays too."""
    path = Path(store.put(REGION, root, time.time()).path)
    path.write_bytes(root)
    with pytest.raises(OSError, match="rds_tls did not write it"):
        Cache(str(store.settings.cache_dir)).remove(store.name(REGION), 10)
    assert path.read_bytes() == root


def test_clear_waits_for_the_lock(
    store: TrustStore, root: bytes, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    """An entry that another process is about to replace is not taken from under it."""
    monkeypatch.setenv("RDS_TLS_TOTAL_TIMEOUT", "0.1")
    process_settings.cache_clear()
    entry = store.put(REGION, root, time.time())
    with Cache(str(store.settings.cache_dir)).locked(store.name(REGION), 10) as locked:
        assert locked
        assert main(["cache", "--clear"]) == 1
    assert "its lock cannot be had within 0.1 s" in capsys.readouterr().err
    assert Path(entry.path).exists()
    assert stat.S_ISREG(Path(entry.path).stat().st_mode)


def test_ca_as_json(capsys: Output) -> None:
    """The path, whose roots they are, and where they are from."""
    assert main(["ca", "--json", "eu-west-1"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert Path(shown["path"]).name == "eu-west-1.pem"
    assert (shown["roots"], shown["source"]) == ("eu-west-1 RDS roots", "snapshot")
