"""The commands that start executions, run them again, and redrive them."""

from __future__ import annotations

import json

import pytest

from pipeline.core.clients import client
from tests.console.test_starts import ended, execution_of, mine

assert mine


def test_a_machine_is_started_and_what_failed_is_run_again_and_redriven(sluice, lake, mine, tmp_path):
    assert sluice("executions", "start", "mine", "--input", '{"good": false}', "--name", "by-hand").exit_code == 0
    assert ended(execution_of(mine, "by-hand"))["error"] == "NotGood"
    assert "goes on" in sluice("executions", "redrive", "by-hand").output
    assert ended(execution_of(mine, "by-hand"))["redriveCount"] == 1
    again = json.loads(sluice("executions", "rerun", "by-hand", "--json").output)["name"]
    assert ended(execution_of(mine, again))["input"] == '{"good": false}'
    file = tmp_path / "mended.json"
    file.write_text('{"good": true}')
    mended = json.loads(sluice("executions", "rerun", "by-hand", "--input", f"@{file}", "--json").output)["name"]
    assert ended(execution_of(mine, mended))["status"] == "SUCCEEDED"
    listed = sluice("executions", "--machine", "mine", "--json").output
    assert {"by-hand", again, mended} <= {each["name"] for each in json.loads(listed)}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("start", "a"), "routes what arrives"),
        (("start", "nothing"), "is not a machine"),
        (("start", "mine", "--input", "{"), "line 1, column 2"),
        (("start", "mine", "--input", "@nowhere.json"), "cannot be read"),
        (("rerun", "nobody"), "no state machine has an execution"),
        (("redrive", "nobody"), "no state machine has an execution"),
    ],
)
def test_what_cannot_work_says_why(sluice, mine, arguments, told):
    result = sluice("executions", *arguments)
    assert result.exit_code != 0
    assert told in str(result.exception)


def test_what_publishes_data_asks_for_yes(sluice, mine):
    name = "/sluice/local/machines/publisher"
    client("ssm").put_parameter(Name=name, Value=json.dumps({"arn": mine}), Type="String")
    refused = sluice("executions", "start", "publisher")
    assert (refused.exit_code != 0, "publishes data" in str(refused.exception)) == (True, True)
    assert sluice("executions", "start", "publisher", "--yes").exit_code == 0
