"""Gaps in times, how soon files were findable, and pictures of fields as a library of pictures would read them."""

from __future__ import annotations

import struct
import zlib
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from pipeline.forecasts.fields import Field
from pipeline.operate.forecasts.coverage import Latency, gaps_of, latency_of, runs_of
from pipeline.operate.forecasts.pictures import png_of, scale_of

RUN = datetime(2026, 11, 30, tzinfo=UTC)


def times(*hours: int) -> list[str]:
    return [f"{RUN + timedelta(hours=hour):%Y-%m-%dT%H:%M:%SZ}" for hour in hours]


@pytest.mark.parametrize(
    ("hours", "missing"),
    [
        ((0, 1, 2, 3, 4), []),
        ((0, 1, 2, 4, 5), [1]),
        ((0, 1, 2, 6, 7), [3]),
        # Two gaps beside each other.
        ((0, 1, 3, 5, 6), [1, 1]),
        # The forecast goes on in longer steps: no gap; and then one.
        ((0, 1, 2, 3, 6, 9, 12), []),
        ((0, 1, 2, 3, 6, 9, 15, 18), [1]),
        ((0, 1, 2, 5), []),
        ((0,), []),
        ((), []),
    ],
)
def test_a_gap_is_a_step_that_is_longer_than_one_before_and_one_after(hours, missing):
    found = gaps_of(times(*hours))
    assert found is not None
    assert [each.missing for each in found] == missing


def test_times_of_another_calendar_are_not_compared():
    assert gaps_of(["2026-02-29T00:00:00Z", "2026-02-30T00:00:00Z"]) is None


def file(number: int, took_ms: int, run: str = "2026-11-30T00:00:00Z") -> dict:
    announced = RUN + timedelta(seconds=number)
    return {
        "announced": announced.isoformat(), "findable": (announced + timedelta(milliseconds=took_ms)).isoformat(),
        "run": run, "model": "uk", "variables": [f"v{number % 2}"],
        "first_time": f"t{number}", "last_time": f"t{number}",
    }  # fmt: skip


def test_latency_and_runs_are_counted_over_files():
    files = [file(number, took) for number, took in enumerate([100] * 150 + [900] * 49 + [5000])]
    assert latency_of(files) == Latency(200, 100, 900)
    assert latency_of([]) == Latency(0, None, None)
    newest, older = runs_of([*files, file(9, 10, "2026-11-30T06:00:00Z")])
    assert (newest.run, newest.files, newest.latency.median_ms) == ("2026-11-30T06:00:00Z", 1, 10)
    assert (older.files, older.variables) == (200, ("v0", "v1"))


def pixels(png: bytes) -> tuple[np.ndarray, bytes]:
    """The shades of a picture with a palette, and the palette, by the W3C's recommendation."""
    at, found = 8, {}
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        kind, content = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        assert struct.unpack_from(">I", png, at + 8 + length)[0] == zlib.crc32(kind + content)
        found[kind] = content
        at += 12 + length
    width, height, depth, colour, *_ = struct.unpack(">IIBBBBB", found[b"IHDR"])
    assert (depth, colour, found[b"tRNS"]) == (8, 3, b"\0")
    lines = np.frombuffer(zlib.decompress(found[b"IDAT"]), np.uint8).reshape(height, width + 1)
    assert not lines[:, 0].any()
    return lines[:, 1:], found[b"PLTE"]


def test_a_picture_has_north_at_the_top_the_scale_s_ends_and_nothing_where_there_is_no_value():
    # y falls, as in files of some services; x rises. The two points of a row, the last of them missing.
    field = Field(np.array([[10.0, 15.0], [20.0, np.nan]]), (0.0, 1.0), (60.0, 50.0), 1)
    scale = scale_of(field)
    assert (scale.low, scale.high, scale.mean, scale.missing) == (10.0, 20.0, 15.0, 1)
    assert scale.ticks() == [10.0, 12.5, 15.0, 17.5, 20.0]
    shades, palette = pixels(png_of(field, scale))
    assert (shades[0, 0], shades[0, -1], shades[-1, 0], shades[-1, -1]) == (1, 128, 255, 0)
    assert (palette[3:6], palette[-3:]) == (bytes.fromhex("440154"), bytes.fromhex("fde725"))
    turned = Field(field.values[::-1], field.x, field.y[::-1], 1)
    assert png_of(turned, scale) == png_of(field, scale)


def test_a_picture_of_one_value_of_none_and_of_one_point():
    flat = Field(np.full((3, 4), 5.0), (0.0, 1.0, 2.0, 3.0), (0.0, 1.0, 2.0), 1)
    assert scale_of(flat).ticks() == [5.0]
    assert set(pixels(png_of(flat, scale_of(flat)))[0].ravel()) == {1}
    empty = Field(np.full((1, 1), np.nan), (0.0,), (0.0,), 1)
    assert scale_of(empty).ticks() == []
    assert set(pixels(png_of(empty, scale_of(empty)))[0].ravel()) == {0}
