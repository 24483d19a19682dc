"""YAML into plain values that remember their lines. Only what a definition needs: no tags, no aliases, no dates.

Scalars are those of YAML 1.2: `no`, `on` and `2024-01-01` are text, and a key is always text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

Location = tuple[str | int, ...]
"""The way to a value: keys and places in lists."""


@dataclass(frozen=True, slots=True)
class YamlProblem:
    """What is wrong at a line (from 1), and at which field where that is known."""

    line: int
    where: Location
    what: str


@dataclass(slots=True)
class Document:
    """What a file says. `unreadable`: it is not YAML, and `value` means nothing.

    `lines` holds the line of each key and list item, `columns` where in its line it begins (from 1), `blocks` the line
    where the text of a block (`|`) starts.
    """

    value: Any = None
    lines: dict[Location, int] = field(default_factory=dict)
    columns: dict[Location, int] = field(default_factory=dict)
    blocks: dict[Location, int] = field(default_factory=dict)
    problems: list[YamlProblem] = field(default_factory=list)
    unreadable: bool = False


MAX_BYTES = 256 * 1024
MAX_DEPTH = 30


class _TooDeep(Exception):
    """The text nests deeper than `MAX_DEPTH`, at this line."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


class _Loader(yaml.SafeLoader):
    """Composes nodes with the scalars of YAML 1.2, to a depth that no definition needs."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "anchors and aliases are not read here: write it out", mark)
        self.depth = self.depth + 1
        if self.depth > MAX_DEPTH:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise _TooDeep(mark.line + 1)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


_TAG = "tag:yaml.org,2002:"
_Loader.yaml_implicit_resolvers = {}
for _kind, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+", list("-+0123456789")),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", list("-+.0123456789")),
):
    _Loader.add_implicit_resolver(f"{_TAG}{_kind}", re.compile(f"^(?:{_pattern})$"), _first)

_SCALARS: Mapping[str, Any] = {
    "null": lambda text: None,
    "bool": lambda text: text.lower() == "true",
    "int": int,
    "float": float,
    "str": str,
}


def read_yaml(content: bytes) -> Document:
    """Read one YAML document. Never raises for what the file holds: `problems` says it."""
    document = Document()
    if len(content) > MAX_BYTES:
        return _unreadable(1, f"has {len(content)} bytes, of at most {MAX_BYTES}")
    try:
        loader = _Loader(content.decode("utf-8-sig"))
        try:
            nodes = _nodes(loader)
        finally:
            loader.dispose()
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        return _unreadable(line, f"is not UTF-8: byte 0x{content[error.start]:02x}")
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        context = f" ({error.context})" if error.context else ""
        return _unreadable(mark.line + 1 if mark else 1, f"is not YAML: {error.problem}{context}")
    except yaml.reader.ReaderError as error:
        line = content.decode("utf-8-sig")[: error.position].count("\n") + 1
        return _unreadable(line, f"is not YAML: character {chr(error.character)!r} may not stand in it")
    except _TooDeep as error:
        return _unreadable(error.line, "nests too deep")
    if len(nodes) > 1:
        line = nodes[1].start_mark.line + 1
        return _unreadable(line, "a second document starts here: a file defines one thing")
    if nodes:
        document.lines[()] = nodes[0].start_mark.line + 1
        document.value = _value(nodes[0], (), document)
    return document


def _nodes(loader: _Loader) -> list[yaml.Node]:
    nodes: list[yaml.Node] = []
    while loader.check_node():
        if (node := loader.get_node()) is not None:
            nodes.append(node)
    return nodes


def _unreadable(line: int, what: str) -> Document:
    return Document(problems=[YamlProblem(line, (), what)], unreadable=True)


def _value(node: yaml.Node, where: Location, document: Document) -> Any:
    kind = node.tag.removeprefix(_TAG)
    if isinstance(node, yaml.MappingNode) and kind == "map":
        return _mapping(node, where, document)
    if isinstance(node, yaml.SequenceNode) and kind == "seq":
        for place, item in enumerate(node.value):
            document.lines[(*where, place)] = item.start_mark.line + 1
            document.columns[(*where, place)] = item.start_mark.column + 1
        return [_value(item, (*where, place), document) for place, item in enumerate(node.value)]
    if isinstance(node, yaml.ScalarNode) and kind in _SCALARS:
        if node.style == "|":
            blank = len(node.value) - len(node.value.lstrip("\n"))
            document.blocks[where] = node.start_mark.line + 2 + blank
        try:
            return _SCALARS[kind](node.value)
        except ValueError:
            if node.value.lstrip("+-").isdigit():
                what = f"is a number of {len(node.value)} digits, which is too long"
                document.problems.append(YamlProblem(node.start_mark.line + 1, where, what))
                return None
            kind = f"!!{kind} {node.value[:40]}"
    document.problems.append(YamlProblem(node.start_mark.line + 1, where, f"the tag {kind} means nothing here"))
    return None


def _mapping(node: yaml.MappingNode, where: Location, document: Document) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            document.problems.append(YamlProblem(line, where, "a key is a name, and this is a list or a mapping"))
            continue
        here = (*where, str(key.value))
        if key.value in found:
            first = document.lines[here]
            document.problems.append(YamlProblem(line, here, f"stands twice, first in line {first}"))
            continue
        document.lines[here] = line
        document.columns[here] = key.start_mark.column + 1
        found[key.value] = _value(value, here, document)
    return found
