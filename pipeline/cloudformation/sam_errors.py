"""What the SAM translator complains of, told with the place in the template and what may be meant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.cloudformation.locations import Place, meant

_UNKNOWN = re.compile(r"property (\S+) not defined for resource of type (\S+)")
_GLOBAL = re.compile(r"'(\S+)' is not a supported property of '(\S+)'")


def told(error: Any, template: Mapping[str, Any], file: str) -> str:
    """All that is wrong, a line each; `error` is SAM's InvalidDocumentException."""
    causes = sorted(error.causes, key=lambda cause: str(cause.message))
    return "\n".join(_told(cause, template, file) for cause in causes) or str(error.message)


def _told(cause: Any, template: Mapping[str, Any], file: str) -> str:
    message = str(cause.message)
    if found := _GLOBAL.search(message):
        place = Place(file, ("Globals", found[2], found[1]))
        # It lists all that there is, which may be fifty.
        names = re.findall(r"'(\w+)'", message.partition("following values")[2])
        said = f"SAM's Globals have no such property of {found[2]}"
        return place.wrong(f"{said}{meant(found[1], names)}").message
    place = _place(str(getattr(cause, "_logical_id", "")), template, file)
    if found := _UNKNOWN.search(message):
        return (place / "Properties" / found[1]).wrong(f"{found[0]}{meant(found[1], _properties(found[2]))}").message
    return place.wrong(message).message


def _place(logical_id: str, template: Mapping[str, Mapping[str, Any]], file: str) -> Place:
    """A resource, or an event of one: SAM calls an event by both names in one."""
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
