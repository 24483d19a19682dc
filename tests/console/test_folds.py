"""JSON in folds: all of it, and nothing that a browser would take for markup."""

from __future__ import annotations

import json
import re

import pytest

from pipeline.console.folds import NODES, folded

HOSTILE = '<script>alert("x")</script>\u202e'


@pytest.mark.parametrize(
    "document", [{"a": [1, 2.5, None, True, {}, []], "b": {HOSTILE: HOSTILE}}, [], "text", 1, None]
)
def test_the_text_of_the_folds_is_the_document_indented(document):
    html = folded(json.dumps(document), "x")
    text = re.sub(r"<s>.*?</s>|</?[a-z][^>]*>", "", html)
    plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&#34;", '"').replace("\\u202e", "\u202e")
    assert json.loads(plain) == document
    assert "<script" not in html
    assert "\u202e" not in html


def test_what_is_no_json_or_too_large_or_too_deep_for_folds_is_plain_text():
    for text in ("{", "[" * 100_000, json.dumps(list(range(NODES + 1)))):
        assert folded(text, "x").startswith("<pre")


def test_long_lists_and_what_is_deep_are_folded_at_first():
    html = folded(json.dumps({"long": list(range(20)), "short": [1], "deep": {"deeper": {"deepest": 1}}}), "x")
    opened = [bool(match) for match in re.findall(r'<details id="x-\d+"( open)?>', html)]
    assert opened == [True, False, True, True, False]
