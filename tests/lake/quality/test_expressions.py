from __future__ import annotations

import contextlib
import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.lake.quality.expressions import MOST, ExpressionError, compute, looks_back, read

HISTORY = [30.0, 20.0, 10.0, 40.0]
"""Newest first."""


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("last()", 30),
        ("last(1)", 30),
        ("avg(last(3)) * 0.5", 10),
        ("median(last(4))", 25),
        ("min(last(2)) - 1", 19),
        ("max(last(100)) + 1", 41),
        ("sum(last(2))", 50),
        ("std(last(2))", 5),
        ("abs(last() - 100)", 70),
        ("index(last(3), 0)", 30),
        ("index(last(3), 2)", 10),
        ("index(last(9), 8)", 0),
        ("2 + 3 * 4", 14),
        ("(2 + 3) * 4 - 10 / 4", 17.5),
        ("10 - 2 - 3", 5),
        ("-1 * avg(last(2))", -25),
        ("0.9*avg(last(10))", 22.5),
    ],
)
def test_an_expression_is_computed_from_the_newest_values(text, value):
    assert compute(read(text), HISTORY) == pytest.approx(value)


@pytest.mark.parametrize("text", ["last()", "avg(last(3))", "std(last(3))", "index(last(3), 2)", "median(last(2)) * 2"])
def test_without_a_history_last_is_nothing_as_in_glue(text):
    assert compute(read(text), ()) == 0


def test_fewer_values_than_asked_for_are_all_of_them():
    assert compute(read("avg(last(10))"), [4.0, 2.0]) == 3


@pytest.mark.parametrize(
    ("text", "about", "instead"),
    [
        ("last(5)", "5 numbers", "avg(last(5))"),
        ("avg(last(0))", "1 to 100", ""),
        ("avg(last(101))", "1 to 100", ""),
        ("avg(last(1.5))", "whole number", ""),
        ("avg(last(k))", "whole number", ""),
        ("average(last(3))", "no function average", "avg"),
        ("percentile(last(3))", "no function percentile", ""),
        ("index(last(3), 3)", "outside", "index(last(4), 3)"),
        ("index(last(3))", ",", ""),
        ("avg(3)", "last", ""),
        ("avg(avg(last(3)))", "last", ""),
        ("100 / avg(last(3))", "divides", "Multiply"),
        ("1 / (2 - 2)", "divides by 0", ""),
        ("-avg(last(3))", "-", "-1 *"),
        ("avg(last(3)) 5", "nothing more", ""),
        ("avg(last(3)", "the end", ""),
        ("5 *", "the end", ""),
        ("2avg(last(3))", "no meaning", ""),
        ("5 % 2", "no meaning", ""),
        ("", "the end", ""),
        ("9" * 200 + " * " + "9" * 200, "more than", ""),
    ],
)
def test_what_cannot_be_computed_is_refused_with_what_to_write_instead(text, about, instead):
    with pytest.raises(ExpressionError) as refused:
        read(text)
    assert about in refused.value.message
    assert instead in (refused.value.hint or "")


def test_it_is_known_how_far_an_expression_looks_back():
    assert looks_back(read("avg(last(3)) + abs(index(last(7), 6) - 1)")) == 7
    assert looks_back(read("2 * 3")) == 0


NUMBERS = st.floats(-1e6, 1e6).filter(lambda x: x == 0 or abs(x) > 1e-6)


def _reducing(name: str, oracle):
    return st.integers(1, MOST).map(lambda k: (f"{name}(last({k}))", lambda past: oracle(past[:k] or [0.0])))


LEAVES = st.one_of(
    st.integers(0, 1000).map(lambda n: (str(n), lambda past: float(n))),
    st.decimals(0, 1000, places=3).map(lambda n: (f"{n:f}", lambda past: float(n))),
    st.just(("last()", lambda past: past[0] if past else 0.0)),
    *(
        _reducing(name, oracle)
        for name, oracle in {
            "avg": lambda v: math.fsum(v) / len(v),
            "median": lambda v: statistics.median(sorted(v)),
            "min": lambda v: sorted(v)[0],
            "max": lambda v: sorted(v)[-1],
            "sum": math.fsum,
            "std": lambda v: math.sqrt(math.fsum((x - math.fsum(v) / len(v)) ** 2 for x in v) / len(v)),
        }.items()
    ),
    st.tuples(st.integers(1, 10), st.integers(0, 9)).map(
        lambda ki: (
            f"index(last({max(ki[0], ki[1] + 1)}), {ki[1]})",
            lambda past: past[ki[1]] if ki[1] < len(past) else 0.0,
        )
    ),
)


def _joined(parts):
    operators = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b}
    two = st.tuples(parts, st.sampled_from(sorted(operators)), parts).map(
        lambda t: (f"({t[0][0]} {t[1]} {t[2][0]})", lambda past: operators[t[1]](t[0][1](past), t[2][1](past)))
    )
    return st.one_of(
        two,
        parts.map(lambda part: (f"abs({part[0]})", lambda past: abs(part[1](past)))),
        parts.map(lambda part: (f"({part[0]}) / 4", lambda past: part[1](past) / 4)),
    )


@given(st.recursive(LEAVES, _joined, max_leaves=6), st.lists(NUMBERS, max_size=20))
def test_every_expression_comes_to_what_a_plain_computation_gives(expression, past):
    text, oracle = expression
    assert compute(read(text), past) == pytest.approx(oracle(past), rel=1e-6, abs=1e-3)


@given(
    st.lists(st.tuples(st.integers(1, 99), st.sampled_from("+-*")), min_size=1, max_size=6),
    st.lists(NUMBERS, max_size=3),
)
def test_operators_bind_as_in_arithmetic(parts, past):
    text = "".join(f"{number} {operator} " for number, operator in parts) + "avg(last(3))"
    wanted = eval(text.replace("avg(last(3))", repr(math.fsum(past) / len(past) if past else 0.0)))
    assert compute(read(text), past) == pytest.approx(wanted, rel=1e-6, abs=1e-3)


@given(st.text(alphabet="()avglstindexb0123456789.,+-*/ ", max_size=40))
def test_any_text_is_computed_or_refused(text):
    with contextlib.suppress(ExpressionError):
        assert math.isfinite(compute(read(text), [1.0]))
