"""What an update leaves out becomes what it is on a resource that never had it, type by type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from pipeline.emulator.awslambda.patches import functions as lambdas
from pipeline.emulator.cloudformation import StackResult

Clients = Callable[[str], Any]
Deploy = Callable[..., StackResult]

FULL = """
Resources:
  Dead: {Type: AWS::SQS::Queue}
  Inbox: {Type: AWS::SQS::Queue, Properties: {QueueName: whole-inbox%(Inbox)s}}
  Store: {Type: AWS::S3::Bucket, Properties: {BucketName: whole-store%(Store)s}}
  News: {Type: AWS::SNS::Topic, Properties: {TopicName: whole-news%(News)s}}
  Key: {Type: AWS::KMS::Key, Properties: {KeyUsage: ENCRYPT_DECRYPT%(Key)s}}
  Log: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: /whole%(Log)s}}
  Often:
    Type: AWS::Events::Rule
    Properties: {Name: whole-often, ScheduleExpression: rate(1 day)%(Often)s}
  Role:
    Type: AWS::IAM::Role
    Properties:
      RoleName: whole-role
      Path: /a/
      AssumeRolePolicyDocument:
        Version: 2012-10-17
        Statement: [{Effect: Allow, Action: sts:AssumeRole, Principal: {Service: lambda.amazonaws.com}}]%(Role)s
  Rows:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: whole-rows
      AttributeDefinitions: [{AttributeName: a, AttributeType: S}]
      KeySchema: [{AttributeName: a, KeyType: HASH}]%(Rows)s
