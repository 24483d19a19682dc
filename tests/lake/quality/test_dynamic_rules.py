from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.lake.quality.dqdl import MAX_RULES, parse
from pipeline.lake.quality.dynamic_rules import Past, resolve
from pipeline.lake.quality.expressions import ExpressionError
from pipeline.lake.quality.lint import check_ruleset, errors_in

PAST = {
    "RowCount": [Past("B3", 30), Past("B2", 20), Past("B1", 10)],
    'Mean "price" where "id > 0"': [Past("B3", 2.5)],
}


def test_thresholds_are_numbers_where_deequ_reads_them_and_the_rules_stay_as_written():
    text = """Rules = [ # last week's
      RowCount > avg( last(2) ) * 0.5, IsComplete "id",
      (Mean "price" between min(last(3)) - 1 and 2 * last() where "id > 0") or (IsComplete "avg(last(2))")
    ]"""
    found = resolve(text, PAST)
    assert [rule.evaluated for rule in found.rules] == [
        "RowCount > 12.5",
        'IsComplete "id"',
        '(Mean "price" between 1.5 and 5 where "id > 0") or (IsComplete "avg(last(2))")',
    ]
    assert found.rules[0].written == "RowCount > avg( last(2) ) * 0.5"
    assert found.rules[0].note == "avg( last(2) ) * 0.5 = 12.5 over 2 earlier batches, B2 to B3"
    assert found.rules[1].note is None
    assert found.rules[2].note == (
        "min(last(3)) - 1 = 1.5 over 1 earlier batch, B3; 2 * last() = 5 over 1 earlier batch, B3"
    )


def test_what_has_no_history_says_so():
    [rule] = resolve('Rules = [ Sum "price" > avg(last(10)) * 0.5 ]', PAST).rules
    assert rule.evaluated == 'Sum "price" > 0'
    assert rule.note == "avg(last(10)) * 0.5 = 0: no earlier batch has this metric, and last() is 0 then"


def test_the_rules_of_a_composition_are_measured_by_themselves_once():
    text = 'Rules = [ (RowCount > last()) and (Mean "p" > 0), RowCount > 0, (Mean "p" > 1) or (ColumnExists "p") ]'
    found = resolve(text, PAST)
    assert [rule.text for rule in parse(found.text).rules][3:] == ['Mean "p" > 1']
    assert found.metrics == (None, "RowCount", None, 'Mean "p"')


def test_a_ruleset_that_would_become_too_large_is_only_judged():
    text = "Rules = [ (RowCount > 0) and (ColumnCount > 0), " + ", ".join(['IsComplete "a"'] * (MAX_RULES - 1)) + " ]"
    assert len(resolve(text, {}).metrics) == MAX_RULES


def test_a_threshold_too_large_to_be_written_is_refused():
    with pytest.raises(ExpressionError, match="more than a number"):
        resolve("Rules = [ RowCount > last() * 10 ]", {"RowCount": [Past("B", 1e300)]})


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e140, max_value=1e140))
def test_whatever_a_metric_was_its_threshold_is_a_number_of_dqdl(value):
    found = resolve("Rules = [ RowCount between last() and last() * 2 ]", {"RowCount": [Past("B", value)]})
    assert not errors_in(check_ruleset(found.text))
    [rule] = parse(found.text).rules
    assert [float(operand.value) for operand in rule.condition.operands] == pytest.approx(
        [value, value * 2], abs=1e-150
    )


@pytest.mark.parametrize(
    ("rule", "held_back"),
    [
        ("RowCount > avg(last(10)) * 0.5", False),
        ("RowCount < avg(last(10)) * 2", True),
        ("RowCount < 2 * avg(last(10)) + 1000", False),
        ("RowCount between 0.9 * avg(last(10)) and 1.1 * avg(last(10))", True),
        ("RowCount between 0.9 * avg(last(10)) and 1000", False),
        ("RowCount = last()", True),
        ("RowCount in [last(), 5]", False),
        ("RowCount != last()", False),
        ("RowCount < 2 * 0", False),
    ],
)
def test_a_rule_that_holds_back_every_first_batch_is_told_beforehand(rule, held_back):
    found = check_ruleset(f"Rules = [ {rule} ]")
    assert not errors_in(found)
    assert [problem.severity for problem in found] == (["warning"] if held_back else [])
    assert not held_back or "sluice release" in (found[0].hint or "")


@pytest.mark.parametrize(
    ("rule", "about", "instead"),
    [
        ("RowCount > last(5)", "5 numbers", "avg(last(5))"),
        ("RowCount > average(last(5))", "no function average", "avg"),
        ("RowCount > 1 / last()", "divides", "Multiply"),
        ('ColumnLength "a" < avg(last(5))', "one number", "max(length(a))"),
        ('ColumnValues "a" < avg(last(5))', "one number", "max(a)"),
        ('ColumnDataType "a" = "Integer" with threshold > avg(last(5))', "threshold", ""),
        ('ColumnValues "a" > "2024-01-01" with threshold > avg(last(5))', "threshold", ""),
        ('DataFreshness "a" < avg(last(5))', "no number that batches remember", ""),
    ],
)
def test_what_cannot_be_compared_with_earlier_batches_is_refused_with_its_line(rule, about, instead):
    found = check_ruleset(f"Rules = [\n  RowCount > 0,\n  {rule} ]")
    assert found[0].line == 3
    assert about in found[0].message
    assert instead in (found[0].hint or "")
