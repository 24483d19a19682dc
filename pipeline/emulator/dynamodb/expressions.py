"""DynamoDB's condition, filter, key condition and projection expressions, parsed as its reference gives their grammar.

moto fails on a malformed one (a 500, which SDKs repeat), or reads into it what it likes. Update expressions it parses
well; of those only the placeholders are looked at here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

LONGEST_BYTES = 4096
OPERATORS = 300
"""https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html, as the one above"""

COMPARATORS = frozenset({"=", "<>", "<", "<=", ">", ">="})
OPERANDS = {
    "attribute_exists": 1,
    "attribute_not_exists": 1,
    "attribute_type": 2,
    "begins_with": 2,
    "contains": 2,
    "size": 1,
}
_KEYWORDS = frozenset({"AND", "OR", "NOT", "BETWEEN", "IN"})
_TOKEN = re.compile(r"\s*(:[A-Za-z0-9_]+|#[A-Za-z0-9_]+|[A-Za-z_][A-Za-z0-9_]*|[0-9]+|<>|<=|>=|\S)")
_NAME = re.compile(r"[A-Za-z_#]")


class Malformed(Exception):
    """The expression is not one; the message is DynamoDB's, without the name of the parameter."""


@dataclass(frozen=True, slots=True)
class Node:
    """A function, an operator, or a leaf: `path` (its parts: names, and indexes like `[0]`) or `value` (`:name`)."""

    kind: str
    parts: tuple[Node, ...] = ()
    text: tuple[str, ...] = ()

    @property
    def is_operand(self) -> bool:
        """Whether it stands for a value."""
        return self.kind in ("path", "value", "size")

    def walk(self) -> Iterator[Node]:
        """This node, then all below it."""
        yield self
        for part in self.parts:
            yield from part.walk()


@lru_cache(1024)
def condition(text: str) -> Node:
    """Parse a condition, filter or key condition expression; `Malformed` if it is none."""
    parser = _Parser(text)
    tree = parser.boolean(parser.disjunction())
    parser.end()
    count = sum(node.kind not in ("path", "value") for node in tree.walk())
    if count > OPERATORS:
        raise Malformed(f"The expression contains too many operators; operator count: {OPERATORS + 1}")
    return tree


@lru_cache(1024)
def projection(text: str) -> tuple[Node, ...]:
    """Parse a projection expression; `Malformed` if it is none."""
    parser = _Parser(text)
    paths = [parser.path()]
    while parser.take(","):
        paths.append(parser.path())
    parser.end()
    return tuple(paths)


@lru_cache(1024)
def placeholders(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """The `#names` and `:values` of any expression."""
    tokens = _TOKEN.findall(text)
    return frozenset(t for t in tokens if t[0] == "#"), frozenset(t for t in tokens if t[0] == ":")


class _Parser:
    def __init__(self, text: str) -> None:
        if not text.strip():
            raise Malformed("The expression can not be empty;")
        if (size := len(text.encode())) > LONGEST_BYTES:
            raise Malformed(f"Expression size has exceeded the maximum allowed size; expression size: {size}")
        self._text = text.rstrip()
        self._tokens = list(_TOKEN.finditer(self._text))
        self._at = 0
        self._wrapped: Node | None = None

    def disjunction(self) -> Node:
        left = self._conjunction()
        while self.take("OR"):
            left = Node("OR", (self.boolean(left), self.boolean(self._conjunction())))
        return left

    def _conjunction(self) -> Node:
        left = self._negation()
        while self.take("AND"):
            left = Node("AND", (self.boolean(left), self.boolean(self._negation())))
        return left

    def _negation(self) -> Node:
        if self.take("NOT"):
            return Node("NOT", (self.boolean(self._negation()),))
        return self._comparison()

    def _comparison(self) -> Node:
        left = self._primary()
        kind = self._peek().upper()
        if not (kind in COMPARATORS or kind in ("BETWEEN", "IN")):
            return left
        if not left.is_operand:
            raise self._error()
        self._at += 1
        if kind == "IN":
            self._expect("(")
            return Node(kind, (left, *self._operands()))
        if kind == "BETWEEN":
            lower = self._operand()
            self._expect("AND")
            return Node(kind, (left, lower, self._operand()))
        return Node(kind, (left, self._operand()))

    def _primary(self) -> Node:
        if self.take("("):
            inner = self.disjunction()
            self._expect(")")
            if inner is self._wrapped:
                raise Malformed("The expression has redundant parentheses;")
            self._wrapped = inner
            return inner
        token = self._peek()
        if token[:1] == ":" and len(token) > 1:
            self._at += 1
            return Node("value", text=(token,))
        if self._peek(1) == "(" and token.upper() not in _KEYWORDS and _NAME.match(token):
            return self._function(token)
        return self.path()

    def _function(self, name: str) -> Node:
        if name not in OPERANDS:
            raise Malformed(f"Invalid function name; function: {name}")
        self._at += 2
        operands = self._operands()
        if len(operands) != OPERANDS[name]:
            raise Malformed(
                "Incorrect number of operands for operator or function; "
                f"operator or function: {name}, number of operands: {len(operands)}"
            )
        return Node(name, operands)

    def _operands(self) -> tuple[Node, ...]:
        operands = [self._operand()]
        while self.take(","):
            operands.append(self._operand())
        self._expect(")")
        return tuple(operands)

    def _operand(self) -> Node:
        found = self._primary()
        if not found.is_operand:
            raise self._error()
        return found

    def path(self) -> Node:
        parts = [self._name()]
        while True:
            if self.take("."):
                parts.append(self._name())
            elif self.take("["):
                if not self._peek().isdigit():
                    raise self._error()
                parts.append(f"[{self._peek()}]")
                self._at += 1
                self._expect("]")
            else:
                return Node("path", text=tuple(parts))

    def _name(self) -> str:
        token = self._peek()
        if not _NAME.match(token) or len(token) == token.count("#") or token.upper() in _KEYWORDS:
            raise self._error()
        self._at += 1
        return token

    def boolean(self, node: Node) -> Node:
        if node.kind == "size":
            raise Malformed("The function is not allowed to be used this way in an expression; function: size")
        if node.is_operand:
            raise self._error()
        return node

    def take(self, token: str) -> bool:
        if self._peek().upper() != token:
            return False
        self._at += 1
        return True

    def _expect(self, token: str) -> None:
        if not self.take(token):
            raise self._error()

    def end(self) -> None:
        if self._at < len(self._tokens):
            raise self._error()

    def _peek(self, ahead: int = 0) -> str:
        at = self._at + ahead
        return self._tokens[at][1] if at < len(self._tokens) else ""

    def _error(self) -> Malformed:
        first = self._tokens[max(self._at - 1, 0)].start(1)
        last = self._tokens[min(self._at + 1, len(self._tokens) - 1)].end(1)
        return Malformed(f'Syntax error; token: "{self._peek() or "<EOF>"}", near: "{self._text[first:last]}"')
