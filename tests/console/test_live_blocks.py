"""A page's live part is drawn alone: it must import what it uses by itself."""

from __future__ import annotations

import pytest
from jinja2 import nodes

from pipeline.console.pages import TEMPLATES


def _imported(tree: nodes.Node) -> set[str]:
    return {each.target for each in tree.find_all(nodes.Import)}


def missing(source: str) -> set[str]:
    tree = TEMPLATES.parse(source)
    found: set[str] = set()
    for block in tree.find_all(nodes.Block):
        if block.name == "live":
            used = {each.name for each in block.find_all(nodes.Name) if each.ctx == "load"}
            found |= (used & _imported(tree)) - _imported(block)
    return found


def source(name: str) -> str:
    assert TEMPLATES.loader
    return TEMPLATES.loader.get_source(TEMPLATES, name)[0]


def test_what_a_live_part_lacks_is_found():
    page = '{% import "parts.html" as parts %}{% block live %}{{ parts.live(a, b) }}{% endblock %}'
    assert missing(page) == {"parts"}


@pytest.mark.parametrize("name", [each for each in TEMPLATES.list_templates() if "{% block live %}" in source(each)])
def test_a_live_part_imports_what_it_uses(name: str):
    assert missing(source(name)) == set()
