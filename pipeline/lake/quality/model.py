"""A DQDL ruleset as a tree: rules, their conditions and what those compare with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum


class DqdlError(ValueError):
    """The text is not DQDL. `line` counts from 1."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


class Kind(StrEnum):
    """What an operand of a condition is."""

    NUMBER = "number"
    STRING = "string"
    DATE = "date"
    TIME = "time"
    NOW = "now()"
    KEYWORD = "keyword"
    VARIABLE = "variable"
    LIST = "variable that is a list"
    DURATION = "duration"
    SIZE = "size"
    CALL = "function call"
    ARITHMETIC = "arithmetic"


@dataclass(frozen=True, slots=True)
class Operand:
    """One operand: `value` is the text between the quotes of a string, else the words as written.

    `start` and `end` are its place in the text of the ruleset.
    """

    kind: Kind
    value: str
    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Condition:
    """`operator` is a comparison, or between, in, matches; these three with or without `not ` before them."""

    operator: str
    operands: tuple[Operand, ...]

    def has(self, *kinds: Kind) -> bool:
        """Whether one of the operands is of one of these kinds."""
        return any(operand.kind in kinds for operand in self.operands)

    def has_keyword(self, *names: str) -> bool:
        """Whether one of the operands is one of these keywords."""
        return any(operand.kind is Kind.KEYWORD and operand.value in names for operand in self.operands)


@dataclass(frozen=True, slots=True)
class Tag:
    """`with <name> <condition>`."""

    name: str
    condition: Condition


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, not composed. `text` is what the ruleset says, `line` where."""

    type: str
    parameters: tuple[str, ...]
    condition: Condition | None
    where: str | None
    tags: tuple[Tag, ...]
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Composite:
    """Rules that `and` or `or` joins."""

    operator: str
    rules: tuple[Rule | Composite, ...]
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Ruleset:
    """A document.

    `sections` names those that it has, `lists` the variables that are lists; `declarations` is the text of all
    variables, `declared` what they hold.
    """

    rules: tuple[Rule | Composite, ...]
    lists: frozenset[str]
    sections: frozenset[str]
    declarations: str
    declared: tuple[Operand, ...]


def plain_rules(rule: Rule | Composite) -> Iterator[Rule]:
    """The rules of which a rule consists."""
    if isinstance(rule, Rule):
        yield rule
    else:
        for part in rule.rules:
            yield from plain_rules(part)
