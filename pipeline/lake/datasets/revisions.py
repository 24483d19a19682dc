"""The definitions of a checkout as they stood at a revision of git."""

from __future__ import annotations

import subprocess
from pathlib import Path

from pipeline.core.definitions.problems import BadDefinitions
from pipeline.core.errors import BadInput
from pipeline.lake.datasets.files import FOLDER, Definition, parse


def definitions_at(root: Path, revision: str) -> list[Definition]:
    """Those that were right then; a file that was wrong was never applied. `BadInput` if git knows no such revision."""
    if revision.startswith("-"):
        raise BadInput(f"{revision!r} is no revision of git")
    listed = _git(root, "ls-tree", "-r", "-z", "--name-only", "--full-tree", revision, "--", f"{FOLDER.as_posix()}/")
    found = []
    for path in filter(lambda each: each.endswith((".yaml", ".yml")), listed.decode().split("\0")):
        try:
            found.append(parse(_git(root, "show", f"{revision}:{path}"), path))
        except BadDefinitions:
            continue
    return found


def _git(root: Path, *arguments: str) -> bytes:
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, check=False)
    except OSError as error:
        raise BadInput("git cannot be run", hint="Comparing with a revision needs git on the path.") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise BadInput(f"git: {said[0] if said else 'failed'}", hint="Name a branch, a tag or a commit.")
    return done.stdout
