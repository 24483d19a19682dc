"""What a flow's stacks publish, so that people find its parts: rules for templates, beside those in `rules`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from pipeline.deploy.packaging.package import LAKE, ONCE, ONCE_A
from tests.templates.rules import Template, names, resources, rule

KINDS = {
    "AWS::Serverless::Function": "functions",
    "AWS::Serverless::StateMachine": "machines",
    "AWS::Glue::Job": "jobs",
    "AWS::SQS::Queue": "queues",
}
_PUBLISHED = re.compile(r"/sluice/\$\{Env\}/(functions|machines|jobs|queues|dead-letters)/([a-z0-9-]+)")
_MAY_SAY = {"machines": {"arn", "on_failure"}, "dead-letters": {"url", "function", "queue"}}


def published(template: Template) -> Iterator[tuple[str, str, Any]]:
    """Kind, name and value of what a template publishes (see pipeline/operate/flows.py)."""
    for _, _, given in resources(template, "AWS::SSM::Parameter"):
        name = given["Name"].get("Fn::Sub", "") if isinstance(given["Name"], dict) else given["Name"]
        if found := _PUBLISHED.fullmatch(name):
            yield found[1], found[2], given["Value"]


@rule
def it_is_known_how_often_a_template_is_deployed(template: Template) -> Iterator[str]:
    said = template.get("Metadata", {}).get(ONCE, LAKE)
    if said not in ONCE_A:
        yield f"{ONCE} is {said}, and nobody deploys that: one of {', '.join(sorted(ONCE_A))}"


@rule
def parts_of_a_flow_are_published(template: Template) -> Iterator[str]:
    if template.get("Metadata", {}).get(ONCE, LAKE) in ONCE_A - {LAKE}:
        return
    made = list(published(template))
    dead = _dead_letter_queues(template)
    for logical_id, resource, _ in resources(template, *KINDS):
        kind = "dead-letters" if logical_id in dead else KINDS[resource["Type"]]
        if not any(kind == each and _is_of(value, logical_id) for each, _, value in made):
            yield f"{logical_id} is not published: add the parameter /sluice/${{Env}}/{kind}/<name>"


@rule
def a_function_is_published_by_the_name_of_its_logs(template: Template) -> Iterator[str]:
    groups = {logical_id: given for logical_id, _, given in resources(template, "AWS::Logs::LogGroup")}
    for logical_id, _, given in resources(template, "AWS::Serverless::Function"):
        group = groups.get(given.get("LoggingConfig", {}).get("LogGroup", {}).get("Ref"), {}).get("LogGroupName", {})
        for kind, name, value in published(template):
            if (
                kind == "functions"
                and _is_of(value, logical_id)
                and group != {"Fn::Sub": f"/sluice/${{Env}}/lambda/{name}"}
            ):
                yield f"{logical_id} is published as {name}, and logs to {group}"


@rule
def what_is_published_can_be_read(template: Template) -> Iterator[str]:
    for kind, name, value in published(template):
        if kind in _MAY_SAY:
            facts = json.loads(value["Fn::Sub"])
            needed = "arn" if kind == "machines" else "url"
            if needed not in facts or not facts.keys() <= _MAY_SAY[kind]:
                yield f"{kind}/{name} says {sorted(facts)}"
            if kind == "dead-letters" and "function" not in facts:
                yield f"{kind}/{name} does not say which function could not handle its messages"


def _is_of(value: Any, logical_id: str) -> bool:
    """Whether a value refers to a resource, or to the alias that SAM makes of it."""
    return names(value, logical_id) or names(value, f"{logical_id}.Alias")


def _dead_letter_queues(template: Template) -> set[str]:
    """Queues to which others hand what was received too often, and those of failed invocations."""
    queues = [(logical_id, given) for logical_id, _, given in resources(template, "AWS::SQS::Queue")]
    targets: list[Any] = [given.get("RedrivePolicy", {}).get("deadLetterTargetArn") for _, given in queues]
    for _, _, given in resources(template, "AWS::Serverless::Function"):
        targets.append(given.get("EventInvokeConfig", {}).get("DestinationConfig", {}).get("OnFailure"))
    return {logical_id for logical_id, _ in queues if any(names(target, logical_id) for target in targets)}
