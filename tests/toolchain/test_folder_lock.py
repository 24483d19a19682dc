from __future__ import annotations

import os
import threading
from pathlib import Path

from pipeline.toolchain.folder_lock import only_one
from tests.patience import until


def test_the_second_waits_for_the_first_and_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    said: list[str] = []
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        with only_one(tmp_path / "shared"):
            os.write(writing, b"1")
            threading.Event().wait()
    os.read(reading, 1)

    def second() -> None:
        with only_one(tmp_path / "shared"):
            said.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    assert not said
    os.kill(child, 9)
    os.waitpid(child, 0)
    until(lambda: said)
    thread.join()
