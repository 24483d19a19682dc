"""What a query must not do: read files, reach the network, learn of the process, change anything, or take all memory.

Each attack is tried twice: as people ask, and past the reading of the query, where DuckDB's own lock must hold alone.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pipeline.core.errors import BadInput
from pipeline.operate import query
from pipeline.operate.query import Session

SECRET = "the-secret-of-a-file"


class NoTables:
    """A lake without tables."""

    names = ("team.data",)

    def load(self, _team: str, _dataset: str) -> Any:
        return None

    def parquet(self, _team: str, _dataset: str) -> Any:
        return None


@pytest.fixture
def session():
    with Session(NoTables(), memory="256MB") as opened:
        yield opened


@pytest.fixture
def unread(session, monkeypatch):
    """A session that lets every query through to DuckDB."""
    monkeypatch.setattr(query, "tables_of", lambda *_: set())
    return session


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch):
    """A folder with files to steal, where the process stands; `.tmp` is DuckDB's own folder if it is not told."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".tmp").mkdir()
    for name in ("secret.csv", ".tmp/secret.csv"):
        (tmp_path / name).write_text(f"a\n{SECRET}\n")
    monkeypatch.setenv("SLUICE_CANARY", SECRET)
    return tmp_path


def everything(session: Session, sql: str) -> str:
    session.run(sql)
    return str(list(session.rows(1000)))


FILES = [
    "select * from read_csv('secret.csv')",
    "select * from read_csv_auto('secret.csv')",
    "select * from read_text('secret.csv')",
    "select * from read_text('.tmp/secret.csv')",
    "select * from read_blob('.tmp/*')",
    "select * from read_blob('secret.csv')",
    "select * from read_json('secret.csv')",
    "select * from read_ndjson_objects('secret.csv')",
    "select * from read_parquet('secret.csv')",
    "select * from parquet_scan('secret.csv')",
    "select * from parquet_metadata('secret.csv')",
    "select * from sniff_csv('secret.csv')",
    "select * from read_duckdb('secret.csv')",
    "select * from glob('*')",
    "select * from glob('.tmp/*')",
    "from 'secret.csv'",
    'from "secret.csv"',
    "from '.tmp/secret.csv'",
    "select * from '/proc/self/environ'",
    "select (select content from read_text('secret.csv'))",
    "select * from range(1) r, lateral (select * from read_text('secret.csv'))",
    "with x as (select * from read_text('secret.csv')) select * from x",
    "select 1 union all select content from read_text('secret.csv')",
    "select 1 where exists (from read_text('secret.csv'))",
    "select * from main.read_text('secret.csv')",
    "select * from system.main.read_text('secret.csv')",
    "from READ_TEXT('secret.csv')",
    "from \"read_text\"('secret.csv')",
    "from/**/read_text/*x*/('secret.csv')",
    "from read_csv('http://127.0.0.1:9/x.csv')",
    "from 's3://bucket/x.parquet'",
    "from read_text('/dev/stdin')",
    "from duckdb_secrets()",
    "from which_secret('s3://a', 's3')",
    "from duckdb_extensions()",
]
STATEMENTS = [
    "copy (select 1) to 'stolen.csv'",
    "copy team.data from 'secret.csv'",
    "attach 'stolen.db'",
    "attach 'stolen.db' as s; select 1",
    "install httpfs",
    "load httpfs",
    "load 'secret.csv'",
    "import database '.'",
    "export database '.'",
    "set enable_external_access = true",
    "reset enable_external_access",
    "pragma enable_external_access",
    "pragma database_list",
    "create secret s (type s3)",
    "create table x as select 1",
    "create macro m() as 1",
    "insert into team.data values (1)",
    "with x as (insert into team.data values (1) returning *) select * from x",
    "with x as (delete from team.data returning *) select * from x",
    "call enable_logging('QueryLog')",
    "explain analyze copy (select 1) to 'stolen.csv'",
    "prepare p as select 1",
    "execute p",
    "select 1; copy (select 1) to 'stolen.csv'",
    "select 1 -- \n; attach 'stolen.db'",
    "select 1;;select 2",
    "vacuum",
    "checkpoint",
    "use memory",
    "show tables",
    "",
    "-- nothing",
    "/* select 1",
]
INDIRECT = [
    "from query('select 1')",
    "from query('from read_text(''secret.csv'')')",
    "from query_table('secret.csv')",
    "from query_table(['secret.csv'])",
    "from json_execute_serialized_sql(json_serialize_sql('from read_text(''secret.csv'')'))",
    "from frame",
    "from python_arrow_scan(1, 2, 3)",
    "from pandas_scan(140737488355328)",
    "from arrow_scan(1::ubigint, 2::ubigint, 3::ubigint)",
    "from python_map_function((select 1))",
    "from duckdb_settings()",
    "from duckdb_functions()",
    "from duckdb_logs()",
    "from duckdb_databases",
    "from sqlite_master",
    "from information_schema.tables",
    "from pg_catalog.pg_class",
    "from memory.main.x",
    "from checkpoint()",
    "from enable_logging('QueryLog')",
    "from enable_profiling()",
    "from register_external_resource('a')",
    "from import_database('.')",
    "from copy_database('a', 'b')",
    "select getenv('SLUICE_CANARY')",
    "select current_setting('secret_directory')",
    "select CURRENT_SETTING('temp_directory')",
    "select getvariable('x')",
    "select write_log('x')",
    "select list_transform([1], x -> current_setting('secret_directory'))",
    "with sqlite_master2 as (select 1) from sqlite_master",
    "select * from sluice_0",
]


