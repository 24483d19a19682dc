"""A definition in the console: proposed from a dropped sample, edited, checked against what is registered, saved."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from pipeline.console.console import Console
from pipeline.core.clients import client
from pipeline.core.events.s3 import ObjectCreated
from pipeline.core.objects import ObjectVersion
from pipeline.lake.datasets.files import read_all
from pipeline.lake.services import Lake
from pipeline.lake.settings import Setting
from pipeline.operate.connection import Connected
from tests.cli.conftest import Actor
from tests.patience import until

from .conftest import Visitor

NEW = "shop/prices"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with nothing in it, in which this process is."""
    (tmp_path / "definitions" / "stacks").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def _changing(console: Console, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(console, "_allow_changes", True)
    yield
    console.drafts = type(console.drafts)()


def drop_sample(lake: Lake, text: bytes, key: str = f"{NEW}/2026/a.csv") -> None:
    """An object that nothing takes yet."""
    raw = lake.settings[Setting.RAW_BUCKET]
    put = client("s3").put_object(Bucket=raw, Key=key, Body=text)
    obj = ObjectVersion(raw, key, put["VersionId"])
    event = ObjectCreated(obj, len(text), "e", 1_700_000_000_000, os.urandom(4).hex())
    lake.catalog.leave_unrouted(event, f"no dataset {NEW} is registered")


def definition(visitor: Visitor, dataset: str = NEW) -> dict[str, Any]:
    return visitor.document("/definition", dataset=dataset)


def test_a_sample_becomes_a_definition_that_is_read_as_it_was_saved(lake: Lake, visitor: Visitor, root: Path) -> None:
    assert definition(visitor)["draft"] is None
    assert "Drop a sample" in visitor.get("/definition", params={"dataset": NEW}).text
    drop_sample(lake, b"id,price,day\n1,1.50,01/02/2026\n2,2.25,03/02/2026\n")
    visitor.post("/definition/propose", dataset=NEW)
    proposed = definition(visitor)
    assert proposed["judgement"] == {
        "good": True, "problems": [], "remarks": [], "new": True, "changes": [], "breaking": [], "refused": [],
    }  # fmt: skip
    assert any("day" in doubt for doubt in proposed["draft"]["doubts"])
    assert not (root / "definitions" / "datasets").exists()

    text = proposed["draft"]["text"]
    wrong = visitor.post("/definition/check", dataset=NEW, text=text.replace("price: ", "price: decimall # "))
    (problem,) = definition(visitor)["judgement"]["problems"]
    assert problem["line"] == next(n for n, line in enumerate(text.splitlines(), 1) if "price: " in line)
    assert f"line {problem['line']}" in wrong.text
    refused = visitor.post("/definition/save", dataset=NEW, text=text.replace("price: ", "price: decimall # "))
    assert "is not saved while something is wrong" in refused.text
    assert read_all(root).definitions == ()

    saved = visitor.post("/definition/save", dataset=NEW, text=text.replace("\n", "\r\n"))
    assert f"sluice datasets apply {NEW}" in saved.text
    (found,) = read_all(root).or_raise()
    assert str(found.dataset.name) == NEW
    assert (root / found.path).read_text() == text
    assert [each.name for each in (root / found.path).parent.iterdir()] == ["prices.yaml"]
    assert definition(visitor)["is_draft"] is False


def test_a_file_that_somebody_else_changed_is_not_written_over(
    lake: Lake, visitor: Visitor, orders: Actor, root: Path
) -> None:
    text = definition(visitor, orders.name)["draft"]["text"]
    file = root / "definitions" / "datasets" / f"{orders.name}.yaml"
    visitor.post("/definition/check", dataset=orders.name, text=text)
    file.parent.mkdir(parents=True)
    file.write_text("# somebody's\n" + text)
    conflict = visitor.post("/definition/save", dataset=orders.name, text="# mine\n" + text)
    assert "since this draft was begun" in conflict.text
    assert file.read_text().startswith("# somebody")
    kept = definition(visitor, orders.name)
    assert kept["is_draft"]
    assert kept["draft"]["text"].startswith("# mine")
    visitor.post("/definition/discard", dataset=orders.name)
    assert definition(visitor, orders.name)["draft"]["text"].startswith("# somebody")
    assert "Saved as" in visitor.post("/definition/save", dataset=orders.name, text="# mine\n" + text).text
    assert file.read_text().startswith("# mine")


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("id: bigint", "id: int", "refused"),
        ("id: bigint", "id: bigint\n    more: string", "breaking"),
        ('IsComplete "id"', 'IsComplete "id", RowCount > 0', "changes"),
    ],
)
def test_what_a_change_would_do_is_said_before(
    visitor: Visitor, orders: Actor, root: Path, old: str, new: str, kind: str
) -> None:
    text = definition(visitor, orders.name)["draft"]["text"]
    assert definition(visitor, orders.name)["judgement"]["changes"] == []
    visitor.post("/definition/check", dataset=orders.name, text=text.replace(old, new))
    judged = definition(visitor, orders.name)["judgement"]
    assert judged["problems"] == []
    assert judged["changes"]
    assert next(name for name in ("refused", "breaking", "changes") if judged[name]) == kind


