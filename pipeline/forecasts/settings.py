"""What the functions of forecasts know of their environment."""

from __future__ import annotations

from pipeline.core.settings import FlowSetting


class Setting(FlowSetting):
    """A deployed resource of forecasts."""

    FORECASTS_TABLE = "forecasts-table"
    """The index."""
    RAW_BUCKET = "raw-bucket"
    """Where the files go: the lake's own raw bucket."""
    FORECAST_SOURCE = "forecast-source"
    """The definition of the function's source, as JSON."""
    FORECAST_TOPIC = "forecast-topic"
    """The ARN of the topic that announces its files."""
    FORECAST_BUCKET = "forecast-bucket"
    """The bucket of the files that it announces."""
    FORECAST_DELIVERY = "forecast-delivery"
    """`signed` if announcements come with SNS's signature, `raw` if they come without."""
    FORECAST_DEAD_LETTERS = "forecast-dead-letters"
    """The URL of the queue for announcements that no repetition can help."""
