"""The checkout that a command runs in."""

from __future__ import annotations

from pathlib import Path

from pipeline.core.errors import Misconfigured


def checkout(start: Path | None = None) -> Path:
    """The nearest folder at or above `start` (the working directory) that has `definitions/stacks`.

    `Misconfigured` if there is none.
    """
    start = (start or Path.cwd()).resolve()
    for folder in (start, *start.parents):
        if (folder / "definitions" / "stacks").is_dir():
            return folder
    raise Misconfigured(
        f"{start} is not in a checkout of a lake", hint="Change into the folder that has definitions/stacks."
    )
