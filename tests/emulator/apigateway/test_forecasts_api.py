"""The API of forecasts, deployed from its stack, answers what the index of docs/forecasts.md holds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin

import pytest
import yaml
from openapi_schema_validator import OAS30Validator

from pipeline.cloudformation.templates import load_template
from pipeline.deploy.packaging.documents import include_documents
from pipeline.emulator.awslambda.functions import Answer, Function
from pipeline.emulator.awslambda.patches import functions
from pipeline.emulator.cloudformation import Deployer
from pipeline.emulator.gateway.server import AwsServer
from tests.conftest import ROOT
from tests.emulator.apigateway.conftest import REGION, Aws, Deployed, Reply
from tests.emulator.awslambda.lambda_parts import package

TEMPLATE = ROOT / "definitions" / "stacks" / "forecasts_api.yaml"
DOCUMENT = yaml.safe_load((ROOT / "definitions" / "forecasts_api" / "openapi.yaml").read_text())
ACCOUNT = "123456789012"
TABLE = "sluice-local-forecasts"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/of-the-lake"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/delivery/sluice-local-forecasts-boundary"
TIMES = [f"2020-07-22T{hour:02}:00:00Z" for hour in range(4)]
RUNS = ["2020-07-19T14:00:00Z", "2020-07-20T14:00:00Z"]
VARIABLES = ['wind\'s "speed"', "rain#50%", "snow\\$util.x"]
LICENCE = "© Crown copyright 'Met Office' \"OGL\""


def escaped(text: str) -> str:
    return text.replace("%", "%25").replace("#", "%23")


def files() -> Iterator[dict[str, str]]:
    """Items of the index: of each time both runs, of each run all variables; two of them share a period."""
    for at, time in enumerate(TIMES):
        for run in RUNS:
            for variable in VARIABLES:
                period, rest = f"PT{at + 58 - 24 * RUNS.index(run)}H", f"uk_ens#{escaped(variable)}#1.5m#0-2"
                yield {
                    "forecast_period": period, "forecast_key": f"{time}#{rest}", "forecast_time": time,
                    "forecast_reference_time": run, "model": "uk_ens", "variable": variable, "level": "1.5m",
                    "members": "0-2", "bounds": "", "bucket": "raw", "key": f"forecasts/{run}/o'clock.nc",
                    "version": "v\"1", "source": "met_office", "licence": LICENCE, "announced_order": "1",
                    "run_key": f"{run}#{period}#{rest}",
                }  # fmt: skip


def times() -> Iterator[dict[str, str]]:
    for time in TIMES:
        for variable in ("*", *VARIABLES):
            for model in ("*", "uk_ens"):
                named = "*" if variable == "*" else escaped(variable)
                yield {
                    "forecast_period": f"TIMES#{model}#{named}", "forecast_key": time, "forecast_time": time,
                    "forecast_reference_time": RUNS[-1], "model": model, "variable": variable,
                    "source": "met_office", "licence": LICENCE,
                }  # fmt: skip


@pytest.fixture(scope="module")
def stack(front: AwsServer, aws: Aws, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The outputs of the stack, on a table as the flow makes it."""
    where = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{TABLE}"
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:values:live"
    facts = {
        "forecasts-table": TABLE, "forecasts-table-arn": where, "forecast-values-function": function,
        "key-arn": KEY, "forecasts-boundary-arn": BOUNDARY,
    }  # fmt: skip
    for name, value in facts.items():
        aws("ssm").put_parameter(Name=f"/sluice/local/{name}", Value=value, Type="String")
    _make_table(aws("dynamodb"))
    _make_function(aws)
    template = load_template(TEMPLATE)
    include_documents(template, TEMPLATE, TEMPLATE.name)
    path = tmp_path_factory.mktemp("stack") / "forecasts_api.json"
    path.write_text(json.dumps(template))
    return dict(Deployer(aws, ACCOUNT, REGION).deploy("forecasts-api", path, {"Env": "local"}).outputs)


