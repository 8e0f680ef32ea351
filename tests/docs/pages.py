"""What is read off a document: its blocks, headings and links. A page that is added is found here by itself."""

import ast
import html
import re
import textwrap
import unicodedata
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from tests.support import ROOT

_FENCE = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^\1```\s*?$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^(#{1,6}) +(.+?) *#*$", re.MULTILINE)
_LINK = re.compile(r"\]\(([^()\s]+)\)")
_ANCHOR = re.compile(r"""<a (?:id|name)=["']([^"']+)["']""")
_CODE = re.compile(r"`[^`\n]*`")


class Block(NamedTuple):
    """A fenced block of a page.

    Attributes:
        page: the page's path from the repository's root.
        line: where its text begins, counted from 1.
        language: what the fence says.
        text: what is inside.
    """

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    def code(self) -> str:
        """Give the program, so that a traceback's line is the page's."""
        return "\n" * (self.line - 1) + self.text

    def tree(self) -> ast.Module:
        """Parse it; ``await`` may stand outside a function, as in a notebook.

        Raises:
            SyntaxError: it is no Python.
        """
        tree = compile(self.code(), str(self), "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        assert isinstance(tree, ast.Module)  # as the flag says
        return tree

    def asked_of_package(self) -> set[str]:
        """List what it uses of rds_tls: each name after ``rds_tls.``, or imported from there."""
        names = set()
        for node in ast.walk(self.tree()):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "rds_tls":
                names.add(node.attr)
            elif isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] == "rds_tls":
                names |= {alias.name for alias in node.names}
        return names


class Page:
    """A document of the repository.

    Args:
        path: where it lies.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.relative_to(ROOT).as_posix()
        self.text = path.read_text("utf-8")

    @cached_property
    def blocks(self) -> list[Block]:
        """Its fenced blocks, in order."""
        return [
            Block(self.name, self.text.count("\n", 0, found.start(3)) + 1, found[2], textwrap.dedent(found[3]))
            for found in _FENCE.finditer(self.text)
        ]

    @cached_property
    def prose(self) -> str:
        """Its text without fenced blocks."""
        return _FENCE.sub("", self.text)

    @property
    def headings(self) -> list[str]:
        """Its headings, without their marks."""
        return [found[2] for found in _HEADING.finditer(self.prose)]

    @property
    def links(self) -> list[str]:
        """Where its links lead, but for those out of the repository."""
        found = _LINK.findall(_CODE.sub("``", self.prose))
        return [link for link in found if not re.match(r"[a-z]+:", link)]

    @cached_property
    def anchors(self) -> set[str]:
        """What a link may name after ``#``: anchors by hand, and headings whose anchor GitHub and MkDocs agree on."""
        by_hand = set(_ANCHOR.findall(self.prose))
        return by_hand | ({*_numbered(self.headings, _github, "-")} & {*_numbered(self.headings, _mkdocs, "_")})


def _numbered(headings: list[str], slug: object, mark: str) -> Iterator[str]:
    seen: dict[str, int] = {}
    for heading in headings:
        made = slug(_shown(heading))  # type: ignore[operator]
        count = seen[made] = seen.get(made, -1) + 1
        yield f"{made}{mark}{count}" if count else made


def _shown(heading: str) -> str:
    """Give a heading's words without Markdown's marks."""
    return html.unescape(re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").replace("*", ""))


def _github(words: str) -> str:
    """Make an anchor as GitHub does: github.com/gjtorikian/html-pipeline, TableOfContentsFilter."""
    return re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")


def _mkdocs(words: str) -> str:
    """Make an anchor as Python-Markdown does: ``slugify`` in markdown/extensions/toc.py."""
    ascii_words = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", ascii_words).strip().lower())


PAGES = [Page(path) for path in sorted((ROOT / "docs").glob("*.md"))]
DOCUMENTS = [
    *PAGES,
    *(
        Page(ROOT / name)
        for name in ("README.md", "SECURITY.md", "CONTRIBUTING.md", "benchmarks/README.md", "examples/README.md")
        if (ROOT / name).exists()
    ),
]
PROGRAMS = [block for page in DOCUMENTS for block in page.blocks if block.language in {"python", "py"}]
