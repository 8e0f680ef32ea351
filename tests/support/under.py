"""Run pytest where another package has replaced what ``ssl``, the sockets or the event loop are.

``python -m tests.support.under RUNTIME [arguments of pytest]``: the package comes first, as it does in a program,
unless the runtime's name says that it comes late.
"""

import asyncio
import faulthandler
import os
import sys
import warnings
from collections.abc import Callable, Coroutine, Iterator
from importlib import import_module
from typing import Any

import pytest

# What one test may take, the start of its servers included.
TEST_SECONDS = 90


def truststore() -> None:
    """Let every SSLContext trust the system's roots, as pip-system-certs does when Python starts."""
    import_module("truststore").inject_into_ssl()


def gevent() -> None:
    """Let sockets wait for gevent's hub, as gunicorn's worker does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it comes late, where it does
        import_module("gevent.monkey").patch_all()


def eventlet() -> None:
    """Let sockets wait for eventlet's hub."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # eventlet says so of itself
        import_module("eventlet").monkey_patch()


def uvloop() -> None:
    """Let libuv drive asyncio."""
    make_loop = import_module("uvloop").new_event_loop

    def run(main: Coroutine[Any, Any, object]) -> object:
        with asyncio.Runner(loop_factory=make_loop) as runner:
            return runner.run(main)

    asyncio.run = run  # type: ignore[assignment]


def late(install: Callable[[], None]) -> Callable[[], None]:
    """Let rds_tls and its drivers be there before the package comes."""

    def install_late() -> None:
        rds_tls: Any = import_module("rds_tls")
        rds_tls.ssl_context(region="eu-west-1", settings=rds_tls.Settings(offline=True))
        for name in ("postgres", "mysql"):
            getattr(rds_tls, f"{name}_kwargs")("db.cluster-abc123def456.eu-west-1.rds.amazonaws.com")
        import_module("rds_tls.roots.truststore.download")
        install()

    return install_late


RUNTIMES: dict[str, Callable[[], None]] = {
    "plain": lambda: None,
    "truststore": truststore,
    "truststore-late": late(truststore),
    "gevent": gevent,
    "gevent-late": late(gevent),
    "eventlet": eventlet,
    "uvloop": uvloop,
}


class HangingTestEndsTheRun:
    """A plugin for pytest: a test that hangs ends this process, which shows where it hung.

    faulthandler watches from a thread of C's, which no runtime replaces.
    """

    def __init__(self) -> None:
        self._stderr = os.dup(2)  # pytest captures the one that tests see

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self) -> Iterator[None]:
        """Watch one test."""
        faulthandler.dump_traceback_later(TEST_SECONDS, exit=True, file=self._stderr)
        try:
            return (yield)
        finally:
            faulthandler.cancel_dump_traceback_later()


def main() -> int:
    """Install the runtime, and run pytest."""
    runtime, *arguments = sys.argv[1:]
    RUNTIMES[runtime]()
    return int(pytest.main(arguments, plugins=[HangingTestEndsTheRun()]))


if __name__ == "__main__":
    sys.exit(main())
