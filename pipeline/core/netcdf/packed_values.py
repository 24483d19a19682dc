"""What a variable's values mean: which are missing, and what packed ones are unpacked.

As the netCDF4 library for Python does by default (`set_auto_maskandscale`), to the bit, the type included.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.core.netcdf.model import Variable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FILLS = {
    "i1": -127, "u1": 255, "i2": -32767, "u2": 65535, "i4": -2147483647, "u4": 4294967295,
    "i8": -9223372036854775806, "u8": 18446744073709551614, "f4": 9.969209968386869e36, "f8": 9.969209968386869e36,
}  # fmt: skip
"""netCDF's fill values by type (netcdf.h)."""


def unpacked(variable: Variable, data: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Numbers as they are meant, in the order of bytes of this machine, and which of them are missing."""
    stored = data.dtype
    data = data.astype(stored.newbyteorder("="), copy=False)
    if _is_unsigned(variable) and data.dtype.kind == "i":
        data = data.view(data.dtype.str.replace("i", "u"))
    missing = _missing(variable, data, stored)
    return _scaled(variable, data), missing


def _missing(variable: Variable, data: NDArray[Any], stored: np.dtype[Any]) -> NDArray[np.bool_]:
    import numpy as np

    found = np.zeros(data.shape, dtype=bool)
    if (values := _safe(variable, "missing_value", stored, data.dtype)) is not None:
        for each in values:
            found |= _same(data, each)
    if (fill := _safe(variable, "_FillValue", stored, data.dtype)) is not None:
        found |= _same(data, fill[0])
    elif variable.filled and (usual := FILLS.get(stored.str[1:])) is not None:
        found |= data == np.array(usual).astype(stored.newbyteorder("=")).view(data.dtype)
    low, high = (_safe(variable, name, stored, data.dtype) for name in ("valid_min", "valid_max"))
    span = _safe(variable, "valid_range", stored, data.dtype)
    if span is not None and len(span) == 2:
        low, high = span[:1], span[1:]
    if low is not None:
        found |= data < low[0]
    if high is not None:
        found |= data > high[0]
    return found


def _same(data: NDArray[Any], value: Any) -> NDArray[np.bool_]:
    import numpy as np

    found: NDArray[np.bool_] = np.isnan(data) if value != value else data == value
    return found


def _safe(variable: Variable, name: str, stored: np.dtype[Any], shown: np.dtype[Any]) -> NDArray[Any] | None:
    """An attribute's numbers in the type of the values; None if it has none, or they are others in that type."""
    import numpy as np

    given = variable.typed.get(name)
    if given is None:
        return None
    given = np.atleast_1d(given)
    with np.errstate(all="ignore"):
        cast = given.astype(stored.newbyteorder("="))
        safe = (cast == given) | ((cast != cast) & (given != given))
    return cast.view(shown) if bool(safe.all()) else None


def _is_unsigned(variable: Variable) -> bool:
    return str(variable.attributes.get("_Unsigned", "")).lower() == "true"


def _scaled(variable: Variable, data: NDArray[Any]) -> NDArray[Any]:
    factor, offset = (_number(variable, name) for name in ("scale_factor", "add_offset"))
    found: NDArray[Any] = data
    if factor is not None and offset is not None and factor == 1 and offset == 0:
        return data.astype(factor.dtype)
    # Each alone only where it changes something: it changes the type as well.
    both = factor is not None and offset is not None
    if factor is not None and (both or factor != 1):
        found = found * factor
    if offset is not None and (both or offset != 0):
        found = found + offset
    return found


def _number(variable: Variable, name: str) -> Any | None:
    """A single number in its own type."""
    given = variable.typed.get(name)
    if given is None or given.size != 1:
        return None
    return given.reshape(-1).astype(given.dtype.newbyteorder("="))[0]
