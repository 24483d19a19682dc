"""CloudFormation's intrinsic functions: evaluates the values of a template."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.cloudformation.locations import Place
from pipeline.cloudformation.property_shapes import is_intrinsic
from pipeline.cloudformation.secrets import Secrets, secret

# A value of a resource that is planned and not made yet.
_UNKNOWN = re.compile("⟨[^⟩]*⟩")

# The value of Ref AWS::NoValue: the property or list item that has it is left out.
NO_VALUE = object()

SUB_VARIABLE = re.compile(r"\$\{([^!][^}]*)\}")
_SUB_LITERAL = re.compile(r"\$\{!([^}]*)\}")
DYNAMIC_SERVICES = ("ssm", "secretsmanager")
_DYNAMIC = re.compile(r"\{\{resolve:([^:}]+):([^}]*)\}\}")


def unknown(what: str) -> str:
    """The text, in a plan, of a value that only the deployment will know."""
    return f"⟨{what}⟩"


def is_unknown(value: Any) -> bool:
    """Whether a value contains one that only the deployment will know."""
    if isinstance(value, Mapping):
        return any(map(is_unknown, value.values()))
    if isinstance(value, list):
        return any(map(is_unknown, value))
    return isinstance(value, str) and _UNKNOWN.search(value) is not None


@dataclass(slots=True)
class Scope:
    """What the values of one stack can refer to. `references` and `attributes` grow as resources are made.

    `imported` has the names of the exports that were read.
    """

    parameters: Mapping[str, Any]
    pseudo: Mapping[str, str]
    mappings: Mapping[str, Any]
    conditions: Mapping[str, Any]
    ssm: Callable[[str], str]
    exports: Callable[[], Mapping[str, str]]
    secrets: Secrets
    references: dict[str, str] = field(default_factory=dict)
    attributes: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    imported: set[str] = field(default_factory=set)
    _judged: dict[str, bool] = field(default_factory=dict)
    _judging: list[str] = field(default_factory=list)

    def evaluate(self, value: Any, place: Place) -> Any:
        """`value` with every intrinsic function evaluated; `BadDefinition` for one that is not supported or fails."""
        if isinstance(value, list):
            items = (self.evaluate(item, place / index) for index, item in enumerate(value))
            return [item for item in items if item is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if is_intrinsic(value):
            name, argument = next(iter(value.items()))
            return _applied(self, name, argument, place)
        pairs = {key: self.evaluate(item, place / str(key)) for key, item in value.items()}
        return {key: item for key, item in pairs.items() if item is not NO_VALUE}

    def resolved(self, value: Any, place: Place) -> Any:
        """`evaluate`, with dynamic references resolved; those to secrets are only checked."""
        return self._resolve_dynamic(self.evaluate(value, place), place)

    def _resolve_dynamic(self, value: Any, place: Place) -> Any:
        if isinstance(value, list):
            return [self._resolve_dynamic(item, place / index) for index, item in enumerate(value)]
        if isinstance(value, dict):
            return {key: self._resolve_dynamic(item, place / str(key)) for key, item in value.items()}
        if not isinstance(value, str) or "{{resolve:" not in value:
            return value
        return _DYNAMIC.sub(lambda match: self._dynamic(match.group(1), match.group(2), place), value)

    def _dynamic(self, service: str, name: str, place: Place) -> str:
        if service == "ssm":
            try:
                return self.ssm(name)
            except KeyError:
                hint = "Deploy the stack that publishes it."
                raise place.wrong(f"Parameter Store has no {name}", hint=hint) from None
        if service == "secretsmanager":
            secret(name, self.secrets, place)
            # Stays a reference until the resource is made, because people read records and plans.
            return f"{{{{resolve:secretsmanager:{name}}}}}"
        raise place.wrong(f"dynamic references to {service} are not honoured by the embedded deployer")

    def holds(self, condition: str, place: Place) -> bool:
        """Whether a condition of the template is true."""
        if condition not in self.conditions:
            raise place.wrong(f"there is no condition {condition}")
        if condition in self._judging:
            raise place.wrong(f"the condition {condition} refers to itself")
        if condition not in self._judged:
            self._judging.append(condition)
            where = Place(place.file, ("Conditions", condition))
            self._judged[condition] = self.judge(self.conditions[condition], where)
            self._judging.remove(condition)
        return self._judged[condition]

    def judge(self, value: Any, place: Place) -> bool:
        """The value of a condition's expression; `BadDefinition` if it is not a boolean."""
        if isinstance(value, dict) and set(value) == {"Condition"}:
            return self.holds(value["Condition"], place)
        truth = self.evaluate(value, place)
        if not isinstance(truth, bool):
            raise place.wrong("a condition is made of Fn::Equals, Fn::And, Fn::Or, Fn::Not and Condition")
        return truth

    def reference(self, name: str, place: Place) -> Any:
        """The value of Ref: of a pseudo parameter, a parameter or a resource; `BadDefinition` for an unknown name."""
        if name == "AWS::NoValue":
            return NO_VALUE
        for known in (self.pseudo, self.parameters, self.references):
            if name in known:
                return known[name]
        raise place.wrong(f"refers to {name}, which this stack does not have")

    def attribute(self, logical_id: str, attribute: str, place: Place) -> Any:
        """The value of Fn::GetAtt; `BadDefinition` for an unknown resource or attribute."""
        if logical_id not in self.attributes:
            raise place.wrong(f"refers to {logical_id}, which this stack does not have")
        if attribute not in self.attributes[logical_id]:
            known = ", ".join(sorted(self.attributes[logical_id])) or "none"
            raise place.wrong(f"the attribute {attribute} of {logical_id} is not honoured (known: {known})")
        return self.attributes[logical_id][attribute]


