"""Deleting a stack: the last made first, what is retained stays, and what AWS does not let go stops it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.cloudformation.changes import ResourceAction
from pipeline.core.errors import Refused
from pipeline.emulator.cloudformation import Deployer, StackResult
from pipeline.emulator.cloudformation.resource_types import REGISTRY

Clients = Callable[[str], Any]
Deploy = Callable[..., StackResult]

STORE = "Store: {Type: AWS::S3::Bucket, DependsOn: Inbox, Properties: {BucketName: %s}}"
INBOX = "Inbox: {Type: AWS::SQS::Queue}"


def test_a_stack_is_deleted_in_reverse_and_can_be_made_again(deploy: Deploy, deployer: Deployer) -> None:
    template = f"Resources: {{{STORE % 'deleted-store'}, {INBOX}}}"
    deploy(template, stack="deleted")
    deletion = deployer.delete("deleted")
    assert (deletion.deleted, deletion.kept) == (("Store", "Inbox"), {})
    assert deployer.records.get("deleted") is None
    assert deploy(template, stack="deleted").changed == ("Inbox", "Store")


def test_what_is_retained_stays_and_a_new_stack_of_that_name_does_not_collide_with_it(
    deploy: Deploy, deployer: Deployer, clients: Clients
) -> None:
    template = "Resources: {Inbox: {Type: AWS::SQS::Queue, DeletionPolicy: Retain}, Other: {Type: AWS::SQS::Queue}}"
    url = deploy(template, stack="retaining").resources["Inbox"]
    deletion = deployer.delete("retaining")
    assert (deletion.deleted, deletion.kept) == (("Other",), {"Inbox": url})
    assert clients("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    assert "retaining" not in [record.name for record in deployer.records]
    assert deploy(template, stack="retaining").resources["Inbox"] != url


def test_a_bucket_that_is_not_empty_stops_the_deletion_which_goes_on_once_it_is(
    deploy: Deploy, deployer: Deployer, clients: Clients
) -> None:
    url = deploy(f"Resources: {{{STORE % 'stopping'}, {INBOX}}}", stack="stopping").resources["Inbox"]
    clients("s3").put_object(Bucket="stopping", Key="a", Body=b"a")
    with pytest.raises(Refused, match=r"stopping is not deleted: .*Store: AWS refuses it: BucketNotEmpty"):
        deployer.delete("stopping")
    assert clients("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    # As on AWS, a stack that could not be deleted cannot be deployed.
    with pytest.raises(Refused, match="stopping is not deleted"):
        deploy(f"Resources: {{{INBOX}}}", stack="stopping")
    clients("s3").delete_object(Bucket="stopping", Key="a")
    assert deployer.delete("stopping").deleted == ("Store", "Inbox")


def test_a_stack_whose_export_is_imported_is_not_deleted(deploy: Deploy, deployer: Deployer) -> None:
    deploy(
        f"{{Resources: {{{INBOX}}}, Outputs: {{Name: {{Value: !Ref Inbox, Export: {{Name: needed}}}}}}}}",
        stack="needed",
    )
    deploy("{Resources: {It: {Type: AWS::SNS::Topic, Properties: {DisplayName: !ImportValue needed}}}}", stack="needs")
    with pytest.raises(Refused, match="needed, which needs imports"):
        deployer.delete("needed")
    deployer.delete("needs")
    assert deployer.delete("needed").deleted == ("Inbox",)


def test_a_stack_that_is_not_there_is_refused(deployer: Deployer) -> None:
    with pytest.raises(Refused, match="there is no stack nowhere"):
        deployer.delete("nowhere")


def test_what_is_gone_already_is_no_obstacle(deploy: Deploy, deployer: Deployer, clients: Clients) -> None:
    url = deploy(f"Resources: {{{INBOX}}}", stack="gone").resources["Inbox"]
    clients("sqs").delete_queue(QueueUrl=url)
    assert deployer.delete("gone").deleted == ("Inbox",)


EVERY_TYPE = """
Resources:
  Key: {Type: AWS::KMS::Key}
  Alias: {Type: AWS::KMS::Alias, Properties: {AliasName: alias/every, TargetKeyId: !Ref Key}}
  Inbox: {Type: AWS::SQS::Queue}
  InboxPolicy:
    Type: AWS::SQS::QueuePolicy
    Properties: {Queues: [!Ref Inbox], PolicyDocument: {Version: 2012-10-17, Statement: []}}
  News: {Type: AWS::SNS::Topic}
  NewsPolicy:
    Type: AWS::SNS::TopicPolicy
    Properties: {Topics: [!Ref News], PolicyDocument: {Version: 2012-10-17, Statement: []}}
  Subscription:
    Type: AWS::SNS::Subscription
    Properties: {TopicArn: !Ref News, Protocol: sqs, Endpoint: !GetAtt Inbox.Arn}
  Store: {Type: AWS::S3::Bucket, Properties: {BucketName: every-store}}
  StorePolicy:
    Type: AWS::S3::BucketPolicy
    Properties:
      Bucket: !Ref Store
      PolicyDocument: {Version: 2012-10-17, Statement: [{Effect: Deny, Principal: "*", Action: s3:*, Resource: "*"}]}
  Rows:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{AttributeName: a, AttributeType: S}]
      KeySchema: [{AttributeName: a, KeyType: HASH}]
  Log: {Type: AWS::Logs::LogGroup}
  Api:
    Type: AWS::ApiGateway::RestApi
    Properties:
      Name: every
      Body:
        openapi: 3.0.1
        info: {title: every}
        paths: {/: {get: {responses: {"200": {description: a}}, x-amazon-apigateway-integration: {
          type: mock, requestTemplates: {application/json: '{"statusCode": 200}'},
          responses: {default: {statusCode: 200}}}}}}
  ApiDeployment: {Type: AWS::ApiGateway::Deployment, Properties: {RestApiId: !Ref Api}}
  ApiStage:
    Type: AWS::ApiGateway::Stage
    Properties: {RestApiId: !Ref Api, DeploymentId: !Ref ApiDeployment, StageName: live}
  ApiForbidden:
    Type: AWS::ApiGateway::GatewayResponse
    Properties: {RestApiId: !Ref Api, ResponseType: INVALID_API_KEY, StatusCode: "401"}
  ApiKey: {Type: AWS::ApiGateway::ApiKey, Properties: {Name: every, Enabled: true}}
  ApiPlan:
    Type: AWS::ApiGateway::UsagePlan
    Properties: {UsagePlanName: every, ApiStages: [{ApiId: !Ref Api, Stage: !Ref ApiStage}]}
  ApiPlanKey:
    Type: AWS::ApiGateway::UsagePlanKey
    Properties: {KeyId: !Ref ApiKey, KeyType: API_KEY, UsagePlanId: !Ref ApiPlan}
  ApiAccount: {Type: AWS::ApiGateway::Account, Properties: {CloudWatchRoleArn: !GetAtt Role.Arn}}
  Value: {Type: AWS::SSM::Parameter, Properties: {Name: /every, Type: String, Value: a}}
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {Version: 2012-10-17, Statement: []}
      Policies: [{PolicyName: own, PolicyDocument: &policy {Version: 2012-10-17, Statement: [
        {Effect: Allow, Action: s3:*, Resource: "*"}]}}]
  Inline: {Type: AWS::IAM::Policy, Properties: {PolicyName: inline, PolicyDocument: *policy, Roles: [!Ref Role]}}
  Managed: {Type: AWS::IAM::ManagedPolicy, Properties: {PolicyDocument: *policy, Roles: [!Ref Role]}}
  Layer:
    Type: AWS::Lambda::LayerVersion
    Properties: {LayerName: every, Content: {S3Bucket: every-code, S3Key: zip}}
  Work:
    Type: AWS::Lambda::Function
    Properties:
      {Handler: a.b, Runtime: python3.12, Role: !GetAtt Role.Arn, Layers: [!Ref Layer],
       Code: {S3Bucket: every-code, S3Key: zip}}
  WorkVersion: {Type: AWS::Lambda::Version, Properties: {FunctionName: !Ref Work}}
  WorkAlias:
    Type: AWS::Lambda::Alias
    Properties: {FunctionName: !Ref Work, FunctionVersion: !GetAtt WorkVersion.Version, Name: live}
  Mover: {Type: AWS::CodeDeploy::Application, Properties: {ComputePlatform: Lambda}}
  Moving: {Type: AWS::CodeDeploy::DeploymentGroup, Properties: {ApplicationName: !Ref Mover}}
  Sources: {Type: AWS::CodeConnections::Connection, Properties: {ConnectionName: every, ProviderType: GitHub}}
  Build: {Type: AWS::CodeBuild::Project, Properties: {Name: every}}
  Pipeline: {Type: AWS::CodePipeline::Pipeline, Properties: {Name: every}}
  MayInvoke:
    Type: AWS::Lambda::Permission
    Properties: {FunctionName: !Ref Work, Action: lambda:InvokeFunction, Principal: s3.amazonaws.com}
  LogsMayInvoke:
    Type: AWS::Lambda::Permission
    Properties: {FunctionName: !Ref WorkAlias, Action: lambda:InvokeFunction, Principal: logs.amazonaws.com}
  Watching:
    Type: AWS::Logs::SubscriptionFilter
    DependsOn: LogsMayInvoke
    Properties: {LogGroupName: !Ref Log, FilterPattern: "", DestinationArn: !Ref WorkAlias}
  Mapping:
    Type: AWS::Lambda::EventSourceMapping
    Properties: {FunctionName: !Ref Work, EventSourceArn: !GetAtt Inbox.Arn}
  Invoking:
    Type: AWS::Lambda::EventInvokeConfig
    Properties: {FunctionName: !Ref Work, Qualifier: $LATEST, MaximumRetryAttempts: 1}
  Machine:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      {RoleArn: !GetAtt Role.Arn, DefinitionString: '{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}'}
  MachineVersion:
    Type: AWS::StepFunctions::StateMachineVersion
    Properties: {StateMachineArn: !Ref Machine, StateMachineRevisionId: !GetAtt Machine.StateMachineRevisionId}
  MachineAlias:
    Type: AWS::StepFunctions::StateMachineAlias
    Properties: {Name: live, DeploymentPreference: {StateMachineVersionArn: !Ref MachineVersion, Type: ALL_AT_ONCE}}
  Rule:
    Type: AWS::Events::Rule
    Properties: {ScheduleExpression: rate(1 day), Targets: [{Id: a, Arn: !GetAtt Inbox.Arn}]}
  Group: {Type: AWS::Scheduler::ScheduleGroup, Properties: {Name: every}}
  Schedule:
    Type: AWS::Scheduler::Schedule
    Properties:
      GroupName: !Ref Group
      ScheduleExpression: rate(1 day)
      FlexibleTimeWindow: {Mode: "OFF"}
      Target: {Arn: !GetAtt Inbox.Arn, RoleArn: !GetAtt Role.Arn}
  Database: {Type: AWS::Glue::Database, Properties: {CatalogId: !Ref AWS::AccountId, DatabaseInput: {Name: every}}}
  Job:
    Type: AWS::Glue::Job
    Properties: {Role: !Ref Role, Command: {Name: glueetl, ScriptLocation: s3://every-code/a.py}}
  Crawler:
    Type: AWS::Glue::Crawler
    Properties:
      Role: !Ref Role
      Targets: {CatalogTargets: [{DatabaseName: every, Tables: [t]}]}
  Security: {Type: AWS::Glue::SecurityConfiguration, Properties: {Name: every, EncryptionConfiguration: {}}}
  Alarm: {Type: AWS::CloudWatch::Alarm, Properties: {Threshold: 1}}
  Both: {Type: AWS::CloudWatch::CompositeAlarm, Properties: {AlarmRule: "TRUE"}}
  Board: {Type: AWS::CloudWatch::Dashboard, Properties: {DashboardBody: "{}"}}
  Location: {Type: AWS::LakeFormation::Resource, Properties: {ResourceArn: "arn:aws:s3:::every"}}
  Grant:
    Type: AWS::LakeFormation::PrincipalPermissions
    Properties: {Principal: {}, Resource: {}, Permissions: [], PermissionsWithGrantOption: []}
  Secret:
    Type: AWS::SecretsManager::Secret
    Properties:
      Name: every-secret
      GenerateSecretString: {SecretStringTemplate: '{"a": "b"}', GenerateStringKey: c, PasswordLength: 40}
  Rotation: {Type: AWS::SecretsManager::RotationSchedule, Properties: {SecretId: !Ref Secret}}
  Instance:
    Type: AWS::RDS::DBInstance
    Properties:
      {DBInstanceIdentifier: every, DBInstanceClass: db.t4g.micro, AllocatedStorage: "20", Engine: postgres,
       MasterUsername: owner, ManageMasterUserPassword: true}
  Parameters: {Type: AWS::RDS::DBParameterGroup, Properties: {Family: postgres17, Description: d}}
  Subnets: {Type: AWS::RDS::DBSubnetGroup, Properties: {DBSubnetGroupDescription: d, SubnetIds: [s]}}
  Proxy: {Type: AWS::RDS::DBProxy, Properties: {DBProxyName: every}}
  Targets: {Type: AWS::RDS::DBProxyTargetGroup, Properties: {DBProxyName: every}}
  Network: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/24}}
  Net: {Type: AWS::EC2::Subnet, Properties: {VpcId: v}}
  Routes: {Type: AWS::EC2::RouteTable, Properties: {VpcId: v}}
  Route: {Type: AWS::EC2::SubnetRouteTableAssociation, Properties: {SubnetId: s, RouteTableId: r}}
  Wall: {Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: d}}
  WallIn: {Type: AWS::EC2::SecurityGroupIngress, Properties: {IpProtocol: tcp}}
  WallOut: {Type: AWS::EC2::SecurityGroupEgress, Properties: {IpProtocol: tcp, GroupId: g}}
  Door: {Type: AWS::EC2::VPCEndpoint, Properties: {VpcId: v}}
  Flow: {Type: AWS::EC2::FlowLog, Properties: {ResourceId: v, ResourceType: VPC}}
  Filter:
    Type: AWS::Logs::MetricFilter
    Properties: {LogGroupName: !Ref Log, FilterPattern: "", MetricTransformations: []}
