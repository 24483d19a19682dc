"""Hold what a batch wrote against its dataset's ruleset: which rows, which rules hold, and what the verdict is.

The script is `quality`; nothing here reads arguments or makes clients.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pipeline.core.errors import BadDefinition, SluiceError, Transient
from pipeline.lake.batches.records import Batch, RuleResult, Verdict
from pipeline.lake.datasets import Quality
from pipeline.lake.quality.dqdl import parse
from pipeline.lake.quality.dynamic_rules import Resolved, ResolvedRule, expressions_of
from pipeline.lake.quality.lint import check_ruleset, errors_in
from pipeline.lake.quality.metrics import value_of
from pipeline.lake.quality.model import Composite, Rule, plain_rules
from pipeline.lake.quality.references import COMPARING, RAW, without_columns
from pipeline.lake.quality.sentences import sentence
from pipeline.lake.quality.sql import VIEW
from pipeline.lake.quality.translation import for_deequ
from stages.stage_b.jobs.failure import was_lost, without_rows
from stages.stage_b.jobs.plans import hold_to_one_view
from stages.stage_b.jobs.reasons import not_about_data, quotable

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

PASSED, FAILED, WARNED, RELEASED = "PASSED", "FAILED", "WARNED", "RELEASED"
OWN_COLUMNS = "_sluice_"
SAMPLE_ROWS = 100
REASON_CHARACTERS = 500
"""Of a reason on the batch's row, which also holds the candidates; the report in S3 has all that Deequ said."""

_GUARDED = {
    # `${env:…}` in any text of SQL, strings too, would become a variable of the process or a setting.
    "spark.sql.variable.substitute": "false",
    # csv.`/path` is no table.
    "spark.sql.runSQLOnFiles": "false",
}
"""Settings of the session, beside what is refused before."""

_WITHOUT_ROWS = {"ColumnDataType", "DataFreshness", "CustomSql", *COMPARING}
"""Deequ reports no outcome of single rows for these, nor for rules on the whole such as RowCount."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule as the ruleset has it, whether it holds, and the metrics that say so. `parts` are the rules of a
    composition that failed, each judged by itself; `resolved` is a rule with expressions as it was evaluated."""

    rule: str
    passed: bool
    reason: str | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    parts: tuple[Finding, ...] = ()
    resolved: ResolvedRule | None = None


def visible(frame: DataFrame) -> DataFrame:
    """The columns that rules are about: Sluice's own are no business of a team's ruleset."""
    return frame.select(*(f"`{name}`" for name in frame.columns if not name.startswith(OWN_COLUMNS)))


def evaluate(spark: SparkSession, frame: DataFrame, ruleset: str, raw: DataFrame | None = None) -> tuple[Finding, ...]:
    """Whether each rule holds for `frame`, in the order of the ruleset; `raw` is what some of them compare it with.

    `BadDefinition` if a rule cannot be evaluated on these columns, or Deequ could not evaluate one: that says nothing
    about the data, and is not a failed rule. `Transient` if Spark lost a worker meanwhile. What rules compare with must
    be numbers (`dynamic_rules.resolve`).
    """
    columns = dict(frame.dtypes)
    if wrong := errors_in(check_ruleset(ruleset, columns)):
        raise BadDefinition("the ruleset cannot be evaluated: " + "; ".join(str(problem) for problem in wrong))
    if waiting := next((rule.text for rule in _plain(ruleset) if any(expressions_of(rule))), None):
        raise BadDefinition(f"the ruleset cannot be evaluated: {waiting} does not compare with a number yet")
    # Numeric CustomSql reads a view of this name, which Deequ leaves to its caller.
    frame.createOrReplaceTempView(VIEW)
    try:
        lacking = without_columns(ruleset, frame.columns)
        given = _with_columns(ruleset, lacking)
        named = _named(spark, frame, given, ruleset)
        sources = {} if raw is None else {RAW: raw}
        outcomes = _deequ().process(spark, frame, for_deequ(given), sources).collect()
    except BadDefinition:
        raise
    except Exception as error:
        if told := without_rows(error):
            raise _not_evaluated("the ruleset", told, error) from None
        raise _not_evaluated("the ruleset", _first_line(error), error) from error
    finally:
        spark.catalog.dropTempView(VIEW)
    by_rule = {row["Rule"]: row for row in outcomes}
    findings = tuple(_of_column(_finding(text, by_rule[name]), lacking.get(text)) for name, text in named)
    for finding in findings:
        if why := not_about_data(finding.reason):
            raise _not_evaluated(finding.rule, quotable(why), finding.reason)
    return _with_parts(spark, frame, ruleset, findings, raw)


