"""Test cases of state machines: mocked integrations in AWS's own format, MockConfigFile.json.

Source: "Using mocked service integrations" of the guide of Step Functions Local. Calls are counted as there: entry n of
a mocked response answers the n-th call that its state makes in an execution, across Map iterations.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.core.errors import BadDefinition

FILE = "MockConfigFile.json"
_ATTEMPTS = re.compile(r"(\d+)(?:-(\d+))?")


@dataclass(frozen=True, slots=True)
class MockedAnswer:
    """The answer of a mocked call: `result`, or `error` with `cause`."""

    result: Any = None
    error: str | None = None
    cause: str = ""


@dataclass(frozen=True, slots=True)
class MockedResponse:
    """The answers of one state, by number of the call."""

    name: str
    answers: tuple[tuple[str, range, MockedAnswer], ...]
    """For each entry: the calls as the file writes them, the same as numbers, and their answer."""

    def answer(self, call: int) -> MockedAnswer | None:
        """The answer for call `call`, counted from 0; None if the file has none."""
        return next((answer for _, calls, answer in self.answers if call in calls), None)

    def taken(self, calls: int) -> list[ResponseEntry]:
        """The entries that answer any of the first `calls` calls."""
        return [ResponseEntry(self.name, text) for text, numbers, _ in self.answers if numbers.start < calls]


@dataclass(frozen=True, slots=True, order=True)
class ResponseEntry:
    """An entry of `MockedResponses`: the response's name, and the calls as the file counts them."""

    response: str
    calls: str

    def __str__(self) -> str:
        return f'{self.response} "{self.calls}"'


TestCase = Mapping[str, MockedResponse]
"""The mocked states of a case, by name. Other states call their services."""


class MockConfig:
    """One MockConfigFile.json."""

    def __init__(self, document: Any, source: str) -> None:
        self._source = source
        self._machines = self._object(self._object(document, "the file").get("StateMachines"), "StateMachines")
        self._responses = self._object(document.get("MockedResponses", {}), "MockedResponses")

    @classmethod
    def load(cls, path: Path) -> MockConfig:
        """Read the file. `BadDefinition` with its name if it cannot be read, and with the line if it is not JSON."""
        try:
            return cls(json.loads(path.read_text(encoding="utf-8")), str(path))
        except OSError as error:
            raise BadDefinition(
                f"{path}: {error.strerror}", hint="It has the test cases: see docs/state-machine-tests.md."
            ) from error
        except ValueError as error:
            raise BadDefinition(f"{path}: {error}") from error

    @property
    def machines(self) -> list[str]:
        """The names of the machines that have test cases, in the order of the file."""
        return list(self._machines)

    def cases(self, machine: str) -> list[str]:
        """The names of a machine's test cases; `BadDefinition` for a machine that is not in the file."""
        return list(self._cases(machine))

    def case(self, machine: str, name: str) -> TestCase:
        """One case. `BadDefinition`, with its place in the file, if it does not exist or is not in AWS's format."""
        cases = self._cases(machine)
        if name not in cases:
            raise self._wrong(f"StateMachines.{machine}.TestCases", f"there is no test case {name!r}")
        where = f"StateMachines.{machine}.TestCases.{name}"
        return {
            state: self._response(response, f"{where}.{state}")
            for state, response in self._object(cases[name], where).items()
        }

    def entries(self) -> set[ResponseEntry]:
        """Every entry of every mocked response."""
        return {
            ResponseEntry(name, calls)
            for name, entries in self._responses.items()
            for calls in self._object(entries, f"MockedResponses.{name}")
        }

    def _cases(self, machine: str) -> Mapping[str, Any]:
        if machine not in self._machines:
            raise self._wrong("StateMachines", f"there is no state machine {machine!r}")
        where = f"StateMachines.{machine}"
        return self._object(self._object(self._machines[machine], where).get("TestCases"), f"{where}.TestCases")

    def _response(self, name: Any, where: str) -> MockedResponse:
        if not isinstance(name, str) or name not in self._responses:
            raise self._wrong(where, f"there is no mocked response {name!r} in MockedResponses")
        where = f"MockedResponses.{name}"
        entries = self._object(self._responses[name], where)
        return MockedResponse(name, tuple(self._answers(entries, where)))

    def _answers(self, entries: Mapping[str, Any], where: str) -> Iterator[tuple[str, range, MockedAnswer]]:
        seen: set[int] = set()
        for attempts, entry in entries.items():
            place = f"{where}.{attempts}"
            match = _ATTEMPTS.fullmatch(attempts)
            calls = range(int(match[1]), int(match[2] or match[1]) + 1) if match else range(0)
            if not calls:
                raise self._wrong(place, 'calls are numbered as "0", or as a range such as "1-2"')
            if not seen.isdisjoint(calls):
                raise self._wrong(place, "a call has more than one answer")
            seen.update(calls)
            yield attempts, calls, self._answer(self._object(entry, place), place)

    def _answer(self, entry: Mapping[str, Any], where: str) -> MockedAnswer:
        if set(entry) == {"Return"}:
            return MockedAnswer(entry["Return"])
        thrown = entry.get("Throw")
        if set(entry) != {"Throw"} or not isinstance(thrown, dict) or not isinstance(thrown.get("Error"), str):
            raise self._wrong(where, 'an answer is {"Return": …} or {"Throw": {"Error": "…", "Cause": "…"}}')
        return MockedAnswer(error=thrown["Error"], cause=str(thrown.get("Cause") or ""))

    def _object(self, value: Any, where: str) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise self._wrong(where, "an object is expected here")
        return value

    def _wrong(self, where: str, what: str) -> BadDefinition:
        return BadDefinition(f"{self._source}: {where}: {what}")
