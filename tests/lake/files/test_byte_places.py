"""Where bytes stand, against a look at each of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.lake.files import byte_places
from pipeline.lake.files.byte_places import count_of, places_of
from tests.examples import examples


@settings(max_examples=examples(300))
@given(st.binary(max_size=70), st.sampled_from([8, 16, 64]))
def test_each_place_is_found_once_and_in_order(data: bytes, at_once: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(byte_places, "_AT_ONCE", at_once)
        text = np.frombuffer(data, np.uint8)
        for first, last in ((0, None), (10, None), (45, 46), (200, 255), (0, 255)):
            expected = [place for place, byte in enumerate(data) if first <= byte <= (last or first)]
            assert places_of(text, first, last).tolist() == expected
        for byte in {0, 10, *data[:3]}:
            assert count_of(text, byte) == data.count(byte)


def test_a_text_of_many_parts() -> None:
    text = np.zeros(byte_places._AT_ONCE * 2 + 3, np.uint8)
    places = [0, 7, byte_places._AT_ONCE - 1, byte_places._AT_ONCE, len(text) - 1]
    text[places] = ord("\n")
    assert places_of(text, ord("\n")).tolist() == places
    assert count_of(text, ord("\n")) == len(places)
