"""What a dynamic rule compares with, `avg(last(10)) * 0.5`: read, checked and computed from earlier values. Pure.

Glue's Developer Guide describes it under "Dynamic rules" of the DQDL reference. What that leaves open is decided here:
operators bind as in arithmetic, `std` is that of a population (as Deequ's StandardDeviation), and `index` of a value
that is not there yet is 0 as `last()` is.
"""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

MOST = 100
"""Earlier batches that `last` may look at."""

_TOKEN = re.compile(r"(?P<number>\d+(?:\.\d+)?(?![\w.]))|(?P<name>[A-Za-z_]\w*)|(?P<symbol>[-+*/(),])|(?P<space>\s+)")


class ExpressionError(ValueError):
    """It cannot be computed; `hint` says what to write instead."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Number:
    """A number as written."""

    value: float


@dataclass(frozen=True, slots=True)
class Reduced:
    """A function of the last `k` values: avg, median, min, max, sum, std, or `last` of a single one."""

    function: str
    k: int


@dataclass(frozen=True, slots=True)
class Indexed:
    """`index(last(k), i)`: the value before the last `i`."""

    k: int
    i: int


@dataclass(frozen=True, slots=True)
class Absolute:
    """`abs(…)`."""

    of: Expression


@dataclass(frozen=True, slots=True)
class Binary:
    """Two expressions with an operator between."""

    operator: str
    left: Expression
    right: Expression


Expression = Number | Reduced | Indexed | Absolute | Binary

_REDUCING: dict[str, Callable[[Sequence[float]], float]] = {
    "avg": statistics.fmean,
    "last": lambda values: values[0],
    "max": max,
    "median": statistics.median,
    "min": min,
    "std": statistics.pstdev,
    "sum": math.fsum,
}
_COMPUTING: dict[str, Callable[[float, float], float]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right,
}
_FUNCTIONS = (*sorted(_REDUCING), "abs", "index")


def read(text: str) -> Expression:
    """Read an expression; `ExpressionError` says why it is none, or why it could not be computed for every history."""
    reader = _Reader(text)
    found = reader.sum()
    reader.end()
    if not looks_back(found):
        # The same each time: what cannot be computed is found now.
        compute(found, ())
    return found


def looks_back(expression: Expression) -> int:
    """How many earlier values it looks at; 0 for a constant."""
    match expression:
        case Reduced(k=k) | Indexed(k=k):
            return k
        case Absolute(of=inner):
            return looks_back(inner)
        case Binary(left=left, right=right):
            return max(looks_back(left), looks_back(right))
    return 0


def compute(expression: Expression, history: Sequence[float]) -> float:
    """Its value, where `history` are the earlier values, newest first. Where there is none, `last` is 0.

    `ExpressionError` if the result is too large for a number.
    """
    try:
        result = _value(expression, history)
    except OverflowError:
        result = math.inf
    if not math.isfinite(result):
        raise ExpressionError("it comes to more than a number can hold")
    return result


def _value(expression: Expression, history: Sequence[float]) -> float:
    match expression:
        case Number(value):
            return value
        case Reduced(function, k):
            return float(_REDUCING[function](history[:k] or (0.0,)))
        case Indexed(_, i):
            return history[i] if i < len(history) else 0.0
        case Absolute(inner):
            return abs(_value(inner, history))
        case Binary(operator, left, right):
            return _COMPUTING[operator](_value(left, history), _value(right, history))


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str


class _Reader:
    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._at = 0

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self) -> str:
        token = self._next
        self._at += token.kind != "end"
        return token.text

    def _expect(self, symbol: str) -> None:
        if self._next.text != symbol:
            raise ExpressionError(f"{self._next.text or 'the end'} stands where {symbol} should")
        self._take()

    def end(self) -> None:
        if self._next.kind != "end":
            raise ExpressionError(f"{self._next.text} stands where nothing more should")

    def sum(self) -> Expression:
        return self._chain("+-", lambda: self._chain("*/", self._factor))

    def _chain(self, operators: str, part: Callable[[], Expression]) -> Expression:
        found = part()
        while self._next.kind == "symbol" and self._next.text in operators:
            operator, right = self._take(), part()
            if operator == "/":
                _check_divisor(right)
            found = Binary(operator, found, right)
        return found

    def _factor(self) -> Expression:
        token = self._next
        if token.kind == "name":
            return self._call(self._take())
        if token.kind == "number":
            return Number(float(self._take()))
        if token.text == "(":
            self._take()
            found = self.sum()
            self._expect(")")
            return found
        if token.text == "-":
            self._take()
            if self._next.kind != "number":
                raise ExpressionError("- stands before what is no number", "Write -1 * before it.")
            return Number(-float(self._take()))
        raise ExpressionError(f"{token.text or 'the end'} stands where a number or a function should")

    def _call(self, name: str) -> Expression:
        if name not in _FUNCTIONS:
            close = get_close_matches(name.lower(), _FUNCTIONS, n=1)
            known = f"Did you mean {close[0]}?" if close else f"There are {', '.join(_FUNCTIONS)}."
            raise ExpressionError(f"there is no function {name}", known)
        self._expect("(")
        if name == "last":
            return self._single(self._count())
        if name == "abs":
            found: Expression = Absolute(self.sum())
        else:
            k = self._last(name)
            found = self._index(k) if name == "index" else Reduced(name, k)
        self._expect(")")
        return found

    def _last(self, function: str) -> int:
        if self._next.text != "last":
            raise ExpressionError(f"{function} is of last(…) and of nothing else")
        self._take()
        self._expect("(")
        return self._count()

    def _count(self) -> int:
        """`k)` of `last(k)`; without a number it is the one before."""
        k = 1 if self._next.text == ")" else self._whole("last")
        self._expect(")")
        if not 1 <= k <= MOST:
            raise ExpressionError(f"last({k}) does not look at 1 to {MOST} batches")
        return k

    def _whole(self, function: str) -> int:
        token = self._next
        if token.kind != "number" or "." in token.text:
            raise ExpressionError(f"{function} needs a whole number, not {token.text or 'the end'}")
        return int(self._take())

    def _single(self, k: int) -> Expression:
        if k > 1:
            raise ExpressionError(
                f"last({k}) is {k} numbers, with which none can be compared",
                f"Write avg(last({k})), or median, min, max, sum, std or index(last({k}), 0).",
            )
        return Reduced("last", 1)

    def _index(self, k: int) -> Expression:
        self._expect(",")
        i = self._whole("index")
        if i >= k:
            raise ExpressionError(
                f"index(last({k}), {i}) is outside: the last {k} are counted from 0 to {k - 1}",
                f"Write index(last({i + 1}), {i}).",
            )
        return Indexed(k, i)


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if not found:
            raise ExpressionError(f"{text[at:][:20]} has no meaning here")
        if found.lastgroup != "space":
            yield _Token(found.lastgroup or "", found[0])
        at = found.end()
    yield _Token("end", "")


def _check_divisor(divisor: Expression) -> None:
    if looks_back(divisor):
        raise ExpressionError(
            "it divides by what earlier batches had, which is 0 for the first one", "Multiply both sides instead."
        )
    if compute(divisor, ()) == 0:
        raise ExpressionError("it divides by 0")
