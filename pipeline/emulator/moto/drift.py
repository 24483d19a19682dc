"""What another moto has changed of what the patches replace: `python -m pipeline.emulator.moto.drift [VERSION]`.

The newest version, unless another is named, is fetched into a folder that is removed again. Its dependencies are those
of the environment. Exit code 1 if anything is not as the patches were written for it, 2 if that could not be told.
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pipeline.core.errors import Misconfigured, SluiceError
from pipeline.emulator.moto.patch import Addition, Patch, Setup, digest, registered
from pipeline.emulator.moto.sources import Sources, sources


class State(StrEnum):
    """What became of a place that is patched, or added to. THERE is a place that was added to, and is in moto now."""

    UNCHANGED = "unchanged"
    MOVED = "moved"
    GONE = "gone"
    THERE = "there by now"


@dataclass(frozen=True, slots=True)
class Change:
    """A place of moto; `module` is that of ours which changes it."""

    state: State
    place: str
    module: str
    difference: str = ""
    """A unified diff of the function's source, if it moved."""


def changes(
    changed: Mapping[str, Patch | Addition | Setup], before: Mapping[str, str | None], after: Mapping[str, str | None]
) -> Iterator[Change]:
    """What became of each place; `before` and `after` have the sources in the installed moto and in the other."""
    for place, each in changed.items():
        if isinstance(each, Addition):
            yield Change(State.UNCHANGED if after[place] is None else State.THERE, place, _module(each.added))
        elif isinstance(each, Patch):
            yield _change(place, each, before[place] or "", after[place])


def _change(place: str, patch: Patch, old: str, new: str | None) -> Change:
    module = _module(patch.replacement)
    if new is None:
        return Change(State.GONE, place, module)
    if digest(new) == patch.source:
        return Change(State.UNCHANGED, place, module)
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), "installed", "other", lineterm="")
    return Change(State.MOVED, place, module, "\n".join(lines))


def _module(function: object) -> str:
    function = getattr(function, "fget", None) or function
    return str(getattr(function, "__module__", ""))


def fetch(version: str | None, folder: Path) -> None:
    """Install moto alone into `folder`, the newest or `version`; `Misconfigured` if no index gives it."""
    wanted = f"moto=={version}" if version else "moto"
    command = [
        str(Path(sys.executable).with_name("uv")), "--no-config", "pip", "install", "--quiet", "--no-deps",
        "--python", sys.executable, "--target", str(folder), wanted,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Misconfigured(
            f"{wanted} could not be fetched: {done.stderr.strip()}",
            hint="It comes from the package index that UV_INDEX_URL names; that needs a network, and the version.",
        )


def sources_of(folder: Path, places: Iterable[str]) -> Sources:
    """What the moto in `folder` has; `Misconfigured` if it cannot be imported beside the environment's packages."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pipeline.emulator.moto.sources"]
    done = subprocess.run(
        command, input=json.dumps(list(places)), env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        why = done.stderr.strip().rpartition("\n")[2]
        raise Misconfigured(
            f"that moto cannot be imported: {why}", hint="Install the packages that it needs into the environment."
        )
    answer = json.loads(done.stdout)
    return Sources(answer["version"], answer["by_place"])


def report(found: list[Change], before: str, after: str) -> Iterator[str]:
    """Lines for people: how many of each kind, all that is not unchanged, and how it changed."""
    counts = Counter(each.state for each in found)
    yield f"moto {before} is installed, {after} was looked at: {len(found)} places are patched or added to"
    for state in State:
        yield f"{counts[state]:5}  {state}"
    changed = [each for each in found if each.state is not State.UNCHANGED]
    width = max((len(each.place) for each in changed), default=0)
    for each in changed:
        yield f"{each.state:12}  {each.place:{width}}  {each.module}"
    for each in changed:
        if each.difference:
            yield f"\n{each.place}\n{each.difference}"


def main(arguments: list[str] | None = None) -> int:
    """The exit code. moto must not have been patched in this process."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.emulator.moto.drift", description=__doc__)
    parser.add_argument("version", nargs="?", help="the version to compare with; the newest unless it is given")
    parser.add_argument("--folder", type=Path, help="a folder with a moto in it, to compare with instead")
    given = parser.parse_args(arguments)
    changed = registered()
    places = [place for place, each in changed.items() if not isinstance(each, Setup)]
    before = sources(places)
    try:
        with tempfile.TemporaryDirectory() as temporary:
            folder = given.folder or Path(temporary)
            if given.folder is None:
                fetch(given.version, folder)
            after = sources_of(folder, places)
    except SluiceError as error:
        print(f"{error.message}\n{error.hint}", file=sys.stderr)
        return 2
    found = list(changes(changed, before.by_place, after.by_place))
    print("\n".join(report(found, before.version, after.version)))
    return int(any(each.state is not State.UNCHANGED for each in found))


if __name__ == "__main__":
    sys.exit(main())
