"""What a resource type is to the deployer, and the registry that each service's `resources` module fills."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from pipeline.cloudformation import property_shapes
from pipeline.cloudformation.locations import Place
from pipeline.core.errors import BadDefinition
from pipeline.emulator.cloudformation import create_only

Clients = Callable[[str], Any]


class AlreadyExists(BadDefinition):
    """Something of this name is there and is not this stack's: nothing was made, and nothing is to be undone."""


@dataclass(frozen=True, slots=True)
class Made:
    """A resource as it stands: what Ref answers and what Fn::GetAtt answers."""

    reference: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource to make, to update or to delete: properties are resolved and hold only names that its type knows.

    `before` holds the properties that it was made from last; a new one has none. `generation` counts the resources
    that stood under this logical id before it, so that one and what replaces it have different names.
    """

    stack: str
    logical_id: str
    properties: Mapping[str, Any]
    place: Place
    before: Mapping[str, Any] = field(default_factory=dict)
    generation: int = 0

    def name(self, property_name: str, *, longest: int = 64) -> str:
        """The name that the template gives, or one made as CloudFormation makes them, but the same each time."""
        if property_name in self.properties:
            return str(self.properties[property_name])
        whose = f"{self.stack}/{self.logical_id}" + (f"/{self.generation}" if self.generation else "")
        suffix = hashlib.sha256(whose.encode()).hexdigest()[:12]
        return f"{self.stack[: longest // 2 - 14]}-{self.logical_id[: longest // 2]}-{suffix}"[:longest]

    def only(self, *names: str) -> dict[str, Any]:
        """The properties of these names that are given."""
        return {name: self.properties[name] for name in names if name in self.properties}

    def left_out(self, *names: str) -> list[str]:
        """Those of these properties that it had before and has no more."""
        return [name for name in names if name in self.before and name not in self.properties]

    def taken(self, name: str) -> AlreadyExists:
        """The error to raise where AWS would take what is there for a new one; CloudFormation looks first, too."""
        return AlreadyExists(f"{self.place}: {name} already exists")

    def tags(self) -> dict[str, str]:
        """Tags as a mapping, whichever of CloudFormation's two forms they are in."""
        return _tags(self.properties.get("Tags", {}))

    def tags_before(self) -> dict[str, str]:
        """The tags that it was made with."""
        return _tags(self.before.get("Tags", {}))


def _tags(tags: Any) -> dict[str, str]:
    return dict(tags) if isinstance(tags, Mapping) else {tag["Key"]: str(tag["Value"]) for tag in tags}


@dataclass(frozen=True, slots=True)
class Aws:
    """The embedded AWS as resource types see it."""

    clients: Clients
    account: str
    region: str
    partition: str = "aws"
    uploads: Callable[[str], bytes | None] = lambda key: None
    """What the deployment would first upload under a key, where it is only planned."""

    def call(self, service: str, operation: str, **parameters: Any) -> Any:
        """Call boto3 with CloudFormation's values: its texts for numbers and its names' case are made to fit."""
        client = self.clients(service)
        model = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[operation])
        return getattr(client, operation)(**fitted(parameters, model.input_shape))

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a resource of this account and region."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"


GONE = frozenset(
    (
        "AWS.SimpleQueueService.NonExistentQueue", "EntityNotFoundException", "NoSuchBucket", "NoSuchEntity",
        "NoSuchKey", "NotFound", "NotFoundException", "ParameterNotFound", "ResourceNotFoundException",
        "StateMachineDoesNotExist",
    )
)  # fmt: skip
"""What the services say of something that is not there."""

TAKEN = frozenset(
    (
        "AlreadyExistsException", "BucketAlreadyExists", "BucketAlreadyOwnedByYou", "ConflictException",
        "EntityAlreadyExists", "ParameterAlreadyExists", "ResourceAlreadyExistsException", "ResourceConflictException",
        "ResourceInUseException",
    )
)  # fmt: skip
"""What they say where something new would have the name of something that is there."""


def code_of(error: ClientError) -> str:
    """The name of AWS's error."""
    return str(error.response["Error"].get("Code", ""))


def is_there(aws: Aws, service: str, operation: str, **whose: Any) -> bool:
    """Whether a describing call finds what it asks for."""
    try:
        aws.call(service, operation, **whose)
    except ClientError as error:
        if code_of(error) not in GONE:
            raise
        return False
    return True


def fitted(value: Any, shape: Any) -> Any:
    """`value` as botocore's `shape` wants it. CloudFormation has only texts for what comes out of a parameter."""
    kind = shape.type_name if shape is not None else ""
    if kind == "structure" and isinstance(value, Mapping):
        members = {name.lower(): name for name in shape.members}
        names = {name: members.get(name.lower(), name) for name in value}
        return {names[name]: fitted(item, shape.members.get(names[name])) for name, item in value.items()}
    if kind == "map" and isinstance(value, Mapping):
        return {name: fitted(item, shape.value) for name, item in value.items()}
    if kind == "list" and isinstance(value, list):
        return [fitted(item, shape.member) for item in value]
    if kind in ("integer", "long") and isinstance(value, str):
        return int(value)
    if kind in ("double", "float") and isinstance(value, str):
        return float(value)
    if kind == "boolean" and isinstance(value, str):
        return value.lower() == "true"
    if kind == "string" and not isinstance(value, str):
        return text(value)
    return value


