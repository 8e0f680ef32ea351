"""Where PyInstaller finds the hook of this package: the entry point ``hook-dirs`` leads here."""

import os


def get_hook_dirs() -> list[str]:
    """Give the folder that ``hook-rds_tls.py`` is in."""
    return [os.path.dirname(__file__)]