"""


def test_every_type_can_be_planned_deleted_and_made_again(
    deploy: Deploy, deployer: Deployer, clients: Clients, zip_of_a_function: bytes, tmp_path: Path
) -> None:
    location = {"LocationConstraint": "eu-west-1"}
    clients("s3").create_bucket(Bucket="every-code", CreateBucketConfiguration=location)
    clients("s3").put_object(Bucket="every-code", Key="zip", Body=zip_of_a_function)
    template = tmp_path / "every.yaml"
    template.write_text(EVERY_TYPE)
    planned = deployer.planner().plan("every", template, {})
    made = deploy(EVERY_TYPE, stack="every")
    assert {(change.logical_id, change.action) for change in planned.changes} == {
        (logical_id, ResourceAction.ADD) for logical_id in made.resources
    }
    assert deployer.planner().plan("every", template, {}).changes == ()
    record = deployer.records.get("every")
    assert record is not None
    assert {each.type for each in record.resources.values()} == set(REGISTRY)
    before = _there(clients)
    assert all(before.values())
    assert deployer.delete("every").deleted == tuple(reversed(made.resources))
    assert not any(_there(clients).values())
    assert set(deploy(EVERY_TYPE, stack="every").changed) == set(made.resources)
    assert _there(clients) == before


def _there(clients: Clients) -> dict[str, int]:
    """How many there are of each kind in the embedded AWS; a key that waits for its deletion is none."""
    function = clients("lambda")
    counted = {
        ("kms", "list_aliases", "Aliases"): "alias/every",
        ("sqs", "list_queues", "QueueUrls"): "every-Inbox",
        ("sns", "list_topics", "Topics"): "every-News",
        ("sns", "list_subscriptions", "Subscriptions"): "every-News",
        ("s3", "list_buckets", "Buckets"): "every-store",
        ("dynamodb", "list_tables", "TableNames"): "every-Rows",
        ("logs", "describe_log_groups", "logGroups"): "every-Log",
        ("apigateway", "get_rest_apis", "items"): "every",
        ("apigateway", "get_api_keys", "items"): "every",
        ("apigateway", "get_usage_plans", "items"): "every",
        ("ssm", "describe_parameters", "Parameters"): "/every",
        ("iam", "list_roles", "Roles"): "every-Role",
        ("rds", "describe_db_instances", "DBInstances"): "every",
        ("secretsmanager", "list_secrets", "SecretList"): "every-secret",
        ("lambda", "list_functions", "Functions"): "every-Work",
        ("stepfunctions", "list_state_machines", "stateMachines"): "every-Machine",
        ("events", "list_rules", "Rules"): "every-Rule",
        ("scheduler", "list_schedules", "Schedules"): "every-Schedule",
        ("scheduler", "list_schedule_groups", "ScheduleGroups"): "every",
        ("glue", "get_databases", "DatabaseList"): "every",
        ("glue", "get_jobs", "Jobs"): "every-Job",
    }
    found = {
        operation: sum(name in str(each) for each in getattr(clients(service), operation)().get(key, []))
        for (service, operation, key), name in counted.items()
    }
    policies = clients("iam").list_policies(Scope="Local")["Policies"]
    found["policies"] = sum("every-Managed" in policy["PolicyName"] for policy in policies)
    found["mappings"] = sum("every" in each["FunctionArn"] for each in _mappings(function))
    found["layers"] = len(function.list_layer_versions(LayerName="every")["LayerVersions"])
    return found


def _mappings(function: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = function.list_event_source_mappings()["EventSourceMappings"]
    return found


def test_a_protected_table_is_not_deleted(deploy: Deploy, deployer: Deployer, clients: Clients) -> None:
    deploy(
        """
        Resources:
          Rows:
            Type: AWS::DynamoDB::Table
            Properties:
              TableName: guarded
              DeletionProtectionEnabled: true
              AttributeDefinitions: [{AttributeName: a, AttributeType: S}]
              KeySchema: [{AttributeName: a, KeyType: HASH}]
        """,
        stack="guarded",
    )
    with pytest.raises(Refused, match=r"guarded is not deleted: .*Rows: AWS refuses it"):
        deployer.delete("guarded")
    assert clients("dynamodb").describe_table(TableName="guarded")
