"""Somebody else on this machine, run as a script: says everything to every port, and opens every file.

It reads what to try as JSON from its input, with `user` becomes that user first, and writes what it was answered and
could open. It knows nothing of the lake but what it is told, and imports nothing of it.
"""

from __future__ import annotations

import contextlib
import encodings.idna  # noqa: F401 - asked for at the first connection, when it cannot be read any more
import json
import os
import pwd
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

CONNECT_S = 5
ANSWER_S = 1.5


def say(port: int, words: str) -> str:
    """What a port answers to these bytes, until it closes or is silent."""
    answer = b""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), CONNECT_S) as connection:
        connection.settimeout(ANSWER_S)
        connection.sendall(words.encode("latin-1"))
        while received := connection.recv(65536):
            answer += received
    return answer.decode("latin-1")


def opened(path: str) -> Iterator[str]:
    """What of a path lets itself be read or written."""
    if os.path.isdir(path):
        attempts = {"listed": lambda: os.listdir(path), "written": lambda: os.mkdir(f"{path}/stranger")}
    else:
        attempts = {"read": lambda: os.open(path, os.O_RDONLY), "written": lambda: os.open(path, os.O_WRONLY)}
    for name, attempt in attempts.items():
        with contextlib.suppress(OSError):
            attempt()
            yield f"{name}: {path}"


def main(told: dict[str, Any]) -> dict[str, Any]:
    if told["user"]:
        user = pwd.getpwnam(told["user"])
        os.setgroups([])
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)

    pairs = [(port, name) for name in told["words"] for port in told["ports"]]
    with ThreadPoolExecutor(64) as threads:
        answers = list(threads.map(lambda pair: say(pair[0], told["words"][pair[1]]), pairs))
    files = [found for path in told["paths"] for found in opened(path)]
    return {
        "uid": os.getuid(),
        "answers": [(*pair, answer) for pair, answer in zip(pairs, answers, strict=True)],
        "opened": files,
    }


if __name__ == "__main__":
    json.dump(main(json.load(sys.stdin)), sys.stdout)
