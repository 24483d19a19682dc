"""The real PostgreSQL of the feeds' tests."""

from tests.feeds.conftest import database, postgres, target

__all__ = ["database", "postgres", "target"]
