"""Work beside the pages: a thread of this console, which says in words how it failed and never ends unheard."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError

from pipeline.core.errors import SluiceError

log = logging.getLogger(__name__)


def start(name: str, work: Callable[[], object], failed: Callable[[str], object]) -> None:
    """Run `work` in a thread of that name, which ends with the console; `failed` hears why, where it raises."""

    def run() -> None:
        try:
            work()
        except SluiceError as error:
            failed(f"{error.message} {error.hint or ''}".strip())
        except (BotoCoreError, ClientError) as error:
            failed(f"the lake did not answer: {error}")
        except Exception as error:
            log.exception("%s failed", name)
            failed(f"the console itself has failed: {type(error).__name__}")

    threading.Thread(target=run, daemon=True, name=name).start()
