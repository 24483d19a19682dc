"""What SQL a ruleset may hold: CustomSql, the `where` of rules, and strings that Deequ puts into SQL. Pure.

A statement is one SELECT over `primary`, which holds the rows that are checked, and over its own subqueries; it calls
functions that only compute. Whatever is not known here is refused. Spark's parser has the last word on what a text
means: `stages.stage_b.jobs.plans` holds the same text to the same rule once more, as Spark has read it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from pipeline.lake.quality.problems import Finding
from pipeline.lake.quality.sql_functions import FUNCTIONS, GENERATORS, WITHOUT_PARENTHESES

VIEW = "primary"
MAX_CHARACTERS = 10_000
MAX_TOKENS = 2_000
MAX_DEPTH = 40
"""Of parentheses, brackets and CASE. Parsers, ours and Spark's, go down as deep as the text does."""
_MAX_TREE = 8 * MAX_DEPTH
"""Of the tree, for what nests without parentheses (not, -): how deep Python lets the parser go, others may have set."""
_TOO_DEEP = f"{{what}} nests deeper than {MAX_DEPTH}"

_DIALECT = "spark"
_ONE_SELECT = f"Write one select over {VIEW}, its subqueries and functions that only compute (docs/datasets.md)."
_A_CONDITION = "Write a condition on the columns of the row, with functions that only compute (docs/datasets.md)."
_A_NAME = "Give it one: select … as result from primary."

WORDS = frozenset(
    [
        "all",
        "and",
        "any",
        "as",
        "between",
        "by",
        "case",
        "cube",
        "distinct",
        "div",
        "else",
        "end",
        "except",
        "exists",
        "filter",
        "from",
        "having",
        "in",
        "intersect",
        "is",
        "join",
        "like",
        "ilike",
        "limit",
        "minus",
        "not",
        "on",
        "or",
        "over",
        "regexp",
        "rlike",
        "rollup",
        "select",
        "sets",
        "some",
        "then",
        "union",
        "using",
        "when",
        "where",
        "with",
        "group",
        "within",
        "array",
        "char",
        "decimal",
        "dec",
        "interval",
        "map",
        "numeric",
        "struct",
        "varchar",
    ]
)
"""Words that stand before a parenthesis and are no function: of the grammar, and of types."""
_NO_NAMES = {
    TokenType.SEMICOLON: "a semicolon",
    TokenType.HINT: "a hint",
    TokenType.PARAMETER: "a parameter",
    TokenType.PLACEHOLDER: "a parameter",
    TokenType.SESSION_PARAMETER: "a parameter",
    TokenType.BLOCK_START: "a template",
    TokenType.COLON: "a colon",
    TokenType.DCOLON: "::, which Spark does not know",
}
_BEGINNINGS = frozenset({TokenType.SELECT, TokenType.WITH, TokenType.L_PAREN})
_OPENING = frozenset({TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.CASE})
_CLOSING = frozenset({TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.END})

_VALUES: frozenset[type[exp.Expr]] = frozenset(
    {
        *(exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod, exp.Neg, exp.DPipe),
        *(exp.BitwiseAnd, exp.BitwiseOr, exp.BitwiseXor, exp.BitwiseNot),
        *(exp.And, exp.Or, exp.Not, exp.Paren, exp.Tuple, exp.In, exp.Between, exp.Is, exp.Distinct),
        *(exp.EQ, exp.NEQ, exp.NullSafeEQ, exp.NullSafeNEQ, exp.LT, exp.LTE, exp.GT, exp.GTE),
        *(exp.Like, exp.ILike, exp.RegexpLike, exp.RegexpILike, exp.Escape, exp.Any, exp.All),
        *(exp.Literal, exp.RawString, exp.HexString, exp.Boolean, exp.Null, exp.Identifier, exp.Column, exp.Dot),
        *(exp.Var, exp.DataType, exp.DataTypeParam, exp.Interval, exp.IntervalSpan, exp.ColumnDef),
        *(exp.Bracket, exp.Lambda, exp.PropertyEQ, exp.Alias, exp.Aliases, exp.Cast, exp.TryCast, exp.Case, exp.If),
        *(exp.Kwarg, exp.IgnoreNulls, exp.RespectNulls, exp.Filter, exp.WithinGroup, exp.Order, exp.Ordered),
    }
)
_QUERIES: frozenset[type[exp.Expr]] = frozenset(
    {
        *(exp.Select, exp.Union, exp.Except, exp.Intersect, exp.Subquery, exp.With, exp.CTE, exp.TableAlias),
        *(exp.From, exp.Table, exp.Join, exp.Where, exp.Group, exp.Having, exp.Limit, exp.Lateral),
        *(exp.Cube, exp.Rollup, exp.GroupingSets, exp.Star, exp.Window, exp.WindowSpec, exp.Exists),
    }
)
_PARTS_OF_TABLES = frozenset({"this", "alias", "joins"})


