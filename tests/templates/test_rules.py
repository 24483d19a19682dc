"""The rules that templates are held to, themselves."""

from __future__ import annotations

from pathlib import Path

from tests.templates import access_rules, flow_rules  # noqa: F401  register their rules
from tests.templates.rules import RULES, complaints

BROKEN = """
Transform: AWS::Serverless-2016-10-31
Metadata: {SluiceOnce: month}
Parameters: {DatabasePassword: {Type: String}}
Resources:
  Published: {Type: AWS::SSM::Parameter, Properties: {Name: !Sub "/sluice/${Env}/functions/works", Value: !Ref Work}}
  Machines: {Type: AWS::SSM::Parameter, Properties: {Name: !Sub "/sluice/${Env}/machines/m", Value: !Sub '{"a": "b"}'}}
  Files: {Type: AWS::EFS::FileSystem}
  Open: {Type: AWS::S3::Bucket}
  Rows: {Type: AWS::DynamoDB::Table, DeletionPolicy: Retain}
  Key: {Type: AWS::KMS::Key}
  Inbox: {Type: AWS::SQS::Queue}
  News: {Type: AWS::SNS::Topic}
  Listens: {Type: AWS::SNS::Subscription, Properties: {TopicArn: !Ref News, Protocol: lambda, Endpoint: x}}
  Admits:
    Type: AWS::SNS::TopicPolicy
    Properties:
      Topics: [!Ref News]
      PolicyDocument: {Statement: [{Effect: Allow, Principal: {Service: s3.amazonaws.com}, Action: sns:Publish,
                                    Resource: !Ref News}]}
  Both:
    Type: AWS::SQS::QueuePolicy
    Properties: {Queues: [!Ref Inbox, !Ref Short], PolicyDocument: {Statement: []}}
  Short:
    Type: AWS::SQS::Queue
    Properties: {RedrivePolicy: {deadLetterTargetArn: !GetAtt Inbox.Arn, maxReceiveCount: 1}}
  Log: {Type: AWS::Logs::LogGroup}
  Work:
    Type: AWS::Serverless::Function
    Properties:
      Environment: {Variables: {DB_PASSWORD: x}}
      Events:
        Inbox: {Type: SQS, Properties: {Queue: !GetAtt Inbox.Arn}}
        Ended: {Type: EventBridgeRule, Properties: {Pattern: {source: [aws.states]}}}
      Policies:
        Statement:
          - {Effect: Allow, Action: [s3:GetObject, "s3:*", "*"], Resource: "*"}
          - {Effect: Allow, Action: iam:PassRole, Resource: "arn:aws:iam::1:role/x"}
  Reads:
    Type: AWS::Serverless::Function
    Properties: {Events: {Changes: {Type: DynamoDB, Properties: {Stream: a, StartingPosition: LATEST}}}}
  Database: {Type: AWS::RDS::DBInstance, Properties: {PubliclyAccessible: true}}
  Settings: {Type: AWS::RDS::DBParameterGroup, Properties: {Family: postgres17}}
  Secret: {Type: AWS::SecretsManager::Secret, Properties: {SecretString: hush}}
  Wall: {Type: AWS::EC2::SecurityGroup, Properties: {SecurityGroupIngress: [{CidrIp: 0.0.0.0/0}]}}
  Machine: {Type: AWS::Serverless::StateMachine}
  Installs: {Type: AWS::Glue::Job, Properties: {DefaultArguments: {--additional-python-modules: "pydeequ==1.7.0"}}}
  Guest:
    Type: AWS::IAM::Role
    Properties:
      MaxSessionDuration: 43200
      AssumeRolePolicyDocument:
        Statement:
          - {Effect: Allow, Principal: {AWS: "*"}, Action: sts:AssumeRole}
          - {Effect: Allow, Principal: {Service: glue.amazonaws.com}, Action: sts:AssumeRole}
      Policies:
        - PolicyDocument:
            Statement:
              - {Effect: Allow, NotAction: iam:CreateUser, Resource: !Sub "arn:${AWS::Partition}:s3:::*"}
              - {Effect: Allow, Action: iam:PutRolePolicy, Resource: "arn:x:iam::123456789012:role/a"}
              - {Effect: Allow, Action: kms:TagResource, Resource: "arn:x:kms:::key/*",
                 Condition: {StringEquals: {"aws:ResourceTag/Lake": a}}}
  HalfTls:
    Type: AWS::S3::BucketPolicy
    Properties:
      PolicyDocument:
        Statement:
          - Effect: Deny
            Principal: {Service: s3.amazonaws.com}
            Action: s3:GetObject
            Resource: !GetAtt Open.Arn
            Condition: {Bool: {"aws:SecureTransport": "false"}}
  Job: {Type: AWS::Glue::Job}
  Build:
    Type: AWS::CodeBuild::Project
    Properties: {Environment: {EnvironmentVariables: [{Name: DEPLOY_TOKEN, Value: x}]}}
"""


def test_every_rule_finds_what_it_is_for(tmp_path: Path) -> None:
    """A rule that never complains proves nothing of the templates that pass it."""
    path = tmp_path / "broken.yaml"
    path.write_text(BROKEN)
    found = {complaint.split(": ")[1] for complaint in complaints(path)}
    assert found == {check.__name__ for check in RULES} | {"no_literal_partition"}
