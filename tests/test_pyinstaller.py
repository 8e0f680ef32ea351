"""A program that PyInstaller builds: it has the roots, the drivers and the commands, and verifies as any other."""

import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

import rds_tls
from tests.conftest import Pki
from tests.support import ROOT
from tests.support.distributions import build, install_into
from tests.support.local_rds import KeyType
from tests.support.local_rds.kinds import Server
from tests.support.matrix import on_each_server
from tests.support.rows import ROWS, Row

pytestmark = pytest.mark.skipif(find_spec("PyInstaller") is None, reason="PyInstaller is not installed")

HOST = "db.cluster-abc123def456.eu-west-1.rds.amazonaws.com"
OTHER = "other.cluster-abc123def456.eu-west-1.rds.amazonaws.com"

# What the hook would bring because it is installed here, and these tests do not run: half a minute of building.
LEFT_OUT = ("botocore", "uvloop")

Run = Callable[..., "subprocess.CompletedProcess[str]"]

# Each driver once; one that resolves in C cannot be led to loopback by via=.
CASES = {row.name: row for row in ROWS if not row.variant and not row.dials_in_c}


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the program once, with the package of the wheel: its entry point is how PyInstaller finds the hook."""
    folder = tmp_path_factory.mktemp("frozen")
    install_into(folder / "site", build("wheel", folder))
    command = [sys.executable, "-m", "PyInstaller", "--onedir", "--name=program", "--log-level=ERROR"]
    command += [f"--{what}path={folder / what}" for what in ("dist", "work", "spec")]
    command += [f"--exclude-module={module}" for module in LEFT_OUT]
    own = {"PYTHONPATH": str(folder / "site"), "PYINSTALLER_CONFIG_DIR": str(folder / "config")}
    command.append(str(ROOT / "tests" / "frozen_program.py"))
    subprocess.run(command, cwd=folder, env={**os.environ, **own}, check=True, capture_output=True)
    return folder / "dist" / "program" / "program"


@pytest.fixture
def run(program: Path) -> Run:
    """Run the program, with nothing of this environment that could lead it to the installed packages."""

    def run(*arguments: object, **environ: object) -> "subprocess.CompletedProcess[str]":
        own = {"HOME": os.environ["HOME"], **{name: str(value) for name, value in environ.items()}}
        command = [str(program), *map(str, arguments)]
        return subprocess.run(command, env=own, capture_output=True, text=True, timeout=60, check=False)

    return run


def connect(run: Run, row: Row, server: Server, pki: Pki, host: str) -> "subprocess.CompletedProcess[str]":
    """Connect with a row's driver to a server that presents a certificate for HOST."""
    server.present(pki.authority.issue([HOST]))
    function = f"{'a' * row.is_async}connect_{'postgres' if row.is_postgres else 'mysql'}"
    environ = {"RDS_TLS_CA_BUNDLE": pki.settings.ca_file, "PASSWORD": server.password}
    url = f"{row.engine.schemes[0]}://{server.user}@{host}/{server.database}"
    return run("connect", function, row.driver, url, server.port, **environ)


@on_each_server("row", CASES, lambda row: row.servers[:1])
def test_built_program_connects_verified(run: Run, row: Row, server: Server, pkis: dict[KeyType, Pki]) -> None:
    """With each driver, found by its name, the program connects to the endpoint, and to no other by that server."""
    connected = connect(run, row, server, pkis[KeyType.ECC384], HOST)
    assert (connected.returncode, connected.stdout) == (0, f"{row.driver.partition('-')[0]}\n"), connected.stderr
    refused = connect(run, row, server, pkis[KeyType.ECC384], OTHER)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "[other-name]" in refused.stderr


def test_built_program_has_the_shipped_roots(run: Run, program: Path) -> None:
    """The path that it gives for a region is that of a file of its own, with the bytes that ship."""
    path = Path(run("rds-tls", "ca", "eu-west-1", RDS_TLS_OFFLINE=1).stdout.strip())
    assert path.is_relative_to(program.parent)
    assert path.read_bytes() == Path(rds_tls.ca_path(region="eu-west-1")).read_bytes()


def test_built_program_has_every_file_of_roots(program: Path) -> None:
    """The manifest and each region's file are in the program, and no file beside them."""
    inside, here = (
        {path.name for path in folder.glob("rds_tls/roots/snapshot/*.*") if path.suffix != ".py"}
        for folder in (program.parent / "_internal", ROOT)
    )
    assert inside == here
    assert "manifest.tsv" in inside


def test_built_program_has_late_imports(run: Run) -> None:
    """A download gets as far as the network, and a bundle is read: requests and cryptography are there."""
    unknown = run("rds-tls", "ca", "eu-west-9", RDS_TLS_TRUSTSTORE_URL="https://127.0.0.1:1")
    assert "the connection was refused" in unknown.stderr
    assert "rds-ca-rsa2048-g1" in run("rds-tls", "inspect", "eu-west-1").stdout


def test_built_program_leaves_frameworks_out(program: Path) -> None:
    """SQLAlchemy and Django, though they are installed here, are not brought; what rds_tls has for them lies ready."""
    inside = program.parent / "_internal"
    assert not {"django", "sqlalchemy"} & {path.name for path in inside.iterdir()}
    assert (inside / "rds_tls" / "django" / "postgresql" / "base.py").is_file()
    assert (inside / "rds_tls" / "sqlalchemy" / "plugin.py").is_file()