def _with_columns(ruleset: str, lacking: Mapping[str, str]) -> str:
    """The ruleset as Deequ is given it: it fails on the sum of a column that is not there, and takes all other rules
    along; `ColumnExists` fails alone."""
    for rule, column in lacking.items():
        ruleset = ruleset.replace(rule, f'ColumnExists "{column}"')
    return ruleset


def _of_column(finding: Finding, column: str | None) -> Finding:
    """What was found of a rule in whose stead Deequ looked for `column`."""
    return replace(finding, metrics={}, reason=f"Column {column} does not exist in the dataset") if column else finding


def _plain(ruleset: str) -> Iterator[Rule]:
    return (plain for rule in parse(ruleset).rules for plain in plain_rules(rule))


def _with_parts(
    spark: SparkSession, frame: DataFrame, ruleset: str, findings: tuple[Finding, ...], raw: DataFrame | None
) -> tuple[Finding, ...]:
    """Judge the rules of failed compositions by themselves: Deequ does not say of which of them it tells a value.

    Another pass over the rows, where a composition failed.
    """
    parsed = parse(ruleset)
    parts = {
        rule.text: [part.text for part in plain_rules(rule)]
        for rule, finding in zip(parsed.rules, findings, strict=True)
        if isinstance(rule, Composite) and not finding.passed
    }
    if not parts:
        return findings
    texts = dict.fromkeys(text for each in parts.values() for text in each)
    alone = evaluate(spark, frame, f"{parsed.declarations}Rules = [ {', '.join(texts)} ]", raw)
    found = {finding.rule: finding for finding in alone}
    return tuple(replace(each, parts=tuple(found[text] for text in parts.get(each.rule, ()))) for each in findings)


def _not_evaluated(what: str, why: str, whole: object) -> SluiceError:
    kind = Transient if was_lost(whole) else BadDefinition
    return kind(f"Deequ could not evaluate {what}: {why}")


def _deequ() -> Any:
    # pydeequ reads it when it is imported, and fails without.
    os.environ.setdefault("SPARK_VERSION", "3.5")
    from pydeequ.dqdl import EvaluateDataQuality

    return EvaluateDataQuality


def _first_line(error: Exception) -> str:
    java = getattr(error, "java_exception", None)
    return str(java.toString() if java is not None else error).partition("\n")[0]


def _named(spark: SparkSession, frame: DataFrame, ruleset: str, as_in: str | None = None) -> list[tuple[str, str]]:
    """Each rule as Deequ prints it, which is not how it was written, and as it was written, in `as_in` where that is
    another text.

    `BadDefinition` if the SQL of one, as Deequ and Spark read it, is more than a ruleset may hold.
    """
    for name, value in _GUARDED.items():
        spark.conf.set(name, value)
    parser: Any = spark._jvm.software.amazon.glue.dqdl.parser.DQDLParser()  # type: ignore[union-attr]
    rules = parser.parse(for_deequ(ruleset)).getRules()
    hold_to_one_view(spark, frame, rules)
    printed = [rule.toString() for rule in rules]
    written = [rule.text for rule in parse(as_in or ruleset).rules]
    return list(zip(printed, written, strict=True))


