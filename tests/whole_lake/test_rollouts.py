"""An execution that runs while a deployment changes its code ends with what it began with; the next has the new."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.clients import client
from pipeline.lake.settings import Setting

from .conftest import RunningLake, csv_text

CSV = {
    "stage_a": {"format": "csv", "columns": {"id": "string"}},
    "quality": {"ruleset": 'Rules = [ IsComplete "id" ]'},
}
NEW = "what the deployment brought"
PRINTS = f'\nprint("{NEW}")\n'
HANDLERS = Path("stages/stage_b/end.py")
SCRIPTS = (Path("stages/stage_b/jobs/standard.py"), Path("stages/stage_b/jobs/quality.py"))
DEFINITION = Path("definitions/state_machines/stage_b.asl.json")
COMMENT = "Readers of the table see the batch"


@pytest.fixture
def sources(lake: RunningLake) -> Iterator[Path]:
    """The checkout, which is as it was afterwards, and so is what is deployed of it."""
    before = {path: (lake.root / path).read_text() for path in (HANDLERS, *SCRIPTS, DEFINITION)}
    yield lake.root
    for path, text in before.items():
        (lake.root / path).write_text(text)
    deploy(lake)


def deploy(lake: RunningLake) -> None:
    done = lake.sluice("deploy")
    assert done.returncode == 0, done.stderr + done.stdout


def change_everything(root: Path) -> None:
    """A handler, both scripts and the definition of Stage B."""
    for path in (HANDLERS, *SCRIPTS):
        text = (root / path).read_text()
        marker = "from __future__ import annotations\n"
        assert marker in text
        (root / path).write_text(text.replace(marker, marker + PRINTS, 1))
    definition = (root / DEFINITION).read_text()
    assert COMMENT in definition
    (root / DEFINITION).write_text(definition.replace(COMMENT, NEW))


@pytest.fixture
def hold(lake: RunningLake) -> Iterator[Path]:
    """A job has the one slot of Glue runs, so that later ones wait, until the file that this answers is there."""
    glue, bucket = client("glue"), lake.lake.settings[Setting.STAGING_BUCKET]
    go_on = lake.root / "go-on"
    script = f"import os, time\nwhile not os.path.exists({str(go_on)!r}):\n    time.sleep(0.05)\n"
    client("s3").put_object(Bucket=bucket, Key="hold.py", Body=script.encode())
    command = {"Name": "glueetl", "PythonVersion": "3", "ScriptLocation": f"s3://{bucket}/hold.py"}
    glue.create_job(Name="hold", Role="arn:aws:iam::123456789012:role/hold", Command=command)
    glue.start_job_run(JobName="hold")
    yield go_on
    go_on.touch()
    glue.delete_job(JobName="hold")


def arn_of(lake: RunningLake, batch: str) -> str:
    return f"{lake.lake.settings[Setting.STAGE_B_MACHINE].replace(':stateMachine:', ':execution:')}:{batch}"


def described(arn: str) -> dict[str, Any]:
    found: dict[str, Any] = client("stepfunctions").describe_execution(executionArn=arn)
    return found


def shown_version(lake: RunningLake, arn: str) -> int:
    """The version of its machine, as a person is told."""
    done = lake.sluice("execution", arn.rpartition(":")[2], "--json")
    assert done.returncode == 0, done.stderr
    return int(json.loads(done.stdout)["version"])


def had_new(lake: RunningLake, arn: str) -> dict[str, bool]:
    """Which parts of an execution were those that the deployment brought; of the function, whether any call was."""
    states = client("stepfunctions")
    events = states.get_execution_history(executionArn=arn, maxResults=1000)["events"]
    submitted = [each["taskSubmittedEventDetails"] for each in events if "taskSubmittedEventDetails" in each]
    runs = [json.loads(each["output"])["JobRunId"] for each in submitted if each["resourceType"] == "glue"]
    assert len(runs) == 2
    found = {
        job: printed(f"/sluice/{lake.connected.env}/glue/output", logStreamNames=[run])
        for job, run in zip(("standard", "quality"), runs, strict=True)
    }
    definition = states.describe_state_machine_for_execution(executionArn=arn)["definition"]
    return {
        **found,
        "commit": printed(f"/sluice/{lake.connected.env}/lambda/commit"),
        "definition": NEW in definition,
    }


def printed(group: str, **where: Any) -> bool:
    """Whether the new code has left its word in a log, which is written a moment later."""
    time.sleep(0.5)
    found = client("logs").filter_log_events(logGroupName=group, **where)["events"]
    assert found, group
    return any(NEW in event["message"] for event in found)


def test_an_execution_that_runs_during_a_deployment_ends_with_what_it_began_with(
    lake: RunningLake, sources: Path, hold: Path
) -> None:
    dataset = lake.define(CSV)
    dataset.drop("before.csv", csv_text("id", "before"))
    running = arn_of(lake, dataset.open_batch().id)
    change_everything(sources)
    deploy(lake)
    assert described(running)["status"] == "RUNNING"
    hold.touch()
    lake.settle()
    assert described(running)["status"] == "SUCCEEDED"
    assert had_new(lake, running) == dict.fromkeys(("standard", "quality", "commit", "definition"), False)

    dataset.drop("after.csv", csv_text("id", "after"))
    lake.settle()
    later = arn_of(lake, dataset.batches()[0].id)
    assert later != running
    assert had_new(lake, later) == dict.fromkeys(("standard", "quality", "commit", "definition"), True)
    assert sorted(row["id"] for row in dataset.rows()) == ["after", "before"]
    old, new = (shown_version(lake, each) for each in (running, later))
    assert new > old
    assert described(running)["stateMachineAliasArn"] == described(later)["stateMachineAliasArn"]


def test_a_deployment_of_the_same_checkout_publishes_nothing(lake: RunningLake) -> None:
    def published() -> list[str]:
        functions = client("lambda").list_functions(FunctionVersion="ALL")["Functions"]
        machines = [lake.lake.settings[each] for each in (Setting.STAGE_A_MACHINE, Setting.STAGE_B_MACHINE)]
        versions = [
            version["stateMachineVersionArn"]
            for machine in machines
            for version in client("stepfunctions").list_state_machine_versions(stateMachineArn=machine)[
                "stateMachineVersions"
            ]
        ]
        return sorted(each["FunctionArn"] for each in functions) + versions

    deploy(lake)
    before = published()
    assert any(each.endswith(":1") for each in before)
    deploy(lake)
    assert published() == before
