"""Tell a team what it should look at, by its topic."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from pipeline.core.aws_errors import is_transient
from pipeline.core.clients import client
from pipeline.lake.datasets import DatasetName

SUBJECT_CHARACTERS = 100
"""Of an SNS message (AWS quota)."""

log = logging.getLogger(__name__)


def tell_team(topics: str, event: str, dataset: str, facts: Mapping[str, Any]) -> None:
    """Tell the team of a dataset, at least once; `topics` is what the names (ARN) of all teams' topics begin with.

    A topic that is not there, or not ours to publish to, holds up no work: that is logged.
    """
    from botocore.exceptions import ClientError

    topic = f"{topics}{DatasetName.parse(dataset).team}"
    message = json.dumps({"event": event, "dataset": dataset, **facts}, sort_keys=True)
    subject = f"{event}: {dataset}"[:SUBJECT_CHARACTERS]
    try:
        client("sns").publish(TopicArn=topic, Subject=subject, Message=message)
    except ClientError as error:
        if is_transient(error):
            raise
        log.error("team not told", extra={"dataset": dataset, "topic": topic, "error": str(error)})
