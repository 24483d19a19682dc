"""Stacks on the embedded AWS: what is declared is there, what did not change is left, what changed is updated."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.errors import BadDefinition
from pipeline.emulator.cloudformation import Deployer, StackResult

Clients = Callable[[str], Any]
Deploy = Callable[..., StackResult]

STORE = """
Parameters: {Days: {Type: Number, Default: 7}}
Resources:
  Key:
    Type: AWS::KMS::Key
    Properties: {EnableKeyRotation: true, KeyPolicy: {Version: 2012-10-17, Statement: []}}
  Alias: {Type: AWS::KMS::Alias, Properties: {AliasName: alias/store, TargetKeyId: !Ref Key}}
  Inbox: {Type: AWS::SQS::Queue}
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: a-store
      VersioningConfiguration: {Status: Enabled}
      OwnershipControls: {Rules: [{ObjectOwnership: BucketOwnerEnforced}]}
      PublicAccessBlockConfiguration:
        {BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true}
      BucketEncryption:
        ServerSideEncryptionConfiguration:
          - {ServerSideEncryptionByDefault: {SSEAlgorithm: aws:kms, KMSMasterKeyID: !GetAtt Key.Arn}}
      LifecycleConfiguration:
        Rules:
          - {Id: Old, Status: Enabled, NoncurrentVersionExpiration: {NoncurrentDays: !Ref Days}}
          - {Id: Parts, Status: Enabled, AbortIncompleteMultipartUpload: {DaysAfterInitiation: 3}}
      NotificationConfiguration:
        QueueConfigurations:
          - Event: s3:ObjectCreated:*
            Queue: !GetAtt Inbox.Arn
            Filter: {S3Key: {Rules: [{Name: suffix, Value: .csv}]}}
  Policy:
    Type: AWS::S3::BucketPolicy
    Properties:
      Bucket: !Ref Bucket
      PolicyDocument:
        Version: 2012-10-17
        Statement:
          - {Effect: Deny, Principal: "*", Action: s3:*, Resource: !Sub "${Bucket.Arn}/*",
             Condition: {Bool: {aws:SecureTransport: "false"}}}
Outputs:
  BucketArn: {Value: !GetAtt Bucket.Arn, Export: {Name: store-arn}}
