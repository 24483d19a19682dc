import json
from pathlib import Path

import pytest

from pipeline.lake.batches.records import Batch, BatchStatus
from pipeline.lake.datasets import Quality
from pipeline.lake.quality.sentences import sentence
from stages.stage_b.jobs.evaluation import Finding, verdict

SEEN = {
    rule: (reason, told) for rule, reason, told in json.loads(Path(__file__).with_name("sentences.json").read_text())
}
"""Rules that Deequ 2.1.0 called failed, what it said of ten rows, and what is said instead."""


@pytest.mark.parametrize("rule", SEEN)
def test_what_deequ_says_becomes_what_was_seen_and_what_was_wanted(rule):
    reason, told = SEEN[rule]
    assert sentence(rule, reason) == told
    assert "constraint" not in told


def test_a_sentence_is_left_as_it_is():
    for rule, (_, told) in SEEN.items():
        assert sentence(rule, told) == told
    assert sentence("RowCount > 0", None) is None
    assert sentence("no rule at all", "some text") == "some text"


@pytest.mark.parametrize(
    ("share", "shown"),
    [("1.0", "100%"), ("0.99999999", "99.99%"), ("1.0E-9", "less than 0.01%"), ("0.0", "0%"), ("0.8571428", "85.71%")],
)
def test_a_share_is_never_rounded_to_all_or_to_nothing(share, shown):
    reason = f"Value: {share} does not meet the constraint requirement!"
    assert sentence('IsComplete "n"', reason) == f'"n" has a value in {shown} of the rows; wanted: all'


def test_a_verdict_tells_what_was_seen_and_what_was_wanted():
    rule, (reason, told) = "RowCount > 10", SEEN["RowCount > 10"]
    batch = Batch("team/orders", "B", BatchStatus.RUNNING, (), "2026-01-01T00:00:00Z")
    judged = verdict(batch, 1, Quality(ruleset=f"Rules = [ {rule} ]"), (Finding(rule, passed=False, reason=reason),))
    assert [each.reason for each in judged.rules] == [told]


def test_of_a_composition_each_part_that_failed_is_told_and_no_other():
    reasons = {rule: reason for rule, (reason, _) in SEEN.items()}
    parts = (
        Finding('IsComplete "id"', passed=True),
        Finding("RowCount > 10", passed=False, reason=reasons["RowCount > 10"]),
    )
    composed = Finding('(IsComplete "id") and (RowCount > 10)', passed=False, reason="anything", parts=parts)
    batch = Batch("team/orders", "B", BatchStatus.RUNNING, (), "2026-01-01T00:00:00Z")
    judged = verdict(batch, 1, Quality(ruleset=f"Rules = [ {composed.rule} ]"), (composed,))
    assert [each.reason for each in judged.rules] == [f"RowCount > 10: {SEEN['RowCount > 10'][1]}"]
