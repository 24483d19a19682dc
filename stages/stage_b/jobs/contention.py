"""Change a table whose other writers never rest.

Iceberg repeats a commit that others were quicker than, but not one that only changes names of branches or columns.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from stages.stage_b.jobs.failure import java_kinds

ATTEMPTS = 30
BACKOFF_S, LONGEST_S = 0.1, 5.0
_REFUSED = "org.apache.iceberg.exceptions.CommitFailedException"

Done = TypeVar("Done")


def despite_others(change: Callable[[], Done], sleep: Callable[[float], None] = time.sleep) -> Done:
    """Do `change`, which commits once, from the top until nobody else's commit came in between.

    A commit that is refused has changed nothing, so that doing it again doubles nothing. The last refusal is raised.
    """
    for number in range(ATTEMPTS - 1):
        try:
            return change()
        except Exception as error:
            if _REFUSED not in java_kinds(error):
                raise
        # So that writers come apart.
        sleep(random.uniform(0, min(LONGEST_S, BACKOFF_S * 2**number)))  # noqa: S311
    return change()