"""
MORE = {
    "Inbox": ", DelaySeconds: 3, Tags: [{Key: a, Value: b}], "
    "RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 2}",
    "Store": ", VersioningConfiguration: {Status: Enabled}, Tags: [{Key: a, Value: b}], "
    "PublicAccessBlockConfiguration: {BlockPublicAcls: true}, "
    "LifecycleConfiguration: {Rules: [{Id: a, Status: Enabled, ExpirationInDays: 3}]}, "
    "NotificationConfiguration: {QueueConfigurations: [{Event: 's3:ObjectCreated:*', Queue: !GetAtt Dead.Arn}]}",
    "News": ", DisplayName: News, Tags: [{Key: a, Value: b}]",
    "Key": ", Description: ours, EnableKeyRotation: true, Tags: [{Key: a, Value: b}]",
    "Log": ", RetentionInDays: 30, Tags: [{Key: a, Value: b}]",
    "Often": ", Description: often, State: DISABLED, Targets: [{Id: a, Arn: !GetAtt Dead.Arn}]",
    "Role": "\n      Description: ours\n      MaxSessionDuration: 7200\n      Tags: [{Key: a, Value: b}]"
    "\n      Policies: [{PolicyName: a, PolicyDocument: "
    "{Version: 2012-10-17, Statement: [{Effect: Allow, Action: 's3:*', Resource: '*'}]}}]",
    "Rows": "\n      StreamSpecification: {StreamViewType: NEW_IMAGE}\n      DeletionProtectionEnabled: true"
    "\n      Tags: [{Key: a, Value: b}]\n      TimeToLiveSpecification: {AttributeName: t, Enabled: true}",
}


def described(clients: Clients, made: dict[str, str]) -> dict[str, Any]:
    """What the services say of each resource, without what differs each time."""
    s3, kms, events, iam, dynamodb = (clients(name) for name in ("s3", "kms", "events", "iam", "dynamodb"))
    queue = clients("sqs").get_queue_attributes(QueueUrl=made["Inbox"], AttributeNames=["All"])["Attributes"]
    rows = dynamodb.describe_table(TableName="whole-rows")["Table"]
    log = clients("logs").describe_log_groups(logGroupNamePrefix="/whole")["logGroups"][0]
    return {
        "Inbox": {name: value for name, value in queue.items() if "Timestamp" not in name},
        "Inbox tags": clients("sqs").list_queue_tags(QueueUrl=made["Inbox"]).get("Tags", {}),
        # S3 has no way back to a bucket that was never versioned.
        "Store versions": s3.get_bucket_versioning(Bucket="whole-store").get("Status", "Suspended"),
        "Store notifications": s3.get_bucket_notification_configuration(Bucket="whole-store").get(
            "QueueConfigurations"
        ),
        "Store": [
            answered(s3, name, Bucket="whole-store")
            for name in ("get_bucket_tagging", "get_public_access_block", "get_bucket_lifecycle_configuration")
        ],
        "News": clients("sns").get_topic_attributes(TopicArn=made["News"])["Attributes"].get("DisplayName", ""),
        "News tags": clients("sns").list_tags_for_resource(ResourceArn=made["News"])["Tags"],
        "Key": kms.describe_key(KeyId=made["Key"])["KeyMetadata"]["Description"],
        "Key rotation": kms.get_key_rotation_status(KeyId=made["Key"])["KeyRotationEnabled"],
        "Key tags": kms.list_resource_tags(KeyId=made["Key"])["Tags"],
        "Log": log.get("retentionInDays"),
        "Log tags": clients("logs").list_tags_log_group(logGroupName="/whole")["tags"],
        "Often": [events.describe_rule(Name="whole-often").get(name) for name in ("Description", "State")],
        "Often targets": events.list_targets_by_rule(Rule="whole-often")["Targets"],
        "Role": [
            iam.get_role(RoleName="whole-role")["Role"].get(name, "")
            for name in ("Description", "MaxSessionDuration", "Tags")
        ],
        "Role policies": iam.list_role_policies(RoleName="whole-role")["PolicyNames"],
        "Rows": [rows.get("StreamSpecification"), rows["DeletionProtectionEnabled"]],
        "Rows tags": dynamodb.list_tags_of_resource(ResourceArn=rows["TableArn"])["Tags"],
        "Rows expiry": dynamodb.describe_time_to_live(TableName="whole-rows")["TimeToLiveDescription"][
            "TimeToLiveStatus"
        ],
    }


def answered(client: Any, operation: str, **parameters: str) -> Any:
    """The answer without its metadata, or the code of the refusal."""
    try:
        answer = getattr(client, operation)(**parameters)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def test_what_an_update_leaves_out_is_as_if_it_had_never_been_given(deploy: Deploy, clients: Clients) -> None:
    plain = FULL % dict.fromkeys(MORE, "")
    made = dict(deploy(plain, stack="whole").resources)
    before = described(clients, made)
    assert set(deploy(FULL % MORE, stack="whole").changed) == set(MORE)
    full = described(clients, made)
    assert [name for name in before if full[name] == before[name]] == []
    assert set(deploy(plain, stack="whole").changed) == set(MORE)
    assert described(clients, made) == before


ACTING = """
Resources:
  Role: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {Version: 2012-10-17, Statement: []}}}
  Inbox: {Type: AWS::SQS::Queue, Properties: {QueueName: acting-inbox}}
  Layer: {Type: AWS::Lambda::LayerVersion, Properties: {LayerName: acting, Content: {S3Bucket: acting, S3Key: zip}}}
  Topic: {Type: AWS::SNS::Topic}
  Log: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: /aws/vendedlogs/acting}}
  Work:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: acting
      Role: !GetAtt Role.Arn
      Handler: a.b
      Runtime: python3.12
      Code: {S3Bucket: acting, S3Key: zip}%(Work)s
  Mapping:
    Type: AWS::Lambda::EventSourceMapping
    Properties: {FunctionName: !Ref Work, EventSourceArn: !GetAtt Inbox.Arn%(Mapping)s}
  Invoking:
    Type: AWS::Lambda::EventInvokeConfig
    Properties: {FunctionName: !Ref Work, Qualifier: $LATEST, MaximumEventAgeInSeconds: 60%(Invoking)s}
  Machine:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      StateMachineName: acting
      RoleArn: !GetAtt Role.Arn
      DefinitionString: '{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}'%(Machine)s
  Often:
    Type: AWS::Scheduler::Schedule
    Properties:
      Name: acting
      ScheduleExpression: rate(1 day)
      FlexibleTimeWindow: {Mode: "OFF"}
      Target: {Arn: !GetAtt Inbox.Arn, RoleArn: !GetAtt Role.Arn}%(Often)s
  Database:
    Type: AWS::Glue::Database
    Properties: {CatalogId: !Ref AWS::AccountId, DatabaseInput: {Name: acting%(Database)s}}
  Value: {Type: AWS::SSM::Parameter, Properties: {Name: /acting, Type: String, Value: a%(Value)s}}
  Subscription:
    Type: AWS::SNS::Subscription
    Properties: {TopicArn: !Ref Topic, Protocol: sqs, Endpoint: !GetAtt Inbox.Arn%(Subscription)s}
