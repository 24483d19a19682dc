"""Of several things that are deployed each for itself, one that fails leaves the others to be deployed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from pipeline.core.errors import BadDefinition, Refused
from pipeline.deploy.failures import Failures

THROTTLED = ClientError({"Error": {"Code": "Throttling", "Message": "slow down"}}, "CreateChangeSet")


def deployed(errors: dict[str, Exception | None]) -> Iterator[str]:
    failures = Failures()
    for name, error in errors.items():
        with failures.of(name):
            if error:
                raise error
            yield name
    failures.raise_any("feeds")


def test_the_others_are_deployed_and_each_failure_is_told_with_its_reason_and_hint() -> None:
    errors = {"a": BadDefinition("it is wrong", hint="Mend it."), "b": None, "c": THROTTLED, "d": None}
    going = deployed(errors)
    assert (next(going), next(going)) == ("b", "d")
    with pytest.raises(Refused) as told:
        next(going)
    assert told.value.message.splitlines()[:2] == ["2 of 4 feeds were not deployed:", "a: it is wrong Mend it."]
    assert "c: AWS answered: " in told.value.message
    assert "slow down" in told.value.message


def test_nothing_is_told_where_all_are_deployed_and_a_fault_of_the_code_ends_it() -> None:
    assert list(deployed({"a": None, "b": None})) == ["a", "b"]
    going = deployed({"a": ZeroDivisionError(), "b": None})
    with pytest.raises(ZeroDivisionError):
        next(going)
