"""Start children that cannot outlive the supervisor, each in its own process group."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Protocol, Self

LIFELINE = "SLUICE_LIFELINE"

_BEHIND = 3
"""As `nice` counts: half of the processor beside one that has not been put behind."""

# By path and not as a module: a Lambda worker sees the packaged `pipeline`, which has no `local`.
_LIFELINE_SCRIPT = str(Path(__file__).with_name("lifeline.py"))


class Child(Protocol):
    """A process that leads a group of its own."""

    @property
    def pid(self) -> int: ...

    def wait(self, timeout: float | None = None) -> int:
        """The exit code once it has ended, and is reaped."""
        ...


class Lifeline:
    """A pipe whose write end only this process has. As a context it lasts until a child has the read end."""

    def __init__(self) -> None:
        self.read_end, self._write_end = os.pipe()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.read_end)

    def cut(self) -> None:
        """Let whoever has the read end die, if anybody has."""
        os.close(self._write_end)

    def hold(self, pid: int) -> None:
        """Keep it until `release` or the end of this process: it is that of the child `pid`."""
        _lifelines[pid] = self._write_end


def start_python(
    arguments: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: str,
    output: IO[bytes] | int,
    descriptors: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Run `python <lifeline> <arguments>`: arguments are a script's path, or `-m` and a module, and what follows. It
    inherits `descriptors`.

    The child holds the read end of a pipe whose write end only this process has; when this process ends, however
    it ends, the child sees end of file and kills its group. PR_SET_PDEATHSIG would not do: it fires when the
    *thread* that started the child ends.
    """
    lifeline = Lifeline()
    try:
        with lifeline:
            child = subprocess.Popen(
                [sys.executable, _LIFELINE_SCRIPT, *arguments],
                env={**env, LIFELINE: str(lifeline.read_end)},
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=(lifeline.read_end, *descriptors),
                start_new_session=True,
            )
    except BaseException:
        lifeline.cut()
        raise
    lifeline.hold(child.pid)
    return child


def put_behind(pid: int) -> None:
    """Let a process that does the long work wait for those that take files in and answer people.

    On AWS each has processors of its own; here a flood's transforms kept another dataset's file from being registered
    for a minute.
    """
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, min(os.getpriority(os.PRIO_PROCESS, 0) + _BEHIND, 19))
    # Where Linux shares processors out by session first, this is what counts.
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/autogroup").write_text(str(_BEHIND), encoding="ascii")


def kill(child: Child) -> int:
    """Kill the child's whole group and reap it; harmless when it has ended. Returns its exit code."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    code = child.wait()
    release(child)
    return code


def release(child: Child) -> None:
    """Forget a child that has ended."""
    write_end = _lifelines.pop(child.pid, None)
    if write_end is not None:
        os.close(write_end)


_lifelines: dict[int, int] = {}
