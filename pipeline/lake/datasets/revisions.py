"""The definitions of a checkout as they stood at a revision of git."""

from __future__ import annotations

import contextlib
from pathlib import Path

from pipeline.core.definitions.problems import BadDefinitions
from pipeline.core.definitions.revisions import files_at
from pipeline.lake.datasets.files import FOLDER, Definition, parse


def definitions_at(root: Path, revision: str) -> list[Definition]:
    """Those that were right then; a file that was wrong was never applied. `BadInput` if git knows no such revision."""
    found = []
    for path, content in files_at(root, FOLDER, revision):
        with contextlib.suppress(BadDefinitions):
            found.append(parse(content, path))
    return found
