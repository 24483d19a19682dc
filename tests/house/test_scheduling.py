"""What shares a lake stays in one process, and what has a lake of its own need not wait for the others."""

from __future__ import annotations

import re

import pytest

from tests.conftest import ROOT
from tests.scheduling import ALONE, TOGETHER, is_kept_together, rank, together
from tests.whole_lake.test_roles import OTHER_MODULES

LAKES = {path.relative_to(ROOT).as_posix(): path.read_text() for path in (ROOT / "tests/whole_lake").glob("test_*.py")}


def test_every_place_is_there() -> None:
    places = [place for places in (*ALONE.values(), *TOGETHER.values()) for place in places]
    assert [place for place in places if not (ROOT / place).exists()] == []


def test_roles_are_judged_where_the_calls_were_made() -> None:
    files = [f"tests/whole_lake/{name}.py" for name in (*OTHER_MODULES, "test_roles")]
    assert {together(f"{file}::test") for file in files} == {"lake"}


@pytest.mark.parametrize("file", sorted(file for files in ALONE.values() for file in files))
def test_a_file_that_is_alone_starts_its_own_lakes(file: str) -> None:
    assert re.search(r"attacked_lake|running\(checkout_of|lifecycle\.start\(", LAKES[file])
    assert "running_lake" not in LAKES[file]


def test_the_longest_come_first() -> None:
    files = [
        "tests/cli/test_up.py",
        ALONE["big_files"][0],
        "tests/stages/rows/test_values_survive.py",
        "tests/whole_lake/test_flow.py",
    ]
    assert sorted(files, key=lambda file: rank(f"{file}::test")) == [files[3], files[2], files[1], files[0]]
    assert {together(f"{file}::test") for file in ALONE["attacked"]} == {"attacked"}
    assert [is_kept_together(f"{file}::test") for file in files] == [False, True, True, True]
