"""The index of a lake's forecasts, and values at a place."""

from __future__ import annotations

from typing import Any

from pipeline.core.clients import client
from pipeline.core.errors import Misconfigured, NotThere
from pipeline.forecasts.services import read_range
from pipeline.forecasts.settings import Setting
from pipeline.forecasts.store import Index
from pipeline.forecasts.values import Asked, answer
from pipeline.lake.services import Lake


def index_of(lake: Lake) -> Index:
    """The index of a lake's forecasts; `NotThere` where the flow is not deployed."""
    try:
        return Index(client("dynamodb"), lake.settings[Setting.FORECASTS_TABLE])
    except Misconfigured:
        raise NotThere("no forecasts are deployed here", hint="Deploy them: see docs/forecasts.md.") from None


def values(
    lake: Lake, time: str, variable: str, latitude: float, longitude: float, model: str | None = None
) -> dict[str, Any]:
    """The values at the grid point nearest to a place, of the newest run; errors as `answer` has them."""
    return answer(Asked(time, variable, latitude, longitude, model), index_of(lake), read_range)