def _applied(scope: Scope, name: str, argument: Any, place: Place) -> Any:
    """The value of a function; `BadDefinition` for one that is not supported or is malformed."""
    if name not in FUNCTIONS:
        raise place.wrong(f"the intrinsic {name} is not honoured by the embedded deployer")
    try:
        return FUNCTIONS[name](scope, argument, place)
    except (TypeError, ValueError, IndexError, AttributeError):
        raise place.wrong(f"{name} is not written in CloudFormation's form") from None


def _several(argument: Any, place: Place) -> list[Any]:
    """The argument of Fn::And and Fn::Or: two to ten conditions."""
    if not isinstance(argument, list) or not 2 <= len(argument) <= 10:
        raise place.wrong("Fn::And and Fn::Or take two to ten conditions")
    return argument


def _get_att(scope: Scope, argument: Any, place: Place) -> Any:
    logical_id, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
    return scope.attribute(logical_id, scope.evaluate(attribute, place), place)


def _sub(scope: Scope, argument: Any, place: Place) -> str:
    text, variables = (argument, {}) if isinstance(argument, str) else argument
    own = {name: scope.evaluate(value, place) for name, value in variables.items()}

    def value_of(match: re.Match[str]) -> str:
        name = match.group(1).strip()
        if name in own:
            return _text(own[name])
        return _text(_get_att(scope, name, place) if "." in name else scope.reference(name, place))

    return _SUB_LITERAL.sub(r"${\1}", SUB_VARIABLE.sub(value_of, text))


def _join(scope: Scope, argument: Any, place: Place) -> str:
    delimiter, items = argument
    values = scope.evaluate(items, place)
    if not isinstance(values, list):
        raise place.wrong("Fn::Join needs a list")
    return str(delimiter).join(_text(item) for item in values)


def _select(scope: Scope, argument: Any, place: Place) -> Any:
    index, items = (scope.evaluate(part, place) for part in argument)
    try:
        return items[int(index)]
    except (IndexError, ValueError):
        # The list may come from Fn::Split of a text that is not known yet.
        if is_unknown(items):
            return unknown(f"item {index} of {_text(items)}")
        raise place.wrong(f"Fn::Select has no item {index}") from None


