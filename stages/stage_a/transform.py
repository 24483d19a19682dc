"""Transform a bundle of objects in one call: what is staged, and how, is the business of `staged_files`."""

from __future__ import annotations

from typing import Any

from pipeline.lake.messages.stage_a import Bundle, BundleAnswer
from pipeline.lake.services import Lake, handler
from stages.stage_a.staged_files import stage_objects


@handler
def transform_objects(event: dict[str, Any], lake: Lake) -> BundleAnswer:
    """Stage the objects of a bundle. Any error is that of all of them: the state machine tries them one by one."""
    return {"statuses": stage_objects(Bundle.from_json(event), lake)}
