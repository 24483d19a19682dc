"""What a job says of its failure decides whether it is run again."""

from __future__ import annotations

import json

import pytest
from py4j.protocol import Py4JError, Py4JNetworkError
from pyspark.errors import AnalysisException, ParseException

from pipeline.core import errors
from pipeline.core.errors import SluiceError, WillFailAgain
from stages.stage_b.end import REBASED_TOO_OFTEN, why_another_batch
from stages.stage_b.jobs.evaluation import _not_evaluated
from stages.stage_b.jobs.failure import told_apart
from tests.conftest import ROOT

LOST = "Job aborted due to stage failure: Task 0 in stage 4.0 failed 4 times: ExecutorLostFailure (executor 1 exited)"
MAY_DO_BETTER = ("Transient", "Throttled", "Broken")
OURS = sorted(name for name, value in vars(errors).items() if isinstance(value, type) and value is not SluiceError)


def raised(error: Exception) -> Exception:
    with pytest.raises(type(error) if not isinstance(error, SluiceError) else SluiceError) as caught, told_apart():
        raise error
    return caught.value


@pytest.mark.parametrize("name", OURS)
def test_of_our_own_errors_only_those_that_may_pass_are_worth_another_run(name: str) -> None:
    error = getattr(errors, name)("what happened")
    found = raised(error)
    if name in MAY_DO_BETTER:
        assert found is error
    else:
        assert isinstance(found, WillFailAgain)
        assert str(found) == f"{name}: what happened"
        assert found.__cause__ is error


def test_what_is_to_be_done_about_it_is_said_too() -> None:
    assert str(raised(errors.Inconsistent("no branch", hint="Apply it."))) == "Inconsistent: no branch. Apply it."


@pytest.mark.parametrize(
    "error", [Py4JError(LOST), Py4JNetworkError("Answer from Java side is empty"), OSError("reset"), MemoryError()]
)
def test_whatever_nobody_knows_better_is_worth_another_run(error: Exception) -> None:
    assert raised(error) is error


@pytest.mark.parametrize("kind", [AnalysisException, ParseException])
def test_what_spark_finds_wrong_in_what_it_is_asked_is_not(kind: type[Exception]) -> None:
    with pytest.raises(WillFailAgain, match=f"^{kind.__name__}: "), told_apart():
        raise kind("no such column")


GONE = [
    ConnectionRefusedError(111, "Connection refused"),
    ConnectionResetError(104, "Connection reset by peer"),
    BrokenPipeError(32, "Broken pipe"),
    EOFError(),
    Py4JNetworkError("Error while sending or receiving"),
    Py4JNetworkError("An error occurred while trying to connect to the Java server (127.0.0.1:40331)"),
    Py4JNetworkError("Answer from Java side is empty"),
]
"""What a Python process meets whose JVM was killed, at whatever moment that was."""


@pytest.mark.parametrize("gone", GONE, ids=lambda gone: f"{type(gone).__name__} {gone}")
def test_a_jvm_that_is_gone_says_nothing_about_data_or_definition(gone: Exception) -> None:
    assert raised(gone) is gone
    assert type(_not_evaluated("the ruleset", str(gone), gone)) is errors.Transient
    made_of_it = errors.Inconsistent("3 rows had to be written and 0 were")
    made_of_it.__cause__ = gone
    assert raised(made_of_it) is made_of_it


def test_a_worker_lost_under_deequ_says_nothing_about_the_ruleset() -> None:
    assert type(_not_evaluated("the ruleset", "SparkException", f"x\n{LOST}")) is errors.Transient
    assert type(_not_evaluated("the ruleset", "no such column", "no such column")) is errors.BadDefinition


def test_the_state_machine_looks_for_the_name_that_jobs_give() -> None:
    states = json.loads((ROOT / "definitions" / "state_machines" / "stage_b.asl.json").read_text())["States"]
    for name in ("Was the transform lost?", "Was the check lost?"):
        said = [each["Not"]["StringMatches"] for each in states[name]["Choices"][0]["And"] if "Not" in each]
        assert said == [f"*{WillFailAgain.__name__}: *"]


def test_a_batch_that_others_kept_from_committing_is_told_apart_by_the_name_that_the_state_machine_gives() -> None:
    states = json.loads((ROOT / "definitions" / "state_machines" / "stage_b.asl.json").read_text())["States"]
    assert states["Give up rebasing"]["Result"]["Error"] == REBASED_TOO_OFTEN
    assert states["Fail the batch"]["Parameters"]["Payload"]["error.$"] == states["Give up rebasing"]["ResultPath"]


@pytest.mark.parametrize(
    ("error", "is_kept"),
    [
        (REBASED_TOO_OFTEN, True),
        # What the commit ends with that was tried for as long as the state machine does.
        ("Contended", True),
        ("Transient", False),
        ("States.TaskFailed", False),
        ("Refused", False),
        ("NothingRecorded", False),
    ],
)
def test_a_batch_fails_by_what_is_wrong_with_it_and_not_by_what_others_do(error: str, is_kept: bool) -> None:
    assert (why_another_batch({"Error": error, "Cause": "{}"}) is not None) == is_kept
