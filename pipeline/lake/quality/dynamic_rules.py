"""Rules that compare with what earlier batches had: their thresholds computed, and written in their place. Pure.

Deequ has no history, and computes from left to right: it is given the numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from pipeline.lake.quality.dqdl import MAX_CHARACTERS, MAX_RULES, normal, parse
from pipeline.lake.quality.expressions import Expression, ExpressionError, compute, looks_back, read
from pipeline.lake.quality.metrics import METRIC_TYPES, metric_of
from pipeline.lake.quality.model import Composite, Kind, Operand, Rule, Ruleset, plain_rules

COMPUTED = (Kind.CALL, Kind.ARITHMETIC)
"""Operands that are expressions."""

_LARGEST = 1e150
"""Of a threshold: written out, as DQDL wants numbers, it is still an operand (`dqdl.MAX_OPERAND`)."""


@dataclass(frozen=True, slots=True)
class Past:
    """What a metric was in an earlier batch."""

    batch: str
    value: float


History = Mapping[str, Sequence[Past]]
"""Metrics by their names (`metrics.metric_of`), each with its values in earlier batches, newest first."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """An expression of a rule, what it came to, and the earlier batches that it looked at, newest first."""

    expression: str
    value: float
    wanted: int
    batches: tuple[str, ...]

    def __str__(self) -> str:
        told = f"{self.expression} = {_decimal(self.value)}"
        if not self.wanted:
            return told
        if not self.batches:
            return f"{told}: no earlier batch has this metric, and last() is 0 then"
        newest, oldest = self.batches[0], self.batches[-1]
        which = newest if len(self.batches) == 1 else f"{oldest} to {newest}"
        number = "1 earlier batch" if len(self.batches) == 1 else f"{len(self.batches)} earlier batches"
        return f"{told} over {number}, {which}"


@dataclass(frozen=True, slots=True)
class ResolvedRule:
    """A rule as the ruleset has it, and with numbers for its expressions, if it has any."""

    written: str
    evaluated: str
    thresholds: tuple[Threshold, ...] = ()

    @property
    def note(self) -> str | None:
        """What its thresholds came to, in words."""
        return "; ".join(dict.fromkeys(map(str, self.thresholds))) or None


@dataclass(frozen=True, slots=True)
class Resolved:
    """A ruleset that Deequ can evaluate: `text` has the rules with numbers, each in its place, then `measured`.

    `measured` are rules of compositions once more, by themselves, with the names of their metrics: of a composition
    Deequ does not say whose a metric is.
    """

    text: str
    rules: tuple[ResolvedRule, ...]
    metrics: tuple[str | None, ...]
    """The name of the metric of each rule of `text`."""


def resolve(ruleset: str, history: History) -> Resolved:
    """Compute what the ruleset's rules compare with; `ExpressionError` if that cannot be done, `DqdlError` if it is
    no ruleset."""
    text = normal(ruleset)
    parsed = parse(text)
    places: list[tuple[Operand, Threshold]] = []
    thresholds = []
    for rule in parsed.rules:
        found = [each for plain in plain_rules(rule) for each in _thresholds(plain, text, history)]
        places += found
        thresholds.append(tuple(threshold for _, threshold in found))
    static = parse(_with_numbers(text, places))
    rules = tuple(
        ResolvedRule(before.text, after.text, of)
        for before, after, of in zip(parsed.rules, static.rules, thresholds, strict=True)
    )
    return _measuring(parsed, static, rules)


def _thresholds(rule: Rule, text: str, history: History) -> Iterator[tuple[Operand, Threshold]]:
    past = history.get(metric_of(rule) or "", ())
    for operand, expression in expressions_of(rule):
        k = looks_back(expression)
        value = compute(expression, [each.value for each in past])
        if abs(value) > _LARGEST:
            raise ExpressionError(f"{operand.value} comes to more than a number can hold")
        batches = tuple(each.batch for each in past[:k])
        yield operand, Threshold(" ".join(text[operand.start : operand.end].split()), value, k, batches)


def expressions_of(rule: Rule) -> Iterator[tuple[Operand, Expression]]:
    """The operands of a rule that are to be computed; `ExpressionError` if one cannot be."""
    if rule.condition is None or rule.type not in METRIC_TYPES:
        return
    for operand in rule.condition.operands:
        if operand.kind in COMPUTED:
            yield operand, read(operand.value)


def _with_numbers(text: str, places: Sequence[tuple[Operand, Threshold]]) -> str:
    parts, at = [], 0
    for operand, threshold in places:
        parts += [text[at : operand.start], _decimal(threshold.value)]
        at = operand.end
    return "".join([*parts, text[at:]])


def _decimal(value: float) -> str:
    """A number as DQDL writes it: no exponent."""
    if abs(value) < 1 / _LARGEST:
        return "0"
    written = f"{Decimal(repr(value)):f}"
    return written.removesuffix(".0")


def _measuring(parsed: Ruleset, static: Ruleset, rules: tuple[ResolvedRule, ...]) -> Resolved:
    """Add the rules of compositions that have metrics, unless the ruleset would become too large.

    Names are of the rules as written: numbers stand in no name.
    """
    names = [metric_of(rule) if isinstance(rule, Rule) else None for rule in parsed.rules]
    alone = [
        (part.text, name)
        for composite in static.rules
        if isinstance(composite, Composite)
        for part in plain_rules(composite)
        if (name := metric_of(part)) and name not in names
    ]
    parts = {name: text for text, name in alone if name}
    every = [*(rule.text for rule in static.rules), *parts.values()]
    whole = f"{static.declarations}Rules = [ {', '.join(every)} ]"
    if len(every) > MAX_RULES or len(whole) > MAX_CHARACTERS:
        parts, every = {}, every[: len(rules)]
        whole = f"{static.declarations}Rules = [ {', '.join(every)} ]"
    return Resolved(whole, rules, (*names, *parts))
