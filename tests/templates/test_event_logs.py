"""Where Spark's event logs of a job go: where its role may write, and no start of a run says otherwise."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from pipeline.cloudformation.templates import load_template
from tests.conftest import ROOT

STACK = ROOT / "definitions" / "stacks" / "stage_b.yaml"
RESOURCES = load_template(STACK)["Resources"]
JOBS = {name: each["Properties"] for name, each in RESOURCES.items() if each["Type"] == "AWS::Glue::Job"}
BUCKET = "{{resolve:ssm:/sluice/${Env}/staging-bucket}}"
# AWS Glue Developer Guide, "Using job parameters in AWS Glue jobs".
SPARK_UI, PATH = "--enable-spark-ui", "--spark-event-logs-path"


def folder_of(job: str) -> str:
    """The key prefix of a job's event logs in the staging bucket."""
    uri = JOBS[job]["DefaultArguments"][PATH]["Fn::Sub"]
    assert uri.startswith(f"s3://{BUCKET}/"), uri
    return str(uri.removeprefix(f"s3://{BUCKET}/"))


def statements_of(job: str) -> Iterator[dict[str, Any]]:
    role, _ = JOBS[job]["Role"]["Fn::GetAtt"]
    for policy in RESOURCES[role]["Properties"]["Policies"]:
        yield from policy["PolicyDocument"]["Statement"]


def arguments_of_runs() -> Iterator[tuple[str, dict[str, Any]]]:
    """The logical id of the job that each task of a state machine runs, and what it gives it."""
    for each in RESOURCES.values():
        if each["Type"] != "AWS::Serverless::StateMachine":
            continue
        substitutions = each["Properties"]["DefinitionSubstitutions"]
        definition = json.loads((STACK.parent / each["Properties"]["DefinitionUri"]).read_text())
        for state in definition["States"].values():
            if ":glue:startJobRun" in state.get("Resource", ""):
                # A dataset with a transform has a job of its own, beside the standard one.
                job = substitutions[state["Parameters"].get("JobName", "${StandardJob}").strip("${}")]
                yield job["Ref"], state["Parameters"]["Arguments"]


@pytest.mark.parametrize("job", JOBS)
def test_a_job_writes_its_event_logs_where_its_role_may(job: str) -> None:
    assert JOBS[job]["DefaultArguments"][SPARK_UI] == "true"
    arn = f"arn:${{AWS::Partition}}:s3:::{BUCKET}"
    folder = folder_of(job)
    on = {
        (each["Resource"]["Fn::Sub"], action, each.get("Condition", {}).get("StringLike", {}).get("s3:prefix"))
        for each in statements_of(job)
        if isinstance(each["Resource"], dict) and "Fn::Sub" in each["Resource"]
        for action in each["Action"]
    }
    files = {(f"{arn}/{folder}*", f"s3:{verb}Object", None) for verb in ("Get", "Put", "Delete")}
    assert files | {(arn, "s3:ListBucket", f"{folder}*")} <= on


def test_each_job_has_a_folder_of_its_own_for_its_event_logs() -> None:
    folders = [folder_of(job) for job in JOBS]
    assert len(set(folders)) == len(folders)
    assert all(folder.startswith("_spark-events/") and folder.endswith("/") for folder in folders)


def test_no_run_that_the_state_machine_starts_turns_its_event_logs_off_or_leads_them_elsewhere() -> None:
    runs = list(arguments_of_runs())
    assert {job for job, _ in runs} == {"StandardJob", "QualityJob"}
    for job, arguments in runs:
        assert {SPARK_UI, PATH} & {name.removesuffix(".$") for name in arguments} == set(), job
