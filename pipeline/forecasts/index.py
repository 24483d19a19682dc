"""The items of the index (docs/forecasts.md). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.core.errors import BadObject
from pipeline.core.netcdf.calendars import STANDARD
from pipeline.core.objects import ObjectVersion
from pipeline.forecasts.times import Forecast

PARTITION, SORT = "forecast_period", "forecast_key"
BY_TIME = "by_time"
RUN_KEY = "run_key"
ORDER = "announced_order"
ALL = "*"
"""Stands for every model, or every variable, in the lists of times."""
TIMES, CHUNKS, FILES = "TIMES", "CHUNKS", "FILES"
KEY_BYTES = 1024
"""DynamoDB's longest sort key."""

Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class IndexedFile:
    """Our copy of a file, and what of its announcement the index says."""

    object: ObjectVersion
    source: str
    licence: str
    model: str
    order: str


def escaped(text: str) -> str:
    """Text without `#`, which parts keys."""
    return text.replace("%", "%25").replace("#", "%23")


def joined(*parts: str) -> str:
    """A key of its parts; `BadObject` if it is longer than DynamoDB takes."""
    key = "#".join(escaped(part) for part in parts)
    if len(key.encode()) > KEY_BYTES:
        raise BadObject(f"the names of its variable, model, level and members are too long together: {key[:200]}…")
    return key


def item_of(forecast: Forecast, file: IndexedFile) -> Item:
    """The item of one time of a file."""
    what = (file.model, forecast.variable, forecast.level, forecast.members)
    said = {
        PARTITION: forecast.period,
        SORT: joined(forecast.time, *what),
        RUN_KEY: joined(forecast.reference_time, forecast.period, *what),
        ORDER: file.order,
        "forecast_time": forecast.time,
        "forecast_reference_time": forecast.reference_time,
        "model": file.model,
        "variable": forecast.variable,
        "level": forecast.level,
        "members": forecast.members,
        "bounds": forecast.bounds,
        "bucket": file.object.bucket,
        "key": file.object.key,
        "version": file.object.version_id,
        "source": file.source,
        "licence": file.licence,
    }
    return said if forecast.calendar == STANDARD else {**said, "calendar": forecast.calendar}


def times_partition(model: str = ALL, variable: str = ALL) -> str:
    """The partition that lists the times of a model and a variable, or of all."""
    return joined(TIMES, model, variable)


def layout_partition(obj: ObjectVersion) -> str:
    """The partition of what is kept of where a file's values are."""
    return joined(CHUNKS, obj.key, obj.version_id)


def files_partition(source: str) -> str:
    """The partition of what was fetched from a source, in the order of its announcements."""
    return joined(FILES, source)


@dataclass(frozen=True, slots=True)
class Fetching:
    """How a file was fetched: when it was announced and findable (ISO 8601), its size, and what was read of it."""

    announced: str
    findable: str
    size: int
    requests: int
    bytes_read: int


def file_item(file: IndexedFile, forecasts: Sequence[Forecast], fetching: Fetching) -> Item:
    """What is kept of a file that was indexed. Announced again, it has the same key."""
    times = sorted({each.time for each in forecasts})
    return {
        PARTITION: files_partition(file.source),
        SORT: joined(fetching.announced, file.object.key),
        **asdict(fetching),
        "model": file.model,
        "variables": sorted({each.variable for each in forecasts}),
        "run": max(each.reference_time for each in forecasts),
        "first_time": times[0],
        "last_time": times[-1],
        "times": len(times),
        "bucket": file.object.bucket,
        "key": file.object.key,
        "version": file.object.version_id,
    }


def listed_times(items: Iterable[Item]) -> list[Item]:
    """What the lists of times get of these items: of each list and time the newest run."""
    found: dict[tuple[str, str], Item] = {}
    for item in items:
        for model in (ALL, item["model"]):
            for variable in (ALL, item["variable"]):
                said = _listed(item, model, variable)
                known = found.get((said[PARTITION], said[SORT]))
                if known is None or known["forecast_reference_time"] < said["forecast_reference_time"]:
                    found[said[PARTITION], said[SORT]] = said
    return list(found.values())


def _listed(item: Mapping[str, Any], model: str, variable: str) -> Item:
    return {
        PARTITION: times_partition(model, variable),
        SORT: item["forecast_time"],
        "forecast_time": item["forecast_time"],
        "forecast_reference_time": item["forecast_reference_time"],
        "model": model,
        "variable": variable,
        "source": item["source"],
        "licence": item["licence"],
    }
