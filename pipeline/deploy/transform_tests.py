"""Test cases of transforms: small samples of what goes in and comes out, run by Spark here, without a lake.

    transforms/returns.sql
    transforms/returns_tests/<case>/staged.jsonl      rows of the dataset's files
    transforms/returns_tests/<case>/<name>.jsonl      rows of each table that it reads, by what it calls it
    transforms/returns_tests/<case>/expected.jsonl    the rows that come out, in any order

What a sample row does not say is null.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.core.errors import BadInput
from pipeline.lake.datasets import Dataset, DatasetName
from pipeline.lake.datasets.files import FOLDER, Definition
from pipeline.lake.datasets.system_columns import ORDER_COLUMN, ROW_COLUMN
from pipeline.lake.transforms.code import STAGED, Code, TransformFailed
from pipeline.lake.transforms.python_code import brought
from pipeline.lake.transforms.python_run import POSITION
from pipeline.lake.transforms.run import run
from pipeline.toolchain.java import java_home

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

EXPECTED = "expected"
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class TransformCase:
    """One case of a dataset's transform, in `folder`."""

    dataset: Dataset
    folder: Path

    def __str__(self) -> str:
        return f"{self.dataset.name}#{self.folder.name}"


def cases(root: Path, definitions: Sequence[Definition], only: DatasetName | None) -> list[TransformCase]:
    """The cases of all transforms, or of one dataset's. `BadInput` if that has none."""
    found = []
    for definition in definitions:
        dataset, transform = definition.dataset, definition.dataset.transform
        if transform is None or only not in (None, dataset.name):
            continue
        file = root / FOLDER / dataset.team / transform.file
        tests = file.with_name(f"{file.stem}_tests")
        found += [TransformCase(dataset, folder) for folder in sorted(tests.glob("*")) if folder.is_dir()]
        if only and not found:
            raise BadInput(
                f"the transform of {only} has no test case",
                hint=f"Make {tests.relative_to(root)}/<case>/{STAGED}.jsonl and {EXPECTED}.jsonl.",
            )
    if not found:
        raise BadInput(f"{only or 'no dataset'} has {'no' if only else 'a'} transform with a test case")
    return found


@contextmanager
def session() -> Iterator[SparkSession]:
    """A Spark of this process's own."""
    from pyspark.sql import SparkSession

    os.environ.update(JAVA_HOME=str(java_home()), SPARK_LOCAL_IP="127.0.0.1")
    builder = SparkSession.builder.master("local[1]").appName("sluice test")
    settings = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
        "spark.sql.shuffle.partitions": "1",
        "spark.sql.session.timeZone": "UTC",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.catalogImplementation": "in-memory",
    }
    for name, value in settings.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    try:
        yield spark
    finally:
        spark.stop()


def problem_of(spark: SparkSession, case: TransformCase, known: Mapping[DatasetName, Dataset]) -> str | None:
    """What is wrong with what comes out of a case's rows, in lines; None if it is what is expected."""
    code = Code.of(json.loads(case.dataset.to_json()))
    assert code
    try:
        made = _made(spark, case, code, known)
        given = _lines(made)
        expected = _expected(spark, case, made)
    except TransformFailed as error:
        return f"{error.message}. {error.hint or ''}".strip(" .")
    except BadInput as error:
        return error.message
    except Exception as error:
        if failed := brought(code, str(error)):
            return failed.message
        raise
    differences = [
        *(f"- {line}" for line in list((expected - given).elements())[:_SHOWN]),
        *(f"+ {line}" for line in list((given - expected).elements())[:_SHOWN]),
    ]
    return "\n".join(["expected rows have -, those that came out have +", *differences]) if differences else None


def _made(spark: SparkSession, case: TransformCase, code: Code, known: Mapping[DatasetName, Dataset]) -> DataFrame:
    tables = {
        view: _sample(spark, case, view, known[dataset].table_contract if dataset in known else {})
        for view, dataset in code.views.items()
    }
    made = run(spark, code, _staged(spark, case), tables, {})
    return made.drop(ORDER_COLUMN, POSITION)


def _sample(spark: SparkSession, case: TransformCase, name: str, columns: Mapping[str, str]) -> DataFrame:
    """The rows of one file, with columns of these types."""
    path = case.folder / f"{name}.jsonl"
    for number, row in enumerate(_rows(path), 1):
        if unknown := sorted(row.keys() - columns.keys()):
            raise BadInput(f"{path.name}:{number}: {', '.join(unknown)}: no column that is declared")
    return _read(spark, ", ".join(f"`{column}` {kind}" for column, kind in columns.items()), path)


def _staged(spark: SparkSession, case: TransformCase) -> DataFrame:
    """The rows of the dataset's file, with what Stage A gives each beside."""
    from pyspark.sql import functions as F

    declared = {name: column.type for name, column in case.dataset.contract.items()}
    rows = _sample(spark, case, STAGED, declared)
    number = F.monotonically_increasing_id() + 1
    own = {ORDER_COLUMN: F.lit("1"), "_sluice_object": F.lit(str(case)), ROW_COLUMN: number, POSITION: number}
    return rows.withColumns(own)


def _read(spark: SparkSession, schema: Any, path: Path) -> DataFrame:
    frame = spark.read.schema(schema).option("mode", "FAILFAST").json(str(path))
    try:
        frame.write.format("noop").mode("overwrite").save()
    except Exception as error:
        raise BadInput(f"{path.name}: a value is not of its column's type") from error
    return frame


def _rows(path: Path) -> list[dict[str, Any]]:
    try:
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except OSError as error:
        raise BadInput(f"{path.name} cannot be read: {error.strerror}") from None
    found = []
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
        except ValueError as error:
            raise BadInput(f"{path.name}:{number}: {error}") from None
        if not isinstance(row, dict):
            raise BadInput(f"{path.name}:{number}: is no JSON object")
        found.append(row)
    return found


def _expected(spark: SparkSession, case: TransformCase, made: DataFrame) -> Counter[str]:
    path = case.folder / f"{EXPECTED}.jsonl"
    rows = _rows(path)
    if unknown := sorted({name for row in rows for name in row} - set(made.columns)):
        raise BadInput(f"{path.name}: {', '.join(unknown)} did not come out; there is {', '.join(made.columns)}")
    return _lines(_read(spark, made.schema, path))


def _lines(frame: DataFrame) -> Counter[str]:
    """Each row as JSON, and how often it is there."""
    from pyspark.sql import functions as F

    text = F.to_json(F.struct(*frame.columns), {"ignoreNullFields": "false"})
    return Counter(row[0] for row in frame.select(text).collect())
