"""What the query page helps with: places of errors, completion, saved and shared queries, earlier states, plans."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from pipeline.operate.saved_queries import SavedQueries
from tests.console.test_query import ended, filled, started, texts
from tests.patience import PATIENCE_S, until

assert filled


def test_an_error_shows_its_place_and_leads_to_the_mended_query(tab, filled):
    tab.goto("/query?sql=select+id,%0A++prise%0Afrom+shop.orders")
    tab.get_by_role("button", name="Run", exact=True).click()
    # Of this text every blank counts, which `expect` passes over.
    until(lambda: tab.locator("pre.place").inner_text() == "line 2:   prise\n          ^^^^^")
    tab.get_by_role("link", name="price").click()
    expect(tab.locator("#sql")).to_have_value("select id,\n  price\nfrom shop.orders")
    tab.get_by_role("button", name="Run", exact=True).click()
    tab.get_by_text("3 rows, 2 columns.").wait_for()
    tab.goto("/query?sql=select+*+from+orders")
    tab.get_by_role("button", name="Run", exact=True).click()
    tab.get_by_role("link", name="shop.orders", exact=True).click()
    expect(tab.locator("#sql")).to_have_value("select * from shop.orders")


def test_names_are_completed_by_the_keyboard(tab, filled):
    tab.goto("/query")
    text, options = tab.locator("#sql"), tab.locator("#names li")
    text.focus()
    tab.keyboard.type("select pri")
    expect(options.first).to_have_attribute("aria-selected", "true")
    expect(text).to_have_attribute("aria-activedescendant", "name-0")
    tab.keyboard.press("Tab")
    expect(text).to_have_value("select price")
    expect(options).to_have_count(0)
    tab.keyboard.type(" from shop.or")
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("ArrowUp")
    tab.keyboard.press("Tab")
    expect(text).to_have_value("select price from shop.orders")
    # A column after a table's name, and one after a letter that stands for it.
    tab.keyboard.type(" o where o.pr")
    tab.keyboard.press("Tab")
    expect(text).to_have_value(re.compile(r"where o\.price$"))
    # Nobody is caught: Escape closes, and Tab then leads on.
    tab.keyboard.press("Control+Space")
    tab.keyboard.type(" i")
    tab.keyboard.press("Control+Space")
    expect(options).not_to_have_count(0)
    tab.keyboard.press("Escape")
    expect(options).to_have_count(0)
    tab.keyboard.press("Tab")
    expect(tab.locator(":focus")).to_have_text("Run")


def test_a_query_is_saved_for_all_and_shared_by_a_link(tab, visitor, console, lake, filled, monkeypatch):
    monkeypatch.setattr(console, "_allow_changes", True)
    tab.on("dialog", lambda dialog: dialog.accept())
    tab.goto("/query?sql=select+1+as+one")
    tab.get_by_label("As of").fill("2100-01-01")
    tab.get_by_text("Save it by a name").click()
    tab.get_by_label("Name", exact=True).fill('  the <b>first & "only"  ')
    tab.get_by_role("button", name="Save", exact=True).click()
    tab.get_by_text("It is saved").wait_for()
    (saved,) = SavedQueries(lake).all()
    assert (saved.name, saved.sql, saved.as_of) == ('the <b>first & "only"', "select 1 as one", "2100-01-01")
    tab.goto("/query")
    tab.get_by_role("link", name=saved.name).click()
    expect(tab.locator("#sql")).to_have_value("select 1 as one")
    expect(tab.get_by_label("As of")).to_have_value("2100-01-01")
    shared = visitor.document("/query", saved=saved.name)["share"]
    assert visitor.document("/query", sql="select 1 as one", as_of="2100-01-01")["share"] == shared
    assert 'aria-autocomplete="list"' in visitor.get(shared).text
    # One of its name is replaced only if somebody says so.
    taken = visitor.post("/query/save", name=saved.name, sql="select 2")
    assert (taken.status_code, SavedQueries(lake).get(saved.name).sql) == (409, "select 1 as one")
    visitor.post("/query/save", name=saved.name, sql="select 2", replace="yes")
    assert SavedQueries(lake).get(saved.name).sql == "select 2"
    for name in ("", "a/b", "a\nb", "x" * 81, "?", "a%"):
        assert visitor.post("/query/save", name=name, sql="select 1").status_code == 400, name
    assert visitor.post("/query/save", name="empty", sql=" ").status_code == 400
    tab.get_by_role("button", name="Delete").click()
    tab.get_by_text("It is deleted.").wait_for()
    assert SavedQueries(lake).all() == []
    assert visitor.get("/query?saved=gone").status_code == 404


def test_a_query_reads_the_tables_as_they_were(visitor, filled):
    def asked(as_of):
        page = visitor.post("/query", sql="select count(*) from shop.orders", as_of=as_of).url.path
        return ended(visitor, page)

    batch = filled.lake.batches.newest(filled.name, 1)[0].id
    assert texts(asked(f" {batch} ")) == [["3"]]
    assert texts(asked("2100-01-01T00:00:00Z")) == [["3"]]
    assert "was not there yet" in asked("2001-01-01")["run"]["error"]
    assert "neither a batch" in asked("yesterday")["run"]["error"]
    assert asked(batch)["as_of"] == batch


def test_a_query_is_explained_and_not_run(tab, visitor, filled):
    tab.goto("/query?sql=select+id+from+shop.orders+where+id+>+1")
    tab.get_by_role("button", name="Explain").click()
    tab.locator("pre.plan").wait_for(timeout=PATIENCE_S * 1000)
    expect(tab.locator("main")).to_contain_text("nothing was read", use_inner_text=True)
    path = "/" + tab.url.partition("//")[2].partition("/")[2]
    document = visitor.document(path)
    assert (document["answer"], document["chart"], document["run"]["status"]) == (None, None, "SUCCEEDED")
    for kind in ("csv", "parquet"):
        assert visitor.get(f"{path}.{kind}").status_code == 409
    # What is not let through is not explained either.
    refused = visitor.post("/query", sql="copy (select 1) to '/tmp/x'", explain="yes").url.path
    assert "only one SELECT" in ended(visitor, refused)["run"]["error"]
    assert "only one SELECT" in ended(visitor, started(visitor, "explain analyze select 1"))["run"]["error"]


HOSTILE = ("select '</textarea><script>alert(1)</script>", 'select "x\x00y"', 'select * from "<b>".x')


@pytest.mark.parametrize("sql", HOSTILE)
def test_hostile_errors_stay_text(visitor, filled, sql):
    document = ended(visitor, started(visitor, sql))
    assert document["run"]["status"] == "FAILED"
    page = visitor.get(f"/query/{document['run']['id']}").text
    assert "<script>alert" not in page
    assert "<b>" not in page.partition('id="answer"')[2].partition("</section>")[0]
