"""Messages under the logger ``rds_tls``: silent until a program listens, and free until it imports logging."""

import sys


def debug(message: str, *arguments: object) -> None:
    """Say which roots are in use."""
    _log("DEBUG", message, arguments)


def info(message: str, *arguments: object) -> None:
    """Say what has changed: a download, a new root, a healed connection."""
    _log("INFO", message, arguments)


def warning(message: str, *arguments: object) -> None:
    """Say what did not work, although the program goes on."""
    _log("WARNING", message, arguments)


def _log(level: str, message: str, arguments: tuple[object, ...]) -> None:
    # Importing logging costs 5 ms; a program that has not imported it cannot be listening.
    if "logging" not in sys.modules:
        return
    import logging  # waits for a thread that is importing it just now

    logger = logging.getLogger("rds_tls")
    if not logger.handlers:
        # Else logging's last resort would write warnings to stderr.
        logger.addHandler(logging.NullHandler())
    logger.log(getattr(logging, level), message, *arguments, stacklevel=3)
