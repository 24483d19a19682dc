"""Opens a netCDF file of either format."""

from __future__ import annotations

from pipeline.core.errors import BadObject
from pipeline.core.netcdf.model import NetcdfFile, ReadableFile

HDF5 = b"\x89HDF\r\n\x1a\n"
CLASSIC = b"CDF"


def open_netcdf(file: ReadableFile) -> NetcdfFile:
    """The file's variables and attributes; `BadObject` for what is no netCDF or breaks off."""
    if file.size == 0:
        raise BadObject("the file is empty")
    start = file.range(0, min(8, file.size))
    if start == HDF5:
        from pipeline.core.netcdf.hdf5 import read_hdf5

        return read_hdf5(file)
    if start.startswith(CLASSIC):
        from pipeline.core.netcdf.classic import read_classic

        return read_classic(file)
    raise BadObject(f"the file is no netCDF: it begins with {start!r}")
