"""Nobody sees the console who has not its token: no other user of the machine, and no page of a browser."""

from __future__ import annotations

import contextlib
import http.server
import socket
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect
from starlette.routing import Mount, Route
from starlette.types import Message, Receive, Scope, Send

from pipeline.console.admission import cookie_name
from pipeline.console.app import make_app
from pipeline.console.console import Console
from pipeline.console.server import address, bind, server
from tests.console.conftest import TOKEN, let_in, new_context
from tests.patience import PATIENCE_S, until


def paths(console: Console) -> list[str]:
    """A path of every route, static files too."""
    routes = make_app(console).routes
    found = [route.path.replace(":path}", "}") for route in routes if isinstance(route, Route | Mount)]
    return [*(path.replace("{", "").replace("}", "") for path in found), "/static/console.css", "/", "/nowhere"]


def port(url: str) -> int:
    return int(url.rpartition(":")[2])


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"headers": {"Authorization": "Bearer"}},
        {"headers": {"Authorization": f"Bearer {TOKEN}x"}},
        {"headers": {"Authorization": f"Basic {TOKEN}"}},
        {"params": {"token": ""}},
        {"params": {"token": TOKEN[:-1]}},
        {"headers": {"Cookie": f"sluice={TOKEN}; sluice-console-1={TOKEN}"}},
        {"headers": {"Cookie": "sluice-console-{port}="}},
        {"headers": {"X-CSRF-Token": TOKEN, "Referer": f"http://127.0.0.1/?token={TOKEN}"}},
    ],
)
def test_whoever_has_not_the_token_gets_nothing_from_any_path(url, console, sent):
    sent = {kind: {k: v.replace("{port}", str(port(url))) for k, v in given.items()} for kind, given in sent.items()}
    with httpx.Client(base_url=url) as stranger:
        for path in paths(console):
            for method in ("GET", "POST") if sent else ("GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD"):
                answer = stranger.request(method, path, **sent)
                assert answer.status_code == 401, (method, path)
                assert method == "HEAD" or answer.text.startswith("Open the address that `sluice up`")
                assert "set-cookie" not in answer.headers


def test_the_printed_address_lets_a_browser_in_and_leads_on_without_the_token(url):
    with httpx.Client(base_url=url) as browser:
        answer = browser.get("/query", params={"token": TOKEN, "sql": 'select "1" & 2'})
        assert "url=/query?sql=select+%221%22+%26+2" in answer.text
        assert TOKEN not in answer.text
        assert (answer.headers["referrer-policy"], answer.headers["cache-control"]) == ("no-referrer", "no-store")
        given = answer.headers["set-cookie"]
        assert given.startswith(f"{cookie_name(port(url))}={TOKEN};")
        assert "HttpOnly" in given
        assert "SameSite=strict" in given
        assert browser.get("/").status_code == 200
        assert TOKEN not in browser.get("/").text


def test_who_is_in_already_is_led_on_without_the_token_too(url):
    with httpx.Client(base_url=url) as browser:
        for _ in range(2):
            answer = browser.get("/", params={"token": TOKEN})
            assert 'url=/"' in answer.text
            assert TOKEN not in answer.text


def test_it_leads_to_no_other_host(url):
    answer = httpx.get(f"{url}//evil.example/x?token={TOKEN}")
    assert "url=/evil.example/x" in answer.text


def test_a_program_sends_the_token_as_a_bearer(url):
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    assert httpx.get(f"{url}/home.json", headers=bearer).json()["settled"] in (True, False)


def test_the_printed_address_opens_the_page_in_a_browser(chromium, url):
    context = new_context(chromium)
    tab = context.new_page()
    assert tab.goto(f"{url}/datasets").status == 401
    tab.goto(f"{url}/datasets?token={TOKEN}")
    tab.wait_for_url(f"{url}/datasets")
    expect(tab.get_by_role("heading").first).to_be_visible()
    until(lambda: TOKEN not in tab.evaluate("document.cookie"))
    context.close()


class _Page(http.server.BaseHTTPRequestHandler):
    """An empty page of another origin."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>elsewhere</title>")

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@pytest.fixture
def elsewhere() -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()


ATTEMPT = """async (url) => {
  const said = [];
  for (const mode of ["cors", "no-cors"]) {
    for (const [method, path] of [["GET", "/home.json"], ["POST", "/query"], ["POST", "/drop?to=shop/orders&name=x"]]) {
      try {
        const answer = await fetch(url + path, {mode, method, credentials: "include"});
        said.push(await answer.text());
      } catch (error) { said.push(""); }
    }
  }
  return said;
}"""


@pytest.mark.parametrize(
    ("host", "answers"), [("localhost", {("GET", 401), ("POST", 401)}), ("127.0.0.1", {("GET", 200), ("POST", 403)})]
)
def test_a_page_from_elsewhere_reads_and_changes_nothing_although_the_browser_has_the_cookie(
    chromium, console, elsewhere, host, answers
):
    """On another port of the same name the cookie is sent, as cookies know no ports; the answer is not readable."""
    seen: set[tuple[str, int]] = set()
    app = make_app(console)

    async def recorded(scope: Scope, receive: Receive, send: Send) -> None:
        async def record(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen.add((scope["method"], message["status"]))
            await send(message)

        await app(scope, receive, record)

    with bind(0) as listening:
        serving = server(recorded)
        thread = threading.Thread(target=serving.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        context = new_context(chromium)
        let_in(context, address(listening), TOKEN)
        tab = context.new_page()
        tab.goto(f"http://{host}:{elsewhere}")
        assert tab.evaluate(ATTEMPT, address(listening)) == [""] * 6
        context.close()
        serving.should_exit = True
        thread.join(10)
    assert seen == answers


def test_a_strangers_body_is_not_waited_for(url):
    head = b"POST /query HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port(url)), timeout=PATIENCE_S) as stranger:
        stranger.sendall(head)
        answer = stranger.recv(65_536)
        with contextlib.suppress(ConnectionError):
            stranger.sendall(b"x")
            while more := stranger.recv(65_536):
                answer += more
    assert answer.startswith(b"HTTP/1.1 401")
