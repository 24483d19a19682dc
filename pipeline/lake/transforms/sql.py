"""What the SQL of a transform may be: one SELECT over the staged rows and the tables that it names. Pure.

Everything is found out when a dataset is validated and applied, with line and column, as far as a parser can tell:
Spark has the last word, in the job, under a role that reads nothing else.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError
from sqlglot.optimizer.scope import Scope, traverse_scope
from sqlglot.tokenizer_core import Token, TokenType

from pipeline.lake.datasets.dataset_names import DatasetName
from pipeline.lake.datasets.system_columns import ORDER_COLUMN
from pipeline.lake.quality.sql import WORDS
from pipeline.lake.quality.sql_functions import FUNCTIONS, GENERATORS
from pipeline.lake.transforms.code import STAGED

DIALECT = "spark"
MAX_TOKENS = 20_000
_MORE_WORDS = frozenset({"values", "over", "lateral", "window", "pivot", "unpivot", "for"})
_HINTS = frozenset({"broadcast", "broadcastjoin", "merge", "shuffle_hash", "repartition", "rebalance"})
_OF_A_TABLE = frozenset({"this", "alias", "joins", "laterals", "pivots", "sample", "db"})


@dataclass(frozen=True, slots=True)
class Relation:
    """The columns of what a statement may read. Not `closed`: it may have others than are declared, from its files."""

    columns: frozenset[str]
    closed: bool


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the table needs of the columns that the statement gives: `columns` are all, where they are declared."""

    columns: frozenset[str]
    key: tuple[str, ...]
    needs_order: bool


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong at a line and a column, both from 1; `severity` is `error` or `warning`."""

    line: int
    column: int
    what: str
    severity: str = "error"


def findings(
    text: str, relations: Mapping[str, Relation], datasets: Mapping[str, DatasetName], wanted: Wanted
) -> Iterator[Finding]:
    """What is wrong with a statement, or may be: `relations` are what it may read, `datasets` which those are."""
    statement = _Statement(text)
    tree = yield from statement.parsed()
    if tree is None:
        return
    wrong = list(statement.functions(tree)) or list(statement.tables(tree, relations, datasets))
    yield from wrong
    if not wrong:
        yield from statement.columns(tree, relations)
        yield from statement.given(tree, wanted)


class _Statement:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[Token] = []

    def parsed(self) -> Generator[Finding, None, exp.Query | None]:
        """The tree of the text, or None after a finding."""
        if "${" in self._text:
            yield self._at(self._text.index("${"), "Spark replaces ${ by settings: write the value")
            return None
        try:
            self._tokens = sqlglot.tokenize(self._text, read=DIALECT)
            if len(self._tokens) > MAX_TOKENS:
                yield Finding(1, 1, f"has {len(self._tokens)} words, of at most {MAX_TOKENS}")
                return None
            trees = [tree for tree in sqlglot.parse(self._text, dialect=DIALECT) if tree is not None]
        except ParseError as error:
            yield _place(error)
            return None
        except SqlglotError:
            yield Finding(1, 1, "a string, a comment or a name is not closed")
            return None
        except RecursionError:
            yield Finding(1, 1, "nests too deep")
            return None
        if len(trees) != 1 or not isinstance(trees[0], exp.Query):
            yield Finding(1, 1, f"is not one SELECT: {len(trees)} statements" if len(trees) > 1 else "is no SELECT")
            return None
        return trees[0]

    def functions(self, tree: exp.Query) -> Iterator[Finding]:
        """Functions that do more than compute from their arguments, or that nobody knows."""
        with_columns = _with_columns(tree)
        for before, token in zip(self._tokens, self._tokens[1:], strict=False):
            if token.token_type is not TokenType.L_PAREN or before.token_type in (TokenType.STRING, TokenType.NUMBER):
                continue
            word = before.text.lower().split()[-1] if before.text.strip() else ""
            if not (word[:1].isalpha() or word[:1] == "_"):
                continue
            known = word in FUNCTIONS | GENERATORS | WORDS | _MORE_WORDS | _HINTS or before.start in with_columns
            if not known:
                yield self._at(before.start, f"the function {word} is not allowed, or is not Spark's")

    def tables(
        self, tree: exp.Query, relations: Mapping[str, Relation], datasets: Mapping[str, DatasetName]
    ) -> Iterator[Finding]:
        """Tables that are neither the staged rows nor named by `reads` nor the statement's own."""
        own = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
        readable = ", ".join(sorted(relations))
        by_dataset = {str(dataset): view for view, dataset in datasets.items()}
        tables = [table for table in tree.find_all(exp.Table) if not table.find_ancestor(exp.Hint)]
        if not any(table.name.lower() == STAGED for table in tables):
            yield Finding(1, 1, f"does not read {STAGED}, the rows of the batch")
        for table in tables:
            if not isinstance(table.this, exp.Identifier):
                yield self._of(table, f"{table.sql(DIALECT)[:40]} is no table that it may read: {readable}")
            elif (parts := [part.name for part in table.parts])[1:]:
                view = by_dataset.get("/".join(parts).lower())
                rather = f"write {view}" if view else f"transform.reads does not name it; it may read {readable}"
                yield self._of(table.parts[0], f"reads {'.'.join(parts)}: {rather}")
            elif parts[0].lower() not in own | relations.keys():
                how = "a dataset is named under transform.reads, as team/dataset"
                yield self._of(table, f"reads {parts[0]}, which is not there; it may read {readable}; {how}")
            elif more := sorted({part for part, value in table.args.items() if value} - _OF_A_TABLE):
                yield self._of(table, f"{parts[0]} with {more[0]} is more than a table")

    def columns(self, tree: exp.Query, relations: Mapping[str, Relation]) -> Iterator[Finding]:
        """Columns that what is read does not have, or does not declare."""
        try:
            scopes = list(traverse_scope(tree))
        except SqlglotError:
            return
        for scope in scopes:
            sources = {alias.lower(): _relation(source, relations) for alias, source in scope.sources.items()}
            for column in scope.columns:
                name, of = column.name.lower(), column.table.lower()
                asked = [sources[of]] if of in sources else [] if of else list(sources.values())
                if not asked or None in asked or any(each and name in each.columns for each in asked):
                    continue
                if not of and self._is_named(scope, name):
                    continue
                where = of or ", ".join(sorted(sources))
                closed = all(each and each.closed for each in asked)
                what = f"{where} has no column {name}" if closed else f"{where} declares no column {name}"
                yield self._of(column, what, "error" if closed else "warning")

    @staticmethod
    def _is_named(scope: Scope, name: str) -> bool:
        """Whether the name is one that the SELECT, or a LATERAL VIEW in it, gives."""
        query = scope.expression
        selects = query.selects if isinstance(query, exp.Query) else []
        given = {each.alias.lower() for each in selects if isinstance(each, exp.Alias)}
        laterals = query.find_all(exp.Lateral)
        return name in given | {each.name.lower() for lateral in laterals for each in lateral.find_all(exp.Identifier)}

    def given(self, tree: exp.Query, wanted: Wanted) -> Iterator[Finding]:
        """What the columns of the result lack."""
        for select in tree.selects:
            if not select.alias_or_name and not select.is_star:
                yield self._of(select, "a column of the result needs a name: … as name")
        if any(select.is_star for select in tree.selects):
            return
        given = {select.alias_or_name.lower() for select in tree.selects}
        if wanted.needs_order and ORDER_COLUMN not in given:
            yield Finding(1, 1, f"does not give {ORDER_COLUMN}, by which rows are replaced: select it, and group by it")
        lacking = sorted((wanted.columns | set(wanted.key)) - given)
        if lacking:
            yield Finding(1, 1, f"does not give {', '.join(lacking)}")
        if wanted.columns and (new := sorted(given - wanted.columns - {ORDER_COLUMN, ""})):
            yield Finding(1, 1, f"gives {', '.join(new)}, which transform.columns does not have")

    def _of(self, node: exp.Expr, what: str, severity: str = "error") -> Finding:
        found = node.find(exp.Identifier)
        start = found.meta.get("start") if found else None
        return self._at(start, what, severity) if start is not None else Finding(1, 1, what, severity)

    def _at(self, start: int, what: str, severity: str = "error") -> Finding:
        line = self._text.count("\n", 0, start) + 1
        return Finding(line, start - self._text.rfind("\n", 0, start), what, severity)


