"""The processes of a running lake, and the ports on which they listen: found by looking, never by a list."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import socket
import struct
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_TABLES = {"tcp": "0A", "tcp6": "0A", "udp": "07", "udp6": "07"}
"""The kernel's tables and how each writes that a socket waits for whoever comes."""

_SOCKET = re.compile(r"socket:\[(\d+)\]")


@dataclass(frozen=True, slots=True, order=True)
class Listening:
    """A port, and the processes that hold it."""

    port: int
    address: str
    protocol: str
    pids: tuple[int, ...]

    @property
    def is_of_this_machine(self) -> bool:
        found = ipaddress.ip_address(self.address)
        return (getattr(found, "ipv4_mapped", None) or found).is_loopback


def processes(root: int) -> list[int]:
    """A process and all that descend from it."""
    children = defaultdict(list)
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            parent = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[1]
            children[int(parent)].append(int(name))
    found = [root]
    for pid in found:
        found += children[pid]
    return found


def listening(pids: list[int]) -> list[Listening]:
    """What these processes listen on."""
    holders = defaultdict(set)
    for pid in pids:
        for inode in _sockets(pid):
            holders[inode].add(pid)
    found = []
    for protocol, state in _TABLES.items():
        for line in Path(f"/proc/net/{protocol}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == state and fields[9] in holders:
                address, port = _address(fields[1])
                found.append(Listening(port, address, protocol, tuple(sorted(holders[fields[9]]))))
    return sorted(found)


def command_line(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ")
    return ""


def environment_of(pid: int) -> dict[str, str]:
    with contextlib.suppress(OSError):
        pairs = Path(f"/proc/{pid}/environ").read_text(errors="replace").split("\0")
        return dict(pair.split("=", 1) for pair in pairs if "=" in pair)
    return {}


def written_files(pid: int) -> Iterator[str]:
    """Files that a process has open to write into them."""
    for descriptor, target in _descriptors(pid):
        with contextlib.suppress(OSError, IndexError):
            flags = int(Path(f"/proc/{pid}/fdinfo/{descriptor}").read_text().split()[3], 8)
            if flags & (os.O_WRONLY | os.O_RDWR) and Path(target).is_file():
                yield target


def _descriptors(pid: int) -> Iterator[tuple[str, str]]:
    with contextlib.suppress(OSError):
        for descriptor in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                yield descriptor, os.readlink(f"/proc/{pid}/fd/{descriptor}")


def _sockets(pid: int) -> Iterator[str]:
    return (found[1] for _, target in _descriptors(pid) if (found := _SOCKET.match(target)))


def _address(written: str) -> tuple[str, int]:
    # The kernel prints an address as numbers of 32 bits in the machine's own order.
    address, port = written.split(":")
    words = [int(address[at : at + 8], 16) for at in range(0, len(address), 8)]
    packed = struct.pack(f"={len(words)}I", *words)
    family = socket.AF_INET if len(words) == 1 else socket.AF_INET6
    return socket.inet_ntop(family, packed), int(port, 16)