"""


def test_a_bucket_is_as_declared(deploy: Deploy, clients: Clients) -> None:
    result = deploy(STORE, Days=9)
    s3 = clients("s3")
    assert result.outputs == {"BucketArn": "arn:aws:s3:::a-store"}
    assert s3.get_bucket_versioning(Bucket="a-store")["Status"] == "Enabled"
    ownership = s3.get_bucket_ownership_controls(Bucket="a-store")["OwnershipControls"]["Rules"]
    assert ownership == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    blocks = s3.get_public_access_block(Bucket="a-store")["PublicAccessBlockConfiguration"]
    assert set(blocks.values()) == {True}
    encryption = s3.get_bucket_encryption(Bucket="a-store")["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert encryption["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    rules = {rule["ID"]: rule for rule in s3.get_bucket_lifecycle_configuration(Bucket="a-store")["Rules"]}
    assert rules["Old"]["NoncurrentVersionExpiration"]["NoncurrentDays"] == 9
    assert rules["Parts"]["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] == 3
    queues = s3.get_bucket_notification_configuration(Bucket="a-store")["QueueConfigurations"]
    assert queues[0]["Events"] == ["s3:ObjectCreated:*"]
    assert queues[0]["Filter"]["Key"]["FilterRules"] == [{"Name": "suffix", "Value": ".csv"}]
    statement = json.loads(s3.get_bucket_policy(Bucket="a-store")["Policy"])["Statement"][0]
    assert statement["Resource"] == "arn:aws:s3:::a-store/*"
    # The policy is recorded; without TLS, which the embedded AWS does not have, it would lock everybody out.
    s3.put_object(Bucket="a-store", Key="a", Body=b"a")


def test_what_has_no_effect_is_told_with_the_reason(deploy: Deploy) -> None:
    accepted = deploy(
        """
        Resources:
          Inbox: {Type: AWS::SQS::Queue, Properties: {KmsMasterKeyId: alias/x, DelaySeconds: 1}}
          Alarm: {Type: AWS::CloudWatch::Alarm, Properties: {AlarmName: deep, Threshold: 1}}
        """
    ).accepted_without_effect
    assert set(accepted) == {"AWS::SQS::Queue KmsMasterKeyId", "AWS::CloudWatch::Alarm"}
    assert accepted["AWS::CloudWatch::Alarm"] == "alarms and dashboards are not made"


def test_queues_topics_and_tables_are_as_declared(deploy: Deploy, clients: Clients) -> None:
    result = deploy(
        """
        Resources:
          Inbox:
            Type: AWS::SQS::Queue
            Properties:
              VisibilityTimeout: 360
              MessageRetentionPeriod: "345600"
              RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 5}
          Dead: {Type: AWS::SQS::Queue, Properties: {MessageRetentionPeriod: 1209600}}
          News: {Type: AWS::SNS::Topic, Properties: {TopicName: news}}
          Subscription:
            Type: AWS::SNS::Subscription
            Properties:
              {TopicArn: !Ref News, Protocol: sqs, Endpoint: !GetAtt Inbox.Arn, RawMessageDelivery: true}
          Rows:
            Type: AWS::DynamoDB::Table
            Properties:
              BillingMode: PAY_PER_REQUEST
              DeletionProtectionEnabled: true
              AttributeDefinitions: [{AttributeName: pk, AttributeType: S}, {AttributeName: by, AttributeType: S}]
              KeySchema: [{AttributeName: pk, KeyType: HASH}]
              GlobalSecondaryIndexes:
                - IndexName: open
                  KeySchema: [{AttributeName: by, KeyType: HASH}]
                  Projection: {ProjectionType: INCLUDE, NonKeyAttributes: [size]}
              StreamSpecification: {StreamViewType: NEW_AND_OLD_IMAGES}
              PointInTimeRecoverySpecification: {PointInTimeRecoveryEnabled: true}
              SSESpecification: {SSEEnabled: true, SSEType: KMS, KMSMasterKeyId: alias/x}
        Outputs: {Stream: {Value: !GetAtt Rows.StreamArn}}
        """
    )
    made = result.resources
    attributes = clients("sqs").get_queue_attributes(QueueUrl=made["Inbox"], AttributeNames=["All"])["Attributes"]
    assert attributes["VisibilityTimeout"] == "360"
    assert attributes["MessageRetentionPeriod"] == "345600"
    assert json.loads(attributes["RedrivePolicy"])["maxReceiveCount"] == 5
    subscription = clients("sns").get_subscription_attributes(SubscriptionArn=made["Subscription"])["Attributes"]
    assert subscription["RawMessageDelivery"] == "true"
    table = clients("dynamodb").describe_table(TableName=made["Rows"])["Table"]
    assert table["GlobalSecondaryIndexes"][0]["Projection"]["NonKeyAttributes"] == ["size"]
    assert table["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert table["DeletionProtectionEnabled"] is True
    assert table["LatestStreamArn"] == result.outputs["Stream"]
    backups = clients("dynamodb").describe_continuous_backups(TableName=made["Rows"])
    recovery = backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert recovery["PointInTimeRecoveryStatus"] == "ENABLED"


@pytest.fixture(scope="module")
def code(clients: Clients, zip_of_a_function: bytes) -> str:
    """A bucket with a function's zip and a state machine's definition."""
    location = {"LocationConstraint": "eu-west-1"}
    clients("s3").create_bucket(Bucket="the-code", CreateBucketConfiguration=location)
    clients("s3").put_object(Bucket="the-code", Key="zip", Body=zip_of_a_function)
    machine = {"StartAt": "Work", "States": {"Work": {"Type": "Task", "Resource": "${Work}", "End": True}}}
    clients("s3").put_object(Bucket="the-code", Key="machine", Body=json.dumps(machine))
    return "s3://the-code"


WORK = """
Transform: AWS::Serverless-2016-10-31
Parameters: {Size: {Type: Number, Default: 256}}
Resources:
  Inbox: {Type: AWS::SQS::Queue}
  Layer: {Type: AWS::Serverless::LayerVersion, Properties: {LayerName: deps, ContentUri: s3://the-code/zip}}
  Work:
    Type: AWS::Serverless::Function
    Properties:
      Handler: a.b
      Runtime: python3.12
      CodeUri: s3://the-code/zip
      Layers: [!Ref Layer]
      MemorySize: !Ref Size
      Timeout: 30
      ReservedConcurrentExecutions: 3
      Environment: {Variables: {INBOX: !Ref Inbox}}
      LoggingConfig: {LogGroup: !Ref Log}
      Events:
        Inbox:
          Type: SQS
          Properties:
            Queue: !GetAtt Inbox.Arn
            BatchSize: 20
            MaximumBatchingWindowInSeconds: 2
            FunctionResponseTypes: [ReportBatchItemFailures]
            ScalingConfig: {MaximumConcurrency: 4}
  Log: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: /work, RetentionInDays: 30}}
  Machine:
    Type: AWS::Serverless::StateMachine
    Properties:
      Name: the-machine
      DefinitionUri: s3://the-code/machine
      DefinitionSubstitutions: {Work: !GetAtt Work.Arn}
  Often:
    Type: AWS::Scheduler::Schedule
    Properties:
      ScheduleExpression: rate(5 minutes)
      FlexibleTimeWindow: {Mode: "OFF"}
      Target: {Arn: !GetAtt Work.Arn, RoleArn: !GetAtt WorkRole.Arn, Input: '{"a": 1}'}
  Failed:
    Type: AWS::Events::Rule
    Properties:
      EventPattern: {source: [aws.states], detail: {status: [FAILED]}}
      Targets: [{Id: inbox, Arn: !GetAtt Inbox.Arn, DeadLetterConfig: {Arn: !GetAtt Inbox.Arn}}]
  Tables: {Type: AWS::Glue::Database, Properties: {CatalogId: !Ref AWS::AccountId, DatabaseInput: {Name: tables}}}
  Job:
    Type: AWS::Glue::Job
    Properties:
      Name: job
      Role: !Ref WorkRole
      GlueVersion: "5.0"
      Command: {Name: glueetl, ScriptLocation: s3://the-code/script.py, PythonVersion: "3"}
      DefaultArguments: {--a: b}
      ExecutionProperty: {MaxConcurrentRuns: "5"}
"""


def test_what_acts_is_as_declared(deploy: Deploy, clients: Clients, code: str) -> None:
    made = deploy(WORK, stack="work").resources
    function = clients("lambda").get_function_configuration(FunctionName=made["Work"])
    assert (function["MemorySize"], function["Timeout"]) == (256, 30)
    assert function["Environment"]["Variables"] == {"INBOX": made["Inbox"]}
    assert function["Layers"][0]["Arn"].endswith(":layer:deps:1")
    assert clients("lambda").get_function_concurrency(FunctionName=made["Work"])["ReservedConcurrentExecutions"] == 3
    source = clients("lambda").list_event_source_mappings(FunctionName=made["Work"])["EventSourceMappings"][0]
    assert (source["BatchSize"], source["MaximumBatchingWindowInSeconds"]) == (20, 2)
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["ScalingConfig"] == {"MaximumConcurrency": 4}
    machine = clients("stepfunctions").describe_state_machine(stateMachineArn=made["Machine"])
    assert json.loads(machine["definition"])["States"]["Work"]["Resource"] == function["FunctionArn"]
    schedule = clients("scheduler").get_schedule(Name=made["Often"])
    assert schedule["Target"]["Input"] == '{"a": 1}'
    targets = clients("events").list_targets_by_rule(Rule=made["Failed"])["Targets"]
    assert targets[0]["DeadLetterConfig"]["Arn"].endswith(made["Inbox"].rpartition("/")[2])
    assert clients("glue").get_database(Name="tables")["Database"]["Name"] == "tables"
    job = clients("glue").get_job(JobName="job")["Job"]
    assert (job["DefaultArguments"], job["ExecutionProperty"]["MaxConcurrentRuns"]) == ({"--a": "b"}, 5)
    # The same test, so that the functions that other tests find are not doubled.
    changed = deploy(WORK.replace("rate(5 minutes)", "rate(1 minute)"), stack="work", Size=512).changed
    assert set(changed) == {"Work", "Often"}
    assert clients("lambda").get_function_configuration(FunctionName=made["Work"])["MemorySize"] == 512
    assert clients("scheduler").get_schedule(Name=made["Often"])["ScheduleExpression"] == "rate(1 minute)"


def test_a_state_machine_that_lacks_a_substitution_is_refused(deploy: Deploy, code: str) -> None:
    with pytest.raises(BadDefinition, match=r"Machine\.Properties\.DefinitionSubstitutions: .* also needs Work"):
        deploy(
            """
            Resources:
              Machine:
                Type: AWS::StepFunctions::StateMachine
                Properties:
                  RoleArn: arn:aws:iam::123456789012:role/x
                  DefinitionS3Location: {Bucket: the-code, Key: machine}
            """
        )


def test_records_outlive_the_deployer(deploy: Deploy, clients: Clients, tmp_path: Path) -> None:
    deploy("Resources: {Inbox: {Type: AWS::SQS::Queue}}", stack="outlived")
    other = Deployer(clients, "123456789012", "eu-west-1")
    record = other.records.get("outlived")
    assert record is not None
    assert (record.status, list(record.resources)) == ("COMPLETE", ["Inbox"])
    assert other.deploy("outlived", tmp_path / "template.yaml").changed == ()
