"""House rules on who may do what: policies, trust, secrets, builds. Importing this module registers them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tests.templates.rules import Template, listed, names, resources, rule, statements

# What the rules look at. Another type, or an event of another kind, is refused until there are rules for it.
KNOWN_TYPES = frozenset(
    (
        "AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard",
        "AWS::CodeBuild::Project", "AWS::CodeConnections::Connection",
        "AWS::CodePipeline::Pipeline", "AWS::DynamoDB::Table",
        "AWS::EC2::RouteTable", "AWS::EC2::SecurityGroup", "AWS::EC2::SecurityGroupEgress", "AWS::EC2::Subnet",
        "AWS::EC2::SubnetRouteTableAssociation", "AWS::EC2::VPC", "AWS::EC2::VPCEndpoint", "AWS::Events::Rule",
        "AWS::ApiGateway::Account",
        "AWS::ApiGateway::ApiKey", "AWS::ApiGateway::Deployment", "AWS::ApiGateway::RestApi", "AWS::ApiGateway::Stage",
        "AWS::ApiGateway::UsagePlan", "AWS::ApiGateway::UsagePlanKey",
        "AWS::Glue::Crawler", "AWS::Glue::Job",
        "AWS::IAM::ManagedPolicy", "AWS::IAM::Policy", "AWS::IAM::Role", "AWS::KMS::Alias", "AWS::KMS::Key",
        "AWS::LakeFormation::PrincipalPermissions", "AWS::LakeFormation::Resource",
        "AWS::Lambda::Permission", "AWS::Logs::LogGroup", "AWS::RDS::DBInstance", "AWS::RDS::DBParameterGroup",
        "AWS::RDS::DBProxy", "AWS::RDS::DBProxyTargetGroup", "AWS::RDS::DBSubnetGroup", "AWS::SecretsManager::Secret",
        "AWS::S3::Bucket", "AWS::S3::BucketPolicy", "AWS::SNS::Subscription",
        "AWS::SNS::Topic", "AWS::SNS::TopicPolicy", "AWS::SQS::Queue", "AWS::SQS::QueuePolicy", "AWS::SSM::Parameter",
        "AWS::Scheduler::Schedule", "AWS::Serverless::Function", "AWS::Serverless::LayerVersion",
        "AWS::Serverless::StateMachine",
    )
)  # fmt: skip
KNOWN_EVENTS = ("SQS", "EventBridgeRule", "DynamoDB")

# The form that CloudWatch Logs documents for the key of a log group.
KEY_USE = frozenset(
    f"kms:{action}" for action in ("Encrypt*", "Decrypt*", "ReEncrypt*", "GenerateDataKey*", "Describe*")
)

LONGEST_SESSION_S = 3600
# They assume a role that somebody of the account passed them, without telling for which account.
TELLS_NO_ACCOUNT = (
    "cloudformation.amazonaws.com",
    "lakeformation.amazonaws.com",
    "lambda.amazonaws.com",
    # It tries the role of an account's logs when that is set, and with integrations' roles it tells.
    ("apigateway.amazonaws.com", "ApiLogsRole"),
)
# The actions for which IAM knows iam:PermissionsBoundary; with others the condition never holds. Taking a boundary
# away, and writing managed policies or users, is nobody's.
BOUNDED = ("CreateRole", "PutRolePolicy", "DeleteRolePolicy", "PutRolePermissionsBoundary", "AttachRolePolicy")
NOBODYS = re.compile(
    r"iam:(\*|DeleteRolePermissionsBoundary|\w*User\w*|\w*Group\w*|(Create|Delete|Set)Policy\w*|\w*LoginProfile|\w*AccessKey)"
)
EVERYTHING_OF = {
    "AWS::S3::BucketPolicy": "s3:*",
    "AWS::SQS::QueuePolicy": "sqs:*",
    "AWS::SNS::TopicPolicy": "sns:Publish",
}
ATTACHED_BY = {"AWS::S3::BucketPolicy": "Bucket", "AWS::SQS::QueuePolicy": "Queues", "AWS::SNS::TopicPolicy": "Topics"}
MOST_ACTIONS_OF_SQS = 7
"""A statement of a queue's policy (SQS, policy quotas)."""
RUNS_AS = (
    "AWS::Serverless::Function", "AWS::Serverless::StateMachine", "AWS::Glue::Job", "AWS::Scheduler::Schedule",
)  # fmt: skip
SECRETS = re.compile(r"\b(AKIA|ASIA)[A-Z0-9]{16}\b|-----BEGIN [A-Z ]*PRIVATE KEY")
SECRET_WORDS = re.compile("password|secret|token|private.?key|api.?key", re.IGNORECASE)
ACCOUNT = re.compile(r"(?<![\w-])\d{12}(?![\w-])")


