"""The SQL of a ruleset as Deequ and Spark read it, held to the rule that `pipeline.lake.quality.sql` holds its text to.

Two parsers may read one text differently. What a ruleset is checked for must be what runs: so the texts are taken from
Deequ's parser of DQDL, and what they mean from Spark's parser of SQL, before anything is looked up or read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pipeline.core.errors import BadDefinition
from pipeline.lake.quality.sql import VIEW, condition_findings, literal_findings, statement_findings
from pipeline.lake.quality.sql_functions import FUNCTIONS, GENERATORS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

# Catalyst's classes, by their simple names: what its parser makes of one SELECT.
_PLANS = frozenset(
    [
        "Aggregate",
        "Distinct",
        "Except",
        "Filter",
        "Generate",
        "GlobalLimit",
        "Intersect",
        "Join",
        "LocalLimit",
        "OneRowRelation",
        "Project",
        "Sort",
        "SubqueryAlias",
        "Union",
        "UnresolvedHaving",
        "UnresolvedRelation",
        "UnresolvedSubqueryColumnAliases",
        "UnresolvedWith",
    ]
)
_EXPRESSIONS = frozenset(
    [
        "Add",
        "AggregateExpression",
        "Alias",
        "And",
        "AnyValue",
        "BitwiseAnd",
        "BitwiseNot",
        "BitwiseOr",
        "BitwiseXor",
        "CaseWhen",
        "Cast",
        "Concat",
        "CreateNamedStruct",
        "Cube",
        "CurrentDate",
        "CurrentRow$",
        "CurrentTimestamp",
        "Divide",
        "EqualNullSafe",
        "EqualTo",
        "Exists",
        "First",
        "GreaterThan",
        "GreaterThanOrEqual",
        "GroupingSets",
        "ILike",
        "In",
        "InSubquery",
        "IntegralDivide",
        "IsNotNull",
        "IsNull",
        "LambdaFunction",
        "Last",
        "LessThan",
        "LessThanOrEqual",
        "Like",
        "LikeAll",
        "LikeAny",
        "ListQuery",
        "Literal",
        "LocalTimestamp",
        "MultiAlias",
        "Multiply",
        "Not",
        "NotLikeAll",
        "NotLikeAny",
        "Or",
        "Overlay",
        "PercentileCont",
        "PercentileDisc",
        "RLike",
        "Remainder",
        "Rollup",
        "ScalarSubquery",
        "SortOrder",
        "SpecifiedWindowFrame",
        "StringLocate",
        "StringTrim",
        "StringTrimLeft",
        "StringTrimRight",
        "Substring",
        "Subtract",
        "TimestampAdd",
        "TimestampDiff",
        "UnaryMinus",
        "UnaryPositive",
        "UnboundedFollowing$",
        "UnboundedPreceding$",
        "UnresolvedAlias",
        "UnresolvedAttribute",
        "UnresolvedExtractValue",
        "UnresolvedFunction",
        "UnresolvedGenerator",
        "UnresolvedNamedLambdaVariable",
        "UnresolvedStar",
        "UnspecifiedFrame$",
        "WindowExpression",
        "WindowSpecDefinition",
    ]
)
_SUBQUERIES = frozenset({"Exists", "ListQuery", "ScalarSubquery"})
_LEAVES = frozenset({"CTERelationRef", "OneRowRelation"})


def hold_to_one_view(spark: SparkSession, frame: DataFrame, rules: Any) -> None:
    """Refuse `rules`, as Deequ's parser gives them, if their SQL does more than compute on `frame`.

    `frame` is the view `primary` by now, which the statements are analysed with. `BadDefinition` names the rule, and
    quotes nothing but the ruleset: no row was read.
    """
    for rule in _plain(rules):
        for what in _findings(spark, frame, rule):
            raise BadDefinition(
                f"Deequ could not evaluate {rule.toString()}: {what}",
                hint="docs/datasets.md says what SQL a ruleset may hold.",
            )


def _plain(rules: Any) -> Iterator[Any]:
    for rule in rules:
        if rule.getNestedRules():
            yield from _plain(rule.getNestedRules())
        else:
            yield rule


def _findings(spark: SparkSession, frame: DataFrame, rule: Any) -> Iterator[str]:
    for text in _strings(rule.getCondition()):
        # A quote that DQDL escaped is one that SQL takes as escaped.
        yield from (what for what, _ in literal_findings(text.replace('\\"', '"')))
    if (where := rule.getWhereClause()) is not None:
        yield from (what for what, _ in condition_findings(where))
        yield from _Reading(spark).condition(where, frame)
    if rule.getRuleType() == "CustomSql":
        for statement in rule.getParameters().values():
            yield from (what for what, _ in statement_findings(statement))
            yield from _Reading(spark).statement(statement)


def _strings(condition: Any) -> Iterator[str]:
    """The strings that a condition compares with; a pattern is no SQL, and Deequ hands it on as a value."""
    if condition is None or condition.getClass().getSimpleName() != "StringBasedCondition":
        return
    if "MATCHES" not in condition.getOperator().toString():
        yield from (operand.getOperand() for operand in condition.getOperands())


class _Reading:
    """What Spark's parser makes of a text."""

    def __init__(self, spark: SparkSession) -> None:
        session: Any = spark._jsparkSession
        self._state = session.sessionState()

    def statement(self, text: str) -> Iterator[str]:
        """Findings on a statement: on what it says, and only then on what its names are found to be."""
        plan = self._parsed(self._state.sqlParser().parsePlan, text)
        if isinstance(plan, str):
            yield plan
            return
        said = list(_of_plan(plan, frozenset()))
        yield from said
        if not said:
            analysed = self._parsed(lambda each: self._state.executePlan(each, _mode(self._state)).analyzed(), plan)
            yield from [analysed] if isinstance(analysed, str) else _leaves(analysed)

    def condition(self, text: str, frame: DataFrame) -> Iterator[str]:
        """Findings on the `where` of a rule."""
        expression = self._parsed(self._state.sqlParser().parseExpression, text)
        if isinstance(expression, str):
            yield expression
            return
        said = list(_of_expression(expression, frozenset(), subqueries=False))
        yield from said
        if said:
            return
        filtered = self._parsed(frame._jdf.filter, text)
        yield from [filtered] if isinstance(filtered, str) else _of_session(filtered.queryExecution().analyzed())

    @staticmethod
    def _parsed(read: Any, text: Any) -> Any:
        """What `read` makes of it, or what Spark says against it."""
        from py4j.protocol import Py4JJavaError
        from pyspark.errors import PySparkException

        try:
            return read(text)
        except (PySparkException, Py4JJavaError) as error:
            return f"Spark cannot evaluate it: {str(error).strip().partition(chr(10))[0]}"


