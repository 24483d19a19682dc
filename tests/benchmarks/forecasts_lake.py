"""Forecasts through a lake: announcements until they are findable, answers of the API, and cold starts.

    python -m tests.benchmarks.forecasts_lake [--minutes 3] [--rate 1000] [--rounds 200]

A lake with the flow is started. Files of 1 kB are put into the demo's bucket, so many a minute, whatever becomes of
them: a hundred variables of one time after another. How soon each was findable is what the lake itself keeps. Peers are
in the same run and the same embedded AWS: of an announcement the bare calls that nobody can do without (a copy and a
transaction of one item), of an answer the same Query by boto3, of a value the file opened by xarray, of a cold start
xarray with netCDF4 imported. On a busy machine the clock says what others do, so that only ratios mean something there.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import xarray

from pipeline.cloudformation.functions import functions
from pipeline.core.clients import client
from pipeline.core.dynamo import encode
from pipeline.deploy.packaging import Target, package
from pipeline.deploy.packaging.code import LAMBDA_PYTHON, interpreter
from pipeline.deploy.packaging.manifest import TEMPLATES
from pipeline.forecasts.settings import Setting
from pipeline.operate.forecasts.coverage import latency_ms
from pipeline.operate.forecasts.demonstration import LATITUDE, LONGITUDE, SOURCE, VARIABLE, file_of
from pipeline.operate.forecasts.index import index_of
from pipeline.operate.forecasts.sources import sources
from tests.benchmarks.cold_start import ROOT, folders_of, import_ms, unpack
from tests.whole_lake.conftest import RunningLake, with_flow

RUN = datetime(2026, 11, 30, tzinfo=UTC)
PATIENCE_S = 600
VARIABLE_NUMBERS = range(100)
BARE = 100


def spread(took: list[float]) -> str:
    took = sorted(took)
    return f"median {statistics.median(took):,.1f} ms, 99 of 100 within {took[int(len(took) * 0.99) - 1]:,.1f} ms"


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - began)


def announcements(lake: RunningLake, rate: int, minutes: float) -> None:
    (source,) = [each for each in sources(lake.connected.lake) if each.name == SOURCE]
    index, count = index_of(lake.connected.lake), round(rate * minutes)
    began, memory = time.monotonic(), list[int]()

    def put(number: int) -> None:
        time.sleep(max(0.0, began + number * 60 / rate - time.monotonic()))
        hours, variable = divmod(number, len(VARIABLE_NUMBERS))
        body = file_of(RUN, hours).replace(VARIABLE.encode(), f"{VARIABLE[:-2]}{variable:02}".encode())
        client("s3").put_object(Bucket=source.bucket, Key=f"bench-{number}.nc", Body=body)
        if number % max(1, count // 6) == 0:
            memory.append(workers_kb(lake.root))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, range(count)))
    put_after = time.monotonic() - began
    ends = time.monotonic() + PATIENCE_S
    while (found := len(index.files(SOURCE, count + 1))) < count and time.monotonic() < ends:
        time.sleep(1)
    memory.append(workers_kb(lake.root))
    took = [float(latency_ms(each)) for each in index.files(SOURCE, count + 1)]
    print(f"{count:,} announcements, put in {put_after:.0f} s, {count - found} lost; findable: {spread(took)}")
    (state,) = [each for each in sources(lake.connected.lake) if each.name == SOURCE]
    megabytes = ", ".join(f"{each / 1000:,.0f}" for each in memory)
    print(f"{state.aside} put aside; memory of the functions' processes together, as it went: {megabytes} MB")
    bare = [timed(lambda number=number: bare_calls(lake, source.bucket, number)) for number in range(BARE)]
    ratio = statistics.median(took) / statistics.median(bare)
    print(f"  peer, a copy and a transaction by boto3: {spread(bare)}; findable is {ratio:.1f} of it")


def bare_calls(lake: RunningLake, bucket: str, number: int) -> None:
    raw, table = "peer", lake.connected.lake.settings[Setting.FORECASTS_TABLE]
    source = {"Bucket": bucket, "Key": f"bench-{number % 50}.nc"}
    client("s3").copy_object(Bucket=bucket, Key=f"{raw}/{number}.txt", CopySource=source)
    item = encode({"forecast_period": "peer", "forecast_key": f"{number}"})
    client("dynamodb").transact_write_items(TransactItems=[{"Put": {"TableName": table, "Item": item}}])


def workers_kb(root: Path) -> int:
    """Resident memory of the processes of this lake's functions."""
    total = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str(root) in (process / "cmdline").read_text() + (process / "environ").read_text() and (
                "awslambda" in (process / "cmdline").read_text()
            ):
                lines = (process / "status").read_text().splitlines()
                total += sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
        except OSError:
            continue
    return total


