"""Sessions for rds_tls: ``nox -s demo`` shows the main job, ``nox -s tests`` proves it."""

import os
import re
import shutil
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "virtualenv"
nox.options.download_python = "never"
# The sessions are those of the versions that this machine has: one that then cannot be run fails.
nox.options.error_on_missing_interpreters = True
nox.options.sessions = ["lint", "docs", "tests", "system"]

PROJECT = nox.project.load_toml("pyproject.toml")
EXTRAS = PROJECT["project"]["optional-dependencies"]
SUPPORTED = nox.project.python_versions(PROJECT)
OLDEST = SUPPORTED[0]
THIS = "{}.{}".format(*sys.version_info)
# AWS Lambda's own runtime client, which has no wheel for every platform.
LAMBDA = nox.project.dependency_groups(PROJECT, "lambda")
# What builds mysqlclient, which has no wheels for Linux: each program, and the package of Debian's that brings it.
BUILD_TOOLS = {"gcc": "gcc", "pkg-config": "pkg-config", "mariadb_config": "default-libmysqlclient-dev"}
# What lets endpoints' names lead to loopback where a driver resolves in C, and the package that brings it.
RESOLVER, RESOLVER_PACKAGE = "libnss_wrapper.so", "libnss-wrapper"

# A distribution decides what its Python's TLS begins with: Debian's has no floor of versions.
SYSTEM = "/usr/bin/python3"
HANDSHAKES = (
    "tests/context",
    "tests/connect/test_handshakes.py",
    "tests/drivers/test_attacks.py",
)

# What needs no server, and nothing that Windows lacks; the fixtures in tests/conftest.py do.
NO_SERVER = (
    "tests/endpoint/test_any_text.py",
    "tests/endpoint/test_grammar.py",
    "tests/endpoint/test_partitions.py",
    "tests/endpoint/test_refusals.py",
    "tests/test_floors.py",
    "tests/test_log.py",
    "tests/test_public_names.py",
    "tests/test_settings.py",
)

# What may differ from one Python to the next: the versions between the oldest and the newest run this alone.
DIFFERS_BY_PYTHON = (
    *HANDSHAKES,
    "tests/connect/test_runtimes.py",
    "tests/connect/test_secrets.py",
    "tests/drivers/test_options.py",
    "tests/roots/cache",
    "tests/roots/healing",
    "tests/support",
    "tests/test_floors.py",
    "tests/test_import_cost.py",
    "tests/test_settings.py",
    "tests/test_wheel.py",
)


def numbers(folder: Path) -> list[int]:
    """Give the numbers in a folder's name, by which versions are in order."""
    return [int(number) for number in re.findall(r"\d+", folder.name)]


def offer_pyenv_versions() -> None:
    """Let every version that pyenv has be found: by its shims, and where it is, should these not be on PATH."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    versions = sorted(root.glob("versions/[0-9]*"), key=numbers, reverse=True)
    chosen = [os.environ["PYENV_VERSION"]] if "PYENV_VERSION" in os.environ else []
    if versions:
        os.environ["PYENV_VERSION"] = ":".join([*chosen, *(version.name for version in versions)])
        os.environ["PATH"] = os.pathsep.join([os.environ["PATH"], *(str(version / "bin") for version in versions)])


def find_versions() -> list[str]:
    """List the versions that run the tests, oldest first: those supported that are here, and the one that runs nox."""
    found = {version for version in SUPPORTED if shutil.which(f"python{version}")} | {THIS}
    return sorted(found, key=lambda version: int(version.partition(".")[2]))


offer_pyenv_versions()
VERSIONS = find_versions()


def oldest(*requirements: str) -> list[str]:
    """Give each requirement's oldest version."""
    return [requirement.replace(">=", "==") for requirement in requirements]


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


def provide_compiled(session: nox.Session, *requirements: str) -> None:
    """Build what has no wheel everywhere, and bring what its tests resolve by; where that fails, they are skipped."""
    packages = [package for program, package in BUILD_TOOLS.items() if not shutil.which(program)]
    packages += [] if any(Path("/usr").glob(f"lib*/**/{RESOLVER}")) else [RESOLVER_PACKAGE]
    install_packages(session, packages)
    for requirement in requirements:  # one at a time: that one cannot be built is no reason to lack another
        session.install(requirement, success_codes=[0, 1])


