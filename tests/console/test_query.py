"""The query page: SQL is run by its form alone, in a process that ends with it, and answers survive the download."""

from __future__ import annotations

import csv
import io
import os
import time
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from playwright.sync_api import expect

from pipeline.console import query as query_page
from pipeline.console import query_child
from pipeline.console.query_child import ROWS, KeptRows
from tests.cli.conftest import Actor
from tests.patience import PATIENCE_S

AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
LONG = "select sum(hash(range)) from range(1000000000000)"
# One call of one function, which DuckDB does not interrupt.
DEAF = "select levenshtein(repeat('ab', 200000), repeat('ba', 200000))"
HOSTILE = """select '<script>alert(1)</script>' as "<img src=x onerror=alert(2)>", '' as empty, null as nothing,
 '=1+1' as formula, 'a,"b"' || chr(13) || chr(10) || 'c' as quotes, chr(8238) || 'rtl' as rtl, ' edge ' as edge,
 [1, null] as list, 170141183460469231731::hugeint as huge, 0.10::decimal(10,2) as price"""


@pytest.fixture(scope="module")
def filled(orders: Actor):
    batch = orders.open(orders.stage("a.csv"))
    prices = [Decimal("0.10"), None, Decimal("99999999.99")]
    orders.write(batch, pa.table({"id": [1, 2, 9_007_199_254_740_993], "price": prices, "at": [AT, None, AT]}))
    orders.commit(batch)
    return orders


def started(visitor, sql: str) -> str:
    """Send the form; the path of the query's page."""
    return visitor.post("/query", sql=sql).url.path


def ended(visitor, path: str) -> dict:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        document = visitor.get(f"{path}.json").json()
        if document["run"]["status"] != "RUNNING":
            return document
        time.sleep(0.05)
    raise AssertionError(f"{path} still runs")


def test_a_page_that_shows_a_running_query_goes_on_even_if_that_ends_meanwhile(visitor, console, monkeypatch):
    path = started(visitor, "select 1 as one")
    tables = query_page.described

    def described_as_it_ends(lake):
        assert console.queries.find(path.rpartition("/")[2]).done.wait(PATIENCE_S)
        return tables(lake)

    monkeypatch.setattr(query_page, "described", described_as_it_ends)
    document = visitor.get(f"{path}.json").json()
    assert not (document["ended"] and document["run"]["status"] == "RUNNING")


def texts(document: dict) -> list[list[str | None]]:
    return [[cell["text"] for cell in row] for row in document["answer"]["rows"]]


def process_of(console, path: str):
    return console.queries.find(path.rpartition("/")[2]).child.process


def test_a_query_answers_with_types_nulls_and_exact_values(visitor, filled):
    document = ended(visitor, started(visitor, "select * from shop.orders order by id"))
    assert [(c["name"], c["type"]) for c in document["answer"]["columns"]] == [
        ("id", "BIGINT"),
        ("price", "DECIMAL(10,2)"),
        ("at", "TIMESTAMP WITH TIME ZONE"),
    ]
    assert texts(document)[:2] == [["1", "0.10", "2026-01-02T03:04:05.678901Z"], ["2", None, None]]
    assert texts(document)[2][0] == "9007199254740993"


def test_tables_and_columns_stand_beside_the_editor(visitor, filled):
    (table,) = visitor.document("/query")["tables"]
    assert (table["name"], [c["name"] for c in table["columns"]]) == ("shop.orders", ["id", "price", "at"])


def test_hostile_text_stays_text_and_reads_back_equal_from_csv_and_parquet(visitor):
    path = started(visitor, HOSTILE)
    assert ended(visitor, path)["run"]["status"] == "SUCCEEDED"
    html = visitor.get(path).text
    assert "<script>alert" not in html
    assert "<img src=x" not in html
    assert "\u202e" not in html
    wanted = {
        "<img src=x onerror=alert(2)>": "<script>alert(1)</script>",
        "empty": "",
        "nothing": None,
        "formula": "=1+1",
        "quotes": 'a,"b"\r\nc',
        "rtl": "\u202ertl",
        "edge": " edge ",
        "list": [1, None],
        "huge": Decimal("170141183460469231731"),
        "price": Decimal("0.10"),
    }
    assert pq.read_table(io.BytesIO(visitor.get(f"{path}.parquet").content)).to_pylist() == [wanted]
    answer = visitor.get(f"{path}.csv?formulas=keep")
    assert answer.headers["content-type"].startswith("text/csv; charset=utf-8")
    assert "attachment" in answer.headers["content-disposition"]
    text = answer.content.decode()
    assert text.endswith("\r\n")
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    exact = {"nothing": "", "list": "[1, null]", "huge": "170141183460469231731", "price": "0.10"}
    assert row == {**wanted, **exact}
    assert ',"",,=1+1,' in text, "empty text and null are told apart"