def _mode(state: Any) -> Any:
    """Scala's default for the second argument of executePlan."""
    return getattr(state, "executePlan$default$2")()


def _each(items: Any) -> Iterator[Any]:
    yield from (items.apply(at) for at in range(items.size()))


def _kind(node: Any) -> str:
    return str(node.getClass().getSimpleName())


def _of_plan(plan: Any, ctes: frozenset[str]) -> Iterator[str]:
    """Findings on a plan that was parsed and not analysed, in which `ctes` can be read by their names."""
    kind = _kind(plan)
    if kind not in _PLANS:
        yield f"Spark reads {kind} there, and a rule is one select over {VIEW}"
        return
    if kind == "UnresolvedRelation":
        yield from _of_relation(plan, ctes)
    if kind == "UnresolvedWith":
        for relation in _each(plan.cteRelations()):
            yield from _of_plan(relation._2(), ctes)
            ctes |= {str(relation._1()).lower()}
    if kind == "Generate":
        yield from _of_expression(plan.generator(), ctes)
    for expression in _each(plan.expressions()):
        yield from _of_expression(expression, ctes)
    for child in _each(plan.children()):
        yield from _of_plan(child, ctes)


def _of_relation(relation: Any, ctes: frozenset[str]) -> Iterator[str]:
    parts = [str(part) for part in _each(relation.multipartIdentifier())]
    if len(parts) != 1 or parts[0].lower() not in ctes | {VIEW} or relation.isStreaming():
        yield f"Spark reads {'.'.join(parts)} there, and {VIEW} is all that a rule may read"


def _of_expression(expression: Any, ctes: frozenset[str], *, subqueries: bool = True) -> Iterator[str]:
    kind = _kind(expression)
    if kind not in _EXPRESSIONS or (kind in _SUBQUERIES and not subqueries):
        yield f"Spark reads {kind} there, which is not allowed"
        return
    if kind == "UnresolvedFunction":
        yield from _of_function([str(part) for part in _each(expression.nameParts())], FUNCTIONS)
    if kind == "UnresolvedGenerator":
        name = expression.name()
        qualified = [name.database().get()] if name.database().isDefined() else []
        yield from _of_function([*qualified, str(name.funcName())], GENERATORS)
    if kind in _SUBQUERIES:
        yield from _of_plan(expression.plan(), ctes)
    for child in _each(expression.children()):
        yield from _of_expression(child, ctes, subqueries=subqueries)


def _of_function(parts: list[str], known: frozenset[str]) -> Iterator[str]:
    if len(parts) != 1 or parts[0].lower() not in known:
        yield f"the function {'.'.join(parts)} is not allowed"


def _leaves(plan: Any) -> Iterator[str]:
    """Findings on an analysed plan: all that it reads is the temporary view."""
    yield from _of_session(plan)
    kind = _kind(plan)
    if kind == "View":
        if not plan.isTempView() or plan.desc().identifier().unquotedString() != VIEW:
            yield f"Spark reads {plan.desc().identifier().unquotedString()} there"
        return
    below = [*_each(plan.children()), *_each(plan.innerChildren())]
    if not below and kind not in _LEAVES:
        yield f"Spark reads {kind} there, and {VIEW} is all that a rule may read"
    for child in below:
        yield from _leaves(child)


def _of_session(plan: Any) -> Iterator[str]:
    """A name that is no column may be one of the session's: they are found when the plan is analysed."""
    for expression in _each(plan.expressions()):
        if "CurrentUser" in _kinds(expression):
            yield "the function current_user is not allowed"


def _kinds(expression: Any) -> set[str]:
    return {_kind(expression)}.union(*(_kinds(child) for child in _each(expression.children())))
