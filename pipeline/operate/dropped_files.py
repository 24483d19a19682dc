"""Which files of a person's disk are dropped, under which names, and which are left where they are, and why."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from pipeline.core.errors import BadInput, Refused, SluiceError
from pipeline.operate.drop import raw_key

TEMPORARY = (
    *("*.tmp", "*.temp", "*.part", "*.partial", "*.filepart", "*.crdownload", "*.download"),
    *("~$*", "*~", "*.swp", "*.swo", "*.bak"),
)
"""Names of unfinished downloads, of editors' and Excel's locks and of their copies; small letters."""
BY_TOOLS = ("_success", "_temporary", "_metadata", "_common_metadata", "_started_*", "_committed_*")
"""What Spark and its like write beside the files of a folder."""
BY_SYSTEMS = ("thumbs.db", "desktop.ini", "__macosx", "icon\r")


@dataclass(frozen=True, slots=True)
class DroppedFile:
    """A file and the key that it gets in the raw bucket; `size` in bytes."""

    path: Path
    key: str
    size: int


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file or a folder that is not dropped, and why."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class Selection:
    """What is dropped, in the order in which it was named, folders by name; and what is not."""

    files: tuple[DroppedFile, ...]
    skipped: tuple[Skipped, ...]


def select(paths: Sequence[Path], folder: str) -> Selection:
    """The files that are dropped into `folder`, `team/dataset` or deeper, where `paths` name files and folders.

    A file that is named is dropped whatever its name. Of a folder its files are, those of its own folders too, under
    their path in it, but for hidden, empty and temporary ones, and for links that lead out of it.

    `BadInput` if `folder` lies in no dataset; `Refused` if two files would get one key, where the second were a new
    version of the first.
    """
    raw_key(folder, "file")
    files: list[DroppedFile] = []
    skipped: list[Skipped] = []
    for path in paths:
        for found, name in _below(path, skipped) if path.is_dir() else [(path, path.name)]:
            try:
                files.append(DroppedFile(found, raw_key(folder, name), _size(found)))
            except (OSError, SluiceError) as error:
                skipped.append(Skipped(found, _told(error)))
    _refuse_one_key_for_two(files)
    return Selection(tuple(files), tuple(skipped))


def _told(error: OSError | SluiceError) -> str:
    return error.message if isinstance(error, SluiceError) else error.strerror or type(error).__name__


def _size(path: Path) -> int:
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise BadInput("no file, but a pipe, a socket or a device")
    return found.st_size


def _refuse_one_key_for_two(files: Iterable[DroppedFile]) -> None:
    known: dict[str, Path] = {}
    for file in files:
        other = known.setdefault(file.key, file.path)
        if other is not file.path:
            raise Refused(
                f"{other} and {file.path} would both become {file.key}",
                hint="Drop them one after another, each with a --prefix of its own.",
            )


def _below(root: Path, skipped: list[Skipped]) -> Iterator[tuple[Path, str]]:
    """The files below a folder, by name, each with its path in it; what is not dropped goes to `skipped`."""
    home = root.resolve()

    def unreadable(error: OSError) -> None:
        skipped.append(Skipped(Path(error.filename), _told(error)))

    for parent, folders, names in os.walk(root, onerror=unreadable):
        place = Path(parent)
        for name in sorted(folders):
            if reason := _reason_against_folder(place / name):
                folders.remove(name)
                skipped.append(Skipped(place / name, reason))
        folders.sort()
        for name in sorted(names):
            if reason := _reason_against_file(place / name, home):
                skipped.append(Skipped(place / name, reason))
            else:
                yield place / name, (place / name).relative_to(root).as_posix()


def _reason_against_folder(path: Path) -> str | None:
    return "a link to a folder" if path.is_symlink() else _reason_against_name(path.name)


def _reason_against_file(path: Path, home: Path) -> str | None:
    if reason := _reason_against_name(path.name):
        return reason
    if path.is_symlink():
        if not path.exists():
            return "a link to nothing"
        if not path.resolve().is_relative_to(home):
            return "a link that leads out of the folder"
    try:
        return None if path.stat().st_size or not path.is_file() else "empty"
    except OSError as error:
        return _told(error)


def _reason_against_name(name: str) -> str | None:
    small = name.lower()
    if name.startswith("."):
        return "hidden"
    if any(fnmatchcase(small, pattern) for pattern in TEMPORARY):
        return "temporary"
    if any(fnmatchcase(small, pattern) for pattern in BY_TOOLS):
        return "no data, but what a tool wrote beside it"
    return "no data, but the operating system's" if small in BY_SYSTEMS else None
