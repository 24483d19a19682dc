"""The input of a Stage A execution, and what the state machine makes of it for each function that it calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

from pipeline.core.objects import ObjectVersion


@dataclass(frozen=True, slots=True)
class StageAWork:
    """An object that Stage A has to transform: its row's identity and what the transform needs of it.

    `size` is in bytes, 0 where whoever asks does not need it. `control` says of a file that completes a delivery
    whether it is a `marker` or a `manifest`; it is None of data.
    """

    object: ObjectVersion
    generation: int
    event_ms: int
    size: int = 0
    control: str | None = None

    def to_json(self) -> dict[str, Any]:
        """No timestamps of ours: equal objects make equal executions."""
        document = {
            "bucket": self.object.bucket,
            "key": self.object.key,
            "version_id": self.object.version_id,
            "generation": self.generation,
            "event_ms": self.event_ms,
            "size": self.size,
        }
        return document | ({"control": self.control} if self.control else {})

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> StageAWork:
        """Reads what `to_json` wrote, and what an earlier release did."""
        obj = ObjectVersion(document["bucket"], document["key"], document["version_id"])
        # An earlier release did not write the size.
        size, control = int(document.get("size", 0)), document.get("control")
        return cls(obj, int(document["generation"]), int(document["event_ms"]), size, control)


@dataclass(frozen=True, slots=True)
class StageAInput:
    """A group of objects of one dataset, with the settings that Stage A needs, so that no function looks them up.

    `write` is the table's write mode. `stage_a` and `contract` are those of the dataset's definition as JSON, without
    defaults. `queue_url` is that of the dataset's Stage B queue. `together` is how many objects one call transforms;
    None where an earlier release did not say. With `by_job` each is too big for a call, and a run of a job stages it.
    """

    dataset: str
    write: str
    stage_a: Mapping[str, Any]
    contract: Mapping[str, Any]
    queue_url: str
    objects: tuple[StageAWork, ...]
    together: int | None = None
    by_job: bool = False

    def to_json(self) -> dict[str, Any]:
        """The input of an execution of Stage A."""
        document: dict[str, Any] = {
            "dataset": self.dataset,
            "write": self.write,
            "stage_a": dict(self.stage_a),
            "contract": dict(self.contract),
            "queue_url": self.queue_url,
            "objects": [work.to_json() for work in self.objects],
        }
        document |= {} if self.together is None else {"together": self.together}
        return document | ({"by_job": True} if self.by_job else {})

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> StageAInput:
        """Reads what `to_json` wrote."""
        return cls(
            dataset=document["dataset"],
            write=document["write"],
            stage_a=document["stage_a"],
            contract=document["contract"],
            queue_url=document["queue_url"],
            objects=works_in(document),
            together=document.get("together"),
            by_job=bool(document.get("by_job")),
        )

    def bundle_of(self, index: int, execution: str) -> Bundle:
        """The bundle of one object alone, by its place in `objects`."""
        return Bundle(
            (self.objects[index],), self.dataset, self.write, self.stage_a, self.contract, execution=execution
        )


def works_in(document: Mapping[str, Any]) -> tuple[StageAWork, ...]:
    """The objects that an input names, whatever else it says."""
    return tuple(StageAWork.from_json(each) for each in document["objects"])


@dataclass(frozen=True, slots=True)
class Bundle:
    """What one call of the transform gets: some objects of the input, its settings, and the execution's name."""

    objects: tuple[StageAWork, ...]
    dataset: str
    write: str
    stage_a: Mapping[str, Any]
    contract: Mapping[str, Any]
    execution: str

    def to_json(self) -> dict[str, Any]:
        """The payload of a call that transforms a bundle."""
        return {
            "objects": [work.to_json() for work in self.objects],
            "dataset": self.dataset,
            "write": self.write,
            "stage_a": dict(self.stage_a),
            "contract": dict(self.contract),
            "execution": self.execution,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Bundle:
        """Reads what `to_json` or the state machine wrote."""
        return cls(
            objects=works_in(document),
            dataset=document["dataset"],
            write=document["write"],
            stage_a=document["stage_a"],
            contract=document["contract"],
            execution=document["execution"],
        )


class BundleAnswer(TypedDict):
    """The status of each object of a bundle, in their order."""

    statuses: list[str]


@dataclass(frozen=True, slots=True)
class TransformedGroup:
    """What the completion of a group gets: its bundles, and the statuses of each bundle's objects in their order."""

    bundles: tuple[tuple[StageAWork, ...], ...]
    statuses: tuple[tuple[str, ...], ...]
    queue_url: str
    dataset: str
    execution: str

    def to_json(self) -> dict[str, Any]:
        """The payload of the call that completes a group."""
        return {
            "bundles": [[work.to_json() for work in bundle] for bundle in self.bundles],
            "results": [{"statuses": list(statuses)} for statuses in self.statuses],
            "queue_url": self.queue_url,
            "dataset": self.dataset,
            "execution": self.execution,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> TransformedGroup:
        """Reads what `to_json` or the state machine wrote."""
        return cls(
            bundles=tuple(tuple(StageAWork.from_json(each) for each in bundle) for bundle in document["bundles"]),
            statuses=tuple(tuple(result["statuses"]) for result in document["results"]),
            queue_url=document["queue_url"],
            dataset=document["dataset"],
            execution=document["execution"],
        )


class GroupAnswer(TypedDict):
    """How many objects of a group are staged, and how many it has."""

    staged: int
    objects: int


@dataclass(frozen=True, slots=True)
class FailedTransform:
    """What the recording of a failure gets: the object, and the error as the state machine caught it.

    `execution` is None where the definition of an earlier release did not say.
    """

    work: StageAWork
    dataset: str
    error: Mapping[str, str]
    execution: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The payload of the call that records a failure."""
        document = {"object": self.work.to_json(), "dataset": self.dataset, "error": dict(self.error)}
        return document if self.execution is None else {**document, "execution": self.execution}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> FailedTransform:
        """Reads what `to_json` or the state machine wrote."""
        work = StageAWork.from_json(document["object"])
        return cls(work, document["dataset"], document["error"], document.get("execution"))


class ObjectAnswer(TypedDict):
    """The status of one object."""

    status: str
