from __future__ import annotations

import base64
import io
import json
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.emulator.awslambda.lambda_parts import ACCOUNT, REGION, Parts, package, waits_for
from tests.patience import until

ECHO = "def handler(event, context):\n print('got', event)\n return event"
FAIL = "class Busy(Exception): pass\ndef handler(event, context): raise Busy('later')"


@pytest.fixture(scope="module", autouse=True)
def functions(parts: Parts) -> None:
    parts.create("echo", ECHO)
    parts.create("fail", FAIL)


def test_an_invocation_through_the_api_runs_the_function(parts: Parts) -> None:
    response, payload = parts.invoke("echo", {"a": [1]})
    assert payload == {"a": [1]}
    assert response["StatusCode"] == 200
    assert response["ExecutedVersion"] == "$LATEST"
    assert "FunctionError" not in response


def test_a_failed_invocation_is_unhandled_and_keeps_its_error(parts: Parts) -> None:
    response, payload = parts.invoke("fail")
    assert response["StatusCode"] == 200
    assert response["FunctionError"] == "Unhandled"
    assert payload["errorType"] == "Busy"
    assert payload["requestId"] == response["ResponseMetadata"]["RequestId"]


def test_the_log_tail_comes_when_asked_for(parts: Parts) -> None:
    response, _ = parts.invoke("echo", "word", LogType="Tail")
    tail = base64.b64decode(response["LogResult"]).decode()
    assert tail.startswith("START RequestId")
    assert "got word" in tail
    assert "LogResult" not in parts.invoke("echo")[0]


def test_an_asynchronous_invocation_answers_at_once(parts: Parts, tmp_path: Path) -> None:
    parts.create("sleepy", waits_for(tmp_path / "go-on", "print('told')"), Timeout=120)
    response, payload = parts.invoke("sleepy", InvocationType="Event")
    assert "told" not in parts.log_lines("/aws/lambda/sleepy")
    (tmp_path / "go-on").touch()
    until(lambda: "told" in parts.log_lines("/aws/lambda/sleepy"))
    assert response["StatusCode"] == 202
    assert payload is None


def test_a_dry_run_runs_nothing(parts: Parts) -> None:
    before = parts.workers.invocations["echo"]
    assert parts.invoke("echo", InvocationType="DryRun")[0]["StatusCode"] == 204
    assert parts.workers.invocations["echo"] == before


@pytest.mark.parametrize(("kind", "size"), [("RequestResponse", 6 << 20), ("Event", 1 << 20)])
def test_a_payload_over_the_limit_is_refused(parts: Parts, kind: str, size: int) -> None:
    with pytest.raises(ClientError, match="RequestTooLargeException") as refused:
        parts.invoke("echo", "x" * size, InvocationType=kind)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413


def test_a_payload_that_is_no_json_is_refused(parts: Parts) -> None:
    with pytest.raises(ClientError, match="InvalidRequestContentException"):
        parts.aws("lambda").invoke(FunctionName="echo", Payload=b"{nonsense")


def test_an_unknown_function_is_not_found(parts: Parts) -> None:
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        parts.invoke("nobody")


def test_reserved_concurrency_of_nothing_throttles(parts: Parts) -> None:
    parts.create("off", ECHO)
    parts.aws("lambda").put_function_concurrency(FunctionName="off", ReservedConcurrentExecutions=0)
    with pytest.raises(ClientError, match="TooManyRequestsException"):
        parts.invoke("off")


