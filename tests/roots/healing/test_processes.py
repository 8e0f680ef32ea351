"""Renewal among processes: that begin together, fork, and end."""

import subprocess
import threading
from pathlib import Path

from tests.support.local_https import Handler, LocalHttps
from tests.support.local_rds import Authority
from tests.support.programs import command, run
from tests.support.trust_store import OF_REGION, REGION, TrustStore, environment


def test_cold_stampede_is_one_download(https: LocalHttps, tmp_path: Path, new: Authority) -> None:
    """32 processes of 8 threads on a cold cache download once, and all get the same roots."""
    store = TrustStore(https, tmp_path / "cache")
    store.publish(REGION, new.root_pem)
    asking = command("roots/programs/ask_together.py", REGION)
    processes = [subprocess.Popen(asking, env=environment(store), stdout=subprocess.PIPE, text=True) for _ in range(32)]
    answers = {process.communicate()[0] for process in processes}
    assert [process.returncode for process in processes] == [0] * 32
    (answer,) = answers
    assert len(answer.split()) == 1
    assert store.asked == [OF_REGION]


def test_fork_while_a_refresh_runs(store: TrustStore) -> None:
    """A child that is forked during a refresh inherits neither its thread nor a held lock."""
    answer = store.server.answers[OF_REGION][0]
    asked_twice = [lambda handler: (store.server.stopping.wait(1), answer(handler))[1]]
    store.server.answers[OF_REGION] = asked_twice
    run("roots/programs/background.py", "fork_during_refresh", REGION, environ=environment(store, RDS_TLS_MAX_AGE="0"))


def test_no_refresh_at_interpreter_exit(store: TrustStore) -> None:
    """An interpreter that is about to end starts no thread, and ends at once and in silence."""
    run("roots/programs/background.py", "begin_at_exit", REGION, environ=environment(store, RDS_TLS_MAX_AGE="0"))
    assert store.asked == []


def test_a_running_refresh_keeps_no_program_from_ending(store: TrustStore) -> None:
    """A program ends while its refresh waits for an answer, which comes only after the program has ended."""
    asked, ended = threading.Event(), threading.Event()

    def never(_: Handler) -> None:
        asked.set()
        ended.wait()

    store.publish(REGION, never)
    environ = environment(store, RDS_TLS_MAX_AGE="0", RDS_TLS_TOTAL_TIMEOUT="3600")
    leaving = command("roots/programs/background.py", "leave_during_refresh", REGION)
    with subprocess.Popen(leaving, env=environ, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        try:
            assert asked.wait(60)
            _, complaints = program.communicate("leave\n", timeout=60)
        finally:
            program.kill()
            ended.set()
    assert (program.returncode, complaints) == (0, "")


def test_exit_waits_for_what_must_not_be_cut_off() -> None:
    """The interpreter's exit lets an import or a parse come to its end, and waits for nothing else."""
    assert run("roots/programs/background.py", "leave_at_work") == "done\n"


def test_nothing_shielded_begins_after_the_exit_has() -> None:
    """Work that could abort the process does not begin once the interpreter is about to exit."""
    assert run("roots/programs/background.py", "leave_before_work") == ""
