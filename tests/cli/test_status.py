"""What the looking commands say about a lake in which something of everything has happened."""

from __future__ import annotations

import json
import time
from types import SimpleNamespace

import pytest

from pipeline.cli.status import print_summary
from pipeline.core.clients import client
from pipeline.core.errors import BadInput, Refused
from pipeline.lake.settings import Setting
from tests.patience import until

from .stories import BAD, story

__all__ = ["story"]


def documented(result):
    assert result.exit_code == 0, result.exception
    return json.loads(result.stdout)


def test_status_counts_objects_by_dataset_and_status(sluice, story):
    counted = {entry["dataset"]: entry["statuses"] for entry in documented(sluice("status", "--json"))["objects"]}
    assert counted == {
        "shop/orders": {"COMMITTED": 1, "DUPLICATE": 1, "QUARANTINED": 1, "FAILED": 1, "STAGED": 1},
        None: {"UNROUTED": 1},
    }


def test_status_tells_of_each_batch_its_rows_and_the_verdict_rule_by_rule(sluice, story):
    bad, good = documented(sluice("status", "--json"))["batches"]
    assert (good["batch"], good["status"], good["rows"], good["bad_rows"]) == (story.good_batch, "COMMITTED", 3, 8)
    assert good["seconds"] >= 0
    assert (bad["batch"], bad["status"], bad["verdict"]["outcome"]) == (story.bad_batch, "QUARANTINED", "FAILED")
    assert [rule["outcome"] for rule in bad["verdict"]["rules"]] == ["Passed", "Failed"]


def test_status_says_what_needs_attention_why_and_what_to_do(sluice, story):
    attention = {t["status"]: t for t in documented(sluice("status", "--json"))["attention"]}
    assert set(attention) == {"FAILED", "QUARANTINED", "UNROUTED", "BAD_ROWS"}
    assert attention["FAILED"]["example"] == story.failed.uri
    assert attention["FAILED"]["reason"] == "Runtime.ExitError: killed"
    assert attention["FAILED"]["todo"].startswith("Give it memory. Mend the cause")
    assert "50% of the rows" in attention["QUARANTINED"]["reason"]
    assert f"sluice release {story.bad_batch}" in attention["QUARANTINED"]["todo"]
    assert "sluice datasets init FILE --to lost/things" in attention["UNROUTED"]["todo"]
    assert "7 rows of 1 object" in attention["BAD_ROWS"]["reason"]


def test_status_reads_as_text_and_shows_what_users_wrote_as_they_wrote_it(sluice, story):
    text = sluice("status").stdout
    for wanted in (
        "Last batches",
        "Needs attention",
        story.failed.uri,
        "a [bold].csv",
        '✗ IsComplete "id"',
    ):
        assert wanted in text
    assert "RowCount > 0" not in text, "only what failed is worth a line"
    assert "Settled" not in text


def test_print_summary_is_the_text_of_status(lake, story, capsys):
    print_summary(lake)
    assert "Needs attention" in capsys.readouterr().out


def test_status_of_one_dataset_leaves_out_the_others(sluice, story):
    found = documented(sluice("status", "shop/orders", "--json"))
    assert [entry["dataset"] for entry in found["objects"]] == ["shop/orders"]
    shared = {"raw", "stage-a-failures", "stage-b-failures"}
    assert {queue["name"] for queue in found["queues"]} == {*shared, "shop/orders"}
    unrouted = documented(sluice("status", "lost/things", "--json"))
    assert [t["status"] for t in unrouted["attention"]] == ["UNROUTED"]


def test_status_of_an_unknown_dataset_is_refused_with_those_there_are(sluice, story):
    result = sluice("status", "shop/nothing")
    assert isinstance(result.exception, Refused)
    assert "shop/orders" in result.exception.hint


def test_a_dead_letter_queue_with_messages_needs_attention(sluice, orders, story):
    url = orders.registration.dead_letter_queue_url
    client("sqs").send_message(QueueUrl=url, MessageBody="poison")
    attention = documented(sluice("status", "--json"))["attention"]
    found = next(t for t in attention if t["status"] == "DEAD_LETTERS")
    assert "sluice redrive --queue shop/orders" in found["todo"]
    assert "dead letters" in sluice("status").stdout
    client("sqs").purge_queue(QueueUrl=url)


