"""Proposals for the corpus of messy files: at least 95 % of the columns are right, and what is wrong is listed."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.errors import SluiceError
from pipeline.lake.datasets import DatasetName
from pipeline.lake.proposals.proposal import Proposal, propose
from tests.lake.proposals.corpus import Case, cases, misses

NAME = DatasetName("corpus", "things")
GOAL = 0.95


@cache
def proposal_of(path: Path) -> Proposal:
    """What is proposed for a file of the corpus, made once for all tests of it."""
    return propose(path, NAME)


def proposed(case: Case) -> Proposal | None:
    try:
        return proposal_of(case.path)
    except SluiceError:
        return None


def contract_of(proposal: Proposal | None) -> dict[str, dict[str, Any]]:
    if proposal is None:
        return {}
    stage_a = proposal.dataset.stage_a.model_dump(mode="json", exclude_defaults=True)
    return stage_a["columns"]  # type: ignore[no-any-return]


def test_the_corpus_is_large_enough_to_say_something():
    assert len(cases()) >= 50
    assert {case.name for case in cases()} == {path.name for path in cases()[0].path.parent.iterdir()}


@pytest.mark.thorough
def test_nearly_all_columns_of_the_corpus_are_right():
    wrong = [miss for case in cases() for miss in misses(case, contract_of(proposed(case)))]
    columns = sum(len(case.columns) for case in cases())
    right = (columns - len(wrong)) / columns
    assert right >= GOAL, f"{right:.1%} of {columns} columns are right; wrong are\n" + "\n".join(wrong)


@pytest.mark.thorough
@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_how_a_file_is_written_is_found(case: Case):
    proposal = proposal_of(case.path)
    if case.options is None:
        return
    stage_a = proposal.dataset.stage_a.model_dump(mode="json", exclude_defaults=True)
    assert {key: value for key, value in stage_a.items() if key != "columns"} == case.options


@pytest.mark.thorough
@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_rows_are_read_as_often_as_they_are_there(case: Case):
    proposal = proposal_of(case.path)
    assert (proposal.rows_read, proposal.rows_bad) == (case.rows, case.bad), proposal.bad
