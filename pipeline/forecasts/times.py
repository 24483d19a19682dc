"""Which times the variables of a netCDF file forecast, from CF's coordinates alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from pipeline.core.errors import BadObject
from pipeline.core.netcdf.calendars import STANDARD, TimeUnits, parse_units, period_text, text_of, unit_seconds, whole
from pipeline.core.netcdf.conventions import VERTICAL, check_numbers, coordinate, data_variables, text_attribute
from pipeline.core.netcdf.model import NetcdfFile, Variable

MOST_TIMES = 10_000
"""Of one variable: a file with more is no forecast."""
LONGEST = 200
"""Characters of `level` and of `members`: DynamoDB's sort keys have 1,024 bytes."""
_TIMES = ("time", "forecast_period", "forecast_reference_time")


@dataclass(frozen=True, slots=True)
class Forecast:
    """A time of a variable. Times are text in the calendar, `bounds` the interval that the value is of, or empty."""

    variable: str
    time: str
    reference_time: str
    period: str
    level: str
    members: str
    bounds: str = ""
    calendar: str = STANDARD


@dataclass(frozen=True, slots=True)
class _Axis:
    """The values of one of the time coordinates, with the names of its dimensions."""

    name: str
    dimensions: tuple[str, ...]
    shape: tuple[int, ...]
    values: Sequence[int]
    """Seconds: of the calendar's count, or a period's own."""


@dataclass(frozen=True, slots=True)
class _Moment:
    time: int
    reference: int
    bounds: tuple[int, int] | None
    place: Mapping[str, int]
    """Its index along the dimensions that the coordinates of time have."""


def forecasts_of(file: NetcdfFile) -> list[Forecast]:
    """Every time of every variable that has data; `BadObject` says what is missing or contradicts itself."""
    data = data_variables(file)
    if not data:
        raise BadObject(f"the file has no variable with data{file.left_out()}")
    moments, calendar = _moments(file)
    said = [
        (period_text(each.time - each.reference), text_of(each.time, calendar), text_of(each.reference, calendar),
         "/".join(text_of(end, calendar) for end in each.bounds) if each.bounds else "")
        for each in moments
    ]  # fmt: skip
    if len({each[:3] for each in said}) < len(said):
        twice = next(each for n, each in enumerate(said) if each[:3] in {other[:3] for other in said[:n]})
        raise BadObject(f"the time {twice[1]} of the run {twice[2]} is in the file twice")
    return [
        Forecast(name_of(variable), time, reference, period, level, members, bounds, calendar)
        for variable in data
        for level, members in [(_level(file, variable), _members(file, variable))]
        for period, time, reference, bounds in said
    ]


def places_of(file: NetcdfFile) -> dict[tuple[str, str], Mapping[str, int]]:
    """Where each time of each run is along the file's dimensions of time; see `forecasts_of`."""
    moments, calendar = _moments(file)
    return {(text_of(each.time, calendar), text_of(each.reference, calendar)): each.place for each in moments}


def name_of(variable: Variable) -> str:
    """What a variable is called in the index: its name in the file."""
    return variable.name


def _moments(file: NetcdfFile) -> tuple[list[_Moment], str]:
    time, period, reference = (coordinate(file, name) for name in _TIMES)
    dated = [each for each in (time, reference) if each is not None]
    if not dated or (time is None and period is None):
        raise BadObject(
            "the file has no time: neither `time`, nor `forecast_reference_time` with `forecast_period`"
            f"{file.left_out()}"
        )
    if reference is None and period is None:
        raise BadObject("the file has neither `forecast_reference_time` nor `forecast_period`: its run is not known")
    units = {each.name: _units(each) for each in dated}
    calendars = {each.calendar for each in units.values()}
    if len(calendars) > 1:
        raise BadObject(f"the times are of different calendars: {', '.join(sorted(calendars))}")
    axes = {
        name: _dated(each, units[each.name]) if name != "forecast_period" else _period(each)
        for name, each in zip(_TIMES, (time, period, reference), strict=True)
        if each is not None
    }
    found = _combined(axes)
    bounds = _bounds(file, time, units[time.name]) if time is not None else None
    if bounds is not None and len(bounds) == len(found):
        found = [replace(each, bounds=pair) for each, pair in zip(found, bounds, strict=True)]
    return found, calendars.pop()


def _units(variable: Variable) -> TimeUnits:
    units = text_attribute(variable, "units")
    if not units:
        raise BadObject(f"{variable.name} has no units")
    return parse_units(units, text_attribute(variable, "calendar") or STANDARD, variable.name)


def _dated(variable: Variable, units: TimeUnits) -> _Axis:
    return _Axis(
        variable.name, _dimensions(variable), variable.shape, [units.moment(each) for each in _numbers(variable)]
    )


