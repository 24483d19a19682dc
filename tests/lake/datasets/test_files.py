from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.core.definitions.problems import BadDefinitions
from pipeline.lake.datasets import DatasetName
from pipeline.lake.datasets.files import Definition, parse, path_of, read_all

GOOD = """\
team: shop
dataset: orders
stage_a:
  format: csv
  columns:
    order_id: string
    amount: decimal(12,2)
table:
  write: upsert
  key: [order_id]
quality:
  ruleset: |
    Rules = [
      RowCount > 0
    ]
"""


def put(root: Path, place: str, text: str) -> None:
    path = root / "definitions" / "datasets" / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def problems(text: str | bytes) -> list[str]:
    content = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(BadDefinitions) as raised:
        parse(content, "f.yaml")
    assert raised.value.message == "\n".join(map(str, raised.value.problems))
    return raised.value.message.splitlines()


def test_a_good_file_is_read_with_its_path(tmp_path: Path):
    put(tmp_path, "shop/orders.yaml", GOOD)
    (found,) = read_all(tmp_path).or_raise()
    assert (str(found.dataset.name), found.path) == ("shop/orders", "definitions/datasets/shop/orders.yaml")
    assert found.dataset.table.key == ("order_id",)


def test_every_error_of_a_file_names_line_and_field():
    text = GOOD.replace("csv", "cvs").replace("decimal(12,2)", "decimal(99,2)").replace("[order_id]", "order_id")
    found = problems(f"{text}stage_c: 1\n")
    assert [line.split(": ")[:2] for line in found] == [
        ["f.yaml:4", "stage_a.format"],
        ["f.yaml:7", "stage_a.columns.amount"],
        ["f.yaml:10", "table.key"],
        ["f.yaml:16", "stage_c"],
    ]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "format: csv",
            "format: cvs",
            "4: stage_a.format: 'cvs' is none of csv, tsv, fixed, json, jsonl, xml, xlsx, parquet, avro, orc, netcdf;"
            " did you mean 'csv'?",
        ),
        ("  columns:", "  colums:", "5: stage_a.colums: is unknown; did you mean 'columns'?"),
        ("stage_a:", "key: [a]\nstage_a:", "3: key: is unknown here; it belongs under 'table'"),
        ("  key: [order_id]", "  keys: [a]", "10: table.keys: is unknown; did you mean 'key'?"),
        ("  key: [order_id]\n", "", "8: table: write: upsert needs a key"),
        ("team: shop", "team: Shop", "1: team: 'Shop' is not a name here: use lower-case letters, digits and"),
        ("team: shop\n", "", "1: team: is missing"),
        ("  format: csv\n", "", "3: stage_a.format: is missing"),
        ("amount:", "order_id:", "7: stage_a.columns.order_id: stands twice, first in line 6"),
        ("amount: decimal(12,2)", "amount: 12", "7: stage_a.columns.amount: a column is a type such as string, or"),
        ("order_id: string", "order_id: array<int>", "6: stage_a.columns.order_id: order_id is array<int>: a key or"),
        (
            "table:",
            "stage_b: {max_wait: 8 days}\ntable:",
            "8: stage_b: max_wait is longer than 7 days, and staged files expire",
        ),
        ("table:", "stage_b: {max_wait: 5}\ntable:", "8: stage_b.max_wait: 5 is not a duration such as '30 minutes'"),
        ("table:", "stage_b: {min_objects: 0}\ntable:", "8: stage_b.min_objects: should be greater than or equal to 1"),
        ("table:", "stage_b: {schedule: daily}\ntable:", "8: stage_b.schedule: 'daily' is not a schedule: write rate"),
        ("table:", "stage_b: {workers: 1}\ntable:", "8: stage_b.workers: should be greater than or equal to 2"),
        ("table:", "stage_b: {worker_type: G.3X}\ntable:", "8: stage_b.worker_type: 'G.3X' is none of G.1X, G.2X"),
        ("table:", "stage_b: {execution_class: FLEX}\ntable:", "8: stage_b: execution_class: FLEX needs worker_type"),
        (
            "table:",
            "stage_b: {execution_class: FLEX, worker_type: G.4X}\ntable:",
            "8: stage_b: execution_class: FLEX needs worker_type: G.1X or G.2X",
        ),
        (
            "table:",
            "stage_b: {start_when: {}}\ntable:",
            "8: stage_b.start_when: say one of objects, marker and manifest",
        ),
        (
            "table:",
            "stage_b: {start_when: {marker: _SUCCESS, objects: 5}}\ntable:",
            "8: stage_b.start_when: say one of objects, marker and manifest, and not objects and marker",
        ),
        (
            "table:",
            "stage_b: {start_when: {objects: 5, within: 2 hours}}\ntable:",
            "8: stage_b.start_when: within is of a marker or a manifest; how long fewer objects wait is max_wait",
        ),
        (
            "table:",
            "stage_b: {start_when: {marker: a/_SUCCESS}}\ntable:",
            "8: stage_b.start_when.marker: ",
        ),
        ("table:", "stage_b: {start_when: {manifest: '*'}}\ntable:", "8: stage_b.start_when.manifest: "),
        (
            "table:",
            "stage_b: {start_when: {marker: _SUCCESS, within: 8 days}}\ntable:",
            "8: stage_b.start_when.within: ",
        ),
        (
            "table:",
            "stage_b: {start_when: {marker: _SUCCESS}, max_objects: 10}\ntable:",
            "8: stage_b: max_objects means nothing beside this start_when; remove it",
        ),
        (
            "table:",
            "stage_b: {start_when: {objects: 5}, min_objects: 2}\ntable:",
            "8: stage_b: min_objects means nothing beside this start_when; remove it",
        ),
        (
            "table:",
            "stage_b: {start_when: {objects: 200}}\ntable:",
            "8: stage_b: start_when.objects 200 is greater than max_objects 100",
        ),
        (
            "  key: [order_id]",
            "  key: [order_id]\n  evolution: consent",
            "8: table: evolution: consent needs stage_a.",
        ),
        ("team: shop", "team: &shop shop\nteam2: *shop", "2: is not YAML: anchors and aliases are not read here"),
        ("team: shop", "team: !env shop", "1: team: the tag !env means nothing here"),
        ("team: shop", "team: shop\n\tx: 1", "2: is not YAML: found character '\\t' that cannot start any token"),
        ("table:", "---\ntable:", "9: a second document starts here: a file defines one thing"),
    ],
)
def test_an_error_says_what_to_write_instead(old: str, new: str, expected: str):
    assert any(line.startswith(f"f.yaml:{expected}") for line in problems(GOOD.replace(old, new))), problems(
        GOOD.replace(old, new)
    )


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "f.yaml:1: is empty"),
        (b"- a", "f.yaml:1: is not a mapping of fields"),
        (b"team: a\nx: \xff", "f.yaml:2: is not UTF-8: byte 0xff"),
        (b"team: a\nx: \x07", "f.yaml:2: is not YAML: character '\\x07' may not stand in it"),
        (b"[" * 1000, "f.yaml:1: nests too deep"),
    ],
)
def test_what_is_no_definition_at_all_is_one_problem(content: bytes, expected: str):
    assert problems(content) == [expected]


