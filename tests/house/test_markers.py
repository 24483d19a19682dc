"""What one marker leaves out of a run is no test that has it: folders and files are passed over by their names."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import pytest

from tests.conftest import ROOT
from tests.markers import MARKERS, PLACES, TIMEOUT_S, markers_of, may_have

FILES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("test_*.py"))


def folders(file: str) -> list[str]:
    return [str(folder) for folder in PurePosixPath(file).parents if str(folder) != "."]


@pytest.mark.parametrize("marker", MARKERS)
def test_a_folder_is_read_for_a_marker_if_a_test_below_has_it(marker: str) -> None:
    needed = {folder for file in FILES if marker in markers_of(file) for folder in folders(file)}
    assert sorted(folder for folder in needed if not may_have(folder, marker)) == []


def test_folders_without_unit_tests_are_not_read_for_them() -> None:
    passed_over = {folder for file in FILES for folder in folders(file) if not may_have(folder, "unit")}
    assert {"tests/emulator/awslambda", "tests/whole_lake", "tests/stages/rows"} <= passed_over


def test_every_place_with_markers_is_there() -> None:
    assert [place for place in PLACES if not (ROOT / place).exists()] == []


def test_a_property_is_tried_with_few_examples_where_somebody_waits() -> None:
    """A number of its own would hold for `make quick`, too; one example is no search."""
    fixed = re.compile(r"max_examples=(?!1\b)\d+")
    assert [file for file in FILES if fixed.search((ROOT / file).read_text(encoding="utf-8"))] == []


def test_a_test_that_waits_for_ever_fails_soon(request: pytest.FixtureRequest) -> None:
    limit = request.node.get_closest_marker("timeout")
    assert limit
    assert limit.args == (TIMEOUT_S["unit"],)
