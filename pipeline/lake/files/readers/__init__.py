"""File formats. A new one is a `Reader` and a line here; the conformance suite in the tests then runs against it."""

from pipeline.lake.files.readers.base import BadRow, Block, Chunk, Reader
from pipeline.lake.files.readers.csv_reader import CsvReader
from pipeline.lake.files.readers.json_reader import JsonReader
from pipeline.lake.files.readers.parquet_reader import ParquetReader

READERS: dict[str, type[Reader]] = {"csv": CsvReader, "json": JsonReader, "jsonl": JsonReader, "parquet": ParquetReader}
"""By the name that a dataset's definition gives the format."""

__all__ = ["READERS", "BadRow", "Block", "Chunk", "CsvReader", "JsonReader", "Reader"]