def test_words_that_older_yaml_took_for_booleans_are_names():
    dataset = parse(GOOD.replace("amount:", "on:").encode(), "f.yaml").dataset
    assert list(dataset.stage_a.columns) == ["order_id", "on"]


def test_a_problem_in_a_ruleset_stands_at_its_line_of_the_file():
    definition = parse(GOOD.encode(), "f.yaml")
    where = ("quality", "ruleset")
    assert str(definition.problem_in_text(where, 2, "x")) == "f.yaml:14: quality.ruleset: x"
    assert GOOD.splitlines()[13].strip() == "RowCount > 0"
    assert definition.problem_in_text(where, None, "x").line == 12


def test_blank_lines_before_a_ruleset_do_not_shift_its_lines():
    definition = parse(GOOD.replace("ruleset: |\n", "ruleset: |\n\n\n").encode(), "f.yaml")
    assert definition.problem_in_text(("quality", "ruleset"), 2, "x").line == 16


def test_all_errors_of_all_files_come_at_once(tmp_path: Path):
    put(tmp_path, "shop/orders.yaml", GOOD.replace("csv", "cvs"))
    put(tmp_path, "shop/items.yaml", "team: shop\n")
    put(tmp_path, "shop/good.yaml", GOOD.replace("dataset: orders", "dataset: good"))
    found = read_all(tmp_path)
    assert [str(each.dataset.name) for each in found.definitions] == ["shop/good"]
    assert {problem.path for problem in found.problems} == {
        "definitions/datasets/shop/orders.yaml",
        "definitions/datasets/shop/items.yaml",
    }
    with pytest.raises(BadDefinitions) as raised:
        found.or_raise()
    assert len(raised.value.problems) == len(found.problems) == 3


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("other/orders.yaml", "other/orders.yaml:1: team: 'shop' does not fit the path, which says 'other'"),
        ("shop/items.yaml", "shop/items.yaml:2: dataset: 'orders' does not fit the path, which says 'items'"),
        ("shop/orders.yml", "shop/orders.yml:1: is not read: name it orders.yaml"),
        ("orders.yaml", "orders.yaml:1: lies at the wrong place: shop/orders belongs into definitions/datasets/shop/"),
    ],
)
def test_a_file_belongs_where_its_names_say(tmp_path: Path, place: str, expected: str):
    put(tmp_path, place, GOOD)
    (problem,) = read_all(tmp_path).problems
    assert str(problem).startswith(f"definitions/datasets/{expected}")


