"""Rows that were set aside, by reason: on the page of a dataset and of an object, and sent again from there."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from pipeline.core.clients import client
from pipeline.core.objects import ObjectVersion
from pipeline.lake.catalog import Status
from pipeline.lake.messages.stage_a import StageAWork
from tests.cli.test_redrive_rows import Shop, definition, sent_again


@pytest.fixture(scope="module")
def shop(lake) -> Shop:
    return Shop(lake, definition("reasons", columns={"id": "bigint", "price": "bigint", "n": "bigint"}))


@pytest.fixture(scope="module")
def dropped(shop) -> list[ObjectVersion]:
    bodies = (b"id,price,n\n1,1,1\n2,secret one,2\n3,<b>,3\n4,4,x\n", b"id,price,n\n1,y,1\n")
    return [shop.loaded(f"{n} <i>.csv", body) for n, body in enumerate(bodies)]


def reasons(document) -> list[tuple[int, int, int]]:
    return [(each["rows"], each["objects"], each["example"]["line"]) for each in document["reasons"]]


def test_a_dataset_has_its_reasons_without_values_and_the_first_row_of_each(visitor, shop, dropped):
    aside = visitor.document(f"/datasets/{shop.name}")["aside"]
    assert (aside["rows"], aside["counted"], aside["is_all"]) == (4, 4, True)
    assert [(each["rows"], each["objects"]) for each in aside["reasons"]] == [(3, 2), (1, 1)]
    assert all("a value is not" in each["reason"] for each in aside["reasons"])
    assert "secret" not in visitor.get(f"/datasets/{shop.name}").text
    document = visitor.document("/object", uri=dropped[0].uri)["bad_rows"]
    assert reasons(document["reasons"]) == [(2, 1, 3), (1, 1, 5)]
    assert len(document["rows"]) == 3


def test_a_page_reads_each_file_once_and_of_many_objects_the_newest(visitor, shop, lake, monkeypatch):
    many = Shop(lake, definition("many_aside"))
    for n in range(4):
        many.loaded(f"{n}.csv", b"id,price\n1,x%d\n" % n)
    monkeypatch.setattr("pipeline.console.reasons.OBJECTS", 3)
    calls: list[str] = []
    client("s3").meta.events.register("before-call", lambda model, **_: calls.append(model.name), "count")
    first = visitor.document(f"/datasets/{many.name}")["aside"]
    read = calls.count("GetObject")
    again = visitor.document(f"/datasets/{many.name}")["aside"]
    client("s3").meta.events.unregister("before-call", unique_id="count")
    assert (first["rows"], first["is_all"], first) == (3, False, again)
    assert read >= 3
    assert calls.count("GetObject") - read <= read - 3


def test_rows_are_sent_again_from_the_page_and_it_says_what_became_of_them(tab, shop, dropped):
    sent_again(shop.lake)
    tab.on("dialog", lambda dialog: dialog.accept())
    tab.goto(f"/datasets/{shop.name}")
    table = tab.get_by_role("region", name="Reasons")
    expect(table.locator("tbody tr")).to_have_count(2)
    expect(table).to_contain_text("line 2 of 1 <i>.csv", use_inner_text=True)
    shop.mend(columns={"id": "bigint", "price": "string", "n": "bigint"})
    table.locator("tbody tr").first.get_by_role("button", name="Send again").click()
    tab.get_by_text("3 rows of 2 objects sent again.").wait_for()
    assert shop.receive() == ["STAGED", "STAGED"]
    tab.goto(f"/datasets/{shop.name}")
    table.locator("tbody tr").first.get_by_role("link").first.click()
    tab.get_by_role("heading", name="Rows set aside").wait_for()
    aside = tab.get_by_role("region", name="Rows set aside", exact=True)
    expect(aside).to_contain_text("1,y,1", use_inner_text=True)


def test_a_data_file_of_a_table_leads_to_the_objects_that_its_rows_are_from(visitor, shop, dropped):
    [batch] = {shop.row(dropped[0]).batch}
    found = visitor.document("/object", uri=dropped[0].uri, files="yes")["data_files"]
    document = visitor.document("/object", uri=found[0]["uri"])
    steps = [(step["step"], step["name"]) for step in document["lineage"]]
    assert ("batch", batch) in steps
    assert ("raw", dropped[0].file_name) in steps
    assert document["file"]["kind"] == "data file"
    assert "0 <i>.csv" not in visitor.get("/object", params={"uri": found[0]["uri"]}).text


def test_an_object_whose_rows_are_on_their_way_has_its_part_among_its_versions(visitor, shop, dropped):
    work = StageAWork(shop.register(shop.drop("late.csv", b"id,price,n\n1,1,x\n")), 1, shop.clock_ms)
    shop.transform(work)
    assert shop.row(work.object).status is Status.STAGED
    document = visitor.document("/object", uri=dropped[0].uri)
    assert dropped[0].part(1).version_id in [each["version_id"] for each in document["versions"]]
    assert visitor.document("/object", uri=dropped[0].uri, version=dropped[0].part(1).version_id)["shown"]["part_of"]
