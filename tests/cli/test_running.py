"""What `sluice up` says besides its steps."""

from __future__ import annotations

from pipeline.cli.output import console
from pipeline.cli.running import say_limits
from pipeline.local.operations import PAGE
from tests.conftest import ROOT


def test_up_says_in_one_line_that_there_are_limits_and_where_they_are_listed():
    with console.capture() as said:
        say_limits(set())
    (line,) = said.get().splitlines()
    assert f"limits: they are listed in {PAGE}" in line
    assert (ROOT / PAGE).is_file()


def test_up_counts_what_it_takes_without_effect():
    with console.capture() as said:
        say_limits({"AWS::S3::Bucket LifecycleConfiguration", "AWS::S3::Bucket Tags", "AWS::KMS::Key Tags"})
    assert "accepted without effect: 3 properties of KMS::Key, S3::Bucket" in said.get().splitlines()[1]
