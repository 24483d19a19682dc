"""Whose process is at the other end of a loopback connection: the kernel says it, and nobody forges that."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from pathlib import Path

_INODE_FIELD = 9


def is_process(connection: socket.socket, group: int) -> bool:
    """Whether the peer's end of a connection is held by a process of the process group `group`."""
    inode = _inode(connection)
    return inode is not None and any(_holds(pid, inode) for pid in _members(group))


def _inode(connection: socket.socket) -> str | None:
    """The inode of the peer's socket, from /proc/net/tcp: there its own end is the local one."""
    ours, theirs = _written(connection.getsockname()), _written(connection.getpeername())
    with open("/proc/net/tcp", encoding="ascii") as table:
        next(table)
        for line in table:
            fields = line.split()
            if fields[1] == theirs and fields[2] == ours:
                return fields[_INODE_FIELD]
    return None


def _written(address: tuple[str, int]) -> str:
    # As the kernel prints it: the address as a number in the machine's own order of bytes.
    [number] = struct.unpack("=I", socket.inet_aton(address[0]))
    return f"{number:08X}:{address[1]:04X}"


def _members(group: int) -> list[int]:
    # Nearly always its leader: the others are looked for where that does not hold the socket.
    found = [group]
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != group:
            with contextlib.suppress(OSError):
                if os.getpgid(int(name)) == group:
                    found.append(int(name))
    return found


def _holds(pid: int, inode: str) -> bool:
    with contextlib.suppress(OSError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                if os.readlink(descriptor) == f"socket:[{inode}]":
                    return True
    return False