def answers(lake: RunningLake, rounds: int) -> None:
    ssm = client("ssm")
    api, key_id = (
        ssm.get_parameter(Name=f"/sluice/local/forecasts-api{end}")["Parameter"]["Value"] for end in ("", "-key-id")
    )
    key = client("apigateway").get_api_key(apiKey=key_id, includeValue=True)["value"]
    base = f"{lake.endpoint}/restapis/{api}/_user_request_"
    moment = f"{RUN:%Y-%m-%dT%H:%M:%SZ}"

    def ask(path: str) -> bytes:
        request = urllib.request.Request(base + path, headers={"x-api-key": key})
        with urllib.request.urlopen(request, timeout=60) as answer:
            content: bytes = answer.read()
        return content

    table = lake.connected.lake.settings[Setting.FORECASTS_TABLE]
    query = {
        "TableName": table, "IndexName": "by_time", "KeyConditionExpression": "forecast_time = :time",
        "ExpressionAttributeValues": {":time": {"S": moment}}, "ScanIndexForward": False,
    }  # fmt: skip
    assert json.loads(ask(f"/times/{moment}"))["files"]
    pairs = [
        (timed(lambda: ask(f"/times/{moment}")), timed(lambda: client("dynamodb").query(**query)))
        for _ in range(rounds)
    ]
    ours, peer = map(list, zip(*pairs, strict=True))
    ratio = statistics.median(ours) / statistics.median(peer)
    print(f"GET /times/{{time}}: {spread(ours)}; peer, the Query by boto3: {spread(peer)}; {ratio:.2f} of it")
    values = f"/times/{moment}/values?variable={VARIABLE[:-2]}00&lat={LATITUDE}&lon={LONGITUDE}"
    first = timed(lambda: ask(values))
    with tempfile.NamedTemporaryFile(suffix=".nc") as file:
        Path(file.name).write_bytes(file_of(RUN, 0))
        pairs = [(timed(lambda: ask(values)), timed(lambda: opened(file.name))) for _ in range(rounds)]
    ours, peer = map(list, zip(*pairs, strict=True))
    ratio = statistics.median(ours) / statistics.median(peer)
    print(f"GET /times/{{time}}/values: the first {first:,.0f} ms, then {spread(ours)}")
    print(f"  peer, the file on the disk opened by xarray: {spread(peer)}; {ratio:.2f} of it")


def opened(path: str) -> float:
    with xarray.open_dataset(path, engine="netcdf4") as file:
        near = file[VARIABLE].sel(latitude=LATITUDE, longitude=LONGITUDE, method="nearest")
        return float(near)


def cold_starts(folder: Path) -> None:
    python = interpreter(LAMBDA_PYTHON)
    if python is None:
        print("cold start: there is no Python of Lambda's version here")
        return
    package(ROOT, folder / "package", target=Target.AWS)
    for archive in (folder / "package").rglob("*.zip"):
        name = archive.stem
        if name == "forecasts" or name.startswith("stages.forecasts"):
            unpack(archive, folder / "unpacked" / name, compiled=True)
    whole = (
        "import time; began = time.process_time(); import xarray, netCDF4; print(1000 * (time.process_time() - began))"
    )
    done = subprocess.run([sys.executable, "-c", whole], capture_output=True, text=True, check=True)
    for function in functions(folder / "package" / TEMPLATES):
        if function.layers == ("forecasts",):
            passed, used = import_ms(python, folders_of(function, folder / "unpacked"), function.module, 5)
            peer = float(done.stdout)
            print(f"cold start of {function.module}: {passed:,.0f} ms, {used:,.0f} ms of processor")
            print(f"  peer, importing xarray and netCDF4: {peer:,.0f} ms of processor; {used / peer:.2f} of it")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--rate", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=200)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        cold_starts(Path(folder) / "cold")
        with with_flow(Path(folder) / "lake", "forecasts") as lake:
            announcements(lake, given.rate, given.minutes)
            answers(lake, given.rounds)


if __name__ == "__main__":
    main()
