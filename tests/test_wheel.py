"""The distributions, and the wheel in a clean environment: what users install, not what developers see."""

import os
import re
import subprocess
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
from packaging.metadata import Metadata

from tests.support import ROOT
from tests.support.distributions import INSTALL, PIP, build, install_into
from tests.support.programs import run
from tools.description import for_index

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
VERSION = "Programming Language :: Python :: 3."


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from the checkout, as a release does."""
    return build("wheel", tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the sdist from the checkout and unpack it."""
    folder = tmp_path_factory.mktemp("sdist")
    with tarfile.open(build("sdist", folder)) as archive:
        archive.extractall(folder, filter="data")
    (unpacked,) = folder.glob("rds_tls-*/")
    return unpacked


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Metadata:
    """The metadata in the wheel, if every field of it is valid."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return Metadata.from_email(archive.read(name), validate=True)


def contents(wheel: Path) -> dict[str, bytes]:
    """Give what is in a wheel by name."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    """Every file of the package is inside, the roots and the typing marker too; no test is."""
    inside = {name for name in contents(wheel) if ".dist-info/" not in name}
    package = ROOT / "rds_tls"
    expected = {
        path.relative_to(ROOT).as_posix()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert inside == expected
    assert {"rds_tls/py.typed", "rds_tls/__init__.pyi", "rds_tls/__pyinstaller/hook-rds_tls.py"} <= inside
    assert {"rds_tls/roots/snapshot/eu-west-1.pem", "rds_tls/roots/snapshot/manifest.tsv"} <= inside


def test_sdist_gives_the_same_wheel(wheel: Path, sdist: Path, tmp_path: Path) -> None:
    """Who builds from the sdist installs the same bytes as who takes the wheel."""
    assert contents(build("wheel", tmp_path, source=sdist)) == contents(wheel)


def test_sdist_can_be_tested(sdist: Path) -> None:
    """What the sessions of nox need is in the sdist, and so is each file that README.md links to."""
    linked = set(re.findall(r"\]\((?!\w+:|#)([^)#\s]+)", (ROOT / "README.md").read_text("utf-8")))
    assert {"docs/drivers.md", "SECURITY.md"} <= linked
    needed = {
        "noxfile.py",
        "pyproject.toml",
        "LICENSE",
        "tests/conftest.py",
        "examples/demo.py",
        "tools/description.py",
    }
    assert {name for name in linked | needed if not (sdist / name).is_file()} == set()


def test_metadata_is_that_of_the_project(metadata: Metadata) -> None:
    """The metadata is valid; each supported Python has a classifier, the oldest is required, each is run."""
    minors = [int(text.removeprefix(VERSION)) for text in metadata.classifiers or [] if text.startswith(VERSION)]
    assert minors == list(range(minors[0], minors[-1] + 1))
    assert str(metadata.requires_python) == f">=3.{minors[0]}"
    assert PROJECT["tool"]["ruff"]["target-version"] == f"py3{minors[0]}"
    assert PROJECT["tool"]["mypy"]["python_version"] == f"3.{minors[0]}"
    matrix = ", ".join(f'"3.{minor}"' for minor in minors)
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8")
    assert set(re.findall(r"python: \[(.*)\]", workflow)) == {matrix}
    assert set(metadata.provides_extra or []) == set(PROJECT["project"]["optional-dependencies"])
    assert metadata.license_files == ["LICENSE"]


def test_description_has_no_link_that_leads_nowhere(metadata: Metadata) -> None:
    """An index has no files beside the description, so that has none of README.md's relative links."""
    description = metadata.description or ""
    assert "| [psycopg 3]" in (ROOT / "README.md").read_text("utf-8")
    assert "| psycopg 3 |" in description
    links = re.findall(r"\]\(([^)]*)\)", description)
    assert [link for link in links if not link.startswith(("https://", "#"))] == []


def test_links_lead_to_the_repository_once_it_has_a_url() -> None:
    """With a Source among the project's URLs, links to files become absolute, and all others stay."""
    text = "[a](docs/a.md#b) [c](#c) [d](https://d.example/)"
    url = "https://code.example/rds_tls"
    assert for_index(text, url) == f"[a]({url}/blob/main/docs/a.md#b) [c](#c) [d](https://d.example/)"


def test_entry_points_lead_into_the_wheel(wheel: Path, tmp_path: Path) -> None:
    """The command, SQLAlchemy's plugin and PyInstaller's hook are found in the installed wheel."""
    install_into(tmp_path / "site", wheel)
    said = run("entry_points.py", environ={**os.environ, "PYTHONPATH": str(tmp_path / "site")})
    assert sorted(said.splitlines()) == [
        "console_scripts rds-tls main",
        "pyinstaller40 hook-dirs get_hook_dirs",
        "sqlalchemy.plugins rds_tls Plugin",
    ]


def test_wheel_works_in_a_clean_environment(wheel: Path, tmp_path: Path) -> None:
    """Installed alone, it builds a context from its own roots, says how to get a driver, and brings its command."""
    venv.create(tmp_path / "clean", symlinks=True)
    scripts = tmp_path / "clean" / "bin"
    python = str(scripts / "python")
    subprocess.run([*PIP, "--python", python, *INSTALL, str(wheel)], check=True, capture_output=True)
    # There is no other package at all: a context from the snapshot needs none.
    program = [python, "-I", str(ROOT / "tests" / "installed_wheel.py")]
    result = subprocess.run(program, check=True, capture_output=True, text=True)
    roots, message = result.stdout.splitlines()
    assert roots == "3 eu-west-1.pem"
    assert message.endswith("pip install 'rds-tls[postgres]'")
    command = [python, "-I", str(scripts / "rds-tls"), "ca", "eu-west-1"]
    path = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    assert Path(path).is_relative_to(tmp_path / "clean")
