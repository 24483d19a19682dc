"""The filters of HDF5 that pack chunks, by The HDF Group's registry of their numbers."""

from __future__ import annotations

from pipeline.core.errors import BadObject

DEFLATE, SHUFFLE, FLETCHER32 = 1, 2, 3
"""Those that are undone here."""
_NAMES = {
    4: "szip",
    5: "nbit",
    6: "scaleoffset",
    307: "bzip2",
    32000: "lzf",
    32001: "blosc",
    32004: "lz4",
    32008: "bitshuffle",
    32013: "zfp",
    32015: "zstd",
    32026: "blosc2",
}


def lacking(what: str, number: int) -> BadObject:
    """The error of something that is packed with a filter that is not undone here."""
    return BadObject(
        f"{what} is packed with the filter {_NAMES.get(number, number)}, which this reader lacks: "
        "pack it with deflate, such as by `h5repack -f GZIP=4`"
    )
