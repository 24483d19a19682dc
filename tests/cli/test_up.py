"""What `sluice up` says besides its steps."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from pipeline.cli import up
from pipeline.cli.output import console
from pipeline.cli.up import say_limits
from pipeline.core.lake_key import LakeKey
from pipeline.emulator.gateway.operations import PAGE
from pipeline.emulator.state import RunningLake
from tests.conftest import ROOT


def test_up_says_in_one_line_that_there_are_limits_and_where_they_are_listed():
    with console.capture() as said:
        say_limits(set())
    (line,) = said.get().splitlines()
    assert f"limits: they are listed in {PAGE}" in line
    assert (ROOT / PAGE).is_file()


def test_up_counts_what_it_takes_without_effect():
    with console.capture() as said:
        say_limits({"AWS::S3::Bucket LifecycleConfiguration", "AWS::S3::Bucket Tags", "AWS::KMS::Key Tags"})
    assert "accepted without effect: 3 properties of KMS::Key, S3::Bucket" in said.get().splitlines()[1]


@pytest.mark.parametrize("serves", [True, False])
def test_an_address_of_the_console_is_told_only_where_somebody_answers(
    monkeypatch: pytest.MonkeyPatch, *, serves: bool
):
    monkeypatch.setattr(up, "CONSOLE_S", 0.5)
    key = LakeKey.make()
    # Somebody listens in both cases: that is not yet an answer.
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        if serves:
            Thread(target=server.handle_request, daemon=True).start()
        lake = RunningLake("", "eu-west-1", "local", 1, "", f"http://127.0.0.1:{server.server_port}", key)
        assert up.pages_of(lake) == (lake.pages if serves else None)
