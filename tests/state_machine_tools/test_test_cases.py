from __future__ import annotations

import pytest

from pipeline.core.errors import BadDefinition
from pipeline.state_machines.test_cases import MockConfig, MockedAnswer


def config(responses, states=None):
    cases = {"Case": states or {"Ask": "answers"}}
    return MockConfig(
        {"StateMachines": {"m": {"TestCases": cases}}, "MockedResponses": {"answers": responses}}, "Mocks.json"
    )


def test_calls_are_answered_by_number_and_by_range():
    thrown = {"Throw": {"Error": "Busy", "Cause": "c"}}
    case = config({"0": {"Return": 7}, "1-2": thrown, "3": {"Return": None}}).case("m", "Case")
    answers = [case["Ask"].answer(call) for call in range(5)]
    assert answers == [MockedAnswer(7), *[MockedAnswer(error="Busy", cause="c")] * 2, MockedAnswer(None), None]


@pytest.mark.parametrize(
    ("responses", "expected"),
    [
        ({"first": {"Return": 1}}, "MockedResponses.answers.first: calls are numbered"),
        ({"2-1": {"Return": 1}}, "MockedResponses.answers.2-1: calls are numbered"),
        ({"0-1": {"Return": 1}, "1": {"Return": 2}}, "MockedResponses.answers.1: a call has more than one answer"),
        ({"0": {"Give": 1}}, "MockedResponses.answers.0: an answer is"),
        ({"0": {"Return": 1, "Throw": {"Error": "E"}}}, "MockedResponses.answers.0: an answer is"),
        ({"0": {"Throw": {"Cause": "c"}}}, "MockedResponses.answers.0: an answer is"),
        ([], "MockedResponses.answers: an object is expected"),
    ],
)
def test_what_is_not_in_awss_format_is_refused_with_its_place(responses, expected):
    with pytest.raises(BadDefinition, match=r"Mocks\.json") as refused:
        config(responses).case("m", "Case")
    assert expected in refused.value.message


def test_names_that_are_not_there_are_refused_with_their_place():
    with pytest.raises(BadDefinition, match=r"StateMachines\.m\.TestCases\.Case\.Ask: there is no mocked response 'x'"):
        config({}, {"Ask": "x"}).case("m", "Case")
    with pytest.raises(BadDefinition, match=r"StateMachines\.m\.TestCases: there is no test case 'Other'"):
        config({}).case("m", "Other")
    with pytest.raises(BadDefinition, match="StateMachines: there is no state machine 'n'"):
        config({}).cases("n")


def test_a_file_that_is_no_json_is_named_with_the_line(tmp_path):
    (tmp_path / "Mocks.json").write_text("{\n  oops")
    with pytest.raises(BadDefinition, match=r"Mocks\.json: .*line 2"):
        MockConfig.load(tmp_path / "Mocks.json")
    with pytest.raises(BadDefinition, match="No such file"):
        MockConfig.load(tmp_path / "absent.json")
