"""Definitions that are made to take for ever or to break the reader are refused with file, line and field."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.definitions.problems import BadDefinitions
from pipeline.core.definitions.yaml_values import MAX_BYTES
from pipeline.lake.datasets.files import parse
from tests.examples import examples

CPU_SECONDS = 20
"""Of this thread, which other work on the machine does not lengthen."""

HEAD = "team: shop\ndataset: orders\nstage_a: {format: csv}\n"
LAUGHS = "a: &a [x]\n" + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(20))


def told(text: str | bytes) -> list[str]:
    """The problems, which took little work to find."""
    began = time.thread_time()
    try:
        parse(text if isinstance(text, bytes) else text.encode(), "f.yaml")
        return []
    except BadDefinitions as bad:
        return [str(problem) for problem in bad.problems]
    finally:
        assert time.thread_time() - began < CPU_SECONDS


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (LAUGHS, "f.yaml:2: is not YAML: anchors and aliases are not read here"),
        ("a: &a [*a]", "f.yaml:1: is not YAML: anchors and aliases are not read here"),
        ("a: &a {b: *a}", "f.yaml:1: is not YAML: anchors and aliases are not read here"),
        ("team: " + "[" * 100_000, "f.yaml:1: nests too deep"),
        ("team:\n  " + "{a: " * 200 + "1" + "}" * 200, "f.yaml:2: nests too deep"),
        ("".join(f"{' ' * n}a:\n" for n in range(400)), "f.yaml:30: nests too deep"),
        ("team: " + "- " * 400 + "x", "f.yaml:1: "),
        ("#" * (MAX_BYTES + 1), "f.yaml:1: has 262145 bytes, of at most 262144"),
        (f"{HEAD}stage_b: {{max_objects: {'9' * 5000}}}", "f.yaml:4: stage_b.max_objects: is a number of 5000 digits"),
        (f"{HEAD}stage_b: {{max_objects: {'9' * 4000}}}", "f.yaml:4: stage_b.max_objects: "),
        (f"{HEAD}stage_b: {{max_wait: {'9' * 12} days}}", "f.yaml:4: stage_b.max_wait: '999999999999 days' is longer"),
        (f"{HEAD}stage_b: {{max_wait: {'9' * 5000} days}}", "f.yaml:4: stage_b.max_wait: "),
        (f"{HEAD}stage_b: {{schedule: rate({'9' * 14} days)}}", "f.yaml:4: stage_b.schedule: 'rate(99999999999999"),
        (f"{HEAD}stage_b: {{schedule: {'x' * 9999}}}", "f.yaml:4: stage_b.schedule: "),
        ("team: shop\nteam: shop", "f.yaml:2: team: stands twice, first in line 1"),
        ("[a]: b", "f.yaml:1: a key is a name, and this is a list or a mapping"),
        ("? {a: b}\n: c", "f.yaml:1: a key is a name, and this is a list or a mapping"),
        (f"{HEAD}table: !!python/object/apply:os.system [id]", "f.yaml:4: table: the tag"),
        pytest.param(
            f"{HEAD}table: {{partition_by: [{'a, ' * 30_000}a]}}", "f.yaml:4: table", marks=pytest.mark.thorough
        ),
        (HEAD.replace("csv", "csv, columns: {a: 'struct<" + "a:int," * 30_000 + "b:int>'}"), "f.yaml:3: "),
        (HEAD.replace("csv", f"csv, columns: {{a: '{'array<' * 1000}'}}"), "f.yaml:3: "),
        (HEAD.replace("csv", f"csv, columns: {{a: 'decimal({'9' * 5000},2)'}}"), "f.yaml:3: "),
        pytest.param(
            HEAD + "".join(f"colum{n}: 1\n" for n in range(9_000)),
            "f.yaml:4: colum0: is unknown",
            marks=pytest.mark.thorough,
        ),
        (f"<<: {{a: b}}\n{HEAD}", "f.yaml:1: <<: is unknown"),
        (b"team: \xff", "f.yaml:1: is not UTF-8"),
        (b"\x00", "f.yaml:1: is not YAML"),
    ],
)
def test_what_would_take_for_ever_or_crash_is_a_problem_with_its_place(text, said):
    problems = told(text)
    assert any(problem.startswith(said) for problem in problems), [problem[:200] for problem in problems[:5]]


@pytest.mark.parametrize(
    ("cron", "about"),
    [
        ("cron(x)", "cron has 6 fields, not 1"),
        ("cron(* * * * *)", "cron has 6 fields, not 5"),
        ("cron(0 6 * * * *)", "exactly one of day of month and day of week must be ?"),
        ("cron(0 25 * * ? *)", "'25' is not between 0 and 23"),
        ("cron(0 6 ? * MON#9 *)", "'9' is not between 1 and 5"),
        ("cron(0/0 6 * * ? *)", "has a step of 0"),
    ],
)
def test_a_cron_that_eventbridge_scheduler_would_refuse_says_why_and_what_to_write(cron, about):
    [problem] = told(f"{HEAD}stage_b:\n  schedule: {cron}\n")
    assert problem.startswith("f.yaml:5: stage_b.schedule: ")
    assert about in problem
    assert "write rate(5 minutes) or cron(0 6 * * ? *)" in problem


@pytest.mark.parametrize("cron", ["cron(0 6 * * ? *)", "cron(0/15 8-18 ? * MON-FRI *)", "cron(0 0 L * ? 2030)"])
def test_a_cron_that_it_takes_is_taken(cron):
    assert told(f"{HEAD}stage_b:\n  schedule: {cron}\n") == []


PIECES = [
    *(
        "team: shop\n",
        "dataset: orders\n",
        "stage_a:\n",
        "  format: csv\n",
        "  columns:\n",
        "    a: int\n",
        "stage_b:\n",
    ),
    *(
        "  max_wait: 3 days\n",
        "  schedule: cron(0 6 * * ? *)\n",
        "table:\n",
        "  key: [a]\n",
        "quality:\n",
        "  ruleset: |\n",
    ),
    *(
        "&a ",
        "*a ",
        "!!int ",
        "!!map ",
        "{",
        "}",
        "[",
        "]",
        ": ",
        "- ",
        "? ",
        "|\n",
        ">\n",
        '"',
        "'",
        "#",
        "---\n",
        "...\n",
    ),
    *(
        "~",
        "null",
        "true",
        "1",
        "-9" * 40,
        "1e999",
        ".5",
        "\t",
        "\r",
        "\x00",
        "\ufeff",
        "\u2028",
        "<<: ",
        "%YAML 1.1\n",
    ),
]


@settings(max_examples=examples(500))
@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=4)), max_size=50).map("".join))
def test_any_text_is_a_definition_or_its_problems_name_file_and_line(text):
    with suppress(UnicodeEncodeError):
        content = text.encode()
        for problem in told(content):
            path, line, _ = problem.split(":", 2)
            assert path == "f.yaml"
            assert 1 <= int(line) <= len(text.splitlines()) + 2


@settings(max_examples=examples(300))
@given(st.binary(max_size=300))
def test_any_bytes_are_a_definition_or_problems(content):
    told(content)
