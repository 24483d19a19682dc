"""Wrong usage ends with 2, says what is wrong, and is told before any lake is looked at."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from pipeline.cli import app as cli
from pipeline.cli import commands
from pipeline.cli.connect import Target

WRONG = [
    ["status", "orders"],
    ["wait", "a/b/c"],
    ["drop", "{file}", "--to", "orders"],
    ["drop", "{file}"],
    ["drop", "no-such-file.csv", "--to", "shop/orders"],
    ["drop", "{file}", "--to", "shop/orders", "--if-unknown", "perhaps"],
    ["objects", "--status", "LOST"],
    ["objects", "--from", "yesterday"],
    ["objects", "--to", "31.12.2025"],
    ["objects", "--limit", "0"],
    ["objects", "shop"],
    ["executions", "--status", "GREEN"],
    ["executions", "--from", "noon"],
    ["executions", "--dataset", "shop"],
    ["why", "s3://bucket-alone"],
    ["why", ""],
    ["redrive"],
    ["redrive", "shop/orders/a.csv", "--batch", "01KF"],
    ["redrive", "--dataset", "shop"],
    ["redrive", "--rows", "shop"],
    ["redrive", "--batch", "01KF", "--version", "1"],
    ["redrive", "--batch", "01KF", "--dry-run"],
    ["dismiss", "--reason", "x"],
    ["quality", "shop"],
    ["quality", "shop/orders", "--leave-out", "01KF"],
    ["quality", "shop/orders", "--leave-out", "01KF", "--count", "01KG", "--reason", "x"],
    ["upkeep", "--now"],
    ["logs", "--since", "a week"],
    ["logs", "--id", "01KF3M8Q5Z5V6W7X8Y9ZABCDEF", "--follow"],
    ["find", "x"],
    ["try", "orders"],
    ["smoke", "{file}"],
    ["datasets", "apply", "shop"],
    ["datasets", "init", "{file}", "--to", "orders"],
    ["feed", "check"],
    ["feed", "check", "payments", "--all"],
    ["feed", "erase", "payments", "--namespace", "person", "--for-good", "--dry-run"],
    ["forecasts", "values", "2026-11-30T06:00:00Z", "--variable", "t", "--lat", "91", "--lon", "0"],
    ["forecasts", "times", "--after", "soon"],
    ["forecasts", "times", "soon"],
    ["bootstrap", "--source", "x"],
    ["test", "no-such-folder"],
    ["test", "tests", "--substitute", "x"],
    ["--profile", "p", "status"],
    ["--profile", "p", "--endpoint", "http://127.0.0.1:1", "--env", "dev", "status"],
    ["no-such-command"],
    ["status", "--no-such-option"],
    ["console", "--port", "x"],
    ["console", "--port", "70000"],
]


@pytest.fixture
def _no_lake(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(target: Target) -> Any:
        pytest.fail("a lake was looked at")

    monkeypatch.setattr(Target, "embedded", connect)


def ends(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> object:
    # The command stops it from being loaded, in its process.
    monkeypatch.setitem(sys.modules, "awscrt", None)
    monkeypatch.setattr(sys, "argv", ["sluice", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code


@pytest.mark.usefixtures("_no_lake")
@pytest.mark.parametrize("arguments", WRONG, ids=" ".join)
def test_wrong_usage_ends_with_two(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "orders.csv"
    file.write_text("id\n1\n")
    assert ends([each.format(file=file) for each in arguments], monkeypatch) == 2
    told = capsys.readouterr()
    assert len(told.err) > 20
    assert not told.out


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, inner in getattr(command, "commands", {}).items():
        yield from leaves(inner, (*path, name))
    if not getattr(command, "commands", None):
        yield path, command


@pytest.fixture(scope="module")
def every() -> list[tuple[tuple[str, ...], Any]]:
    commands.load()
    return list(leaves(typer.main.get_command(cli.app)))


def test_each_parameter_that_names_a_dataset_is_read_and_completed(every: list[tuple[tuple[str, ...], Any]]) -> None:
    named = [
        (path, parameter)
        for path, command in every
        for parameter in command.params
        if "TEAM/DATASET" in (parameter.metavar or "") or parameter.name == "dataset"
    ]
    assert len(named) > 12
    for path, parameter in named:
        assert parameter.callback is not None, (path, parameter.name)
        assert parameter._custom_shell_complete is not None, (path, parameter.name)


def test_no_flag_shows_the_type_of_a_switch(every: list[tuple[tuple[str, ...], Any]]) -> None:
    for path, command in every:
        help_ = command.get_help(typer.Context(command, info_name=" ".join(path)))
        assert not re.search(r"<bool>|BOOLEAN|boolean", help_ or ""), path
