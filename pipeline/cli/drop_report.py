"""What `sluice drop` shows: progress on a terminal, and afterwards what was dropped, what was not, and why."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.cli.markup import escape_untrusted
from pipeline.cli.output import console
from pipeline.lake.settings import Setting
from pipeline.operate.connection import Connected
from pipeline.operate.dropped_files import DroppedFile, Selection, Skipped
from pipeline.operate.formatting import counted
from pipeline.operate.uploads import Uploaded, Uploads

EXIT_INTERRUPTED = 130
EACH = 20
"""So many files are printed one by one, and so many that were skipped; more are counted. What failed is named."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """What became of a selection."""

    bucket: str
    selection: Selection
    outcomes: tuple[Uploaded, ...]
    seconds: float
    is_interrupted: bool

    @property
    def uploaded(self) -> list[DroppedFile]:
        """What is in the raw bucket, in the order of the selection."""
        there = {outcome.file.key for outcome in self.outcomes if outcome.reason is None}
        return [file for file in self.selection.files if file.key in there]

    @property
    def failed(self) -> list[Uploaded]:
        """What could not be uploaded."""
        return [outcome for outcome in self.outcomes if outcome.reason]

    @property
    def not_begun(self) -> int:
        """How many files an interrupt came before."""
        return len(self.selection.files) - len(self.outcomes)

    def uri(self, file: DroppedFile) -> str:
        return f"s3://{self.bucket}/{file.key}"

    def not_there(self) -> Iterator[tuple[Path, str]]:
        """Whatever was not dropped, and why."""
        yield from ((each.path, each.reason) for each in self.selection.skipped)
        yield from ((outcome.file.path, str(outcome.reason)) for outcome in self.failed)

    def to_json(self) -> dict[str, Any]:
        return {
            "dropped": [{"uri": self.uri(file), "bytes": file.size} for file in self.uploaded],
            "skipped": [{"file": str(each.path), "reason": each.reason} for each in self.selection.skipped],
            "failed": [{"file": str(each.file.path), "reason": each.reason} for each in self.failed],
            "interrupted": self.is_interrupted,
        }


def send(connected: Connected, selection: Selection, *, in_order: bool) -> Dropped:
    """Upload a selection, with a progress bar if this is a terminal."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    bucket = connected.lake.settings[Setting.RAW_BUCKET]
    files, began, interrupted = selection.files, time.monotonic(), False
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=sum(file.size for file in files))
        uploads = Uploads(bucket, lambda count: bar.advance(task, count))
        uploads.ended = lambda outcome: bar.update(
            task, description=f"{len(uploads.outcomes):,} of {len(files):,} files"
        )
        try:
            uploads.run(files, in_order=in_order)
        except KeyboardInterrupt:
            interrupted = True
    return Dropped(bucket, selection, tuple(uploads.outcomes), time.monotonic() - began, interrupted)


def print_dropped(dropped: Dropped) -> None:
    """Say what was dropped, what was skipped, what failed, and a summary where there are several files."""
    uploaded, failed = dropped.uploaded, dropped.failed
    if len(uploaded) <= EACH:
        for file in uploaded:
            _line(f"dropped [bold]{escape_untrusted(dropped.uri(file))}[/] ({file.size:,} bytes)")
    _print_skipped(dropped.selection.skipped)
    for each in failed:
        _line(f"[red]failed[/] {escape_untrusted(each.file.path)}: {escape_untrusted(each.reason)}")
    if dropped.is_interrupted:
        _line(
            f"[yellow]interrupted:[/] {dropped.not_begun:,} of {len(dropped.selection.files):,} files were not dropped"
        )
    if len(dropped.selection.files) != 1 or dropped.selection.skipped or dropped.is_interrupted:
        _line(_summary(dropped))


def _print_skipped(skipped: tuple[Skipped, ...]) -> None:
    for each in skipped[:EACH]:
        _line(f"[yellow]skipped[/] {escape_untrusted(each.path)}: {escape_untrusted(each.reason)}")
    if len(skipped) > EACH:
        kinds = Counter(each.reason for each in skipped[EACH:])
        counts = ", ".join(f"{count:,} {reason}" for reason, count in kinds.most_common())
        _line(f"[yellow]skipped[/] {len(skipped) - EACH:,} more: {escape_untrusted(counts)}")


def _summary(dropped: Dropped) -> str:
    uploaded = dropped.uploaded
    size = sum(file.size for file in uploaded)
    counts = [f"{counted(len(uploaded), 'file')} dropped ({size:,} bytes, {dropped.seconds:.1f} s)"]
    counts += [f"{len(dropped.selection.skipped):,} skipped"] if dropped.selection.skipped else []
    counts += [f"[red]{len(dropped.failed):,} failed[/]"] if dropped.failed else []
    return ", ".join(counts)


def _line(text: str) -> None:
    console.print(text, highlight=False, soft_wrap=True)
