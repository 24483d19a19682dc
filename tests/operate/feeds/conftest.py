"""The functions of a feed, and its source."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from pipeline.emulator.rds.server import PostgresServer
from pipeline.feeds.services import Feeds
from pipeline.operate.feeds.functions import Ask
from stages.feeds.administer import administer
from stages.feeds.import_history import import_history
from tests.feeds.administered import deployed, fill, over_json
from tests.feeds.conftest import database, postgres, target

__all__ = ["database", "postgres", "target"]


@pytest.fixture
def feeds(aws: None, postgres: PostgresServer, target: psycopg.Connection[Any]) -> Feeds:
    return deployed(postgres, target)


@pytest.fixture
def administrator(feeds: Feeds) -> Ask:
    return over_json(administer, feeds)


@pytest.fixture
def importer(feeds: Feeds) -> Ask:
    return over_json(import_history, feeds)


@pytest.fixture
def source(aws: None) -> Any:
    return fill()
