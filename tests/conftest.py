"""Fixtures that several folders of tests share."""

from __future__ import annotations

import contextlib
import gc
import itertools
import os
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, settings
from pytest_socket import disable_socket, enable_socket

from pipeline.core.lake_key import own_key
from tests.dynamodb_local import DYNAMODB_LOCAL, MOTO, DynamoDBLocal
from tests.examples import QUICK, leave_out_thorough
from tests.markers import MARKERS, THOROUGH, TIMEOUT_S, markers_of, may_have
from tests.scheduling import Scheduling, is_kept_together, rank

ROOT = Path(__file__).resolve().parent.parent
SHARED_DATA = ROOT.parent / "shared" / "data"

_PLACE = pytest.StashKey[int]()
_places = itertools.count()
_folders = itertools.count()

# How long an example takes says how busy the machine is.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# For `make quick`: a look at each property, and not a search.
settings.register_profile("quick", settings.get_profile("busy"), max_examples=QUICK)
settings.load_profile("busy")

# Where Python is told to keep no bytecode, each process that a test starts would compile all that it imports.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# Workers of pytest-xdist are told a width, which nobody sees their output in.
os.environ.pop("COLUMNS", None)

# Before anything imports boto3: no test may ever reach a real account.
for name in [n for n in os.environ if n.startswith("AWS_") and n not in ("AWS_CA_BUNDLE",)]:
    del os.environ[name]
os.environ.update(
    AWS_REGION="eu-west-1",
    AWS_DEFAULT_REGION="eu-west-1",
    AWS_EC2_METADATA_DISABLED="true",
    # So that the calls of a test can be told from those of what it tests.
    AWS_SDK_UA_APP_ID="tests",
)
os.environ.update(own_key().variables())


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms as the tag and its value."""


def _intrinsic(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    return {suffix: value}


_Loader.add_multi_constructor("!", _intrinsic)


def load_template(name: str) -> dict[str, Any]:
    """A template of definitions/stacks, with `!Sub x` as {"Sub": "x"}."""
    loaded: dict[str, Any] = yaml.load((ROOT / "definitions" / "stacks" / name).read_text(), Loader=_Loader)
    return loaded


@contextlib.contextmanager
def table_calls() -> Iterator[dict[str, set[str]]]:
    """The actions that IAM has to allow for what is called of DynamoDB meanwhile, by the table's name."""
    from pipeline.core.clients import client

    found: dict[str, set[str]] = defaultdict(set)

    def note(params: dict[str, Any], model: Any, **_: Any) -> None:
        if model.name == "TransactWriteItems":
            names = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem"}
            for action in params["TransactItems"]:
                [(kind, request)] = action.items()
                found[request["TableName"]].add(f"dynamodb:{names.get(kind, 'ConditionCheckItem')}")
        else:
            for table in [params["TableName"]] if "TableName" in params else params["RequestItems"]:
                found[table].add(f"dynamodb:{model.name}")

    events = client("dynamodb").meta.events
    events.register("before-parameter-build.dynamodb", note, unique_id="table-calls")
    try:
        yield found
    finally:
        events.unregister("before-parameter-build.dynamodb", unique_id="table-calls")


def allowed(template: str, function: str, resource: str) -> set[str]:
    """The actions that a function's role may do on the resource whose ARN is this parameter of the environment."""
    policies = load_template(template)["Resources"][f"{function}Role"]["Properties"]["Policies"]
    arn = f"{{{{resolve:ssm:/sluice/${{Env}}/{resource}}}}}"
    return {
        action
        for policy in policies
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Resource"] == {"Sub": arn}
        for action in statement["Action"]
    }


@pytest.fixture(scope="session")
def _folders_of_tests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tests")


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, _folders_of_tests: Path) -> Path:
    """A folder of the test's own, in the place of pytest's, which looks through those of all tests for a free name."""
    folder = _folders_of_tests / f"{re.sub(r'[^0-9A-Za-z_]', '_', request.node.name)[:30]}{next(_folders)}"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def aws() -> Iterator[None]:
    """moto in this process, empty, and mended as in the embedded AWS: it is this one that must answer as AWS does."""
    from moto import mock_aws

    from pipeline.core.clients import client
    from pipeline.emulator.moto.patch import install_all

    install_all()
    client.cache_clear()
    with mock_aws():
        yield
    client.cache_clear()


