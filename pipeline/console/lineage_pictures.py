"""Lineage as pictures: of an object, a batch, a dataset, and a file, as far as records and names tell it.

Many things of a kind are one box with their number, which leads to their list.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.console.flow_layout import Edge, Node, chain, laid_out
from pipeline.console.lineage import LineageStep
from pipeline.console.pages import link
from pipeline.core.objects import ObjectVersion, set_aside_folder
from pipeline.lake.batches.records import Batch, BatchStatus
from pipeline.lake.catalog import ObjectRow
from pipeline.lake.datasets import DatasetName
from pipeline.lake.datasets.registry import Registration
from pipeline.lake.services import Lake
from pipeline.lake.settings import Setting
from pipeline.operate.files import FileFacts
from pipeline.operate.formatting import counted

Picture = dict[str, Any] | None
FEW = 6
"""Things of a kind that have a box each."""
BATCHES = 5
"""Batches of a dataset that are drawn."""
_STEPS = ("raw", "Stage A", "staged", "batch", "snapshot", "table")
"""Of an object's way to its table; any other step leads away from it."""


def of_steps(steps: Sequence[LineageStep], files: Sequence[dict[str, Any]] | None = None) -> Picture:
    """Of an object, from its steps; with the table's files that it may have rows in, if they are known."""
    edges: list[Edge] = []
    last: Node | None = None
    for step in steps:
        rows = counted(step["rows"], "row") if step["rows"] is not None else ""
        if step["step"] not in _STEPS:
            kind = "set aside" if last and last.kind == "batch" else "rejected"
            aside = Node(kind, step["name"], step["to"], step["step"], note=rows)
            edges += [(_before(edges, last, kind), aside)] if last else []
            continue
        node = Node(step["step"], step["name"], step["to"], step["step"], step["status"], rows)
        between = _files(files) if files and node.kind == "table" else []
        edges += chain([last], between, [node]) if last else []
        last = node
    return laid_out(edges, [last] if last else [])


def _before(edges: Sequence[Edge], last: Node, kind: str) -> Node:
    """What the rows were set aside by: Stage A stands before the file that it staged."""
    if kind == "rejected" and last.kind == "staged":
        return next((one for one, other in edges if other == last), last)
    return last


def _files(files: Sequence[dict[str, Any]]) -> list[Node]:
    if len(files) > FEW:
        return [Node("file", counted(len(files), "data file"), "#files", "files of the table")]
    return [
        Node("file", each["uri"].rpartition("/")[2], each["to"], "file of the table", note=counted(each["rows"], "row"))
        for each in files
    ]


def of_batch(lake: Lake, batch: Batch, rows: Sequence[ObjectRow], number: int) -> Picture:
    """Of a batch of `number` objects, of which `rows` are the first."""
    here = Node("batch", batch.id, _batch(batch), "batch", batch.status.value, is_shown=True)
    edges: list[Edge] = []
    if number > FEW or len(rows) < number:
        to = f"{_batch(batch)}#objects"
        edges += chain(
            [Node("raw", counted(number, "object"), to, "raw")],
            [Node("staged", counted(number, "staged file"), to, "staged")] if batch.manifest else [],
            [here],
        )
    else:
        for row in rows:
            staged = [_staged(row)] if row.staged else []
            edges += chain([_raw(row.object, row)], staged, [here])
    read = batch.write.read if batch.write else {}
    edges += [(_reads(name, f"at snapshot {at}"), here) for name, at in read.items()]
    edges += _of_outcome(lake, batch, here)
    return laid_out(edges, [here])


def _of_outcome(lake: Lake, batch: Batch, here: Node) -> list[Edge]:
    edges: list[Edge] = []
    if batch.write and batch.write.bad_rows:
        folder = set_aside_folder(lake.settings[Setting.QUARANTINE_BUCKET], batch.dataset, batch.id, batch.write.run)
        note = counted(batch.write.bad_rows, "row")
        edges.append((here, Node("set aside", "bad rows", link("/browse", at=f"{folder}/"), "set aside", note=note)))
    if batch.verdict and batch.verdict.sample_uri and batch.status is not BatchStatus.COMMITTED:
        to = link("/object", uri=batch.verdict.sample_uri)
        edges.append((here, Node("failing", "rows that fail its rules", to, "quarantine")))
    if batch.status is BatchStatus.COMMITTED:
        edges += chain([here], _snapshot(batch), [_table(batch.dataset)])
    return edges


