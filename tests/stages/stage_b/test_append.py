"""The transform job on tables that append."""

from __future__ import annotations

import pyarrow as pa

from tests.stages.stage_b.conftest import MakeTable, Staged


def test_a_batch_is_written_to_a_branch_and_seen_only_after_its_commit(make_table: MakeTable) -> None:
    table = make_table({"id": "bigint", "name": "string"})
    loaded = table.transform(Staged(pa.table({"id": [1, 2], "name": ["a", None]})))
    assert loaded.run["JobRunState"] == "SUCCEEDED", loaded.run
    assert loaded.write
    assert (loaded.write.rows, loaded.write.bad_rows) == (2, 0)
    assert loaded.write.branch == f"b_{loaded.batch}_{loaded.run['Id']}"
    assert table.rows() == []
    assert table.rows(loaded.write.snapshot) == [{"id": 1, "name": "a"}, {"id": 2, "name": None}]
