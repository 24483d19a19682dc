"""Every field of a definition that is parsed, each in a state with `...` in its place, and good and broken values."""

from __future__ import annotations

from tests.emulator.stepfunctions.running_machines import PASS, task

SEND = task("sqs:sendMessage", {})
ONE = {"StartAt": "I", "States": {"I": PASS}}
MAP = {"Type": "Map", "ItemProcessor": ONE, "End": True}
DISTRIBUTED = {**MAP, "ItemProcessor": {**ONE, "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}}}
CALL = "The value for the field '{}' must be a valid JSONPath or a valid intrinsic function call"
NO_PATH = "Value must be a valid JSONPath."
NO_REFERENCE = "Value is not a Reference Path"
NOT_BEGUN = f"{NO_REFERENCE}: Reference path didn't start with '$'"

GOOD_PATHS = [
    *("$", "$.a", "$.a-b", "$['a b'][0]", "$.rows.[0]", "$$", "$$.Execution.Id", "$known", "$known.a[0]"),
    *("$..a", "$.*", "$.a[*].b", "$.a[-1:]", "$.a[?(@.b == 'x]')]", "$.a[?(@['b'] == 1 && @.c)].d", "$.clé"),
]
BROKEN_PATHS = ["$.a[", "$.a]", "$.a['b", "$.a[0", "$.a[?(@.b", "$.", "$..", "$.a.", "$.a b", "$$.a[", "$known[", "$-"]
NO_PATHS = ["", "abc", " $.a", "a.$", "States.Foo"]
GOOD_CALLS = [
    *("States.UUID()", "States.Array()", "States.Format('a')", "States.Format('{} {}', $.a, $$.State.Name)"),
    *("States.MathAdd($known.n, -1)", "States.StringToJson(States.JsonToString($.a[?(@.b == 'x')]))"),
    *("States.Format('it\\'s \\{\\} {}', $.a-b)", "States.MathRandom(1, 9)", "States.MathRandom(1, 9, 5)"),
    *("States.Array($.a[0][1], $.b-c['d e'].f-g[0][1])", "States.Array($known.a[0][1], $$.Map.Item['a'][0])"),
]
BROKEN_CALLS = [
    *("States.Foo($.a)", "States.Format", "States.Format('a", "States.Format('a'", "States.Format('a') b"),
    *("States.Format('a'))", "States.Format('a',)", "States.Format(,'a')", "States.Format('a' 'b')", "States.Format()"),
    *("States.Format(abc)", 'States.Format("a")', "States.Format('{}', $.a[)", "States.Array($.)", "format('a')"),
    *("States.Array(States.Foo())", "States.Array(States.UUID(1))", "States.Array(States.Array($known.))"),
]
ARITIES = {
    **dict.fromkeys(
        ("ArrayLength", "ArrayUnique", "Base64Encode", "Base64Decode", "JsonToString", "StringToJson"), (1,)
    ),
    **dict.fromkeys(("ArrayPartition", "ArrayContains", "ArrayGetItem", "Hash", "MathAdd", "StringSplit"), (2,)),
    **{"ArrayRange": (3,), "JsonMerge": (3,), "MathRandom": (2, 3), "UUID": (0,)},
    **{"Format": (1, 2, 3, 4), "Array": (0, 1, 2, 3, 4)},
}

OF_STATE = {
    "Pass": ("InputPath", "OutputPath", "ResultPath"),
    "Wait": ("SecondsPath", "TimestampPath"),
    "Task": ("TimeoutSecondsPath", "HeartbeatSecondsPath"),
    "Map": ("ItemsPath", "MaxConcurrencyPath", "ToleratedFailureCountPath", "ToleratedFailurePercentagePath"),
    "Fail": ("ErrorPath", "CausePath"),
}
BASES = {"Pass": PASS, "Wait": {"Type": "Wait", "End": True}, "Task": SEND, "Map": MAP, "Fail": {"Type": "Fail"}}
PATHS = [
    *(({**BASES[kind], name: ...}, name) for kind, names in OF_STATE.items() for name in names),
    ({**SEND, "Catch": [{"ErrorEquals": ["a"], "Next": "B", "ResultPath": ...}]}, "Catch[0]/ResultPath"),
    ({**DISTRIBUTED, "ItemBatcher": {"MaxItemsPerBatchPath": ...}}, "ItemBatcher/MaxItemsPerBatchPath"),
    ({**DISTRIBUTED, "ItemBatcher": {"MaxInputBytesPerBatchPath": ...}}, "ItemBatcher/MaxInputBytesPerBatchPath"),
    ({**DISTRIBUTED, "ItemReader": {"ReaderConfig": {"MaxItemsPath": ...}}}, "ItemReader/ReaderConfig/MaxItemsPath"),
]
CHOICE = {"Type": "Choice", "Choices": [{"Variable": "$.a", "IsNull": True, "Next": "B"}]}
TEMPLATES = [
    ({**PASS, "Parameters": ...}, "Parameters"),
    ({**SEND, "Parameters": ...}, "Parameters"),
    ({**SEND, "ResultSelector": ...}, "ResultSelector"),
    ({**SEND, "Credentials": ...}, "Credentials"),
    ({**MAP, "ItemSelector": ...}, "ItemSelector"),
    ({**MAP, "Parameters": ...}, "Parameters"),
    ({**PASS, "Assign": ...}, "Assign"),
    ({**CHOICE, "Assign": ...}, "Assign"),
    ({**CHOICE, "Choices": [{**CHOICE["Choices"][0], "Assign": ...}]}, "Choices[0]/Assign"),
    ({**SEND, "Catch": [{"ErrorEquals": ["a"], "Next": "B", "Assign": ...}]}, "Catch[0]/Assign"),
    ({**DISTRIBUTED, "ItemBatcher": {"BatchInput": ...}}, "ItemBatcher/BatchInput"),
    (
        {**DISTRIBUTED, "ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "Parameters": ...}},
        "ItemReader/Parameters",
    ),
    (
        {**DISTRIBUTED, "ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": ...}},
        "ResultWriter/Parameters",
    ),
]
INVOKE = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Arguments": {"FunctionName": "f"}, "End": True}
ASKS = {"Type": "Choice", "Choices": [{"Condition": "{% true %}", "Next": "B"}]}
EXPRESSIONS = [
    ({**INVOKE, "Arguments": ...}, "Arguments"),
    ({**INVOKE, "Arguments": {"FunctionName": "f", "Payload": {"Comment": [1, ...]}}}, "Arguments/Payload/Comment[1]"),
    ({**PASS, "Output": ...}, "Output"),
    ({**PASS, "Output": {"a": {"b": [...]}}}, "Output/a/b[0]"),
    ({**PASS, "Assign": {"Next": ...}}, "Assign/Next"),
    ({**MAP, "Items": ...}, "Items"),
    ({**MAP, "Items": [1, ...]}, "Items[1]"),
    ({**MAP, "ItemSelector": {"x": ...}}, "ItemSelector/x"),
    ({**MAP, "MaxConcurrency": ...}, "MaxConcurrency"),
    ({**MAP, "ToleratedFailureCount": ...}, "ToleratedFailureCount"),
    ({**MAP, "ToleratedFailurePercentage": ...}, "ToleratedFailurePercentage"),
    ({**INVOKE, "TimeoutSeconds": ...}, "TimeoutSeconds"),
    ({**INVOKE, "HeartbeatSeconds": ...}, "HeartbeatSeconds"),
    ({**INVOKE, "Credentials": {"RoleArn": ...}}, "Credentials/RoleArn"),
    ({"Type": "Wait", "Seconds": ..., "End": True}, "Seconds"),
    ({"Type": "Wait", "Timestamp": ..., "End": True}, "Timestamp"),
    ({"Type": "Fail", "Error": ...}, "Error"),
    ({"Type": "Fail", "Cause": ...}, "Cause"),
    ({**ASKS, "Choices": [{"Condition": ..., "Next": "B"}]}, "Choices[0]/Condition"),
    ({**ASKS, "Choices": [{**ASKS["Choices"][0], "Output": ...}]}, "Choices[0]/Output"),
    ({**ASKS, "Output": {"x": ...}}, "Output/x"),
    ({**INVOKE, "Catch": [{"ErrorEquals": ["a"], "Next": "B", "Output": {"v": ...}}]}, "Catch[0]/Output/v"),
    ({**INVOKE, "Catch": [{"ErrorEquals": ["a"], "Next": "B", "Assign": {"v": ...}}]}, "Catch[0]/Assign/v"),
    ({**DISTRIBUTED, "ItemBatcher": {"MaxItemsPerBatch": ...}}, "ItemBatcher/MaxItemsPerBatch"),
    ({**DISTRIBUTED, "ItemBatcher": {"MaxInputBytesPerBatch": ...}}, "ItemBatcher/MaxInputBytesPerBatch"),
    ({**DISTRIBUTED, "ItemBatcher": {"BatchInput": {"x": ...}}}, "ItemBatcher/BatchInput/x"),
    ({**DISTRIBUTED, "ItemReader": {"Arguments": {"Bucket": ...}}}, "ItemReader/Arguments/Bucket"),
    ({**DISTRIBUTED, "ItemReader": {"ReaderConfig": {"MaxItems": ...}}}, "ItemReader/ReaderConfig/MaxItems"),
    ({**DISTRIBUTED, "ResultWriter": {"Arguments": {"Bucket": ...}}}, "ResultWriter/Arguments/Bucket"),
]
# Each seen in an answer of AWS, but for the last three.
BROKEN_EXPRESSIONS = [
    ("{% $a[1,2) %}", 'Expected "]", got ","'),
    ('{% "unterminated %}', "String literal must be terminated by a matching quote"),
    ("{% 1 + %}", "Unexpected end of expression"),
    ('{% {"a":} %}', 'The symbol "}" cannot be used as a unary operator'),
    ("{% $x := %}", "Unexpected end of expression"),
    ('{% $match("a", /abc %}', "No terminating / in regular expression"),
    ("{%%}", "Unexpected end of expression"),
    ("{% ($a %}", 'Expected ")" before end of expression'),
    ("{% 1", "An expression begins with '{%' and ends with '%}'"),
    ("1 %}", "An expression begins with '{%' and ends with '%}'"),
]
