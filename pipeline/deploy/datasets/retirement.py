"""Retires registered datasets whose file is gone, without losing data. AWS comes from outside.

A dataset is marked first: from then on it takes no new objects. What it took before is loaded by its own stack, which
is deleted once nothing waits or runs. Table, database, staged files, catalog and batches stay. Each step is harmless
to repeat, and what one leaves undone the next apply finds.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace

from pipeline.core.errors import Refused
from pipeline.deploy.datasets.application import Parts, deploy_stack, stack_name
from pipeline.lake.datasets.dataset_names import DatasetName
from pipeline.lake.datasets.registry import Registration


@dataclass(frozen=True, slots=True)
class Retired:
    """What retiring one dataset did: `changes` in words, and what it still waits for before its stack is deleted."""

    name: DatasetName
    since: str
    changes: tuple[str, ...]
    waits: tuple[str, ...]
    is_closed: bool


def without_file(registrations: Iterable[Registration], defined: Collection[DatasetName]) -> list[Registration]:
    """The registrations that no file stands for."""
    return [registration for registration in registrations if registration.name not in defined]


def is_too_much(to_retire: int, used: int) -> bool:
    """Whether so many datasets of those in use are retired at once only if somebody says that it is meant."""
    return 2 * to_retire > used


def guard(registrations: Iterable[Registration], defined: Collection[DatasetName]) -> None:
    """`Refused` if more than half of the datasets in use would be retired: a wrong checkout must not retire a lake."""
    used = [registration for registration in registrations if registration.retired is None]
    refuse([registration.name for registration in without_file(used, defined)], len(used))


def refuse(to_retire: Collection[DatasetName], used: int) -> None:
    """`Refused` if these are more than half of so many datasets in use."""
    if is_too_much(len(to_retire), used):
        raise Refused(
            f"this would retire {len(to_retire)} of the {used} datasets in use, which have no file here: "
            f"{', '.join(map(str, sorted(to_retire)))}",
            hint="Is it the right checkout, and the right lake? If it is meant: `sluice datasets apply --retire-all`.",
        )


def retire(
    registrations: Iterable[Registration], parts: Parts, report: Callable[[Retired], None] = lambda retired: None
) -> list[Retired]:
    """Bring the retirement of each of these a step on, as far as it goes now; `report` hears of each when done."""
    done = []
    for registration in registrations:
        if found := _retire(registration, parts):
            done.append(found)
            report(found)
    return done


def _retire(registration: Registration, parts: Parts) -> Retired | None:
    name, changes = registration.name, list[str]()
    if registration.retired is None:
        marked = parts.registry.retire(name, parts.now())
        if marked is None:
            return None
        registration = marked
        changes.append("retired")
    # Only now: what the dataset took until it was marked counts.
    waits = parts.what_keeps(registration)
    if waits:
        changes += _stay_open(registration, parts)
        registration = replace(registration, is_closed=False)
    elif not registration.is_closed:
        changes += _close(registration, parts)
        registration = replace(registration, is_closed=True)
    return Retired(name, registration.retired or "", tuple(changes), waits, registration.is_closed)


def _stay_open(registration: Registration, parts: Parts) -> list[str]:
    """See that the stack stands which loads what waits. It may be gone: something came late, or an apply broke off."""
    if registration.is_closed:
        parts.registry.reopen(registration.name)
    return ["stack deployed"] if deploy_stack(registration.dataset, parts).changed else []


def _close(registration: Registration, parts: Parts) -> list[str]:
    name = registration.name
    deleted = parts.stacks.delete(stack_name(parts.lake, parts.env, name))
    if not parts.registry.close(registration):
        raise Refused(f"{name} was applied by somebody else just now", hint="Run `sluice datasets apply` again.")
    return ["stack deleted" if deleted else "stack was gone"]
