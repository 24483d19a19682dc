"""What a feed's function knows of its environment."""

from __future__ import annotations

from pipeline.core.settings import FlowSetting


class Setting(FlowSetting):
    """A deployed resource of a feed."""

    FEED_CONTRACT = "feed-contract"
    """The name of the parameter with the feed's contract."""
    FEED_KEYRING = "feed-keyring"
    """The secret with the keys of pseudonyms."""
    FEED_DATABASE = "feed-database"
    """Where the target is, as JSON: host, port, database and user, and the secret with the password; without one the
    user authenticates by IAM."""
    FEED_WRITER_SECRET = "feed-writer-secret"  # noqa: S105 its name
    """The secret with the password of the target's writer."""
    FEED_MIGRATION = "feed-migration"
    """The function that brings the target to a contract."""