def allowing(value: Any) -> Iterator[dict[str, Any]]:
    return (statement for statement in statements(value) if statement["Effect"] == "Allow")


def text(value: Any) -> str:
    """A value as it is written: the argument of Fn::Sub, or itself."""
    if isinstance(value, dict) and "Fn::Sub" in value:
        return str(listed(value["Fn::Sub"])[0])
    return value if isinstance(value, str) else ""


@rule
def types_and_events_are_known_to_the_rules(template: Template) -> Iterator[str]:
    for logical_id, resource in template["Resources"].items():
        if resource["Type"] not in KNOWN_TYPES:
            yield f"{logical_id}: there are no rules for {resource['Type']}"
        for name, event in resource.get("Properties", {}).get("Events", {}).items():
            if event["Type"] not in KNOWN_EVENTS:
                yield f"{logical_id}.{name}: there are no rules for the event {event['Type']}"


@rule
def policies_say_what_they_allow(template: Template) -> Iterator[str]:
    """Not what they leave out, and not by patterns of actions."""
    for logical_id, resource in template["Resources"].items():
        for statement in allowing(resource):
            yield from (f"{logical_id} allows by {key}" for key in statement if key.startswith("Not"))
            for action in listed(statement.get("Action", [])):
                is_key_use = resource["Type"] == "AWS::KMS::Key" and action in KEY_USE | {"kms:*"}
                if "*" in action and not is_key_use:
                    yield f"{logical_id} allows the pattern {action}"


@rule
def resources_are_named(template: Template) -> Iterator[str]:
    """An ARN that ends in nothing but a wildcard is every resource of its service; of others' their policies decide."""
    for logical_id, resource in template["Resources"].items():
        for statement in allowing(resource):
            for arn in map(text, listed(statement.get("Resource", []))):
                is_others = "aws:ResourceAccount" in str(statement.get("Condition", {}).get("StringNotEquals"))
                if arn.startswith("arn:") and not arn.split(":", 5)[-1].strip(":*/") and not is_others:
                    yield f"{logical_id} allows {arn}"


@rule
def nobody_unnamed_is_admitted(template: Template) -> Iterator[str]:
    for logical_id, resource in template["Resources"].items():
        for statement in allowing(resource):
            principal = statement.get("Principal", {})
            if principal == "*" or (isinstance(principal, dict) and "*" in listed(principal.get("AWS", []))):
                yield f"{logical_id} admits everybody"


@rule
def roles_are_written_out(template: Template) -> Iterator[str]:
    """SAM's own roles carry managed policies, which allow logs and queues of every name."""
    for logical_id, _, given in resources(template, "AWS::Serverless::Function", "AWS::Serverless::StateMachine"):
        if "Role" not in given:
            yield f"{logical_id} gets its role from SAM"
    for logical_id, _, given in resources(template, "AWS::IAM::Role"):
        if "ManagedPolicyArns" in given:
            yield f"{logical_id} has policies that are not written here"


