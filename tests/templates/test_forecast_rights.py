"""What a source of forecasts may reach: its provider's bucket and topic, wherever they are, and nothing else."""

from __future__ import annotations

import pytest

from tests.templates.authorization import services
from tests.templates.evaluation import Principal
from tests.templates.policies import HERE, TEMPLATES
from tests.templates.rendering import GIVEN, rendered
from tests.templates.rights import BOUNDARIES, LAKE, boundary, principal

OURS, THEIRS = "111122223333", "633885181284"
TOPIC = f"arn:aws:sns:eu-west-2:{THEIRS}:met-office-atmospheric-model-data-object_created"
QUEUE = f"arn:aws:sqs:{HERE}:{LAKE}-forecast-met_office"
FILE = "arn:aws:s3:::files-of-the-met-office/uk/one.nc"
ANYTHING = ({"Effect": "Allow", "Action": "*", "Resource": "*"},)


def actions(prefix: str) -> list[str]:
    return sorted(each.name for each in services()[prefix].actions.values())


@pytest.fixture
def ingesting() -> Principal:
    return principal("forecast", "IngestFunctionRole")


def test_it_reads_the_files_of_its_provider_and_of_no_other_bucket(ingesting: Principal) -> None:
    may = {each for each in actions("s3") if ingesting.may(each, FILE, aws__ResourceAccount=THEIRS)}
    assert may == {"s3:GetObject", "s3:GetObjectVersion"}
    listing = {
        each for each in actions("s3") if ingesting.may(each, FILE.partition("/")[0], aws__ResourceAccount=THEIRS)
    }
    assert listing == {"s3:ListBucket"}
    for other in ("arn:aws:s3:::files-of-the-met-office-2/one.nc", "arn:aws:s3:::others/uk/one.nc"):
        assert [each for each in actions("s3") if ingesting.may(each, other, aws__ResourceAccount=THEIRS)] == []


def test_a_bucket_of_the_account_that_is_not_the_lakes_is_read_by_no_role_of_the_flow() -> None:
    """Whatever a template gives it: what a team of the account has in its buckets, that team hands out."""
    anything = Principal(ANYTHING, boundary("ForecastsBoundary"))
    assert anything.may("s3:GetObject", FILE, aws__ResourceAccount=THEIRS)
    assert [each for each in actions("s3") if anything.may(each, FILE, aws__ResourceAccount=OURS)] == []
    writing = {each for each in actions("s3") if anything.may(each, FILE, aws__ResourceAccount=THEIRS)}
    assert writing == {"s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket"}


def subscribes(topic: str, endpoint: str, protocol: str = "sqs") -> bool:
    stacks = principal("bootstrap", "StackRole")
    account = topic.split(":")[4]
    return stacks.may(
        "sns:Subscribe", topic, sns__Endpoint=endpoint, sns__Protocol=protocol, aws__ResourceAccount=account
    )


def test_the_stack_role_subscribes_queues_of_announcements_to_topics_of_others_and_nothing_else() -> None:
    assert subscribes(TOPIC, QUEUE)
    assert not subscribes(TOPIC, QUEUE.replace("-forecast-", "-raw-"))
    assert not subscribes(TOPIC, QUEUE.replace(OURS, THEIRS))
    assert not subscribes(TOPIC, "https://example.org/", "https")
    assert not subscribes(TOPIC.replace(THEIRS, OURS), QUEUE), "somebody else's topic in this account"
    assert subscribes(f"arn:aws:sns:{HERE}:{LAKE}-forecast-demo", QUEUE)
    others = {each for each in actions("sns") if principal("bootstrap", "StackRole").may(each, TOPIC)}
    assert others <= {"sns:GetSubscriptionAttributes", "sns:SetSubscriptionAttributes", "sns:Unsubscribe"}


