"""Marks by which a test runs with each of something, on each kind of server that this machine has."""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

import pytest

from tests.support.local_rds.kinds import Server
from tests.support.rows import ROWS

Case = TypeVar("Case")


def on_each_server(
    name: str, cases: Mapping[str, Case], kinds: Callable[[Case], Iterable[type[Server]]]
) -> pytest.MarkDecorator:
    """Parametrize a test that uses `server` with each case, on each kind of server that the case is for.

    Args:
        name: the argument that a case becomes.
        cases: by their ids.
        kinds: gives those of a case.
    """
    pairs = {f"{case_id}-{kind.title}": (case, kind) for case_id, case in cases.items() for kind in kinds(case)}
    return pytest.mark.parametrize((name, "server_kind"), pairs.values(), ids=pairs)


every_row = on_each_server("row", {row.name: row for row in ROWS}, lambda row: row.servers)
