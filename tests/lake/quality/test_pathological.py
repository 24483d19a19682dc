"""Rulesets that are made to take for ever or to break the parser are refused, and in little work."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.lake.quality.dqdl import MAX_CHARACTERS
from pipeline.lake.quality.lint import check_ruleset, errors_in
from tests.examples import examples

CPU_SECONDS = 10
"""Of this thread, which other work on the machine does not lengthen. What is linear takes hundredths."""

FULL = MAX_CHARACTERS - 100

PATHOLOGICAL = {
    "too long": "Rules = [ RowCount > 0 ]" + " " * MAX_CHARACTERS + "x",
    "deep parentheses": "Rules = [ " + "(" * 500 + "RowCount > 0" + ")" * 500 + " ]",
    "many open parentheses": "Rules = [ " + "(" * FULL,
    "an open string of backslashes": 'Rules = [ IsComplete "' + "\\" * FULL,
    "an open string of escaped quotes": 'Rules = [ IsComplete "' + '\\"' * (FULL // 2),
    "a word of an operand": "Rules = [ RowCount > " + "a" * FULL + " ]",
    "an operand of calls": "Rules = [ RowCount > " + "a(" * (FULL // 2) + " ]",
    "an operand of signs": "Rules = [ RowCount > " + "1+" * (FULL // 2) + "x ]",
    "many operands": 'Rules = [ ColumnValues "a" in [' + "1x," * (FULL // 4) + "1] ]",
    "a long rule type": f"Rules = [ {'Completenes' * 5000} > 1 ]",
    "many rules": "Rules = [ " + "A>0," * (FULL // 5) + "A>0 ]",
    "a pattern of empty choices": 'Rules = [ ColumnValues "a" matches "' + "(|)" * 300 + 'x|" ]',
    "a pattern of counted nothing": 'Rules = [ ColumnValues "a" matches "' + "(" * 50 + "){999}" * 50 + '" ]',
    "a pattern of stars": 'Rules = [ ColumnValues "a" matches "' + "(" * 300 + "x" + "*)" * 300 + 'y|" ]',
    "a pattern of brackets": 'Rules = [ ColumnValues "a" matches "' + "[" * FULL + '" ]',
    "a long pattern": 'Rules = [ ColumnValues "a" matches "' + "(a|" * 20_000 + '" ]',
    "deep SQL": 'Rules = [ CustomSql "select ' + "(" * 9000 + '1 from primary" > 0 ]',
    "deep where": 'Rules = [ RowCount > 0 where "' + "not (" * 1900 + '" ]',
    "much SQL": 'Rules = [ CustomSql "select ' + "a," * 30_000 + ' 1 from primary" > 0 ]',
    "a dictionary without end": "Metadata = { " + '"a": ' * 9000,
}


def refused_in_little_work(text: str) -> bool:
    began = time.thread_time()
    found = errors_in(check_ruleset(text))
    assert time.thread_time() - began < CPU_SECONDS
    return bool(found)


@pytest.mark.thorough
@pytest.mark.parametrize("text", PATHOLOGICAL.values(), ids=PATHOLOGICAL.keys())
def test_a_ruleset_that_would_take_for_ever_is_refused_at_once(text):
    assert refused_in_little_work(text)


PIECES = [
    *("Rules = [ ", "Analyzers = [", "x = [", "Metadata = {", " ]", "(", ")", "[", "{", "}", ",", "=", ">", "!=", "$x"),
    *("IsComplete ", "RowCount ", "CustomSql ", "ColumnValues ", '"a"', '"', "\\", '\\"', "'", "#", "\n", "\r", "\0"),
    *(" and ", " or ", " not ", " in ", " matches ", " between ", " where ", " with threshold ", "now()", "3 days"),
    *(
        "1",
        "-",
        "1.5",
        "1e9",
        "NULL",
        "EMPTY",
        '"select count(*) from primary"',
        '"id > 1"',
        "ſ",
        "\u0661",
        "\U0001f600",
    ),
]


@settings(max_examples=examples(400))
@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=5)), max_size=60).map("".join))
def test_any_text_is_a_ruleset_or_says_in_which_line_it_is_none(text):
    refused_in_little_work(text)
    for problem in check_ruleset(text):
        assert problem.message
        assert problem.line is None or 1 <= problem.line <= text.count("\n") + 2


@settings(max_examples=examples(60))
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=3).map("".join), st.integers(1, 20_000))
def test_the_same_again_and_again_takes_little_work(piece, times):
    refused_in_little_work(f"Rules = [ IsComplete {piece * (times // len(piece) + 1)} ]")
    refused_in_little_work(piece * (times // len(piece) + 1))
