"""The Velocity Template Language of mapping templates: airspeed, made to do what Velocity 1.7 does, and checked before.

airspeed reads and writes Python's values by Python's rules. Here strings have no escapes, only null and false are
false, names may have hyphens, what is printed looks as Java prints it, and only methods of Java's strings, lists and
maps and those that API Gateway documents can be called. What a template calls is known before it runs: `check` names
what is not honoured. Sources: Velocity 1.7's user guide; "Mapping template and access logging variable reference" of
API Gateway's developer guide.
"""

from __future__ import annotations

import inspect
import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import airspeed

from pipeline.emulator.apigateway.java_methods import METHODS, call, printed

LONGEST_LOOP = 1000
"""Rounds of one #foreach (API Gateway quota)."""

_REFUSED = {
    airspeed.MacroDefinition: "#macro",
    airspeed.MacroCall: "a macro",
    airspeed.IncludeDirective: "#include",
    airspeed.ParseDirective: "#parse",
    airspeed.EvaluateDirective: "#evaluate",
    airspeed.DefineDefinition: "#define",
}

_DIRECTIVE = re.compile(r"(?:if|elseif|else|end|set|foreach|macro|parse|include|evaluate|define)\b")


class TemplateFailed(Exception):
    """A template cannot be read, calls what is not honoured, or failed at the values that it was given."""


class Exposed:
    """An object of API Gateway's own, such as `$input`: its `methods` can be called, and nothing else of it is seen."""

    methods: Mapping[str, Callable[..., Any]] = {}
    """By the name in templates; each gets the object first."""

    body: Any = None
    """What `.body` of it reads."""


def render(template: str, variables: Mapping[str, Any]) -> str:
    """What a template makes of its variables; `TemplateFailed` with the reason."""
    try:
        return str(_compiled(template).merge(dict(variables)))
    except airspeed.TemplateError as error:
        raise TemplateFailed(str(error)) from error


def check(template: str, methods: Mapping[str, frozenset[str]]) -> None:
    """Raise `TemplateFailed` for what a template says that is not honoured, by its name.

    `methods` are those of the variables that API Gateway gives, by the variable's name.
    """
    for element in _elements(_compiled(template).root_element):
        if isinstance(element, airspeed.FallthroughHashText) and (begun := _DIRECTIVE.match(element.next_text())):
            raise TemplateFailed(f"#{begun[0]} in the mapping template cannot be read")
        if name := _REFUSED.get(type(element)):
            raise TemplateFailed(f"{name} in a mapping template is not honoured")
        if isinstance(element, airspeed.VariableExpression):
            _check_first(element, methods)
        if isinstance(element, airspeed.NameOrCall) and element.parameters is not None:
            known = METHODS | frozenset().union(*methods.values())
            if element.name not in known:
                raise TemplateFailed(f"the method {element.name} in a mapping template is not honoured")


def _check_first(element: Any, methods: Mapping[str, frozenset[str]]) -> None:
    names = methods.get(element.part.name)
    called = getattr(element.subexpression, "expression", None)
    if names is None or not isinstance(called, airspeed.VariableExpression):
        return
    if called.part.parameters is not None and called.part.name not in names:
        raise TemplateFailed(f"${element.part.name}.{called.part.name} is not honoured")


def _elements(element: Any) -> Iterator[Any]:
    yield element
    for value in vars(element).values():
        for each in _parts(value):
            if isinstance(each, airspeed._Element):
                yield from _elements(each)


