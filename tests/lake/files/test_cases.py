"""Small files as people have them: each ends as `cases/outcomes.yaml` says, by hand and as `init` proposes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.core.errors import BadInput, BadObject
from pipeline.lake.datasets import Column, DatasetName
from pipeline.lake.files.limits import Limits
from pipeline.lake.proposals.proposal import propose

from .conftest import THOROUGH_ONLY, TINY, Read, read

FOLDER = Path(__file__).with_name("cases")
OUTCOMES: dict[str, dict[str, Any]] = yaml.safe_load((FOLDER / "outcomes.yaml").read_text())

CSV: dict[str, Any] = {"format": "csv"}
NAMED = {**CSV, "columns": {"id": "string", "name": "string"}}

DEFINITIONS: Mapping[str, dict[str, Any]] = {
    "de_excel.csv": {
        **CSV,
        "encoding": "cp1252",
        "delimiter": ";",
        "decimal": ",",
        "thousands": ".",
        "columns": {
            "kunde": "string",
            "betrag": "decimal(12,2)",
            "datum": {"type": "date", "format": "dd.MM.yyyy"},
        },
    },
    "utf16_excel.csv": {
        **CSV,
        "encoding": "utf-16",
        "delimiter": "\t",
        "columns": {"id": "bigint", "amount": "bigint"},
    },
    "preamble.csv": {**CSV, "header": 4, "skip_footer": 1, "columns": {"id": "bigint", "amount": "bigint"}},
    "comments.csv": {**CSV, "comment": "#", "columns": {"id": "bigint", "temp": "double"}},
    "us_dates.csv": {**CSV, "columns": {"id": "bigint", "when": {"type": "date", "format": "MM/dd/yyyy"}}},
    "mon_dates.csv": {**CSV, "columns": {"filing_date": {"type": "date", "format": "dd-MMM-yyyy"}}},
    "tz.csv": {**CSV, "columns": {"id": "bigint", "at": "timestamp"}},
    "epoch.csv": {**CSV, "columns": {"id": "bigint", "ts": "bigint"}},
    "nulls.csv": {
        **CSV,
        "null_values": ["\\N", "NA", "NULL", "-"],
        "columns": {"id": "bigint", "a": "bigint", "b": "bigint", "c": "string", "d": "bigint"},
    },
    "bools.csv": {
        **CSV,
        "columns": {
            "id": "bigint",
            "active": {"type": "boolean", "true_values": ["Y"], "false_values": ["N"]},
            "flag": "bigint",
            "yes": "boolean",
        },
    },
    "longid.csv": {**CSV, "columns": {"id": "string", "amount": "decimal(10,2)"}},
    "money.csv": {
        **CSV,
        "currency": ["$"],
        "thousands": ",",
        "percent": True,
        "columns": {"id": "bigint", "price": "decimal(10,2)", "pct": "decimal(5,0)"},
    },
    "trailing.csv": NAMED,
    "headers.csv": {
        **CSV,
        "columns": {
            name: {"type": "string", "from": place}
            for place, name in enumerate(("order_id", "ship_to", "groesse_cm", "ship_to_2"), 1)
        },
    },
    "dup.csv": {**CSV, "columns": {name: {"type": "bigint", "from": n} for n, name in enumerate(("id", "id_2"), 1)}},
    "backslash.csv": {**NAMED, "columns": {}, "escape": "backslash"},
    "apostrophe.csv": {**NAMED, "quote": "'"},
    "cr_only.csv": NAMED,
    "pipe.csv": {**NAMED, "delimiter": "|"},
    "tab.tsv": {**NAMED, "format": "tsv"},
    "semi.csv": {**CSV, "delimiter": ";", "decimal": ",", "columns": {"id": "bigint", "v": "double"}},
    "noheader.csv": {**CSV, "header": False, "columns": {"id": "bigint", "name": "string", "points": "bigint"}},
    "wrap.json": {"format": "json", "records": "$.data", "columns": {"id": "bigint"}},
    "bomlines.jsonl": {"format": "jsonl", "columns": {"id": "bigint"}},
    "concat.json": {"format": "json", "columns": {"id": "bigint"}},
    "pretty.json": {"format": "json"},
    "dec.json": {"format": "json", "columns": {"id": "bigint", "v": "decimal(38,19)"}},
    "mixed.json": {"format": "json", "columns": {"id": "bigint", "tags": "string"}},
    "keys.json": {
        "format": "json",
        "columns": {"id": {"type": "bigint", "from": "Id"}, "id_2": {"type": "bigint", "from": "ID"}},
    },
    "dupkey.json": {"format": "json", "columns": {"id": "bigint"}},
    "csv.gz.txt": NAMED,
    "misnamed.csv.gz": NAMED,
    "gzinside.csv": NAMED,
    "a.zip": NAMED,
    "nbsp.csv": {**CSV, "thousands": "\u202f", "trim": True, "columns": {"id": "bigint", "amount": "bigint"}},
    "neg_paren.csv": {**CSV, "negative_brackets": True, "columns": {"id": "bigint", "amount": "decimal(10,2)"}},
    "sci.csv": {**CSV, "columns": {"id": "bigint", "v": "double"}},
    "inf.csv": {**CSV, "columns": {"id": "bigint", "v": "string"}},
    "time.csv": {**CSV, "columns": {"id": "bigint", "t": "string", "d": "string"}},
    "quote_mid.csv": NAMED,
    "unbalanced.csv": NAMED,
    "nul.csv": NAMED,
    "emptylines.csv": NAMED,
    "onecol.csv": {**CSV, "columns": {"email": "string"}},
    "spaces.csv": {**CSV, "trim": True, "columns": {"id": "bigint", "name": "string", "amount": "bigint"}},
}


def text(value: Any) -> str | None:
    """A value as the outcomes write it."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.replace(tzinfo=value.tzinfo or UTC).astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return json.dumps(value) if isinstance(value, dict | list) else str(value)