@pytest.mark.parametrize("arguments", [["shop/orders"], []])
def test_objects_of_a_status_are_listed(sluice, story, arguments):
    found = documented(sluice("objects", *arguments, "--status", "failed", "--json"))
    assert [(o["uri"], o["status"], o["reason"]) for o in found] == [
        (story.failed.uri, "FAILED", "Runtime.ExitError: killed")
    ]


def test_objects_show_those_that_changed_last_first_and_say_how_many_there_are(sluice, story):
    text = sluice("objects", "--limit", "1").stdout
    assert "1 of " in text
    times = [o["since"] for o in documented(sluice("objects", "--json"))]
    assert times == sorted(times, reverse=True)


def test_objects_are_found_by_a_part_of_their_reason_and_name(sluice, story):
    name = story.failed.uri.rpartition("/")[2]
    for more in (["--reason", "KILLED"], ["--name", name.upper(), "--status", "FAILED"], ["--from", "2020-01-01"]):
        found = documented(sluice("objects", "shop/orders", *more, "--json"))
        assert story.failed.uri in {each["uri"] for each in found}
    (found,) = documented(sluice("objects", "--attention", "--status", "FAILED", "--json"))
    assert found["uri"] == story.failed.uri
    assert documented(sluice("objects", "--to", "2020-01-01", "--json")) == []


def test_objects_of_a_status_that_does_not_exist_is_an_error_that_lists_them(sluice, story):
    refused = sluice("objects", "--status", "BROKEN")
    assert refused.exit_code == 2
    assert "QUARANTINED" in refused.stderr


def test_why_tells_every_version_with_its_batch_verdict_and_bad_rows(sluice, story):
    found = documented(sluice("why", story.committed.uri, "--json"))
    duplicate, committed = found["versions"]
    assert (duplicate["status"], duplicate["duplicate_of"]) == ("DUPLICATE", story.committed.version_id)
    assert committed["status"] == "COMMITTED"
    assert [entry["status"] for entry in committed["history"]] == ["REGISTERED", "STAGED", "CLAIMED", "COMMITTED"]
    assert (committed["rows_in"], committed["rows_out"], committed["rows_bad"]) == (10, 3, 7)
    assert committed["bad_rows"] == BAD[:5]
    assert (committed["batch"], committed["verdict"]["outcome"]) == (story.good_batch, "PASSED")
    assert committed["execution"] == "shop-orders-1"


def test_why_takes_a_key_of_the_raw_bucket_and_shows_no_control_characters(sluice, story):
    text = sluice("why", story.committed.key).stdout
    assert "line 3: price: it is not a number" in text
    assert "7,[bold]x[/],\\x1b[2J" in text
    assert "\x1b[2J" not in text
    assert "and 2 more" in text
    assert "sluice dismiss" in text
    assert "Nothing to do" not in text.split("DUPLICATE")[0]


def test_why_of_one_version_leaves_out_the_others(sluice, story):
    version = story.duplicate.version_id
    found = documented(sluice("why", story.duplicate.uri, "--version", version, "--json"))
    assert [v["version_id"] for v in found["versions"]] == [version]
    error = sluice("why", story.duplicate.uri, "--version", "nope").exception
    assert isinstance(error, Refused)


def test_why_of_a_quarantined_batch_shows_the_rule_and_what_to_do(sluice, story):
    text = sluice("why", story.quarantined.uri).stdout
    assert '✗ IsComplete "id"' in text
    assert f"sluice redrive --batch {story.bad_batch}" in text


def unknown(sluice, uri):
    result = sluice("why", uri, "--json")
    assert result.exit_code == 1
    return json.loads(result.stdout)


def test_why_of_a_key_that_was_never_dropped_names_similar_ones(sluice, story):
    found = unknown(sluice, "shop/orders/brokn.csv")
    assert "never dropped" in found["reason"]
    assert story.failed.uri in found["similar"]


def test_why_of_a_file_without_its_dataset_names_those_of_that_name(sluice, story):
    name = story.failed.key.rpartition("/")[2].upper()
    assert story.failed.uri in unknown(sluice, name)["similar"]


