"""The manifest of a batch: exactly which staged files its Stage B execution loads. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pipeline.lake.catalog import ObjectRow

if TYPE_CHECKING:
    from pipeline.lake.datasets.model import Dataset


def manifest_key(dataset: str, batch: str, body: bytes) -> str:
    """Its key in the staging bucket. No team's name starts with an underscore.

    The name follows from the content: of two pollers that seal at once, none replaces what the other's batch names.
    """
    return f"_manifests/{dataset}/{batch}-{hashlib.sha256(body).hexdigest()[:8]}.json"


def manifest(
    batch: str, dataset: Dataset, table: str, rows: Sequence[ObjectRow], loaded: Sequence[ObjectRow] = ()
) -> str:
    """The manifest as JSON; the same rows give the same text.

    `rows` are those of the claimed objects, `loaded` of other versions of their keys that are in the table.
    """
    document = {
        "batch": batch,
        "dataset": json.loads(dataset.to_json()),
        "table": table,
        "objects": _entries(rows),
        "loaded": _entries(loaded),
    }
    return json.dumps(document, sort_keys=True, indent=1)


def _entries(rows: Sequence[ObjectRow]) -> list[dict[str, Any]]:
    return [
        {
            "id": row.object.digest,
            "bucket": row.object.bucket,
            "key": row.object.key,
            "version_id": row.object.version_id,
            "order": row.order,
            "staged": row.staged,
            "etag": row.staged_etag,
            "rows": row.rows_out,
        }
        for row in sorted(rows, key=lambda row: row.order)
    ]
