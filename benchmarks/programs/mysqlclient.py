"""Connect with mysqlclient in turns, in a process in which the endpoint's name leads to loopback for C too.

Reads JSON: user, password, database, port, the paths of the regional and the global file, the number of rounds. Writes
the milliseconds of each round, by case.
"""

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import MySQLdb

import rds_tls
from benchmarks.measure import take_turns
from tests.support.trust_store import HOST


def main() -> None:
    """Measure what standard input asks for."""
    asked = json.loads(sys.stdin.read())
    login: dict[str, Any] = {name: asked[name] for name in ("user", "password", "database", "port")}
    verified = {**login, "host": HOST, "ssl_mode": "VERIFY_IDENTITY"}
    cases: dict[str, Callable[[], Any]] = {
        asked["by_hand"]: lambda: MySQLdb.connect(**verified, ssl={"ca": asked["regional"]}),
        asked["ours"]: lambda: rds_tls.connect_mysql(HOST, driver="mysqlclient", **login),
        asked["worldwide"]: lambda: MySQLdb.connect(**verified, ssl={"ca": asked["global"]}),
        asked["unverified"]: lambda: MySQLdb.connect(**login, host=HOST, ssl_mode="REQUIRED"),
    }
    timed = {name: partial(_one, connect) for name, connect in cases.items()}
    sys.stdout.write(json.dumps(dict(take_turns("", "ms", timed, asked["rounds"]).values)))


def _one(connect: Callable[[], Any]) -> float:
    start = time.perf_counter()
    connection = connect()
    taken = time.perf_counter() - start
    connection.close()
    return taken * 1000


if __name__ == "__main__":
    main()