@rule
def what_runs_shares_no_role(template: Template) -> Iterator[str]:
    """Builds do: all of them may read sources and write logs, and nothing else."""
    taken: dict[str, str] = {}
    for logical_id, _, given in resources(template, *RUNS_AS):
        role = str(given.get("Role") or given.get("Target", {}).get("RoleArn"))
        first = taken.setdefault(role, logical_id)
        if first != logical_id:
            yield f"{logical_id} has the role of {first}"


@rule
def services_assume_roles_for_this_account(template: Template) -> Iterator[str]:
    for logical_id, _, given in resources(template, "AWS::IAM::Role"):
        for statement in allowing(given.get("AssumeRolePolicyDocument")):
            service = statement["Principal"].get("Service")
            tells = service not in TELLS_NO_ACCOUNT and (service, logical_id) not in TELLS_NO_ACCOUNT
            if service and tells and "aws:SourceAccount" not in str(statement):
                yield f"{service} assumes {logical_id} for any account"


@rule
def other_accounts_assume_roles_with_an_external_id_and_for_an_hour(template: Template) -> Iterator[str]:
    for logical_id, _, given in resources(template, "AWS::IAM::Role"):
        for statement in allowing(given.get("AssumeRolePolicyDocument")):
            # Whom of this account, its own IAM says.
            account = statement["Principal"].get("AWS")
            if account is None or text(account).endswith("::${AWS::AccountId}:root"):
                continue
            if "sts:ExternalId" not in str(statement.get("Condition")):
                yield f"{logical_id} is assumed without an external id"
            if int(given.get("MaxSessionDuration", LONGEST_SESSION_S)) > LONGEST_SESSION_S:
                yield f"{logical_id} is assumed for more than an hour"


@rule
def whoever_writes_roles_is_bounded(template: Template) -> Iterator[str]:
    for logical_id, resource in template["Resources"].items():
        for statement in allowing(resource):
            actions = listed(statement.get("Action", []))
            yield from (f"{logical_id} may {action}" for action in actions if NOBODYS.fullmatch(action))
            bounded = [action for action in actions if action.removeprefix("iam:") in BOUNDED]
            if bounded and "iam:PermissionsBoundary" not in str(statement.get("Condition")):
                yield f"{logical_id} may {', '.join(bounded)} without a boundary"


@rule
def nothing_is_allowed_by_tags(template: Template) -> Iterator[str]:
    """A resource that is being made has none yet, and what they allow they allow only minutes after they are set."""
    for logical_id, resource in template["Resources"].items():
        for statement in statements(resource):
            if "Tag/" in str(statement.get("Condition")):
                yield f"{logical_id} decides by tags"


@rule
def what_is_named_without_its_stack_is_given_a_name(template: Template) -> Iterator[str]:
    """Roles know what they may touch by the lake's prefix; for these CloudFormation makes names that lack it."""
    for logical_id, _, given in resources(template, "AWS::Serverless::StateMachine", "AWS::Scheduler::Schedule"):
        if not text(given.get("Name", "")).startswith("${Lake}-${Env}-"):
            yield f"{logical_id} has no name of the lake"


@rule
def roles_of_the_lake_have_the_boundary(template: Template) -> Iterator[str]:
    """CloudFormation could not make them otherwise. An administrator's, which deliver, are written by nobody else."""
    for logical_id, _, given in resources(template, "AWS::IAM::Role"):
        if "PermissionsBoundary" not in given and not str(given.get("Path")).startswith("/delivery/"):
            yield f"{logical_id} has no boundary"


@rule
def tls_is_asked_of_everybody_and_for_everything(template: Template) -> Iterator[str]:
    for kind, action in EVERYTHING_OF.items():
        for logical_id, _, given in resources(template, kind):
            for statement in statements(given):
                if "aws:SecureTransport" not in str(statement):
                    continue
                if statement.get("Principal") != "*" or statement.get("Action") != action:
                    yield f"{logical_id} asks TLS of some, or for something"
                if kind == "AWS::S3::BucketPolicy" and "/*" not in str(statement["Resource"]):
                    yield f"{logical_id} asks no TLS for objects"


