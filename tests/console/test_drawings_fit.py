"""Drawings in a real browser: every text has its room, is not over another one, and every SVG is well-formed."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest

import pipeline.console.app
from pipeline.console import axes, plots
from pipeline.console.drawings import drawn
from pipeline.console.flow_layout import Node, chain, laid_out
from pipeline.console.layout.texts import NAME, wrapped
from pipeline.console.pages import TEMPLATES
from pipeline.console.plots import Series
from tests.conftest import ROOT
from tests.console.hostile_names import NAMES

assert pipeline.console.app
NARROW_AND_WIDE = (
    "W" * 80,
    "M" * 26,
    "@" * 30,
    "%" * 40,
    "LOAD_ORDERS_FROM_MAINFRAME_NOW",
    "ADD HOURLY WEATHER MAXIMUM NOW",
    "漢字" * 30,
    "\u202eabc\x00\ud800",
    "a\u0301" * 40,
    "😀" * 40,
    "<b>&\"'",
    "مرحبا بالعالم " * 5,
    "i" * 80,
    "(start)",
    "(end)",
)
VALUES = (
    (-1.7e308, 1.7e308),
    (1e-320, 0.0),
    (3e-14, 9e-14),
    (5.0,),
    (1e300, 1e300 * (1 + 1e-15)),
    (9.007199254740993e15, 9.007199254740995e15),
    (0.123456789, 0.123456799),
    (-1234.5678, -1234.5679),
    (1e15, 2e15),
    (-99_999.0, -99_998.0),
    (None, 7.0, None),
)
DAY_S = 86_400.0
SPANS_S = (0.0, 0.8, 50.0, 7000.0, 50_000.0, 3.3 * DAY_S, 14 * DAY_S, 69 * DAY_S, 400 * DAY_S, 900_000 * DAY_S)

ODD_TEXTS = """part => {
    const svg = part.querySelector("svg");
    const texts = [...svg.querySelectorAll("text")].map(each => ({
        text: each.textContent,
        at: each.getBoundingClientRect(),
        room: (each.closest("a")?.querySelector("rect") ?? svg).getBoundingClientRect(),
    })).filter(each => each.at.width);
    const odd = texts.filter(({at, room}) =>
        at.left < room.left - 1 || at.right > room.right + 1 || at.top < room.top - 1 || at.bottom > room.bottom + 1
    ).map(each => "outside: " + each.text);
    texts.forEach((one, n) => texts.slice(n + 1).forEach(other => {
        const [a, b] = [one.at, other.at];
        if (a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 4 && b.top < a.bottom - 4)
            odd.push(`over each other: ${one.text} and ${other.text}`);
    }));
    return odd;
}"""


def machine() -> str:
    """Every state chooses between two others, by a rule that is as long as its name."""
    names = NARROW_AND_WIDE
    states = {
        name: {
            "Type": "Choice",
            "Choices": [{"Variable": "$.status", "StringEquals": name * 100, "Next": names[(at + 1) % len(names)]}],
            "Default": names[(at + 2) % len(names)],
        }
        for at, name in enumerate(names)
    }
    return json.dumps({"StartAt": names[0], "States": states})


def flow() -> Any:
    raw = [Node("raw", name, "/", "raw", "QUARANTINED") for name in (*NARROW_AND_WIDE[:5], *NAMES)]
    read = [Node("reads", "team/dataset", "/", "table that is read", note="at snapshot 8327598237598237598")]
    batch = [Node("batch", "01M8QCH9374K7N5APERB5KHJPE", "/", "batch", "QUARANTINED")]
    files = [Node("file", "0" * 100, "/", "file of the table", note="1,234,567 rows")]
    return laid_out([*chain(raw, batch, files), *chain(read, batch)])


def series(values: tuple[float | None, ...]) -> list[Series]:
    return [Series("<b>", values, "0")]


def drawings() -> Iterator[tuple[str, str]]:
    """Each as HTML, with its name."""
    graph = TEMPLATES.from_string('{% import "graph.html" as graph %}{{ graph.machine(it, "graph", "/x") }}')
    yield "graph", graph.render(it=drawn(machine()))
    lineage = TEMPLATES.from_string('{% import "lineage.html" as lineage %}{{ lineage.picture(it, "flow", "flow") }}')
    yield "flow", lineage.render(it=flow())
    chart = TEMPLATES.from_string('{% import "charts.html" as charts %}{{ charts.drawing(it) }}')
    for values in VALUES:
        xs = axes.numbers([0, len(values) - 1])
        yield f"line of {values}", chart.render(it=plots.lines(range(len(values)), xs, series(values), "told"))
        small = plots.lines(range(len(values)), xs, series(values), "told", None, plots.SMALL)
        yield f"small line of {values}", chart.render(it=small)
        for labels in (NARROW_AND_WIDE[: len(values)], NARROW_AND_WIDE):
            many = (values * len(labels))[: len(labels)]
            yield f"{len(many)} bars of {values}", chart.render(it=plots.bars(labels, series(many), "told"))
    for span in SPANS_S:
        begin, end = 20_000.5 * DAY_S - span / 2, 20_000.5 * DAY_S + span / 2
        line = plots.lines([begin, end], axes.times(begin, end), series((1.0, 2.0)), "told")
        yield f"times of {span} s", chart.render(it=line)


def test_every_text_has_its_room_in_chromium_and_every_drawing_is_xml_with_finite_numbers(chromium):
    made = list(drawings())
    for name, html in made:
        for svg in re.findall(r"<svg.*?</svg>", html, re.DOTALL):
            for each in ElementTree.fromstring(svg).iter():
                for attribute in ("x", "y", "width", "height", "cx", "cy", "points", "x1", "y1", "d"):
                    numbers = re.findall(r"[^\s,MLlmz]+", each.get(attribute, ""))
                    assert all(math.isfinite(float(re.sub("(?<=.)-.*", "", n))) for n in numbers), (name, each.attrib)
    tab = chromium.new_page(viewport={"width": 1280, "height": 860})
    style = (ROOT / "pipeline" / "console" / "static" / "console.css").read_text()
    parts = "".join(f"<section>{html}</section>" for _, html in made)
    tab.set_content(f"<!doctype html><meta charset=utf-8><style>{style}</style>{parts}")
    found = tab.locator("section").evaluate_all(f"parts => parts.map({ODD_TEXTS})")
    assert [(name, odd) for (name, _), odd in zip(made, found, strict=True) if odd] == []
    tab.close()


@pytest.mark.parametrize("values", [each for each in VALUES if len(each) > 1])
def test_ticks_are_told_apart(values):
    axis = axes.numbers([value for value in values if value is not None])
    labels = [axis.label(tick) for tick in axis.ticks]
    assert len(set(labels)) == len(labels) == len(set(axis.ticks))
    assert axis.low <= min(axis.ticks) <= max(axis.ticks) <= axis.high


def test_a_word_of_a_hundred_thousand_letters_is_broken_at_once():
    assert wrapped("a" * 100_000, 26, 4, NAME) == ["a" * 26, "a" * 26, "a" * 26, "a" * 24 + "…"]