def test_the_rules_of_quality_are_read_by_a_check(visitor: Visitor, orders: Actor, root: Path) -> None:
    text = definition(visitor, orders.name)["draft"]["text"]
    wrong = text.replace('IsComplete "id"', 'IsCompete "id"')
    page = visitor.post("/definition/check", dataset=orders.name, text=wrong)
    judged = definition(visitor, orders.name)["judgement"]
    assert not judged["good"]
    (problem,) = judged["problems"]
    assert problem["field"] == "quality.ruleset"
    assert problem["line"] == next(n for n, line in enumerate(wrong.splitlines(), 1) if "IsCompete" in line)
    assert f"line {problem['line']}" in page.text.partition('id="judged"')[2]
    assert "IsCompete" in problem["what"]
    assert "is not saved while" in visitor.post("/definition/save", dataset=orders.name, text=wrong).text
    remarked = text.replace('IsComplete "id"', 'IsComplete "nowhere"')
    visitor.post("/definition/check", dataset=orders.name, text=remarked)
    judged = definition(visitor, orders.name)["judgement"]
    assert (judged["problems"], judged["good"]) == ([], True)
    assert [each["field"] for each in judged["remarks"]] == ["quality.ruleset"]


def test_a_draft_is_discarded_only_by_who_means_it(tab: Any, visitor: Visitor, orders: Actor, root: Path) -> None:
    text = definition(visitor, orders.name)["draft"]["text"]
    tab.goto(f"/definition?dataset={orders.name}")
    tab.get_by_label("definitions/datasets").fill("# mine\n" + text)
    tab.get_by_role("button", name="Check", exact=True).click()
    asked: list[str] = []
    tab.once("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    tab.get_by_role("button", name="Discard").click()
    until(lambda: asked)
    assert "Its text is kept nowhere else" in asked[0]
    expect(tab.get_by_label("definitions/datasets")).to_have_value(re.compile("^# mine"))
    assert definition(visitor, orders.name)["is_draft"]
    tab.once("dialog", lambda dialog: dialog.accept())
    tab.get_by_role("button", name="Discard").click()
    tab.get_by_text("The draft is discarded.").wait_for()
    assert not definition(visitor, orders.name)["is_draft"]


def test_a_definition_of_another_dataset_is_none(visitor: Visitor, orders: Actor, root: Path) -> None:
    text = definition(visitor, orders.name)["draft"]["text"]
    visitor.post("/definition/check", dataset=NEW, text=text)
    assert definition(visitor)["judgement"]["problems"]
    assert visitor.get("/definition", params={"dataset": "../x"}).status_code == 400
    assert visitor.get("/definition").status_code == 400


def test_without_a_checkout_the_text_is_for_a_pull_request(
    console: Console, visitor: Visitor, lake: Lake, orders: Actor, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "_connected", Connected(lake, "dev", None))
    page = visitor.get("/definition", params={"dataset": orders.name}).text
    assert "pull request" in page
    assert 'formaction="/definition/save"' not in page
    text = definition(visitor, orders.name)["draft"]["text"]
    refused = visitor.post("/definition/save", dataset=orders.name, text=text)
    assert refused.status_code == 409
    assert not (root / "definitions" / "datasets").exists()


def test_nothing_is_tried_of_a_wrong_text_or_without_objects(visitor: Visitor, orders: Actor, root: Path) -> None:
    text = definition(visitor, orders.name)["draft"]["text"]
    wrong = visitor.post("/definition/try", dataset=orders.name, text="team: [")
    assert "is not tried while something is wrong" in wrong.text
    other = text.replace("dataset: orders", "dataset: nothing")
    none = visitor.post("/definition/try", dataset="shop/nothing", text=other)
    assert "no raw object of shop/nothing" in none.text


def test_a_text_of_another_window_is_not_written_over(visitor: Visitor, orders: Actor, root: Path) -> None:
    shown = definition(visitor, orders.name)
    text, seen = shown["draft"]["text"], shown["seen"]
    visitor.post("/definition/check", dataset=orders.name, text="# one\n" + text, seen=seen)
    other = visitor.post("/definition/check", dataset=orders.name, text="# two\n" + text, seen=seen)
    assert other.status_code == 409
    assert "in another window" in other.text
    assert definition(visitor, orders.name)["draft"]["text"].startswith("# one")
