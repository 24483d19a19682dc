"""The words for what is wrong with the definition of a dataset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.core.definitions.explanations import Explanations
from pipeline.core.definitions.yaml_values import Location
from pipeline.lake.datasets.model import Column, Dataset

_NAME = "is not a name here: use lower-case letters, digits and underscores"
_NO_FILE = "is no file beside the definition, in lower case, such as"
_FORMS = {
    "team": f"{_NAME}, a letter first",
    "dataset": f"{_NAME}, a letter first",
    "schedule": "is not a schedule: write rate(5 minutes) or cron(0 6 * * ? *)",
    "sql": f"{_NO_FILE} transforms/orders.sql",
    "python": f"{_NO_FILE} transforms/orders.py:clean, with the name of a function",
    "script": f"{_NO_FILE} jobs/orders.py",
    "requirements": f"{_NO_FILE} transforms/requirements.txt",
}


def _subject(where: Location, cause: str, value: Mapping[str, Any]) -> Location:
    """An error of the whole definition is about the column that its message names first."""
    if where:
        return where
    if "transform." in cause:
        return ("transform",)
    column = cause.split(" ", 1)[0]
    columns = value.get("stage_a", {}).get("columns", {}) if isinstance(value.get("stage_a"), dict) else {}
    return ("stage_a", "columns", column) if column in columns else ("table",)


EXPLANATIONS = Explanations(
    Dataset,
    _NAME,
    _FORMS,
    {Column: "a column is a type such as string, or {type: …, optional: true}"},
    _subject,
)
