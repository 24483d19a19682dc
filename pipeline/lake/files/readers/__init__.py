"""File formats. A new one is a `Reader` and a function here; the conformance suite then runs against it."""

from collections.abc import Callable

from pipeline.lake.files.readers.base import BadRow, Block, Chunk, Reader, Recut


def _csv() -> type[Reader]:
    from pipeline.lake.files.readers.csv_reader import CsvReader

    return CsvReader


def _fixed() -> type[Reader]:
    from pipeline.lake.files.readers.fixed_reader import FixedReader

    return FixedReader


def _json() -> type[Reader]:
    from pipeline.lake.files.readers.json_reader import JsonReader

    return JsonReader


def _parquet() -> type[Reader]:
    from pipeline.lake.files.readers.parquet_reader import ParquetReader

    return ParquetReader


def _avro() -> type[Reader]:
    from pipeline.lake.files.readers.avro_reader import AvroReader

    return AvroReader


def _orc() -> type[Reader]:
    from pipeline.lake.files.readers.orc_reader import OrcReader

    return OrcReader


def _netcdf() -> type[Reader]:
    from pipeline.lake.files.readers.netcdf_reader import NetcdfReader

    return NetcdfReader


def _xlsx() -> type[Reader]:
    from pipeline.lake.files.readers.xlsx_reader import XlsxReader

    return XlsxReader


def _xml() -> type[Reader]:
    from pipeline.lake.files.readers.xml_reader import XmlReader

    return XmlReader


READERS: dict[str, Callable[[], type[Reader]]] = {
    "csv": _csv,
    "tsv": _csv,
    "fixed": _fixed,
    "json": _json,
    "jsonl": _json,
    "parquet": _parquet,
    "avro": _avro,
    "orc": _orc,
    "netcdf": _netcdf,
    "xlsx": _xlsx,
    "xml": _xml,
}
"""By the name that a dataset's definition gives the format; called, it imports what that format alone needs."""

__all__ = ["READERS", "BadRow", "Block", "Chunk", "Reader", "Recut"]
