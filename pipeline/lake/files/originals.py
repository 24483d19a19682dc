"""A raw object as often as a conversion reads it: once, or again where its rows tell what should have been known."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, cast

from pipeline.lake.files.limits import Limits
from pipeline.lake.files.source import Readable, Source

Again = Callable[[], Readable]
"""Opens the same bytes anew, at their start."""


class Original:
    """Read from where `stream` stands. A second time `again` opens it, or it seeks, or there is a copy in `folder`."""

    def __init__(
        self,
        stream: Readable,
        file_name: str,
        limits: Limits,
        folder: Path,
        again: Again | None = None,
        *,
        workbook: bool = False,
    ) -> None:
        self._stream = stream
        self._file_name = file_name
        self._limits = limits
        self._folder = folder
        self._workbook = workbook
        self._again = again or _seeker(stream)
        self._open = ExitStack()
        self._copied: Source | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def first(self, *, twice: bool) -> Source:
        """The first reading; `twice` says that `second` may be asked for."""
        copy: BinaryIO | None = None
        if twice and self._again is None:
            copy = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115
            self._open.enter_context(copy)
            self._again = _seeker(copy)
        source = self._source(self._stream, copy)
        self._copied = source if copy else None
        return source

    def second(self) -> Source:
        """The same bytes from their start, once the first reading is over, though it may not have come to their end."""
        assert self._again, "who asks for a second reading says so at the first"
        if self._copied:
            self._copied.skip()
        return self._source(self._again(), None)

    def _source(self, stream: Readable, copy: BinaryIO | None) -> Source:
        source = Source(stream, self._file_name, self._limits, copy, self._folder, workbook=self._workbook)
        self._open.callback(source.close)
        return source


def _seeker(stream: object) -> Again | None:
    if not isinstance(stream, io.IOBase) or not stream.seekable():
        return None
    file = cast(BinaryIO, stream)
    start = file.tell()

    def again() -> Readable:
        file.seek(start)
        return file

    return again
