"""What rules measured on a dataset's batches, one batch after the other, and what the next one is compared with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.lake.batches.metrics import Measured, history_of
from pipeline.lake.batches.records import Batch
from pipeline.lake.datasets import Dataset, Quality
from pipeline.lake.quality.dqdl import parse
from pipeline.lake.quality.dynamic_rules import History, expressions_of, resolve
from pipeline.lake.quality.expressions import ExpressionError
from pipeline.lake.quality.metrics import metric_of
from pipeline.lake.quality.model import DqdlError, Kind, Rule, plain_rules

SHOWN = 50
"""Batches of which a metric is shown."""


@dataclass(frozen=True, slots=True)
class Point:
    """A metric on one batch, and the batch's verdict, or that a person left it out. `counts`: later batches are
    compared with it."""

    batch: str
    value: float
    verdict: str
    counts: bool


@dataclass(frozen=True, slots=True)
class ComparedRule:
    """A rule about a metric: as written, and as the next batch is held against it, where that is not the same.

    `constants` are the numbers that stand in it.
    """

    rule: str
    next: str | None
    constants: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric by its name, with the rules that are about it and its values, the oldest first."""

    name: str
    rules: tuple[ComparedRule, ...]
    points: tuple[Point, ...]

    @property
    def constants(self) -> tuple[float, ...]:
        """Numbers with which each batch is compared alike."""
        return tuple(sorted({number for rule in self.rules for number in rule.constants}))

    def to_json(self) -> dict[str, Any]:
        """As programs get it."""
        return asdict(self)


def metrics_of(dataset: Dataset, remembered: Sequence[Measured], batches: Iterable[Batch]) -> list[Metric]:
    """The metrics of the dataset's rules, in the order of the rules; then those that no rule is about any more.

    `remembered` are the batches that count (`BatchRecords.measured`), newest first; `batches` may have others, which
    were held back or only warned of.
    """
    if dataset.quality is None:
        return []
    points = _points(dataset.quality, remembered, batches)
    rules = _rules(dataset.quality, history_of(remembered, dataset.quality.scope))
    names = dict.fromkeys([*rules, *sorted(points)])
    return [Metric(name, tuple(rules.get(name, ())), tuple(points.get(name, ())[-SHOWN:])) for name in names]


def _points(quality: Quality, remembered: Sequence[Measured], batches: Iterable[Batch]) -> dict[str, list[Point]]:
    values: dict[str, tuple[str, bool, Mapping[str, float]]] = {
        each.batch: ("LEFT OUT" if each.left_out else "PASSED", not each.left_out, each.metrics)
        for each in remembered
        if each.scope == quality.scope
    }
    for batch in batches:
        verdict = batch.verdict
        if verdict and verdict.scope == quality.scope and verdict.metrics:
            known = values.get(batch.id)
            outcome = "LEFT OUT" if known and not known[1] else verdict.outcome
            values[batch.id] = (outcome, known is not None and known[1], verdict.metrics)
    points: dict[str, list[Point]] = {}
    for batch_id, (outcome, counts, metrics) in sorted(values.items()):
        for name, value in metrics.items():
            points.setdefault(name, []).append(Point(batch_id, value, outcome, counts))
    return points


def _rules(quality: Quality, history: History) -> dict[str, list[ComparedRule]]:
    """The rules about each metric; none of a ruleset that an earlier release took and this one does not."""
    try:
        written = [plain for rule in parse(quality.ruleset).rules for plain in plain_rules(rule)]
        resolved = parse(resolve(quality.ruleset, history).text).rules
        evaluated = [plain for rule in resolved for plain in plain_rules(rule)]
    except (DqdlError, ExpressionError):
        return {}
    found: dict[str, list[ComparedRule]] = {}
    # What is measured once more, of compositions, comes after the rules.
    for rule, next_rule in zip(written, evaluated, strict=False):
        if name := metric_of(rule):
            found.setdefault(name, []).append(_compared(rule, next_rule))
    return found


def _compared(rule: Rule, next_rule: Rule) -> ComparedRule:
    is_dynamic = any(expressions_of(rule))
    operands = rule.condition.operands if rule.condition else ()
    constants = tuple(float(each.value) for each in operands if each.kind is Kind.NUMBER)
    return ComparedRule(rule.text, next_rule.text if is_dynamic else None, constants)


def figure(value: float) -> str:
    """A metric as people read it: `1,200`, `0.3333`, `1.5e+20`."""
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    if 0.001 <= abs(value) < 1e15:
        return f"{value:,.4f}".rstrip("0").rstrip(".")
    return f"{value:.3g}"
