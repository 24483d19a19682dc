"""Scratch tables, on which a definition is tried: their names, and their removal, also of what a killed trial left.

A scratch table stands in the Glue database of its team, with its files apart from those of tables that people read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from pipeline.core import ulids
from pipeline.lake.tables.names import split_table

FOLDER = "_tries"
"""Begins the keys of all that a trial writes, in each bucket. No team's name starts with an underscore."""

ABANDONED_AFTER = timedelta(days=1)
"""Longer than a trial takes: two runs of jobs, which end by their time-outs."""

_NAME = re.compile(r"sluice_try_([0-9a-hjkmnp-tv-z]{26})")


def scratch_table(database: str, trial: str) -> str:
    """`database.table` of a trial, whose id is a ULID."""
    return f"{database}.sluice_try_{trial.lower()}"


def trial_of(table: str) -> str | None:
    """The id of the trial whose table this name (without a database) is; None for any other table."""
    found = _NAME.fullmatch(table)
    return found[1].upper() if found else None


def _abandoned(glue: Any, database: str, now: datetime) -> Iterator[tuple[str, str]]:
    """The trials of a database whose tables nobody removed, and the bucket of each."""
    for page in glue.get_paginator("get_tables").paginate(DatabaseName=database, Expression="sluice_try_*"):
        for table in page["TableList"]:
            trial = trial_of(table["Name"])
            place = urlsplit(table.get("Parameters", {}).get("metadata_location", ""))
            # A dataset may be called so, too: its table lies elsewhere.
            if trial and place.path.startswith(f"/{FOLDER}/{trial}/") and now - ulids.made(trial) > ABANDONED_AFTER:
                yield trial, place.netloc


def remove_table(glue: Any, s3: Any, table: str, curated: str, trial: str) -> None:
    """Remove a trial's table and its files; doing it again is harmless."""
    remove_files(s3, curated, f"{FOLDER}/{trial}/")
    database, name = split_table(table)
    with suppress(glue.exceptions.EntityNotFoundException):
        glue.delete_table(DatabaseName=database, Name=name)


def remove_abandoned(glue: Any, s3: Any, database: str, now: datetime) -> int:
    """Remove what killed trials left in a database; how many they were."""
    found = list(_abandoned(glue, database, now))
    for trial, curated in found:
        remove_table(glue, s3, scratch_table(database, trial), curated, trial)
    return len(found)


def remove_files(s3: Any, bucket: str, prefix: str) -> None:
    """Delete all objects whose keys begin so."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        keys = [{"Key": each["Key"]} for each in page.get("Contents", ())]
        if keys:
            s3.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})
