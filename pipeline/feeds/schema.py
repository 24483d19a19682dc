"""The JSON schema of contracts, for editors. `python -m pipeline.feeds.schema` writes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pipeline.feeds.definition import Feed
from pipeline.feeds.files import FOLDER

FILE = FOLDER / "feed.schema.json"

TYPE_PATTERN = r"^(text|bigint|double|boolean|date|timestamp|decimal\(\d{1,3},\d{1,3}\))$"


def schema() -> dict[str, Any]:
    """The model's schema, with the short forms that files may use and JSON schema cannot know of."""
    made = Feed.model_json_schema(mode="validation", by_alias=True)
    made["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    parts = made["$defs"]
    parts["Column"]["properties"]["type"] |= {"pattern": TYPE_PATTERN}
    steps = parts["Generalisation"]["properties"]["to"]["anyOf"][0]
    generalise = parts["Column"]["properties"]["generalise"]
    generalise["anyOf"] = [{"description": "As in `generalise: month`.", **steps}, *generalise["anyOf"]]
    columns = made["properties"]["columns"]
    short = {"type": "string", "pattern": TYPE_PATTERN, "description": "The column's type, as in `name: text`."}
    columns["patternProperties"] = {
        pattern: {"anyOf": [short, column]} for pattern, column in columns["patternProperties"].items()
    }
    columns["additionalProperties"] = False
    return made


def text() -> str:
    """As the file has it."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.parent.mkdir(parents=True, exist_ok=True)
    Path(FILE).write_text(text(), encoding="utf-8")