def test_what_is_beyond_reserved_concurrency_is_throttled_with_its_reason(parts: Parts, tmp_path: Path) -> None:
    parts.create("one", waits_for(tmp_path / "go-on", "print('told')"), Timeout=120)
    parts.aws("lambda").put_function_concurrency(FunctionName="one", ReservedConcurrentExecutions=1)
    with ThreadPoolExecutor(1) as caller:
        running = caller.submit(parts.invoke, "one")
        until(lambda: parts.workers.invocations["one"])
        with pytest.raises(ClientError, match="Rate Exceeded") as throttled:
            parts.invoke("one")
        (tmp_path / "go-on").touch()
        assert "FunctionError" not in running.result()[0]
    answer = throttled.value.response
    assert answer["Error"]["Code"] == "TooManyRequestsException"
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert answer["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"


def test_a_function_has_the_layers_that_it_was_given_even_when_they_are_deleted(parts: Parts) -> None:
    client = parts.aws("lambda")

    def layer(whose: str) -> str:
        content = {"ZipFile": package("", **{"python/part": f"WHOSE = {whose!r}"})}
        return str(client.publish_layer_version(LayerName="part", Content=content)["LayerVersionArn"])

    parts.create("layered", "def handler(event, context):\n import part\n return part.WHOSE", Layers=[layer("first")])
    client.delete_layer_version(LayerName="part", VersionNumber=1)
    assert parts.invoke("layered")[1] == "first"
    client.update_function_configuration(FunctionName="layered", Layers=[layer("second")])
    assert parts.invoke("layered")[1] == "second"


@pytest.mark.parametrize(("python", "found"), [("cpython-399", False), (sys.implementation.cache_tag, True)])
def test_a_layer_whose_extension_modules_are_for_another_python_is_left_out(
    parts: Parts, python: str, found: bool
) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("python/part.py", "")
        archive.writestr(f"python/fast.{python}-x86_64-linux-gnu.so", "")
    given = parts.aws("lambda").publish_layer_version(LayerName="built", Content={"ZipFile": buffer.getvalue()})
    code = "import importlib.util\ndef handler(event, context): return bool(importlib.util.find_spec('part'))"
    parts.create(f"built-{found}", code, Layers=[given["LayerVersionArn"]])
    assert parts.invoke(f"built-{found}")[1] is found


def test_a_runtime_that_we_do_not_run_is_refused(parts: Parts) -> None:
    with pytest.raises(ClientError, match="Python functions only, not nodejs22"):
        parts.create("node", "", Runtime="nodejs22.x")
    with pytest.raises(ClientError, match="Python functions only"):
        parts.aws("lambda").update_function_configuration(FunctionName="echo", Runtime="java21")


def test_an_update_is_seen_by_the_next_invocation(parts: Parts) -> None:
    parts.create("changing", "def handler(event, context): return 1")
    assert parts.invoke("changing")[1] == 1
    client = parts.aws("lambda")
    client.update_function_code(FunctionName="changing", ZipFile=package("def handler(event, context): return 2"))
    assert parts.invoke("changing")[1] == 2


def test_code_is_taken_from_s3(parts: Parts) -> None:
    s3 = parts.aws("s3")
    s3.create_bucket(Bucket="code", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="code", Key="a.zip", Body=package(ECHO))
    parts.create("from-s3", "", Code={"S3Bucket": "code", "S3Key": "a.zip"})
    assert parts.invoke("from-s3", 3)[1] == 3


def test_a_function_calls_the_embedded_aws(parts: Parts) -> None:
    code = "import boto3\ndef handler(event, context): return boto3.client('sts').get_caller_identity()['Account']"
    parts.create("caller", code, Timeout=30, MemorySize=512)
    assert parts.invoke("caller")[1] == ACCOUNT
    assert any(call.caller == "caller" and call.service == "sts" for call in parts.front.calls.snapshot())


def test_logging_configuration_and_dead_letter_target_are_kept(parts: Parts) -> None:
    parts.queue("kept")
    target = f"arn:aws:sqs:{REGION}:{ACCOUNT}:kept"
    parts.create("logged", ECHO, LoggingConfig={"LogGroup": "/lake/logged"}, DeadLetterConfig={"TargetArn": target})
    found = parts.aws("lambda").get_function_configuration(FunctionName="logged")
    assert found["LoggingConfig"] == {"LogFormat": "Text", "LogGroup": "/lake/logged"}
    assert found["DeadLetterConfig"] == {"TargetArn": target}
    parts.invoke("logged", "into its group")
    assert "got into its group" in parts.log_lines("/lake/logged")


def test_a_state_machine_gets_the_answer_and_the_error_class_of_a_function(parts: Parts) -> None:
    definition = {
        "StartAt": "Fail",
        "States": {
            "Fail": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke",
                "Parameters": {"FunctionName": "fail", "Payload": {}},
                "Catch": [{"ErrorEquals": ["Busy"], "ResultPath": "$.error", "Next": "Echo"}],
                "End": True,
            },
            "Echo": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke",
                "Parameters": {"FunctionName": "echo", "Payload.$": "$.error"},
                "OutputPath": "$.Payload",
                "End": True,
            },
        },
    }
    assert json.loads(_execute(parts, "machine", definition)["output"])["Error"] == "Busy"


