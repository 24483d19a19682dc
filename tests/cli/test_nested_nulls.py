from __future__ import annotations

import pyarrow as pa
import pytest

from pipeline.lake.services import Lake
from pipeline.lake.settings import Setting
from pipeline.operate.nested_nulls import keep_nested_nulls
from pipeline.operate.tables import Snapshot
from tests.any_tables import any_tables

ROWS = {
    "structs": [None, [], [{"x": 1}], None],
    "nested": [[None], [[]], [[{"x": 1}]], None],
    "maps": [None, [], [("k", {"x": 1})], [("k", None)]],
}
TYPES = {
    "structs": pa.list_(pa.struct([("x", pa.int64())])),
    "nested": pa.list_(pa.list_(pa.struct([("x", pa.int64())]))),
    "maps": pa.map_(pa.string(), pa.struct([("x", pa.int64())])),
}


@pytest.mark.parametrize("name", ROWS)
def test_a_null_inside_nested_columns_is_read_as_null_and_an_empty_one_as_empty(lake: Lake, name: str):
    # PyIceberg forgets them when it writes, too.
    keep_nested_nulls()
    written = pa.table({name: pa.array(ROWS[name], TYPES[name])})
    catalog = any_tables().catalog
    catalog.create_namespace_if_not_exists("nested_nulls")
    place = f"s3://{lake.settings[Setting.CURATED_BUCKET]}/nested_nulls/{name}"
    table = catalog.create_table(f"nested_nulls.{name}", schema=written.schema, location=place)
    table.append(written)
    assert pa.RecordBatchReader.from_stream(Snapshot(table)).read_all()[name].to_pylist() == ROWS[name]
