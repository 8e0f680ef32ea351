"""Sessions for rds_tls: ``python3 -m nox -s demo`` shows the main job, ``python3 -m nox -s tests`` proves it."""

import os
import shutil
import subprocess
import sys

import nox

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "virtualenv"
nox.options.download_python = "never"
# A version that this machine lacks is skipped; the one that runs nox is always there.
nox.options.error_on_missing_interpreters = False
nox.options.sessions = ["lint", "tests", "system"]

PROJECT = nox.project.load_toml("pyproject.toml")
OLDEST, NEWEST = (nox.project.python_versions(PROJECT)[end] for end in (0, -1))
THIS = "{}.{}".format(*sys.version_info)
# What builds mysqlclient, which has no wheels for Linux: each program, and the package of Debian's that brings it.
BUILD_TOOLS = {"gcc": "gcc", "pkg-config": "pkg-config", "mariadb_config": "default-libmysqlclient-dev"}

# A distribution decides what its Python's TLS begins with: Debian's has no floor of versions.
SYSTEM = "/usr/bin/python3"
HANDSHAKES = (
    "tests/context",
    "tests/connect/test_handshakes.py",
    "tests/drivers/test_attacks.py",
)


def offer_pyenv_versions() -> None:
    """Let pyenv's shims answer for every version that pyenv has, not for its default alone."""
    if shutil.which("pyenv") and "PYENV_VERSION" not in os.environ:
        listed = subprocess.run(["pyenv", "versions", "--bare"], capture_output=True, text=True, check=True)
        os.environ["PYENV_VERSION"] = ":".join(listed.stdout.split())


def install(session: nox.Session, *groups: str) -> None:
    """Install the checkout with every extra, and the named dependency groups."""
    session.install("-e", ".[all]", *nox.project.dependency_groups(PROJECT, *groups))


def install_packages(session: nox.Session, packages: list[str]) -> None:
    """Install packages where that needs no question: Debian's apt, as root."""
    if packages and shutil.which("apt-get") and os.geteuid() == 0:
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        session.run("apt-get", "update", "-q", external=True, env=quiet)
        session.run("apt-get", "install", "-q", "-y", *packages, external=True, env=quiet)


def provide_servers(session: nox.Session) -> None:
    """Install the database servers that are missing."""
    install_packages(session, str(session.run("python", "-m", "tests.support.local_rds.process", silent=True)).split())


def provide_mysqlclient(session: nox.Session) -> None:
    """Build mysqlclient; where that fails, the tests that need it are skipped."""
    install_packages(session, [package for program, package in BUILD_TOOLS.items() if not shutil.which(program)])
    session.install(*nox.project.dependency_groups(PROJECT, "mysqlclient"), success_codes=[0, 1])


def run_tests(session: nox.Session) -> None:
    """Run pytest under coverage and hold it to the floor set in pyproject.toml."""
    provide_servers(session)
    provide_mysqlclient(session)
    session.run("coverage", "run", "-m", "pytest", *session.posargs)
    if not session.posargs:
        session.run("coverage", "report")


def run_benchmarks(session: nox.Session, *options: str) -> None:
    """Run the benchmarks beside the peers."""
    install(session, "bench")
    provide_servers(session)
    session.run("python", "-m", "benchmarks", *options, *session.posargs)


@nox.session(python=sorted({*nox.project.python_versions(PROJECT), THIS}))
def tests(session: nox.Session) -> None:
    """Run the whole suite on every supported Python that is present."""
    install(session, "tests")
    run_tests(session)


@nox.session(python=SYSTEM)
def system(session: nox.Session) -> None:
    """Run the tests of contexts and handshakes on the system's Python, where it is supported and not run on anyway."""
    version = str(
        session.run("python", "-c", "import sys; print('{}.{}'.format(*sys.version_info))", silent=True)
    ).strip()
    if version not in nox.project.python_versions(PROJECT):
        session.skip(f"{SYSTEM} is a Python {version}")
    if os.path.realpath(shutil.which(f"python{version}") or "") == os.path.realpath(SYSTEM):
        session.skip(f"the session tests-{version} runs on {SYSTEM}")
    install(session, "tests")
    provide_servers(session)
    session.run("pytest", *HANDSHAKES)


@nox.session(python=OLDEST)
def minimums(session: nox.Session) -> None:
    """Run the whole suite on the oldest versions that pyproject.toml allows."""
    project = PROJECT["project"]
    extras = project["optional-dependencies"]
    allowed = [*project["dependencies"], *(line for extra in extras if extra != "all" for line in extras[extra])]
    oldest = [requirement.replace(">=", "==") for requirement in allowed]
    session.install(*oldest, *nox.project.dependency_groups(PROJECT, "tests"))
    session.install("--no-deps", "-e", ".")
    run_tests(session)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and types."""
    install(session, "lint")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("mypy")


@nox.session
def demo(session: nox.Session) -> None:
    """Start both servers behind an RDS-like name, connect, and show what is refused."""
    install(session)
    provide_servers(session)
    session.run("python", "-m", "examples.demo")


@nox.session
def bench(session: nox.Session) -> None:
    """Measure against the drivers by hand, and against peers; the ratios matter, the times are the machine's."""
    run_benchmarks(session)


@nox.session(name="bench-check")
def bench_check(session: nox.Session) -> None:
    """Measure, and fail when a goal is missed."""
    run_benchmarks(session, "--check")


offer_pyenv_versions()