def _parts(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.keys()
        yield from value.values()
    elif isinstance(value, (list, tuple)):
        yield from value
    elif inspect.ismethod(value):
        # Some elements keep of what is in them only how it is evaluated.
        yield value.__self__
    else:
        yield value


@lru_cache(512)
def _compiled(template: str) -> Any:
    read = airspeed.Template(template)
    try:
        read.ensure_compiled()
    except (airspeed.TemplateError, airspeed.NoMatch) as error:
        raise TemplateFailed(f"the mapping template cannot be read: {error}") from error
    return read


def _is_true(value: Any) -> bool:
    return value is not None and value is not False


def _member(owner: Any, name: str) -> Any:
    if isinstance(owner, Exposed):
        return owner.body if name == "body" else None
    try:
        return owner[name] if isinstance(owner, Mapping) else None
    except KeyError:
        return None


def _called(owner: Any, name: str, arguments: list[Any]) -> Any:
    if owner is None:
        return None
    if not isinstance(owner, Exposed):
        return call(owner, name, arguments)
    try:
        return owner.methods[name](owner, *arguments)
    except (KeyError, TypeError) as error:
        raise ValueError(f"{name} cannot be called so: {error}") from error


def _name(self: Any, owner: Any, loader: Any, namespace: Any) -> Any:
    if self.parameters is not None:
        return _called(owner, self.name, self.parameters.calculate(namespace, loader))
    found = _member(owner, self.name)
    return found if self.index is None else _at(found, self.index.calculate(namespace, loader))


def _below(self: Any, owner: Any, loader: Any, namespace: Any) -> Any:
    if not isinstance(self.expression, airspeed.ArrayIndex):
        return self.expression.calculate(owner, loader, namespace)
    found = _at(owner, self.expression.calculate(namespace, loader))
    return self.subexpression.calculate(found, loader, namespace) if self.subexpression else found


def _at(owner: Any, index: Any) -> Any:
    try:
        return owner[index]
    except (KeyError, IndexError, TypeError):
        return None


def _reference(self: Any, stream: Any, namespace: Any, loader: Any) -> None:
    if self.expression is None:
        stream.write(self.my_text())
        return
    value = self.expression.calculate(namespace, loader)
    if value is None and self.alternate is not None:
        value = self.alternate.calculate(namespace, loader)
    stream.write("" if isinstance(value, Exposed) else printed(value))


def _string(self: Any) -> None:
    (value,) = self.identity_match(self.STRING)
    self.value = value.replace("''", "'")


def _interpolated_string(self: Any) -> None:
    (value,) = self.identity_match(self.STRING)
    self.value = value.replace('""', '"')
    self.block = airspeed.Block(self.filename, self.value, 0)
    if self.block.next_text() not in ("", "\\"):
        raise self.syntax_error("text")


def _interpolated(self: Any, namespace: Any, loader: Any) -> str:
    output = airspeed.StoppableStream()
    self.block.evaluate(output, namespace, loader)
    return str(output.getvalue()) + str(self.block.next_text())


def _if(self: Any, stream: Any, namespace: Any, loader: Any) -> None:
    for each in (self, *self.elseifs):
        if _is_true(each.condition.calculate(namespace, loader)):
            each.block.evaluate(stream, namespace, loader)
            return
    self.else_block.evaluate(stream, namespace, loader)


def _set(self: Any, stream: Any, namespace: Any, loader: Any) -> None:
    """As Velocity: a null changes nothing, and what is set in a loop is there after it."""
    value = self.value.calculate(namespace, loader)
    if value is None:
        return
    *owners, last = self.terms
    if not owners:
        (namespace.find_outermost(last) or _outermost(namespace))[last] = value
        return
    owner = namespace
    for name in owners:
        owner = _member(owner, name)
    if not isinstance(owner, dict):
        raise ValueError(f"nothing can be set at ${'.'.join(self.terms)}")
    owner[last] = value


def _outermost(namespace: Any) -> Any:
    while isinstance(namespace.parent, airspeed.LocalNamespace):
        namespace = namespace.parent
    return namespace


def _foreach(self: Any, stream: Any, namespace: Any, loader: Any) -> None:
    values = self.value.calculate(namespace, loader)
    if isinstance(values, Mapping):
        values = list(values.values())
    if not isinstance(values, (list, tuple, range)):
        return
    if len(values) > LONGEST_LOOP:
        raise ValueError(f"#foreach over {len(values)} values; API Gateway takes {LONGEST_LOOP}")
    for count, value in enumerate(values, 1):
        more = count < len(values)
        local = airspeed.LocalNamespace(namespace)
        local["velocityCount"] = count
        local["foreach"] = {
            "count": count, "index": count - 1, "hasNext": more, "first": count == 1, "last": not more,
        }  # fmt: skip
        local[self.loop_var_name] = value
        self.block.evaluate(stream, local, loader)


def _is_number(*values: Any) -> bool:
    return all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)


