"""House rules for templates, beyond what cfn-lint knows. A rule yields a complaint for each thing that breaks it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pipeline.cloudformation.templates import load_template

Template = dict[str, Any]
Rule = Callable[[Template], Iterator[str]]
RULES: list[Rule] = []

LONGEST_RETENTION_S = 14 * 24 * 3600

# Actions that AWS grants on every resource or not at all, with the reason.
UNSCOPED_ACTIONS = {
    f"logs:{action}": "log delivery has no resource of its own to be granted on"
    for action in (
        "CreateLogDelivery", "GetLogDelivery", "UpdateLogDelivery", "DeleteLogDelivery", "ListLogDeliveries",
        "PutResourcePolicy", "DescribeResourcePolicies", "DescribeLogGroups", "DescribeIndexPolicies",
    )
} | {
    "xray:PutTraceSegments": "traces have no resource",
    "xray:PutTelemetryRecords": "traces have no resource",
    "xray:GetSamplingRules": "sampling rules are the account's",
    "xray:GetSamplingTargets": "sampling rules are the account's",
    "kms:ListAliases": "aliases are listed for the account",
    "dynamodb:ListStreams": "streams are listed for the account",
    "lambda:ListEventSourceMappings": "mappings are listed for the account",
    "ec2:DescribeSecurityGroups": "networks are described for the account",
    "ec2:DescribeSubnets": "networks are described for the account",
    "ec2:DescribeVpcs": "networks are described for the account",
    "ec2:CreateNetworkInterface": "an interface has no name before it is made",
    "ec2:DeleteNetworkInterface": "an interface has no name that is known before",
    "ec2:DescribeNetworkInterfaces": "interfaces are listed for the account",
    "lambda:CreateEventSourceMapping": "it has no name before it is made; lambda:FunctionArn limits it",
    "lambda:UpdateEventSourceMapping": "it has no name that is known before; lambda:FunctionArn limits it",
    "lambda:DeleteEventSourceMapping": "it has no name that is known before; lambda:FunctionArn limits it",
    "lambda:GetEventSourceMapping": "it has no name that is known before",
    "sns:GetSubscriptionAttributes": "a subscription is no resource to IAM",
    "sns:SetSubscriptionAttributes": "a subscription is no resource to IAM",
    "sns:Unsubscribe": "a subscription is no resource to IAM",
    "codedeploy:StopDeployment": "a deployment is no resource to IAM",
    "lambda:ListTags": "an event source mapping has no name that is known before",
    "glue:CreateCrawler": "a crawler is no resource to IAM before it is made",
    "states:ValidateStateMachineDefinition": "a definition is not yet a machine",
} | {
    f"lakeformation:{action}": "Lake Formation has no resources; whom it lets grant what, it decides itself"
    for action in (
        "DeregisterResource", "DescribeResource", "GetDataLakeSettings", "GrantPermissions", "ListPermissions",
        "RegisterResource", "RevokePermissions", "UpdateResource",
    )
}  # fmt: skip


def rule(check: Rule) -> Rule:
    RULES.append(check)
    return check


def complaints(path: Path) -> list[str]:
    template = load_template(path)
    found = [f"{path.name}: {check.__name__}: {each}" for check in RULES for each in check(template)]
    if "arn:aws:" in path.read_text():
        found.append(f"{path.name}: no_literal_partition: write arn:${{AWS::Partition}}:")
    return found


def resources(template: Template, *types: str) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    for logical_id, resource in template["Resources"].items():
        if resource["Type"] in types:
            yield logical_id, resource, resource.get("Properties", {})


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(value: Any) -> Iterator[dict[str, Any]]:
    """Every policy statement below a value."""
    if isinstance(value, list):
        for item in value:
            yield from statements(item)
    elif isinstance(value, dict):
        if value.get("Effect") in ("Allow", "Deny"):
            yield value
        for item in value.values():
            yield from statements(item)


def names(value: Any, logical_id: str) -> bool:
    """Whether a value refers to a resource."""
    if isinstance(value, dict):
        return any(
            (key == "Ref" and item == logical_id)
            or (key == "Fn::GetAtt" and listed(item)[0] == logical_id)
            or (key == "Fn::Sub" and f"${{{logical_id}" in str(item))
            or names(item, logical_id)
            for key, item in value.items()
        )
    return isinstance(value, list) and any(names(item, logical_id) for item in value)


@rule
def no_wildcard_actions(template: Template) -> Iterator[str]:
    for logical_id, resource in template["Resources"].items():
        for statement in statements(resource):
            in_key_policy = resource["Type"] == "AWS::KMS::Key" and "AWS" in statement.get("Principal", {})
            for action in listed(statement.get("Action", [])):
                if statement["Effect"] == "Allow" and action.endswith(("*:*", ":*")) and not in_key_policy:
                    yield f"{logical_id} allows {action}"
                if statement["Effect"] == "Allow" and action == "*":
                    yield f"{logical_id} allows *"


@rule
def resource_wildcards_have_a_reason(template: Template) -> Iterator[str]:
    for logical_id, resource in template["Resources"].items():
        # In a key's policy the resource is the key itself.
        if resource["Type"] == "AWS::KMS::Key":
            continue
        for statement in statements(resource):
            if statement["Effect"] == "Allow" and "*" in listed(statement.get("Resource", [])):
                for action in set(listed(statement["Action"])) - UNSCOPED_ACTIONS.keys():
                    yield f"{logical_id} allows {action} on every resource"


@rule
def roles_are_passed_to_named_services(template: Template) -> Iterator[str]:
    for logical_id, resource in template["Resources"].items():
        for statement in statements(resource):
            if "iam:PassRole" in listed(statement.get("Action", [])) and "iam:PassedToService" not in str(statement):
                yield f"{logical_id} passes roles to any service"


@rule
def services_are_admitted_for_one_source(template: Template) -> Iterator[str]:
    for logical_id, _, given in resources(template, "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy"):
        for statement in statements(given):
            if statement["Effect"] == "Allow" and "Service" in statement.get("Principal", {}):
                for key in ("aws:SourceArn", "aws:SourceAccount"):
                    if key not in str(statement.get("Condition")):
                        yield f"{logical_id} admits a service without {key}"
    for logical_id, _, given in resources(template, "AWS::Lambda::Permission"):
        if "SourceArn" not in given:
            yield f"{logical_id} lacks SourceArn"
        # Not every service says for which account it calls; an ARN that names the account says it as well.
        if "SourceAccount" not in given and "${AWS::AccountId}" not in str(given.get("SourceArn")):
            yield f"{logical_id} lacks SourceAccount"


@rule
def queues_have_a_dead_letter_queue_that_keeps_longer(template: Template) -> Iterator[str]:
    queues = {logical_id: given for logical_id, _, given in resources(template, "AWS::SQS::Queue")}
    dead = {queue for queue in queues if any(names(kept, queue) for kept in _kept_failures(template))}
    for logical_id, given in queues.items():
        target = given.get("RedrivePolicy", {}).get("deadLetterTargetArn")
        for other in queues:
            if names(target, other):
                dead.add(other)
                if queues[other].get("MessageRetentionPeriod", 0) <= given.get("MessageRetentionPeriod", 345600):
                    yield f"{other} keeps no longer than {logical_id}"
    for logical_id in queues.keys() - dead:
        if "RedrivePolicy" not in queues[logical_id]:
            yield f"{logical_id} has no dead-letter queue"
    for logical_id in dead:
        if queues[logical_id].get("MessageRetentionPeriod") != LONGEST_RETENTION_S:
            yield f"{logical_id} does not keep for 14 days"


def _kept_failures(template: Template) -> Iterator[Any]:
    """Where functions leave the events that they could not handle."""
    for _, _, given in resources(template, "AWS::Serverless::Function"):
        yield given.get("EventInvokeConfig", {}).get("DestinationConfig", {}).get("OnFailure")
        for event in given.get("Events", {}).values():
            yield event.get("Properties", {}).get("DestinationConfig", {}).get("OnFailure")


@rule
def functions_that_rules_invoke_keep_what_they_cannot_handle(template: Template) -> Iterator[str]:
    for logical_id, _, given in resources(template, "AWS::Serverless::Function"):
        invoked = any(
            event["Type"] in ("EventBridgeRule", "CloudWatchEvent") for event in given.get("Events", {}).values()
        )
        if invoked and "OnFailure" not in given.get("EventInvokeConfig", {}).get("DestinationConfig", {}):
            yield f"{logical_id} loses the events that it cannot handle"


@rule
def queues_have_an_alarm(template: Template) -> Iterator[str]:
    alarms = [given for _, _, given in resources(template, "AWS::CloudWatch::Alarm")]
    for logical_id, _, given in resources(template, "AWS::SQS::Queue"):
        metric = "ApproximateAgeOfOldestMessage" if "RedrivePolicy" in given else "ApproximateNumberOfMessagesVisible"
        own = [a for a in alarms if names(a.get("Dimensions"), logical_id) and a.get("MetricName") == metric]
        if not own:
            yield f"{logical_id} has no alarm on {metric}"
        if any(not alarm.get("AlarmActions") for alarm in own):
            yield f"the alarm of {logical_id} tells nobody"


@rule
def only_tls_is_served(template: Template) -> Iterator[str]:
    policies = [
        given
        for _, _, given in resources(
            template, "AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy"
        )
    ]
    for logical_id, _, _ in resources(template, "AWS::S3::Bucket", "AWS::SQS::Queue", "AWS::SNS::Topic"):
        covering = [
            statement
            for policy in policies
            for statement in statements(policy)
            if statement["Effect"] == "Deny"
            and names(statement.get("Resource"), logical_id)
            and statement.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport") in ("false", False)
        ]
        if not covering:
            yield f"{logical_id} also serves without TLS"


@rule
def functions_have_their_own_role_and_log_group(template: Template) -> Iterator[str]:
    groups = {logical_id: given for logical_id, _, given in resources(template, "AWS::Logs::LogGroup")}
    taken: list[str] = []
    for logical_id, _, given in resources(template, "AWS::Serverless::Function", "AWS::Lambda::Function"):
        group = given.get("LoggingConfig", {}).get("LogGroup", {}).get("Ref")
        if group not in groups:
            yield f"{logical_id} has no log group of its own"
        role = str(given.get("Role", f"made by SAM for {logical_id}"))
        for each in (str(group), role):
            if each in taken:
                yield f"{logical_id} shares {each}"
            taken.append(each)


@rule
def logs_are_kept_for_a_time_and_encrypted(template: Template) -> Iterator[str]:
    for logical_id, _, given in resources(template, "AWS::Logs::LogGroup"):
        for key in ("RetentionInDays", "KmsKeyId"):
            if key not in given:
                yield f"{logical_id} lacks {key}"


@rule
def executions_log_no_data(template: Template) -> Iterator[str]:
    for logical_id, _, given in resources(template, "AWS::Serverless::StateMachine"):
        logging = given.get("Logging", {})
        if logging.get("IncludeExecutionData") is not False or not logging.get("Destinations"):
            yield f"{logical_id} logs its data, or nothing"


@rule
def buckets_are_closed_versioned_and_kept(template: Template) -> Iterator[str]:
    for logical_id, resource, given in resources(template, "AWS::S3::Bucket"):
        blocks = given.get("PublicAccessBlockConfiguration", {})
        if [blocks.get(f"{each}") for each in ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls",
                                                "RestrictPublicBuckets")] != [True] * 4:  # fmt: skip
            yield f"{logical_id} does not block public access"
        if given.get("VersioningConfiguration") != {"Status": "Enabled"}:
            yield f"{logical_id} is not versioned"
        if given.get("OwnershipControls") != {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}:
            yield f"{logical_id} has ACLs"
        if "aws:kms" not in str(given.get("BucketEncryption")):
            yield f"{logical_id} is not encrypted with a key of ours"
        for needed in ("AbortIncompleteMultipartUpload", "NoncurrentVersionExpiration"):
            if needed not in str(given.get("LifecycleConfiguration")):
                yield f"{logical_id} lacks {needed}"
        yield from _kept(logical_id, resource)


@rule
def tables_are_encrypted_recoverable_and_kept(template: Template) -> Iterator[str]:
    for logical_id, resource, given in resources(template, "AWS::DynamoDB::Table"):
        if given.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled") is not True:
            yield f"{logical_id} has no point-in-time recovery"
        if "KMSMasterKeyId" not in given.get("SSESpecification", {}):
            yield f"{logical_id} is not encrypted with a key of ours"
        yield from _kept(logical_id, resource)


@rule
def keys_rotate_and_are_kept(template: Template) -> Iterator[str]:
    for logical_id, resource, given in resources(template, "AWS::KMS::Key"):
        if given.get("EnableKeyRotation") is not True:
            yield f"{logical_id} does not rotate"
        yield from _kept(logical_id, resource)


@rule
def messages_are_encrypted(template: Template) -> Iterator[str]:
    for logical_id, _, given in resources(template, "AWS::SQS::Queue", "AWS::SNS::Topic"):
        if "KmsMasterKeyId" not in given:
            yield f"{logical_id} is not encrypted with a key of ours"


@rule
def event_sources_report_partial_failures_and_are_bounded(template: Template) -> Iterator[str]:
    for logical_id, _, given in resources(template, "AWS::Serverless::Function"):
        for name, event in given.get("Events", {}).items():
            if event["Type"] == "SQS":
                properties = event["Properties"]
                if properties.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
                    yield f"{logical_id}.{name} does not report partial failures"
                if "MaximumConcurrency" not in properties.get("ScalingConfig", {}):
                    yield f"{logical_id}.{name} is not bounded"


@rule
def streams_are_halved_tried_for_a_while_and_leave_what_failed(template: Template) -> Iterator[str]:
    needed = ("BisectBatchOnFunctionError", "MaximumRetryAttempts", "DestinationConfig", "FunctionResponseTypes")
    for logical_id, _, given in resources(template, "AWS::Serverless::Function"):
        for name, event in given.get("Events", {}).items():
            if event["Type"] == "DynamoDB":
                yield from (f"{logical_id}.{name} lacks {each}" for each in needed if each not in event["Properties"])


@rule
def databases_are_private_encrypted_recoverable_and_kept(template: Template) -> Iterator[str]:
    needed = {
        "PubliclyAccessible": False,
        "StorageEncrypted": True,
        "DeletionProtection": True,
        "ManageMasterUserPassword": True,
    }
    for logical_id, resource, given in resources(template, "AWS::RDS::DBInstance"):
        for name, value in needed.items():
            if given.get(name) is not value:
                yield f"{logical_id} lacks {name}: {value}"
        for name in ("KmsKeyId", "BackupRetentionPeriod", "DBSubnetGroupName", "DBParameterGroupName"):
            if name not in given:
                yield f"{logical_id} lacks {name}"
        yield from _kept(logical_id, resource)


@rule
def databases_are_reached_by_tls_and_iam(template: Template) -> Iterator[str]:
    for logical_id, _, given in resources(template, "AWS::RDS::DBParameterGroup"):
        if given.get("Parameters", {}).get("rds.force_ssl") != "1":
            yield f"{logical_id} lets connections without TLS in"
    for logical_id, _, given in resources(template, "AWS::RDS::DBProxy"):
        if given.get("RequireTLS") is not True:
            yield f"{logical_id} lets connections without TLS in"
        by_password = [each for each in given.get("Auth", ()) if each.get("IAMAuth") != "REQUIRED"]
        if by_password or given.get("DefaultAuthScheme") != "IAM_AUTH":
            yield f"{logical_id} lets users in without IAM"


@rule
def secrets_are_generated_encrypted_and_kept(template: Template) -> Iterator[str]:
    for logical_id, resource, given in resources(template, "AWS::SecretsManager::Secret"):
        for name in ("KmsKeyId", "GenerateSecretString"):
            if name not in given:
                yield f"{logical_id} lacks {name}"
        yield from _kept(logical_id, resource)


@rule
def nobody_is_let_in_by_address(template: Template) -> Iterator[str]:
    for logical_id, _, given in resources(template, "AWS::EC2::SecurityGroup"):
        if [each for each in given.get("SecurityGroupIngress", ()) if "SourceSecurityGroupId" not in each]:
            yield f"{logical_id} lets addresses in"
    for logical_id, _, given in resources(template, "AWS::EC2::Subnet"):
        if given.get("MapPublicIpOnLaunch") is not False:
            yield f"{logical_id} gives public addresses"


@rule
def subscriptions_keep_what_they_cannot_deliver(template: Template) -> Iterator[str]:
    """SNS has no dead-letter queue for mail, which a person confirms and reads."""
    for logical_id, _, given in resources(template, "AWS::SNS::Subscription"):
        if given.get("Protocol") != "email" and "RedrivePolicy" not in given:
            yield f"{logical_id} loses what it cannot deliver"


@rule
def no_secret_is_in_plain_sight(template: Template) -> Iterator[str]:
    words = ("PASSWORD", "SECRET", "TOKEN", "PRIVATE_KEY", "API_KEY")
    for logical_id, _, given in resources(template, "AWS::Serverless::Function"):
        for name in given.get("Environment", {}).get("Variables", {}):
            if any(word in name.upper() for word in words):
                yield f"{logical_id} has {name} in its environment"
    for section in ("Parameters", "Outputs"):
        for name in template.get(section, {}):
            if any(word.replace("_", "") in name.upper() for word in words):
                yield f"{section}.{name} looks like a secret"


@rule
def jobs_install_hashed_wheels_alone(template: Template) -> Iterator[str]:
    """A package by its name comes from an index, at each start of a run, and nobody looks at its hash."""
    for logical_id, _, given in resources(template, "AWS::Glue::Job"):
        arguments = {**given.get("DefaultArguments", {}), **given.get("NonOverridableArguments", {})}
        modules = arguments.get("--additional-python-modules")
        if modules is None:
            continue
        if isinstance(modules, dict) and "Fn::If" in modules:
            # Only where there are any.
            modules = modules["Fn::If"][1]
        if not str(modules.get("Ref") if isinstance(modules, dict) else modules).endswith("WheelsUri"):
            yield f"{logical_id} installs {modules}, which no zip of wheels of ours is"
        if arguments.get("--python-modules-installer-option") != "--no-index":
            yield f"{logical_id} may install from an index"


def _kept(logical_id: str, resource: dict[str, Any]) -> Iterator[str]:
    """Plain `Retain` would keep what a failed deployment made, empty, and its name with it."""
    for policy, needed in (("DeletionPolicy", "RetainExceptOnCreate"), ("UpdateReplacePolicy", "Retain")):
        if resource.get(policy) != needed:
            yield f"{logical_id} lacks {policy}: {needed}"


@rule
def a_failed_deployment_leaves_no_name_taken(template: Template) -> Iterator[str]:
    for logical_id, resource in template["Resources"].items():
        if resource.get("DeletionPolicy") == "Retain":
            yield f"{logical_id} stays when the deployment that makes it fails"