def test_text_that_a_spreadsheet_would_compute_is_none_in_csv_unless_asked_for(visitor):
    texts = ["=1+1", "+cmd", "-cmd", "@sum(1)", "\t=1", "\r=1", "\n=1", "-5", "+5.5", "-1e3", "-", "a=1", "-5-5", ""]
    values = ", ".join("(" + "chr(9) || '=1'" * (t == "\t=1") + f"'{t}'" * (t != "\t=1") + ")" for t in texts)
    path = started(visitor, f'select col0 as "=head", -5 as n, -0.5 as d from (values {values})')
    ended(visitor, path)

    def column(query: str) -> list[str]:
        rows = list(csv.reader(io.StringIO(visitor.get(f"{path}.csv{query}").text, newline="")))
        assert {tuple(row[1:]) for row in rows[1:]} == {("-5", "-0.5")}
        return [row[0] for row in rows]

    shown = ["'=head", *(f"'{t}" if t in texts[:7] or t in ("-", "-5-5") else t for t in texts)]
    assert column("") == shown
    assert column("?formulas=keep") == ["=head", *texts]


def test_pages_of_an_answer_hold_each_row_once(visitor):
    path = started(visitor, "select range as n from range(250) order by n")
    ended(visitor, path)
    pages = [visitor.document(path, page=page) for page in (1, 2, 3)]
    assert [int(row[0]) for page in pages for row in texts(page)] == list(range(250))
    assert pages[0]["answer"]["pages"] == 3
    assert visitor.document(path, page=99)["answer"]["page"] == 3
    assert visitor.document(path, page="x")["answer"]["page"] == 1


def test_long_values_are_cut_on_the_page_and_whole_in_the_download(visitor):
    path = started(visitor, "select repeat('x', 300000) as x, * from range(300)")
    document = ended(visitor, path)
    assert document["answer"]["rows"][0][0]["cut"] > 299_000
    assert len(visitor.get(path).content) < 150_000
    assert len(visitor.get(f"{path}.csv").content) > 300_000 * 300


def test_no_rows_have_columns_and_can_be_downloaded(visitor):
    path = started(visitor, "select 1 as a where false")
    assert ended(visitor, path)["run"]["rows"] == 0
    assert "no rows" in visitor.get(path).text
    assert pq.read_table(io.BytesIO(visitor.get(f"{path}.parquet").content)).column_names == ["a"]
    assert visitor.get(f"{path}.csv").text == "a\r\n"


def test_more_rows_than_are_kept_are_said_to_be_there(visitor):
    run = ended(visitor, started(visitor, f"from range({ROWS + 1})"))["run"]
    assert (run["rows"], run["cut"]) == (ROWS, f"the first {ROWS:,} rows are kept")


def test_more_bytes_than_are_kept_are_cut_within_a_batch(monkeypatch):
    monkeypatch.setattr(query_child, "BYTES", 1000)
    kept = KeptRows()
    parts = list(kept.of(iter([pa.record_batch({"x": ["y" * 100] * 40})] * 3)))
    assert 0 < kept.rows == sum(part.num_rows for part in parts) < 10
    assert kept.cut


def test_an_error_is_told_in_a_line_with_what_to_do(visitor, filled):
    path = started(visitor, "select nope from shop.orders")
    document = ended(visitor, path)
    assert document["run"]["status"] == "FAILED"
    assert '"nope" not found' in document["run"]["error"]
    assert "shop.orders" in document["run"]["hint"]
    assert visitor.get(f"{path}.csv").status_code == 409


def test_a_link_fills_the_editor_and_runs_nothing(visitor, console):
    before = len(console.queries.newest())
    document = visitor.document("/query", sql="select '</textarea><script>alert(1)</script>'")
    assert document["sql"].startswith("select '</textarea>")
    assert "<script>alert" not in visitor.get("/query", params={"sql": document["sql"]}).text
    assert len(console.queries.newest()) == before


