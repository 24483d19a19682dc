"""No web page gets into a lake that is at work: in a real browser, from another port and by a name that is rebound."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from ..console.conftest import CHROMIUM
from .attacked import CONTENT, PLANTED, Attacked, is_refusal

ATTACK = """async ([ports, bucket]) => {
  const job = JSON.stringify({Name: "page", Role: "r", Command: {Name: "glueetl", ScriptLocation: `s3://${bucket}/page`}});
  const target = action => ({"X-Amz-Target": `AWSGlue.${action}`, "Content-Type": "application/x-amz-json-1.1"});
  const form = new URLSearchParams({key: "page", file: "import os"});
  const upload = new FormData();
  upload.set("key", "page");
  upload.set("file", new Blob(["import os"]), "page");
  const asked = [
    ["/", {}], [`/${bucket}`, {}], [`/${bucket}/rows.csv`, {}],
    [`/${bucket}`, {method: "POST", body: upload}], [`/${bucket}`, {method: "POST", body: form}],
    [`/${bucket}/page`, {method: "PUT", body: "import os"}], ["/page", {method: "PUT"}],
    ["/", {method: "POST", body: job, headers: target("CreateJob")}], ["/", {method: "POST", body: job}],
    ["/", {method: "POST", body: JSON.stringify({JobName: bucket}), headers: target("StartJobRun")}],
    ["/", {method: "POST", body: new URLSearchParams({Action: "CreateTopic", Name: "page"})}],
    ["/moto-api/reset", {method: "POST"}], ["/moto-api/data.json", {}],
    ["/_sluice/calls", {}], ["/_sluice/hurry", {method: "POST"}], ["/2018-06-01/runtime/invocation/next", {}],
  ];
  const read = [];
  const limited = () => AbortSignal.timeout(4000);
  const ask = async (port, path, options) => {
    const url = `http://${location.hostname}:${port}${path}`;
    for (const mode of ["cors", "no-cors"]) {
      try {
        const answer = await fetch(url, {...options, mode, signal: limited()});
        if (answer.type !== "opaque") read.push([url, answer.status, await answer.text()]);
      } catch (refused) {}
    }
  };
  const loads = (name, port) => new Promise(done => {
    const element = document.createElement(name);
    element.onload = () => { read.push([`${name} of ${port}`, 200, ""]); done(); };
    element.onerror = done;
    setTimeout(done, 4000);
    element.src = `http://${location.hostname}:${port}/${bucket}/rows.csv`;
    document.body.append(element);
  });
  const talks = port => new Promise(done => {
    const socket = new WebSocket(`ws://${location.hostname}:${port}/`);
    socket.onopen = () => { read.push([`a socket of ${port}`, 101, ""]); done(); };
    socket.onerror = done;
    setTimeout(done, 4000);
  });
  const posts = port => {
    const frame = document.body.appendChild(document.createElement("iframe"));
    frame.name = `frame${port}`;
    const form = document.body.appendChild(document.createElement("form"));
    Object.assign(form, {target: frame.name, method: "post", enctype: "multipart/form-data"});
    form.action = `http://${location.hostname}:${port}/${bucket}`;
    for (const [name, value] of [["key", "page"], ["file", "import os"]]) {
      const field = form.appendChild(document.createElement("input"));
      Object.assign(field, {name, value});
    }
    form.submit();
  };
  await Promise.all(ports.map(async port => {
    posts(port);
    navigator.sendBeacon(`http://${location.hostname}:${port}/moto-api/reset`, "");
    const others = [loads("img", port), loads("script", port), talks(port)];
    await Promise.all([...others, ...asked.map(([path, options]) => ask(port, path, options))]);
  }));
  return read;
}"""


class Attacker(ThreadingHTTPServer):
    """Serves a page to anybody, and hears what the page tries on itself as on the lake."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.heard: set[str] = set()


class _Handler(BaseHTTPRequestHandler):
    server: Attacker

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.heard.add("WebSocket" if self.headers.get("Upgrade") else f"{self.command} {self.path}")
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<body></body>")

    do_POST = do_PUT = do_GET

    def log_message(self, *_: Any) -> None:
        """Quietly."""


@pytest.fixture
def lake(attacked_lake: Attacked) -> Attacked:
    return attacked_lake


@pytest.fixture
def attacker() -> Iterator[Attacker]:
    server = Attacker()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A real one, to which evil.example is this machine, and which lets any page ask it as most browsers do."""
    if CHROMIUM is None:
        pytest.skip("there is no chromium on the path")
    from playwright.sync_api import sync_playwright

    rebound = "--host-resolver-rules=MAP evil.example 127.0.0.1"
    lenient = "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", rebound, lenient])
        yield browser
        browser.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "evil.example"])
def test_a_page_of_another_port_reads_nothing_and_changes_nothing(
    lake: Attacked, browser: Any, attacker: Attacker, host: str
) -> None:
    before = lake.contents()
    own = attacker.server_port
    page = browser.new_context().new_page()
    page.goto(f"http://{host}:{own}/")
    read = page.evaluate(ATTACK, [[own, *(each.port for each in lake.ports())], PLANTED])
    assert attacker.heard >= {
        "WebSocket",
        "PUT /page",
        f"POST /{PLANTED}",
        "POST /moto-api/reset",
        "GET /_sluice/calls",
    }
    assert [answer for answer in read if str(own) not in answer[0]] == []
    assert lake.contents() == before


def test_a_page_whose_name_becomes_this_machine_reads_refusals_alone(lake: Attacked, browser: Any) -> None:
    before, secrets = lake.contents(), lake.secrets()
    pages = {each.port: _rebound(browser, f"http://evil.example:{each.port}/") for each in lake.ports()}
    for port, page in pages.items():
        page.evaluate(f"given => {{ window.read = ({ATTACK})(given); }}", [[port], PLANTED])
    answers = [answer for page in pages.values() for answer in page.evaluate("window.read")]
    assert answers
    for url, status, text in answers:
        # What does not speak HTTP has no status: Chromium takes it for an old server's page.
        assert 400 <= status < 500 or is_refusal(text, secrets), (url, status, text[:200])
        assert not [secret for secret in (*secrets, CONTENT) if secret in text], url
    assert lake.contents() == before


def _rebound(browser: Any, url: str) -> Any:
    """A page whose first answer is an attacker's, and all further ones those of whoever listens at its address."""
    page = browser.new_context().new_page()
    page.route(url, lambda route: route.fulfill(body="<body></body>", content_type="text/html"), times=1)
    page.goto(url)
    return page