def _with_columns(tree: exp.Query) -> set[int]:
    """Where names are that a list of columns follows, and so are no functions: `with name (a, b) as`, `as name (a)`."""
    named = [alias.this for alias in tree.find_all(exp.TableAlias) if alias.columns]
    return {name.meta["start"] for name in named if isinstance(name, exp.Identifier) and "start" in name.meta}


def _relation(source: exp.Expr | Scope, relations: Mapping[str, Relation]) -> Relation | None:
    """The columns of a source of a query; None if they are not known."""
    if isinstance(source, Scope):
        query = source.expression
        around = query.parent
        renamed = isinstance(around, exp.CTE | exp.Subquery) and around.alias_column_names
        if not isinstance(query, exp.Query) or query.is_star or renamed:
            return None
        return Relation(frozenset(name.lower() for name in query.named_selects), closed=True)
    return relations.get(source.name.lower()) if isinstance(source, exp.Table) else None


def _place(error: ParseError) -> Finding:
    found = error.errors[0] if error.errors else {}
    near = str(found.get("highlight") or "").strip()
    column = max(1, int(found.get("col") or 1) - max(0, len(near) - 1))
    what = f"is not understood near {near[:40]!r}" if near else "is no SQL"
    return Finding(int(found.get("line") or 1), column, what)
