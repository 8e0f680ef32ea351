"""MkDocs' hook: the repository's own documents become pages of the site, and links between all of them lead on."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]

# A document of the repository -> its place on the site. SECURITY.md does not keep its name: where a file system takes
# no heed of case, that is docs/security.md.
DOCUMENTS = {
    "SECURITY.md": "project/security-policy.md",
    "CHANGELOG.md": "project/changelog.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "benchmarks/README.md": "project/benchmarks.md",
    "examples/README.md": "project/examples.md",
    "README.md": "index.md",
}

FENCED = re.compile(r"^( *```).*?^\1\s*?$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s]+)\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the repository's documents to the site's files."""
    from mkdocs.structure.files import File  # noqa: PLC0415 - the tests read the tables above without it

    for source, place in DOCUMENTS.items():
        if place != "index.md" and (ROOT / source).exists():
            files.append(File.generated(config, place, content=(ROOT / source).read_text("utf-8")))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Let the links of a page lead to places of the site; a link to what is no page becomes its text."""
    place = page.file.src_uri
    source = next((source for source, there in DOCUMENTS.items() if there == place != "index.md"), f"docs/{place}")
    parts: list[str] = []
    end = 0
    for fenced in FENCED.finditer(markdown):
        parts += [_relinked(markdown[end : fenced.start()], source, place), fenced[0]]
        end = fenced.end()
    return "".join([*parts, _relinked(markdown[end:], source, place)])


def _relinked(text: str, source: str, place: str) -> str:
    """Rewrite the links of a piece of a document that lies at ``source``, and on the site at ``place``."""

    def lead(link: re.Match[str]) -> str:
        label, (path, sharp, anchor) = link[1], link[2].partition("#")
        if not path or "://" in path or path.startswith("mailto:"):
            return link[0]
        target = normpath((PurePosixPath(source).parent / path).as_posix())
        there = DOCUMENTS.get(target, target.removeprefix("docs/"))
        if not (ROOT / target).exists():
            return link[0]
        if target not in DOCUMENTS and not (target.startswith("docs/") and target.endswith(".md")):
            return label
        return f"[{label}]({relpath(there, PurePosixPath(place).parent.as_posix())}{sharp}{anchor})"

    return _LINK.sub(lead, text)
