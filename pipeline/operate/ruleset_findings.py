"""What is wrong with the rules of quality in a definition, each with its place in the definition's file. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from pipeline.core.definitions.problems import Problem
from pipeline.lake.datasets import Dataset
from pipeline.lake.datasets.files import Definition
from pipeline.lake.quality import lint
from pipeline.lake.quality.scope import Declared, unseen_doubles, without_column, without_reference

Check = Callable[[str, Mapping[str, str] | None], Sequence[lint.Problem]]
"""Reads a ruleset, with the types of its table's columns."""


def ruleset_findings(definition: Definition, check: Check = lint.check_ruleset) -> Iterator[tuple[Problem, str]]:
    """What refuses a definition's ruleset or is only remarked: its place in the file, and `error` or `warning`.

    Without AWS's own parser, which `check` may ask, too.
    """
    quality = definition.dataset.quality
    if quality is None:
        return
    columns = definition.dataset.table_contract
    unseen = unseen_doubles(quality.ruleset, definition.dataset.table.write, quality.scope)
    astray = without_reference(quality.ruleset, quality.scope)
    missing = without_column(quality.ruleset, *_declared(definition.dataset))
    for found in (*check(quality.ruleset, columns), *unseen, *astray, *missing):
        what = f"{found.rule}: {found.message}" if found.rule else found.message
        hint = f". {found.hint}" if found.hint else ""
        yield definition.problem_in_text(("quality", "ruleset"), found.line, f"{what}{hint}"), found.severity


def _declared(dataset: Dataset) -> tuple[Declared, Declared]:
    """The columns of the table, and those of its files."""
    adds = dataset.stage_a.on_new_column == "add"
    files = Declared({name: column.type for name, column in dataset.contract.items()}, not adds)
    of_table = bool(dataset.transform.columns) if dataset.transform else not adds
    return Declared(dataset.table_contract, of_table), files
