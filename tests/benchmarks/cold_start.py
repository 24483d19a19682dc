"""What a cold start imports: each function's handler from its own zip and layers, in a fresh interpreter.

    python -m tests.benchmarks.cold_start [--rounds N]

The zips and layers are those that `sluice package` makes for AWS, unpacked; the interpreter is Lambda's Python, and
sees nothing else but its standard library. Beside it the same without .pyc, which is what a zip of sources costs.
Files are in the page cache in both cases; the processor's time tells how busy the machine was. What Lambda adds,
fetching and mounting the code, only AWS can show.
"""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import tempfile
import time
import zipfile
from pathlib import Path

from pipeline.cloudformation.functions import Function, functions
from pipeline.deploy.packaging import Target, package
from pipeline.deploy.packaging.code import LAMBDA_PYTHON, interpreter
from pipeline.deploy.packaging.manifest import ARTEFACTS, TEMPLATES, read_manifest
from pipeline.deploy.packaging.sizes import function_sizes

ROOT = Path(__file__).resolve().parents[2]
GOAL_MS = 400
_IMPORT = """
import sys, time
began, used = time.perf_counter(), time.process_time()
__import__({module!r})
print((time.perf_counter() - began) * 1000, (time.process_time() - used) * 1000)
"""


def unpack(archive: Path, target: Path, *, compiled: bool) -> None:
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(target, [n for n in opened.namelist() if compiled or not n.endswith(".pyc")])


def import_ms(python: str, folders: list[Path], module: str, rounds: int) -> tuple[float, float]:
    """Medians of the time that passed and of the processor's.

    -S and -I hide the environment's packages, -B keeps .pyc from being written.
    """
    script = f"import sys; sys.path[:0] = {[str(each) for each in folders]}\n{_IMPORT.format(module=module)}"
    command = [python, "-I", "-S", "-B", "-c", script]
    run = [subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(rounds + 1)]
    # The first fills the page cache.
    passed, used = zip(*(map(float, each.stdout.split()) for each in run[1:]), strict=True)
    return statistics.median(passed), statistics.median(used)


def folders_of(function: Function, unpacked: Path) -> list[Path]:
    return [unpacked / function.module, *(unpacked / name / "python" for name in function.layers)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    python = interpreter(LAMBDA_PYTHON)
    if python is None:
        raise SystemExit(f"there is no Python {'.'.join(map(str, LAMBDA_PYTHON))} on this machine: nothing to measure")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "package")
        package(ROOT, folder, target=Target.AWS)
        began = time.perf_counter()
        package(ROOT, folder, target=Target.AWS)
        print(f"package, warm: {time.perf_counter() - began:.1f} s")
        report(python, folder, Path(temporary), rounds)


def report(python: str, folder: Path, temporary: Path, rounds: int) -> None:
    with_pyc, without = temporary / "pyc", temporary / "sources"
    for key in read_manifest(folder).artefacts:
        if found := re.fullmatch(r"(?:code|layers)/\w+/(.+)\.zip", key):
            unpack(folder / ARTEFACTS / key, with_pyc / found[1], compiled=True)
            unpack(folder / ARTEFACTS / key, without / found[1], compiled=False)
    sizes = {each.function: each for each in function_sizes(folder)}
    for function in functions(folder / TEMPLATES):
        (ours, ours_cpu), (peer, peer_cpu) = (
            import_ms(python, folders_of(function, where), function.module, rounds) for where in (with_pyc, without)
        )
        size = sizes[function.logical_id]
        print(
            f"{function.logical_id:24} {ours:5.0f} ms, processor {ours_cpu:4.0f} ms"
            f"{'' if ours <= GOAL_MS else ', OVER THE GOAL'} "
            f"| without .pyc {peer:5.0f} ms, processor {peer_cpu:4.0f} ms "
            f"| zip {size.zip / 1e3:.0f} kB, layer {', '.join(function.layers)} "
            f"{size.layer_zips / 1e6:.0f} MB, unzipped {size.unzipped / 1e6:.0f} MB",
            flush=True,
        )


if __name__ == "__main__":
    main()
