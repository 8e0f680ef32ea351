"""Wheels and sdists of the checkout, built and installed as a release is."""

import subprocess
import sys
from pathlib import Path
from typing import Literal

from tests.support import ROOT

PIP = [sys.executable, "-m", "pip"]
# What is installed is the file itself, whatever an index has of that name, and nothing that it asks for.
INSTALL = ["install", "-q", "--no-index", "--no-deps"]


def build(target: Literal["wheel", "sdist"], folder: Path, source: Path = ROOT) -> Path:
    """Build a distribution.

    Args:
        target: which one.
        folder: where it shall be, and nothing else of its kind is.
        source: the checkout, or an unpacked sdist.

    Returns:
        The file.
    """
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (built,) = folder.glob({"wheel": "*.whl", "sdist": "*.tar.gz"}[target])
    return built


def install_into(folder: Path, wheel: Path) -> None:
    """Unpack a wheel into a folder, as ``PYTHONPATH`` or a Lambda layer takes it."""
    subprocess.run([*PIP, *INSTALL, "--target", str(folder), str(wheel)], check=True, capture_output=True)
