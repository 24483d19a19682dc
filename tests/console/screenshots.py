"""Take the pictures of docs/console.md from this checkout's running lake, as `make demo` leaves it.

python -m tests.console.screenshots
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
SQL = "select status, count(*) as orders, sum(price * quantity) as revenue from demo.orders group by all order by 1"


def main() -> None:
    lake = state.running(checkout())
    if lake is None:
        sys.exit("no lake is running here: run `make demo` first")
    if CHROMIUM is None:
        sys.exit("there is no chromium on the path")
    from playwright.sync_api import sync_playwright

    pages = pages_of(Target().connect())
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for name, path in pages.items():
            picture(browser, lake, path, FOLDER / f"{name}.png", viewport=DESK)
        picture(browser, lake, "/", FOLDER / "phone.png", viewport=PHONE, color_scheme="dark")
        browser.close()


def pages_of(connected: Connected) -> dict[str, str]:
    """The page of each picture."""
    lake = connected.lake
    raw = lake.settings[Setting.RAW_BUCKET]
    held_back = next(b for b in lake.batches.newest("demo/orders", 10) if b.status == "QUARANTINED")
    return {
        "home": "/",
        "dataset": "/datasets/demo/orders",
        "batch": f"/batches/{held_back.id}",
        "execution": f"/executions/{held_back.id}",
        "object": link("/object", uri=f"s3://{raw}/demo/orders/orders-with-bad-rows.csv"),
        "browse": link("/browse", at=f"s3://{raw}/demo/orders/"),
        "query": link("/query", sql=SQL),
    }


def picture(browser: Any, lake: state.RunningLake, page_path: str, path: Path, **how: Any) -> None:
    context = browser.new_context(**how)
    let_in(context, lake.console, lake.key.console_token())
    page = context.new_page()
    page.goto(lake.console + page_path)
    if "/query?" in page_path:
        page.get_by_role("button", name="Run").click()
        page.locator("th", has_text="revenue").wait_for()
    page.wait_for_timeout(800)
    page.screenshot(path=path)
    context.close()
    print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
