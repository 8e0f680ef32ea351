"""What a program can ask the public functions about themselves, and what a driver's name may be."""

import typing
from collections.abc import Callable
from typing import Any

import pytest

import rds_tls
from rds_tls.connect import mysql, postgres
from rds_tls.drivers import MYSQL, POSTGRES
from tests.support.programs import run

# Each function, its engine, and which of the engine's drivers it connects with.
CONNECTS = {
    postgres.connect_postgres: (POSTGRES, POSTGRES.drivers),
    postgres.aconnect_postgres: (POSTGRES, POSTGRES.async_drivers),
    mysql.connect_mysql: (MYSQL, MYSQL.drivers),
    mysql.aconnect_mysql: (MYSQL, MYSQL.async_drivers),
}
GIVES = {
    postgres.postgres_kwargs: (POSTGRES, {*POSTGRES.drivers, *POSTGRES.async_drivers}),
    mysql.mysql_kwargs: (MYSQL, {*MYSQL.drivers, *MYSQL.async_drivers}),
}
PUBLIC = [*CONNECTS, *GIVES]


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
    _, takes = {**CONNECTS, **GIVES}[function]
    assert set(flattened(typing.get_type_hints(function)["driver"])) == set(takes)


def flattened(hint: Any) -> set[str]:  # noqa: ANN401 - a Literal, or a union of two
    """Give the names in a Literal, or in a union of them."""
    return {name for part in typing.get_args(hint) for name in ({part} if isinstance(part, str) else flattened(part))}


@pytest.mark.parametrize("function", CONNECTS)
def test_each_driver_has_its_own_class(function: Callable[..., object]) -> None:
    """For each driver a type checker sees what class the connection has."""
    drivers = [each.__annotations__["driver"].split("'")[1] for each in typing.get_overloads(function)]
    assert sorted(drivers) == sorted(CONNECTS[function][1])


def test_every_function_of_the_room_is_asked() -> None:
    """A function that is added to the room is tested here too."""
    for room in (postgres, mysql):
        own = {value for value in vars(room).values() if getattr(value, "__module__", "") == room.__name__}
        assert own == {function for function in PUBLIC if function.__module__ == room.__name__}


def test_type_hints_need_no_driver() -> None:
    """A program that has no driver installed can ask as well, and none is imported for it."""
    names = [function.__name__ for function in CONNECTS]
    assert run("connect/hints_without_driver.py", *names) == "typing.Any typing.Any typing.Any typing.Any"


@pytest.mark.parametrize("function", [postgres.connect_postgres, mysql.connect_mysql])
def test_unknown_driver_is_refused(function: Any) -> None:  # noqa: ANN401 - two signatures
    """What no type checker has seen is refused at run time, before anything is dialled."""
    host = "db.cluster-abc123def456.eu-west-1.rds.amazonaws.com"
    with pytest.raises(rds_tls.OptionError, match="has no such driver= here: use one of "):
        function(host, user="app", driver="none", via=("127.0.0.1", 1))