def _finding(text: str, row: Any) -> Finding:
    metrics = dict(row["EvaluatedMetrics"] or {})
    return Finding(text, row["Outcome"] == "Passed", row["FailureReason"], metrics)


def failing_rows(
    spark: SparkSession, frame: DataFrame, ruleset: str, findings: tuple[Finding, ...]
) -> list[dict[str, Any]]:
    """Up to `SAMPLE_ROWS` rows that a failed rule does not hold for: `{"rules": […], "row": JSON text}`.

    Only rules that are about single rows have any: IsComplete, Completeness, IsUnique, Uniqueness, IsPrimaryKey,
    ColumnValues, ColumnLength, and compositions of nothing else.
    """
    failed = {finding.rule for finding in findings if not finding.passed}
    chosen = [rule.text for rule in parse(ruleset).rules if rule.text in failed and _has_rows(rule)]
    if not chosen:
        return []
    from pyspark.sql.functions import col, size, struct, to_json

    part = f"{parse(ruleset).declarations}Rules = [ {', '.join(chosen)} ]"
    written = dict(_named(spark, frame, part))
    marked = _deequ().processRows(spark, frame, for_deequ(part))["rowLevelOutcomes"]
    row = to_json(struct(*(col(f"`{name}`") for name in frame.columns)), {"ignoreNullFields": "false"})
    found = marked.where(size("DataQualityRulesFail") > 0).select(
        col("DataQualityRulesFail").alias("rules"), row.alias("row")
    )
    return [
        {"rules": [written.get(rule, rule) for rule in each["rules"]], "row": each["row"]}
        for each in found.limit(SAMPLE_ROWS).collect()
    ]


def as_written(resolved: Resolved, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """What was found of the rules of the ruleset, by the names that it gives them."""
    rules = zip(resolved.rules, findings[: len(resolved.rules)], strict=True)
    return tuple(replace(each, rule=rule.written, resolved=rule if rule.thresholds else None) for rule, each in rules)


def metrics_of(resolved: Resolved, findings: tuple[Finding, ...]) -> dict[str, float]:
    """The metrics of what was evaluated, by their names; one without a value, as a mean of no rows, is none."""
    values = {
        name: value_of(each.metrics) for name, each in zip(resolved.metrics, findings, strict=True) if name is not None
    }
    return {name: value for name, value in values.items() if value is not None}


def _has_rows(rule: Rule | Composite) -> bool:
    return not any(plain.type in _WITHOUT_ROWS for plain in plain_rules(rule))


def verdict(
    batch: Batch,
    snapshot: int,
    quality: Quality,
    findings: tuple[Finding, ...],
    metrics: Mapping[str, float] | None = None,
) -> Verdict:
    """The verdict on the snapshot: failed rules do not block where the dataset only warns, or a person released it."""
    rules = tuple(
        RuleResult(f.rule, "Passed" if f.passed else "Failed", (_told(f) or "")[:REASON_CHARACTERS] or None)
        for f in findings
    )
    judged = Verdict(snapshot, PASSED, rules, metrics=metrics or {}, scope=quality.scope)
    if all(finding.passed for finding in findings):
        return judged
    if batch.release:
        by, reason = batch.release.get("by"), batch.release.get("reason")
        return replace(judged, outcome=RELEASED, released_by=by, reason=reason)
    return replace(judged, outcome=WARNED if quality.on_failure == "warn" else FAILED)


def _told(finding: Finding) -> str | None:
    """Why a rule failed; of a composition, each of its rules that did. And what its expressions came to."""
    note = finding.resolved.note if finding.resolved else None
    if finding.passed:
        return note
    failed = [f"{part.rule}: {sentence(part.rule, part.reason)}" for part in finding.parts if not part.passed]
    evaluated = finding.resolved.evaluated if finding.resolved else finding.rule
    why = "; and ".join(dict.fromkeys(failed)) or sentence(evaluated, finding.reason)
    return f"{why} ({note})" if note else why
