"""A worker's Runtime API is its own: nobody else on this machine takes its work or answers for it."""

from __future__ import annotations

import http.client
import json
import threading
import time

import pytest

from pipeline.emulator.awslambda.worker_pool import LambdaWorkers
from tests.emulator.awslambda.lambda_parts import answer_of, function
from tests.patience import PATIENCE_S

WAITS = (
    "import os, time\ndef handler(event, context):\n time.sleep(event)\n return os.environ['AWS_LAMBDA_RUNTIME_API']"
)


def ask(address: str, method: str, path: str) -> bytes | None:
    connection = http.client.HTTPConnection(address, timeout=PATIENCE_S)
    try:
        connection.request(method, f"/2018-06-01/runtime/{path}", b"{}" if method == "POST" else None)
        return connection.getresponse().read()
    except (http.client.HTTPException, ConnectionError):
        return None


@pytest.mark.parametrize("path", ["invocation/next", "init/error", "invocation/x/response"])
def test_a_stranger_is_told_nothing_and_takes_no_invocation(workers: LambdaWorkers, path: str) -> None:
    sleepy = function(WAITS)
    address = answer_of(workers.invoke(sleepy, b"0"))
    asked: list[bytes | None] = []
    method = "GET" if path.endswith("next") else "POST"
    stranger = threading.Thread(target=lambda: asked.append(ask(address, method, path)), daemon=True)
    stranger.start()
    time.sleep(0.1)
    began = time.monotonic()
    assert [answer_of(workers.invoke(sleepy, b"0.1")) for _ in range(3)] == [address] * 3
    assert time.monotonic() - began < PATIENCE_S
    stranger.join(PATIENCE_S)
    assert asked == [None], json.dumps(str(asked))
