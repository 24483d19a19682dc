"""Turns among the branches of a Parallel and the iterations of a Map: the same machine has the same history each time.

moto gives each a thread, and their events come as the threads run. Here one of them runs at a time, up to its next
event, in the order in which they began, as AWS was recorded to do: all iterations start, then each enters its state and
schedules its task, then all tasks start. Who waits for a task, a moment or a retry, or for its own branches, is not in
the line; then events come in the order in which the waits end. Nobody can be held up for long by a turn that is not
given on: after `PATIENCE` seconds the next takes it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from pipeline.emulator.moto.patch import patch

PATIENCE = 5.0

_SAME_STEP = ("TaskScheduled", "LambdaFunctionScheduled")
_BEGIN_OF_WAITS = ("TaskStarted", "TaskSubmitted", "LambdaFunctionStarted", "WaitStateEntered")
_EXEC = "moto.stepfunctions.parser.asl.component.state.exec"
_here = threading.local()


class Turns:
    """Whose turn it is in one execution, and who is next."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.holder: Seat | None = None
        self.line: deque[Seat] = deque()

    def call_next(self) -> None:
        self.holder = self.line.popleft() if self.line else None
        if self.holder is not None:
            self.holder.called.release()


class Seat:
    """The place of one thread among the `turns` of its execution."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.called = threading.Semaphore(0)

    def line_up(self) -> None:
        """Be called when it is this one's turn; `wait` for that."""
        with self.turns.lock:
            self.turns.line.append(self)
            if self.turns.holder is None:
                self.turns.call_next()

    def wait(self) -> None:
        if self.called.acquire(timeout=PATIENCE):
            return
        with self.turns.lock:
            if self in self.turns.line:
                self.turns.line.remove(self)
                self.turns.holder = self
            else:
                self.called.acquire(blocking=False)

    def give(self) -> None:
        with self.turns.lock:
            if self.turns.holder is self:
                self.turns.call_next()

    def take(self) -> None:
        """Let the others have theirs, and come back."""
        turns = self.turns
        with turns.lock:
            if turns.holder in (self, None) and not turns.line:
                turns.holder = self
                return
            turns.line.append(self)
            if turns.holder in (self, None):
                turns.call_next()
        self.wait()


class _Joined(threading.Event):
    """The event by which branches or iterations end the wait of the state that they belong to."""

    def __init__(self) -> None:
        super().__init__()
        self._owner = _seat()
        self._door = threading.Lock()
        self._is_awaited = False

    def set(self) -> None:
        with self._door:
            # In the line before the one that ends leaves it: else who comes first would depend on the threads.
            if self._is_awaited and not self.is_set():
                self._owner.line_up()
            super().set()

    def wait(self, timeout: float | None = None) -> bool:
        with self._door:
            if self.is_set():
                return True
            self._is_awaited = True
        self._owner.give()
        super().wait()
        self._owner.wait()
        return True


@patch(f"{_EXEC}.state_parallel.branches_decl:BranchWorkerPool.__init__", "141d498cff16", "moto knows no turns")
def _branches(self: Any, *args: Any, **kwargs: Any) -> None:
    _branches.original(self, *args, **kwargs)
    self._termination_event = _Joined()


@patch(f"{_EXEC}.state_map.iteration.job:JobPool.__init__", "b6d6e9c09811", "moto knows no turns")
def _jobs(self: Any, *args: Any, **kwargs: Any) -> None:
    _jobs.original(self, *args, **kwargs)
    self._termination_event = _Joined()


@patch(
    f"{_EXEC}.state_map.iteration.inline_iteration_component:InlineIterationComponent._launch_worker",
    "49be28469a82",
    "moto knows no turns",
)
def _launch_worker(self: Any, env: Any, eval_input: Any, job_pool: Any) -> Any:
    worker = self._create_worker(env=env, eval_input=eval_input, job_pool=job_pool)
    _start(worker.eval)
    return worker


@patch(f"{_EXEC}.state_parallel.branch_worker:BranchWorker.start", "30f9035b0a7b", "moto knows no turns")
def _start_branch(self: Any) -> None:
    if self.env.mock_test_case is not None:
        # A test case has its branches one after the other.
        _start_branch.original(self)
    else:
        self._worker_thread = _start(lambda: _branch(self))


def take_turn_for(event_type: str) -> None:
    """Before an event: let the neighbours come to theirs. Nothing where there are none."""
    seat: Seat | None = getattr(_here, "seat", None)
    if seat is not None and event_type not in _SAME_STEP:
        seat.take()


def give_turn() -> None:
    """Before a wait, which may last: the neighbours go on."""
    seat: Seat | None = getattr(_here, "seat", None)
    if seat is not None:
        seat.give()


def give_turn_after(event_type: str) -> None:
    if event_type in _BEGIN_OF_WAITS:
        give_turn()


def in_this_seat(work: Callable[[], None]) -> Callable[[], None]:
    """`work` for another thread, which takes the turns of this one; this one only waits for it."""
    seat: Seat | None = getattr(_here, "seat", None)

    def run() -> None:
        if seat is not None:
            _here.seat = seat
        work()

    return run


def _seat() -> Seat:
    """This thread's own; the first in its execution has the turn."""
    if not hasattr(_here, "seat"):
        _here.seat = Seat(Turns())
        _here.seat.take()
    return _here.seat  # type: ignore[no-any-return]


def _branch(worker: Any) -> None:
    worker._program.eval(worker.env)
    worker._branch_worker_comm.on_terminated(env=worker.env)


def _start(work: Callable[[], None]) -> threading.Thread:
    seat = Seat(_seat().turns)

    def run() -> None:
        _here.seat = seat
        seat.wait()
        try:
            work()
        finally:
            seat.give()

    thread = threading.Thread(target=run, daemon=True)
    seat.line_up()
    thread.start()
    return thread
