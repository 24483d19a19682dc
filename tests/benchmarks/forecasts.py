"""What forecasts cost: a file's times by ranges, values at a place, and a file as a table, each against xarray.

`--file` is a netCDF file, such as one of the Met Office's; without it one is made. Times are of the processor, and
peers run in turn with what they are compared with.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import xarray

from pipeline.core.netcdf.conventions import data_variables
from pipeline.core.netcdf.formats import open_netcdf
from pipeline.core.netcdf.ranges import RangedFile
from pipeline.forecasts.layouts import layout_of, packed, unpack, values_at
from pipeline.forecasts.times import forecasts_of
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
    as_table(path)


def as_table(path: Path) -> None:
    """Stage A against xarray's data frame of the same file, both to Parquet, each in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        told = {}
        for name, work in (("Stage A", converted), ("xarray and pyarrow", framed)):
            process = get_context("spawn").Process(target=measured, args=(work, path, Path(folder)))
            process.start()
            process.join()
            told[name] = json.loads((Path(folder) / work.__name__).read_text())
    (ours, peer), rows = ((each["ms"], each["mb"]) for each in told.values()), told["Stage A"]["rows"]
    print(
        f"as a table of {rows:,} rows: {ours[0]:,.0f} ms of processor and {ours[1]:,.0f} MB; by xarray and pyarrow "
        f"{peer[0]:,.0f} ms and {peer[1]:,.0f} MB: {ours[0] / peer[0]:.2f} of the time, "
        f"{ours[1] / peer[1]:.2f} of the memory"
    )


def measured(work: Callable[[Path, Path], int], path: Path, folder: Path) -> None:
    began = time.process_time()
    rows = work(path, folder)
    took, most = 1000 * (time.process_time() - began), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    (folder / work.__name__).write_text(json.dumps({"ms": took, "mb": most, "rows": rows}))


def converted(path: Path, folder: Path) -> int:
    from pipeline.lake.datasets import StageA
    from pipeline.lake.files.conversion import convert

    with path.open("rb") as file:
        done = convert(
            file,
            file_name=path.name,
            settings=StageA(format="netcdf"),
            contract={},
            parquet=folder / "ours.parquet",
            bad_rows=folder / "bad.jsonl",
            metadata={},
        )
    return done.rows_out


def framed(path: Path, folder: Path) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with xarray.open_dataset(path, engine="netcdf4", drop_variables=["lambert_azimuthal_equal_area"]) as opened:
        names = [name for name, each in opened.variables.items() if "bnds" not in each.dims]
        frame = opened[names].to_dataframe().reset_index()
    pq.write_table(pa.Table.from_pandas(frame), folder / "theirs.parquet")
    return len(frame)


if __name__ == "__main__":
    main()
