"""Connecting within a time by a library in C, whose own timeouts do not end every wait."""

from __future__ import annotations

import math
import os
import socket
from concurrent.futures import Future
from contextlib import suppress
from queue import Queue
from threading import Thread
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from rds_tls.drivers import resolved

if TYPE_CHECKING:
    from collections.abc import Callable


class Closable(Protocol):
    """A connection of any driver's."""

    def close(self) -> None:
        """Close it."""


Connection = TypeVar("Connection", bound=Closable)


def within(seconds: float, connect: Callable[[], Connection], cut: Callable[[], None]) -> Connection:
    """Connect in a thread, and wait for that no longer than given.

    Args:
        seconds: how long to wait.
        connect: connects; where it comes too late, what it gives is closed.
        cut: ends what ``connect`` waits for, as far as that can be done from outside.

    Returns:
        The connection.

    Raises:
        TimeoutError: there is none in time.
        Exception: what ``connect`` raises.
    """
    outcome: Future[Connection] = Future()
    try:
        jobs = _idle.pop()
    except IndexError:
        jobs = Queue()
        # A thread that no exit waits for: where the library dials without a bound, it outlives the wait.
        Thread(target=_work, args=(jobs,), name="rds_tls connects", daemon=True).start()
    jobs.put((connect, outcome))
    try:
        return outcome.result(seconds)
    except BaseException as error:  # the time is up, or somebody pressed Ctrl-C
        if outcome.cancel():
            cut()
        elif isinstance(error, TimeoutError):
            return outcome.result()  # it came just then
        raise


# One queue for each thread that has nothing to do: a new thread costs 0.3 ms more, mostly for its memory. A SimpleQueue
# would stop every greenlet where gevent or eventlet comes later than this module.
_idle: list[Queue[Any]] = []
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)  # the threads are the parent's


def _work(jobs: Queue[Any]) -> None:
    """Connect whenever there is something to connect to."""
    while True:
        _attempt(jobs)


def _attempt(jobs: Queue[Any]) -> None:
    """Connect, and say what came of it where somebody still waits; by then the thread has nothing to do."""
    connect, outcome = jobs.get()
    try:
        connection = connect()
    except BaseException as error:  # noqa: BLE001 - raised again where the caller waits
        _idle.append(jobs)
        if outcome.set_running_or_notify_cancel():
            outcome.set_exception(error)
    else:
        _idle.append(jobs)
        if outcome.set_running_or_notify_cancel():
            outcome.set_result(connection)
        else:
            connection.close()


def cut(descriptor: int, port: int) -> None:
    """End a TCP connection that the library waits on; nothing is done where the descriptor is none to that port."""
    with suppress(OSError), socket.fromfd(descriptor, socket.AF_INET, socket.SOCK_STREAM) as own:
        if own.getpeername()[1] == port:
            own.shutdown(socket.SHUT_RDWR)


def whole(seconds: float) -> int:
    """Give the whole seconds that such a library takes in place of a time: one at least, since none means no bound."""
    return max(1, math.ceil(seconds))


def count_addresses(host: str) -> int:
    """Count the addresses of a name, which the library dials in turn; one where the resolver knows none."""
    try:
        return len(resolved(host))
    except OSError:
        return 1  # the library asks again, and says so in its own words


def is_sendable(text: str) -> bool:
    """Say whether a text gets to C as it is: whole, and in UTF-8."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False