@rule
def policies_are_attached_to_what_they_speak_of(template: Template) -> Iterator[str]:
    for kind, attached in ATTACHED_BY.items():
        for logical_id, _, given in resources(template, kind):
            spoken_of = [s.get("Resource") for s in statements(given)]
            for other in template["Resources"]:
                if names(spoken_of, other) and not names(given.get(attached), other):
                    yield f"{logical_id} speaks of {other} and is not attached to it"


@rule
def a_queues_policy_speaks_of_that_queue_alone(template: Template) -> Iterator[str]:
    """SQS refuses others (its developer guide: "each policy must cover only a single queue"), and long statements."""
    for logical_id, _, given in resources(template, "AWS::SQS::QueuePolicy"):
        if len(given.get("Queues", [])) != 1:
            yield f"{logical_id} is attached to several queues"
        for statement in statements(given):
            if len(listed(statement.get("Resource"))) != 1:
                yield f"{logical_id} has a statement of several queues"
            if len(listed(statement.get("Action"))) > MOST_ACTIONS_OF_SQS:
                yield f"{logical_id} has a statement of more actions than SQS takes"


@rule
def artefacts_and_builds_are_encrypted_and_unprivileged(template: Template) -> Iterator[str]:
    for logical_id, _, given in resources(template, "AWS::CodePipeline::Pipeline"):
        if given.get("ArtifactStore", {}).get("EncryptionKey", {}).get("Type") != "KMS":
            yield f"{logical_id} keeps artefacts without a key of ours"
    for logical_id, _, given in resources(template, "AWS::CodeBuild::Project"):
        if "EncryptionKey" not in given:
            yield f"{logical_id} builds without a key of ours"
        if given.get("Environment", {}).get("PrivilegedMode"):
            yield f"{logical_id} builds as root of its host"


_OF_STAGE_B = {f"/sluice/${{Env}}/glue/{kind}" for kind in ("output", "error")}


@rule
def jobs_and_builds_log_to_groups_of_ours(template: Template) -> Iterator[str]:
    """A job's groups are named by a prefix, and it appends the rest; its own choice is kept for ever, without a key."""
    groups = [text(given.get("LogGroupName")) for _, _, given in resources(template, "AWS::Logs::LogGroup")]
    for logical_id, _, given in resources(template, "AWS::Glue::Job"):
        prefix = text(given.get("DefaultArguments", {}).get("--custom-logGroup-prefix"))
        # The job of a dataset logs to those that Stage B makes once a lake.
        there = set(groups) | (_OF_STAGE_B if template.get("Metadata", {}).get("SluiceOnce") == "dataset" else set())
        if not prefix or not {f"{prefix}/output", f"{prefix}/error"} <= there:
            yield f"{logical_id} logs to groups that are not made here"
    for logical_id, _, given in resources(template, "AWS::CodeBuild::Project"):
        group = given.get("LogsConfig", {}).get("CloudWatchLogs", {}).get("GroupName")
        if not any(names(group, each) for each, _, _ in resources(template, "AWS::Logs::LogGroup")):
            yield f"{logical_id} logs to a group that is not made here"


@rule
def jobs_and_builds_are_given_no_secret(template: Template) -> Iterator[str]:
    for logical_id, _, given in resources(template, "AWS::Glue::Job", "AWS::CodeBuild::Project"):
        variables = [each["Name"] for each in given.get("Environment", {}).get("EnvironmentVariables", [])]
        for name in [*variables, *given.get("DefaultArguments", {})]:
            if SECRET_WORDS.search(name):
                yield f"{logical_id} is given {name}"


@rule
def no_credential_or_account_is_written_down(template: Template) -> Iterator[str]:
    for logical_id, resource in template["Resources"].items():
        for found in (*SECRETS.finditer(str(resource)), *ACCOUNT.finditer(str(resource))):
            yield f"{logical_id} holds {found[0][:12]}"
