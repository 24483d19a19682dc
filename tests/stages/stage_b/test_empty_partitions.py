"""An empty text names the same folder of Parquet files as no value: it is none before partitions are compared."""

from __future__ import annotations

import pytest

from pipeline.lake.datasets.types import Primitive
from pipeline.lake.messages.manifest import Manifest
from stages.stage_b.jobs.branch_writes import values_of

COLUMNS = {"id": Primitive.BIGINT, "day": Primitive.STRING, "note": Primitive.STRING}
AS_THEY_ARE = ["`id`", "`day`", "`note`"]


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (
            {"format": "parquet", "write": "overwrite", "partition_by": ["day", "id"]},
            ["`id`", "nullif(`day`, '') as `day`", "`note`"],
        ),
        ({"format": "parquet", "write": "overwrite"}, AS_THEY_ARE),
        # Iceberg knows partitions by their values.
        ({"write": "overwrite", "partition_by": ["day"]}, AS_THEY_ARE),
    ],
)
def test_text_that_names_a_folder_is_never_empty(table: dict[str, object], expected: list[str]) -> None:
    assert values_of(COLUMNS, COLUMNS, Manifest("01JBATCH", {"table": table}, "team.set", ())) == expected
