"""Job definitions can be updated, and what nothing would act on is refused."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

COMMAND = {"Name": "glueetl", "ScriptLocation": "s3://code/job.py"}


@pytest.fixture
def glue(aws):
    return aws("glue")


def test_an_update_replaces_the_definition_and_keeps_runs_and_tags(glue):
    glue.create_job(
        Name="job", Role="r", Command=COMMAND, Timeout=5, DefaultArguments={"--a": "1"}, Tags={"owner": "lake"}
    )
    run = glue.start_job_run(JobName="job")["JobRunId"]
    update = {"Role": "other", "Command": COMMAND, "ExecutionProperty": {"MaxConcurrentRuns": 3}}
    assert glue.update_job(JobName="job", JobUpdate=update)["JobName"] == "job"
    found = glue.get_job(JobName="job")["Job"]
    assert (found["Role"], found["ExecutionProperty"]) == ("other", {"MaxConcurrentRuns": 3})
    assert not found.get("DefaultArguments")
    assert found.get("Timeout") != 5
    assert glue.get_job_run(JobName="job", RunId=run)["JobRun"]["Id"] == run
    arn = "arn:aws:glue:eu-west-1:123456789012:job/job"
    assert glue.get_tags(ResourceArn=arn)["Tags"] == {"owner": "lake"}


def test_the_newest_run_is_listed_first(glue):
    glue.create_job(Name="often", Role="r", Command=COMMAND, ExecutionProperty={"MaxConcurrentRuns": 9})
    started = [glue.start_job_run(JobName="often")["JobRunId"] for _ in range(3)]
    first = glue.get_job_runs(JobName="often", MaxResults=2)
    rest = glue.get_job_runs(JobName="often", MaxResults=2, NextToken=first["NextToken"])
    assert [run["Id"] for run in [*first["JobRuns"], *rest["JobRuns"]]] == started[::-1]


def test_a_job_that_is_not_there_cannot_be_updated(glue):
    with pytest.raises(ClientError, match="EntityNotFoundException"):
        glue.update_job(JobName="absent", JobUpdate={"Role": "r", "Command": COMMAND})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"MaxRetries": 1}, "does not repeat runs"),
        ({"Command": {**COMMAND, "Name": "gluestreaming"}}, "not gluestreaming"),
        ({"DefaultArguments": {"--job-language": "scala"}}, "Python scripts only"),
    ],
)
def test_a_job_that_would_not_run_as_on_glue_is_refused(glue, settings, message):
    given = {"Role": "r", "Command": COMMAND, **settings}
    with pytest.raises(ClientError, match=message):
        glue.create_job(Name="refused", **given)
    glue.create_job(Name="later", Role="r", Command=COMMAND)
    with pytest.raises(ClientError, match=message):
        glue.update_job(JobName="later", JobUpdate=given)
