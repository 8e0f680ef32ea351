"""Asking AWS by botocore: one session for all, and nothing secret in what it raises and logs."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from rds_tls.errors import RdsTlsError
from rds_tls.extras import require

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from logging import Logger, LogRecord

_EXTRA = "iam"

_Answer = TypeVar("_Answer")


def ask(question: Callable[[], _Answer], failure: str, kind: type[RdsTlsError]) -> _Answer:
    """Let botocore do something, without a word in its logs that holds a secret.

    Args:
        question: what to do, with ``session``.
        failure: what to say where it fails, before the cause; shown in the error.
        kind: the error to raise then.

    Returns:
        What ``question`` gives.

    Raises:
        DriverNotInstalledError: botocore is not installed.
        RdsTlsError: of the kind named: the cause is botocore's error, without the secrets in it; or what of ours
            ``question`` raised.
    """
    require("botocore.session", _EXTRA)
    try:
        with _unlogged():
            return question()
    except RdsTlsError:
        raise
    except Exception as error:  # noqa: BLE001 - botocore raises what it meets: of HTTP, JSON, ini files, processes
        cause = _without_secrets(error)
    # Raised where nothing hangs below it but the cause.
    raise kind(f"{failure}: {_words(cause)}") from cause


@cache
def session() -> Any:  # noqa: ANN401 - botocore has no types
    """Keep one session: it asks for credentials once, over the network perhaps, and renews them by itself."""
    from botocore.session import Session

    return Session()


def _without_secrets(error: Exception) -> Exception:
    """Leave an error its own words, and take off what it quotes: a file or an answer with keys, a request, a login."""
    from json import JSONDecodeError

    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

    error.__cause__ = error.__context__ = None
    if isinstance(error, HTTPClientError):
        error.request = error.response = None
    if isinstance(error, BotoCoreError):
        error.kwargs = {name: _plain(value) for name, value in error.kwargs.items()}
        error.args = tuple(map(_plain, error.args))
    elif isinstance(error, JSONDecodeError):
        error.doc = ""
    elif isinstance(error, UnicodeDecodeError | UnicodeEncodeError):
        error.object = error.object[:0]
        error.args = (error.encoding, error.object, error.start, error.end, error.reason)
    elif not isinstance(error, ClientError | OSError):
        error.args = ()  # an XML parser's words, for one, are the whole answer
    return error


def _plain(value: object) -> str:
    """Give a text without the logins of the URLs in it, and of an error inside another one its kind alone."""
    import re  # only a refusal needs it

    return type(value).__name__ if isinstance(value, Exception) else re.sub(r"://\S*@", "://", str(value))


def _words(error: Exception) -> str:
    from botocore.exceptions import BotoCoreError, ClientError

    if isinstance(error, BotoCoreError | ClientError):
        return str(error)
    return f"{type(error).__name__}: {error}".removesuffix(": ")


_asking = threading.local()


def _may_log(record: LogRecord) -> bool:
    if not getattr(_asking, "now", False):
        return True
    record.exc_info = None  # a traceback quotes the answer that could not be read
    return record.levelname != "DEBUG"


@cache
def _loggers() -> list[Logger]:
    """Give the logger of each module of botocore, imported or not: a logger's filter holds for none below it."""
    import logging
    from pkgutil import iter_modules

    import botocore.retries

    packages = (botocore, botocore.retries)
    modules = [module for package in packages for module in iter_modules(package.__path__, f"{package.__name__}.")]
    return [logging.getLogger(module.name) for module in modules]


@contextmanager
def _unlogged() -> Iterator[None]:
    """Keep secrets, and the credentials that bring them, out of logs while this thread asks.

    At DEBUG botocore writes down what a token is made of, its signature too, and answers that bring credentials.
    """
    for logger in _loggers():
        logger.addFilter(_may_log)  # once, however often this is called
    _asking.now = True
    try:
        yield
    finally:
        _asking.now = False
