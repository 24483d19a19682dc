"""What can come of a commit, or of an abandon: one name for each, from the table to the state machine."""

from __future__ import annotations

from enum import StrEnum


class CommitOutcome(StrEnum):
    """A table answers all but EXHAUSTED, the finisher of batches all but PICKED and ABANDONED."""

    COMMITTED = "COMMITTED"
    PICKED = "PICKED"
    """Committed on what somebody else wrote meanwhile: `published` tells as which snapshot."""
    REBASE = "REBASE"
    """Somebody else wrote to the table, or the branch is not the one that was checked: transform again."""
    CRAWL = "CRAWL"
    """The batch's files lie where a crawler finds them: it is committed once the crawler has."""
    EXHAUSTED = "EXHAUSTED"
    """REBASE too often: the objects wait for another batch."""
    ABANDONED = "ABANDONED"
    """No commit of the batch can succeed any more."""
