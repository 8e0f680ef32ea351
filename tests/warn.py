"""Send a message of the library's to a program that has set up logging, or has not: ``python warn.py TASK``."""

import sys


def nobody() -> None:
    """Leave logging alone."""


def unconfigured() -> None:
    """Import logging and set nothing up."""
    import logging  # noqa: F401, PLC0415 - the others do without


def configured() -> None:
    """Set up logging as a program does."""
    import logging  # noqa: PLC0415 - the others do without

    logging.basicConfig(level="WARNING")


TASKS = {task.__name__: task for task in (nobody, unconfigured, configured)}

if __name__ == "__main__":
    TASKS[sys.argv[1]]()
    from rds_tls import log

    log.warning("%s", "trusted as a cache")
