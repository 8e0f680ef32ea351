"""Where people look: a note on the exception, and a warning in the log, since much that prints errors drops notes.

AWS Lambda's runtime, pools and ``logger.error("%s", error)`` show ``str(error)`` alone.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rds_tls import log
from rds_tls.settings import on_lambda

if TYPE_CHECKING:
    from rds_tls.diagnosis.cause import Diagnosis

# A pool that reconnects all the time says the same once in so many seconds. On AWS Lambda it is said each time: there a
# log is read by the id of one request, and a clock may stand for as long as the sandbox is frozen.
_PAUSE = 60.0
_MAX_TOLD = 256

# What was told of whom -> until when it is not told again (``time.monotonic``), and how often it could have been.
_told: dict[tuple[str, str], tuple[float, int]] = {}


def tell(error: BaseException, diagnosis: Diagnosis, host: str) -> None:
    """Add the note to an error, and warn under the logger ``rds_tls``, once a minute for each host and cause.

    On AWS Lambda the warning comes each time.

    Args:
        error: what the driver raised; one that has a note already keeps that.
        diagnosis: why.
        host: the endpoint.
    """
    if noted(error) is not None:
        return
    error.add_note(diagnosis.note())
    key, now = (host, diagnosis.id), time.monotonic()
    until, unsaid = _told.get(key, (0.0, 0))
    if now < until:
        _told[key] = until, unsaid + 1
        return
    if len(_told) >= _MAX_TOLD:
        _told.clear()
    _told[key] = now + (0.0 if on_lambda() else _PAUSE), 0
    log.warning("%s%s", diagnosis, f" (and {unsaid} more times since the last warning)" if unsaid else "")


def noted(error: BaseException) -> Diagnosis | None:
    """Give the diagnosis in an error's own notes; None where there is none."""
    from rds_tls.diagnosis.cause import Diagnosis

    return next(filter(None, map(Diagnosis.from_note, getattr(error, "__notes__", ()))), None)
