"""Staged files expire, also of objects that are not committed: they are made again from the raw object."""

from __future__ import annotations

from pipeline.core.clients import client
from pipeline.lake.batches.records import BatchStatus
from pipeline.lake.catalog import Status

from .conftest import RunningLake, csv_text, values

NUMBERS = {
    "stage_a": {"format": "csv", "columns": {"n": "int"}},
    # Both in one batch, however late the second is staged.
    "stage_b": {"min_objects": 2, "max_wait": "5 minutes"},
    "quality": {"ruleset": 'Rules = [ ColumnValues "n" < 2 ]'},
}


def test_a_batch_whose_staged_file_has_expired_is_made_again_by_its_redrive(lake: RunningLake):
    numbers = lake.define(NUMBERS)
    numbers.drop("1.csv", csv_text("n", "1"))
    numbers.drop("3.csv", csv_text("n", "3"))
    lake.settle()
    [batch] = numbers.batches()
    assert batch.status is BatchStatus.QUARANTINED
    # From here on no object waits for another.
    path = lake.root / "definitions" / "datasets" / f"{numbers.name}.yaml"
    path.write_text(path.read_text().replace("min_objects: 2", "min_objects: 1"))
    lake.apply(numbers)
    row = numbers.row("3.csv")
    bucket, _, key = row.staged.removeprefix("s3://").partition("/")
    client("s3").delete_object(Bucket=bucket, Key=key)
    refused = lake.sluice("release", batch.id, "--reason", "a test", "--by", "ada")
    assert refused.returncode != 0
    assert "has expired" in refused.stderr
    done = lake.sluice("redrive", "--batch", batch.id)
    assert done.returncode == 0, done.stderr
    lake.settle()
    assert values(numbers.rows(), "n") == [1]
    again = numbers.row("3.csv")
    assert (again.status, again.generation) == (Status.QUARANTINED, row.generation + 1)
    assert again.batch
    released = lake.sluice("release", again.batch, "--reason", "a test", "--by", "ada")
    assert released.returncode == 0, released.stderr
    lake.settle()
    assert values(numbers.rows(), "n") == [1, 3]
