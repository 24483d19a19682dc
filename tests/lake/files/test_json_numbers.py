"""What is found of numbers in the bytes of a block, against each number read alone."""

from __future__ import annotations

import json
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.lake.files.readers.json_digits import surely_held
from pipeline.lake.files.readers.json_doubles import all_hold
from pipeline.lake.files.readers.json_numbers import has_exponent, may_round
from pipeline.lake.files.readers.json_values import holds
from tests.examples import examples


def text_of(data: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(data, np.uint8)


digits = st.text("0123456789", min_size=1, max_size=25)
decimals = st.builds(
    lambda sign, whole, fraction, exponent: f"{sign}{whole.lstrip('0') or '0'}{fraction}{exponent}",
    st.sampled_from(["", "-"]),
    digits,
    st.builds(".{}".format, digits) | st.just(""),
    st.sampled_from(["", "", "", "e5", "E-7", "e+12", "e-320", "e-400"]),
).filter(lambda text: "." in text or "e" in text.lower())
doubles = st.floats(allow_nan=False, allow_infinity=False)
numbers = st.one_of(
    doubles.map(repr), doubles.map("{:.17g}".format), st.floats(-1e6, 1e6).map("{:.2f}".format), decimals
).filter(lambda text: "." in text or "e" in text.lower())


@settings(max_examples=examples(500))
@given(st.lists(numbers, min_size=1, max_size=5), st.integers(0, 80), st.sampled_from([",", " ,\n "]))
def test_a_block_may_round_if_one_of_its_decimals_is_rounded(texts: list[str], space: int, comma: str) -> None:
    data = f'{{"a":"{" " * space}","v":[{comma.join(texts)}],"b":"{"x" * space}"}}'.encode()
    long = any(len(text) > 30 for text in texts)
    rounded = [text for text in texts if not holds(float(text), text)]
    # Large ones without a point are seen in their doubles, and may be found here too.
    certain = [text for text in rounded if "." in text or abs(float(text)) < 2**53]
    found = may_round(text_of(data))
    assert found or not certain
    assert not found or rounded or long
    assert has_exponent(text_of(data)) == any("e" in text.lower() for text in texts) or (
        long and has_exponent(text_of(data))
    )


def beside(value: float, digits: int, step: int) -> str:
    """A decimal of so many digits, some last ones beside the nearest to the value."""
    whole, point, fraction = f"{value:.{digits}f}".partition(".")
    number = str(max(int(whole + fraction) + step, 0)).zfill(digits + 1)
    return f"{number[:-digits]}{point}{number[-digits:]}"


near_doubles = st.builds(beside, st.floats(0, 1e7) | st.floats(0, 10), st.integers(9, 17), st.integers(-3, 3))


@settings(max_examples=examples(500))
@given(st.lists(near_doubles | decimals | numbers, min_size=1, max_size=40))
def test_a_decimal_that_surely_is_held_is(texts: list[str]) -> None:
    texts = [text for text in texts if "." in text]
    data = (b" " * 40).join([b"", *(text.encode() for text in texts), b""])
    points = np.flatnonzero(text_of(data) == ord("."))
    sure = surely_held(text_of(data), points) if len(points) else []
    for text, held in zip(texts, sure, strict=True):
        assert not held or holds(float(text), text) or ("e" in text.lower() and len(text.split("e")[0]) <= 17)


def test_what_doubles_are_written_as_is_surely_held() -> None:
    values = np.random.default_rng(7).uniform(0.1, 1e6, 4000).tolist()
    texts = [text for value in values for text in (repr(value), f"{value:.6f}")]
    data = (b" " * 40).join([b"", *(text.encode() for text in texts), b""])
    assert surely_held(text_of(data), np.flatnonzero(text_of(data) == ord("."))).mean() > 0.99


@settings(max_examples=examples(200))
@given(doubles)
def test_a_double_holds_what_it_is_written_as(value: float) -> None:
    for text in (repr(value), f"{value:.17g}", f"{value:.16e}", format(Decimal(value), "f")):
        assert holds(float(text), text) or len(text) > 1000


@pytest.mark.parametrize(
    "text", ["0.1234567890123456789", "1234567890123.4567", "0.10000000000000000001", "1e-400", "12345678901234567e-3"]
)
def test_a_double_does_not_hold_what_it_rounds(text: str) -> None:
    assert not holds(float(text), text)
    assert may_round(text_of(b'{"v":%s}' % text.encode()))


def test_what_is_no_number_is_none() -> None:
    strings = ["1.2.3-45678901234567890", "v1.23456789012345678", "2026-01-01T00:00:00.123456789012Z", "92e4a7", "1e5"]
    data = json.dumps({"v": strings}).encode()
    assert not may_round(text_of(data))
    assert not has_exponent(text_of(data))


@settings(max_examples=examples(300))
@given(st.lists(numbers, min_size=1, max_size=30))
def test_many_decimals_are_held_if_each_is(texts: list[str]) -> None:
    doubles = [float(text) for text in texts]
    finite = [(text, value) for text, value in zip(texts, doubles, strict=True) if abs(value) < 1e308]
    for text, value in finite:
        assert all_hold(pa.array([text], pa.string()), np.array([value])) == holds(value, text)
    texts, doubles = [text for text, _ in finite], [value for _, value in finite]
    expected = all(holds(value, text) for text, value in finite)
    assert all_hold(pa.array(texts, pa.string()), np.array(doubles, float)) == expected


@settings(max_examples=examples(300))
@given(st.lists(st.floats(1e-12, 1e12), min_size=1), st.integers(15, 18))
def test_decimals_of_any_length_are_judged_alike(values: list[float], length: int) -> None:
    for value in values:
        text = f"{value:.{length}g}"
        if "." in text:
            assert all_hold(pa.array([text]), np.array([float(text)])) == holds(float(text), text)
            assert may_round(text_of(b'{"v":%s,"w":"%s"}' % (text.encode(), b" " * 40))) != holds(float(text), text)
