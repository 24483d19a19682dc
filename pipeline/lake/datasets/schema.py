"""The JSON schema of definitions, for editors. `python -m pipeline.lake.datasets.schema` writes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pipeline.lake.datasets.files import FOLDER
from pipeline.lake.datasets.model import DURATION_PATTERN, Dataset, StageB

FILE = FOLDER / "dataset.schema.json"


def schema() -> dict[str, Any]:
    """The model's schema, with the short forms that files may use and JSON schema cannot know of."""
    made = Dataset.model_json_schema(mode="validation")
    made["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    parts = made["$defs"]
    columns = parts["StageA"]["properties"]["columns"]
    short = {"type": "string", "description": "The column's type, as in `name: string`."}
    names = columns["patternProperties"]
    columns["patternProperties"] = {pattern: {"anyOf": [short, column]} for pattern, column in names.items()}
    columns["additionalProperties"] = False
    defaults = StageB().model_dump(mode="json")
    for name, title in (("max_wait", "Max Wait"), ("freshness", "Freshness")):
        duration = {"type": "string", "pattern": DURATION_PATTERN, "title": title, "default": defaults[name]}
        parts["StageB"]["properties"][name] = duration
    within = {"type": "string", "pattern": DURATION_PATTERN, "title": "Within", "default": "1 day"}
    parts["StartWhen"]["properties"]["within"] = within
    return made


def text() -> str:
    """As the file has it."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    Path(FILE).write_text(text(), encoding="utf-8")
