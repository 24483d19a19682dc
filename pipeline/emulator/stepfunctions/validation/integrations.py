"""The service integrations of Step Functions: the optimised ones, and how `aws-sdk` resources name services.

Source: "Integrating services" and "Learning to use AWS service SDK integrations" of the Step Functions guide.
"""

from __future__ import annotations

import gzip
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_REQUEST, TOKEN, _SYNC, _SYNC_2 = "", "waitForTaskToken", "sync", "sync:2"
PREFIX = re.compile(r"arn:[\w-]+:states:::")
ACTIVITY = re.compile(r"arn:[\w-]+:states:[\w-]*:\d*:activity:.+")
_SERVICE_ID = re.compile(r'"serviceId"\s*:\s*"([^"]+)"')
_HEAD_BYTES = 8192
"""A service model's metadata, with its serviceId, stands within them."""

_ONLY = frozenset({_REQUEST})
_WAITS = frozenset({_REQUEST, _SYNC})
_CALLS_BACK = frozenset({_REQUEST, TOKEN})


def _all(actions: str, patterns: frozenset[str]) -> dict[str, frozenset[str]]:
    return dict.fromkeys(actions.split(), patterns)


OPTIMISED: dict[str, dict[str, frozenset[str]]] = {
    "apigateway": _all("invoke", _CALLS_BACK),
    "athena": _all("startQueryExecution", _WAITS) | _all("stopQueryExecution getQueryExecution getQueryResults", _ONLY),
    "batch": _all("submitJob", _WAITS),
    "bedrock": _all("invokeModel", _CALLS_BACK) | _all("createModelCustomizationJob", _WAITS),
    "bedrockagentcore": _all("invokeHarness", _ONLY),
    "codebuild": _all("startBuild startBuildBatch retryBuildBatch", _WAITS)
    | _all("stopBuild stopBuildBatch retryBuild deleteBuildBatch batchDeleteBuilds batchGetReports", _ONLY),
    "databrew": _all("startJobRun", _WAITS),
    "dynamodb": _all("getItem putItem updateItem deleteItem", _ONLY),
    "ecs": _all("runTask", _WAITS | _CALLS_BACK),
    "eks": _all("createCluster deleteCluster createFargateProfile deleteFargateProfile runJob", _WAITS)
    | _all("createNodegroup deleteNodegroup", _WAITS)
    | _all("call", _ONLY),
    "elasticmapreduce": _all("createCluster terminateCluster addStep", _WAITS)
    | _all("cancelStep setClusterTerminationProtection modifyInstanceFleetByName modifyInstanceGroupByName", _ONLY),
    "emr-containers": _all("createVirtualCluster", _ONLY) | _all("deleteVirtualCluster startJobRun", _WAITS),
    "emr-serverless": _all("createApplication startApplication stopApplication deleteApplication", _WAITS)
    | _all("startJobRun cancelJobRun", _WAITS),
    "events": _all("putEvents", _CALLS_BACK),
    "glue": _all("startJobRun", _WAITS),
    "http": _all("invoke", _ONLY),
    "lambda": _all("invoke", _CALLS_BACK),
    "mediaconvert": _all("createJob", _WAITS),
    "sagemaker": _all("createEndpoint createEndpointConfig createModel updateEndpoint", _ONLY)
    | _all("createHyperParameterTuningJob createLabelingJob createProcessingJob", _WAITS)
    | _all("createTrainingJob createTransformJob", _WAITS),
    "sns": _all("publish", _CALLS_BACK),
    "sqs": _all("sendMessage", _CALLS_BACK),
    "states": _all("startExecution", _WAITS | _CALLS_BACK | {_SYNC_2}),
}
"""By service and action, the patterns that AWS has."""

EMBEDDED = frozenset({"lambda", "sqs", "sns", "events", "dynamodb", "glue", "states", "aws-sdk"})


@dataclass(frozen=True, slots=True)
class Integration:
    """A `Resource` of the form `arn:aws:states:::service:action.pattern`."""

    service: str
    action: str
    pattern: str

    @classmethod
    def of(cls, resource: str) -> Integration | None:
        """None for a resource of another form: a function's ARN, an activity's."""
        prefix = PREFIX.match(resource)
        if prefix is None:
            return None
        name, _, pattern = resource[prefix.end() :].partition(".")
        service, _, action = name.partition(":")
        return cls(service, action, pattern)

    def is_known(self) -> bool:
        """Whether AWS has it."""
        if self.service == "aws-sdk":
            service, _, action = self.action.partition(":")
            known = sdk_service(service)
            return self.pattern in _CALLS_BACK and known is not None and action.lower() in operations(known)
        actions = {name.lower(): patterns for name, patterns in OPTIMISED.get(self.service, {}).items()}
        return self.pattern in actions.get(self.action.lower(), ())


@cache
def sdk_service(name: str) -> str | None:
    """botocore's name of the service that `aws-sdk` resources call `name`; None if there is none of that name.

    AWS writes the names of the Java SDK's packages: the service's id without spaces and without "Service".
    """
    known = _loader().list_available_services("service-2")
    likely = [service for service in known if service.replace("-", "") == name]
    return next((service for service in (*likely, *known) if _package(service) == name), None)


@cache
def _loader() -> Any:
    from botocore.session import get_session

    return get_session().get_component("data_loader")


def _package(service: str) -> str:
    return re.sub(r"[^a-z0-9]", "", _service_id(service).lower()).removesuffix("service")


@cache
def _service_id(service: str) -> str:
    """Of the model's beginning alone: to load all of them takes many seconds."""
    version = _loader().determine_latest_version(service, "service-2")
    for folder in map(Path, _loader().search_paths):
        path = folder / service / version / "service-2.json"
        packed = path.with_name(path.name + ".gz")
        if packed.is_file() or path.is_file():
            with gzip.open(packed) if packed.is_file() else path.open("rb") as opened:
                identifier = _SERVICE_ID.search(opened.read(_HEAD_BYTES).decode(errors="replace"))
            return identifier[1] if identifier else service
    return service


@cache
def operations(service: str) -> dict[str, Any]:
    """The operations of a service, by botocore's name of it, by their names in lower case."""
    from botocore.session import get_session

    model = get_session().get_service_model(service)
    return {name.lower(): model.operation_model(name) for name in model.operation_names}
