"""The index's table as its stack defines it."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.forecasts.store import Index
from tests.conftest import load_template

TABLE = "forecasts"


def make_table(dynamodb: Any) -> None:
    properties = load_template("forecasts.yaml")["Resources"]["ForecastsTable"]["Properties"]
    wanted = ("AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes")
    dynamodb.create_table(TableName=TABLE, **{name: properties[name] for name in wanted})


@pytest.fixture
def index(dynamodb: Any) -> Index:
    make_table(dynamodb)
    return Index(dynamodb, TABLE)
