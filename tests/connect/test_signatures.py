"""What a program can ask the public functions about themselves, and what a driver's name may be."""

import subprocess
import sys
import typing
from collections.abc import Callable
from typing import Any

import pytest

import rds_tls
from rds_tls import connect
from rds_tls.drivers import MYSQL, POSTGRES
from tests.support import ROOT

PUBLIC = [
    connect.connect_postgres,
    connect.aconnect_postgres,
    connect.connect_mysql,
    connect.postgres_kwargs,
    connect.mysql_kwargs,
]
ENGINES = dict(zip(PUBLIC, (POSTGRES, POSTGRES, MYSQL, POSTGRES, MYSQL), strict=True))


@pytest.mark.parametrize("function", PUBLIC)
def test_type_hints_can_be_read(function: Callable[..., object]) -> None:
    """What pydantic, FastAPI and Sphinx ask for is there at run time; a driver's class is Any."""
    hints = typing.get_type_hints(function)
    assert hints.pop("return") in (Any, dict[str, Any])
    assert hints["settings"] == rds_tls.Settings | None
    assert hints["via"] == tuple[str, int] | None
    assert hints["password"] == str | Callable[[], str] | None
    assert hints["user"] in (str, str | None)


@pytest.mark.parametrize("function", PUBLIC)
def test_driver_is_one_of_the_engines(function: Callable[..., object]) -> None:
    """The type of ``driver`` lists the drivers that the function takes, and no others."""
    engine = ENGINES[function]
    drivers = typing.get_args(typing.get_type_hints(function)["driver"])
    takes = engine.async_drivers if function is connect.aconnect_postgres else engine.drivers
    assert set(takes) <= set(drivers) <= {*engine.drivers, *engine.async_drivers}


def test_every_function_of_the_room_is_asked() -> None:
    """A function that is added to the room is tested here too."""
    own = {value for value in vars(connect).values() if getattr(value, "__module__", "") == connect.__name__}
    assert own == set(PUBLIC)


def test_type_hints_need_no_driver() -> None:
    """A program that has no driver installed can ask as well, and none is imported for it."""
    program = (
        "import sys, typing; sys.modules['psycopg'] = sys.modules['pymysql'] = None\n"
        "import rds_tls\n"
        "print(*(typing.get_type_hints(getattr(rds_tls, name))['return'] for name in sys.argv[1:]))"
    )
    command = [sys.executable, "-c", program, *(function.__name__ for function in PUBLIC[:3])]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (result.stdout, result.stderr) == ("typing.Any typing.Any typing.Any\n", "")


@pytest.mark.parametrize("function", [connect.connect_postgres, connect.connect_mysql])
def test_unknown_driver_is_refused(function: Any) -> None:  # noqa: ANN401 - two signatures
    """What no type checker has seen is refused at run time, before anything is dialled."""
    host = "db.cluster-abc123def456.eu-west-1.rds.amazonaws.com"
    with pytest.raises(rds_tls.OptionError, match="has no such driver= here: use one of "):
        function(host, user="app", driver="asyncpg", via=("127.0.0.1", 1))