def wanted(name: str) -> list[list[str | None]]:
    return [[text(cell) for cell in row] for row in OUTCOMES[name].get("rows", [])]


def cells(found: Read) -> list[list[str | None]]:
    return [[text(cell) for cell in row.values()] for row in found.rows]


def converted(folder: Path, name: str, stage_a: Mapping[str, Any], limits: Limits) -> Read:
    options = dict(stage_a)
    contract = dict(options.pop("columns", {}))
    options.pop("format")
    columns = {
        key: value if isinstance(value, str) else Column.model_validate(value) for key, value in contract.items()
    }
    return read(folder, (FOLDER / name).read_bytes(), stage_a["format"], columns, name, limits, **options)


def test_every_case_has_a_definition_and_an_outcome() -> None:
    files = {path.name for path in FOLDER.iterdir()} - {"outcomes.yaml"}
    assert files == set(OUTCOMES) == set(DEFINITIONS)


@pytest.mark.parametrize(
    "limits", [pytest.param(TINY, id="tiny blocks"), pytest.param(Limits(), id="whole file", marks=THOROUGH_ONLY)]
)
@pytest.mark.parametrize("name", [name for name in DEFINITIONS if "refused" not in OUTCOMES[name]])
def test_a_case_becomes_the_rows_that_it_holds(tmp_path: Path, name: str, limits: Limits) -> None:
    found = converted(tmp_path, name, DEFINITIONS[name], limits)
    assert cells(found) == wanted(name)
    assert len(found.bad) == OUTCOMES[name].get("bad", 0)


@pytest.mark.parametrize("name", [name for name in DEFINITIONS if "refused" not in OUTCOMES[name]])
def test_what_init_proposes_for_a_case_reads_it_as_it_is(tmp_path: Path, name: str) -> None:
    proposed = yaml.safe_load(propose(FOLDER / name, DatasetName("shop", "orders")).text)
    found = converted(tmp_path, name, proposed["stage_a"], Limits())
    assert cells(found) == wanted(name)
    assert len(found.bad) == OUTCOMES[name].get("bad", 0)


@pytest.mark.parametrize("name", [name for name in DEFINITIONS if "refused" in OUTCOMES[name]])
def test_init_refuses_a_case_that_cannot_be_read(name: str) -> None:
    with pytest.raises(BadInput, match=name):
        propose(FOLDER / name, DatasetName("shop", "orders"))


def reasons(folder: Path, name: str) -> list[str]:
    """Why a file is refused, or each of its rows is; none of them is read."""
    try:
        found = converted(folder, name, DEFINITIONS[name], Limits())
    except BadObject as error:
        return [error.message]
    assert not found.rows
    return [each["reason"] for each in found.bad]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        # Its only row is bad: that is kept with its reason.
        ("dupkey.json", "stands twice in one object"),
        ("misnamed.csv.gz", "gzip"),
        ("unbalanced.csv", "never closed"),
    ],
)
def test_a_case_that_cannot_be_read_is_refused_with_its_reason(tmp_path: Path, name: str, said: str) -> None:
    assert "refused" in OUTCOMES[name]
    assert [said in each for each in reasons(tmp_path, name)] == [True]