def test_a_state_machine_catches_throttling_by_its_name(parts: Parts) -> None:
    parts.create("shut", ECHO)
    parts.aws("lambda").put_function_concurrency(FunctionName="shut", ReservedConcurrentExecutions=0)
    definition = {
        "StartAt": "Shut",
        "States": {
            "Shut": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke",
                "Parameters": {"FunctionName": "shut", "Payload": {}},
                "Catch": [{"ErrorEquals": ["Lambda.TooManyRequestsException"], "Next": "Caught"}],
                "End": True,
            },
            "Caught": {"Type": "Pass", "End": True},
        },
    }
    assert "Rate Exceeded" in json.loads(_execute(parts, "throttled", definition)["output"])["Cause"]


def _execute(parts: Parts, name: str, definition: dict[str, Any]) -> dict[str, Any]:
    machines = parts.aws("stepfunctions")
    role = f"arn:aws:iam::{ACCOUNT}:role/machine"
    arn = machines.create_state_machine(name=name, definition=json.dumps(definition), roleArn=role)["stateMachineArn"]
    execution = machines.start_execution(stateMachineArn=arn, input="{}")["executionArn"]

    def ended() -> Any:
        found = machines.describe_execution(executionArn=execution)
        return found if found["status"] != "RUNNING" else None

    found: dict[str, Any] = until(ended)
    assert found["status"] == "SUCCEEDED", found
    return found


def test_a_function_gets_the_message_that_was_published(parts: Parts) -> None:
    arn = parts.create("listening", "import json\ndef handler(event, context): print('EVENT', json.dumps(event))")
    sns = parts.aws("sns")
    topic = sns.create_topic(Name="spoken")["TopicArn"]
    policy = {"FilterPolicy": json.dumps({"kind": ["news"]})}
    subscription = sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn, Attributes=policy)["SubscriptionArn"]
    for kind in ("noise", "news"):
        attributes = {"kind": {"DataType": "String", "StringValue": kind}}
        sent = sns.publish(TopicArn=topic, Message=f"some {kind}", Subject="s", MessageAttributes=attributes)
    [text] = until(lambda: [x for x in parts.log_lines("/aws/lambda/listening") if x.startswith("EVENT")])
    [record] = json.loads(text.removeprefix("EVENT "))["Records"]
    assert (record["EventSource"], record["EventVersion"]) == ("aws:sns", "1.0")
    assert record["EventSubscriptionArn"] == subscription
    found = record["Sns"]
    assert (found["Message"], found["Subject"], found["TopicArn"]) == ("some news", "s", topic)
    assert found["MessageId"] == sent["MessageId"]
    assert found["MessageAttributes"] == {"kind": {"Type": "String", "Value": "news"}}
    assert {"Timestamp", "SignatureVersion", "Signature", "SigningCertUrl", "UnsubscribeUrl"} <= found.keys()


def test_a_message_for_a_function_that_is_gone_is_kept(parts: Parts) -> None:
    arn, url = parts.create("leaving", ECHO), parts.queue("left")
    sns = parts.aws("sns")
    topic = sns.create_topic(Name="left")["TopicArn"]
    redrive = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:left"})}
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn, Attributes=redrive)
    parts.aws("lambda").delete_function(FunctionName="leaving")
    sns.publish(TopicArn=topic, Message="too late")
    message = parts.received(url)
    assert json.loads(message["Body"])["Message"] == "too late"


def test_what_lambda_would_not_do_here_is_refused(parts: Parts) -> None:
    client = parts.aws("lambda")
    with pytest.raises(ClientError, match="serves no function URLs"):
        client.create_function_url_config(FunctionName="echo", AuthType="NONE")
    mount = {"Arn": f"arn:aws:elasticfilesystem:{REGION}:{ACCOUNT}:access-point/fsap-01234567890abcdef"}
    with pytest.raises(ClientError, match="mounts no file systems"):
        parts.create("mounting", ECHO, FileSystemConfigs=[{**mount, "LocalMountPath": "/mnt/data"}])