def _make_function(aws: Aws) -> None:
    """What answers with values; no case here asks for any (tests/whole_lake/test_forecasts.py does)."""
    functions.run_by(_runs_nothing, lambda function, payload: "")
    trust = {
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]
    }
    role = aws("iam").create_role(RoleName="values", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    code = {"ZipFile": package("def answer(event, context): raise NotImplementedError")}
    given = {"Runtime": "python3.12", "Handler": "app.answer", "Role": role, "Code": code, "Publish": True}
    made = aws("lambda").create_function(FunctionName="values", **given)
    aws("lambda").create_alias(FunctionName="values", Name="live", FunctionVersion=made["Version"])


def _runs_nothing(function: Function, payload: bytes, request_id: str | None = None) -> Answer:
    raise NotImplementedError


def _make_table(dynamodb: Any) -> None:
    dynamodb.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": "forecast_period", "KeyType": "HASH"},
            {"AttributeName": "forecast_key", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"}
            for name in ("forecast_period", "forecast_key", "forecast_time", "run_key")
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_time",
                "KeySchema": [
                    {"AttributeName": "forecast_time", "KeyType": "HASH"},
                    {"AttributeName": "run_key", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    for item in (*files(), *times()):
        dynamodb.put_item(TableName=TABLE, Item={name: {"S": value} for name, value in item.items()})


class Api:
    """The deployed API, asked with its key; each answer is held to the document's schema of its status."""

    def __init__(self, deployed: Deployed, key: str) -> None:
        self._deployed = deployed
        self._key = key

    def ask(self, path: str) -> Reply:
        reply = self._deployed.ask(path, x_api_key=self._key)
        if reply.status in (200, 400, 404):
            kind = {200: "Files" if path.startswith("/times/") else "Times"}.get(reply.status, "Problem")
            schema = {"$ref": f"#/components/schemas/{kind}", "components": DOCUMENT["components"]}
            OAS30Validator(schema).validate(reply.json)
            wanted = "application/json" if reply.status == 200 else "application/problem+json"
            assert reply.headers["content-type"] == wanted
        return reply


@pytest.fixture(scope="module")
def api(front: AwsServer, aws: Aws, stack: dict[str, str]) -> Api:
    key = aws("apigateway").get_api_key(apiKey=stack["KeyId"], includeValue=True)["value"]
    return Api(Deployed(front, stack["ApiId"]), key)


def test_every_time_is_listed_once_with_its_newest_run(api: Api) -> None:
    listed = api.ask("/times").json["times"]
    assert [each["time"] for each in listed] == TIMES
    assert listed[0] == {"time": TIMES[0], "run": RUNS[-1], "source": "met_office", "attribution": LICENCE}


@pytest.mark.parametrize("variable", VARIABLES)
def test_times_are_those_of_a_variable_and_a_model(api: Api, variable: str) -> None:
    for query in (f"variable={quote(variable)}", f"variable={quote(variable)}&model=uk_ens"):
        assert [each["time"] for each in api.ask(f"/times?{query}").json["times"]] == TIMES
    assert api.ask(f"/times?variable={quote(variable)}&model=other").json == {"times": []}


def test_pages_of_times_have_all_of_them(api: Api) -> None:
    found, after = [], ""
    for _ in range(len(TIMES) + 1):
        page = api.ask(f"/times?limit=3&after={quote(after)}").json
        found += [each["time"] for each in page["times"]]
        after = page.get("next", "")
        if not after:
            break
    assert found == TIMES


@pytest.mark.parametrize("time", TIMES)
def test_a_time_has_every_file_of_the_index_the_newest_run_first(api: Api, time: str) -> None:
    answer = api.ask(f"/times/{quote(time)}").json
    wanted = sorted((each for each in files() if each["forecast_time"] == time), key=lambda each: each["run_key"])
    assert answer == {
        "time": time,
        "files": [
            {
                "run": each["forecast_reference_time"], "period": each["forecast_period"], "model": each["model"],
                "variable": each["variable"], "level": "1.5m", "members": "0-2", "bounds": "",
                "file": {name: each[name] for name in ("bucket", "key", "version")},
                "source": "met_office", "attribution": LICENCE,
            }
            for each in reversed(wanted)
        ],
    }  # fmt: skip


def test_pages_of_files_have_all_of_them_with_a_filter_too(api: Api) -> None:
    for query, count in (("", 6), (f"&variable={quote(VARIABLES[1])}", 2), ("&model=uk_ens", 6), ("&model=other", 0)):
        found, before = [], ""
        for _ in range(7):
            reply = api.ask(f"/times/{TIMES[1]}?limit=2&before={quote(before)}{query}")
            if reply.status == 404:
                break
            found += reply.json["files"]
            before = reply.json.get("next", "")
            if not before:
                break
        assert len(found) == count, query
        assert len({json.dumps(each) for each in found}) == count


def test_a_page_of_more_than_a_megabyte_goes_on_in_the_next(api: Api, aws: Aws) -> None:
    time, count = "2020-08-01T00:00:00Z", 60
    for number in range(count):
        item = {**next(files()), "forecast_time": time, "forecast_key": f"{time}#{number}", "run_key": f"r#{number:03}"}
        item |= {"variable": f"v{number:03}", "licence": "Free " * 6000}
        aws("dynamodb").put_item(TableName=TABLE, Item={name: {"S": value} for name, value in item.items()})
    pages, before = [], ""
    while not pages or before:
        reply = api.ask(f"/times/{time}?limit=1000&before={quote(before)}")
        pages.append([each["variable"] for each in reply.json["files"]])
        before = reply.json.get("next", "")
    assert [name for page in pages for name in page] == [f"v{number:03}" for number in reversed(range(count))]
    assert len(pages) == 2


def test_an_exhausted_plan_is_a_problem(api: Api, stack: dict[str, str], aws: Aws) -> None:
    gateway = aws("apigateway")
    (plan,) = [
        each
        for each in gateway.get_usage_plans(keyId=stack["KeyId"])["items"]
        if any(stage["apiId"] == stack["ApiId"] for stage in each["apiStages"])
    ]
    before = plan["quota"]

    def limit(number: int) -> None:
        change = {"op": "replace", "path": "/quota/limit", "value": str(number)}
        gateway.update_usage_plan(usagePlanId=plan["id"], patchOperations=[change])

    limit(1)
    try:
        replies = [api.ask("/times") for _ in range(2)]
    finally:
        limit(before["limit"])
    assert (replies[1].status, replies[1].headers["content-type"]) == (429, "application/problem+json")
    assert replies[1].json == {"type": "about:blank", "title": "Limit Exceeded"}
    assert api.ask("/times").status == 200


def test_the_nearest_time_before_is_where_the_answer_says(api: Api) -> None:
    asked = f"/times/2020-07-22T02:59:00Z?nearest=before&variable={quote(VARIABLES[1])}&model=uk_ens"
    reply = api.ask(asked)
    assert (reply.status, reply.json["time"], reply.json["attribution"]) == (303, TIMES[2], LICENCE)
    followed = api.ask(urljoin(asked, reply.headers["location"]))
    assert [each["variable"] for each in followed.json["files"]] == [VARIABLES[1]] * 2
    exact = api.ask(f"/times/{TIMES[0]}?nearest=before")
    assert urljoin("/times/x", exact.headers["location"]) == f"/times/{TIMES[0]}"
    assert api.ask("/times/2020-07-21T23:00:00Z?nearest=before").status == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/times?limit=0", 400),
        ("/times?limit=1001", 400),
        ("/times?limit=1%22%2C%22a%22%3A%221", 400),
        ("/times/yesterday", 400),
        ("/times/2020-07-22", 400),
        ("/times/2020-07-22T19:00:00Z%22%7D%7D", 400),
        ("/times/$util.parseJson('%7B')", 400),
        ("/times/%23set($x%3D1)", 400),
        (f"/times/{TIMES[0]}?nearest=after", 400),
        (f"/times/{TIMES[0]}?limit=x", 400),
        ("/times/2031-01-01T00:00:00Z", 404),
        (f"/times/{TIMES[0]}?variable=%22%7D%2C%22x%22%3A%7B%22S%22%3A%22", 404),
        ("/other", 403),
    ],
)
def test_what_is_asked_wrongly_gets_a_problem(api: Api, path: str, status: int) -> None:
    reply = api.ask(path)
    assert (reply.status, reply.headers["content-type"]) == (status, "application/problem+json")
    assert reply.json["title"]


def test_who_has_no_key_gets_a_problem_and_each_answer_is_logged(api: Api, stack: dict[str, str], aws: Aws) -> None:
    reply = api._deployed.ask("/times")
    assert (reply.status, reply.json["title"]) == (403, "Forbidden")
    api._deployed.front.api_gateway.flush()
    events = aws("logs").get_log_events(logGroupName="/sluice/local/api/forecasts", logStreamName="access")["events"]
    last = json.loads(events[-1]["message"])
    assert (last["status"], last["error"], last["key"]) == ("403", "INVALID_API_KEY", "-")


def test_its_index_is_all_that_the_api_asks(front: AwsServer, api: Api) -> None:
    api.ask("/times")
    api.ask(f"/times/{TIMES[0]}")
    table = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{TABLE}"
    asked = {need for need in front.actions.snapshot() if need.caller.startswith("apigateway:")}
    assert {(need.action, need.resource) for need in asked} == {
        ("dynamodb:Query", table),
        ("dynamodb:Query", f"{table}/index/by_time"),
    }


def test_a_signature_is_asked_for_where_the_stack_says_so(aws: Aws, api: Api, tmp_path: Path) -> None:
    template = load_template(TEMPLATE)
    include_documents(template, TEMPLATE, TEMPLATE.name)
    path = tmp_path / "forecasts_api.json"
    path.write_text(json.dumps(template))
    deployer = Deployer(aws, ACCOUNT, REGION)
    deployer.deploy("forecasts-api", path, {"Env": "local", "ApiAuthorization": "iam"})
    try:
        assert api.ask("/times").status == 403
    finally:
        deployer.deploy("forecasts-api", path, {"Env": "local"})
