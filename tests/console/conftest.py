"""The console of a lake without functions and jobs, whose work the tests do with the library (see tests/cli)."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from pipeline.console.admission import PARAMETER, cookie_name
from pipeline.console.app import make_app
from pipeline.console.console import Console
from pipeline.console.server import address, bind, server
from pipeline.lake.services import Lake
from pipeline.operate.connection import Connected
from tests.cli.conftest import front, lake, orders, sluice
from tests.patience import PATIENCE_S, until

assert front
assert lake
assert orders
assert sluice

TOKEN = "a-token-of-tests"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def console(lake: Lake, front: Any) -> Console:
    return Console(lambda: Connected(lake, "local", front.endpoint), allow_changes=False, token=TOKEN)


@pytest.fixture(scope="module")
def url(console: Console) -> Iterator[str]:
    """Where the console is served, on a real socket."""
    with bind(0) as listening:
        serving = server(make_app(console))
        thread = threading.Thread(target=serving.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        until(lambda: serving.started)
        yield address(listening)
        serving.should_exit = True
        thread.join(10)


@dataclass
class LooksEachTime:
    """In the place of a `Cached`, for who asks right after a change."""

    look: Callable[[Lake], Any]
    is_behind = False

    def newest(self, lake: Lake) -> Any:
        return self.look(lake)

    def expire(self) -> None:
        """Nothing is kept."""


@dataclass
class Visitor:
    """Somebody with a browser's cookies, and without its scripts."""

    http: httpx.Client

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.http.get(path, **more)

    def document(self, path: str, **query: Any) -> dict[str, Any]:
        """A page's twin, after the page itself was drawn, too."""
        drawn = self.http.get(path, params=query)
        assert drawn.status_code == 200, drawn.text
        twin = self.http.get(f"{path if path != '/' else '/home'}.json", params=query)
        assert twin.status_code == 200, twin.text
        found: dict[str, Any] = twin.json()
        return found

    def token(self) -> str:
        """The token that pages carry for this visitor."""
        return self.http.get("/").text.partition('name="csrf" content="')[2].partition('"')[0]

    def post(self, path: str, **fields: str) -> httpx.Response:
        """Send a form as the console's own page does, and follow to the page that answers."""
        data = {"csrf": self.token(), **fields}
        return self.http.post(path, data=data, headers={"origin": str(self.http.base_url).rstrip("/")})


@contextmanager
def visiting(url: str) -> Iterator[Visitor]:
    """Somebody whose browser opened the printed address."""
    with httpx.Client(base_url=url, follow_redirects=True, timeout=PATIENCE_S) as http:
        assert http.get("/", params={PARAMETER: TOKEN}).status_code == 200
        yield Visitor(http)


@pytest.fixture
def visitor(url: str) -> Iterator[Visitor]:
    with visiting(url) as visitor:
        yield visitor


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A browser; what needs one is skipped where there is none.

    Of one module: while it runs, its event loop is that of this thread, and no other can run in it.
    """
    if CHROMIUM is None:
        pytest.skip("there is no chromium on the path")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=1000 * PATIENCE_S)

    with sync_playwright() as playwright:
        # Root may not use its sandbox, and CI is root.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def new_context(browser: Any, **how: Any) -> Any:
    """Somebody without cookies, whose pages wait as long as a busy machine needs."""
    context = browser.new_context(**how)
    context.set_default_timeout(1000 * PATIENCE_S)
    return context


def let_in(context: Any, url: str, token: str) -> None:
    """Give a browser's context the cookie that the printed address gives."""
    port = int(url.rpartition(":")[2])
    context.add_cookies([{"name": cookie_name(port), "value": token, "url": url}])


@pytest.fixture
def tab(chromium: Any, url: str) -> Iterator[Any]:
    """A new tab without anybody's cookies. A script error or a refused script on its pages fails the test."""
    context = new_context(chromium, base_url=url)
    let_in(context, url, TOKEN)
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda said: problems.append(said.text) if "Content Security Policy" in said.text else None)
    yield page
    context.close()
    assert not problems
