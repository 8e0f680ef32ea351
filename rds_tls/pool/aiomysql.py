"""aiomysql's pool, which keeps fixed arguments and has no hook: here each new connection is asked of rds_tls."""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Any

from rds_tls.connect.mysql import aconnect_mysql
from rds_tls.errors import DriverNotInstalledError
from rds_tls.extras import require

if TYPE_CHECKING:
    from collections.abc import Callable

_EXTRA = "aiomysql"

# What the pool's own method calls to connect, by a name of its module.
_CONNECT = "connect"


async def aiomysql_pool(
    host: str | None = None, *, minsize: int = 1, maxsize: int = 10, pool_recycle: float = -1, **arguments: Any
) -> Any:  # noqa: ANN401 - an aiomysql.Pool
    """Open an aiomysql pool whose connections are those of ``rds_tls.aconnect_mysql``.

    Each new connection has a fresh token or password and the newest roots; it is checked, and heals after a rotation.

    Args:
        host: the endpoint, or a database URL.
        minsize: how many connections the pool opens at once and keeps.
        maxsize: how many it has at most; 0 for no bound.
        pool_recycle: how old, in seconds, an unused connection may become; -1 for any age.
        **arguments: those of ``aconnect_mysql`` but ``driver``.

    Returns:
        An ``aiomysql.Pool``, to be closed by ``close()`` and ``await wait_closed()``, or by ``async with``.

    Raises:
        DriverNotInstalledError: aiomysql is not installed, or its pool connects in a way that is not known here.
        Exception: as for ``aconnect_mysql``, where a connection is opened at once.
    """
    import asyncio  # only a program with an event loop calls this, and has it

    module = require("aiomysql.pool", _EXTRA)

    async def connect(**_pools_own: Any) -> Any:  # noqa: ANN401 - an aiomysql.Connection
        return await aconnect_mysql(host, driver="aiomysql", **arguments)

    class Pool(module.Pool):  # type: ignore[name-defined,misc]
        _fill_free_pool = _connecting_by(module.Pool._fill_free_pool, connect)  # noqa: SLF001 - the one place

    pool = Pool(minsize, maxsize, echo=False, pool_recycle=pool_recycle, loop=asyncio.get_running_loop())
    try:
        async with pool._cond:  # noqa: SLF001 - as aiomysql.create_pool does
            await pool._fill_free_pool(False)  # noqa: FBT003, SLF001
    except BaseException:
        pool.close()
        await pool.wait_closed()
        raise
    return pool


def _connecting_by(method: Any, connect: Callable[..., Any]) -> FunctionType:  # noqa: ANN401 - a function of aiomysql's
    """Give a method of the pool's that calls another function where it connects: its code, with other globals."""
    if _CONNECT not in method.__code__.co_names or _CONNECT not in method.__globals__:
        raise DriverNotInstalledError(
            "the pool of the installed aiomysql connects in a way that rds_tls does not know: install a version that "
            f"pip install 'rds-tls[{_EXTRA}]' allows, or use SQLAlchemy's pool"
        )
    return FunctionType(method.__code__, {**method.__globals__, _CONNECT: connect}, method.__name__)