def _split(scope: Scope, argument: Any, place: Place) -> list[str]:
    return str(scope.evaluate(argument[1], place)).split(argument[0])


def _if(scope: Scope, argument: Any, place: Place) -> Any:
    condition, then, otherwise = argument
    return scope.evaluate(then if scope.holds(condition, place) else otherwise, place)


def _equals(scope: Scope, argument: Any, place: Place) -> bool:
    left, right = (scope.evaluate(part, place) for part in argument)
    return _text(left) == _text(right)


def _find_in_map(scope: Scope, argument: Any, place: Place) -> Any:
    if len(argument) != 3:
        raise place.wrong("Fn::FindInMap takes a map, a first and a second key; a default needs a transform")
    value: Any = scope.mappings
    for key in (str(scope.evaluate(part, place)) for part in argument):
        if key not in value:
            raise place.wrong(f"Fn::FindInMap finds no {key}")
        value = value[key]
    return value


def _import_value(scope: Scope, argument: Any, place: Place) -> str:
    name = scope.evaluate(argument, place)
    exports = scope.exports()
    if name not in exports:
        raise place.wrong(f"no stack exports {name}")
    scope.imported.add(name)
    return exports[name]


def _base64(scope: Scope, argument: Any, place: Place) -> str:
    return base64.b64encode(_text(scope.evaluate(argument, place)).encode()).decode()


def _zones(scope: Scope, argument: Any, place: Place) -> list[str]:
    """The zones of a region that nobody asks: by the letters that most have."""
    region = _text(scope.evaluate(argument, place)) or _text(scope.pseudo["AWS::Region"])
    return [f"{region}{letter}" for letter in "abc"]


def _text(value: Any) -> str:
    """A value as text: CloudFormation writes booleans in lower case and lists with commas."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


FUNCTIONS: dict[str, Callable[[Scope, Any, Place], Any]] = {
    "Ref": lambda scope, argument, place: scope.reference(argument, place),
    "Fn::GetAtt": _get_att,
    "Fn::Sub": _sub,
    "Fn::Join": _join,
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::If": _if,
    "Fn::Equals": _equals,
    "Fn::And": lambda scope, argument, place: all([scope.judge(part, place) for part in _several(argument, place)]),
    "Fn::Or": lambda scope, argument, place: any([scope.judge(part, place) for part in _several(argument, place)]),
    "Fn::Not": lambda scope, argument, place: not scope.judge(argument[0], place),
    "Fn::FindInMap": _find_in_map,
    "Fn::ImportValue": _import_value,
    "Fn::Base64": _base64,
    "Fn::GetAZs": _zones,
}


def references(value: Any, place: Place) -> Iterator[tuple[str, Place]]:
    """Every name that `value` refers to by Ref, Fn::GetAtt or Fn::Sub, and its place; in both branches of Fn::If."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from references(item, place / index)
    elif isinstance(value, dict):
        if not is_intrinsic(value):
            for key, item in value.items():
                yield from references(item, place / str(key))
            return
        name, argument = next(iter(value.items()))
        if name not in FUNCTIONS:
            raise place.wrong(f"the intrinsic {name} is not honoured by the embedded deployer")
        yield from _referred(name, argument, place)


def _referred(name: str, argument: Any, place: Place) -> Iterator[tuple[str, Place]]:
    if name == "Ref":
        yield argument, place
    elif name == "Fn::GetAtt":
        yield (argument.split(".", 1) if isinstance(argument, str) else argument)[0], place
    elif name == "Fn::Sub":
        text, variables = (argument, {}) if isinstance(argument, str) else argument
        for match in SUB_VARIABLE.finditer(text):
            variable = match.group(1).strip()
            if variable not in variables:
                yield variable.split(".")[0], place
        yield from references(list(variables.values()), place)
    else:
        yield from references(argument, place)
