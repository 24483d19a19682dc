"""DQDL read into a tree. Syntax only: what a rule means is `lint`'s.

The grammar is AWS's (software.amazon.glue:dqdl 1.0.0). That parser has the last word (`pipeline.deploy.rulesets`);
this one needs no JVM, and knows where in the text each rule stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from pipeline.lake.quality.model import Composite, Condition, DqdlError, Kind, Operand, Rule, Ruleset, Tag

MAX_CHARACTERS = 65_536
"""As Glue Data Quality takes them."""
MAX_RULES = 2_000
MAX_DEPTH = 20
MAX_OPERAND = 200
"""Characters of an operand that is no string."""

_COMPARISONS = {">", ">=", "<", "<=", "=", "!="}
_RESERVED = {"and", "AND", "or", "OR", "between", "in", "not", "matches", "where", "with"}

_TOKEN = re.compile(
    r"""(?P<skip>[ \t\n]+|\#[^\n]*\n)
      | (?P<string>"(?:\\["\\]|[^"\\]|\\(?!["\\]))*+")
      | (?P<word>[a-zA-Z0-9_.]+)
      | (?P<symbol>>=|<=|!=|[][(){}:,=<>!$+\-*/])""",
    re.VERBOSE,
)
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TIME = re.compile(r"\d{1,2}:\d\d(?: [AP]M)?")
# Of an operand's words, written together; the first that fits.
_FORMS = (
    (Kind.KEYWORD, re.compile(r"null|empty|whitespaces_only", re.IGNORECASE)),
    (Kind.VARIABLE, re.compile(r"\$[\w.]+")),
    (Kind.NUMBER, re.compile(r"-?\d+(\.\d+)?")),
    (Kind.NOW, re.compile(r"now\(\)|\(now\(\)[-+]\d+(days|hours|minutes)\)")),
    (Kind.DURATION, re.compile(r"\d+(days|hours|minutes)")),
    (Kind.SIZE, re.compile(r"\d+(B|KB|MB|GB|TB)")),
    (Kind.CALL, re.compile(r".*[A-Za-z]\w*\(.*")),
    (Kind.ARITHMETIC, re.compile(r"[\d.()+\-*/]*[+\-*/(][\d.()+\-*/]*")),
)


def normal(text: str) -> str:
    """The text as AWS's grammar wants it: it knows no carriage return, and a comment must end with its line."""
    return text.replace("\r\n", "\n").strip() + "\n"


def parse(text: str) -> Ruleset:
    """Read a ruleset; `DqdlError` says where it is not one."""
    return _Parser(normal(text)).document()


@dataclass(frozen=True, slots=True)
class Token:
    """A part of a text: its `kind` is string, word, symbol or end; `start` and `end` are its place."""

    kind: str
    text: str
    start: int
    end: int