def text(value: Any) -> str:
    """A value where AWS wants text: documents as JSON, booleans in lower case."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value) if isinstance(value, (dict, list)) else str(value)


Put = Callable[[Aws, Resource, Made | None], Made]
Delete = Callable[[Aws, Resource, Made], None]
Find = Callable[[Aws, Resource], str | None]
Check = Callable[[Aws, Resource], None]


def nothing(aws: Aws, resource: Resource, made: Made) -> None:
    """Delete what was never made, or what goes with the resource it belongs to."""


def by_reference(service: str, operation: str, parameter: str, *properties: str) -> Delete:
    """Delete by one call that takes what Ref answers as `parameter`, and these `properties` as they are."""

    def delete(aws: Aws, resource: Resource, made: Made) -> None:
        aws.call(service, operation, **{parameter: made.reference}, **resource.only(*properties))

    return delete


def unchecked(aws: Aws, resource: Resource) -> None:
    """Have nothing against a resource before it is made."""


def nowhere(aws: Aws, resource: Resource) -> str | None:
    """Find what has no name of its own: a new one never collides with it."""
    return None


@dataclass(frozen=True, slots=True)
class ResourceType:
    """How one CloudFormation type is deployed.

    `put` makes the resource, or brings the one that was made before to the new properties. `delete` removes it, and
    lets AWS's answer pass where it is not there. `find` says what Ref of a resource with these properties would be,
    None if that has to be made first: it is asked for one whose making broke off, and for what would replace another.
    `fixed` are the property paths that CloudFormation changes by replacing the resource: those that its schema names
    (`create_only`), and those that only its documentation does. `unchangeable` are those that
    it refuses to change. `resets` are the values of properties that an update leaves out and that AWS would keep.
    `renewed` are the attributes that an update may change. `check` raises, for a plan, what `put` would: what is not
    known yet stands as `⟨what⟩`. `without_effect` maps a property path to the reason; the
    empty path stands for the resource itself.
    """

    name: str
    honoured: property_shapes.Tree
    without_effect: Mapping[str, str]
    put: Put
    delete: Delete
    find: Find
    fixed: tuple[str, ...]
    unchangeable: tuple[str, ...]
    resets: Mapping[str, Any]
    renewed: tuple[str, ...] = ()
    check: Check = unchecked

    def known(self) -> property_shapes.Tree:
        """Every property that may stand in a template."""
        return _merged(self.honoured, property_shapes.parse(" ".join(self.without_effect)))

    def ineffective(self, resource: Resource) -> Iterator[tuple[str, str]]:
        """What of a resource is accepted without effect: `Type.Property` and the reason."""
        for path, reason in self.without_effect.items():
            if not path:
                yield self.name, reason
            elif any(property_shapes.given(resource.properties, path, resource.place)):
                yield f"{self.name} {path}", reason


def _merged(left: property_shapes.Tree, right: property_shapes.Tree) -> property_shapes.Tree:
    return {name: _merged(left.get(name, {}), right.get(name, {})) for name in [*left, *right]}


REGISTRY: dict[str, ResourceType] = {}


def resource_type(
    name: str,
    honoured: str,
    *,
    delete: Delete,
    find: Find,
    without_effect: Mapping[str, str] | None = None,
    fixed: str = "",
    unchangeable: str = "",
    resets: Mapping[str, Any] | None = None,
    renewed: tuple[str, ...] = (),
    check: Check = unchecked,
) -> Callable[[Put], Put]:
    """Register the function that deploys resources of a type; see `ResourceType`.

    `honoured`, `fixed` and `unchangeable` list property paths (see `property_shapes`); `without_effect` maps those that
    are accepted and do nothing on the embedded AWS to the reason, which `sluice up` prints.
    """

    def register(put: Put) -> Put:
        REGISTRY[name] = ResourceType(
            name,
            property_shapes.parse(honoured),
            dict(without_effect or {}),
            put,
            delete,
            find,
            tuple(sorted({*create_only.of(name), *fixed.split()})),
            tuple(unchangeable.split()),
            dict(resets or {}),
            renewed,
            check,
        )
        return put

    return register


def only_on_aws(name: str, reason: str, put: Put | None = None, *, fixed: str = "") -> None:
    """Register a type that is accepted and not made, so that what a template has of it can be planned here.

    `put` says what `Ref` and `Fn::GetAtt` answer, where a name of its own is not enough.
    """
    resource_type(name, "*", without_effect={"": reason}, fixed=fixed, delete=nothing, find=nowhere)(put or _named)


def _named(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    return Made(resource.name("Name"))
