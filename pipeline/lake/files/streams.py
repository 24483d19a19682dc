"""The text of a raw object, in UTF-8, read as a stream: what CSV, fixed-width and JSON files are read from.

The encoding is the dataset's, never guessed. Only a byte-order mark at the start says more, where it does not
contradict: of UTF-8, which a dataset has that says nothing, and of which byte comes first in UTF-16 and UTF-32.
Bytes that do not fit an encoding become bytes that are no UTF-8, so that their row alone is bad; but in UTF-16 and
UTF-32 nothing is known behind them.
"""

from __future__ import annotations

import codecs
import re

from pipeline.core.errors import BadObject
from pipeline.lake.datasets import StageA
from pipeline.lake.datasets.raw_files import SINGLE_BYTE
from pipeline.lake.files.compression import MAGIC_BYTES
from pipeline.lake.files.signatures import signature_of
from pipeline.lake.files.source import Source

BOM = codecs.BOM_UTF8
"""What a byte-order mark of any encoding becomes in the text; the one at the start is taken away."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    # The marks of UTF-32 begin with those of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WIDE = ("utf-16", "utf-32")
_PIECE = 4 * 1024 * 1024
_LINE_END = re.compile(rb"\r\n|\n|\r")


class TextStream:
    """The text of `source` without its byte-order mark.

    BadObject for another format, a mark that contradicts `encoding` (a name of `raw_files.ENCODINGS`), and UTF-16 or
    UTF-32 that is not valid.
    """

    def __init__(self, source: Source, encoding: str = "utf-8") -> None:
        self._source = source
        self._ahead = source.read(MAGIC_BYTES)
        _refuse_foreign(self._ahead)
        self.encoding = self._take_mark(encoding)
        wide = self.encoding.startswith(_WIDE)
        kind = codecs.getincrementaldecoder(self.encoding)
        # With one byte a character, what looks like ASCII is.
        self._has_ascii = self.encoding in SINGLE_BYTE
        self._decoder = None if self.encoding == "utf-8" else kind("strict" if wide else "surrogateescape")

    def read(self, size: int) -> bytes:
        """At least `size` bytes, more only by what a change of encoding adds; fewer only at the end."""
        parts, have = [], 0
        while have < size:
            data = self._ahead + self._source.read(max(min(size - have, _PIECE) - len(self._ahead), 0))
            self._ahead = b""
            text = self._recode(data) if self._decoder else data
            parts.append(text)
            have += len(text)
            if not data:
                break
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _take_mark(self, declared: str) -> str:
        for mark, encoding in _MARKS:
            # In an encoding with one byte a character the marks of UTF-16 are two letters.
            if self._ahead.startswith(mark):
                if declared != "utf-8" and not encoding.startswith(declared):
                    raise BadObject(
                        f"the file begins with the byte-order mark of {encoding}, and the dataset says "
                        f"`encoding: {declared}`",
                        hint=f"Say `encoding: {encoding}` if files are so, or save the file as {declared}.",
                    )
                self._ahead = self._ahead[len(mark) :]
                return encoding
        if declared in _WIDE and self._ahead:
            raise BadObject(
                f"the text is to be {declared} and begins with no byte-order mark, which says its byte order",
                hint=f"Say `encoding: {declared}-le` (usual) or `{declared}-be`.",
            )
        if not declared.startswith(_WIDE) and len(self._ahead) > 1 and 0 in self._ahead[:2]:
            raise BadObject(
                "the text looks like UTF-16 without a byte-order mark",
                hint="Say `encoding: utf-16-le` if files are so, or save the file as UTF-8.",
            )
        return declared

    def _recode(self, data: bytes) -> bytes:
        assert self._decoder is not None
        if self._has_ascii and data.isascii():
            return data
        try:
            # Half of a surrogate pair is no UTF-8 for whoever reads on.
            return self._decoder.decode(data, not data).encode(errors="surrogatepass")
        except UnicodeDecodeError as error:
            raise BadObject(
                f"the text is not valid {self.encoding} near byte {self._source.size} ({error.reason})",
                hint="Say how the file is written with the option `encoding`, or save it as UTF-8.",
            ) from error


class TableText:
    """The text of a table, without the lines at its start that the dataset says are skipped.

    `skipped` is how many lines were left out: all of them count as lines of the file.
    """

    def __init__(self, source: Source, settings: StageA) -> None:
        self._text = TextStream(source, settings.encoding)
        self.encoding = self._text.encoding
        self._held = b""
        header = settings.header
        self.skipped = settings.skip_rows if isinstance(header, bool) else header - 1
        self._skip(self.skipped)

    def read(self, size: int) -> bytes:
        """At least `size` bytes, fewer only at the end."""
        data, self._held = self._held + self._text.read(max(size, 1)), b""
        return data

    def _skip(self, count: int) -> None:
        while count:
            data = self._held + self._text.read(_PIECE)
            more = len(data) > len(self._held)
            position = 0
            while count and (found := _LINE_END.search(data, position)):
                if found.end() == len(data) and more and found[0] == b"\r":
                    break
                position = found.end()
                count -= 1
            # Of a line that is skipped only its end counts, which may be cut between its two bytes.
            self._held = data[position:] if not count else data[-1:] if data.endswith(b"\r") else b""
            if not more:
                self._held = b"" if count else self._held
                return


def _refuse_foreign(first: bytes) -> None:
    if found := signature_of(first):
        raise BadObject(f"the file is {found.what}", hint=found.hint)
