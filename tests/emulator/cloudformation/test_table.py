"""docs/reference/resources.md says what the deployer honours, and nothing else."""

from __future__ import annotations

from pipeline.emulator.cloudformation import docs_page
from tests.conftest import ROOT


def test_the_documented_resource_types_are_those_of_the_code() -> None:
    written = (ROOT / docs_page.FILE).read_text(encoding="utf-8")
    assert written == docs_page.text(), f"{docs_page.FILE} is out of date: run `{docs_page.COMMAND}`"


def test_the_table_says_what_is_honoured_what_has_no_effect_and_what_replaces() -> None:
    lines = docs_page.text().splitlines()
    assert "| `QueueName` | honoured | replaces |" in lines
    assert "| `DelaySeconds` | honoured | in place |" in lines
    assert (
        "| `KmsMasterKeyId` | no effect: keys are recorded; nothing is encrypted on this machine | in place |" in lines
    )
    assert "| `KeySchema[].AttributeName` | honoured | replaces |" in lines
    assert "| `GroupName` | honoured | refused |" in lines
    none = "no effect: jobs share one warm Spark, which writes no event logs"
    assert f"| `DefaultArguments.--spark-event-logs-path` | {none} | in place |" in lines
    assert "| `JobRunQueuingEnabled` | honoured | in place |" in lines
    assert "| `DefaultArguments.*` | honoured | in place |" in lines
    rule = (
        "| `LifecycleConfiguration.Rules[].Id` | no effect: recorded; nothing expires in a throwaway lake | in place |"
    )
    assert rule in lines