def test_why_of_an_object_whose_event_waits_says_so(sluice, lake, orders, story):
    key = orders.drop("new.csv").key
    assert "lost or is on its way" in unknown(sluice, key)["reason"]
    for setting, word in ((Setting.RAW_DEAD_LETTER_QUEUE_URL, "dead-letter"), (Setting.RAW_QUEUE_URL, "still in")):
        client("sqs").send_message(QueueUrl=lake.settings[setting], MessageBody="{}")
        assert word in unknown(sluice, key)["reason"]
    for setting in (Setting.RAW_DEAD_LETTER_QUEUE_URL, Setting.RAW_QUEUE_URL):
        client("sqs").purge_queue(QueueUrl=lake.settings[setting])
    assert "new.csv" in sluice("why", key).stdout


def test_why_of_another_bucket_or_a_folder_explains_that(sluice, lake):
    assert "where Stage A writes" in unknown(sluice, f"s3://{lake.settings[Setting.STAGING_BUCKET]}/a")["reason"]
    assert "no bucket of this lake" in unknown(sluice, "s3://elsewhere/a")["reason"]
    assert "folders" in unknown(sluice, "shop/orders/")["reason"]
    assert sluice("why", "s3://bucket").exit_code == 2


def run_machine(lake, setting, name, document):
    arn = client("stepfunctions").start_execution(
        stateMachineArn=lake.settings[setting], name=name, input=json.dumps(document)
    )["executionArn"]
    until(lambda: client("stepfunctions").describe_execution(executionArn=arn)["status"] != "RUNNING")


@pytest.fixture(scope="module")
def executions(lake):
    document = {"dataset": "shop/orders", "objects": [{"key": "good"}, {"key": "bad"}]}
    run_machine(lake, Setting.STAGE_A_MACHINE, "mixed", document)
    run_machine(lake, Setting.STAGE_A_MACHINE, "refused", {"dataset": "unwanted", "objects": []})
    run_machine(lake, Setting.STAGE_B_MACHINE, "01BATCH", {"batch": "01BATCH", "dataset": "shop/orders"})


def test_executions_of_both_machines_are_listed_newest_first(sluice, executions):
    found = documented(sluice("executions", "--limit", "3", "--json"))
    assert [(e["name"], e["machine"], e["status"]) for e in found] == [
        ("01BATCH", "b", "SUCCEEDED"),
        ("refused", "a", "FAILED"),
        ("mixed", "a", "SUCCEEDED"),
    ]
    failed = documented(sluice("executions", "--machine", "a", "--status", "failed", "--json"))
    assert [e["name"] for e in failed] == ["refused"]
    assert isinstance(sluice("executions", "--machine", "c").exception, BadInput)
    named = documented(sluice("executions", "--name", "REFUSED", "--from", "2020-01-01", "--json"))
    assert [(each["name"], each["outcome"]) for each in named] == [("refused", "FAILED")]
    assert documented(sluice("executions", "--to", "2020-01-01", "--json")) == []
    held_back = documented(sluice("executions", "--status", "quarantined", "--json"))
    assert {each["outcome"] for each in held_back} <= {"QUARANTINED"}


@pytest.fixture(scope="module")
def own(lake):
    """The ARN of an execution of somebody's own machine, which fails."""
    definition = {"StartAt": "No", "States": {"No": {"Type": "Fail", "Error": "Mine", "Cause": "as said"}}}
    stepfunctions = client("stepfunctions")
    machine = stepfunctions.create_state_machine(
        name="reports", definition=json.dumps(definition), roleArn="arn:aws:iam::123456789012:role/reports"
    )["stateMachineArn"]
    arn = stepfunctions.start_execution(stateMachineArn=machine, name="monday", input="[1]")["executionArn"]
    until(lambda: stepfunctions.describe_execution(executionArn=arn)["status"] != "RUNNING")
    return arn


def test_executions_of_somebodys_own_machine_are_shown_too(sluice, executions, own):
    for name in ("monday", "reports:monday", own):
        found = documented(sluice("execution", name, "--json"))
        assert (found["machine"], found["error"], found["input"]) == ("reports", "Mine", [1])
        assert [state["state"] for state in found["states"]] == ["No"]
    assert "reports" in sluice("execution", "monday").stdout
    listed = documented(sluice("executions", "--machine", "reports", "--json"))
    assert [(run["name"], run["machine"]) for run in listed] == [("monday", "reports")]
    assert "monday" not in sluice("executions").stdout
    assert isinstance(sluice("execution", "reports:mixed").exception, Refused)
    assert isinstance(sluice("redrive", "--execution", "monday").exception, Refused)


