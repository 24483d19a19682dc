"""What an account that nobody has used yet gives, and what the pipeline needs to renew itself there."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import pytest

from pipeline.cloudformation.templates import load_template
from tests.templates.policies import TEMPLATES, options_of
from tests.templates.rendering import rendered
from tests.templates.test_stack_role import PHASES, listed, schema

PIPELINE = next(path for path in TEMPLATES if path.stem == "pipeline")
# Lambda lets a new account have functions of this size, and 10 calls at once, none of which it may reserve: 100 have
# to stay unreserved (Lambda quotas).
MOST_MEMORY_MB = 3008
# CloudFormation's quotas.
MOST_RESOURCES, MOST_PARAMETERS, MOST_OUTPUTS = 500, 200, 200
# What a push may change of the pipeline's own stack; the rest an administrator does.
RENEWED = ("AWS::CodePipeline::Pipeline", "AWS::Events::Rule", "AWS::IAM::Role")
NEEDED_BY_PROPERTIES_NOBODY_SETS = {
    "DisableInboundStageTransitions": ["codepipeline:DisableStageTransition", "codepipeline:EnableStageTransition"],
    "RestartExecutionOnUpdate": ["codepipeline:StartPipelineExecution"],
    "ManagedPolicyArns": ["iam:AttachRolePolicy", "iam:DetachRolePolicy"],
}
NOBODYS = {"iam:DeleteRolePermissionsBoundary": "a role of the pipeline is never without its boundary"}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_a_stack_is_within_the_quotas_of_cloudformation(path: Path) -> None:
    template = load_template(path)
    assert len(template.get("Parameters", {})) <= MOST_PARAMETERS
    assert len(template.get("Outputs", {})) <= MOST_OUTPUTS
    for options in options_of(path):
        assert len(rendered(path, given=options)) <= MOST_RESOURCES


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_functions_are_no_larger_than_a_new_account_may_have_and_reserve_nothing(path: Path) -> None:
    for logical_id, each in rendered(path).items():
        if each["Type"] == "AWS::Lambda::Function":
            assert each["Properties"].get("MemorySize", 128) <= MOST_MEMORY_MB, logical_id
            assert "ReservedConcurrentExecutions" not in each["Properties"], logical_id


def test_the_pipeline_may_renew_what_it_is_made_of() -> None:
    used, role = defaultdict(set), None
    for options in options_of(PIPELINE):
        made = rendered(PIPELINE, given={"Source": "GitHub", **options})
        role = role or made["UpdateRole"]
        for each in made.values():
            used[each["Type"]].update(each.get("Properties", {}))
    assert role
    [policy] = role["Properties"]["Policies"]
    given = {action for each in policy["PolicyDocument"]["Statement"] for action in listed(each["Action"])}
    unset = NEEDED_BY_PROPERTIES_NOBODY_SETS
    for kind in RENEWED:
        handlers = schema(kind)["handlers"]
        needed = {action for phase in PHASES for action in handlers.get(phase, {}).get("permissions", ())}
        excused = {action for name, actions in unset.items() if name not in used[kind] for action in actions}
        assert needed - given - excused - NOBODYS.keys() == set(), kind
    assert not {name for names in used.values() for name in names} & unset.keys(), json.dumps(sorted(unset))
