"""What differs between two documents."""

from __future__ import annotations

import json

from pipeline.state_machines.differences import Difference, differences


def test_each_place_that_differs_is_told_by_its_path_in_the_order_of_the_document():
    before = {"a": 1, "list": [1, {"b": 2}], "gone": None, "same": {"c": 3}}
    after = {"a": True, "list": [1, {"b": 3}, 4], "same": {"c": 3}, "a name": "é"}
    assert differences(json.dumps(before), json.dumps(after)) == [
        Difference("$.a", "changed", "1", "true"),
        Difference("$.list[1].b", "changed", "2", "3"),
        Difference("$.list[2]", "added", None, "4"),
        Difference("$.gone", "removed", "null", None),
        Difference('$["a name"]', "added", None, '"é"'),
    ]


def test_equal_documents_have_none_and_what_is_no_json_cannot_be_compared():
    assert differences('{"a": 1}', '{ "a": 1 }') == []
    for one, other in ((None, "1"), ("1", None), ("{", "1"), ("[" * 100_000, "1")):
        assert differences(one, other) is None


def test_the_number_that_is_told_is_bounded():
    assert len(differences("[]", json.dumps(list(range(1000)))) or []) == 100
