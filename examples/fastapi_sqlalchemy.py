"""FastAPI with SQLAlchemy's asyncio engine, which the lifespan opens and closes; the route asks over it.

    pip install 'rds-tls[asyncpg,sqlalchemy]' fastapi uvicorn
    DATABASE_URL=postgresql+asyncpg://app:...@db.cluster-abc123def456.eu-west-1.rds.amazonaws.com/shop \
        uvicorn fastapi_sqlalchemy:app

With ``iam=True`` and no password in the URL each new connection has a token. A server that does not verify keeps the
application from starting, and the log says why.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import sqlalchemy
from fastapi import FastAPI, Request

import rds_tls


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Keep an engine for as long as the application runs; one connection is made at once."""
    engine = rds_tls.sqlalchemy.create_async_engine(os.environ["DATABASE_URL"], pool_pre_ping=True)
    try:
        async with engine.connect():
            app.state.engine = engine
        yield
    finally:
        await engine.dispose()


app = FastAPI(lifespan=lifespan)


@app.get("/")
async def show(request: Request) -> dict[str, str]:
    """Say what carries the connection."""
    async with request.app.state.engine.connect() as connection:
        question = "SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        return {"tls": await connection.scalar(sqlalchemy.text(question))}
