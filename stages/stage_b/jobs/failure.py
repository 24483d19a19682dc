"""Whether another run may do better than one that failed. The state machine reads it from the name of the error."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pipeline.core.errors import Broken, SluiceError, Transient, WillFailAgain

_LOST = re.compile(
    # Spark's TaskEndReason, and what it says of work that it cancels because it ends itself.
    r"ExecutorLostFailure|FetchFailed|SparkContext was shut down|stopped SparkContext|Executor heartbeat timed out"
    # The driver's process is gone.
    r"|Py4JNetworkError|Answer from Java side is empty"
)


def was_lost(found: object) -> bool:
    """Whether an error, or what it says as text, means that a worker or the driver went away.

    What was made of such an error, as ours are, tells no more of the data than it does.
    """
    if not isinstance(found, BaseException):
        return _LOST.search(str(found)) is not None
    return any(_is_of_a_loss(error) for error in _chain(found))


def _is_of_a_loss(error: BaseException) -> bool:
    from py4j.protocol import Py4JNetworkError

    return isinstance(error, ConnectionError | EOFError | Py4JNetworkError) or was_lost(str(error))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def may_do_better(error: Exception) -> bool:
    """Whether another run on the same data and definition may succeed where one failed with `error`."""
    from pyspark.errors import AnalysisException

    if was_lost(error):
        return True
    if isinstance(error, SluiceError):
        return isinstance(error, Transient | Broken)
    # Spark understood what it was asked for, and it is wrong.
    return not isinstance(error, AnalysisException)


def without_rows(error: Exception) -> str | None:
    """The kinds of an error that Spark met while it computed: what it says may quote rows. None for any other error."""
    from pyspark.errors import AnalysisException

    kinds = java_kinds(error)
    if not kinds or isinstance(error, AnalysisException):
        return None
    return "Spark failed while it computed: " + ", caused by ".join(kinds)


def java_kinds(error: Exception) -> list[str]:
    """The classes of the Java error that `error` hands on, and of what caused it; none where it hands on none."""
    return list(_kinds(getattr(error, "java_exception", None) or getattr(error, "_origin", None)))


def _kinds(java: Any) -> Iterator[str]:
    while java is not None:
        yield java.getClass().getName()
        java = java.getCause()


@contextmanager
def told_apart() -> Iterator[None]:
    """Raise as `WillFailAgain`, with its name, message and hint, what no other run of the job would mend.

    What Spark says of rows is left out, also of the traceback that Glue prints.
    """
    try:
        yield
    except Exception as error:
        if not was_lost(error) and (told := without_rows(error)):
            raise Broken(told) from None
        if may_do_better(error):
            raise
        hint = f". {error.hint}" if isinstance(error, SluiceError) and error.hint else ""
        raise WillFailAgain(f"{type(error).__name__}: {error}{hint}") from error
