"""AWS's own parser has the last word, and ours agrees with it."""

from __future__ import annotations

from collections.abc import Iterator

import py4j.protocol
import pytest
from pyspark.errors.exceptions.captured import capture_sql_exception

from pipeline.deploy.rulesets import Rulesets, _errors_as_java_says_them
from pipeline.lake.quality.dqdl import parse
from pipeline.lake.quality.lint import Problem, check_ruleset


@pytest.fixture(scope="module")
def rulesets() -> Iterator[Rulesets]:
    with Rulesets() as checked:
        yield checked


@pytest.fixture(autouse=True)
def beside_spark(monkeypatch):
    """As where Spark was started in the same process, and has ended."""
    monkeypatch.setattr("py4j.java_gateway.get_return_value", capture_sql_exception(py4j.protocol.get_return_value))
    monkeypatch.setattr("pyspark.SparkContext._jvm", None)


def test_a_good_ruleset_has_no_problem(rulesets):
    assert rulesets.check('Rules = [ IsComplete "id", RowCount > 0 ] # and a comment at the end') == []


def test_what_the_lint_refuses_needs_no_jvm():
    with Rulesets(jars=[], java=None) as checked:
        assert checked.check("Rules = [ RowCount > last(3) ]")
        assert checked._gateway is None


@pytest.mark.parametrize(
    "rule", ['ColumnExists "a" where "b > 1"', 'ColumnValues "a" in ["2024-01-01", "x"]', 'IsComplete "a" of "b" > 1']
)
def test_what_only_aws_parser_knows_is_refused(rulesets, rule):
    assert any("DQDL" in problem.message or problem.rule for problem in rulesets.check(f"Rules = [ {rule} ]"))


def test_a_pattern_that_java_cannot_compile_is_refused(rulesets):
    (problem,) = rulesets.check('Rules = [\n ColumnValues "a" matches "(x" ]')
    assert isinstance(problem, Problem)
    assert (problem.line, "no regular expression: Unclosed group" in problem.message) == (2, True)


def test_a_pattern_that_only_java_knows_is_fine(rulesets):
    assert rulesets.check('Rules = [ ColumnValues "a" matches "\\p{Lu}+" ]') == []


@pytest.mark.parametrize(
    "text",
    [
        'Rules = [ IsComplete "id" ]',
        'Rules = [ (RowCount > 1) or (IsComplete "a") and (IsUnique "b"), RowCount between -1 and 2.5 ]',
        'a = ["x", "y"]\nb = "z"\nRules = [ ColumnValues "c" in $a, ColumnValues "c" not in ["q", NULL] ]',
        'Metadata = { "Version": "1" } Rules = [ DataFreshness "t" not between 1 days and 36 hours ]',
        'Rules = [ ColumnValues "d" between (now() - 3 days) and now() where "a = \'x, ]\'" ]',
        'Rules = [\n# a "comment ]\nIsUnique "a" # and\n,\tRowCount in [1, 2]\n]',
        'Rules = [ ColumnValues "s" = "say \\"hi\\"", ColumnValues "s" != WHITESPACES_ONLY ]',
        "Rules = [ RowCount > avg(last(3)) * 2 + 1 ]",
        'Rules = [ FileSize "s3://a/b" > 10 MB ]',
    ],
)
def test_ours_reads_as_many_rules_as_aws_parser(rulesets, text):
    theirs = rulesets._jvm().software.amazon.glue.dqdl.parser.DQDLParser().parse(text + "\n").getRules()
    assert len(parse(text).rules) == len(theirs)


@pytest.mark.parametrize("text", ["Rules = [ ]", 'Rules = [ IsComplete "a", ]', "Rules = [ RowCount > 1 ", "x"])
def test_what_aws_parser_refuses_ours_refuses(rulesets, text):
    assert check_ruleset(text)
    with _errors_as_java_says_them(), pytest.raises(Exception, match="Parsing Error"):
        rulesets._jvm().software.amazon.glue.dqdl.parser.DQDLParser().parse(text + "\n")


def test_aws_parser_is_not_asked_again_about_a_ruleset_in_use_but_ours_is():
    taken = "Rules = [ RowCount > 0 ]"
    with Rulesets(jars=[], java=None, parsed=[taken, "Rules = [ RowCount > last(3) ]"]) as checked:
        assert checked.check(taken) == []
        assert checked.check("Rules = [ RowCount > last(3) ]")
        assert checked._gateway is None