@pytest.mark.parametrize("sql", [*FILES, *STATEMENTS, *INDIRECT])
def test_an_attack_is_refused_in_a_line(session, folder, sql):
    frame = pa.table({"a": [SECRET]})
    with pytest.raises(BadInput) as refused:
        everything(session, sql)
    assert "\n" not in refused.value.message
    assert SECRET not in f"{refused.value.message} {refused.value.hint}"
    assert len(frame) == 1
    assert sorted(os.listdir(folder)) == [".tmp", "secret.csv"]


@pytest.mark.parametrize("sql", [*FILES, *STATEMENTS, *INDIRECT])
def test_what_is_let_through_by_mistake_still_reads_and_writes_nothing(unread, folder, sql):
    frame = pa.table({"a": [SECRET]})
    try:
        told = everything(unread, sql)
    except BadInput as error:
        told = error.message
    assert SECRET not in told
    assert len(frame) == 1
    assert sorted(os.listdir(folder)) == [".tmp", "secret.csv"]
    assert os.listdir(folder / ".tmp") == ["secret.csv"]


@pytest.mark.parametrize(
    "sql",
    [
        "select " + "(" * 50_000 + "1" + ")" * 50_000,
        "select " + "not " * 20_000 + "true",
        "select " + "1+" * 40_000 + "1",
        "select " + "case when true then " * 900 + "1" + " end" * 900,
        "select " + "[" * 900 + "1" + "]" * 900,
        "select '" + "x" * 200_000 + "'",
    ],
    ids=["parentheses", "not", "sum", "case", "list", "length"],
)
def test_a_query_nested_too_deeply_or_too_long_is_refused(session, sql):
    before = sys.getrecursionlimit()
    # Other code of the process may have raised it: the guard does not rely on Python's.
    sys.setrecursionlimit(20_000)
    try:
        with pytest.raises(BadInput):
            everything(session, sql)
    finally:
        sys.setrecursionlimit(before)


@pytest.mark.parametrize(
    "sql",
    [
        "select list(range) from range(1000000000)",
        "select distinct range from range(1000000000)",
        "select string_agg(repeat('x', 1000), '') from range(1000000)",
    ],
)
def test_a_query_that_needs_too_much_memory_is_refused_and_writes_no_files(session, folder, sql):
    with pytest.raises(BadInput, match="more memory") as refused:
        everything(session, sql)
    assert "less" in (refused.value.hint or "")
    assert sorted(os.listdir(folder)) == [".tmp", "secret.csv"]


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("with x as (select 1 as a) select * from x", "[(1,)]"),
        ("with recursive t(n) as (select 1 union all select n + 1 from t where n < 3) from t", "[(1,), (2,), (3,)]"),
        ("from range(2)", "[(0,), (1,)]"),
        ("select unnest([1, 2])", "[(1,), (2,)]"),
        ("values (1), (2)", "[(1,), (2,)]"),
        ("select 1 -- said", "[(1,)]"),
        ("select 1;", "[(1,)]"),
        ("select value from json_each('[1]')", "[('1',)]"),
    ],
)
def test_what_only_computes_is_run(session, sql, rows):
    assert everything(session, sql) == rows


def test_settings_are_locked_once_a_query_runs(session):
    session.run("select 1")
    for setting in ("enable_external_access = true", "temp_directory = '.tmp'", "python_enable_replacements = true"):
        with pytest.raises(session._error):
            session._db.execute(f"set {setting}")