def of_dataset(
    registration: Registration, every: Sequence[Registration], batches: Sequence[Batch], waiting: str | None, raw: str
) -> Picture:
    """Of a dataset: the tables that it reads, its last batches and the datasets that read it."""
    name = str(registration.name)
    dropped = Node("raw", f"{name}/", link("/browse", at=f"s3://{raw}/{name}/"), "raw objects")
    dotted = name.replace("/", ".")
    table = Node("table", dotted, link("/query", sql=f"select * from {dotted} limit 100"), "table")
    edges: list[Edge] = []
    if waiting:
        to = link("/objects", dataset=name, status="STAGED")
        edges.append((dropped, Node("waits", f"{waiting} waiting", to, "staged")))
    read = [_reads(str(each)) for each in _read_by(registration)]
    for batch in batches[:BATCHES]:
        node = Node("batch", batch.id, _batch(batch), "batch", batch.status.value, counted(batch.objects, "object"))
        edges += chain([dropped], [node])
        if batch.status is BatchStatus.COMMITTED:
            edges += chain([node], _snapshot(batch), [table])
        edges += chain(read, [node])
    if not any(other == table for _, other in edges):
        edges += chain([dropped, *read], [table])
    readers = [each for each in every if registration.name in _read_by(each)]
    if len(readers) > FEW:
        to = link("/datasets")
        edges.append((table, Node("reader", counted(len(readers), "dataset"), to, "datasets that read it")))
    else:
        edges += chain([table], [_reader(str(each.name)) for each in readers])
    return laid_out(edges)


def _read_by(registration: Registration) -> Sequence[DatasetName]:
    """The datasets whose tables its transform reads."""
    transform = registration.dataset.transform
    return list(dict.fromkeys(transform.views.values())) if transform else []


def of_file(facts: FileFacts | None) -> Picture:
    """Of a file that is of no object alone, back to the objects that it may have rows of."""
    if facts is None or not facts.dataset:
        return None
    here = Node("file", facts.uri.rpartition("/")[2], link("/object", uri=facts.uri), facts.kind, is_shown=True)
    batches = [Node("batch", each, link(f"/batches/{each}", dataset=facts.dataset), "batch") for each in facts.batches]
    if facts.number > FEW:
        to = f"{batches[0].to}#objects" if len(batches) == 1 else link("/objects", dataset=facts.dataset)
        raw = [Node("raw", counted(facts.number, "object"), to, "raw")]
    else:
        raw = [_raw(obj) for obj in facts.objects]
    if len(batches) > FEW:
        to = link(f"/datasets/{facts.dataset}")
        batches = [Node("batch", f"{len(batches)} batches", to, "batches")]
    snapshot = [] if facts.snapshot is None else [_snapshot_of(facts.dataset, facts.snapshot)]
    table = [_table(facts.dataset)] if facts.is_current and facts.kind == "data file" else []
    return laid_out(chain(raw, batches, snapshot, [here], table))


def _batch(batch: Batch) -> str:
    return link(f"/batches/{batch.id}", dataset=batch.dataset)


def _raw(obj: ObjectVersion, row: ObjectRow | None = None) -> Node:
    status = row.status.value if row else None
    rows = counted(row.rows_in, "row") if row and row.rows_in is not None else ""
    return Node("raw", obj.file_name, link("/object", uri=obj.uri, version=obj.version_id), "raw", status, rows)


def _staged(row: ObjectRow) -> Node:
    name = str(row.staged).rpartition("/")[2]
    rows = counted(row.rows_out, "row") if row.rows_out is not None else ""
    return Node("staged", name, link("/object", uri=row.staged), "staged", note=rows)


def _reads(name: str, note: str = "") -> Node:
    return Node("reads", name, link(f"/datasets/{name}"), "table that is read", note=note)


def _reader(name: str) -> Node:
    return Node("reader", name, link(f"/datasets/{name}"), "dataset that reads it")


def _snapshot(batch: Batch) -> list[Node]:
    if batch.write is None or batch.write.snapshot is None:
        return []
    return [_snapshot_of(batch.dataset, batch.write.snapshot)]


def _snapshot_of(dataset: str, snapshot: int) -> Node:
    return Node("snapshot", str(snapshot), f"{link(f'/datasets/{dataset}')}#snapshots", "snapshot")


def _table(dataset: str) -> Node:
    return Node("table", dataset.replace("/", "."), link(f"/datasets/{dataset}"), "table")
