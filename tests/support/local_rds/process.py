"""Find, start and stop a database server that belongs to nobody but the caller.

``python -m tests.support.local_rds.process`` prints the Debian packages that the servers need and this machine lacks.
"""

import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.local_rds.keeper import keeper

START_SECONDS = 60
STOP_SECONDS = 10
PORT_ATTEMPTS = 5

# A shell that becomes the program when it is told to: by then the keeper knows of it. If this process ends in between,
# it reads the end of the pipe, and ends too.
WAIT = ("sh", "-c", 'read go && exec "$@" </dev/null', "sh")
GO = "go\n"


class Packages(NamedTuple):
    """What brings a program, by package manager."""

    apt: str
    dnf: str
    brew: str


POSTGRESQL = Packages(apt="postgresql", dnf="postgresql-server", brew="postgresql@17")
MARIADB = Packages(apt="mariadb-server", dnf="mariadb-server", brew="mariadb")
MYSQL = Packages(apt="mysql-server", dnf="mysql-server", brew="mysql")

PROGRAMS = {
    "initdb": POSTGRESQL,
    "postgres": POSTGRESQL,
    "mariadb-install-db": MARIADB,
    "mariadbd": MARIADB,
    "mysqld": MYSQL,
}

# Where packages put servers besides PATH.
PLACES = (
    "/usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "/usr/pgsql-*/bin",  # the PostgreSQL project's packages for Red Hat and its kin
    "/usr/sbin",  # mariadbd and mysqld on Debian; a user's PATH may lack it
    "/usr/libexec",  # the same on Fedora and Red Hat
    "/opt/homebrew/opt/postgresql@*/bin",  # Homebrew on Apple silicon
    "/opt/homebrew/opt/mariadb/bin",
    "/opt/homebrew/opt/mysql/bin",
    "/usr/local/opt/postgresql@*/bin",  # Homebrew on Intel
    "/usr/local/opt/mariadb/bin",
    "/usr/local/opt/mysql/bin",
)


class ServerError(RuntimeError):
    """A server, or a program that prepares one, did not do what it was started for; the message holds its log."""


def find_program(name: str) -> str:
    """Find a program of `PROGRAMS` on PATH, then in `PLACES`, newest version first.

    Args:
        name: one of the names in `PROGRAMS`.

    Returns:
        The program's path.

    Raises:
        FileNotFoundError: it is not installed; the message says how to install it.
    """
    folders = [folder for place in PLACES for folder in sorted(Path("/").glob(place[1:]), key=_version, reverse=True)]
    for folder in (*os.get_exec_path(), *map(str, folders)):
        found = shutil.which(name, path=folder)
        if found and (name != "mysqld" or is_mysql(found)):
            return found
    packages = PROGRAMS[name]
    raise FileNotFoundError(
        f"{name!r} is neither on PATH nor where packages put it; install it with one of: "
        f"apt-get install {packages.apt}, dnf install {packages.dnf}, brew install {packages.brew}"
    )


@cache
def is_mysql(mysqld: str) -> bool:
    """Say whether a program of that name is MySQL's: on Debian it may be a link to MariaDB's."""
    command = [mysqld, "--no-defaults", "--version"]
    answer = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False).stdout
    _, _, version = answer.partition("  Ver ")  # before it stands the program's path
    return re.match(r"\d+\.\d+\.\d+", version) is not None and "MariaDB" not in version


def is_installed(name: str) -> bool:
    """Say whether a program of `PROGRAMS` is there."""
    try:
        find_program(name)
    except FileNotFoundError:
        return False
    return True


def missing_packages() -> list[str]:
    """List the Debian packages that this machine needs before the servers can start.

    One of MariaDB and MySQL is enough. MariaDB is asked for where there is neither: every distribution has it.
    """
    missing = {packages for name, packages in PROGRAMS.items() if not is_installed(name)}
    needed = {POSTGRESQL, MARIADB} if MYSQL in missing else {POSTGRESQL}
    return sorted(packages.apt for packages in missing & needed)