def test_a_query_of_another_page_is_not_run(visitor, console):
    before = len(console.queries.newest())
    visitor.get("/query")
    foreign = visitor.http.post(
        "/query", data={"sql": "select 1", "csrf": visitor.token()}, headers={"origin": "http://evil"}
    )
    assert foreign.status_code == 403
    assert visitor.http.post("/query", data={"sql": "select 1"}).status_code == 403
    assert len(console.queries.newest()) == before


@pytest.mark.parametrize("sql", [LONG, DEAF], ids=["many rows", "one deaf call"])
def test_a_cancelled_query_stops_at_once_and_leaves_no_process(visitor, console, sql):
    path = started(visitor, sql)
    process = process_of(console, path)
    assert process.poll() is None
    assert "cancelled" in visitor.post(f"{path}/cancel").text
    assert ended(visitor, path)["run"]["status"] == "CANCELLED"
    assert process.poll() is not None
    assert not os.path.exists(f"/proc/{process.pid}")


def test_a_running_query_ends_when_its_console_is_gone(visitor, console):
    process = process_of(console, started(visitor, LONG))
    # A process that ends, however it does, closes its end of the pipe.
    process.stdin.close()
    assert process.wait(PATIENCE_S) == 1


def test_cancelling_what_has_ended_is_harmless(visitor):
    path = started(visitor, "select 1")
    ended(visitor, path)
    assert "It had ended already" in visitor.post(f"{path}/cancel").text
    assert ended(visitor, path)["run"]["status"] == "SUCCEEDED"


def test_a_query_that_takes_too_long_is_ended(visitor, console, monkeypatch):
    monkeypatch.setattr("pipeline.console.queries.MOST_SECONDS", 0.2)
    path = started(visitor, LONG)
    assert ended(visitor, path)["run"]["status"] == "TIMED_OUT"
    assert process_of(console, path).poll() is not None


def test_only_so_many_run_at_once_and_only_so_many_are_kept(visitor, console, monkeypatch):
    monkeypatch.setattr("pipeline.console.queries.MOST_RUNNING", 1)
    monkeypatch.setattr("pipeline.console.queries.MOST_KEPT", 2)
    path = started(visitor, LONG)
    refused = visitor.post("/query", sql="select 1")
    assert refused.status_code == 409
    assert "cancel one" in refused.text
    visitor.post(f"{path}/cancel")
    newest = [ended(visitor, started(visitor, f"select {n}"))["run"]["id"] for n in range(2)]
    assert [query.id for query in console.queries.newest()] == newest[::-1]
    gone = visitor.get(path)
    assert gone.status_code == 404
    assert "Run it again" in gone.text


def test_a_console_that_only_shows_runs_queries(visitor, console, monkeypatch):
    monkeypatch.setattr(console, "can_change", lambda: False)
    assert ended(visitor, started(visitor, "select 1"))["run"]["status"] == "SUCCEEDED"


@pytest.mark.parametrize("sql", ["", "  \n"])
def test_no_query_is_told_so(visitor, sql):
    assert visitor.post("/query", sql=sql).status_code == 400


def test_a_query_that_nobody_ran_is_gone(visitor):
    assert visitor.get("/query/nothing.json").status_code == 404


def test_a_query_is_written_by_clicks_and_run_by_the_keyboard(tab, filled):
    tab.goto("/query")
    editor = tab.get_by_label("One SELECT")
    editor.fill("select  from ")
    tab.get_by_role("button", name="shop.orders").click()
    expect(editor).to_have_value("select  from shop.orders")
    editor.evaluate("each => each.setSelectionRange(7, 7)")
    tab.get_by_role("button", name="price", exact=True).press("Enter")
    expect(editor).to_have_value("select price from shop.orders")
    editor.press("Control+Enter")
    tab.get_by_role("cell", name="99999999.99").wait_for(timeout=1000 * PATIENCE_S)
    expect(tab.get_by_text("3 rows, 1 column")).to_be_visible()


def test_a_running_query_is_followed_and_cancelled_with_the_mouse(tab, console):
    tab.goto("/query")
    tab.get_by_label("One SELECT").fill(LONG)
    tab.get_by_role("button", name="Run").click()
    tab.get_by_text("RUNNING").first.wait_for()
    tab.get_by_role("button", name="Cancel").click()
    tab.get_by_text("The query was cancelled.").wait_for()
    tab.get_by_text("It was cancelled, and nothing of it is kept.").wait_for()
    assert console.queries.newest()[0].child.process.poll() is not None
