"""By which first bytes a file is told that is no text, however it is packed: formats that are read, and others.

How it is packed has a home of its own, `compression`. A text may begin with the letters of a signature, as ORCID and
PAR1 do in headers: behind letters alone there have to be bytes that no text has.
"""

from __future__ import annotations

from dataclasses import dataclass

OLD_WORKBOOK = b"\xd0\xcf\x11\xe0"
_NO_TEXT = bytes({*range(32)} - {*b"\t\n\f\r\x1b"})


@dataclass(frozen=True, slots=True)
class Signature:
    """`format` is what a definition calls it, None for what is not read; `hint` says what to do with that."""

    first: bytes
    what: str
    format: str | None = None
    hint: str = "Say the right `format`, or send text."


_TABLE = "Export the table as CSV or xlsx."
_PACK = "Pack it with gzip, bzip2, Zstandard, xz or ZIP, or not at all."

SIGNATURES = (
    Signature(b"PAR1", "a Parquet file", "parquet"),
    Signature(b"Obj\x01", "an Avro file", "avro"),
    Signature(b"ORC", "an ORC file", "orc"),
    Signature(b"\x89HDF\r\n\x1a\n", "an HDF5 file, such as netCDF-4", "netcdf"),
    Signature(b"CDF\x01", "a classic netCDF file", "netcdf"),
    Signature(b"CDF\x02", "a classic netCDF file", "netcdf"),
    Signature(b"CDF\x05", "a classic netCDF file", "netcdf"),
    Signature(b"%PDF-", "a PDF document", None, _TABLE),
    Signature(OLD_WORKBOOK, "an old Excel workbook (.xls), or one with a password", None, "Save it as .xlsx, without."),
    Signature(b"SQLite format 3\0", "an SQLite database", None, _TABLE),
    Signature(b"7z\xbc\xaf\x27\x1c", "a 7z archive", None, _PACK),
    Signature(b"Rar!\x1a\x07", "a RAR archive", None, _PACK),
    Signature(b"\x04\x22\x4d\x18", "compressed with LZ4", None, _PACK),
)


def signature_of(first: bytes) -> Signature | None:
    """Which one a file has that begins with `first`, its first 16 bytes or more."""
    for each in SIGNATURES:
        if first.startswith(each.first) and _is_no_text(each, first[:16]):
            return each
    return None


def _is_no_text(signature: Signature, first: bytes) -> bool:
    if signature.format is None or not signature.first.isalnum():
        return True
    return any(byte in _NO_TEXT for byte in first[len(signature.first) :])
