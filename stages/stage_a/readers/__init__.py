"""File formats. A new one is a `Reader` and a line here; the conformance suite in the tests then runs against it."""

from stages.stage_a.readers.base import BadRow, Block, Chunk, Reader, Settings
from stages.stage_a.readers.csv_reader import CsvReader
from stages.stage_a.readers.json_reader import JsonReader

READERS: dict[str, type[Reader]] = {"csv": CsvReader, "json": JsonReader, "jsonl": JsonReader}
"""By the name that a dataset's definition gives the format."""

__all__ = ["READERS", "BadRow", "Block", "Chunk", "CsvReader", "JsonReader", "Reader", "Settings"]
