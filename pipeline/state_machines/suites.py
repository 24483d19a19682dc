"""Suites of state machine tests: a folder with AWS's MockConfigFile.json, inputs and recorded histories.

    MockConfigFile.json                  state machines, their test cases, mocked responses
    inputs/<machine>/<case>.json         the input of one case, else inputs/<machine>.json, else {}
    histories/<machine>/<case>.json      the expected history of the execution, written by `--update`

A machine's definition is `<machine>.asl.json` in the folder, or in one of the other folders that the caller names.
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from pipeline.core.errors import BadDefinition, Transient
from pipeline.state_machines.comparison import Event, first_difference, normalised, to_text
from pipeline.state_machines.coverage import Part, is_distributed, parts, probed, states, taken
from pipeline.state_machines.history import details_of, visits
from pipeline.state_machines.placeholders import filled, hint
from pipeline.state_machines.test_cases import FILE, MockConfig, ResponseEntry, TestCase

ROLE = "arn:aws:iam::123456789012:role/state-machine-tests"
"""Step Functions Local and the embedded engine require a role and do not use it."""
POLL_S = 0.01
_MOST_NEIGHBOURS = 5
_FILE_NAME = re.compile(r"\w[\w.-]*")


@dataclass(frozen=True, slots=True)
class Case:
    """One test: a machine, a case of its mocked integrations, and the file of the expected history."""

    machine: str
    name: str
    history: Path

    def __str__(self) -> str:
        return f"{self.machine}#{self.name}"


@dataclass(frozen=True, slots=True)
class Run:
    """An execution of a case: its status and its normalised history."""

    case: Case
    status: str
    events: list[Event]


def _none(machine: str) -> Mapping[str, str]:
    return {}


class Suite:
    """The tests in a folder. `BadDefinition` for a mock file that is missing or invalid; other files are read late, so
    that an invalid one fails only the cases that need it.

    `substitutions` gives the values of the `${Name}` in a machine's definition.
    """

    def __init__(
        self, folder: Path, definitions: Sequence[Path] = (), substitutions: Callable[[str], Mapping[str, str]] = _none
    ) -> None:
        self.folder = folder
        self.mocks = folder / FILE
        self._config = MockConfig.load(self.mocks)
        self._places = (folder, *definitions)
        self._substitutions = substitutions
        self._definitions: dict[str, tuple[Path, dict[str, Any]]] = {}

    @property
    def machines(self) -> list[str]:
        """The names of the machines that have tests, in the order of the mock file."""
        return self._config.machines

    def cases(self) -> Iterator[Case]:
        """Every case of the file, in its order. `BadDefinition` for a name that cannot be a file's."""
        for machine in self.machines:
            for name in self._config.cases(machine):
                if not all(map(_FILE_NAME.fullmatch, (machine, name))):
                    raise BadDefinition(
                        f"{self.mocks}: {machine}#{name}: names of machines and cases are names of files, too",
                        hint="Use letters, digits, `_`, `-`, and `.` inside.",
                    )
                yield Case(machine, name, self._histories / machine / f"{name}.json")

    def responses(self, case: Case) -> TestCase:
        """The mocked responses of a case; `BadDefinition` if it is not in AWS's format, or names a state that is not a
        Task or a distributed Map."""
        responses = self._config.case(case.machine, case.name)
        known = states(self.definition(case.machine))
        for name in responses:
            state = known.get(name, {})
            if state.get("Type") != "Task" and not is_distributed(state):
                where = f"{self.mocks}: StateMachines.{case.machine}.TestCases.{case.name}.{name}"
                raise BadDefinition(
                    f"{where}: {case.machine} has no Task of this name",
                    hint="A case answers for Tasks, and for a distributed Map as a whole.",
                )
        return responses

    def input(self, case: Case) -> str:
        """The input of a case, as JSON; `BadDefinition` for a file that is not JSON."""
        folder = self.folder / "inputs"
        for path in (folder / case.machine / f"{case.name}.json", folder / f"{case.machine}.json"):
            if path.is_file():
                return json.dumps(_json(path, _text(path)))
        return "{}"

    def answers(self) -> set[ResponseEntry]:
        """Every answer in the mock file, including those of responses that no case names."""
        return self._config.entries()

    def leftovers(self) -> list[Path]:
        """The recorded histories of cases that are no longer in the mock file."""
        known = {case.history for case in self.cases()}
        return sorted(path for path in self._histories.rglob("*.json") if path not in known)

    @property
    def _histories(self) -> Path:
        return self.folder / "histories"

    def definition(self, machine: str) -> dict[str, Any]:
        """The machine's definition, with values for each `${Name}`."""
        return self._loaded(machine)[1]

    def advice(self, machine: str) -> str | None:
        """The hint for an invalid definition with a `${Name}` that has no given value; None if all have one."""
        return hint(_text(self.path(machine)), self._substitutions(machine))

    def path(self, machine: str) -> Path:
        """The file of a machine's definition; errors as `definition`."""
        return self._loaded(machine)[0]

    def _loaded(self, machine: str) -> tuple[Path, dict[str, Any]]:
        if machine not in self._definitions:
            self._definitions[machine] = self._read_definition(machine)
        return self._definitions[machine]

    def _read_definition(self, machine: str) -> tuple[Path, dict[str, Any]]:
        paths = [place / f"{machine}.asl.json" for place in self._places]
        path = next((path for path in paths if path.is_file()), None)
        if path is None:
            tried = ", ".join(str(path) for path in paths)
            raise BadDefinition(
                f"{self.mocks} has tests of {machine!r}, but there is no definition of it: {tried}",
                hint=self._neighbours(machine),
            )
        text = _text(path)
        given = self._substitutions(machine)
        try:
            definition = _json(path, filled(text, given))
        except BadDefinition as error:
            raise BadDefinition(error.message, hint=hint(text, given)) from error
        if not isinstance(definition, dict) or not isinstance(definition.get("States"), dict):
            raise BadDefinition(f"{path}: a state machine is a JSON object with States")
        return path, definition

    def _neighbours(self, machine: str) -> str | None:
        """A hint naming similar files: of the same name but for case or ending, else files with a machine."""
        files = [
            file
            for place in dict.fromkeys(self._places)
            for pattern in ("*.json", "*.yaml", "*.yml")
            for file in sorted(place.glob(pattern))
            if file.name != FILE
        ]
        meant = [file for file in files if file.name.split(".")[0].lower() == machine.lower()]
        if meant:
            return f"There is {meant[0]}: rename it to {machine}.asl.json, in JSON."
        others = [str(file) for file in files if file.suffix == ".json" and _is_machine(file)]
        return f"There are {', '.join(others[:_MOST_NEIGHBOURS])}." if others else None


