"""Event patterns match as the EventBridge user guide says, and what it does not know is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.core.errors import BadDefinition
from pipeline.emulator.eventbridge.patterns import Pattern

EVENT = {
    "source": "aws.s3",
    "count": 300,
    "flag": True,
    "none": None,
    "ip": "10.0.0.7",
    "tags": ["red", "Green"],
    "empty": [],
    "detail": {"key": "team/data/File.CSV", "size": 5, "deep": {"n": -1.5}},
    "items": [{"name": "a", "n": 1}, {"name": "b", "n": 2}],
}


def matches(pattern: Any, event: Any = None) -> bool:
    return Pattern(json.dumps(pattern)).matches(EVENT if event is None else event)


@pytest.mark.parametrize(
    "pattern",
    [
        {},
        {"source": ["aws.ec2", "aws.s3"]},
        {"count": [300.0]},
        {"flag": [True]},
        {"none": [None]},
        {"tags": ["red"]},
        {"detail": {"deep": {"n": [-1.5]}}},
        {"detail": {"key": [{"prefix": "team/"}]}},
        {"detail": {"key": [{"prefix": {"equals-ignore-case": "TEAM/"}}]}},
        {"detail": {"key": [{"suffix": ".CSV"}]}},
        {"detail": {"key": [{"suffix": {"equals-ignore-case": ".csv"}}]}},
        {"detail": {"key": [{"equals-ignore-case": "team/data/file.csv"}]}},
        {"detail": {"key": [{"wildcard": "team/*/File.*"}]}},
        {"detail": {"size": [{"numeric": [">", 0, "<=", 5]}]}},
        {"detail": {"size": [{"numeric": ["=", 5]}], "key": [{"exists": True}]}},
        {"detail": {"size": [{"anything-but": 6}]}},
        {"source": [{"anything-but": ["aws.ec2", "aws.sqs"]}]},
        {"source": [{"anything-but": {"prefix": "gcp."}}]},
        {"source": [{"anything-but": {"suffix": [".ec2", ".sqs"]}}]},
        {"source": [{"anything-but": {"equals-ignore-case": "AWS.EC2"}}]},
        {"source": [{"anything-but": {"wildcard": "*ec2"}}]},
        {"ip": [{"cidr": "10.0.0.0/24"}]},
        {"absent": [{"exists": False}]},
        {"absent": {"deeper": [{"exists": False}]}},
        {"source": {"deeper": [{"exists": False}]}},
        {"empty": [{"exists": False}]},
        {"detail": [{"exists": False}]},
        {"absent": ["x", {"exists": False}]},
        {"$or": [{"source": ["aws.ec2"]}, {"detail": {"size": [5]}}]},
        {"source": ["aws.s3"], "detail": {"$or": [{"size": [9]}, {"key": [{"suffix": "CSV"}]}]}},
        {"items": {"name": ["b"], "n": [2]}},
    ],
    ids=json.dumps,
)
def test_a_pattern_matches(pattern: Any) -> None:
    assert matches(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        {"source": ["aws.S3"]},
        {"count": ["300"]},
        {"count": [True]},
        {"flag": [1]},
        {"flag": ["true"]},
        {"none": [False]},
        {"absent": [None]},
        {"absent": [{"anything-but": "x"}]},
        {"absent": [{"anything-but": {"prefix": "x"}}]},
        {"source": ["aws.s3"], "count": [1]},
        {"tags": ["blue"]},
        {"detail": {"key": [{"prefix": "TEAM/"}]}},
        {"detail": {"key": [{"wildcard": "team/*.csv"}]}},
        {"detail": {"key": [{"wildcard": "data"}]}},
        {"detail": {"size": [{"numeric": [">", 5]}]}},
        {"flag": [{"numeric": ["=", 1]}]},
        {"source": [{"numeric": [">", 0]}]},
        {"detail": {"size": [{"anything-but": [5, 6]}]}},
        {"source": [{"anything-but": {"prefix": "aws."}}]},
        {"source": [{"anything-but": {"suffix": [".s3", ".sqs"]}}]},
        {"source": [{"cidr": "10.0.0.0/24"}]},
        {"ip": [{"cidr": "10.1.0.0/24"}]},
        {"source": [{"exists": False}]},
        {"detail": [{"exists": True}]},
        {"absent": {"deeper": [{"exists": True}]}},
        {"$or": [{"source": ["aws.ec2"]}, {"detail": {"size": [6]}}]},
        {"items": {"name": ["a"], "n": [2]}},
    ],
    ids=json.dumps,
)
def test_a_pattern_does_not_match(pattern: Any) -> None:
    assert not matches(pattern)


def test_an_escaped_star_is_a_star() -> None:
    assert matches({"a": [{"wildcard": r"x\*y*"}]}, {"a": "x*yz"})
    assert not matches({"a": [{"wildcard": r"x\*y*"}]}, {"a": "xxyz"})


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ({"a": []}, "Empty arrays are not allowed"),
        ({"a": {}}, "Empty objects are not allowed"),
        ({"a": "x"}, '"a" must be an object or an array'),
        ({"a": [["x"]]}, "Match value must be"),
        ({"a": [{"like": "x"}]}, "Unrecognized match type like"),
        ({"a": [{"prefix": "x", "suffix": "y"}]}, "Only one key allowed"),
        ({"a": [{"prefix": 1}]}, "prefix match pattern must be a string"),
        ({"a": [{"wildcard": "x**"}]}, "Consecutive wildcard"),
        ({"a": [{"wildcard": "x\\y"}]}, "Invalid escape"),
        ({"a": [{"exists": "yes"}]}, "must be either true or false"),
        ({"a": [{"numeric": [">"]}]}, "array of comparisons"),
        ({"a": [{"numeric": ["~", 1]}]}, "Unrecognized numeric range operator"),
        ({"a": [{"numeric": [">", "1"]}]}, "must be numeric"),
        ({"a": [{"cidr": "10.0.0/x"}]}, "Malformed CIDR"),
        ({"a": [{"anything-but": ["x", 1]}]}, "mixed type"),
        ({"a": [{"anything-but": {"cidr": "10.0.0.0/8"}}]}, "Unsupported anything-but"),
        ({"$or": [{"a": ["x"]}]}, "at least two"),
        (["a"], "not an object"),
    ],
)
def test_what_is_no_pattern_is_refused(pattern: Any, reason: str) -> None:
    with pytest.raises(BadDefinition, match=reason):
        Pattern(json.dumps(pattern))


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(BadDefinition, match="not valid JSON"):
        Pattern("{a")
