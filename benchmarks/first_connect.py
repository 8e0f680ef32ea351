"""Does the first connect of a process wait for the network? It must not, where roots for the region are at hand.

Each run is a process of its own: import, then ``connect_postgres`` to a local server, with stale roots on disk, so
that a refresh starts in the background. The trust store is there in one case, and in the other a port that never
answers. The cases take turns. Run it with ``python3 -m nox -s bench``.
"""

import json
import os
import platform
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import psycopg

import rds_tls
from tests.local_https import LocalHttps
from tests.local_rds import Authority, KeyType, PostgresServer
from tests.trust_store import HOST, REGION, TrustStore

ROUNDS = 30
GOAL = 1.05

# Seconds from the start of the import to a connection, measured by the process itself.
PROGRAM = """
import sys, time
start = time.perf_counter()
import rds_tls
host, user, dbname, port = sys.argv[1:]
rds_tls.connect_postgres(host, user=user, dbname=dbname, via=("127.0.0.1", int(port))).close()
print(time.perf_counter() - start)
"""


def blackhole(stack: ExitStack) -> int:
    """Listen without ever accepting, behind a full queue: a further client's SYN is never answered. Gives the port."""
    listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
    for _ in range(8):
        client = stack.enter_context(socket.socket())
        client.setblocking(False)  # noqa: FBT003 - the method's only form
        client.connect_ex(listener.getsockname())
    port: int = listener.getsockname()[1]
    return port


def measure(server: PostgresServer, environment: dict[str, str]) -> float:
    """Run the program once, with an empty cache, and give its milliseconds."""
    with tempfile.TemporaryDirectory() as cache:
        command = [sys.executable, "-c", PROGRAM, HOST, server.user, server.database, str(server.port)]
        result = subprocess.run(  # noqa: S603 - this interpreter, with a program of our own
            command, env={**environment, "RDS_TLS_CACHE_DIR": cache}, check=True, capture_output=True, text=True
        )
    return float(result.stdout) * 1000


def main() -> None:
    """Measure, print a table, and write the same as JSON beside this file."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(PostgresServer())
        https = stack.enter_context(LocalHttps(folder))
        authority = Authority(REGION, KeyType.RSA2048)
        server.present(authority.issue([HOST]))
        store = TrustStore(https, folder / "unused")
        store.publish(REGION, authority.root_pem)
        rds_tls.prefetch(REGION, directory=folder / "image", settings=store.settings)
        common = {
            **os.environ,
            "PGPASSWORD": server.password,
            "RDS_TLS_BUNDLE_DIR": str(folder / "image"),
            "RDS_TLS_MAX_AGE": "0",
            "RDS_TLS_TRUSTSTORE_CA_FILE": str(store.settings.mirror_ca_file),
        }
        cases = {
            "network there": f"https://localhost:{https.server_port}",
            "network blackholed": f"https://127.0.0.1:{blackhole(stack)}",
        }
        times: dict[str, list[float]] = {name: [] for name in cases}
        for _ in range(ROUNDS):
            for name, url in cases.items():
                times[name].append(measure(server, {**common, "RDS_TLS_TRUSTSTORE_URL": url}))
    report(times)


def report(times: dict[str, list[float]]) -> None:
    """Print medians with minimum, 90th percentile and the ratio to the first case."""
    baseline = statistics.median(next(iter(times.values())))
    rows = {
        name: {
            "median_ms": statistics.median(values),
            "min_ms": min(values),
            "p90_ms": statistics.quantiles(values, n=10)[-1],
            "ratio": statistics.median(values) / baseline,
        }
        for name, values in times.items()
    }
    machine = {
        "machine": platform.platform(),
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
        "openssl": ssl.OPENSSL_VERSION,
        "psycopg": psycopg.__version__,
        "rds_tls": rds_tls.__version__,
    }
    for key, value in machine.items():
        print(f"{key:10} {value}")
    print(f"\n{'first connect, ms':22}{'median':>9}{'min':>9}{'p90':>9}{'ratio':>8}")
    for name, row in rows.items():
        print(f"{name:22}{row['median_ms']:9.1f}{row['min_ms']:9.1f}{row['p90_ms']:9.1f}{row['ratio']:8.3f}")
    print(f"\ngoal: blackholed at most {GOAL} x there")
    path = Path(__file__).with_suffix(".json")
    path.write_text(json.dumps({"rounds": ROUNDS, **machine, "cases": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