def _is_machine(path: Path) -> bool:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(document, dict) and "StartAt" in document


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise BadDefinition(f"{path}: it is not UTF-8 text: {error}") from error


def _json(path: Path, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise BadDefinition(f"{path}: {error}") from error


class Runner:
    """Runs cases on an engine: the embedded one, or AWS's Step Functions Local.

    The engine must have been started with the suite's mock file. `timeout_s` is the limit for one execution.
    """

    def __init__(self, suite: Suite, stepfunctions: Any, timeout_s: float = 60) -> None:
        self._suite = suite
        self._client = stepfunctions
        self._timeout_s = timeout_s
        self._deployed: dict[str, tuple[str, dict[str, Any]]] = {}
        self.given: set[ResponseEntry] = set()
        """The answers that executions have received so far."""

    def run(self, case: Case) -> Run:
        """Run a case. `Transient` if it does not end in time; `BadDefinition` if one of its files is invalid."""
        status, name, events = self._execute(case, self._suite.definition(case.machine))
        return Run(case, status, normalised(events, name))

    def taken(self, case: Case) -> set[Part]:
        """Run a case on the probed variant of its machine; returns the parts of the definition that it takes."""
        definition = self._suite.definition(case.machine)
        return taken(definition, self._execute(case, probed(definition))[2])

    def _execute(self, case: Case, definition: dict[str, Any]) -> tuple[str, str, list[dict[str, Any]]]:
        responses = self._suite.responses(case)
        machine = self._deploy(case.machine, definition)
        name = f"{case.name[:40]}-{uuid4()}"
        started = self._client.start_execution(
            stateMachineArn=f"{machine}#{case.name}", name=name, input=self._suite.input(case)
        )
        arn = started["executionArn"]
        give_up = time.monotonic() + self._timeout_s
        while (status := self._client.describe_execution(executionArn=arn)["status"]) == "RUNNING":
            if time.monotonic() > give_up:
                self._client.stop_execution(executionArn=arn)
                raise Transient(f"{case} did not end within {self._timeout_s:g} s")
            time.sleep(POLL_S)
        pages = self._client.get_paginator("get_execution_history").paginate(executionArn=arn)
        events = [event for page in pages for event in page["events"]]
        calls = Counter[str]()
        for visit in visits(events):
            calls[visit.state] += visit.attempts
        for state, response in responses.items():
            self.given |= set(response.taken(calls[state]))
        return status, name, events

    def _deploy(self, name: str, definition: dict[str, Any]) -> str:
        """The ARN of the machine of this name, with this definition; test cases are assigned by the machine's name."""
        if name not in self._deployed:
            try:
                made = self._client.create_state_machine(name=name, definition=json.dumps(definition), roleArn=ROLE)
            except self._client.exceptions.InvalidDefinition as error:
                message = f"{self._suite.path(name)}: {error.response['Error']['Message']}"
                raise BadDefinition(message, hint=self._suite.advice(name)) from error
            self._deployed[name] = made["stateMachineArn"], definition
        arn, current = self._deployed[name]
        if current != definition:
            self._client.update_state_machine(stateMachineArn=arn, definition=json.dumps(definition))
            self._deployed[name] = arn, definition
        return arn


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a case; `problem` describes the first difference from the recorded history, if any."""

    case: Case
    status: str
    problem: str | None = None
    is_recorded: bool = False


def check(run: Run, *, update: bool = False) -> Result:
    """Compare a run with its recorded history, or with `update` record it."""
    path = run.case.history
    if update:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(to_text(run.events), encoding="utf-8")
        return Result(run.case, run.status, is_recorded=True)
    if not path.is_file():
        return Result(run.case, run.status, f"no history is recorded in {path}: record it with --update, and review it")
    expected = _json(path, _text(path))
    if not isinstance(expected, list) or not all(isinstance(event, dict) and "type" in event for event in expected):
        raise BadDefinition(f"{path}: a history is a list of events", hint="Record it again with --update.")
    place = first_difference(expected, run.events)
    return Result(run.case, run.status, None if place is None else _difference(expected, run.events, place))


def _difference(expected: list[Event], actual: list[Event], place: int) -> str:
    step = _step(actual, place) or _step(expected, place)
    lines = [f"the history differs at event {place + 1}{f', in the step {step!r}' if step else ''}"]
    for title, events in (("expected", expected), ("found", actual)):
        event = events[place] if place < len(events) else None
        lines.append(f"{title}: {json.dumps(event, ensure_ascii=False) if event else 'no more events'}")
    return "\n".join(lines)


def _step(events: list[Event], place: int) -> str | None:
    """The state that was entered last at or before an event of a history."""
    for event in reversed(events[: place + 1]):
        if event["type"].endswith("StateEntered"):
            return str(details_of(event)["name"])
    return None


def uncovered(suite: Suite, runner: Runner, cases: Sequence[Case]) -> dict[str, list[Part]]:
    """The parts of each machine that none of the cases takes."""
    reached: dict[str, set[Part]] = {case.machine: set() for case in cases}
    for case in cases:
        reached[case.machine] |= runner.taken(case)
    return {
        machine: [part for part in parts(suite.definition(machine)) if part not in covered]
        for machine, covered in reached.items()
    }