def run_tests(session: nox.Session, *files: str) -> None:
    """Run pytest under coverage, on some files or on all: all are held to the floor set in pyproject.toml."""
    provide_servers(session)
    chosen = session.posargs or files
    session.run("coverage", "run", "-m", "pytest", *chosen)
    if not chosen:
        session.run("coverage", "report")


def run_benchmarks(session: nox.Session, *options: str) -> None:
    """Run the benchmarks beside the peers."""
    install(session, "bench")
    provide_compiled(session, *EXTRAS["mysqlclient"])
    provide_servers(session)
    session.run("python", "-m", "benchmarks", *options, *session.posargs)


@nox.session(python=VERSIONS)
def tests(session: nox.Session) -> None:
    """Run the tests on every supported Python that is present: all on the oldest and the newest of them."""
    whole = session.python in {VERSIONS[0], VERSIONS[-1]}
    runs = " ".join(session.posargs) or ("the whole suite" if whole else "what differs by Python")
    session.log(f"found {', '.join(VERSIONS)}; on {session.python} runs {runs}")
    install(session, "tests")
    provide_compiled(session, *EXTRAS["mysqlclient"], *LAMBDA)
    run_tests(session, *() if whole else DIFFERS_BY_PYTHON)


@nox.session(python=SYSTEM)
def system(session: nox.Session) -> None:
    """Run the tests of contexts and handshakes on the system's Python, where it is supported and not run on anyway."""
    version = str(
        session.run("python", "-c", "import sys; print('{}.{}'.format(*sys.version_info))", silent=True)
    ).strip()
    if version not in SUPPORTED:
        session.skip(f"{SYSTEM} is a Python {version}")
    if os.path.realpath(shutil.which(f"python{version}") or "") == os.path.realpath(SYSTEM):
        session.skip(f"the session tests-{version} runs on {SYSTEM}")
    install(session, "tests")
    provide_servers(session)
    session.run("pytest", *HANDSHAKES)


@nox.session(python=OLDEST)
def minimums(session: nox.Session) -> None:
    """Run the whole suite on the oldest versions that pyproject.toml allows."""
    others = [requirement for extra in EXTRAS if extra not in {"all", "mysqlclient"} for requirement in EXTRAS[extra]]
    session.install(
        *oldest(*PROJECT["project"]["dependencies"], *others), *nox.project.dependency_groups(PROJECT, "tests")
    )
    session.install("--no-deps", "-e", ".")
    provide_compiled(session, *oldest(*EXTRAS["mysqlclient"]), *LAMBDA)
    run_tests(session)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, types, and the workflows of GitHub Actions: their form, and what makes them unsafe."""
    install(session, "lint")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("mypy")
    workflows = map(str, Path(".github/workflows").glob("*.yml"))
    session.run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *workflows)
    session.run("zizmor", "--offline", "--quiet", ".github")


@nox.session
def anywhere(session: nox.Session) -> None:
    """Use the installed package alone, and run the tests that need no server: on Windows too."""
    session.install("--no-deps", ".")
    session.run("python", "-I", "tests/installed_wheel.py")
    session.install("-e", ".[mysql,postgres,sqlalchemy]", "hypothesis", "jedi", "pytest")
    session.run("pytest", "--noconftest", *NO_SERVER)


@nox.session
def dist(session: nox.Session) -> None:
    """Build what a release uploads: an sdist, and the wheel from it."""
    shutil.rmtree("dist", ignore_errors=True)
    session.install("build")
    session.run("python", "-m", "build")


@nox.session
def sizes(session: nox.Session) -> None:
    """Print how many MB the package and each extra are on disk, for docs/install.md."""
    for extra in ("", *EXTRAS):
        folder = Path(session.create_tmp()) / (extra or "alone")
        shutil.rmtree(folder, ignore_errors=True)
        wanted = f".[{extra}]" if extra else "."
        # Where nothing compiles mysqlclient, its line is 0.
        session.install("--no-compile", "--target", str(folder), wanted, success_codes=[0, 1])
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        print(f"{wanted:20} {size / 1e6:6.1f} MB")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the site in build/site, without the network; a warning is an error. tests/test_docs.py runs its blocks."""
    session.install(*nox.project.dependency_groups(PROJECT, "docs"))
    # It announces MkDocs 2 with each build, and by that colours the log of one that is as it should be.
    session.run("mkdocs", "build", "--strict", *session.posargs, env={"NO_MKDOCS_2_WARNING": "1"})


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
