"""DQDL read into a tree."""

import pytest

from pipeline.lake.quality.dqdl import parse
from pipeline.lake.quality.model import Composite, DqdlError, Kind, Rule


def rule_of(text: str) -> Rule:
    (rule,) = parse(f"Rules = [ {text} ]").rules
    assert isinstance(rule, Rule)
    return rule


def test_a_rule_has_its_parameters_condition_where_and_tags():
    rule = rule_of('ColumnDataType "a" = "Integer" where "b > 1" with threshold > 0.9')
    assert (rule.type, rule.parameters, rule.where) == ("ColumnDataType", ("a",), "b > 1")
    assert rule.condition
    assert rule.condition.operator == "="
    assert [(tag.name, tag.condition.operator) for tag in rule.tags] == [("threshold", ">")]


@pytest.mark.parametrize(
    ("operand", "kind"),
    [
        ("3", Kind.NUMBER),
        ("-3.5", Kind.NUMBER),
        ('"x"', Kind.STRING),
        ('"2024-01-31"', Kind.DATE),
        ('"10:30"', Kind.TIME),
        ("NULL", Kind.KEYWORD),
        ("now()", Kind.NOW),
        ("(now() - 3 days)", Kind.NOW),
        ("24 hours", Kind.DURATION),
        ("10 MB", Kind.SIZE),
        ("avg(last(3)) + 1", Kind.CALL),
        ("2 + 3", Kind.ARITHMETIC),
        ("(4)", Kind.ARITHMETIC),
        ("$list", Kind.VARIABLE),
    ],
)
def test_an_operand_is_known_by_its_form(operand, kind):
    condition = rule_of(f'ColumnValues "a" = {operand}').condition
    assert condition
    assert [each.kind for each in condition.operands] == [kind]


def test_between_has_two_operands_and_leaves_the_next_rule_alone():
    first, second = parse("Rules = [ RowCount between 1 and 2, RowCount not in [3, 4] ]").rules
    assert isinstance(first, Rule)
    assert first.condition
    assert len(first.condition.operands) == 2
    assert isinstance(second, Rule)
    assert second.condition
    assert second.condition.operator == "not in"


def test_and_binds_before_or():
    (rule,) = parse("Rules = [ (RowCount > 1) or (RowCount > 2) and (RowCount > 3) ]").rules
    assert isinstance(rule, Composite)
    assert rule.operator == "or"
    assert isinstance(rule.rules[1], Composite)
    assert rule.rules[1].operator == "and"


def test_a_rule_keeps_its_text_and_its_line():
    rules = parse('Rules = [\n  RowCount > 1,  # with a "comment\n  IsComplete "a"\n]\n').rules
    assert [(rule.text, rule.line) for rule in rules] == [("RowCount > 1", 2), ('IsComplete "a"', 3)]


def test_escaped_quotes_stay_inside_their_string():
    condition = rule_of('ColumnValues "a" in ["say \\"hi\\"", "b"]').condition
    assert condition
    assert [each.value for each in condition.operands] == ['say \\"hi\\"', "b"]


def test_variables_that_are_lists_are_known_and_their_text_kept():
    ruleset = parse('a = ["x", "y"]\nb = "z"\nRules = [ ColumnValues "c" in $a ]')
    assert ruleset.lists == {"a"}
    assert ruleset.declarations.split("\n")[:2] == ['a = ["x", "y"]', 'b = "z"']


def test_carriage_returns_and_a_comment_at_the_very_end_are_no_matter():
    assert len(parse('Rules = [\r\n IsComplete "a"\r\n] # done').rules) == 1


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ('Rules = [ IsComplete "a ]', 1, "a string is not closed"),
        ("Rules = []", 1, "there is no rule"),
        ('Rules = [ IsComplete "a", ]', 1, "] stands where a rule should"),
        ("Rules = [\n RowCount > ]", 2, "] stands where a value should"),
        ("Rules = [\n\n RowCount > 1e5 ]", 3, "1e5 is not a value"),
        ("Rules = [ RowCount ? 1 ]", 1, "'?' has no meaning here"),
        ("rules = [ RowCount > 1 ]", 1, "rules stands where Rules should"),
        ("", 1, "stands where Rules"),
    ],
)
def test_what_is_not_dqdl_is_refused_with_its_line(text, line, message):
    with pytest.raises(DqdlError) as refused:
        parse(text)
    assert message in str(refused.value)
    assert refused.value.line == line
