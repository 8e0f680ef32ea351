"""Django: a real project lives by its ENGINE alone, with each driver, in processes of its own."""

import json
import re
import time
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.conftest import Pki
from tests.support.django_site import BACKENDS, HOST, OTHER, POOL_SIZE, Backend, Site
from tests.support.local_https import LocalHttps
from tests.support.local_rds import Authority, KeyType, PostgresServer
from tests.support.local_rds.kinds import Server
from tests.support.matrix import on_each_server
from tests.support.trust_store import HOST as ROTATED
from tests.support.trust_store import OF_REGION, REGION, TrustStore, environment

every_backend = on_each_server("backend", BACKENDS, lambda backend: backend.servers)


@every_backend
def test_project_is_migrated_and_served(backend: Backend, server: Server, site: Site) -> None:
    """Migrate makes the tables, and runserver answers by a view and by one in an event loop, over TLS."""
    database = backend.database(server)
    migrated = site.manage(backend, database, "migrate")
    assert migrated.code == 0, migrated
    with site.served(backend, database) as url:
        with urlopen(f"{url}order") as answer:  # noqa: S310 - loopback
            first = json.load(answer)
        with urlopen(f"{url}order-async") as answer:  # noqa: S310 - as above
            second = json.load(answer)
    assert first["tls"] is True
    assert second["orders"] == first["orders"] + 1


@every_backend
def test_project_outlives_a_rotation(backend: Backend, server: Server, site: Site, tmp_path: Path) -> None:
    """A living process connects under the new root, with its password asked for anew, by one download."""
    old, new = Authority(REGION, KeyType.ECC384), Authority(REGION, KeyType.ECC384)
    server.present(old.issue([ROTATED]))
    files = {"PASSWORD_FILE": tmp_path / "password", "ASKED_FILE": tmp_path / "asked"}
    files["PASSWORD_FILE"].write_text(server.password)
    with LocalHttps(tmp_path) as https:
        store = TrustStore(https, tmp_path / "cache")
        store.publish(REGION, old.root_pem + new.root_pem)
        store.put(REGION, old.root_pem, time.time())
        more = environment(store, RDS_TLS_CA_BUNDLE="", **{name: str(path) for name, path in files.items()})
        database = backend.database(server, HOST=ROTATED, PASSWORD="", **backend.keeping)
        with site.living(backend, database, more) as living:
            answers = living.ask()
            server.present(new.issue([ROTATED]))
            for _ in range(2):
                server.restart()
                answers += living.ask()
        assert store.asked == [OF_REGION]
    assert [answer["tls"] for answer in answers] == [True] * 3
    assert len({answer["connection"] for answer in answers}) > 1
    assert len(files["ASKED_FILE"].read_text().splitlines()) >= 3


@every_backend
@pytest.mark.parametrize("checks", [True, False], ids=["with health checks", "without"])
def test_restart_costs_no_more_than_what_was_held(checks: bool, backend: Backend, server: Server, site: Site) -> None:  # noqa: FBT001 - a case
    """With health checks no later request meets a connection of before; without them each one is met once."""
    database = backend.database(server, **{**backend.keeping, "CONN_HEALTH_CHECKS": checks})
    with site.living(backend, database) as living:
        before = living.ask(3)
        assert None not in before
        if not backend.options:  # which thread gets which connection of a pool's is the pool's to say
            assert living.ask(3) == before
        server.restart()
        lost = [*living.ask(3), *living.ask(3)].count(None)
    held = POOL_SIZE if backend.options else 3
    assert lost == 0 if checks else 0 < lost <= held


@every_backend
def test_parameters_connect_nobody_else(backend: Backend, server: Server, site: Site) -> None:
    """A package that gives Django's parameters to the driver itself gets an error, and no unverified connection."""
    database = backend.database(server)
    del database["OPTIONS"]["rds_tls"]
    ended = site.run(backend, database, "-m", "tests.frameworks.django.project.connect_by_driver")
    assert ended.code == 1
    assert re.search("(?:Programming|Type)Error: .*rds_tls", ended.errors)


def test_tests_of_the_project_run_in_a_test_database(pki: Pki, postgres: PostgresServer, site: Site) -> None:
    """Manage.py test makes a database by a connection without one, and drops it."""
    postgres.present(pki.authority.issue([HOST]))
    backend = BACKENDS["psycopg"]
    ended = site.manage(backend, backend.database(postgres), "test", "tests.frameworks.django.project")
    assert ended.code == 0, ended
    assert "Ran 1 test" in ended.errors


@on_each_server("backend", {"mysqlclient": BACKENDS["mysqlclient"]}, lambda backend: backend.servers)
def test_test_database_is_copied_over_tls(backend: Backend, server: Server, pki: Pki, site: Site) -> None:
    """What runs tests in parallel copies a database by two programs, which verify the server's name."""
    database = backend.database(server)
    assert site.manage(backend, database, "migrate").code == 0
    copy = "tests.frameworks.django.project.copy_database"
    ended = site.run(backend, database, "-m", copy)
    assert ended.code == 0, ended
    server.present(pki.authority.issue([OTHER]))
    ended = site.run(backend, database, "-m", copy)
    assert ended.code == 1
    assert "CalledProcessError" in ended.errors
    assert "mysqldump" in ended.errors
