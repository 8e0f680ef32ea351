"""Runs a page's block as it is printed: ``run_block.py PAGE LINE``."""

import ast
import asyncio
import inspect
import socket
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.docs.pages import Page
from tests.support import ROOT


def main(page: str, line: str) -> None:
    """Run it, and what it awaits outside a function too; a handler for AWS Lambda is called, as Lambda calls it."""
    socket.getaddrinfo("localhost", None)  # libnss-wrapper's first answer makes its table: before there are threads
    (block,) = (block for block in Page(ROOT / page).blocks if block.line == int(line))
    code = compile(block.code(), str(block), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    names: dict[str, Any] = {"__name__": "__main__"}
    left = eval(code, names)  # noqa: S307 - a page of ours
    if inspect.iscoroutine(left):
        asyncio.run(left)
    if handler := names.get("handler"):
        handler({}, None)


if __name__ == "__main__":
    main(*sys.argv[1:])
