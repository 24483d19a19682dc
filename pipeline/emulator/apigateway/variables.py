"""What mapping templates can ask of API Gateway: `$input`, `$util`, `$context` and `$stageVariables`.

Source: "Mapping template and access logging variable reference" of API Gateway's developer guide. A parameter of the
path comes as it stands in the address, still escaped; those of the query are unescaped.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote_plus, unquote_plus

from pipeline.emulator.apigateway.vtl import Exposed, TemplateFailed, check, render

_INDEFINITE = re.compile(r"\*|\.\.|\?|\[[^\]']*[:,]")
_SHORT = {"\b": "\\b", "\n": "\\n", "\t": "\\t", "\f": "\\f", "\r": "\\r"}
_PLACES = ("path", "querystring", "header")


class Input(Exposed):
    """`$input`: the body, and what else came with the request.

    `parameters` has `path`, `querystring` and `header`; an answer has none of its own and keeps the request's.
    """

    def __init__(self, body: str, parameters: Mapping[str, Mapping[str, str]]) -> None:
        self.body = body
        self._parameters = parameters

    def _document(self) -> Any:
        try:
            return json.loads(self.body or "{}")
        except ValueError:
            # API Gateway's reader takes what is no JSON for a text.
            return self.body

    def path(self, expression: str) -> Any:
        """What a JSONPath finds in the body: a value, a list where it may find several, null where it finds none."""
        found = [each.value for each in _parsed(expression).find(self._document())]
        if _INDEFINITE.search(expression):
            return found
        return found[0] if found else None

    def json(self, expression: str) -> str:
        """The same as JSON; an empty text where there is nothing."""
        found = self.path(expression)
        return json.dumps("" if found is None else found, ensure_ascii=False, separators=(",", ":"))

    def params(self, name: str | None = None) -> Any:
        """All parameters by place, or the first of a name in path, query and headers, empty if there is none."""
        if name is None:
            return {place: dict(self._parameters.get(place, {})) for place in _PLACES}
        for place in _PLACES[:2]:
            if name in self._parameters.get(place, {}):
                return self._parameters[place][name]
        headers = {key.lower(): value for key, value in self._parameters.get("header", {}).items()}
        return headers.get(name.lower(), "")

    methods = {"path": path, "json": json, "params": params}  # noqa: RUF012


@lru_cache(256)
def _parsed(expression: str) -> Any:
    from jsonpath_ng.exceptions import JSONPathError
    from jsonpath_ng.ext.parser import parse

    try:
        return parse(expression)
    except (JSONPathError, AttributeError) as error:
        raise ValueError(f"{expression} is no JSONPath") from error


def escape_java_script(text: Any) -> str:
    r"""A text with the escapes of a string of JavaScript; `\'` among them, which JSON does not have."""
    return "".join(map(_escaped, _text(text)))


def _escaped(character: str) -> str:
    if character in "'\"\\/":
        return f"\\{character}"
    if character in _SHORT:
        return _SHORT[character]
    if " " <= character <= "~":
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex().upper()}" for at in range(0, len(units), 2))


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _parse_json(_: Util, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError("parseJson of what is no JSON") from error


class Util(Exposed):
    """`$util`."""

    methods = {  # noqa: RUF012
        "escapeJavaScript": lambda _, text: escape_java_script(text),
        "parseJson": _parse_json,
        # As java.net.URLEncoder: it leaves the star, and not the tilde.
        "urlEncode": lambda _, text: quote_plus(_text(text), safe="*").replace("~", "%7E"),
        "urlDecode": lambda _, text: unquote_plus(_text(text)),
        "base64Encode": lambda _, text: base64.b64encode(_text(text).encode()).decode(),
        "base64Decode": lambda _, text: base64.b64decode(_text(text)).decode("utf-8", "replace"),
    }


METHODS = {"input": frozenset(Input.methods), "util": frozenset(Util.methods)}


def check_template(template: str) -> None:
    """Raise `TemplateFailed` for what a mapping template says that is not honoured."""
    check(template, METHODS)


def mapped(
    template: str,
    body: str,
    parameters: Mapping[str, Mapping[str, str]],
    context: Mapping[str, Any],
    stage_variables: Mapping[str, str],
) -> str:
    """What a mapping template makes of a request or an answer. It may set what `context` has as overrides."""
    given = {
        "input": Input(body, parameters),
        "util": Util(),
        "context": context,
        "stageVariables": stage_variables,
    }
    return render(template, given)


__all__ = ["METHODS", "Input", "TemplateFailed", "Util", "check_template", "escape_java_script", "mapped"]
