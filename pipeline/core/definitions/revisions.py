"""Files of a checkout as they stood at a revision of git."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

from pipeline.core.errors import BadInput


def files_at(root: Path, folder: Path, revision: str) -> Iterator[tuple[str, bytes]]:
    """Path and content of the YAML files below `folder` then. `BadInput` if git knows no such revision."""
    if revision.startswith("-"):
        raise BadInput(f"{revision!r} is no revision of git")
    listed = _git(root, "ls-tree", "-r", "-z", "--name-only", "--full-tree", revision, "--", f"{folder.as_posix()}/")
    for path in filter(lambda each: each.endswith((".yaml", ".yml")), listed.decode().split("\0")):
        yield path, _git(root, "show", f"{revision}:{path}")


def _git(root: Path, *arguments: str) -> bytes:
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, check=False)
    except OSError as error:
        raise BadInput("git cannot be run", hint="Comparing with a revision needs git on the path.") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise BadInput(f"git: {said[0] if said else 'failed'}", hint="Name a branch, a tag or a commit.")
    return done.stdout
