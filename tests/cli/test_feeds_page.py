"""docs/feeds.md names only commands, options and fields that there are."""

from __future__ import annotations

import re

import yaml
from typer.main import get_command

from pipeline.cli import feed
from pipeline.feeds.definition import Feed
from pipeline.feeds.erasure import UNREACHED
from pipeline.feeds.files import parse
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "feeds.md").read_text()


def test_every_command_and_option_is_there_and_none_is_left_out():
    commands = get_command(feed.feed).commands  # type: ignore[attr-defined]
    assert set(re.findall(r"sluice feed ([a-z]+)", PAGE)) == set(commands)
    options = {option for command in commands.values() for each in command.params for option in each.opts}
    options |= {option for command in commands.values() for each in command.params for option in each.secondary_opts}
    of_others = {"--flow", "--table-name", "--item", "--profile", "--env", "--output", "--secret-id", "--secret-string"}
    of_others |= {"--password-length", "--exclude-punctuation", "--version-stage"}
    of_others |= {"--name", "--query", "--host", "--user", "--dbname", "--command"}
    assert set(re.findall(r"(--[a-z][a-z-]+)", PAGE)) - of_others <= options


def test_the_contract_on_the_page_is_one():
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert parse(text.encode(), "docs/feeds.md").feed == Feed.model_validate(yaml.safe_load(text))


def test_what_erasure_does_not_reach_is_what_the_command_says():
    for each in UNREACHED:
        assert each in " ".join(PAGE.split()), each
