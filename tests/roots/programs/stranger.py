"""What another user does in a home of his, below which somebody else has a cache.

``python -I stranger.py USER TASK HOME``; root starts it, and USER is the number of the user that it becomes.
"""

import os
import shutil
import sys
from pathlib import Path


def put_own(home: Path) -> None:
    """Put a directory and an entry of his own in the cache's place, and keep the others."""
    (home / ".cache").rename(home / "kept")
    own = home / ".cache" / "rds-tls"
    own.mkdir(parents=True)
    (own / "eu-west-1.pem").write_text("his")


def put_back(home: Path) -> None:
    """Put the cache back, as if it had never been away."""
    shutil.rmtree(home / ".cache")
    (home / "kept").rename(home / ".cache")


TASKS = {task.__name__: task for task in (put_own, put_back)}

if __name__ == "__main__":
    user, task, directory = sys.argv[1:]
    os.setgroups([])
    os.setgid(int(user))
    os.setuid(int(user))
    TASKS[task](Path(directory))
