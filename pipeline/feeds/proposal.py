"""A feed's contract proposed from some items of its table: what leads to a person is pseudonymised or left out.

No value of an item is in what is proposed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from pipeline.core.errors import BadInput
from pipeline.feeds.definition import NAME_PATTERN, NOBODY, Feed
from pipeline.feeds.personal import POSTCODE, plain_name, suspicion
from pipeline.feeds.values import Attribute

_MANY = 20
"""Different texts from which on an attribute that is nothing else might lead to somebody."""

_DIGITS = 38

_NO_COLUMN = "bytes, a list, a set, a map or of several types"


@dataclass(frozen=True, slots=True)
class Proposed:
    """The contract as text for `definitions/feeds`, and as what it defines. `notes` say, by the way to an attribute,
    what speaks for its treatment, and why one that does not arrive is left out."""

    text: str
    feed: Feed
    notes: Mapping[str, str]


@dataclass(slots=True)
class _Seen:
    kinds: set[str] = field(default_factory=set)
    texts: list[str] = field(default_factory=list)
    count: int = 0


def propose(name: str, table: str, key: Sequence[str], items: Sequence[Mapping[str, Attribute]]) -> Proposed:
    """Propose the contract of the feed `name`. `key` are the table's key attributes.

    `BadInput` where there is no item, or the key's attributes are nothing that a target's key can be.
    """
    if not items:
        raise BadInput(f"the table {table} has no items", hint="A proposal is made of some.")
    seen: dict[tuple[str, ...], _Seen] = {}
    for item in items:
        for path, attribute in _leaves(item):
            found = seen.setdefault(path, _Seen())
            kind, value = next(iter(attribute.items()))
            found.count += 1
            if kind != "NULL":
                found.kinds.add(kind)
                if kind in ("S", "N"):
                    found.texts.append(value)
    columns, namespaces, dropped, notes = _columns(seen, key)
    columns_of = {said["from"]: column for column, said in columns.items()}
    if missing := [each for each in key if _path_text((each,)) not in columns_of]:
        raise BadInput(
            f"{missing[0]}, of the table's key, is no text and no number", hint="A target's key is made of it."
        )
    target_key = [columns_of[_path_text((each,))] for each in key]
    said = {
        "feed": name,
        "key_holder": NOBODY,
        "source": {"table": table, "key": list(key)},
        "target": {"table": name, "key": target_key},
        **({"namespaces": namespaces} if namespaces else {}),
        "columns": columns,
        **({"dropped": dropped} if dropped else {}),
    }
    return Proposed(_yaml(said, notes), Feed.model_validate(said), notes)


def _leaves(item: Mapping[str, Attribute], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Attribute]]:
    for name, attribute in item.items():
        if attribute.get("M"):
            yield from _leaves(attribute["M"], (*path, name))
        else:
            yield (*path, name), attribute


def _columns(
    seen: Mapping[tuple[str, ...], _Seen], key: Sequence[str]
) -> tuple[dict[str, dict[str, Any]], dict[str, Any], list[str], dict[str, str]]:
    columns: dict[str, dict[str, Any]] = {}
    namespaces: dict[str, Any] = {}
    dropped: list[str] = []
    notes: dict[str, str] = {}
    for path, found in seen.items():
        # A map in some items, and a value in others.
        is_mixed = any(seen[path[:length]].kinds for length in range(1, len(path)) if path[:length] in seen) or (
            bool(found.kinds) and any(each[: len(path)] == path and each != path for each in seen)
        )
        is_key = len(path) == 1 and path[0] in key
        said, note = (None, _NO_COLUMN) if is_mixed else _treated(path, found, is_key=is_key)
        if said is None:
            if len(path) == 1:
                dropped.append(path[0])
            notes[_path_text(path)] = note
            continue
        column = _free_name(path, columns)
        namespace = said.pop("identifier", None)
        if namespace:
            namespaces[said["pseudonymise"]] = {"identifier": namespace}
        columns[column] = {"from": _path_text(path), **said}
        notes[_path_text(path)] = note
    return columns, namespaces, dropped, notes


def _treated(path: tuple[str, ...], found: _Seen, *, is_key: bool) -> tuple[dict[str, Any] | None, str]:
    """What a column of an attribute says, or None, and why."""
    if not found.kinds:
        return None, "always null"
    if not found.kinds <= {"S", "N", "BOOL"} or (len(found.kinds) > 1 and "BOOL" in found.kinds):
        return None, _NO_COLUMN
    suspected = suspicion(path, found.texts)
    if suspected and suspected.identifier and "BOOL" not in found.kinds:
        if is_key:
            # Two spellings are two items.
            return {"pseudonymise": f"{suspected.namespace}_key", "identifier": "exact"}, str(suspected)
        return {"pseudonymise": suspected.namespace, "identifier": suspected.identifier}, str(suspected)
    if suspected and not is_key:
        return None, str(suspected)
    if POSTCODE.search(plain_name(path[-1:])) and "BOOL" not in found.kinds and not is_key:
        return {"generalise": {"prefix": 2}, "quasi_identifier": True}, "looks like a postcode: by its name"
    type_ = _type(found)
    if type_ == "text" and not is_key and len(set(found.texts)) > min(_MANY, found.count // 2):
        return None, "many different texts: add it if it leads to nobody"
    if is_key and type_ == "timestamp":
        type_ = "text"
    doubt = f", and {suspected}" if suspected else ""
    return {"type": type_}, f"of the key{doubt}" if is_key else ""


def _type(found: _Seen) -> str:
    if found.kinds == {"BOOL"}:
        return "boolean"
    if found.kinds == {"N"}:
        return _number([Decimal(text) for text in found.texts])
    if found.kinds == {"S"}:
        if all(_is(date.fromisoformat, text) and len(text) == 10 for text in found.texts):
            return "date"
        if all(_is(_zoned, text) for text in found.texts):
            return "timestamp"
    return "text"


def _number(numbers: Sequence[Decimal]) -> str:
    scale = max(max(0, -int(number.normalize().as_tuple().exponent)) for number in numbers)
    before = max(number.adjusted() + 1 if number else 1 for number in numbers)
    if scale == 0 and before <= 18:
        return "bigint"
    # Room for greater numbers than those seen.
    precision = min(_DIGITS, max(before, 1) + 6 + scale)
    return f"decimal({precision},{scale})" if precision - scale >= before and scale <= precision else "text"


def _zoned(text: str) -> None:
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError(text)


def _is(read: Any, text: str) -> bool:
    try:
        read(text)
    except ValueError:
        return False
    return True


def _path_text(path: Sequence[str]) -> str:
    return ".".join(re.sub(r"([.\\])", r"\\\1", step) for step in path)


def _free_name(path: Sequence[str], taken: Mapping[str, Any]) -> str:
    plain = plain_name(path[-1:]).replace(" ", "_") or "column"
    for candidate in (plain, plain_name(path).replace(" ", "_"), *(f"{plain}_{n}" for n in range(2, 1000))):
        name = candidate if candidate[:1].isalpha() else f"a_{candidate}"
        name = name[:48].removeprefix("sluice_") or "column"
        if re.fullmatch(NAME_PATTERN, name) and name not in taken:
            return name
    raise BadInput(f"too many attributes have a name such as {plain}")


def _yaml(said: Mapping[str, Any], notes: Mapping[str, str]) -> str:
    """The contract as people write it, with what speaks for each treatment."""
    lines = ["# yaml-language-server: $schema=feed.schema.json"]
    lines += ["# Proposed from a sample, which proves nothing: check each line. What is not named stays behind."]
    lines += [f"feed: {said['feed']}", f"key_holder: {said['key_holder']}  # who holds the keys, and reads no rows"]
    source, target = said["source"], said["target"]
    lines += ["source:", f"  table: {source['table']}", f"  key: [{', '.join(map(_quoted, source['key']))}]"]
    lines += ["target:", f"  table: {target['table']}", f"  key: [{', '.join(target['key'])}]"]
    if said.get("namespaces"):
        lines.append("namespaces:")
        lines += [f"  {name}: {{identifier: {each['identifier']}}}" for name, each in said["namespaces"].items()]
    lines.append("columns:")
    for name, column in said["columns"].items():
        words = ", ".join(f"{option}: {_word_of(value)}" for option, value in column.items())
        remark = f"  # {notes[column['from']]}" if notes[column["from"]] else ""
        lines.append(f"  {name}: {{{words}}}{remark}")
    if said.get("dropped"):
        lines.append("dropped:")
        lines += [
            f"  - {_quoted(name)}{f'  # {note}' if (note := notes.get(_path_text((name,)))) else ''}"
            for name in said["dropped"]
        ]
    return "\n".join(lines) + "\n"


def _word_of(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_word_of(each)}" for name, each in value.items()) + "}"
    return (
        str(value).lower() if isinstance(value, bool) else _quoted(str(value)) if isinstance(value, str) else str(value)
    )


def _quoted(text: str) -> str:
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.]*", text) and text.lower() not in ("null", "true", "false"):
        return text
    # YAML's double quotes are JSON's.
    return json.dumps(text)
