"""What package indexes show of README.md, put into the metadata while a distribution is built (pyproject.toml).

There the files beside README.md are missing, so a relative link would lead nowhere.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

# A link to a file of the repository: to no other site, and to no heading of the text itself.
_TO_A_FILE = re.compile(r"\[([^\]]+)\]\((?!\w+:|#)([^)\s]+)\)")


class Description(MetadataHookInterface):
    """Give README.md with links that lead somewhere."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set the readme of the project's metadata."""
        text = (Path(self.root) / "README.md").read_text("utf-8")
        source = metadata.get("urls", {}).get("Source")
        metadata["readme"] = {"content-type": "text/markdown", "text": for_index(text, source)}


def for_index(text: str, source: str | None) -> str:
    """Rewrite links to files of the repository.

    Args:
        text: in Markdown.
        source: the URL of the repository, as GitHub has files below it; None where there is none, which leaves of a
            link its text alone.

    Returns:
        The text without relative links.
    """
    return _TO_A_FILE.sub(rf"[\1]({source}/blob/main/\2)" if source else r"\1", text)
