"""A further connect by mysqlclient: rds_tls, and its own ways.

Its library resolves names in C, so that it is measured in a process under libnss-wrapper, where the tests run it too.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator

from benchmarks.measure import Table
from benchmarks.stage import ROOT, Stage
from tests.support import in_c

TITLE = "Connect, mysqlclient"

BY_HAND = "regional file"
OURS = "rds_tls"
WORLDWIDE = "global bundle"
UNVERIFIED = "encrypted but unverified"


def measure(stage: Stage, effort: float) -> Iterator[Table]:
    """Measure connects; closing is not part of the time.

    Args:
        stage: the servers and files.
        effort: what part of all rounds to run.

    Yields:
        The table; none where the driver or libnss-wrapper is missing.
    """
    if in_c.missing("MySQLdb"):
        return
    server = stage.mysql
    asked = {
        "user": server.user,
        "password": server.password,
        "database": server.database,
        "port": server.port,
        "regional": stage.regional,
        "global": stage.worldwide,
        "rounds": round(200 * effort),
        "by_hand": BY_HAND,
        "ours": OURS,
        "worldwide": WORLDWIDE,
        "unverified": UNVERIFIED,
    }
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.programs.mysqlclient"],
        cwd=ROOT,
        env=os.environ | in_c.environment(),
        input=json.dumps(asked),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    yield Table(TITLE, "ms", json.loads(done.stdout))