def test_two_files_of_one_dataset_are_both_there_or_refused(tmp_path: Path):
    put(tmp_path, "shop/orders.yaml", GOOD)
    put(tmp_path, "shop/copy.yaml", GOOD)
    (problem,) = read_all(tmp_path).problems
    assert problem.path.endswith("shop/copy.yaml")


def test_names_that_no_queue_could_carry_are_refused():
    (line,) = problems(GOOD.replace("shop", "s" * 30).replace("dataset: orders", f"dataset: {'d' * 30}"))
    assert line.startswith("f.yaml:2: dataset: team and dataset together have 60 characters")


def test_the_longest_names_fit_queue_and_stack(root: Path):
    from pipeline.deploy.datasets.application import stack_name
    from pipeline.lake.datasets.files import NAMES_LENGTH

    env, team, dataset = "e" * 10, "t" * (NAMES_LENGTH // 2), "d" * (NAMES_LENGTH // 2)
    assert len(f"sluice-{env}-stage-b-dead-{team}-{dataset}") <= 80
    assert len(stack_name("sluice", env, DatasetName("t" + "_" * 23, "d" + "_" * 23))) <= 128


def test_this_checkouts_own_definitions_are_right(root: Path):
    found = read_all(root).or_raise()
    assert {"demo/customers", "demo/orders", "legislators/memberships", "legislators/organizations"} <= {
        str(each.dataset.name) for each in found
    }
    assert all(each.path == path_of(each.dataset.name).as_posix() for each in found)
    assert all(isinstance(each, Definition) for each in found)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("{format: parquet, write: upsert, key: [order_id]}", "write: upsert changes rows in place"),
        ("{format: parquet, write: replace}", "use format: iceberg, or write: append or overwrite"),
        ("{format: parquet, partition_by: [order_id]}", "a batch that is appended to Parquet files is one partition"),
        ("{format: parquet, write: overwrite, crawler: true}", "a crawler adds what it finds and replaces nothing"),
        ("{crawler: true}", "crawler is for format: parquet"),
        ("{format: parquet, upkeep: {file_size_mb: 64}}", "upkeep.file_size_mb means nothing to Parquet files"),
        ("{format: parquet, write: overwrite, partition_by: [order_id, amount]}", "one at least is in the files"),
    ],
)
def test_what_parquet_files_cannot_do_is_refused_with_what_to_do(table: str, said: str):
    (found,) = problems(GOOD.replace("\n  write: upsert\n  key: [order_id]", f" {table}"))
    assert said in found


def test_a_column_cannot_take_the_name_of_the_partition_that_each_batch_is():
    text = GOOD.replace("order_id", "batch_id").replace("write: upsert\n  key: [batch_id]", "format: parquet")
    assert "batch_id is the partition that each batch is" in problems(text)[0]