"""
MORE_ACTING = {
    "Work": """
      Description: ours
      Layers: [!Ref Layer]
      MemorySize: 256
      Timeout: 30
      ReservedConcurrentExecutions: 2
      Environment: {Variables: {A: b}}
      DeadLetterConfig: {TargetArn: !GetAtt Inbox.Arn}
      Tags: [{Key: a, Value: b}]""",
    "Mapping": ", BatchSize: 5, Enabled: false, MaximumBatchingWindowInSeconds: 3, ScalingConfig: "
    "{MaximumConcurrency: 2}, FunctionResponseTypes: [ReportBatchItemFailures], FilterCriteria: "
    '{Filters: [{Pattern: \'{"body": ["a"]}\'}]}',
    "Invoking": ", MaximumRetryAttempts: 1, DestinationConfig: {OnFailure: {Destination: !GetAtt Inbox.Arn}}",
    "Machine": "\n      LoggingConfiguration: {Level: ERROR, Destinations: "
    "[{CloudWatchLogsLogGroup: {LogGroupArn: !GetAtt Log.Arn}}]}\n      TracingConfiguration: {Enabled: true}"
    "\n      Tags: [{Key: a, Value: b}]",
    "Often": "\n      Description: ours\n      State: DISABLED",
    "Database": ", Description: ours, Parameters: {a: b}",
    "Value": ", Description: ours, Tags: {a: b}",
    "Subscription": ", RawMessageDelivery: true, FilterPolicy: {a: [b]}",
}
_VOLATILE = (
    "ResponseMetadata",
    "LastModified",
    "LastModificationDate",
    "CreateTime",
    "RevisionId",
    "revisionId",
    "updateDate",
)


def acting(clients: Clients, made: dict[str, str]) -> dict[str, Any]:
    functions, name = clients("lambda"), "acting"
    parameters = clients("ssm").describe_parameters(Filters=[{"Key": "Name", "Values": ["/acting"]}])["Parameters"]
    found = {
        "Work": functions.get_function_configuration(FunctionName=name),
        "Mapping": functions.get_event_source_mapping(UUID=made["Mapping"]),
        "Invoking": functions.get_function_event_invoke_config(FunctionName=name),
        "Machine": clients("stepfunctions").describe_state_machine(stateMachineArn=made["Machine"]),
        "Often": clients("scheduler").get_schedule(Name=name),
        "Database": clients("glue").get_database(Name=name)["Database"],
        "Value": {"Description": parameters[0].get("Description")},
        "Subscription": clients("sns").get_subscription_attributes(SubscriptionArn=made["Subscription"]),
    }
    found = {which: {k: v for k, v in each.items() if k not in _VOLATILE} for which, each in found.items()}
    found["Work tags"] = functions.list_tags(Resource=found["Work"]["FunctionArn"])["Tags"]
    found["Work concurrency"] = functions.get_function_concurrency(FunctionName=name).get(
        "ReservedConcurrentExecutions"
    )
    found["Machine tags"] = clients("stepfunctions").list_tags_for_resource(resourceArn=made["Machine"])["tags"]
    tags = clients("ssm").list_tags_for_resource(ResourceType="Parameter", ResourceId="/acting")
    found["Value tags"] = tags["TagList"]
    return {which: _without_nothing(each) for which, each in found.items()}


def _without_nothing(value: Any) -> Any:
    """An answer without what is empty or a default: a value that was taken back may be said to be that."""
    if isinstance(value, dict):
        cleaned = {name: _without_nothing(item) for name, item in value.items()}
        return {
            name: item for name, item in cleaned.items() if item not in (None, "", {}, [], "{}", 0, "MessageAttributes")
        }
    return value


def _nothing_runs(*_: Any) -> Any:
    raise AssertionError("no function is invoked here")


def test_what_acts_forgets_what_an_update_leaves_out(
    deploy: Deploy, clients: Clients, zip_of_a_function: bytes
) -> None:
    # With what the running lake puts right of moto's functions; they are not run here.
    lambdas.run_by(_nothing_runs, _nothing_runs)
    location = {"LocationConstraint": "eu-west-1"}
    clients("s3").create_bucket(Bucket="acting", CreateBucketConfiguration=location)
    clients("s3").put_object(Bucket="acting", Key="zip", Body=zip_of_a_function)
    plain = ACTING % dict.fromkeys(MORE_ACTING, "")
    made = dict(deploy(plain, stack="acting").resources)
    before = acting(clients, made)
    assert set(deploy(ACTING % MORE_ACTING, stack="acting").changed) == set(MORE_ACTING)
    full = acting(clients, made)
    assert [name for name in before if full[name] == before[name]] == []
    assert set(deploy(plain, stack="acting").changed) == set(MORE_ACTING)
    assert acting(clients, made) == before
