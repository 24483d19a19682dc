"""Makes the manifest of a batch of the catalog's rows. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from pipeline.lake.catalog import ObjectRow
from pipeline.lake.messages.manifest import Manifest, StagedObject, manifest_folder

if TYPE_CHECKING:
    from pipeline.lake.batches.work import Work


def manifest_key(dataset: str, batch: str, body: bytes) -> str:
    """Its key in the staging bucket.

    The name follows from the content: of two pollers that seal at once, none replaces what the other's batch names.
    """
    return f"{manifest_folder(dataset)}{batch}-{hashlib.sha256(body).hexdigest()[:8]}.json"


def manifest(batch: str, work: Work, rows: Sequence[ObjectRow], loaded: Sequence[ObjectRow] = ()) -> Manifest:
    """`rows` are those of the claimed objects, `loaded` of other versions of their keys that are in the table."""
    definition = json.loads(work.dataset.to_json())
    return Manifest(batch, definition, work.table, _in_order(rows), _in_order(loaded), work.was_transformed)


def manifest_body(made: Manifest) -> bytes:
    """The manifest as it is stored: equal manifests give equal bytes."""
    return json.dumps(made.to_json(), sort_keys=True, indent=1).encode()


def _in_order(rows: Sequence[ObjectRow]) -> tuple[StagedObject, ...]:
    return tuple(_staged(row) for row in sorted(rows, key=lambda row: row.order))


def _staged(row: ObjectRow) -> StagedObject:
    # Only what was staged is claimed.
    return StagedObject(
        object=row.object,
        order=row.order,
        staged=cast(str, row.staged),
        etag=cast(str, row.staged_etag),
        rows=cast(int, row.rows_out),
    )
