"""Uploads of dropped files: several at once, each with its own outcome."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from pipeline.core.clients import client
from pipeline.operate.dropped_files import DroppedFile

AT_ONCE = 8
"""Fewer than the ten connections that a client keeps."""
IN_PARTS_BYTES = 8 * 1024 * 1024
"""Larger files go up in parts of this size, several parts at once, so one file after another."""
HOPELESS = AT_ONCE
"""So many failures before the first success end it: what fails lies in the lake or on the way, not in a file."""
NOT_TRIED = "not tried, because none of those before it could be uploaded"


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What became of a file: `reason` says why it is not in the raw bucket, and is None if it is."""

    file: DroppedFile
    reason: str | None = None


@dataclass(slots=True)
class Uploads:
    """Uploads to a bucket. `sent` is told the bytes as they go, by any thread, `ended` each outcome.

    `outcomes` is complete when `run` has ended, and true when it was interrupted: what it does not name is not there.
    """

    bucket: str
    sent: Callable[[int], object] = lambda count: None
    ended: Callable[[Uploaded], object] = lambda outcome: None
    outcomes: list[Uploaded] = field(default_factory=list)

    def run(self, files: Sequence[DroppedFile], *, in_order: bool = False) -> None:
        """Upload the files. With `in_order` each waits for the one before it, so that the lake sees them in that order.

        Interrupted, it ends the small files that are under way and starts no other; of a large one nothing stays.
        """
        groups = [[file] for file in files if in_order or _is_large(file)]
        if not in_order:
            groups.insert(0, [file for file in files if not _is_large(file)])
        pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="upload")
        try:
            for group in groups:
                if len(group) == 1 and _is_large(group[0]):
                    # In this thread, which an interrupt reaches: a worker would upload the rest of it first.
                    self._upload(group[0])
                    continue
                running: list[Future[None]] = [pool.submit(self._upload, file) for file in group]
                for future in running:
                    future.result()
        finally:
            pool.shutdown(cancel_futures=True)

    def _upload(self, file: DroppedFile) -> None:
        reason = NOT_TRIED if self._is_hopeless() else self._reason_against(file)
        outcome = Uploaded(file, reason)
        self.outcomes.append(outcome)
        self.ended(outcome)

    def _is_hopeless(self) -> bool:
        return len(self.outcomes) >= HOPELESS and all(outcome.reason for outcome in self.outcomes[:HOPELESS])

    def _reason_against(self, file: DroppedFile) -> str | None:
        """Upload one file; why it could not be."""
        from boto3.exceptions import Boto3Error
        from boto3.s3.transfer import TransferConfig
        from botocore.exceptions import BotoCoreError, ClientError

        # Threads of their own for a small file would cost more than sending it.
        config = TransferConfig(multipart_threshold=IN_PARTS_BYTES + 1, use_threads=_is_large(file))
        try:
            client("s3").upload_file(str(file.path), self.bucket, file.key, Callback=self.sent, Config=config)
        except OSError as error:
            return error.strerror or type(error).__name__
        except (Boto3Error, BotoCoreError, ClientError, ValueError) as error:
            return str(error.__cause__ or error.__context__ or error)
        return None


def _is_large(file: DroppedFile) -> bool:
    return file.size > IN_PARTS_BYTES