@pytest.fixture(scope="session")
def dynamodb_local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The endpoint of AWS's own DynamoDB Local; whoever asks for it is skipped where it cannot be had."""
    from pipeline.core.errors import Misconfigured

    server = DynamoDBLocal(tmp_path_factory.mktemp("dynamodb-local") / "log")
    try:
        server.start()
    except Misconfigured as error:
        pytest.skip(f"without DynamoDB Local: {error.message}")
    yield server.endpoint
    server.stop()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--dynamodb-local", action="store_true", help="run the tests that take one back end on DynamoDB Local, not moto"
    )
    parser.addoption("--sfn-endpoint", default="", help="run tests/state_machines on AWS's Step Functions Local there")
    parser.addoption("--shuffle-all", action="store_true", help="run tests of the embedded AWS in random order, too")
    parser.addoption("--update-histories", action="store_true", help="record the histories of tests/state_machines")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling:
    return Scheduling(config, log)


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Bytes may hold the time of day (gzip's do), and then no two processes would have the same tests."""
    return f"{argname}-of-{len(val)}-bytes" if isinstance(val, bytes) else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each process has to collect the same tests in the same order: of a set it is another in each."""
    for mark in metafunc.definition.iter_markers("parametrize"):
        assert not isinstance(mark.args[1], set | frozenset), (
            f"{metafunc.definition.nodeid}: sort the set {mark.args[0]}"
        )


def pytest_configure(config: pytest.Config) -> None:
    for name, meaning in MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")
    config.addinivalue_line("markers", f"{THOROUGH}: takes long, and `make quick` leaves it out")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With one marker asked for, what has others is not imported: that takes longer than the unit tests."""
    wanted, place = config.option.markexpr, collection_path.relative_to(ROOT).as_posix()
    if wanted not in MARKERS:
        return None
    if collection_path.suffix == ".py":
        return True if wanted not in markers_of(place) else None
    return True if collection_path.is_dir() and not may_have(place, wanted) else None


def pytest_itemcollected(item: pytest.Item) -> None:
    names = markers_of(item.path.relative_to(ROOT).as_posix())
    for name in ("emulator",) if "aws" in getattr(item, "fixturenames", ()) and names == ("unit",) else names:
        item.add_marker(name)
    if len(names) == 1 and (most := TIMEOUT_S.get(names[0])) and not item.get_closest_marker("timeout"):
        item.add_marker(pytest.mark.timeout(most))
    item.stash[_PLACE] = next(_places)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Unit tests come shuffled by pytest-randomly; with `--shuffle-all` all but those that share a lake or a JVM."""

    def keeps_its_place(item: pytest.Item) -> bool:
        if is_kept_together(item.nodeid):
            return True
        return not (config.getoption("--shuffle-all") or item.get_closest_marker("unit"))

    leave_out_thorough(config, items)
    items.sort(key=lambda item: (rank(item.nodeid), item.stash[_PLACE] if keeps_its_place(item) else -1))


def pytest_collection_finish() -> None:
    """What has been imported and collected stays: without this, each full collection of garbage goes through it all."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("unit"):
        disable_socket(allow_unix_socket=True)


def pytest_runtest_teardown(item: pytest.Item) -> None:
    enable_socket()


@pytest.fixture
def dynamodb_back_end(request: pytest.FixtureRequest) -> str:
    """Folders and modules whose tests are to run against both override this with one of `params=BACK_ENDS`."""
    return DYNAMODB_LOCAL if request.config.getoption("--dynamodb-local") else MOTO


@pytest.fixture
def dynamodb(
    request: pytest.FixtureRequest, aws: None, dynamodb_back_end: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    """A client of an empty DynamoDB: moto's, or DynamoDB Local. All clients of the test's process go there."""
    from pipeline.core.clients import client

    if dynamodb_back_end == DYNAMODB_LOCAL:
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", request.getfixturevalue("dynamodb_local"))
    dynamodb = client("dynamodb")
    yield dynamodb
    for name in dynamodb.list_tables()["TableNames"]:
        dynamodb.delete_table(TableName=name)


@pytest.fixture
def catalog_tables(dynamodb: Any) -> dict[str, str]:
    """The DynamoDB tables as the template defines them: logical id to name."""
    names = {}
    for logical, resource in load_template("catalog.yaml")["Resources"].items():
        if resource["Type"] != "AWS::DynamoDB::Table":
            continue
        wanted = ("AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes")
        properties = {k: v for k, v in resource["Properties"].items() if k in wanted}
        dynamodb.create_table(TableName=logical, **properties)
        names[logical] = logical
    return names
