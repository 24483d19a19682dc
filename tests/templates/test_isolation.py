"""No policy of an environment, of any lake, reaches what another one of the same account is named."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from pipeline.cloudformation.templates import load_template
from tests.examples import examples
from tests.templates.policies import HERE, TEMPLATES, options_of, policies_of
from tests.templates.rendering import GIVEN, rendered

# Names in whose place those of an example are put: rendering takes seconds.
LAKE, ENV = "qqlakeqq", "qqenvqq"
# By type: the property that names it, and its ARN. Without one CloudFormation's name begins with the stack's.
NAMED = {
    "AWS::CloudWatch::Alarm": ("AlarmName", f"arn:aws:cloudwatch:{HERE}:alarm:{{}}"),
    "AWS::CloudWatch::Dashboard": ("DashboardName", "arn:aws:cloudwatch::111122223333:dashboard/{}"),
    "AWS::CodeDeploy::Application": ("ApplicationName", f"arn:aws:codedeploy:{HERE}:application:{{}}"),
    "AWS::CodeDeploy::DeploymentGroup": ("DeploymentGroupName", f"arn:aws:codedeploy:{HERE}:deploymentgroup:{{}}"),
    "AWS::DynamoDB::Table": ("TableName", f"arn:aws:dynamodb:{HERE}:table/{{}}"),
    "AWS::Events::Rule": ("Name", f"arn:aws:events:{HERE}:rule/{{}}"),
    "AWS::Glue::Job": ("Name", f"arn:aws:glue:{HERE}:job/{{}}"),
    "AWS::IAM::ManagedPolicy": ("ManagedPolicyName", "arn:aws:iam::111122223333:policy/delivery/{}"),
    "AWS::IAM::Role": ("RoleName", "arn:aws:iam::111122223333:role/{}"),
    "AWS::KMS::Alias": ("AliasName", f"arn:aws:kms:{HERE}:{{}}"),
    "AWS::Lambda::Function": ("FunctionName", f"arn:aws:lambda:{HERE}:function:{{}}"),
    "AWS::Lambda::LayerVersion": ("LayerName", f"arn:aws:lambda:{HERE}:layer:{{}}:1"),
    "AWS::Logs::LogGroup": ("LogGroupName", f"arn:aws:logs:{HERE}:log-group:{{}}:log-stream:one"),
    "AWS::S3::Bucket": ("BucketName", "arn:aws:s3:::{}"),
    "AWS::SNS::Topic": ("TopicName", f"arn:aws:sns:{HERE}:{{}}"),
    "AWS::SQS::Queue": ("QueueName", f"arn:aws:sqs:{HERE}:{{}}"),
    "AWS::SSM::Parameter": ("Name", f"arn:aws:ssm:{HERE}:parameter{{}}"),
    "AWS::Scheduler::Schedule": ("Name", f"arn:aws:scheduler:{HERE}:schedule/default/{{}}"),
    "AWS::StepFunctions::StateMachine": ("StateMachineName", f"arn:aws:states:{HERE}:stateMachine:{{}}"),
}
# What `sluice` names.
BESIDE = (
    f"arn:aws:cloudformation:{HERE}:stack/{LAKE}-{ENV}-storage/1",
    f"arn:aws:glue:{HERE}:database/{LAKE}_{ENV}_weather",
    f"arn:aws:glue:{HERE}:table/{LAKE}_{ENV}_weather/stations",
    f"arn:aws:s3:::{LAKE}-{ENV}-raw-111122223333-eu-west-1/weather/stations/one.csv",
    f"arn:aws:ssm:{HERE}:parameter/sluice/{ENV}",
    f"arn:aws:ssm:{HERE}:parameter/sluice/{ENV}/settings/glue-workers",
    f"arn:aws:states:{HERE}:execution:{LAKE}-{ENV}-stage-a:one",
)
# What is of the account, and of every environment of it.
OF_ALL = {
    f"arn:aws:glue:{HERE}:catalog",
    f"arn:aws:codedeploy:{HERE}:deploymentconfig:CodeDeployDefault.*",
    f"arn:aws:lambda:{HERE}:event-source-mapping:*",
    # A feed reads a table of anybody's: the boundary lets it, and its own role names the one.
    f"arn:aws:dynamodb:{HERE}:table/*",
    f"arn:aws:kms:{HERE}:key/*",
    # API Gateway writes the logs of all of an account's APIs as one role.
    f"arn:aws:logs:{HERE}:log-group:*",
    # A source of forecasts reads a bucket and hears a topic of another account's: test_forecast_rights.py.
    "arn:aws:s3:::*",
    "arn:aws:sns:*:*:*",
    "arn:aws:cloudformation:eu-west-1:aws:transform/Serverless-2016-10-31",
}
BOOTSTRAP = next(path for path in TEMPLATES if path.stem == "bootstrap")


def allowed(name: str) -> re.Pattern[str]:
    return re.compile(load_template(BOOTSTRAP)["Parameters"][name]["AllowedPattern"])


def of_an_environment() -> Iterator[tuple[Path, dict[str, str]]]:
    for path in TEMPLATES:
        declared = load_template(path).get("Parameters", {})
        for options in options_of(path) if "Env" in declared else ():
            named = {
                name: value.replace("sluice-dev", f"{LAKE}-{ENV}").replace("sluice_dev", f"{LAKE}_{ENV}")
                for name, value in {**GIVEN, **options}.items()
                if name.startswith("Readable") and name in declared
            }
            given = {name: value for name, value in (("Lake", LAKE), ("Env", ENV)) if name in declared}
            yield path, options | named | given


@cache
def patterns() -> frozenset[str]:
    """Every resource that a statement allows, or a condition admits."""
    found: set[str] = set()
    for path, options in of_an_environment():
        for policy in policies_of(path, options):
            for each in policy.statements:
                found.update(each.get("Resource", ()) if each["Effect"] == "Allow" else ())
                found.update(arns(each.get("Condition", {})))
    return frozenset(each for each in found - OF_ALL if each != "*")


def arns(value: Any) -> Iterator[str]:
    if isinstance(value, str) and value.startswith("arn:"):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from arns(inner)


@cache
def names() -> frozenset[str]:
    found = set(BESIDE)
    for path, options in of_an_environment():
        for logical_id, resource in rendered(path, given=options).items():
            if resource["Type"] in NAMED:
                key, form = NAMED[resource["Type"]]
                name = resource["Properties"].get(key, f"{LAKE}-{ENV}-{path.stem}-{logical_id}-1A2B3C")
                found.add(form.format(name))
    return frozenset(found)


def reached(one: tuple[str, str], other: tuple[str, str]) -> list[str]:
    """What of the second lake and environment a policy of the first one matches."""
    whole = re.compile("|".join(map(fnmatch.translate, of(patterns(), one))))
    return sorted(name for name in of(names(), other) if whole.match(name))


def of(texts: frozenset[str], lake: tuple[str, str]) -> list[str]:
    return [each.replace(LAKE, lake[0]).replace(ENV, lake[1]) for each in texts]


@st.composite
def neighbours(draw: st.DrawFn) -> tuple[tuple[str, str], tuple[str, str]]:
    """Two whose names have as much in common as the parameters let them."""
    letters = st.text("ab1", min_size=1, max_size=4)
    lake, env, more = "a" + draw(letters), "b" + draw(letters), draw(letters)
    lakes = (lake, lake + more, lake + env, f"{lake}-{env}")
    other = draw(st.sampled_from(lakes)), draw(st.sampled_from((env + more, f"b{more}", f"{env}s")))
    return (lake, env), other


@settings(max_examples=examples(60))
@given(neighbours())
@example((("sluice", "dev"), ("sluice", "dev2")))
@example((("sluice", "dev"), ("sluice-dev", "test")))
def test_an_environment_reaches_nothing_of_another(pair: tuple[tuple[str, str], tuple[str, str]]) -> None:
    one, other = pair
    assume(all(allowed("Lake").fullmatch(lake) and allowed("Env").fullmatch(env) for lake, env in pair))
    # Parameter Store's names are of the environment alone: two lakes of an account have no environment in common.
    assume(one[1] != other[1])
    assert reached(one, other) == []
    assert reached(other, one) == []


def test_an_environment_reaches_what_is_its_own() -> None:
    """Else the test above would compare names that no policy speaks of."""
    found = reached(("sluice", "dev"), ("sluice", "dev"))
    assert len(found) > 60
    kinds = {name.split(":")[2] for name in found}
    assert {"s3", "sqs", "sns", "dynamodb", "lambda", "states", "glue", "ssm", "iam", "logs", "scheduler"} <= kinds


def test_the_lakes_key_encrypts_all_of_its_log_groups() -> None:
    [key] = [policy for policy in policies_of(BOOTSTRAP, {"Env": ENV, "Lake": LAKE}) if policy.logical_id == "LakeKey"]
    whole = re.compile("|".join(map(fnmatch.translate, arns([each.get("Condition", {}) for each in key.statements]))))
    groups = [name.removesuffix(":log-stream:one") for name in names() if ":log-group:" in name]
    assert len(groups) > 10
    assert [each for each in groups if not whole.match(each)] == []


def test_no_environment_has_the_name_of_the_pipeline() -> None:
    assert not allowed("Env").fullmatch("pipeline")
    assert allowed("Env").fullmatch("pipelines")
