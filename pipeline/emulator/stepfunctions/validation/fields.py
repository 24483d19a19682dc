"""The fields of the Amazon States Language, by type of state and query language.

Source: "State machine structure" and the pages of each state in the Step Functions guide.
"""

from __future__ import annotations

TOP = frozenset({"Comment", "QueryLanguage", "StartAt", "TimeoutSeconds", "Version", "States"})
COMMON = frozenset({"Type", "Comment", "QueryLanguage"})

_DATA = frozenset({"InputPath", "OutputPath", "Output"})
_MOVES = frozenset({"Next", "End"})
_FAILS = frozenset({"Retry", "Catch"})
_RUNS = _DATA | _MOVES | _FAILS | {"ResultPath", "Parameters", "Assign", "ResultSelector"}

ALLOWED = {
    "Pass": _DATA | _MOVES | {"Result", "ResultPath", "Parameters", "Assign"},
    "Task": _RUNS
    | {"Arguments", "Resource", "Credentials"}
    | {"TimeoutSeconds", "TimeoutSecondsPath", "HeartbeatSeconds", "HeartbeatSecondsPath"},
    "Wait": _DATA | _MOVES | {"Assign", "Seconds", "Timestamp", "SecondsPath", "TimestampPath"},
    "Choice": _DATA | {"Assign", "Choices", "Default"},
    "Parallel": _RUNS | {"Arguments", "Branches"},
    "Map": _RUNS
    | {"ItemProcessor", "Iterator", "ItemsPath", "Items", "ItemSelector", "ItemReader", "ItemBatcher", "ResultWriter"}
    | {"MaxConcurrency", "MaxConcurrencyPath", "Label", "ToleratedFailureCount", "ToleratedFailureCountPath"}
    | {"ToleratedFailurePercentage", "ToleratedFailurePercentagePath"},
    "Succeed": _DATA,
    "Fail": frozenset({"Error", "Cause", "ErrorPath", "CausePath"}),
}
"""Besides `COMMON`."""

REQUIRED = {"Task": "Resource", "Choice": "Choices", "Parallel": "Branches"}

TEXTS = frozenset({"Comment", "Resource", "Next", "Default", "Error", "Cause"})
"""Of a state, text wherever they are allowed."""

LISTS = frozenset({"Branches", "Choices", "Retry", "Catch"})
"""Of a state, lists of objects wherever they are allowed."""

ONLY_ONE = {
    "Wait": (("Seconds", "SecondsPath", "Timestamp", "TimestampPath"),),
    "Map": (("ItemProcessor", "Iterator"),),
}
"""Of these exactly one is there."""

NOT_BOTH = (
    ("TimeoutSeconds", "TimeoutSecondsPath"),
    ("HeartbeatSeconds", "HeartbeatSecondsPath"),
    ("MaxConcurrency", "MaxConcurrencyPath"),
    ("Error", "ErrorPath"),
    ("Cause", "CausePath"),
)

JSONPATH_ONLY = frozenset(
    {"InputPath", "OutputPath", "ResultPath", "ResultSelector", "Parameters", "ItemsPath", "SecondsPath"}
    | {"TimestampPath", "TimeoutSecondsPath", "HeartbeatSecondsPath", "MaxConcurrencyPath", "ErrorPath", "CausePath"}
    | {"ToleratedFailureCountPath", "ToleratedFailurePercentagePath"}
)
JSONATA_ONLY = frozenset({"Arguments", "Output", "Items"})

RANGES = {
    "TimeoutSeconds": (1, 99_999_999),
    "HeartbeatSeconds": (1, 99_999_999),
    "Seconds": (0, 99_999_999),
    "MaxConcurrency": (0, None),
}
RETRY_RANGES = {
    "IntervalSeconds": (0, 99_999_999),
    "MaxAttempts": (0, 99_999_999),
    "BackoffRate": (1, None),
    "MaxDelaySeconds": (1, 31_622_400),
}

INTEGERS = frozenset(
    {"TimeoutSeconds", "HeartbeatSeconds", "Seconds", "MaxConcurrency", "ToleratedFailureCount", "MaxItems"}
    | {"MaxItemsPerBatch", "MaxInputBytesPerBatch"}
)
"""Numbers, or in JSONata expressions of one."""

PATHS = frozenset(
    {"InputPath", "OutputPath", "ItemsPath", "SecondsPath", "TimestampPath", "TimeoutSecondsPath"}
    | {"HeartbeatSecondsPath", "MaxConcurrencyPath", "ToleratedFailureCountPath", "ToleratedFailurePercentagePath"}
    | {"MaxItemsPath", "MaxItemsPerBatchPath", "MaxInputBytesPerBatchPath", "ResultPath"}
)
PATHS_OR_CALLS = frozenset({"ErrorPath", "CausePath"})
MAY_BE_NULL = frozenset({"InputPath", "OutputPath", "ResultPath"})
TEMPLATES = frozenset({"Parameters", "ResultSelector", "ItemSelector", "Assign", "Credentials", "BatchInput"})
"""JSON in which the value of a field whose name ends with `.$` is a path or a call."""

EXPRESSIONS = INTEGERS | frozenset(
    {"Arguments", "Output", "Assign", "Items", "ItemSelector", "Credentials", "BatchInput", "Condition", "Timestamp"}
    | {"Error", "Cause", "ToleratedFailurePercentage"}
)
"""Where in JSONata a text `{% %}` is an expression, however deep it lies."""

PARTS = (("ItemReader",), ("ItemReader", "ReaderConfig"), ("ItemBatcher",), ("ResultWriter",))
"""Objects of a Map with fields of these kinds."""

_ORDERS = ("Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals")
_COMPARED = {f"{kind}{order}": kind for kind in ("String", "Numeric", "Timestamp") for order in _ORDERS} | {
    "BooleanEquals": "Boolean"
}
COMPARISONS = {
    **_COMPARED,
    "StringMatches": "String",
    **{f"Is{kind}": "Boolean" for kind in ("Null", "Present", "Numeric", "String", "Boolean", "Timestamp")},
}
"""What the operator of a choice rule takes."""

COMPARED_PATHS = frozenset({"Variable", *(f"{operator}Path" for operator in _COMPARED)})
