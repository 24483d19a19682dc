"""The ways to the other pages of a list: the same words on every page, each where it leads somewhere."""

from __future__ import annotations

import re
from typing import Any

import pytest

from pipeline.console.pages import TEMPLATES

PARTS: Any = TEMPLATES.get_template("parts.html").module


def links(html: str) -> dict[str, str]:
    return {
        word: to.replace("&amp;", "&") for to, word in re.findall(r'<a (?:rel="\w+" )?href="([^"]*)">(\w+)</a>', html)
    }


@pytest.mark.parametrize(
    ("first", "ways"),
    [
        (0, {"next": "/x?step=20&only=failed", "last": "/x?step=80&only=failed"}),
        (
            40,
            {
                "first": "/x?only=failed",
                "previous": "/x?step=20&only=failed",
                "next": "/x?step=60&only=failed",
                "last": "/x?step=80&only=failed",
            },
        ),
        (80, {"first": "/x?only=failed", "previous": "/x?step=60&only=failed"}),
    ],
)
def test_a_part_of_a_list_leads_on_and_keeps_what_was_asked_for(first: int, ways: dict[str, str]) -> None:
    html = str(PARTS.ranged("Pages of steps", "/x", "step", first, min(20, 93 - first), 20, 93, only="failed"))
    found = {word: sorted(to.replace("?", "&").split("&")) for word, to in links(html).items()}
    assert found == {word: sorted(to.replace("?", "&").split("&")) for word, to in ways.items()}
    assert f"{first + 1} to {min(first + 20, 93)} of 93" in html


def test_a_list_with_the_newest_first_is_gone_through_by_time() -> None:
    html = str(PARTS.pager("Pages of objects", "/p", "/n", "/f", by_time=True))
    assert links(html) == {"newest": "/f", "newer": "/p", "older": "/n"}
    assert 'rel="prev"' in html
    assert 'rel="next"' in html


def test_a_list_of_one_page_has_none() -> None:
    assert str(PARTS.ranged("Pages of steps", "/x", "step", 0, 20, 20, 20)).strip() == ""
    assert str(PARTS.numbered({"page": 1, "pages": 1}, "/x", "Pages")).strip() == ""
    assert links(str(PARTS.numbered({"page": 2, "pages": 2}, "/x", "Pages", end="#a", find="b"))) == {
        "previous": "/x?page=1&find=b#a"
    }


def test_no_page_has_a_pager_of_its_own() -> None:
    """Beside that of lists there is one that goes through a state's visits, whose links stay on their page."""
    assert TEMPLATES.loader
    own = [
        name
        for name in TEMPLATES.list_templates(["html"])
        if 'class="pager"' in TEMPLATES.loader.get_source(TEMPLATES, name)[0]
    ]
    assert own == ["graph.html", "parts.html"]


@pytest.mark.parametrize("path", ["/objects", "/objects?name=a", "/executions", "/executions?name=a"])
def test_a_place_that_no_link_has_is_refused_in_words(visitor, path: str) -> None:
    """DynamoDB takes no sort key of more than 1,024 bytes, and the embedded one does."""
    sign = "&" if "?" in path else "?"
    answer = visitor.get(f"{path}{sign}after={'x' * 3000}")
    assert (answer.status_code, "Begin at the first page" in answer.text) == (400, True)
    assert visitor.get(f"{path}{sign}after={'x' * 1000}").status_code == 200