class _Refused(Exception):
    """What stands there that may not, and what to write instead."""


def statement_findings(text: str) -> Iterator[Finding]:
    """What keeps `text` from being a CustomSql statement; the first thing only."""
    try:
        tree = _read(text, "the statement")
        _nodes(tree, "the statement", _VALUES | _QUERIES)
        _tables(tree)
    except _Refused as refused:
        yield str(refused), _ONE_SELECT
        return
    yield from _unnamed(tree)


def condition_findings(text: str) -> Iterator[Finding]:
    """What keeps `text` from being the `where` of a rule; the first thing only."""
    try:
        _nodes(_read(text, "where", exp.Condition), "where", _VALUES)
    except _Refused as refused:
        yield str(refused), _A_CONDITION


def literal_findings(text: str) -> Iterator[Finding]:
    """What keeps a string of a condition from standing between quotes in the SQL that Deequ makes of the rule."""
    if "'" in text or "\\" in text:
        yield (
            f"Deequ puts {text!r} into SQL without escaping its quotes and backslashes",
            "Write matches with . for the quote, or CustomSql with rlike.",
        )
    elif "${" in text:
        yield f"Spark would replace the variable in {text!r}", "Write matches with [$] for the dollar."


def _read(text: str, what: str, into: type[exp.Expr] | None = None) -> exp.Expr:
    """The tree of a text whose words are known."""
    tokens = _words(text, what)
    if into is None and (not tokens or tokens[0].token_type not in _BEGINNINGS):
        raise _Refused(f"{what} is no SELECT")
    try:
        return sqlglot.parse_one(text, dialect=_DIALECT, into=into) if into else sqlglot.parse_one(text, _DIALECT)
    except SqlglotError as error:
        raise _Refused(f"{what} is not understood: {_place(error)}") from None
    except RecursionError:
        raise _Refused(_TOO_DEEP.format(what=what)) from None


def _place(error: Exception) -> str:
    found = error.errors[0] if isinstance(error, sqlglot.ParseError) and error.errors else {}
    near = str(found.get("highlight") or "").strip()
    return f"near {near[:40]!r}" if near else "it is no SQL that Spark reads"


def _tokens(text: str, what: str) -> list[Token]:
    if len(text) > MAX_CHARACTERS:
        raise _Refused(f"{what} has {len(text)} characters, of at most {MAX_CHARACTERS}")
    if "${" in text:
        raise _Refused(f"{what} holds ${{, which Spark replaces by settings and secrets")
    if odd := next((each for each in text if not (each.isprintable() or each in "\n\t")), None):
        raise _Refused(f"{what} holds the character {odd!r}")
    try:
        tokens = sqlglot.tokenize(text, read=_DIALECT)
    except SqlglotError:
        raise _Refused(f"{what} is not understood: a string or a name is not closed") from None
    if len(tokens) > MAX_TOKENS:
        raise _Refused(f"{what} has {len(tokens)} words, of at most {MAX_TOKENS}")
    return tokens


def _words(text: str, what: str) -> list[Token]:
    tokens = _tokens(text, what)
    depth = 0
    for at, token in enumerate(tokens):
        if token.comments:
            raise _Refused(f"{what} holds a comment")
        if token.token_type in _NO_NAMES:
            raise _Refused(f"{what} holds {_NO_NAMES[token.token_type]}")
        depth += (token.token_type in _OPENING) - (token.token_type in _CLOSING)
        if depth > MAX_DEPTH:
            raise _Refused(_TOO_DEEP.format(what=what))
        if token.token_type is TokenType.L_PAREN and at:
            _called(tokens[:at][-2:])
        elif token.token_type in _NAMES_WITHOUT_PARENTHESES and token.text.lower() not in WITHOUT_PARENTHESES:
            raise _Refused(f"the function {token.text.lower()} is not allowed")
    return tokens


_NAMES_WITHOUT_PARENTHESES = frozenset(sqlglot.Dialect.get_or_raise(_DIALECT).parser_class.NO_PAREN_FUNCTIONS)


