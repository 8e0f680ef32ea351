"""``connect_timeout``: ten seconds unless given, for connecting alone, whatever the driver calls it."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest

import rds_tls
from rds_tls.connect.request import CONNECT_TIMEOUT
from tests.support.rows import ROWS, Row

HOST = "orders.cluster-abc123def456.eu-west-1.rds.amazonaws.com"

CONNECTS = [
    rds_tls.connect_postgres,
    rds_tls.aconnect_postgres,
    rds_tls.connect_mysql,
    rds_tls.aconnect_mysql,
]
GIVES = [rds_tls.postgres_kwargs, rds_tls.mysql_kwargs]


@pytest.mark.parametrize("connect", CONNECTS)
def test_ten_seconds_unless_given(connect: Callable[..., object]) -> None:
    """A security group that drops packets would keep psycopg for minutes."""
    assert inspect.signature(connect).parameters["connect_timeout"].default == CONNECT_TIMEOUT == 10


@pytest.mark.parametrize("give", GIVES)
def test_arguments_have_a_timeout_only_where_one_is_given(give: Any) -> None:  # noqa: ANN401 - two signatures
    """Whoever builds a pool has a default of their own."""
    assert "connect_timeout" not in give(HOST)
    assert give(HOST, connect_timeout=3)["connect_timeout"] == 3


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), 86_401, "5", [5]])
@pytest.mark.parametrize("give", GIVES)
def test_time_that_is_none_is_refused(give: Any, seconds: object) -> None:  # noqa: ANN401 - as above
    """A driver takes 0 for no bound, for the default or for an error: it is said which is meant."""
    with pytest.raises(rds_tls.OptionError, match="is no time to wait: give seconds, above 0"):
        give(HOST, connect_timeout=seconds)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
@pytest.mark.parametrize("name", ["timeout", "connection_timeout"])
def test_drivers_own_name_is_refused(row: Row, name: str) -> None:
    """There is one name for it; under another one two might be given."""
    own: dict[str, Any] = {name: 5}
    with pytest.raises(rds_tls.OptionError, match=f"connect_timeout|no option '{name}'"):
        row.connect_and_ask(HOST, "SELECT 1", user="app", via=("127.0.0.1", 1), **own)
