"""A map picture of a field, as PNG, and its colour scale. Pure.

The picture is in the file's own grid: x to the right, y upwards, in proportion. PNG is that of the W3C recommendation,
with a palette; libraries of pictures are needed by nothing else.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.forecasts.fields import Field

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LONGEST = 720
"""Pixels of the longer side."""
SHORTEST = 90
COLOURS = 255
"""Of the scale; one more is for what has no value, and is transparent."""
_STOPS = ("440154", "482878", "3e4989", "31688e", "26828e", "1f9e89", "35b779", "6ece58", "b5de2b", "fde725")
"""Viridis (matplotlib), which is told apart by who sees no red or green, and in grey."""
_TICKS = 5


@dataclass(frozen=True, slots=True)
class Scale:
    """The range of a field's values; `low` and `high` are None where it has none. `missing` points have no value."""

    low: float | None
    high: float | None
    mean: float | None
    points: int
    missing: int

    def ticks(self) -> list[float]:
        """Values along the scale, the lowest first."""
        if self.low is None or self.high is None:
            return []
        if self.low == self.high:
            return [self.low]
        return [self.low + (self.high - self.low) * step / (_TICKS - 1) for step in range(_TICKS)]


def stops() -> list[tuple[str, str]]:
    """The scale's colours, each with its place along it in percent."""
    return [(f"{100 * number / (len(_STOPS) - 1):.2f}%", f"#{colour}") for number, colour in enumerate(_STOPS)]


def scale_of(field: Field) -> Scale:
    """The range of the values that a field has."""
    import numpy as np

    known = field.values[np.isfinite(field.values)]
    missing = int(field.values.size - known.size)
    if not known.size:
        return Scale(None, None, None, int(field.values.size), missing)
    return Scale(float(known.min()), float(known.max()), float(known.mean()), int(field.values.size), missing)


def png_of(field: Field, scale: Scale) -> bytes:
    """The picture: at each pixel the colour of the grid point that is nearest."""
    import numpy as np

    width, height = size_of(field)
    across = _nearest(field.x, width)
    # The first line of a picture is its top, where y is greatest.
    down = _nearest(field.y, height)[::-1]
    values = field.values[np.ix_(down, across)]
    shades = np.zeros(values.shape, dtype=np.uint8)
    known = np.isfinite(values)
    if scale.low is not None and scale.high is not None:
        span = (scale.high - scale.low) or 1.0
        shades[known] = 1 + np.round((values[known] - scale.low) / span * (COLOURS - 1)).astype(np.uint8)
    lines = np.zeros((height, width + 1), dtype=np.uint8)
    lines[:, 1:] = shades
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = ((b"IHDR", header), (b"PLTE", _palette()), (b"tRNS", b"\0"), (b"IDAT", zlib.compress(lines.tobytes(), 6)))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_part(*each) for each in (*parts, (b"IEND", b"")))


def size_of(field: Field) -> tuple[int, int]:
    """Width and height in pixels, in the proportion of the grid's extents."""
    across, up = abs(field.x[-1] - field.x[0]) or 1.0, abs(field.y[-1] - field.y[0]) or 1.0
    longer = max(across, up)
    return max(SHORTEST, round(LONGEST * across / longer)), max(SHORTEST, round(LONGEST * up / longer))


def _nearest(axis: Sequence[float], pixels: int) -> NDArray[np.intp]:
    """The places along an axis that pixels show, from its least value to its greatest."""
    import numpy as np

    values = np.asarray(axis, dtype=np.float64)
    falls = values[0] > values[-1]
    rising = values[::-1] if falls else values
    borders = (rising[1:] + rising[:-1]) / 2
    # The grid's cells reach half a step beyond its first and last point.
    half = (rising[1] - rising[0]) / 2 if len(rising) > 1 else 0.5
    end = (rising[-1] - rising[-2]) / 2 if len(rising) > 1 else 0.5
    middles = np.linspace(rising[0] - half, rising[-1] + end, pixels * 2 + 1)[1::2]
    places = np.searchsorted(borders, middles)
    return len(values) - 1 - places if falls else places


def _palette() -> bytes:
    """The colour of no value, which is not seen, and those of the scale."""
    import numpy as np

    known = np.array([[int(colour[at : at + 2], 16) for at in (0, 2, 4)] for colour in _STOPS], dtype=np.float64)
    places = np.linspace(0, len(_STOPS) - 1, COLOURS)
    between = np.stack([np.interp(places, np.arange(len(_STOPS)), known[:, part]) for part in range(3)], axis=1)
    return b"\0\0\0" + np.round(between).astype(np.uint8).tobytes()


def _part(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