def tokens(text: str) -> list[Token]:
    """The parts of a text that `normal` made; `DqdlError` where it is none."""
    return _Parser(text).tokens


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        if len(text) > MAX_CHARACTERS:
            raise DqdlError(f"it has {len(text)} characters, of at most {MAX_CHARACTERS}", 1)
        self.tokens = list(self._lex())
        self._at = 0
        self._depth = 0

    def _lex(self) -> Iterator[Token]:
        at = 0
        while at < len(self._text):
            found = _TOKEN.match(self._text, at)
            if not found:
                unclosed = self._text[at] == '"'
                raise DqdlError(
                    "a string is not closed" if unclosed else f"{self._text[at]!r} has no meaning here", self._line(at)
                )
            kind = found.lastgroup or ""
            if kind != "skip":
                yield Token(kind, found[0], at, found.end())
            at = found.end()
        end = len(self._text.rstrip())
        yield Token("end", "the end", end, end)

    def _line(self, at: int) -> int:
        return self._text.count("\n", 0, at) + 1

    @property
    def _next(self) -> Token:
        return self.tokens[self._at]

    def _peek(self, ahead: int) -> Token:
        return self.tokens[min(self._at + ahead, len(self.tokens) - 1)]

    def _take(self) -> Token:
        token = self._next
        self._at += token.kind != "end"
        return token

    def _is(self, *texts: str) -> bool:
        return self._next.kind in ("word", "symbol") and self._next.text in texts

    def _expect(self, *texts: str) -> Token:
        if not self._is(*texts):
            raise self._unexpected(" or ".join(repr(text) for text in texts))
        return self._take()

    def _unexpected(self, wanted: str) -> DqdlError:
        return DqdlError(f"{self._next.text[:MAX_OPERAND]} stands where {wanted} should", self._line(self._next.start))

    def document(self) -> Ruleset:
        sections: list[str] = []
        while self._is("Metadata", "DataSources"):
            sections.append(self._take().text)
            self._skip_dictionary()
        declared = self._next.start
        lists, values = self._declarations()
        declarations = self._text[declared : self._next.start]
        rules: list[Rule | Composite] = []
        while self._is("Rules", "Analyzers"):
            sections.append(self._take().text)
            self._expect("=")
            self._expect("[")
            found = [] if self._is("]") else self._list()
            self._expect("]")
            rules += found if sections[-1] == "Rules" else []
        if self._next.kind != "end" or "Rules" not in sections:
            raise self._unexpected("Rules = [ … ]")
        if not rules:
            raise DqdlError("there is no rule", self._line(declared))
        return Ruleset(tuple(rules), frozenset(lists), frozenset(sections), declarations, values)

    def _declarations(self) -> tuple[list[str], tuple[Operand, ...]]:
        """Names of the variables that are lists, and what all variables hold."""
        lists: list[str] = []
        values: list[Operand] = []
        while self._next.kind == "word" and not self._is("Rules", "Analyzers"):
            if self._next.text.title() in ("Rules", "Analyzers"):
                raise self._unexpected(self._next.text.title())
            name = self._take().text
            self._expect("=")
            if self._is("["):
                values += self._operands("in")
                lists.append(name)
            else:
                values.append(self._operand())
        return lists, tuple(values)

    def _skip_dictionary(self) -> None:
        self._expect("=")
        self._expect("{")
        while not self._is("}"):
            if self._next.kind == "end":
                raise self._unexpected("'}'")
            self._take()
        self._take()

    def _list(self) -> list[Rule | Composite]:
        found = [self._any()]
        while self._is(","):
            self._take()
            found.append(self._any())
            if len(found) > MAX_RULES:
                raise DqdlError(f"there are more than {MAX_RULES} rules", self._line(self._next.start))
        return found

    def _any(self) -> Rule | Composite:
        return self._joined(("or", "OR"), lambda: self._joined(("and", "AND"), self._one))

    def _joined(self, words: tuple[str, str], part: Callable[[], Rule | Composite]) -> Rule | Composite:
        start = self._next.start
        parts = [part()]
        while self._is(*words):
            self._take()
            parts.append(part())
        if len(parts) == 1:
            return parts[0]
        return Composite(words[0], tuple(parts), self._since(start), self._line(start))

    def _since(self, start: int) -> str:
        return self._text[start : self.tokens[self._at - 1].end]

    def _one(self) -> Rule | Composite:
        if not self._is("("):
            return self._rule()
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise DqdlError(f"rules nest deeper than {MAX_DEPTH}", self._line(self._next.start))
        self._take()
        found = self._any()
        self._expect(")")
        self._depth -= 1
        return found

    def _rule(self) -> Rule:
        start = self._next.start
        if self._next.kind != "word" or self._next.text in _RESERVED:
            raise self._unexpected("a rule")
        name = self._take().text
        parameters = tuple(self._parameters())
        condition = self._condition()
        where, tags = None, []
        if self._is("where"):
            self._take()
            where = self._string()
        while self._is("with"):
            self._take()
            tags.append(self._tag())
        return Rule(name, parameters, condition, where, tuple(tags), self._since(start), self._line(start))

    def _parameters(self) -> Iterator[str]:
        while True:
            connector = self._is("and", "AND", "of", "OF")
            token = self._peek(1 if connector else 0)
            if token.kind == "string" or (token.kind == "word" and token.text not in _RESERVED):
                self._at += connector
                yield self._take().text.strip('"')
            else:
                return

    def _string(self) -> str:
        if self._next.kind != "string":
            raise self._unexpected("a string in double quotes")
        return self._take().text[1:-1]

    def _tag(self) -> Tag:
        name = self._take().text
        condition = self._condition()
        if condition is None:
            raise self._unexpected(f"a condition for {name}")
        return Tag(name, condition)

    def _condition(self) -> Condition | None:
        negated = "not " if self._is("not") else ""
        if negated:
            self._take()
        if not negated and self._is(*_COMPARISONS, "!"):
            operator = self._take().text
            operator += self._expect("=").text if operator == "!" else ""
            return Condition(operator, (self._operand(),))
        if self._is("between", "in", "matches"):
            operator = self._take().text
            return Condition(negated + operator, self._operands(operator))
        if negated:
            raise self._unexpected("between, in or matches")
        return None

    def _operands(self, operator: str) -> tuple[Operand, ...]:
        if operator == "matches":
            return (Operand(Kind.STRING, self._string()),)
        if operator == "between":
            low = self._operand()
            self._expect("and", "AND")
            return low, self._operand()
        if self._is("$"):
            return (Operand(Kind.LIST, self._operand().value),)
        self._expect("[")
        found = [self._operand()]
        while self._is(","):
            self._take()
            found.append(self._operand())
        self._expect("]")
        return tuple(found)

    def _operand(self) -> Operand:
        """All words up to what ends an operand, and what they are together."""
        start, depth = self._at, 0
        while self._next.kind != "end":
            if depth == 0 and (self._is(",", "]", ")") or (self._next.kind == "word" and self._next.text in _RESERVED)):
                break
            if depth == 0 and self._next.kind == "word" and self._at > start and self._is("Rules", "Analyzers"):
                break
            if depth == 0 and self._at > start and self._peek(1).text == "=" and self._next.kind == "word":
                break  # the next declaration of a variable
            depth += self._is("(") - self._is(")")
            self._take()
        taken = self.tokens[start : self._at]
        if not taken:
            raise self._unexpected("a value")
        error = DqdlError(f"{taken[0].text[:MAX_OPERAND]} is not a value", self._line(taken[0].start))
        return replace(_operand(taken, error), start=taken[0].start, end=taken[-1].end)


def _operand(taken: list[Token], error: DqdlError) -> Operand:
    texts = [token.text for token in taken]
    if len(taken) == 1 and taken[0].kind == "string":
        value = texts[0][1:-1]
        kind = Kind.DATE if _DATE.fullmatch(value) else Kind.TIME if _TIME.fullmatch(value) else Kind.STRING
        return Operand(kind, value)
    whole = "".join(texts)
    if len(whole) > MAX_OPERAND:
        # No number, date or duration is as long, and what follows looks for forms in it.
        raise error
    for kind, form in _FORMS:
        if form.fullmatch(whole):
            return Operand(kind, whole.upper() if kind is Kind.KEYWORD else whole.removeprefix("$"))
    raise error
