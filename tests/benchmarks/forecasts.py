"""What forecasts cost: a file's times by ranges against opening it whole with xarray, and values at a place.

`--file` is a netCDF file, such as one of the Met Office's; without it one is made. Times are of the processor, and
peers run in turn with what they are compared with.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import xarray

from pipeline.forecasts.layouts import layout_of, packed, unpack, values_at
from pipeline.forecasts.netcdf.formats import open_netcdf
from pipeline.forecasts.ranges import RangedFile
from pipeline.forecasts.times import data_variables, forecasts_of
from tests.forecasts.files import made, usual_times

ROUNDS = 20


def spent(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return 1000 * (time.process_time() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--file", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = given.file or Path(folder) / "made.nc"
        if not given.file:
            times = usual_times()
            times["realization"] = (np.arange(200), ("realization",), {"standard_name": "realization", "units": "1"})
            made(path, times, extra=("realization",), zlib=True, chunksizes=(1, 10, 10))
        measure(path)


def measure(path: Path) -> None:
    content = path.read_bytes()

    def ranged() -> RangedFile:
        return RangedFile(lambda start, length: content[start : start + length], len(content))

    file = ranged()
    variable = data_variables(open_netcdf(file))[0].name
    print(f"{path.name}: {len(content):,} bytes; its times by {file.requests} requests of {file.bytes_read:,} bytes")

    def whole() -> None:
        with xarray.open_dataset(path, engine="netcdf4") as opened:
            opened.load()

    pairs = [(spent(lambda: forecasts_of(open_netcdf(ranged()))), spent(whole)) for _ in range(ROUNDS)]
    ours, theirs = (statistics.median(each) for each in zip(*pairs, strict=True))
    print(f"times: {ours:.1f} ms; opened whole by xarray: {theirs:.1f} ms; {ours / theirs:.2f} of it")
    netcdf = open_netcdf(ranged())
    kept = packed(layout_of(netcdf, netcdf.variables[variable]))
    grid = unpack(kept).grid
    reads: list[int] = []

    def read(start: int, length: int) -> bytes:
        reads.append(length)
        return content[start : start + length]

    place = (54.9, -2.5)
    took = statistics.median(spent(lambda: values_at(unpack(kept), *place, read)) for _ in range(ROUNDS))
    print(
        f"values at a place: {took:.1f} ms of processor by {len(reads) // ROUNDS} reads; {len(kept):,} bytes are kept"
    )
    print(f"the grid is {grid.name}, {len(grid.x)} by {len(grid.y)}")


if __name__ == "__main__":
    main()
