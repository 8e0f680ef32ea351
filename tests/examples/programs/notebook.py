"""Run a notebook's cells in their order, and print what each would show: the value of its last expression."""

import ast
import json
import sys
from pathlib import Path
from typing import Any


def main(path: str) -> None:
    """Run the notebook that a file holds."""
    names: dict[str, Any] = {}
    for cell in json.loads(Path(path).read_text("utf-8"))["cells"]:
        if cell["cell_type"] != "code":
            continue
        body = ast.parse("".join(cell["source"])).body
        shown = body.pop() if isinstance(body[-1], ast.Expr) else None
        exec(compile(ast.Module(body, []), path, "exec"), names)  # noqa: S102 - a cell of ours
        if isinstance(shown, ast.Expr):
            value = eval(compile(ast.Expression(shown.value), path, "eval"), names)  # noqa: S307 - as above
            print(value)  # noqa: T201 - what the notebook shows


if __name__ == "__main__":
    main(sys.argv[1])
