"""A real Django project, made by startproject, whose programs run in processes of their own."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.support import ROOT, in_c
from tests.support.local_rds.kinds import MYSQL_SERVERS, POSTGRES_SERVERS, Server

# Longer than anything takes: it turns a process that waits for ever into a failure.
SAFETY_SECONDS = 60

HOST = "orders.cluster-abc123def456.eu-west-1.rds.amazonaws.com"
OTHER = "other.cluster-abc123def456.eu-west-1.rds.amazonaws.com"


class Backend(NamedTuple):
    """An ENGINE of ours with a driver.

    Attributes:
        engine: "postgresql" or "mysql".
        driver: which driver the project uses.
        options: what its OPTIONS have.
        by_name: whether the driver in C dials the endpoint's own name, which leads to loopback there, and no tunnel.
    """

    engine: str
    driver: str
    options: Mapping[str, Any] = {}
    by_name: bool = False

    @property
    def servers(self) -> tuple[type[Server], ...]:
        """The kinds of server that it speaks to."""
        return POSTGRES_SERVERS if self.engine == "postgresql" else MYSQL_SERVERS

    @property
    def keeping(self) -> dict[str, Any]:
        """Settings by which connections stay, and are looked at before each request."""
        return {"CONN_MAX_AGE": 0 if "pool" in self.options else None, "CONN_HEALTH_CHECKS": True}

    @property
    def missing(self) -> str:
        """Why it cannot be run here; empty where it can."""
        return in_c.missing("MySQLdb") if self.by_name else ""

    def database(self, server: Server, port: int | None = None, **settings: Any) -> dict[str, Any]:
        """Give the entry of DATABASES by which the project connects to a server.

        Args:
            server: the server.
            port: another port on loopback, in place of the server's.
            **settings: settings in place of those that follow; OPTIONS["rds_tls"] by ``rds_tls``.
        """
        port = port or server.port
        options = {**self.options, **settings.pop("OPTIONS", {})}
        options["rds_tls"] = {"connect_timeout": SAFETY_SECONDS, **settings.pop("rds_tls", {})}
        if not self.by_name:
            options["rds_tls"].setdefault("via", ["127.0.0.1", port])
        return {
            "ENGINE": f"rds_tls.django.{self.engine}",
            "HOST": HOST,
            "PORT": str(port) if self.by_name else "",
            "NAME": server.database,
            "USER": server.user,
            "PASSWORD": server.password,
            "OPTIONS": options,
            **settings,
        }


POOL_SIZE = 4

BACKENDS = {
    "psycopg": Backend("postgresql", "psycopg"),
    "psycopg, pool": Backend("postgresql", "psycopg", {"pool": {"min_size": 1, "max_size": POOL_SIZE, "timeout": 5}}),
    "psycopg2": Backend("postgresql", "psycopg2"),
    "mysqlclient": Backend("mysql", "mysqlclient", by_name=True),
    "PyMySQL": Backend("mysql", "pymysql"),
}


# A pool, and one backend of each engine whose shell is run.
POOLED = BACKENDS["psycopg, pool"]
SHELLS = (BACKENDS["psycopg"], BACKENDS["mysqlclient"])


class Ended(NamedTuple):
    """What a program left: its exit code, and what it printed."""

    code: int
    output: str
    errors: str


class Site:
    """The project.

    Args:
        folder: where startproject makes it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        subprocess.run([sys.executable, "-m", "django", "startproject", "shop", str(folder)], check=True)

    def environment(
        self, backend: Backend, database: Mapping[str, Any], more: Mapping[str, str] = {}
    ) -> dict[str, str]:
        """Give the environment of the project's processes."""
        return {
            **os.environ,
            **(in_c.environment() if backend.by_name else {}),
            "AWS_EC2_METADATA_DISABLED": "true",
            "DATABASE": json.dumps(database),
            "DJANGO_SETTINGS_MODULE": "tests.frameworks.django.project.settings",
            "DRIVER": backend.driver,
            "PYTHONPATH": f"{self._folder}{os.pathsep}{ROOT}",
            "PYTHONUNBUFFERED": "1",
            **more,
        }

    def manage(
        self, backend: Backend, database: Mapping[str, Any], *arguments: str, more: Mapping[str, str] = {}
    ) -> Ended:
        """Run ``manage.py`` to its end."""
        return self.run(backend, database, "manage.py", *arguments, more=more)

    def run(self, backend: Backend, database: Mapping[str, Any], *command: str, more: Mapping[str, str] = {}) -> Ended:
        """Run Python to its end."""
        ended = subprocess.run(
            [sys.executable, *command],
            cwd=self._folder,
            env=self.environment(backend, database, more),
            capture_output=True,
            text=True,
            timeout=SAFETY_SECONDS,
            check=False,
        )
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    @contextmanager
    def living(self, backend: Backend, database: Mapping[str, Any], more: Mapping[str, str] = {}) -> Iterator["Living"]:
        """Run the project for the length of a ``with`` block, in a process that makes requests when it is told to."""
        with self._process(backend, database, "-m", "tests.frameworks.django.project.serve", more=more) as process:
            yield Living(process)

    @contextmanager
    def served(self, backend: Backend, database: Mapping[str, Any]) -> Iterator[str]:
        """Run ``manage.py runserver`` for the length of a ``with`` block, and give its address."""
        with self._process(backend, database, "manage.py", "runserver", "127.0.0.1:0", "--noreload") as process:
            assert process.stdout is not None  # it is a pipe
            # Where there is none, the output has ended.
            yield next(found[0] for line in process.stdout if (found := re.search(r"http://[0-9.:]+/", line)))

    @contextmanager
    def _process(
        self, backend: Backend, database: Mapping[str, Any], *command: str, more: Mapping[str, str] = {}
    ) -> Iterator["subprocess.Popen[str]"]:
        with subprocess.Popen(
            [sys.executable, *command],
            cwd=self._folder,
            env=self.environment(backend, database, more),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.terminate()


class Living:
    """The project in a process that lives on, tests/frameworks/django/project/serve.py.

    Args:
        process: the process.
    """

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdin is not None  # both are pipes
        assert process.stdout is not None
        self._input, self._output = process.stdin, process.stdout

    def ask(self, threads: int = 1) -> list[Any]:
        """Let so many threads make a request each, and give what they were answered; None stands for an error."""
        self._input.write(f"{threads}\n")
        self._input.flush()
        answers: list[Any] = json.loads(self._output.readline())
        return answers
