"""The parameters of a call as the service takes them, by its model in botocore; what it refuses for its kind.

moto changes the spelling of names and passes on the rest, so that a value of a wrong kind ends in an error of Python
here or in the service. What is told is what AWS's JSON services say of it (SerializationException).
"""

from __future__ import annotations

import uuid
from typing import Any

from pipeline.emulator.stepfunctions.interpreter.json_text import to_json_str

_KINDS = {"string": "String", "boolean": "Boolean", "integer": "Integer", "long": "Long", "float": "Float"}
_KINDS |= {"double": "Double", "timestamp": "Timestamp", "blob": "Blob", "list": "list", "map": "map"}
_TOKENS = {bool: "{}_VALUE", int: "NUMBER_VALUE", float: "DECIMAL_VALUE", str: "STRING_VALUE", type(None): "NULL_VALUE"}
# The values of DynamoDB are what they are; elsewhere a text may be written as JSON.
_LITERAL = "AttributeValue"


class Unsupported(Exception):
    """A field that the service's operation does not have: AWS starts no such task."""

    def __init__(self, field: str) -> None:
        super().__init__(f"The field '{field}' is not supported by Step Functions")
        self.parameters: dict[str, Any] = {}


def fitted(operation: Any, parameters: dict[str, Any]) -> dict[str, Any]:
    """`parameters` in the service's spelling and kinds.

    `Unsupported`, or `ClientError` as of the service for a value of another kind and for one that lacks a part.
    """
    try:
        found: dict[str, Any] = _Fitting(operation).structure(operation.input_shape, parameters)
    except Unsupported as unsupported:
        unsupported.parameters = parameters
        raise
    return found


class _Fitting:
    def __init__(self, operation: Any) -> None:
        self._operation = operation

    def structure(self, shape: Any, value: Any) -> Any:
        from moto.stepfunctions.parser.utils import camel_to_snake_case

        if not isinstance(value, dict):
            raise self._wrong("Start of list found where not expected" if isinstance(value, list) else _UNEXPECTED)
        names = {camel_to_snake_case(name): name for name in shape.members}
        found = {}
        for given, inner in value.items():
            if inner is None:
                # To the SDK that AWS calls services with, null is absent.
                continue
            name = names.get(camel_to_snake_case(given))
            if name is None:
                raise Unsupported(given)
            member = shape.members[name]
            is_text = member.type_name in ("string", "blob") and shape.name != _LITERAL
            found[name] = self._text(member, inner) if is_text else self.value(member, inner)
        if shape is not self._operation.input_shape:
            self._require(shape, found)
        return found

    def _require(self, shape: Any, found: dict[str, Any]) -> None:
        missing = [name for name in shape.required_members if name not in found]
        if not missing:
            return
        if self._operation.service_model.metadata["protocol"] == "rest-xml":
            raise refused(self._operation.name, "MalformedXML", _MALFORMED)
        field = f"{shape.name[0].lower()}{shape.name[1:]}.{missing[0][0].lower()}{missing[0][1:]}"
        told = f"Value null at '{field}' failed to satisfy constraint: Member must not be null"
        raise refused(self._operation.name, "ValidationException", f"1 validation error detected: {told}")

    def value(self, shape: Any, value: Any) -> Any:
        kind = shape.type_name
        if kind == "structure":
            return value if getattr(shape, "is_document_type", False) else self.structure(shape, value or {})
        if kind == "list":
            if not isinstance(value, list):
                raise self._wrong(_START_OF_MAP if isinstance(value, dict) else "Expected list or null")
            return [self.value(shape.member, inner) for inner in value]
        if kind == "map":
            if not isinstance(value, dict):
                raise self._wrong("Expected map or null")
            return {key: self.value(shape.value, inner) for key, inner in value.items()}
        return self._scalar(kind, value)

    def _text(self, shape: Any, value: Any) -> Any:
        """A text that may be given as the JSON that it is to hold; a body is JSON whatever it is."""
        if shape.type_name == "blob":
            return value if isinstance(value, bytes) else to_json_str(value).encode()
        return to_json_str(value) if isinstance(value, dict | list) else self._scalar("string", value)

    def _scalar(self, kind: str, value: Any) -> Any:
        if isinstance(value, dict | list):
            raise self._wrong(_START_OF_MAP if isinstance(value, dict) else "Start of list found where not expected")
        if kind in ("string", "blob") and isinstance(value, str | bytes):
            return value
        if kind == "boolean" and isinstance(value, bool):
            return value
        if kind in ("integer", "long") and _is_whole(value):
            return int(value)
        if kind in ("float", "double") and isinstance(value, int | float) and not isinstance(value, bool):
            return value
        if kind == "timestamp" and _is_moment(value):
            return value
        token = _TOKENS.get(type(value), "VALUE").format(str(value).upper())
        raise self._wrong(f"{token} cannot be converted to {_KINDS.get(kind, kind)}")

    def _wrong(self, message: str) -> Exception:
        return refused(self._operation.name, "SerializationException", message)


_UNEXPECTED = "Unexpected value type in payload"
_START_OF_MAP = "Start of structure or map found where not expected."
_MALFORMED = "The XML you provided was not well-formed or did not validate against our published schema"
_LARGEST = 2**63


def refused(operation: str, code: str, message: str) -> Exception:
    """An answer of status 400, as a service gives it."""
    from botocore.exceptions import ClientError

    response: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": 400, "RequestId": str(uuid.uuid4())},
    }
    error: Exception = ClientError(response, operation)
    return error


def _is_whole(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and abs(value) < _LARGEST and value == int(value)


def _is_moment(value: Any) -> bool:
    from botocore.utils import parse_timestamp

    if isinstance(value, bool):
        return False
    try:
        parse_timestamp(value)
    except (ValueError, TypeError, RuntimeError, OverflowError):
        return False
    return True
