"""UpdateJob changes a job; what it leaves out is reset, and its runs stay."""

from __future__ import annotations

import pytest

COMMAND = {"Name": "glueetl", "ScriptLocation": "s3://a/new.py"}


def test_a_job_is_what_the_update_says_and_its_runs_stay(aws):
    glue = aws("glue")
    old = {"Name": "glueetl", "ScriptLocation": "s3://a/old.py"}
    glue.create_job(Name="job", Role="r", Command=old, Timeout=5, DefaultArguments={"--a": "b"}, Tags={"t": "1"})
    before = glue.get_job(JobName="job")["Job"]
    run = glue.start_job_run(JobName="job")["JobRunId"]
    assert glue.update_job(JobName="job", JobUpdate={"Role": "s", "Command": COMMAND})["JobName"] == "job"
    job = glue.get_job(JobName="job")["Job"]
    assert (job["Role"], job["Command"], job["DefaultArguments"]) == ("s", COMMAND, {})
    assert "Timeout" not in job
    assert job["CreatedOn"] == before["CreatedOn"]
    assert [found["Id"] for found in glue.get_job_runs(JobName="job")["JobRuns"]] == [run]
    assert glue.get_tags(ResourceArn="arn:aws:glue:eu-west-1:123456789012:job/job")["Tags"] == {"t": "1"}


def test_a_job_that_is_not_there_is_not_made(aws):
    glue = aws("glue")
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.update_job(JobName="none", JobUpdate={"Role": "s", "Command": COMMAND})
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.get_job(JobName="none")