def _period(variable: Variable) -> _Axis:
    units = text_attribute(variable, "units")
    if not units:
        raise BadObject(f"{variable.name} has no units")
    seconds = unit_seconds(units, variable.name)
    values = [whole(Fraction(each) * seconds, "forecast period") for each in _numbers(variable)]
    return _Axis(variable.name, _dimensions(variable), variable.shape, values)


def _dimensions(variable: Variable) -> tuple[str, ...]:
    return variable.dimensions() if variable.shape else ()


def _numbers(variable: Variable) -> list[int | float]:
    """The values of a coordinate; `BadObject` for one that is missing, or no number."""
    import math

    check_numbers(variable)
    count = math.prod(variable.shape)
    if not 0 < count <= MOST_TIMES:
        raise BadObject(f"{variable.name} has {count} values, and a forecast has from 1 to {MOST_TIMES}")
    values = variable.values().reshape(-1).tolist()
    missing = {variable.attributes.get("_FillValue"), variable.attributes.get("missing_value")} - {None}
    for each in values:
        if isinstance(each, bool) or not isinstance(each, (int, float)) or not math.isfinite(each) or each in missing:
            raise BadObject(f"{variable.name} has a value that is no number: {str(each)[:50]}")
    return values  # type: ignore[no-any-return]


def _combined(axes: Mapping[str, _Axis]) -> list[_Moment]:
    """The moments of all places of the dimensions that the coordinates have together, in the file's order."""
    lengths: dict[str, int] = {}
    for axis in axes.values():
        if len(axis.dimensions) != len(axis.shape):
            raise BadObject(f"{axis.name} does not say which its dimensions are")
        lengths |= dict(zip(axis.dimensions, axis.shape, strict=True))
    places: list[dict[str, int]] = [{}]
    for name, length in lengths.items():
        places = [{**place, name: n} for place in places for n in range(length)]
        if len(places) > MOST_TIMES:
            raise BadObject(f"the file has more than {MOST_TIMES} times")
    return [_moment(axes, place, lengths) for place in places]


def _moment(axes: Mapping[str, _Axis], place: Mapping[str, int], lengths: Mapping[str, int]) -> _Moment:
    said = {name: axis.values[_index(axis, place, lengths)] for name, axis in axes.items()}
    time, period, reference = (said.get(name) for name in _TIMES)
    if time is None:
        time = (reference or 0) + (period or 0)
    if reference is None:
        reference = time - (period or 0)
    if period is not None and time - reference != period:
        raise BadObject(
            f"time, forecast_reference_time and forecast_period contradict each other: "
            f"{time - reference} s and {period} s"
        )
    return _Moment(time, reference, None, place)


def _index(axis: _Axis, place: Mapping[str, int], lengths: Mapping[str, int]) -> int:
    found = 0
    for name in axis.dimensions:
        found = found * lengths[name] + place[name]
    return found


def _bounds(file: NetcdfFile, time: Variable, units: TimeUnits) -> list[tuple[int, int]] | None:
    """The interval of each time, where the file says them."""
    name = text_attribute(time, "bounds")
    variable = file.variables.get(name) if name else None
    if variable is None or not variable.shape or variable.shape[-1] != 2:
        return None
    ends = [units.moment(each) for each in _numbers(variable)]
    return list(zip(ends[::2], ends[1::2], strict=True))


def _level(file: NetcdfFile, variable: Variable) -> str:
    axis = _named(file, variable, VERTICAL)
    if axis is None:
        return ""
    unit = text_attribute(axis, "units")
    return f"{_list([_short(each) for each in _numbers(axis)])}{'' if unit in ('', '1') else unit}"


def _members(file: NetcdfFile, variable: Variable) -> str:
    axis = _named(file, variable, ("realization",))
    return _list(_runs([int(each) for each in _numbers(axis)])) if axis is not None else ""


def _named(file: NetcdfFile, variable: Variable, names: tuple[str, ...]) -> Variable | None:
    """The coordinate of one of these standard names that the variable has, by its dimensions or `coordinates`."""
    for candidate in (*text_attribute(variable, "coordinates").split(), *variable.dimensions()):
        found = file.variables.get(candidate)
        if found is not None and (text_attribute(found, "standard_name") in names or found.name in names):
            return found
    return None


def _short(number: int | float) -> str:
    return str(int(number)) if float(number).is_integer() else f"{number:.7g}"


def _runs(numbers: Iterable[int]) -> list[str]:
    """Members in order, those that follow each other as `26-28`."""
    runs: list[list[int]] = []
    for each in sorted(numbers):
        if runs and each == runs[-1][1] + 1:
            runs[-1][1] = each
        else:
            runs.append([each, each])
    return [str(first) if first == last else f"{first}-{last}" for first, last in runs]


def _list(parts: list[str]) -> str:
    """The parts with commas; of too many the first, the last, how many, and a digest, so that others differ."""
    text = ",".join(parts)
    if len(text) <= LONGEST:
        return text
    from hashlib import sha256

    return f"{parts[0]}..{parts[-1]}({len(parts)}-{sha256(text.encode()).hexdigest()[:8]})"
