"""What a running embedded lake leaves on disk: where it answers and which process it is."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import stat
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.core.lake_key import LakeKey

FOLDER = ".sluice"
REGION = "eu-west-1"
ENV = "local"
"""Of a lake of which nothing else is said."""

PRIVATE_FOLDER = 0o700
UMASK = 0o077
"""Of every process of a lake: what it writes is its owner's alone."""


@dataclass(frozen=True, slots=True)
class RunningLake:
    """The embedded lake of a checkout. `console` is the URL of its pages, which ask for a token."""

    endpoint: str
    region: str
    env: str
    pid: int
    started: str
    console: str
    key: LakeKey

    @property
    def pages(self) -> str:
        """The address of the console for a person to open: it carries the console's token."""
        return f"{self.console}/?token={self.key.console_token()}"


def state_folder(root: Path) -> Path:
    """Where the lake of a checkout keeps its files."""
    return root / FOLDER


def private_folder(folder: Path) -> None:
    """Make a folder that its owner alone may enter, or make one that is there such a one."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if stat.S_IMODE(folder.stat().st_mode) & ~PRIVATE_FOLDER:
        folder.chmod(PRIVATE_FOLDER)


def private(path: str, flags: int) -> int:
    """Opens for `open` a file that its owner alone may read, from its beginning."""
    return os.open(path, flags, 0o600)


def write(root: Path, lake: RunningLake) -> None:
    """Publish the lake, whole or not at all."""
    path = state_folder(root) / "lake.json"
    private_folder(path.parent)
    temporary = path.with_suffix(".tmp")
    temporary.unlink(missing_ok=True)
    with open(temporary, "x", opener=private) as file:
        json.dump(asdict(lake), file, indent=1)
    temporary.replace(path)


def forget(root: Path) -> None:
    """Remove the note that a lake runs here."""
    (state_folder(root) / "lake.json").unlink(missing_ok=True)


def running(root: Path) -> RunningLake | None:
    """The checkout's lake if its supervisor lives; what a killed one left behind is None."""
    try:
        told = json.loads((state_folder(root) / "lake.json").read_text())
        lake = RunningLake(**{**told, "key": LakeKey(**told["key"])})
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return None
    return lake if is_supervisor(lake.pid) else None


def is_supervisor(pid: int) -> bool:
    """Whether `pid` is a living supervisor and not another process that got its number."""
    with contextlib.suppress(OSError):
        return b"pipeline.emulator.supervisor" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def stop(lake: RunningLake, *, force: bool = False) -> None:
    """Tell the supervisor to end; its children end with it, forced or not."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(lake.pid, signal.SIGKILL if force else signal.SIGTERM)