def test_a_rule_and_a_bucket_invoke_functions_asynchronously(parts: Parts) -> None:
    arn = parts.create("told", "def handler(event, context): print('told', list(event))")
    events, s3 = parts.aws("events"), parts.aws("s3")
    events.put_rule(Name="tell", EventPattern='{"source": ["app.tell"]}')
    events.put_targets(Rule="tell", Targets=[{"Id": "1", "Arn": arn, "Input": '{"by": "rule"}'}])
    events.put_events(Entries=[{"Source": "app.tell", "DetailType": "Probe", "Detail": "{}"}])
    until(lambda: "told ['by']" in parts.log_lines("/aws/lambda/told"))
    s3.create_bucket(Bucket="telling", CreateBucketConfiguration={"LocationConstraint": REGION})
    entry = {"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(
        Bucket="telling", NotificationConfiguration={"LambdaFunctionConfigurations": [entry]}
    )
    s3.put_object(Bucket="telling", Key="a", Body=b"x")
    until(lambda: "told ['Records']" in parts.log_lines("/aws/lambda/told"))


def test_a_bucket_cannot_notify_a_function_that_is_not_there(parts: Parts) -> None:
    s3 = parts.aws("s3")
    s3.create_bucket(Bucket="mute", CreateBucketConfiguration={"LocationConstraint": REGION})
    absent = {
        "LambdaFunctionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:absent",
        "Events": ["s3:ObjectCreated:*"],
    }
    with pytest.raises(ClientError, match="Unable to validate the following destination"):
        s3.put_bucket_notification_configuration(
            Bucket="mute", NotificationConfiguration={"LambdaFunctionConfigurations": [absent]}
        )


def test_sns_invokes_asynchronously_and_is_not_held_up(parts: Parts, tmp_path: Path) -> None:
    arn = parts.create("subscriber", waits_for(tmp_path / "go-on", "print('told')"), Timeout=120)
    sns = parts.aws("sns")
    topic = sns.create_topic(Name="news")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)
    sns.publish(TopicArn=topic, Message="hello")
    assert "told" not in parts.log_lines("/aws/lambda/subscriber")
    (tmp_path / "go-on").touch()
    until(lambda: "told" in parts.log_lines("/aws/lambda/subscriber"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"FilterCriteria": {"Filters": [{"Pattern": '{"body": [{"like": "x"}]}'}]}}, "Invalid filter pattern"),
        ({"EventSourceArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:jobs.fifo"}, "standard SQS queues and DynamoDB streams"),
        ({"EventSourceArn": f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/x"}, "standard SQS queues and DynamoDB"),
        ({"BatchSize": 11, "MaximumBatchingWindowInSeconds": 0}, "must be greater than 0"),
        ({"TumblingWindowInSeconds": 10}, "does not honour TumblingWindowInSeconds"),
        ({"BisectBatchOnFunctionError": True}, "not a setting of an SQS event source"),
        ({"ScalingConfig": {"MaximumConcurrency": 1001}}, "between 2 and 1000"),
    ],
)
def test_an_event_source_that_would_not_be_polled_as_on_aws_is_refused(
    parts: Parts, settings: dict[str, Any], message: str
) -> None:
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:refused"
    parts.queue("refused")
    with pytest.raises(ClientError, match=message):
        parts.aws("lambda").create_event_source_mapping(**{"EventSourceArn": queue, "FunctionName": "echo", **settings})


def test_an_update_that_would_not_be_polled_is_refused_too(parts: Parts) -> None:
    parts.queue("updated")
    source = parts.map("updated", "echo")
    with pytest.raises(ClientError, match="Invalid filter pattern"):
        parts.aws("lambda").update_event_source_mapping(
            UUID=source, FilterCriteria={"Filters": [{"Pattern": '{"body": "x"}'}]}
        )


def test_a_queue_that_hides_messages_for_less_than_the_function_runs_is_refused(parts: Parts) -> None:
    parts.queue("brief", VisibilityTimeout="2")
    with pytest.raises(ClientError, match="less than Function timeout"):
        parts.map("brief", "echo")
