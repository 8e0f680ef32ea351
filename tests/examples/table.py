"""The examples, as the tests run them: a row of this table is one of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tests.support import ROOT
from tests.support.django_site import HOST
from tests.support.local_rds.kinds import MYSQL_SERVERS, POSTGRES_SERVERS, Server

FOLDER = ROOT / "examples"

ALIAS = "db.corp.example"
PROXY = "shop.proxy-abc123def456.eu-west-1.rds.amazonaws.com"
FURTHER = "readers.endpoint.proxy-abc123def456.eu-west-1.rds.amazonaws.com"
# RDS's certificate for a proxy has this one name.
OF_PROXY = "*.proxy-abc123def456.eu-west-1.rds.amazonaws.com"

# The user whom PostgreSQL lets in by tokens alone.
TOKEN_USER = "by_token"  # noqa: S105 - a name

# What a hosts file says of them: the alias is one, and the proxy's names lead to loopback as the endpoint's do.
HOSTS = (f"127.0.0.1 {HOST} {ALIAS}", f"127.0.0.1 {PROXY}", f"127.0.0.1 {FURTHER}")

TLS = r"TLSv1\.[23]"
LOGIN = "{user}:{password}@{at}"


class Example(NamedTuple):
    """One example.

    Attributes:
        file: its file below examples/; the one that says how to run it, where there are several.
        output: what it prints, or what its page is, as a regular expression.
        environ: what it is told; {at} stands for the endpoint and its port, {port} for the port alone, {user} and so on
            for the server's own.
        is_mysql: whether it speaks to MySQL.
        runs: the arguments of each run of Python's, in the order that a user follows; the file alone unless given.
        cleans_up: those of one that leaves the server as it was.
        address: a text before its page's address, for one that serves; empty for one that ends.
        tries_on: whether it tries again for a long time where it is refused.
        names: those that the server's certificate has.
        needs: what has to be importable, beside what the tests install.
        fixture: the fixture of what it needs around it.
    """

    file: str
    output: str = TLS
    environ: Mapping[str, str] = {}
    is_mysql: bool = False
    runs: tuple[tuple[str, ...], ...] = ()
    cleans_up: tuple[str, ...] = ()
    address: str = ""
    tries_on: bool = False
    names: tuple[str, ...] = (HOST,)
    needs: str = ""
    fixture: str = ""

    @property
    def servers(self) -> tuple[type[Server], ...]:
        """The kind of server that it is run with."""
        return MYSQL_SERVERS[:1] if self.is_mysql else POSTGRES_SERVERS

    @property
    def path(self) -> Path:
        """Where it is; its folder is where it is run."""
        return FOLDER / self.file


ON_PAGE = f'^{{"tls":"{TLS}"}}$'
DJANGO = (("{file}", "runserver", "127.0.0.1:0", "--noreload"),)

EXAMPLES = {
    each.path.relative_to(FOLDER).parts[0].removesuffix(".py"): each
    for each in (
        Example(
            "fastapi_sqlalchemy.py",
            output=ON_PAGE,
            environ={"DATABASE_URL": f"postgresql+asyncpg://{LOGIN}/{{database}}"},
            runs=(("-m", "uvicorn", "fastapi_sqlalchemy:app", "--port", "0"),),
            address="Uvicorn running on ",
        ),
        Example(
            "alembic/env.py",
            output=r"^orders \(head\)$",
            environ={"DATABASE_URL": f"postgresql+psycopg://{LOGIN}/{{database}}"},
            runs=(("-m", "alembic", "upgrade", "head"), ("-m", "alembic", "current")),
            cleans_up=("-m", "alembic", "downgrade", "base"),
        ),
        Example(
            "flask/app.py",
            output=ON_PAGE,
            environ={"DATABASE_URL": f"mysql+pymysql://{LOGIN}/{{database}}?plugin=rds_tls&rds_tls_connect_timeout=60"},
            is_mysql=True,
            runs=(("-m", "flask", "run", "--port", "0"),),
            address="Running on ",
        ),
        Example(
            "django_postgres.py",
            output=f"^TLS: {TLS}$",
            runs=DJANGO,
            address="development server at ",
        ),
        Example(
            "django_mysql.py",
            output=f"^TLS: {TLS}$",
            is_mysql=True,
            runs=DJANGO,
            address="development server at ",
        ),
        Example(
            "psycopg_pool_iam.py",
            output=f"^(user and TLS: {TOKEN_USER} {TLS}\n){{2}}$",
            environ={"DB_USER": TOKEN_USER},
            tries_on=True,
            fixture="tokens",
        ),
        Example("asyncpg_pool.py", output=f"^TLS: {TLS}\n$"),
        Example("aiomysql_pool.py", output=f"^TLS: {TLS}\n$", is_mysql=True),
        Example(
            "bastion_tunnel.py",
            output=rf"^dialled: 127\.0\.0\.1 \d+\nverified: {HOST} {TLS}\n$",
            environ={"DB_HOST": HOST, "DB_VIA": "127.0.0.1:{port}"},
        ),
        Example(
            "cname.py",
            output=f"^{ALIAS} is {HOST} {TLS}\n$",
            environ={"DB_HOST": ALIAS, "DB_EXPECT": f"*.{HOST.partition('.')[2]}", "DB_PORT": "{port}"},
        ),
        Example(
            "rds_proxy.py",
            output="".join(f"{name} verified as {PROXY} Ssl_version {TLS}\n" for name in (PROXY, FURTHER)),
            environ={"DB_HOST": PROXY, "DB_FURTHER": FURTHER, "DB_PORT": "{port}"},
            is_mysql=True,
            names=(OF_PROXY,),
        ),
        Example(
            "alongside_aws_wrapper.py",
            output=f"^TLS: {TLS}\n$",
            environ={"DB_HOST": HOST, "DB_PORT": "{port}"},
            needs="aws_advanced_python_wrapper",
        ),
        Example(
            "notebook.ipynb",
            output=rf"(?s)^ok .*\npostgresql, {TLS}, verified\n.*\n\[.*'tls': '{TLS}'",
            runs=((str(ROOT / "tests/examples/programs/notebook.py"), "{file}"),),
        ),
        Example(
            "secrets_manager.py",
            output=f"^TLS: {TLS}\n$",
            environ={"DATABASE_URL": "postgresql+psycopg://{user}@{at}/{database}", "DB_SECRET": "prod/shop"},
            fixture="aws",
        ),
        Example(
            "certificate_expiry_check.py",
            output=rf"^ok    {HOST}:\d+\n$",
            runs=(("{file}", "--days", "30", "{at}"),),
        ),
    )
}
