"""Programs whose only setting is a URL, in processes of their own: ``?plugin=rds_tls`` is all that is new."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from tests.conftest import Pki
from tests.frameworks.engines import HOST, NAMED, Kind
from tests.support import ROOT, in_c
from tests.support.local_rds.kinds import Server
from tests.support.matrix import on_each_server
from tests.support.programs import command

OTHER = "other.cluster-abc123def456.eu-west-1.rds.amazonaws.com"
PROGRAMS = ROOT / "tests" / "frameworks" / "programs"

# Neither program is one of an event loop.
SAMPLE = ("postgresql+psycopg", "mysql+pymysql", "mysql+mysqldb")
every_sample = on_each_server("kind", {name: NAMED[name] for name in SAMPLE}, lambda kind: kind.servers)


def url_for(kind: Kind, server: Server, host: str = HOST) -> URL:
    """Give the program's setting."""
    if kind.dials_in_c:
        return kind.url(server, host, plugin="rds_tls")
    return kind.url(server, host, plugin="rds_tls", rds_tls_via=f"{server.host}:{server.port}")


def run(kind: Kind, pki: Pki, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program that trusts the test's roots."""
    if kind.dials_in_c and (reason := in_c.missing(kind.dials_in_c)):
        pytest.skip(reason)
    environ = {**os.environ, "RDS_TLS_CA_BUNDLE": str(pki.settings.ca_file)}
    environ |= in_c.environment() if kind.dials_in_c else {}
    return subprocess.run(arguments, env=environ, capture_output=True, text=True, timeout=60, check=False)


@every_sample
def test_alembic_migrates(kind: Kind, server: Server, pki: Pki, tmp_path: Path) -> None:
    """Up and down again, online; a server with another name is none that is migrated, and the reason is printed."""

    def alembic(url: URL, *arguments: str) -> subprocess.CompletedProcess[str]:
        text = url.render_as_string(hide_password=False).replace("%", "%%")
        configuration = tmp_path / "alembic.ini"
        configuration.write_text(f"[alembic]\nscript_location = {PROGRAMS / 'migrations'}\nsqlalchemy.url = {text}\n")
        return run(kind, pki, sys.executable, "-P", "-m", "alembic", "-c", str(configuration), *arguments)

    url = url_for(kind, server)
    for step, after in ((("upgrade", "head"), "parcels (head)\n"), (("downgrade", "base"), "")):
        done = alembic(url, *step)
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
        assert alembic(url, "current").stdout == after
    refused = alembic(url_for(kind, server, OTHER), "upgrade", "head")
    assert refused.returncode == 1
    assert "\nrds_tls: " in refused.stderr
    assert server.password not in refused.stderr


@every_sample
def test_flask_sqlalchemy_serves(kind: Kind, server: Server, pki: Pki) -> None:
    """A visitor gets the page; from a server with another name nothing, and the reason is in the program's log."""

    def visit(url: URL) -> subprocess.CompletedProcess[str]:
        program = command("frameworks/programs/flask_page.py", url.render_as_string(hide_password=False), kind.question)
        return run(kind, pki, *program)

    served = visit(url_for(kind, server))
    assert (served.stdout.partition("_")[0], served.stderr) == ("True\n" if kind.is_postgres else "TLS", "")
    refused = visit(url_for(kind, server, OTHER))
    assert "Internal Server Error" in refused.stdout
    assert "\nrds_tls: " in refused.stderr
    assert server.password not in refused.stderr
