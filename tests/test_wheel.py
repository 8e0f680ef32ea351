"""The built wheel in a clean environment: what users install, not what developers see."""

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.support import ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from the checkout, as a release does."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


def test_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    """Every file of the package is inside, the roots and the typing marker too; no test is."""
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    package = ROOT / "rds_tls"
    expected = {
        path.relative_to(ROOT).as_posix()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert inside == expected
    assert {"rds_tls/py.typed", "rds_tls/roots/snapshot/eu-west-1.pem", "rds_tls/roots/snapshot/manifest.tsv"} <= inside


def test_wheel_works_in_a_clean_environment(wheel: Path, tmp_path: Path) -> None:
    """Installed alone, it builds a context from its own roots and says how to get a driver."""
    venv.create(tmp_path / "clean", symlinks=True)
    python = tmp_path / "clean" / "bin" / "python"
    install = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(python),
        "install",
        "-q",
        "--no-index",
        "--no-deps",
    ]
    subprocess.run([*install, str(wheel)], check=True, capture_output=True)
    # There is no other package at all: a context from the snapshot needs none.
    program = [str(python), "-I", str(ROOT / "tests" / "installed_wheel.py")]
    result = subprocess.run(program, check=True, capture_output=True, text=True)
    roots, message = result.stdout.splitlines()
    assert roots == "3 eu-west-1.pem"
    assert message.endswith("pip install 'rds-tls[postgres]'")
