"""What one invocation of the forwarding function sends, to an endpoint and with a secret that are real here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from pipeline.core.clients import client
from pipeline.core.errors import Misconfigured, SluiceError, Transient
from pipeline.core.settings import Settings
from pipeline.log_forwarding import sender
from pipeline.log_forwarding.services import LogForwarding, headers_of
from pipeline.log_forwarding.settings import Setting
from stages.log_forwarding.forward import forward_log_events
from tests.log_forwarding.receiver import CUT_OFF, Receiver, receiver
from tests.log_forwarding.test_events import document, invocation

OWN = "/sluice/dev/lambda/forward-logs"
FEED = "/sluice/dev/lambda/feed-payments"


class Context:
    aws_request_id = "r"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    with receiver(tmp_path_factory.mktemp("tls")) as started:
        yield started


@pytest.fixture
def there(running: Receiver, aws: None, monkeypatch: pytest.MonkeyPatch) -> Receiver:
    monkeypatch.setattr(sender, "TRIES", 1)
    running.answers, running.requests = [200], []
    return running


@pytest.fixture
def secret(aws: None) -> str:
    text = json.dumps({"Authorization": "Bearer a"})
    return str(client("secretsmanager").create_secret(Name="sluice-dev-log-headers", SecretString=text)["ARN"])


def forward(there: Receiver, event: dict[str, Any], monkeypatch: pytest.MonkeyPatch, **given: str) -> Any:
    """As in an embedded lake, whose endpoint is this machine."""
    values = {
        Setting.LOG_SETTINGS: "/sluice/dev/log-forwarding/",
        Setting.OWN_LOG_GROUPS: OWN,
        Setting.FIELDS_ONLY: "/sluice/dev/lambda/feed-",
    }
    published = {"log-endpoint": there.url, "log-authority": there.authority, **given}
    for name, value in published.items():
        name = f"{values[Setting.LOG_SETTINGS]}{name.replace('_', '-')}"
        client("ssm").put_parameter(Name=name, Value=value, Type="String", Overwrite=True)
    monkeypatch.setattr("pipeline.log_forwarding.services.endpoint", lambda: "http://127.0.0.1:4566")
    # The work itself, with services of this test's own.
    work = forward_log_events.__wrapped__  # type: ignore[attr-defined]
    return work(event, LogForwarding(Settings(values, "the test")))


def test_events_arrive_with_the_headers_of_the_secret(
    there: Receiver, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = invocation(document("one", "two"))
    assert forward(there, event, monkeypatch, log_headers=secret) == {"events": 2}
    [request] = there.requests
    assert request.headers["Authorization"] == "Bearer a"
    assert [each["message"] for each in request.lines] == ["one", "two"]


@pytest.mark.parametrize("given", [{"logGroup": OWN}, {"messageType": "CONTROL_MESSAGE"}])
def test_its_own_events_and_control_messages_go_nowhere(
    there: Receiver, given: dict[str, str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert forward(there, invocation(document("one", **given)), monkeypatch) == {"events": 0}
    assert (there.requests, caplog.records) == ([], [])


def test_nothing_is_sent_where_no_endpoint_is_set(there: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    assert forward(there, invocation(document("one")), monkeypatch, log_endpoint="off") == {"events": 0}
    assert there.requests == []


@pytest.mark.parametrize(("answer", "error"), [(503, Transient), (CUT_OFF, Transient), (400, Misconfigured)])
def test_a_batch_that_is_not_taken_whole_fails_and_comes_again_whole(
    there: Receiver, answer: int, error: type[SluiceError], monkeypatch: pytest.MonkeyPatch
) -> None:
    event = invocation(document(*(f"{n} {'x' * 600_000}" for n in range(3))))
    there.answers = [200, answer]
    with pytest.raises(error):
        forward(there, event, monkeypatch)
    there.answers = [200]
    assert forward(there, event, monkeypatch) == {"events": 3}
    ids = [line["id"] for line in there.lines()]
    assert ids[-3:] == ["0", "1", "2"]
    assert ids[0] == "0", "what had arrived comes twice, by the same id"


def test_of_a_feeds_logs_facts_leave_and_no_values(there: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    canary = "ann@example.org"
    trace = f"[ERROR] UniqueViolation: Key (email)=({canary}) already exists.\nTraceback (most recent call last):\n  …"
    ours = {"level": "INFO", "message": "loaded", "rows": 3, "service": "feeds.load_changes", "location": "load:29"}
    quoting = {"level": "ERROR", "message": f"{canary} is no date", "exception": canary, "exception_name": "BadInput"}
    odd = {canary: 1, "level": canary, "rows": {"of": canary}, "service": f"x {canary}"}
    start = "START RequestId: 8f5e5f8e-0000-0000-0000-000000000000 Version: 7"
    messages = (trace, start, f"{start} {canary}", *map(json.dumps, (ours, quoting, odd)), json.dumps([canary]))
    forward(there, invocation(document(*messages, logGroup=FEED)), monkeypatch)
    [request] = there.requests
    assert canary.encode() not in request.body
    said = [
        {k: v for k, v in line.items() if k not in ("id", "time", "account", "group", "stream")}
        for line in request.lines
    ]
    assert said == [
        {"withheld": len(trace)},
        {"message": start},
        {"withheld": len(f"{start} {canary}")},
        {"record": ours},
        {"record": {"level": "ERROR", "exception_name": "BadInput"}, "withheld_fields": 2},
        {"record": {}, "withheld_fields": 4},
        {"withheld": len(json.dumps([canary]))},
    ]


@pytest.mark.parametrize(
    "secret_text",
    [
        "", "k3y", "[]", "{}", '"k3y"', '{"Authorization": 7}', '{"Authorization": ""}', '{"Host": "k3y"}',
        '{"content-length": "1"}', '{"A b": "k3y"}', '{"A": "k3y\\r\\nX: y"}', '{"A": " k3y"}', '{"A": "k3y\\u00e9"}',
    ],
)  # fmt: skip
def test_a_secret_of_another_form_is_refused_and_not_quoted(secret_text: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        headers_of(secret_text)
    assert "k3y" not in f"{refused.value.message} {refused.value.hint}"


def test_the_headers_of_a_secret_are_those_that_it_names() -> None:
    assert headers_of('{"Authorization": "Bearer a b", "X-Scope": "1"}') == {
        "Authorization": "Bearer a b",
        "X-Scope": "1",
    }
