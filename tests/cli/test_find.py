"""`sluice find`, and what a shell completes, over a lake with datasets, objects, batches and executions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from pipeline.cli.completion import PROPOSED, batches, datasets, executions, objects
from pipeline.emulator.gateway.server import AwsServer

from ..conftest import ROOT
from .conftest import Sluice
from .stories import Story, story

__all__ = ["story"]


def test_what_is_found_is_told_by_kind_with_the_command_that_shows_it(sluice: Sluice, story: Story) -> None:
    found = json.loads(sluice("find", "orders", "--json").stdout)
    assert {"dataset", "object"} <= {hit["kind"] for hit in found}
    text = sluice("find", story.good_batch).stdout
    assert "batch" in text
    assert f"sluice diff {story.good_batch}" in text
    assert f"sluice why {story.failed.uri}" in sluice("find", story.failed.key).stdout


def test_what_is_not_there_is_told_so(sluice: Sluice, story: Story) -> None:
    nothing = sluice("find", "nobody-has-this")
    assert nothing.exit_code == 1
    assert "nothing of this name" in nothing.stdout


def completed(front: AwsServer, *words: str) -> list[str]:
    """What bash is proposed for the last of the words."""
    line = ["sluice", "--endpoint", front.endpoint, *words]
    script = "from pipeline.cli import main; main()"
    environ = {
        **os.environ,
        "_SLUICE_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(line),
        "COMP_CWORD": str(len(line) - 1 if words[-1] else len(line)),
    }
    command = [sys.executable, "-c", f"import sys; sys.argv = ['sluice']; {script}"]
    done = subprocess.run(command, env=environ, cwd=ROOT, capture_output=True, text=True, check=False)
    assert not done.stderr
    return done.stdout.split()


def test_a_shell_completes_datasets_batches_and_objects(front: AwsServer, story: Story) -> None:
    assert "shop/orders" in completed(front, "status", "shop/")
    assert story.bad_batch in completed(front, "release", story.bad_batch[:20])
    assert story.quarantined.key in completed(front, "why", "shop/orders/n")


class Context:
    """Of a command line whose global options are those."""

    def __init__(self, **params: str) -> None:
        self.params = params

    def find_root(self) -> Context:
        return self


@pytest.mark.parametrize("propose", [datasets, batches, executions, objects])
def test_where_no_lake_answers_nothing_is_proposed_and_nothing_is_said(
    propose: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert propose(Context(endpoint="http://127.0.0.1:9"), "") == []
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("propose", [datasets, batches, executions, objects])
def test_what_is_proposed_begins_with_what_is_written(propose: Any, front: AwsServer, story: Story) -> None:
    every = propose(Context(endpoint=front.endpoint), "")
    assert 0 < len(every) <= PROPOSED or propose is executions
    for name, _ in every:
        assert name in [each for each, _ in propose(Context(endpoint=front.endpoint), name)]
