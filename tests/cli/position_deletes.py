"""Delete rows of an Iceberg table as Spark's merge-on-read does: by a file of positions. PyIceberg only reads those."""

from __future__ import annotations

import uuid
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.manifest import (
    DataFile,
    DataFileContent,
    FileFormat,
    ManifestContent,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestWriterV2,
    write_manifest_list,
)
from pyiceberg.table.snapshots import Operation, Snapshot, Summary
from pyiceberg.table.update import AddSnapshotUpdate, AssertRefSnapshotId, SetSnapshotRefUpdate
from pyiceberg.typedef import Record

# Field ids that the specification reserves.
_SCHEMA = pa.schema(
    [
        pa.field("file_path", pa.string(), nullable=False, metadata={"PARQUET:field_id": "2147483546"}),
        pa.field("pos", pa.int64(), nullable=False, metadata={"PARQUET:field_id": "2147483545"}),
    ]
)


class _DeletesWriter(ManifestWriterV2):
    def content(self) -> ManifestContent:
        return ManifestContent.DELETES


def delete_rows(table: Any, positions: list[int]) -> None:
    """Delete the rows at `positions` of the table's only data file."""
    [task] = table.scan().plan_files()
    before, metadata = table.current_snapshot(), table.metadata
    snapshot_id, sequence = before.snapshot_id + 1, metadata.last_sequence_number + 1
    base = f"{table.location()}/metadata/{uuid.uuid4()}"
    deletes = _write_positions(table.io, f"{base}.parquet", task.file.file_path, positions)
    with _DeletesWriter(
        table.spec(), table.schema(), table.io.new_output(f"{base}-m0.avro"), snapshot_id, "null"
    ) as writer:
        writer.add_entry(
            ManifestEntry.from_args(status=ManifestEntryStatus.ADDED, snapshot_id=snapshot_id, data_file=deletes)
        )
    listed = table.io.new_output(f"{base}-list.avro")
    with write_manifest_list(2, listed, snapshot_id, before.snapshot_id, sequence, "null") as lists:
        lists.add_manifests([*before.manifests(table.io), writer.to_manifest_file()])
    snapshot = Snapshot(
        snapshot_id=snapshot_id,
        parent_snapshot_id=before.snapshot_id,
        sequence_number=sequence,
        manifest_list=listed.location,
        timestamp_ms=before.timestamp_ms + 1,
        summary=Summary(
            Operation.OVERWRITE,
            **{
                "total-records": before.summary["total-records"],
                "total-delete-files": "1",
                "total-position-deletes": str(len(positions)),
            },
        ),
        schema_id=table.schema().schema_id,
    )
    table.catalog.commit_table(
        table,
        (AssertRefSnapshotId(ref="main", snapshot_id=before.snapshot_id),),
        (
            AddSnapshotUpdate(snapshot=snapshot),
            SetSnapshotRefUpdate(ref_name="main", type="branch", snapshot_id=snapshot_id),
        ),
    )


def _write_positions(io: Any, path: str, data_file: str, positions: list[int]) -> DataFile:
    rows = pa.table({"file_path": [data_file] * len(positions), "pos": positions}, schema=_SCHEMA)
    buffer = pa.BufferOutputStream()
    pq.write_table(rows, buffer)
    body = buffer.getvalue().to_pybytes()
    with io.new_output(path).create() as stream:
        stream.write(body)
    return DataFile.from_args(
        content=DataFileContent.POSITION_DELETES,
        file_path=path,
        file_format=FileFormat.PARQUET,
        partition=Record(),
        record_count=len(positions),
        file_size_in_bytes=len(body),
    )
