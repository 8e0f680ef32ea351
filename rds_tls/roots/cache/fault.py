"""Why something on disk is not used, said once."""

from __future__ import annotations

from rds_tls import log

_reported: dict[tuple[str, str], object] = {}


class FaultError(OSError):
    """Why a path is not trusted, or not usable."""

    def __init__(self, path: str, fault: str) -> None:
        super().__init__(f"the cache cannot use {path!r}: {fault}")
        self.path = path
        self.fault = fault

    @classmethod
    def of(cls, path: str, error: OSError | ValueError) -> FaultError:
        """Put what the system says about a path into our words, unless it is in them already."""
        if isinstance(error, FaultError):
            return error
        return cls(path, (error.strerror if isinstance(error, OSError) else None) or str(error))


class OtherVersionError(FaultError):
    """The file was written by another release: no cause for alarm."""


def report(error: FaultError) -> None:
    """Log, once for each path and reason, why something that is there is not used."""
    token = object()
    if _reported.setdefault((error.path, error.fault), token) is token:
        say = log.info if isinstance(error, OtherVersionError) else log.warning
        say("%s", error)
