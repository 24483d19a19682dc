"""Functions with real workers behind them, for tests of what calls functions."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.emulator.awslambda.async_invocations import AsyncInvocations
from pipeline.emulator.awslambda.patches import functions
from pipeline.emulator.awslambda.worker_pool import LambdaWorkers
from tests.emulator.awslambda.lambda_parts import interpreter
from tests.emulator.stepfunctions.machines import ROLE


@contextmanager
def working_functions(front, aws, folder, codes) -> Iterator[None]:
    """Each of `codes` by its name, with a `handler`; `folder` is for the workers."""
    workers = LambdaWorkers(front.endpoint, folder, lambda *_: None, interpreter=interpreter())
    later = AsyncInvocations(workers.invoke, front.endpoint)
    workers.start()
    later.start()
    functions.run_by(workers.invoke, later.submit)
    aws("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")
    for name, code in codes.items():
        aws("lambda").create_function(
            FunctionName=name,
            Runtime="python3.12",
            Handler="app.handler",
            Role=ROLE,
            Timeout=120,
            Code={"ZipFile": _zipped(code)},
        )
    yield
    later.stop()
    workers.stop()


@contextmanager
def function_work(front, aws, folder, code) -> Iterator[str]:
    """`handler` of `code` under the name that it gives."""
    with working_functions(front, aws, folder, {"work": code}):
        yield "work"


def _zipped(code):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("app.py", code)
    return archive.getvalue()