class Home:
    """A private directory for one server, the account that owns it, and the server that runs there.

    Root lends the server another account, because databases refuse to run as root. The directory lies below the
    system's temporary directory: pytest's own temporary directories are closed to other accounts. Server and directory
    end with this process at the latest, however it ends.

    Args:
        account: the account that the database's package creates; `nobody` stands in for it where there is none.

    Attributes:
        path: the directory.
        port: the server's TCP port, once it has started.
    """

    def __init__(self, account: str) -> None:
        self._owner = _lend_account(account)
        self.path = Path(tempfile.mkdtemp(dir=keeper().folder))
        self.port = 0
        self._server: _Server | None = None
        self._options: dict[str, Any] = {
            "cwd": self.path,
            # Log lines in English; temporary files where the account may write.
            "env": os.environ | {"LC_ALL": "C", "TMPDIR": str(self.path)},
            "stdin": subprocess.PIPE,
            "text": True,
            "errors": "replace",
            "umask": 0o077,
            "process_group": 0,
        }
        if self._owner:
            user, group = self._owner
            os.chown(self.path, user, group)
            self._options |= {"user": user, "group": group, "extra_groups": []}

    def write(self, name: str, content: bytes) -> Path:
        """Write a file that the server alone may read, as databases demand of a private key."""
        path = self.path / name
        path.touch(mode=0o600)
        path.write_bytes(content)
        if self._owner:
            os.chown(path, *self._owner)
        return path

    def run(self, *command: str | Path) -> None:
        """Run a program to its end as the server's account.

        Raises:
            ServerError: it failed.
        """
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, **self._options}
        with subprocess.Popen([*WAIT, *command], **options) as program, keeper().watching(program.pid):
            output, _ = program.communicate(GO)
        if program.returncode:
            raise ServerError(f"{command[0]} failed with status {program.returncode}:\n{output}")

    def start(self, command: Callable[[int], Sequence[str | Path]], ready: str) -> None:
        """Start the server on a free port and return when it is ready.

        Args:
            command: gives the command line for a port.
            ready: a part of the line that the server writes to stderr when clients may come.

        Raises:
            ServerError: it ended, or was not ready in time.
        """
        for attempt in range(1, PORT_ATTEMPTS + 1):
            self.port = free_port()
            self._launch = partial(_Server, command(self.port), ready, self._options)
            self._server = self._launch()
            try:
                self._server.wait_until_ready()
            except ServerError as error:
                # Between asking for a free port and using it, anybody may take it.
                if "address already in use" not in str(error).lower() or attempt == PORT_ATTEMPTS:
                    raise
            else:
                return

    def restart(self, stop_signal: signal.Signals = signal.SIGKILL) -> None:
        """End the server, start it again on its port, and return when it is ready; for errors see `start`."""
        assert self._server is not None
        self._server.stop(stop_signal)  # an orderly end takes MySQL more than a second
        self._server = self._launch()
        self._server.wait_until_ready()

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the server."""
        if self._server:
            self._server.process.send_signal(number)

    def log(self) -> str:
        """Give the end of what the server wrote to stderr."""
        return self._server.log() if self._server else ""

    def close(self, stop_signal: signal.Signals = signal.SIGTERM) -> None:
        """Stop the server for sure, and remove the directory."""
        if self._server:
            self._server.stop(stop_signal)
        shutil.rmtree(self.path)


class _Server:
    """A running process whose stderr is read to its end by a thread, so that it never blocks on a full pipe."""

    def __init__(self, command: Sequence[str | Path], ready: str, options: dict[str, Any]) -> None:
        self._name = str(command[0])
        self._log: deque[str] = deque(maxlen=200)
        self._ready = False
        self._settled = threading.Event()
        self.process = subprocess.Popen([*WAIT, *command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **options)
        keeper().started(self.process.pid)
        assert self.process.stdin is not None  # it is a pipe
        with self.process.stdin as pipe:
            pipe.write(GO)
        self._reader = threading.Thread(target=self._read, args=(ready,), daemon=True)
        self._reader.start()

    def _read(self, ready: str) -> None:
        assert self.process.stderr is not None  # it is a pipe
        with self.process.stderr as lines:
            for line in lines:
                self._log.append(line)
                if ready in line:
                    self._ready = True
                    self._settled.set()
        self._settled.set()

    def wait_until_ready(self) -> None:
        in_time = self._settled.wait(START_SECONDS)
        if not self._ready:
            self.stop(signal.SIGTERM)
            what = "ended before it was ready" if in_time else f"was not ready within {START_SECONDS} s"
            raise ServerError(f"{self._name} {what}:\n{self.log()}")

    def log(self) -> str:
        return "".join(self._log)

    def stop(self, stop_signal: signal.Signals) -> None:
        self.process.send_signal(stop_signal)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        keeper().ended(self.process.pid)
        # Children of the server may hold the pipe for a moment longer.
        self._reader.join(STOP_SECONDS)


def free_port() -> int:
    """Ask the system for a TCP port on loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _version(folder: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", str(folder))]


def _lend_account(name: str) -> tuple[int, int] | None:
    """Give the user and group id that a server runs as when root starts it; otherwise it runs as oneself."""
    if os.geteuid() != 0:
        return None
    for candidate in (name, "nobody"):
        with suppress(KeyError):
            entry = pwd.getpwnam(candidate)
            return entry.pw_uid, entry.pw_gid
    raise ServerError(f"root cannot run a database, and neither {name!r} nor 'nobody' exists to run it instead")


if __name__ == "__main__":
    print(*missing_packages())  # noqa: T201 - the answer to whoever runs this module
