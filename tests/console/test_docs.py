"""Help in place: the documentation is served with the console, and statuses explain themselves."""

from __future__ import annotations

import html as markup
import re
import threading
from urllib.parse import urljoin, urlsplit

import pytest
from playwright.sync_api import expect

from pipeline.console import docs, glossary
from pipeline.console.docs import ROOT, help_of
from pipeline.core.errors import Misconfigured
from pipeline.lake.batches.records import BatchStatus
from pipeline.lake.batches.upkeep import TurnStatus
from pipeline.lake.catalog import Status
from pipeline.operate.connection import Connected
from pipeline.operate.health import STATES
from tests.console.test_datasets import held_back, loaded
from tests.console.test_odd_states import EMPTY
from tests.patience import PATIENCE_S, until

for needed in (loaded, held_back):
    assert needed

EXECUTIONS = ("RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED", "PENDING_REDRIVE")


def page_of(visitor, name):
    return visitor.get(f"/docs/{name}.md")


def test_every_link_and_picture_of_the_documentation_leads_somewhere(visitor):
    pages = {f"/docs/{each['name']}": visitor.get(f"/docs/{each['name']}").text for each in docs.pages()}
    assert "/docs/console.md" in pages
    ids = {path: set(re.findall(r' id="([^"]+)"', text)) for path, text in pages.items()}
    astray, pictures, outside = [], set(), 0
    for path, text in pages.items():
        article = text.partition('<article class="prose">')[2].partition("</article>")[0]
        for target in map(markup.unescape, re.findall(r'(?:href|src)="([^"]+)"', article)):
            url = urlsplit(urljoin(f"http://console{path}", target))
            outside += url.netloc != "console"
            if url.path.endswith(".png"):
                pictures.add(url.path)
            elif url.netloc == "console" and (
                url.path not in pages or (url.fragment and url.fragment not in ids[url.path])
            ):
                astray.append((path, target))
    assert astray == []
    assert outside
    for picture in pictures:
        answer = visitor.get(picture)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert "/docs/console/home.png" in pictures


@pytest.mark.parametrize(
    "path",
    [
        "../pyproject.toml",
        "%2e%2e/pyproject.toml",
        "..%2fpipeline/cli/app.py",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "x%00y",
        "console",
        "",
        ".",
        "reference",
        "../docs/console/../../README.md",
        "outside.md",
        "console/outside.png",
        "a" * 5000,
    ],
)
def test_nothing_else_is_served_as_documentation(visitor, path, monkeypatch, tmp_path):
    (tmp_path / "docs" / "console").mkdir(parents=True)
    (tmp_path / "docs" / "home.md").write_text("# Home")
    (tmp_path / "secret.md").write_text("# secret")
    (tmp_path / "docs" / "outside.md").symlink_to(tmp_path / "secret.md")
    (tmp_path / "docs" / "console" / "outside.png").symlink_to(tmp_path / "secret.md")
    monkeypatch.setattr(docs, "ROOT", tmp_path / "docs")
    assert page_of(visitor, "home").status_code == 200
    answer = visitor.get(f"/docs/{path}")
    assert answer.status_code == 404
    assert "secret" not in answer.text.replace("outside", "")


def test_markdown_holds_no_script_whatever_it_says(visitor, monkeypatch, tmp_path):
    hostile = (
        "# <script>alert(1)</script>\n\n<img src=x onerror=alert(2)>\n\n[a](javascript:alert(3)) "
        '[b](data:text/html,<script>) [c](//evil.example "x\\" onclick=\\"y") ![d](javascript:x)\n\n'
        "`<b>`\n\n```html\n<script>\n```\n\n| a |\n|---|\n| <i>x</i> |\n"
    )
    (tmp_path / "hostile.md").write_text(hostile)
    monkeypatch.setattr(docs, "ROOT", tmp_path)
    article = page_of(visitor, "hostile").text.partition('<article class="prose">')[2].partition("</article>")[0]
    assert re.findall(r"<(script|img|b|i)\b", article) == []
    assert re.findall(r'(?:href|src)="([^"]*)"', article) == []
    assert re.findall(r"<[^>]*\son\w+=", article) == []


def test_each_page_leads_to_its_page_of_the_documentation(visitor, orders):
    paths = [*EMPTY, f"/datasets/{orders.name}", "/glossary", "/object?uri=s3://lake-raw-bucket/x", "/nowhere"]
    for path in paths:
        text = visitor.get(path).text
        target = help_of(path)
        assert f'href="{target}"' in text, path
        name, _, place = target.partition("#")
        assert visitor.get(name).status_code == 200, target
        assert not place or f' id="{place}"' in visitor.get(name).text, target


@pytest.mark.parametrize("word", sorted({*Status, *BatchStatus, *TurnStatus, *STATES, *EXECUTIONS, "PASSED", "WARNED"}))
def test_every_status_is_explained(word):
    assert glossary.explained(word)


def test_the_documentation_is_there_while_no_lake_answers(visitor, console, monkeypatch, lake, front):
    def nothing() -> Connected:
        raise Misconfigured("the lake does not answer", hint="Start it.")

    console.lost()
    monkeypatch.setattr(console, "_connect", nothing)
    down = visitor.get("/queues")
    assert (down.status_code, f'href="{help_of("/queues")}"' in down.text) == (503, True)
    for path, has in (
        ("/docs/runbook.md", "dead-letter"),
        ("/docs/runbook.md.json", "dead-letter"),
        ("/glossary", "PAUSED"),
    ):
        told = visitor.get(path)
        assert (told.status_code, has in told.text) == (200, True), path
    assert "no lake" in visitor.get("/glossary").text
    assert visitor.get("/docs/console/home.png").status_code == 200
    assert visitor.get("/docs/nowhere").status_code == 404
    # A connection that takes long is not waited for.
    slow = threading.Event()
    monkeypatch.setattr(console, "_connect", lambda: slow.wait(PATIENCE_S) and nothing())
    assert visitor.get("/glossary").status_code == 200
    slow.set()
    monkeypatch.setattr(console, "_connect", lambda: Connected(lake, "local", front.endpoint))
    until(lambda: "no lake" not in visitor.get("/glossary").text)


def test_statuses_are_explained_by_mouse_and_by_keyboard(tab, visitor, orders, held_back):
    tab.goto(f"/datasets/{orders.name}")
    chip = tab.locator("main .status", has_text="QUARANTINED").first
    expect(chip).to_have_attribute("title", glossary.OBJECTS["QUARANTINED"])
    meanings = tab.locator("#meanings")
    meanings.locator("summary").focus()
    tab.keyboard.press("Enter")
    expect(meanings.get_by_text(glossary.OBJECTS["QUARANTINED"])).to_be_visible()
    meanings.get_by_role("link", name="All statuses").click()
    expect(tab.get_by_role("heading", name="What statuses mean")).to_be_visible()
    # Only what is on the page is explained there.
    assert "Its key was deleted" not in visitor.get(f"/datasets/{orders.name}").text
    tab.get_by_role("link", name="Help on this page").click()
    tab.wait_for_url("**/docs/protocol.md")
    assert ROOT.is_dir()
