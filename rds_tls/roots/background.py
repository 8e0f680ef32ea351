"""When to look for newer roots: one background thread at most, how often, and how soon again after a failure.

What the work is, the caller says.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from contextlib import nullcontext
from copy import copy
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from contextlib import AbstractContextManager

# How long nothing is tried again for the same roots, in seconds: an outage must not make every connect a download.
_PAUSE = 600.0

# How long background work waits before it begins, in seconds. It starts with imports (100 ms), and a thread that
# imports takes turns with the connect that found the roots stale.
_HEAD_START = 0.5

# How long a failure stands for those who would wait for the same again, in seconds: without egress, every call would
# wait for the whole timeout.
_STANDS = 60.0

# How long the interpreter's exit waits for work that must not be cut off, in seconds: an import, a few certificates.
_EXIT_PATIENCE = 5.0

# A program that makes up settings for ever does not fill its memory with failures.
_MAX_FAILED = 256


class Schedule:
    """What runs in the background of this process, and when something was tried last."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew: a child of fork() has neither its parent's thread nor anybody to release its locks."""
        self._lock = threading.Lock()
        self._locks: dict[Hashable, threading.Lock] = {}
        self._tried: dict[Hashable, float] = {}
        self._failed: dict[Hashable, tuple[Exception, str, float]] = {}
        self._thread: threading.Thread | None = None
        self._shield = threading.Lock()
        self._closing = threading.Event()

    def shielded(self) -> AbstractContextManager[object]:
        """Keep the interpreter's exit from cutting off what the background thread does in here.

        Python ends a daemon thread where it stands. In the midst of compiled Rust, such as cryptography's, that aborts
        the process ("FATAL: exception not rethrown"). Waiting for the network needs no such care, and gets none.
        """
        return self._shield if threading.current_thread() is self._thread else nullcontext()

    def close(self) -> None:
        """Let no more shielded work begin, as the interpreter is about to exit; wait for what has begun."""
        if not self._closing.is_set():
            self._closing.set()
            self._shield.acquire(timeout=_EXIT_PATIENCE)  # and never released: the thread waits there until it is ended

    def lock_for(self, key: Hashable) -> threading.Lock:
        """Give the lock that makes the threads of this process take turns for a key."""
        with self._lock:
            return self._locks.setdefault(key, threading.Lock())

    def claim(self, key: Hashable) -> bool:
        """Count something as tried now, where that is due.

        Args:
            key: what would be tried.

        Returns:
            Whether it may be tried: False for ten minutes after this said True for the key.
        """
        with self._lock:
            return self._claim(key)

    def remember(self, key: Hashable, error: Exception) -> None:
        """Let a failure stand for a minute, unless an earlier one of the same key does.

        Args:
            key: what was tried.
            error: why it failed. A copy is kept: the error itself holds the frames that it passed, and there may be a
                password among their variables.
        """
        tried = time.strftime("%H:%M:%S UTC", time.gmtime())
        with self._lock:
            if key not in self._failed:
                if len(self._failed) >= _MAX_FAILED:
                    self._failed.clear()
                self._failed[key] = copy(error), tried, time.monotonic() + _STANDS

    def raise_again(self, key: Hashable) -> None:
        """Raise the failure that stands for a key, if one does, with a note that says when it was tried."""
        with self._lock:
            error, tried, until = self._failed.get(key, (None, "", 0.0))
            if error is None:
                return
            if time.monotonic() >= until:
                del self._failed[key]
                return
        again = copy(error)
        again.add_note(f"rds_tls: this was tried at {tried}, and stands for {_STANDS:g} seconds: nothing was tried now")
        raise again

    def forgive(self, key: Hashable) -> None:
        """Let no earlier failure stand, after a success."""
        with self._lock:
            self._failed.pop(key, None)

    def in_background(self, key: Hashable, work: Callable[[], None]) -> None:
        """Run work in a daemon thread, unless one runs, it is not due, or the interpreter is about to exit.

        Args:
            key: what the work is for.
            work: a function that raises nothing; it is called half a second later.
        """

        def run() -> None:
            if not self._closing.wait(_HEAD_START):
                work()

        with self._lock:
            if self._thread is not None and self._thread.is_alive():
                return
            if not threading.main_thread().is_alive() or not self._claim(key):
                return
            self._thread = threading.Thread(target=run, name="rds-tls-refresh", daemon=True)
            try:
                self._thread.start()
            except RuntimeError:  # no thread to be had, as at interpreter exit: what there is serves on
                self._thread = None

    def _claim(self, key: Hashable) -> bool:
        now = time.monotonic()
        if now - self._tried.get(key, -_PAUSE) < _PAUSE:
            return False
        self._tried[key] = now
        return True


SCHEDULE = Schedule()
atexit.register(SCHEDULE.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=SCHEDULE.forget)
