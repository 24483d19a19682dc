"""Where the records of a JSON file are: lines, an array, one object or several, or an array within an object."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pipeline.core.errors import BadInput
from pipeline.core.json_constants import refuse_constant
from pipeline.lake.proposals.contents import LIMIT, Content
from pipeline.lake.proposals.drafts import Draft
from pipeline.lake.proposals.encodings import decode, find_encoding
from pipeline.lake.proposals.names import name_columns
from pipeline.lake.proposals.nested import Number
from pipeline.lake.proposals.record_paths import find_records, places_of_objects

_ONE = "one object"
_BLANK = re.compile(r"[ \t\r\n,]*")


_decoder = json.JSONDecoder(parse_float=Number, parse_int=Number, parse_constant=refuse_constant)


@dataclass(frozen=True, slots=True)
class Records:
    """A draft, and the records that can be read, with numbers as they were written."""

    draft: Draft
    records: tuple[dict[str, Any], ...]


def draft_json(content: Content) -> Records:
    """The draft of a file of JSON."""
    encoding = find_encoding(content.data)
    text = decode(content.data, encoding.name)
    options: dict[str, Any] = {"format": "jsonl"}
    doubts: list[str] = []
    how = "one object a line"
    found = _lines(text) if content.kind == "jsonl" or _has_lines(text) else None
    if found is None:
        if not content.whole:
            raise BadInput(
                f"{content.path} is longer than {LIMIT >> 20} MB", hint="Cut a smaller one from it, or use JSON lines."
            )
        options["format"] = "json"
        found, how, path = _documents(content, text)
        if path:
            options["records"] = path
            doubts.append(f"the records are at {path}; what stands beside them is not read")
        elif how == _ONE and (others := places_of_objects(found[0])):
            places = ", ".join(others)
            doubts.append(f"the file is read as one record; {places}: if those are the records, say so in `records`")
    if encoding.name != "utf-8":
        options["encoding"] = encoding.name
        doubts += [encoding.doubt] if encoding.doubt else []
    records = tuple(each for each in found if isinstance(each, dict))
    if not records:
        raise BadInput(f"{content.path} holds no JSON objects", hint="Each record must be an object of named values.")
    keys = list(dict.fromkeys(name for record in records for name in record))
    # A key of nothing has no name for a column of its own.
    columns = tuple(each for each in name_columns(keys, may_place=False) if each)
    return Records(Draft(options, columns, how, tuple(doubts), is_text=False), records)


def _has_lines(text: str) -> bool:
    """Whether several lines are an object each; one of a file that is cut may be all that is seen."""
    lines = [line for line in text.split("\n", 8)[:8] if line.strip()][:3]
    return sum(line.lstrip()[:1] == "{" and _parsed(line) is not None for line in lines) > 1


def _parsed(line: str) -> Any:
    try:
        return _decoder.decode(line)
    except (ValueError, RecursionError):
        return None


def _lines(text: str) -> list[Any]:
    return [_parsed(line.lstrip("\ufeff")) for line in text.split("\n") if line.strip()]


def _documents(content: Content, text: str) -> tuple[list[Any], str, str | None]:
    """The records of an array, of an object that holds them or is one, or of objects one behind another."""
    try:
        documents = list(_each(text))
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{content.path} is not JSON: {error}") from error
    if len(documents) > 1:
        flat = [item for document in documents for item in (document if isinstance(document, list) else [document])]
        return flat, f"{len(documents):,} documents one behind another", None
    if not documents:
        raise BadInput(f"{content.path} holds no JSON", hint="It is blank, or cut within its first character.")
    if isinstance(documents[0], list):
        return documents[0], "an array", None
    wrapped = find_records(documents[0]) if isinstance(documents[0], dict) else None
    if wrapped:
        return wrapped[1], f"an array at {wrapped[0]}", wrapped[0]
    return documents, _ONE, None


def _each(text: str) -> Iterator[Any]:
    at = 0
    while (at := _BLANK.match(text, at).end()) < len(text):  # type: ignore[union-attr]
        document, at = _decoder.raw_decode(text, at)
        yield document
