"""Take the pictures of docs/console.md from this checkout's running lake, as `make demo FLOW="feeds forecasts"` leaves
it.

python -m tests.console.screenshots [FOLDER]

Of each page one for a desk, light, and one for a phone, dark. With FOLDER, to be looked at, both of either.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from pipeline.cli.connect import Target
from pipeline.console.pages import link
from pipeline.core.checkout import checkout
from pipeline.emulator import state
from pipeline.lake.settings import Setting
from pipeline.operate.connection import Connected
from tests.conftest import ROOT
from tests.console.conftest import CHROMIUM, let_in

FOLDER = ROOT / "docs" / "console"
DESK, PHONE = {"width": 1280, "height": 860}, {"width": 390, "height": 844}
KINDS: dict[str, dict[str, Any]] = {
    "": {"viewport": DESK, "color_scheme": "light"},
    "-dark": {"viewport": DESK, "color_scheme": "dark"},
    "-phone": {"viewport": PHONE, "color_scheme": "light"},
    "-phone-dark": {"viewport": PHONE, "color_scheme": "dark"},
}
"""What each page is taken as, by the end of the picture's name."""
IN_DOCS = ("", "-phone-dark")
SQL = "select status, count(*) as orders, sum(price * quantity) as revenue from demo.orders group by all order by 1"


def main() -> None:
    lake = state.running(checkout())
    if lake is None:
        sys.exit('no lake is running here: run `make demo FLOW="feeds forecasts"` first')
    if CHROMIUM is None:
        sys.exit("there is no chromium on the path")
    from playwright.sync_api import sync_playwright

    pages = pages_of(Target().connect())
    folder, kinds = (Path(sys.argv[1]), tuple(KINDS)) if sys.argv[1:] else (FOLDER, IN_DOCS)
    folder.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for kind in kinds:
            context = browser.new_context(**KINDS[kind])
            let_in(context, lake.console, lake.key.console_token())
            for name, path in (pages | forecast_pages(context, lake.console)).items():
                picture(context, lake.console + path, folder / f"{name}{kind}.png")
            context.close()
        browser.close()


def pages_of(connected: Connected) -> dict[str, str]:
    """The page of each picture."""
    lake = connected.lake
    raw = lake.settings[Setting.RAW_BUCKET]
    held_back = next(b for b in lake.batches.newest("demo/orders", 10) if b.status == "QUARANTINED")
    loaded = next(b for b in lake.batches.newest("demo/orders", 10) if b.status == "COMMITTED")
    return {
        "home": "/",
        "objects": link("/objects", dataset="demo/orders", attention="yes"),
        "search": link("/search", q="orders"),
        "executions": "/executions",
        "datasets": "/datasets",
        "dataset": "/datasets/demo/orders",
        "schedules": "/schedules",
        "definition": link("/definition", dataset="demo/orders"),
        "logs": link("/logs", text="orders", since="1h"),
        "machine": "/machines/a",
        "help": "/docs/quality.md",
        "glossary": "/glossary",
        "feeds": "/feeds",
        "feed": "/feeds/demo_transactions",
        "batch": f"/batches/{held_back.id}",
        "execution": f"/executions/{held_back.id}",
        "steps": f"/executions/{held_back.id}#steps",
        "days": "/datasets/demo/orders/days?days=7",
        "lineage": f"/batches/{loaded.id}#lineage",
        "object": link("/object", uri=f"s3://{raw}/demo/orders/orders-with-bad-rows.csv"),
        "browse": link("/browse", at=f"s3://{raw}/demo/orders/"),
        "query": link("/query", sql=SQL),
    }


def forecast_pages(context: Any, console: str) -> dict[str, str]:
    """The pages of a source that has files, and of a field of it."""
    sources = context.request.get(f"{console}/forecasts.json").json()["sources"]
    source = f"/forecasts/{next(each['name'] for each in sources if each['run'])}"
    field = context.request.get(f"{console}{source}.json").json()["coverage"][0]["to"]
    return {"forecasts": "/forecasts", "forecast": source, "field": field}


def picture(context: Any, url: str, path: Path) -> None:
    page = context.new_page()
    page.goto(url)
    if "/query?" in url:
        page.get_by_role("button", name="Run").click()
        page.locator("th", has_text="revenue").wait_for()
    page.wait_for_timeout(800)
    page.screenshot(path=path, full_page="/query?" in url)
    page.close()
    print(path)


if __name__ == "__main__":
    main()
