from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from ulid import ULID

from pipeline.core import ulids

_MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))


@given(_MOMENTS, st.binary(min_size=10, max_size=10))
def test_ulids_tell_their_moment(moment: datetime, chance: bytes) -> None:
    ulid = ULID.from_bytes(int(moment.timestamp() * 1000).to_bytes(6, "big") + chance)

    assert ulids.made(str(ulid)) == ulid.datetime
    assert ulids.made(str(ulid).lower()) == ulid.datetime


@given(_MOMENTS)
def test_the_first_ulid_of_a_moment_is_the_least(moment: datetime) -> None:
    least = ULID.from_bytes(int(moment.timestamp() * 1000).to_bytes(6, "big") + bytes(10))

    assert ulids.first(moment) == str(least)


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16))
def test_a_ulid_of_a_clock_that_is_behind_follows_the_last(last: bytes, made_now: bytes) -> None:
    before, now = ULID.from_bytes(b"\x7f" + last[1:]), ULID.from_bytes(made_now)

    made = ULID.from_str(ulids.after(str(before), str(now)))

    assert int(made) == max(int(before) + 1, int(now))
    assert ulids.after(None, str(now)) == str(now)