def _equal(left: Any, right: Any) -> bool:
    """Values of different classes are compared as texts."""
    if left is None or right is None:
        return left is right
    if type(left) is type(right) or _is_number(left, right):
        return bool(left == right)
    return printed(left) == printed(right)


def _of_numbers(compute: Callable[[Any, Any], Any], otherwise: Any) -> Callable[[Any, Any], Any]:
    return lambda left, right: compute(left, right) if _is_number(left, right) else otherwise


def _plus(left: Any, right: Any) -> Any:
    if isinstance(left, str) or isinstance(right, str):
        return printed(left) + printed(right)
    return left + right if _is_number(left, right) else None


def _divided(left: Any, right: Any) -> Any:
    if right == 0:
        return None
    exact = left / right
    return int(exact) if isinstance(left, int) and isinstance(right, int) else exact


def _operators() -> dict[str, Callable[[Any, Any], Any]]:
    found: dict[str, Callable[[Any, Any], Any]] = {
        "+": _plus,
        "-": _of_numbers(operator.sub, None),
        "*": _of_numbers(operator.mul, None),
        "/": _of_numbers(_divided, None),
        "%": _of_numbers(lambda left, right: int(math.fmod(left, right)) if right else None, None),
    }
    comparisons = {">": "gt", ">=": "ge", "<": "lt", "<=": "le"}
    for sign, word in comparisons.items():
        found[sign] = found[word] = _of_numbers(getattr(operator, word), False)
    found["=="] = found["eq"] = _equal
    found["!="] = found["ne"] = lambda left, right: not _equal(left, right)
    found["&&"] = found["and"] = lambda left, right: _is_true(left) and _is_true(right)
    found["||"] = found["or"] = lambda left, right: _is_true(left) or _is_true(right)
    return found


def _make_velocity() -> None:
    """Give airspeed's elements Velocity's rules; nothing else of this process uses them."""
    # A hash that begins nothing is text, and what follows it is not swallowed.
    airspeed.Text.PLAIN = re.compile(r"((?:[^\\\$#]+|\\[\$#])+|\$[^!{a-z0-9_]|\$$|#$|\\.)", re.S | re.I)
    airspeed.NameOrCall.NAME = re.compile(r"([a-z][a-z0-9_-]*)", re.I)
    airspeed.SetDirective.PLACE = re.compile(r"\s*\$\{?([a-z][a-z0-9_-]*(?:\.[a-z][a-z0-9_-]*)*)\}?", re.I)
    airspeed.ForeachDirective.LOOP_VAR_NAME = re.compile(r"\$([a-z][a-z0-9_-]*)", re.I)
    airspeed.NameOrCall.calculate = _name
    airspeed.SubExpression.calculate = _below
    airspeed.FormalReference.evaluate_raw = _reference
    airspeed.StringLiteral.STRING = re.compile(r"'((?:''|[^'])*)'")
    airspeed.StringLiteral.parse = _string
    airspeed.InterpolatedStringLiteral.STRING = re.compile(r'"((?:""|[^"])*)"')
    airspeed.InterpolatedStringLiteral.parse = _interpolated_string
    airspeed.InterpolatedStringLiteral.calculate = _interpolated
    airspeed.IfDirective.evaluate_raw = _if
    airspeed.SetDirective.evaluate_raw = _set
    airspeed.ForeachDirective.evaluate_raw = _foreach
    airspeed.BinaryOperator.OPERATORS.update(_operators())
    negated = lambda value: not _is_true(value)  # noqa: E731
    airspeed.UnaryOperatorValue.OPERATORS.update({"!": negated, "not": negated})


_make_velocity()
