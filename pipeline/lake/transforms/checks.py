"""What is wrong with the transform of a definition, before anything is applied. Nothing here runs a team's code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from pipeline.core.definitions.problems import Problem
from pipeline.lake.datasets.consent import may_read
from pipeline.lake.datasets.dataset_names import DatasetName
from pipeline.lake.datasets.files import Definition
from pipeline.lake.datasets.model import Dataset
from pipeline.lake.datasets.system_columns import ORDER_COLUMN, ROW_COLUMN
from pipeline.lake.datasets.transform import Transform
from pipeline.lake.transforms.code import STAGED

_OF_THE_JOB = frozenset({ORDER_COLUMN, ROW_COLUMN, "_sluice_object"})
"""Columns that `staged` has beside those of the files."""
_PINNED = re.compile(
    r"^[A-Za-z0-9][A-Za-z0-9._-]*(\[[a-z0-9,_-]+\])?==[^\s;$]+(\s*;((?!--)[^\\$])*)?(\s+--hash=sha256:[0-9a-f]{64})+$"
)
"""Without `$`, for which pip takes what the environment has, and without another option than hashes."""


def transform_findings(definition: Definition, known: Mapping[DatasetName, Dataset]) -> Iterator[tuple[Problem, str]]:
    """What is wrong with a definition's transform, and `error` or `warning`; `known` are all datasets there are."""
    transform = definition.dataset.transform
    if transform is None:
        return
    missing = [(at, name) for at, name in enumerate(transform.views.values()) if name not in known]
    for at, name in missing:
        yield definition.problem(("transform", "reads", at), f"{name} is not there: no file defines it"), "error"
    for at, name in enumerate(transform.views.values()):
        if name in known:
            for what in _unreadable(definition.dataset.name, known[name]):
                yield definition.problem(("transform", "reads", at), what), "error"
    if transform.requirements:
        yield from ((problem, "error") for problem in _requirements(definition, transform))
    if transform.kind != "sql":
        yield from ((problem, "error") for problem in _python(definition, transform))
    elif not missing:
        yield from _sql(definition, transform, known)


def _unreadable(reader: DatasetName, read: Dataset) -> Iterator[str]:
    if read.table.format != "iceberg":
        yield f"{read.name} is a table of Parquet files, and a transform reads Iceberg tables alone"
    if not may_read(reader, read.name, read.shared_with):
        yield (
            f"{read.name} is not shared with {reader}; its team says so in its own definition: "
            f"`shared_with: [{reader.team}]`, or `[{reader}]` for this dataset alone"
        )


def _sql(
    definition: Definition, transform: Transform, known: Mapping[DatasetName, Dataset]
) -> Iterator[tuple[Problem, str]]:
    # Loads sqlglot, which no other kind needs.
    from pipeline.lake.transforms.sql import Relation, Wanted, findings

    dataset = definition.dataset
    relations = {STAGED: Relation(frozenset(dataset.contract) | _OF_THE_JOB, dataset.stage_a.on_new_column != "add")}
    for view, name in transform.views.items():
        relations[view] = Relation(frozenset(known[name].table_contract), _is_closed(known[name]))
    key = (*dataset.table.key, *dataset.table.partition_by)
    needs_order = dataset.table.write in ("replace", "overwrite")
    wanted = Wanted(frozenset(transform.columns), key, needs_order)
    for found in findings(transform.text, relations, transform.views, wanted):
        yield _problem(definition, transform.file, found.line, f"column {found.column}: {found.what}"), found.severity


def _is_closed(dataset: Dataset) -> bool:
    """Whether its table has no other columns than those that it declares."""
    if dataset.transform:
        return bool(dataset.transform.columns)
    return dataset.stage_a.on_new_column != "add"


def _python(definition: Definition, transform: Transform) -> Iterator[Problem]:
    try:
        tree = ast.parse(transform.text, transform.file)
    except SyntaxError as error:
        yield _problem(definition, transform.file, error.lineno or 1, f"column {error.offset or 1}: {error.msg}")
        return
    if transform.kind == "python":
        functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
        found = functions.get(transform.function)
        if found is None:
            there = ", ".join(functions) or "none"
            yield _problem(definition, transform.file, 1, f"has no function {transform.function}; it has {there}")
        elif len(found.args.args) + len(found.args.posonlyargs) != 1 and not found.args.vararg:
            what = f"{transform.function} takes one argument, a pyarrow.RecordBatch"
            yield _problem(definition, transform.file, found.lineno, what)


def _requirements(definition: Definition, transform: Transform) -> Iterator[Problem]:
    # Lines as pip has them: it ends one at form feeds and the like, too, and goes on with one only where its last
    # character is a backslash. What is an option of a line of its own may let pip run what it fetches.
    lines = (re.sub(r"(^|\s)#.*", "", line) for line in transform.wheels.splitlines())
    text = "\n".join(lines).replace("\\\n", " ")
    for line in filter(None, map(str.strip, text.split("\n"))):
        if not _PINNED.match(line):
            number = 1 + transform.wheels[: max(0, transform.wheels.find(line.split()[0]))].count("\n")
            how = "write name==version --hash=sha256:…, as `uv pip compile --generate-hashes` does"
            what = f"{line.split()[0]} is not pinned: {how}"
            yield _problem(definition, str(transform.requirements), number, what)


def _problem(definition: Definition, file: str, line: int, what: str) -> Problem:
    return Problem(str(PurePosixPath(definition.path).parent / file), line, "", what)