def test_who_looks_at_forecasts_reads_index_and_files_and_changes_nothing() -> None:
    reader = principal("forecasts-base", "ReaderRole")
    table, raw = f"arn:aws:dynamodb:{HERE}:table/{LAKE}-forecasts", f"arn:aws:s3:::{LAKE}-raw-{OURS}-eu-west-1"
    reading = {f"dynamodb:{each}" for each in ("BatchGetItem", "DescribeTable", "GetItem", "Query", "Scan")}
    for place in (table, f"{table}/index/by_time"):
        assert {each for each in actions("dynamodb") if reader.may(each, place)} == reading
    assert [each for each in actions("dynamodb") if reader.may(each, f"{table}2")] == []
    file = f"{raw}/forecasts/met_office/0123456789abcdef/one.nc"
    assert {each for each in actions("s3") if reader.may(each, file)} == {"s3:GetObject", "s3:GetObjectVersion"}
    assert [each for each in actions("s3") if reader.may(each, f"{raw}/weather/stations/one.csv")] == []
    assert reader.may("s3:ListBucket", raw, s3__prefix="forecasts/met_office/")
    assert not reader.may("s3:ListBucket", raw, s3__prefix="weather/")
    assert not reader.may("s3:ListBucket", raw)


@pytest.mark.parametrize("role", ["StackRole", "DeploymentRole"])
def test_who_deploys_changes_neither_the_reader_nor_the_role_of_the_accounts_logs(role: str) -> None:
    deploying = principal("bootstrap", role)
    for its in ("forecasts-reader", "forecasts-base-ApiLogsRole-1A2B"):
        arn = f"arn:aws:iam::{OURS}:role/delivery/{LAKE}-{its}"
        may = {
            each
            for each in actions("iam")
            for boundary in BOUNDARIES
            if deploying.may(
                each, arn, iam__PermissionsBoundary=boundary, iam__PassedToService="apigateway.amazonaws.com"
            )
        }
        assert may == set()
        assert [each for each in actions("sts") if deploying.may(each, arn)] == []
    stack = f"arn:aws:cloudformation:{HERE}:stack/{LAKE}-forecasts-base/1"
    for action in ("CreateChangeSet", "ExecuteChangeSet", "DeleteStack"):
        assert not deploying.may(f"cloudformation:{action}", stack)
    # An account's settings are no API, key or plan.
    account = "arn:aws:apigateway:eu-west-1::/account"
    assert [each for each in actions("apigateway") if deploying.may(each, account)] == []


def test_the_queue_takes_announcements_of_the_one_topic_and_of_its_account() -> None:
    [template] = [path for path in TEMPLATES if path.stem == "forecast"]
    options = {name: GIVEN[name] for name in ("Env", "ForecastSource", "SourceName", "Definition")}
    given = {**options, "Topic": TOPIC, "Bucket": "files-of-the-met-office", "TopicRegion": "eu-west-2"}
    made = rendered(template, given=given)
    [taking] = [
        each
        for each in made["AnnouncementsQueuePolicy"]["Properties"]["PolicyDocument"]["Statement"]
        if each["Effect"] == "Allow"
    ]
    assert taking["Condition"] == {
        "StringEquals": {"aws:SourceAccount": THEIRS},
        "ArnEquals": {"aws:SourceArn": TOPIC},
    }
    subscription = made["Subscription"]["Properties"]
    assert (subscription["TopicArn"], subscription["Region"]) == (TOPIC, "eu-west-2")
    assert "OwnBucket" not in made


def test_the_lakes_key_is_used_by_sns_whoevers_topic_it_delivers_of() -> None:
    """The queue is encrypted, and its policy decides whose announcements it takes."""
    [template] = [path for path in TEMPLATES if path.stem == "bootstrap"]
    statements = rendered(template)["LakeKey"]["Properties"]["KeyPolicy"]["Statement"]
    [using] = [each for each in statements if each["Principal"] == {"Service": "sns.amazonaws.com"}]
    assert "Condition" not in using
