"""What variables are for, by the conventions of CF: data, coordinates, bounds."""

from __future__ import annotations

from typing import Any

from pipeline.core.errors import BadObject
from pipeline.core.netcdf.model import NetcdfFile, Variable

VERTICAL = (
    "height", "altitude", "depth", "air_pressure", "pressure", "model_level_number", "height_above_mean_sea_level",
    "atmosphere_hybrid_height_coordinate", "atmosphere_sigma_coordinate",
)  # fmt: skip
_TIMES = ("time", "forecast_period", "forecast_reference_time")
_AUXILIARY = ("latitude", "longitude", "projection_x_coordinate", "projection_y_coordinate", "grid_latitude",
              "grid_longitude", "realization", *VERTICAL, *_TIMES)  # fmt: skip


def data_variables(file: NetcdfFile) -> list[Variable]:
    """The variables that are neither coordinates nor bounds nor the description of a grid."""
    named: set[str] = set()
    for each in file.variables.values():
        for attribute in ("coordinates", "ancillary_variables"):
            named |= set(text_attribute(each, attribute).split())
        named |= {text_attribute(each, name) for name in ("bounds", "climatology", "grid_mapping")}
        named |= {word for word in text_attribute(each, "cell_measures").split() if not word.endswith(":")}
    return [
        each
        for each in file.variables.values()
        if each.name not in named
        and text_attribute(each, "standard_name") not in _AUXILIARY
        and "axis" not in each.attributes
        and "grid_mapping_name" not in each.attributes
        and each.shape
        and (len(each.shape) > 1 or (each.name,) != each.dimensions())
        and not each.name.endswith(("_bnds", "_bounds"))
    ]


def coordinate(file: NetcdfFile, *names: str) -> Variable | None:
    """The variable of one of these names, or else standard names; None if there is none.

    `BadObject` if it is of a type that is not read.
    """
    for name in names:
        if name in file.unread:
            raise BadObject(f"{name} has {file.unread[name]}, which are not read")
        if name in file.variables:
            return file.variables[name]
    return next((each for each in file.variables.values() if text_attribute(each, "standard_name") in names), None)


def text_attribute(variable: Variable, name: str) -> str:
    """An attribute that is text; empty where it is none."""
    value: Any = variable.attributes.get(name, "")
    return value.strip() if isinstance(value, str) else ""


def check_numbers(variable: Variable) -> None:
    """`BadObject` unless a variable's values are numbers."""
    if variable.dtype.kind not in "iuf":
        raise BadObject(f"{variable.name} has text for values, and numbers are read")
