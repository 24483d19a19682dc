"""Reads netCDF-4 files that are HDF5, with pyfive, and of them only what is asked for."""

from __future__ import annotations

import logging
import re
import struct
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, TypeVar

from pipeline.core.errors import BadObject, SluiceError
from pipeline.core.netcdf.filters import lacking
from pipeline.core.netcdf.model import Attributes, Chunk, NetcdfFile, ReadableFile, Storage, Variable, numbers_in, plain

_NO_VARIABLE = "This is a netCDF dimension but not a netCDF variable."
"""How the NAME of a dimension begins that has no values (netCDF-4's own convention over HDF5)."""
_REFERENCES = ("REFERENCE_LIST", "DIMENSION_LIST")
_INTERNAL = (
    "_Netcdf4Dimid",
    "_Netcdf4Coordinates",
    "_NCProperties",
    "CLASS",
    "NAME",
    "REFERENCE_LIST",
    "DIMENSION_LIST",
)
_UNDEFINED = 2**64 - 1
_FILTER = re.compile(r"Filter with id: (\d+) import not supported")
"""What pyfive says of a filter that it has not."""

Read = TypeVar("Read")

# It tells of each chunk that it reads.
logging.getLogger("pyfive").setLevel(logging.ERROR)


def read_hdf5(file: ReadableFile) -> NetcdfFile:
    """The root group's variables. No index of chunks is read before it is asked for."""
    import pyfive

    _complete(file)
    root = _reading("the file", partial(pyfive.File, file))
    names = {address: name for name, address in root._links.items() if isinstance(address, int)}
    unread: dict[str, str] = {}
    found = _reading("the file", lambda: dict(_variables(root, names, unread)))
    groups = _reading("the file", lambda: tuple(name for name in root._links if _is_group(root, name)))
    return NetcdfFile(found, _reading("the file's attributes", lambda: _attributes(root)), groups, unread)


def _is_group(root: Any, name: str) -> bool:
    if not isinstance(root._links[name], int):
        return False
    found = root.file._get_dataobjects(root._links[name])
    return not found.is_dataset and not found.is_datatype


def _complete(file: ReadableFile) -> None:
    """`BadObject` unless the file is as long as its superblock says (HDF5 format specification, II.A)."""
    start = file.range(0, min(64, file.size)).ljust(64, b"\0")
    version = start[8]
    if version not in (0, 1, 2, 3):
        raise BadObject(f"its HDF5 superblock has version {version}, which this reader lacks")
    place = {0: 40, 1: 44}.get(version, 28)
    (end,) = struct.unpack_from("<Q", start, place)
    if end > file.size:
        raise BadObject(f"the file is truncated: it has {file.size} bytes of {end}")


def _variables(root: Any, names: Mapping[int, str], unread: dict[str, str]) -> Iterator[tuple[str, Variable]]:
    """The variables; those of a type that is not read are put into `unread` instead."""
    for name in root._links:
        part = _opened(root, name, unread)
        if not hasattr(part, "shape"):
            continue
        attributes = _attributes(part)
        if str(attributes.get("NAME", "")).startswith(_NO_VARIABLE):
            continue
        yield (
            name,
            Variable(
                name,
                tuple(int(each) for each in part.shape),
                {each: value for each, value in attributes.items() if each not in _INTERNAL},
                partial(_reading, name, partial(_values, part)),
                partial(_reading, name, partial(_dimensions, part, name, names)),
                partial(_reading, name, partial(_storage, root, name)),
                partial(_part, name, part),
                part.dtype,
                _numbers(part),
                _is_filled(part),
            ),
        )


def _opened(root: Any, name: str, unread: dict[str, str]) -> Any:
    """What has this name; None for a variable of a type that is not read, of which pyfive fails to open some."""
    try:
        part = root.get_lazy_view(name)
        kind = getattr(part, "dtype", None) if hasattr(part, "shape") else None
    except Exception:
        kind = root.file._get_dataobjects(root._links[name]).ptype.dtype
        if kind.kind != "O":
            raise
    if kind is not None and (what := _not_read(kind)):
        unread[name] = what
        return None
    return part


def _not_read(dtype: Any) -> str:
    """What values of a type that is not read are; empty for one that is."""
    if dtype.kind == "V":
        return "values of a compound type" if dtype.names else "values of an opaque type"
    if dtype.kind == "O" and (dtype.metadata or {}).get("vlen", str) not in (str, bytes):
        return "arrays of any length (vlen)"
    return ""


def _attributes(part: Any) -> Attributes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {
            name: plain(value) for name, value in part.attrs.items() if name not in ("REFERENCE_LIST", "DIMENSION_LIST")
        }


def _numbers(part: Any) -> Attributes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = {name: numbers_in(value) for name, value in part.attrs.items() if name not in _REFERENCES}
    return {name: value for name, value in found.items() if value is not None}


def _is_filled(part: Any) -> bool:
    """Of bytes, whether the file says a fill value; of others netCDF takes it for granted."""
    return str(part.dtype)[-4:] != "int8" or bool(part.fillvalue)


def _part(name: str, part: Any, place: tuple[slice, ...]) -> Any:
    return _reading(name, partial(_values, part, place))


def _values(part: Any, place: tuple[slice, ...] = ()) -> Any:
    found = part[place]
    if found is None:
        raise BadObject(f"{part.name} has values of a type that this reader lacks")
    return found


def _dimensions(part: Any, name: str, names: Mapping[int, str]) -> tuple[str, ...]:
    """The names of the scales to which the variable's dimensions refer; a scale of its own name is one itself."""
    scales = part.attrs.get("DIMENSION_LIST")
    if scales is None:
        return (name,) if len(part.shape) == 1 else ()
    return tuple(names[int(refs[0].address_of_reference)] for refs in scales)


def _storage(root: Any, name: str) -> Storage:
    part = root[name]
    stored = part.id
    dtype = part.dtype.newbyteorder("=").str if part.dtype.byteorder == "=" else part.dtype.str
    if not part.chunks:
        offset = int(stored.data_offset)
        size = int(part.size) * part.dtype.itemsize
        chunks = {} if offset == _UNDEFINED else {(0,) * len(part.shape): Chunk(offset, size)}
        return Storage(dtype, tuple(map(int, part.shape)), (), chunks)
    shape = tuple(int(each) for each in part.chunks)
    filters = tuple(
        (int(each["filter_id"]), tuple(int(value) for value in each.get("client_data", ()) or ()))
        for each in (stored.filter_pipeline or ())
    )
    chunks = {}
    for number in range(stored.get_num_chunks()):
        info = stored.get_chunk_info(number)
        place = tuple(int(at) // length for at, length in zip(info.chunk_offset, shape, strict=True))
        chunks[place] = Chunk(int(info.byte_offset), int(info.size), int(info.filter_mask))
    return Storage(dtype, shape, filters, chunks)


def _reading(what: str, read: Callable[[], Read]) -> Read:
    """What `read` gives; whatever pyfive raises of a broken file as `BadObject`.

    pyfive has no error of its own for most of what can be wrong with a file.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return read()
    except SluiceError:
        raise
    except MemoryError:
        raise BadObject(f"{what} cannot be read: it says that it is larger than memory") from None
    except Exception as error:
        if lacks := _FILTER.search(str(error)):
            raise lacking(what, int(lacks[1])) from None
        if "LZF" in str(error):
            raise lacking(what, 32000) from None
        raise BadObject(f"{what} cannot be read as HDF5: {type(error).__name__}: {str(error)[:200]}") from error
