"""The deployed resources of the lake's flow."""

from __future__ import annotations

from pipeline.core.settings import FlowSetting


class Setting(FlowSetting):
    """A deployed resource: `RAW_BUCKET` in a function's environment, `/sluice/<env>/raw-bucket` in Parameter Store."""

    RAW_BUCKET = "raw-bucket"
    STAGING_BUCKET = "staging-bucket"
    CURATED_BUCKET = "curated-bucket"
    QUARANTINE_BUCKET = "quarantine-bucket"
    RAW_QUEUE_URL = "raw-queue-url"
    RAW_DEAD_LETTER_QUEUE_URL = "raw-dead-letter-queue-url"
    OBJECTS_TABLE = "objects-table"
    BATCHES_TABLE = "batches-table"
    DATASETS_TABLE = "datasets-table"
    STAGE_A_MACHINE = "stage-a-machine"
    STAGE_B_MACHINE = "stage-b-machine"
    MARK_STAGE_A_FAILED_FUNCTION = "mark-stage-a-failed-function"
    MARK_STAGE_A_FAILED_DEAD_LETTER_QUEUE_URL = "mark-stage-a-failed-dead-letter-queue-url"
    MARK_STAGE_B_FAILED_FUNCTION = "mark-stage-b-failed-function"
    MARK_STAGE_B_FAILED_DEAD_LETTER_QUEUE_URL = "mark-stage-b-failed-dead-letter-queue-url"
    POLL_FUNCTION = "poll-function"
    STANDARD_JOB = "standard-job"
    QUALITY_JOB = "quality-job"
    UPKEEP_JOB = "upkeep-job"
    UPKEEP_POLICY = "upkeep-policy"
    """No resource but what the upkeep job may do of its role's rights, for `<team>` and `<dataset>`."""
    UPDATES_TOPIC = "updates-topic"
    TEAM_TOPICS = "team-topics"
    DATABASE_PREFIX = "database-prefix"
    BIG_FILE_MB = "big-file-mb"
    """No resource but a limit: what is larger, in MiB, is staged by a job and not by a function."""
