"""JSONata in state machines: evaluated by jsonata-python where moto asks a Java machine that it does not have.

A failure is `States.QueryEvaluationError` in the words of AWS, which name the field that the expression stands in.
"""

from __future__ import annotations

import json
import re
from typing import Any

from pipeline.emulator.moto.patch import patch
from pipeline.emulator.stepfunctions.interpreter.failure_events import evaluation_failure
from pipeline.emulator.stepfunctions.interpreter.jsonata_functions import FUNCTIONS, NOTHING

_STRING = "moto.stepfunctions.parser.asl.component.common.string.string_expression"

# What AWS expects of an expression that is a whole field, by the field's name.
_EXPECTED = {
    "Condition": "boolean",
    "Items": "array",
    "Seconds": "number",
    "TimeoutSeconds": "number",
    "HeartbeatSeconds": "number",
    "MaxConcurrency": "number",
    "Timestamp": "string",
    "Error": "string",
    "Cause": "string",
}
# `Assign` and `Output` of a state, a rule or a catcher are evaluated side by side.
_OUTPUT = re.compile(r"(?:\w+\[\d+\]/)?Output\b")
_VARIABLE = re.compile(r"^\$(\w+)(.*)$", re.DOTALL)
_JSON_TYPES = {bool: "boolean", str: "string", int: "number", float: "number", list: "array", dict: "object"}


class QueryFailed(Exception):
    """What went wrong with an expression, as AWS words it after naming the expression and its field."""


def evaluate(expression: str, bindings: dict[str, Any]) -> Any:
    """The JSON value of `expression`, `bindings` being its variables without `$`; nothing and errors: `QueryFailed`."""
    from jsonata import Jsonata
    from jsonata.jexception import JException
    from jsonata.utils import Utils

    known = {name: Utils.NULL_VALUE if value is None else value for name, value in bindings.items()}
    functions = {name: Jsonata.JLambda(function) for name, function in FUNCTIONS.items()}
    # AWS has no `$eval`: a string from the data must not become code.
    try:
        program = Jsonata(expression)
        program.set_output_convert_nulls(False)
        found = program.evaluate(None, {**functions, "eval": Utils.NULL_VALUE, **known})
    except JException as error:
        raise QueryFailed(f"threw an error during evaluation. {_worded(error)}") from error
    except RecursionError as error:
        raise QueryFailed("threw an error during evaluation. Stack overflow error") from error
    except (ArithmeticError, ValueError, TypeError, LookupError) as error:
        raise QueryFailed(f"threw an error during evaluation. {_native(error)}") from error
    if found is NOTHING:
        raise QueryFailed("returned nothing (undefined).")
    try:
        return json.loads(json.dumps(Utils.convert_nulls(found)), parse_constant=str)
    except (TypeError, ValueError) as error:
        raise QueryFailed("returned an unsupported result type.") from error


def syntax_tree(expression: str) -> Any:
    """An expression as jsonata-python reads it; `QueryFailed` says what its parser has against it, without the code of
    the error, which AWS leaves out."""
    from jsonata import Jsonata
    from jsonata.jexception import JException

    try:
        return Jsonata(expression).ast
    except JException as error:
        raise QueryFailed(_worded(error).partition(": ")[2]) from error
    except RecursionError as error:
        raise QueryFailed("Stack overflow error") from error
    except (ArithmeticError, ValueError, TypeError, LookupError, re.error) as error:
        raise QueryFailed(str(error)) from error


def _worded(error: Any) -> str:
    """The code and message of JSONata's reference implementation; jsonata-python writes `Object` for `function`."""
    values = iter([error.current, error.expected])

    def value(found: re.Match[str]) -> str:
        given = next(values, None)
        return str(given) if found[0].startswith("{{{") else json.dumps(given, default=str)

    template = str(error.error_codes.get(error.error, error)).replace("Object", "function")
    return f"{error.error}: {re.sub(r'{{{[^}]+}}}|{{[^}]+}}', value, template)}"


def _native(error: Exception) -> str:
    """Failures that jsonata-python leaves to Python."""
    text = re.fullmatch(r"could not convert string to float: (.*)", str(error))
    if text:
        return f"D3030: Unable to cast value to a number: {json.dumps(text[1][1:-1])}"
    time = re.fullmatch(r"Invalid isoformat string: '(.*)'", str(error))
    if time:
        return (
            "D3110: The argument of the toMillis function must be an ISO 8601 formatted timestamp. "
            f"Given {json.dumps(time[1])}"
        )
    if isinstance(error, ArithmeticError):
        return 'D1001: Number out of range: "Infinity"'
    return str(error)


def _bindings(env: Any, location: str) -> dict[str, Any]:
    store = env.variable_store
    before = getattr(store, "before", None)
    inner = before if before is not None and _OUTPUT.match(location) else store._inner_scope
    return {**store._outer_scope, **inner, "states": env.states._states_data}


@patch(
    "moto.stepfunctions.parser.asl.component.common.assign.assign_decl:AssignDecl._eval_body",
    "652b8326e85d",
    "moto lets Output see what its own state assigns",
)
def _eval_assign(self: Any, env: Any) -> None:
    """What `Output` sees of the variables is kept: it does not see what its own state assigns."""
    env.variable_store.before = dict(env.variable_store._inner_scope)
    _eval_assign.original(self, env)


@patch(f"{_STRING}:StringJSONata._eval_body", "277b6f413214", "moto asks a Java machine that it does not have")
def _eval_expression(self: Any, env: Any) -> None:
    location = getattr(self, "location", "")
    try:
        found = evaluate(self.expression, _bindings(env, location))
        _check_type(found, _EXPECTED.get(location.rpartition("/")[2]))
    except QueryFailed as failed:
        cause = f"The JSONata expression '{self.expression}' specified for the field '{location}' {failed}"
        raise evaluation_failure(env, cause, location) from failed
    env.stack.append(found)


def json_type(value: Any) -> str:
    """The kind of a value in JSON, in JSONata's words."""
    return _JSON_TYPES.get(type(value), "null")


def _check_type(value: Any, expected: str | None) -> None:
    found = json_type(value)
    if expected is not None and found != expected:
        written = json.dumps(value, separators=(",", ":"))
        raise QueryFailed(
            f"returned an unexpected result type. Expected '{expected}', but was '{found}' for value: {written}"
        )


@patch(f"{_STRING}:StringVariableSample._eval_body", "4aa01e616a98", "moto asks a Java machine that it does not have")
def _eval_variable(self: Any, env: Any) -> None:
    """`$name.path`: a JSONPath into a variable, or JSONata where that is the state's language."""
    from moto.stepfunctions.parser.asl.component.common.query_language import QueryLanguageMode
    from moto.stepfunctions.parser.asl.utils.json_path import extract_json

    if self.query_language_mode == QueryLanguageMode.JSONata:
        _eval_expression(self, env)
        return
    found = _VARIABLE.match(self.expression)
    if found is None:
        raise ValueError(f"{self.expression!r} is no reference to a variable")
    value = env.variable_store.get(found[1])
    env.stack.append(extract_json(f"${found[2]}", value) if found[2] else json.loads(json.dumps(value)))


@patch(
    "moto.stepfunctions.parser.asl.eval.variable_store:VariableStore.get_assigned_variables",
    "accd1b2a7446",
    "moto forgets to escape what stands inside a string",
)
def _assigned_variables(self: Any) -> dict[str, str]:
    """As JSON; moto forgets to escape what stands inside a string."""
    return {name: json.dumps(self.get(name), separators=(",", ":")) for name in sorted(self._declaration_tracing)}
