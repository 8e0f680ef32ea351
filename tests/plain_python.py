"""Print which modules are there after what plain Python is written with, and every driver imports too, and ssl.

Up to Python 3.13 ssl and typing bring re; from 3.14 on a NamedTuple brings annotationlib.
"""

from __future__ import annotations

import enum
import importlib
import re
import ssl
import sys
import typing


class Pair(typing.NamedTuple):
    """A value as the library makes many."""

    one: int


PLAIN = (enum, importlib, re, ssl, typing)

if __name__ == "__main__":
    assert {module.__name__ for module in PLAIN} <= sys.modules.keys()
    sys.stdout.write(" ".join(sys.modules))
