"""Who may do what, as the lake under test is deployed, beside what was done: IAM as it stands in the embedded AWS."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from pipeline.core.clients import client
from pipeline.emulator.gateway.actions import Need

_LOGICAL = re.compile(r"-(\w+Role)-[0-9a-f]{12}$")


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """An action that a role may do on resources of these patterns: one action of one statement.

    `prefixes` are those that its condition on s3:prefix names, none where it has no such condition.
    """

    role: str
    action: str
    resources: tuple[str, ...]
    prefixes: tuple[str, ...] = ()

    def covers(self, need: Need) -> bool:
        if self.prefixes and not any(fnmatchcase(need.prefix, pattern) for pattern in self.prefixes):
            return False
        known = need.resource == "*" or any(fnmatchcase(need.resource, pattern) for pattern in self.resources)
        return fnmatchcase(need.action, self.action) and known

    @property
    def logical_role(self) -> str:
        """The role's logical id, which the stacks of datasets share."""
        found = _LOGICAL.search(self.role)
        assert found, self.role
        return found[1]


def granted() -> list[Grant]:
    """Everything that roles of the lake may do. Those that deliver it are under a path of their own."""
    iam, found = client("iam"), []
    for page in iam.get_paginator("list_roles").paginate():
        for role in (each["RoleName"] for each in page["Roles"] if each["Path"] == "/"):
            assert not iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"], role
            for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
                policy = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
                for statement in policy["Statement"]:
                    resources = tuple(_listed(statement["Resource"]))
                    prefixes = prefixes_of(statement)
                    found += [Grant(role, action, resources, prefixes) for action in _listed(statement["Action"])]
    return found


def granted_to_runs(job: str) -> list[Grant]:
    """Everything that the sessions of a job's runs may do, beside what the job's role says."""
    found = []
    for page in client("glue").get_paginator("get_job_runs").paginate(JobName=job):
        for run in page["JobRuns"]:
            for statement in json.loads(run["ExecutionRoleSessionPolicy"])["Statement"]:
                resources, prefixes = tuple(_listed(statement["Resource"])), prefixes_of(statement)
                found += [Grant(job, action, resources, prefixes) for action in _listed(statement["Action"])]
    return found


def prefixes_of(statement: Mapping[str, Any]) -> tuple[str, ...]:
    """What a statement's condition says of s3:prefix."""
    asked = (test.get("s3:prefix", []) for test in statement.get("Condition", {}).values())
    return tuple(prefix for each in asked for prefix in _listed(each))


def roles_of_callers() -> dict[str, set[str]]:
    """The roles with which each caller calls, by its name in lower case: pyarrow's S3 writes names so."""
    functions = client("lambda")
    # Those of an alias are its function's.
    mapped = {
        each["FunctionArn"].split(":")[6]: bool(each.get("DestinationConfig", {}).get("OnFailure"))
        for each in functions.list_event_source_mappings()["EventSourceMappings"]
    }
    found: dict[str, set[str]] = {"event-source": set(), "lambda-destination": set()}
    for function in functions.list_functions()["Functions"]:
        name, role = function["FunctionName"], _name(function["Role"])
        found[name[:50].lower()] = {role}
        if name in mapped:
            found["event-source"].add(role)
        configured = functions.list_function_event_invoke_configs(FunctionName=name)["FunctionEventInvokeConfigs"]
        if configured or mapped.get(name):
            found["lambda-destination"].add(role)
    for machine in client("stepfunctions").list_state_machines()["stateMachines"]:
        described = client("stepfunctions").describe_state_machine(stateMachineArn=machine["stateMachineArn"])
        found[f"states:{_name(described['roleArn'])}".lower()] = {_name(described["roleArn"])}
    for job in client("glue").get_jobs()["Jobs"]:
        found[job["Name"].lower()] = {_name(job["Role"])}
    if crawlers := client("glue").get_crawlers()["Crawlers"]:
        found["crawler"] = {_name(crawler["Role"]) for crawler in crawlers}
    return found


def unmet(needs: Iterable[Need], grants: Iterable[Grant], callers: Mapping[str, set[str]]) -> list[Need]:
    """What callers with a role did that their role does not allow."""
    by_role: dict[str, list[Grant]] = {}
    for grant in grants:
        by_role.setdefault(grant.role, []).append(grant)
    return [
        need
        for need in needs
        if (roles := callers.get(need.caller.lower()))
        and not any(grant.covers(need) for role in roles for grant in by_role.get(role, []))
    ]


def unused(needs: Iterable[Need], grants: Iterable[Grant], callers: Mapping[str, set[str]]) -> list[Grant]:
    """What roles may do and nobody did with them."""
    used: dict[str, list[Need]] = {}
    for need in needs:
        for role in callers.get(need.caller.lower(), set()):
            used.setdefault(role, []).append(need)
    return [grant for grant in grants if not any(grant.covers(need) for need in used.get(grant.role, []))]


def beyond_boundaries(env: str, grants: Sequence[Grant]) -> list[tuple[str, str, str]]:
    """What roles may do and their boundary does not let them, and roles that have no boundary of the environment."""
    names = [f"/sluice/{env}/{flow}boundary-arn" for flow in ("", "feeds-", "forecasts-")]
    known = {each["Value"] for each in client("ssm").get_parameters(Names=names)["Parameters"]}
    assert len(known) == len(names)
    found = []
    for role in sorted({grant.role for grant in grants}):
        its = _boundary_of(role)
        if its not in known:
            found.append((role, "has the boundary", str(its)))
            continue
        allowed, denied = (_pairs(its, effect) for effect in ("Allow", "Deny"))
        found += [
            (grant.logical_role, grant.action, resource)
            for grant in grants
            if grant.role == role
            for resource in grant.resources
            if not any(grant.action == action and fnmatchcase(resource, limit) for action, limit in allowed)
            or any(fnmatchcase(grant.action, action) and fnmatchcase(resource, limit) for action, limit in denied)
        ]
    return found


def _boundary_of(role: str) -> str | None:
    found = client("iam").get_role(RoleName=role)["Role"].get("PermissionsBoundary", {})
    return found.get("PermissionsBoundaryArn")


def _pairs(policy: str, effect: str) -> list[tuple[str, str]]:
    version = client("iam").get_policy(PolicyArn=policy)["Policy"]["DefaultVersionId"]
    document = client("iam").get_policy_version(PolicyArn=policy, VersionId=version)["PolicyVersion"]["Document"]
    stated = [each for each in document["Statement"] if each["Effect"] == effect]
    return [pair for each in stated for pair in itertools.product(_listed(each["Action"]), _listed(each["Resource"]))]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _name(arn: str) -> str:
    return arn.rpartition("/")[2]
