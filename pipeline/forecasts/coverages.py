"""Values at a place as CoverageJSON (OGC 21-069r2), as a position query of OGC API-EDR answers. Pure.

A coverage has the times of one member and level: CoverageJSON has no axis of members. Places are longitude and latitude
(CRS84), also those of grid points of a projection. Names of ours have a prefix, as the standard asks of others' names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.core.errors import BadObject
from pipeline.core.netcdf.calendars import STANDARD
from pipeline.forecasts.values import FileValues, Series

MEDIA_TYPE = "application/prs.coverage+json"
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"

_Key = tuple[tuple[float, float], str, str, str, tuple[tuple[str, float], ...]]
"""The grid point, units, level and members of the file, and the place along its other dimensions."""


def coverages_of(series: Series) -> dict[str, Any]:
    """A collection of coverages; `BadObject` for times of a calendar that CoverageJSON has not."""
    variable = series.asked.variable
    parts: dict[_Key, list[tuple[FileValues, float | None]]] = {}
    for file in (file for files in series.times for file in files):
        calendar = file.item.get("calendar", STANDARD)
        if calendar != STANDARD:
            raise BadObject(f"the times are of the calendar {calendar}, and CoverageJSON's are of the Gregorian one")
        for each in file.values:
            parts.setdefault(_key(series, file, each.at), []).append((file, each.value))
    units = next(iter(parts))[1]
    return {
        "type": "CoverageCollection",
        "domainType": "PointSeries",
        "parameters": {variable: _parameter(variable, units)},
        "referencing": [
            {"coordinates": ["x", "y"], "system": {"type": "GeographicCRS", "id": CRS84}},
            {"coordinates": ["t"], "system": {"type": "TemporalRS", "calendar": "Gregorian"}},
        ],
        "coverages": [_coverage(variable, key, found, units) for key, found in parts.items()],
        "sluice:model": series.times[0][0].item["model"],
        "sluice:attribution": series.times[0][0].item["licence"],
    }


def _key(series: Series, file: FileValues, at: Mapping[str, float]) -> _Key:
    latitude, longitude = file.layout.grid.position(*file.point, series.asked.latitude, series.asked.longitude)
    # Of files of other runs the same point may differ by what computing it leaves.
    where = (round(longitude, 7), round(latitude, 7))
    item = file.item
    return where, file.layout.units, item["level"], item["members"], tuple(at.items())


def _coverage(variable: str, key: _Key, found: list[tuple[FileValues, float | None]], usual: str) -> dict[str, Any]:
    (longitude, latitude), units, level, members, at = key
    coverage = {
        "type": "Coverage",
        "domain": {
            "type": "Domain",
            "domainType": "PointSeries",
            "axes": {
                "x": {"values": [longitude]},
                "y": {"values": [latitude]},
                "t": {"values": [file.item["forecast_time"] for file, _ in found]},
            },
        },
        "ranges": {
            variable: {
                "type": "NdArray",
                "dataType": "float",
                "axisNames": ["t"],
                "shape": [len(found)],
                "values": [value for _, value in found],
            }
        },
        "sluice:at": dict(at),
        "sluice:level": level,
        "sluice:members": members,
        "sluice:runs": [file.item["forecast_reference_time"] for file, _ in found],
        "sluice:files": [file.item["key"] for file, _ in found],
    }
    return coverage if units == usual else {**coverage, "parameters": {variable: _parameter(variable, units)}}


def _parameter(variable: str, units: str) -> dict[str, Any]:
    parameter: dict[str, Any] = {"type": "Parameter", "observedProperty": {"label": {"en": variable}}}
    return {**parameter, "unit": {"symbol": units}} if units else parameter
