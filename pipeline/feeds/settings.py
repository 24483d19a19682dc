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
    FEED_OWNER = "feed-owner"
    """The same for who owns the target, and migrates it."""
    FEED_WRITER = "feed-writer"
    """The secret with the password of the target's writer; `none` where it signs in by IAM and has none."""
    FEED_FUNCTION = "feed-function"
    """The function that loads the stream: an import is refused unless it is reading it."""
    FEED_EXPORTS = "feed-exports"
    """The bucket into which DynamoDB exports sources, each feed's below its name."""
    FEED_COPY_KEY = "feed-copy-key"
    """The key that copies and exports of a source are encrypted with: they have all that it has."""
    FEED_MIGRATION = "feed-migration"
    """The function that brings the target to a contract."""
