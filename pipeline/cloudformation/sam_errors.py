"""Errors of the SAM translator, with the place in the template and a suggestion."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.cloudformation.locations import Place, suggestion

_UNKNOWN = re.compile(r"property (\S+) not defined for resource of type (\S+)")
_GLOBAL = re.compile(r"'(\S+)' is not a supported property of '(\S+)'")


def describe(error: Any, template: Mapping[str, Any], file: str) -> str:
    """The text of all errors, a line each; `error` is SAM's InvalidDocumentException."""
    causes = sorted(error.causes, key=lambda cause: str(cause.message))
    return "\n".join(_describe(cause, template, file) for cause in causes) or str(error.message)


def _describe(cause: Any, template: Mapping[str, Any], file: str) -> str:
    message = str(cause.message)
    if match := _GLOBAL.search(message):
        place = Place(file, ("Globals", match[2], match[1]))
        # The message lists all properties, perhaps fifty.
        names = re.findall(r"'(\w+)'", message.partition("following values")[2])
        complaint = f"SAM's Globals have no such property of {match[2]}"
        return place.wrong(f"{complaint}{suggestion(match[1], names)}").message
    place = _place(str(getattr(cause, "_logical_id", "")), template, file)
    if match := _UNKNOWN.search(message):
        return (
            (place / "Properties" / match[1]).wrong(f"{match[0]}{suggestion(match[1], _properties(match[2]))}").message
        )
    return place.wrong(message).message


def _place(logical_id: str, template: Mapping[str, Mapping[str, Any]], file: str) -> Place:
    """The place of a resource, or of an event of one: SAM joins the names of both to one id."""
    section = Place(file, ("Resources",))
    name: str
    for name, resource in template["Resources"].items():
        if name == logical_id:
            return section / name
        events = resource.get("Properties", {}).get("Events", {})
        if logical_id.startswith(name) and logical_id.removeprefix(name) in events:
            return section / name / "Properties" / "Events" / logical_id.removeprefix(name)
    return section


def _properties(kind: str) -> Iterable[str]:
    """The properties of one of SAM's types, or of its events."""
    from samtranslator.model import sam_resources
    from samtranslator.model.eventsources import pull, push

    for each in (value for module in (sam_resources, pull, push) for value in vars(module).values()):
        if getattr(each, "resource_type", None) == kind and hasattr(each, "property_types"):
            return [*each.property_types]
    return []
