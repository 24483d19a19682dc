"""Runs a script or module and dies with the process that started it (see `processes`)."""

from __future__ import annotations

import contextlib
import os
import runpy
import signal
import sys
import threading


def _watch(descriptor: int) -> None:
    os.read(descriptor, 1)
    os.killpg(0, signal.SIGKILL)


def _end_group() -> None:
    """Kill what this process started and would leave behind.

    When the starter is killed, this process may end of a lost connection before the watch sees the pipe's end.
    """
    for name in os.listdir("/proc"):
        if name.isdecimal() and int(name) != os.getpid():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if os.getpgid(int(name)) == os.getpgrp():
                    os.kill(int(name), signal.SIGKILL)


def main() -> None:
    """Run what the arguments name, and end with whoever started this."""
    descriptor = int(os.environ.pop("SLUICE_LIFELINE"))
    threading.Thread(target=_watch, args=(descriptor,), daemon=True, name="lifeline").start()
    del sys.path[0], sys.argv[0]
    try:
        if sys.argv[0] == "-m":
            del sys.argv[0]
            runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
        else:
            sys.path.insert(0, os.path.dirname(sys.argv[0]))
            runpy.run_path(sys.argv[0], run_name="__main__")
    finally:
        _end_group()


if __name__ == "__main__":
    main()