def test_an_execution_shows_the_states_of_each_iteration_with_what_was_retried_and_caught(sluice, executions):
    found = documented(sluice("execution", "mixed", "--json"))
    seen = {(s["state"], tuple(i["index"] for i in s["iteration"])): s for s in found["states"]}
    assert seen["Each", ()]["outcome"] == "done"
    assert seen["Fine", (0,)]["outcome"] == "done"
    task = seen["Read a table", (1,)]
    assert (task["outcome"], task["attempts"]) == ("caught", 2)
    assert "ResourceNotFoundException" in task["errors"][0]["error"]
    assert task["seconds"] >= 1
    assert seen["Record", (1,)]["seconds"] is not None
    text = sluice("execution", "mixed").stdout
    assert "caught ×2" in text
    assert "Each #1 › Read a table" in text


def test_a_failed_execution_says_why(sluice, executions):
    text = sluice("execution", "refused").stdout
    assert "Unwanted: nobody [wants] it" in text
    assert "batch 01BATCH of shop/orders" in sluice("execution", "01BATCH").stdout


def test_an_execution_that_nobody_knows_is_refused(sluice, executions):
    assert isinstance(sluice("execution", "nope").exception, Refused)


@pytest.fixture(scope="module")
def printed(lake):
    logs, now = client("logs"), int(time.time() * 1000)
    said = {
        "/sluice/local/lambda/route": [("s", now - 3_600_000, "long ago"), ("s", now - 2000, "routed [bold]\x1b[2J")],
        "/sluice/local/lambda/poll": [("s", now - 1000, "ERROR polled\nsecond line")],
        "/sluice/local/glue/output": [("jr_1", now - 1500, "one"), ("jr_2", now - 500, "two")],
    }
    for group, events in said.items():
        logs.create_log_group(logGroupName=group)
        for stream, at, message in events:
            if not logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=stream)["logStreams"]:
                logs.create_log_stream(logGroupName=group, logStreamName=stream)
            event = {"timestamp": at, "message": message}
            logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[event])


def test_logs_merge_all_functions_and_jobs_in_the_order_of_time(sluice, printed):
    lines = documented(sluice("logs", "--json"))
    assert [(line["source"], line["message"]) for line in lines] == [
        ("route", "routed [bold]\x1b[2J"),
        ("jobs output", "one"),
        ("poll", "ERROR polled\nsecond line"),
        ("jobs output", "two"),
    ]
    text = sluice("logs").stdout
    assert "routed [bold]\\x1b[2J" in text
    assert "polled\nsecond line" in text


def test_logs_of_a_function_a_time_and_a_run(sluice, printed):
    assert documented(sluice("logs", "route", "--since", "2h", "--json"))[0]["message"] == "long ago"
    assert [x["message"] for x in documented(sluice("logs", "--run", "jr_2", "--json"))] == ["two"]


def test_logs_of_an_unknown_function_or_span_are_errors_that_help(sluice, printed):
    assert "route" in sluice("logs", "nope").exception.hint
    refused = sluice("logs", "--since", "yesterday")
    assert refused.exit_code == 2
    assert "10m" in refused.stderr


def test_logs_of_an_execution_are_what_was_printed_in_its_time(sluice, executions, printed):
    assert documented(sluice("logs", "--execution", "01BATCH", "--json")) == []
    assert "Nothing was printed" in sluice("logs", "--execution", "01BATCH").stdout


def test_followed_logs_show_what_comes_and_nothing_twice(sluice, printed, monkeypatch):
    looks = []

    def another(_seconds):
        looks.append(1)
        if len(looks) > 2:
            raise KeyboardInterrupt
        event = {"timestamp": int(time.time() * 1000), "message": f"fresh {len(looks)}"}
        group = {"logGroupName": "/sluice/local/lambda/route", "logStreamName": "s"}
        client("logs").put_log_events(**group, logEvents=[event])

    # Of the command alone: threads of the embedded AWS sleep, too.
    monkeypatch.setattr("pipeline.cli.logs.time", SimpleNamespace(sleep=another))
    lines = sluice("logs", "route", "--follow", "--json").stdout.splitlines()
    assert [json.loads(line)["message"] for line in lines] == ["routed [bold]\x1b[2J", "fresh 1", "fresh 2"]