def _called(before: list[Token]) -> None:
    """Refuse the function whose name ends with the last token, if it is one and not among ours."""
    name, qualifier = before[-1], before[0] if len(before) > 1 else None
    is_name = name.token_type in (TokenType.VAR, TokenType.IDENTIFIER) or name.text[:1].isalpha()
    if not is_name or name.token_type in (TokenType.STRING, TokenType.NUMBER):
        return
    # Some words of the grammar are one token together: ORDER BY, GROUPING SETS.
    word = name.text.lower().split()[-1]
    qualified = qualifier is not None and qualifier.token_type is TokenType.DOT
    if qualified or name.token_type is TokenType.IDENTIFIER or word not in FUNCTIONS | WORDS:
        raise _Refused(f"the function {word} is not allowed")


def _nodes(tree: exp.Expr, what: str, known: frozenset[type[exp.Expr]]) -> None:
    """Every part is of a known kind. Functions were known by their names; a subquery is no function."""
    for node in _within_depth(tree, what):
        kind = type(node)
        if kind in known:
            continue
        if isinstance(node, exp.JSONPath | exp.JSONPathPart):
            continue
        if not isinstance(node, exp.Func) or kind is exp.Exists or isinstance(node, exp.Query):
            raise _Refused(f"{_shown(node)} is not allowed")


def _within_depth(tree: exp.Expr, what: str) -> Iterator[exp.Expr]:
    """Every part. The left side of an operator is as deep as the operator: chains, of `and` say, are no nesting."""
    waiting = deque([(tree, 0)])
    while waiting:
        node, depth = waiting.popleft()
        if depth > _MAX_TREE:
            raise _Refused(_TOO_DEEP.format(what=what))
        yield node
        for part in node.iter_expressions():
            waiting.append((part, depth + (not isinstance(node, exp.Binary) or part is not node.this)))


def _shown(node: exp.Expr) -> str:
    return f"{type(node).__name__.lower()} `{_text(node)}`"


def _text(node: exp.Expr) -> str:
    text = " ".join(node.sql(_DIALECT).split())
    return text[:60] + "…" * (len(text) > 60)


def _tables(tree: exp.Expr) -> None:
    """Each table is `primary` or a CTE that stands before it, and names nothing but itself."""
    tables = list(tree.find_all(exp.Table))
    if not any(_name(table) == VIEW for table in tables):
        raise _Refused(f"the statement does not read from {VIEW}, which is what is checked")
    names = [cte.alias.lower() for cte in tree.find_all(exp.CTE)]
    if VIEW in names or len(set(names)) < len(names):
        raise _Refused(f"a CTE is called {VIEW}, or as another one")
    for table in tables:
        if _name(table) != VIEW and _name(table) not in _visible(table):
            raise _Refused(f"the statement reads {_text(table)}, and {VIEW} is all that it may read")
        if {part for part, value in table.args.items() if value} - _PARTS_OF_TABLES:
            raise _Refused(f"{_shown(table)} is more than a table")
    for lateral in tree.find_all(exp.Lateral):
        if not lateral.args.get("view") or _function(lateral.this) not in GENERATORS:
            raise _Refused(f"{_shown(lateral)} is not allowed")


def _unnamed(tree: exp.Expr) -> Iterator[Finding]:
    """Columns that Spark names after their text, with a dot in it: Deequ takes that for a field of a struct."""
    tables = {each.alias_or_name.lower() for each in tree.find_all(exp.Table, exp.Subquery, exp.CTE, exp.Lateral)}
    for column in tree.selects if isinstance(tree, exp.Query) else ():
        if not isinstance(column, exp.Alias | exp.Column) and any(_dotted(node, tables) for node in column.walk()):
            yield f"Deequ fails on a column without a name whose text has a dot: {_text(column)}", _A_NAME


def _dotted(node: exp.Expr, tables: set[str]) -> bool:
    if isinstance(node, exp.Column):
        return len(node.parts) > 1 and node.parts[0].name.lower() not in tables
    return isinstance(node, exp.Dot) or (isinstance(node, exp.Literal) and "." in node.this)


def _name(table: exp.Table) -> str | None:
    """The name in lower case, as Spark compares; None if it is qualified, or no name."""
    return table.name.lower() if isinstance(table.this, exp.Identifier) and len(table.parts) == 1 else None


def _function(node: exp.Expr) -> str:
    return node.sql(_DIALECT).partition("(")[0].lower()


def _visible(table: exp.Table) -> set[str]:
    """The CTEs of the queries around `table`; of those it stands among, only the earlier ones."""
    found: set[str] = set()
    inside: exp.Expr = table
    while around := inside.parent:
        if isinstance(around, exp.With):
            earlier = around.expressions[: around.expressions.index(inside)]
            found |= {cte.alias.lower() for cte in earlier}
        elif (ctes := around.args.get("with_")) and ctes is not inside:
            found |= {cte.alias.lower() for cte in ctes.expressions}
        inside = around
    return found
