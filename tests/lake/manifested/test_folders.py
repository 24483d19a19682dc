from __future__ import annotations

from datetime import UTC, datetime

from pipeline.lake.manifested.folders import Earlier, Listed, earlier_markers, members

MARKER = "shop/orders/day/_SUCCESS"


def at(second: int) -> datetime:
    return datetime(2026, 1, 1, 0, 0, second, tzinfo=UTC)


def listed(name: str, second: int, version: str = "v1", *, gone: bool = False) -> Listed:
    return Listed(f"shop/orders/day/{name}", version, at(second), 1, gone)


def taken(*listing: Listed, moment: int = 10, earlier: tuple[Earlier, ...] = ()) -> list[tuple[str, str | None]]:
    found = members(MARKER, at(moment), listing, earlier)
    return [(member.key.removeprefix("shop/orders/day/"), member.version_id) for member in found]


def test_a_marker_takes_the_newest_version_of_each_file_of_its_folder_and_below():
    files = [listed("a", 3, "v2"), listed("a", 1), listed("part=1/b", 2)]
    assert taken(*files, listed("_SUCCESS", 10)) == [("a", "v2"), ("part=1/b", "v1")]


def test_what_came_after_the_marker_is_not_of_its_delivery():
    assert taken(listed("a", 12, "v2"), listed("a", 10), listed("b", 11)) == [("a", "v1")]


def test_what_was_deleted_before_the_marker_is_not_of_its_delivery():
    assert taken(listed("a", 5, "v2", gone=True), listed("a", 1), listed("b", 1)) == [("b", "v1")]
    assert taken(listed("a", 15, "v2", gone=True), listed("a", 1)) == [("a", "v1")]


def test_folders_with_a_marker_of_their_own_and_placeholders_are_left_out():
    assert taken(listed("in/a", 1), listed("in/_SUCCESS", 2), listed("sub/", 1), listed("b", 1)) == [("b", "v1")]


def test_what_an_earlier_marker_took_is_not_taken_again():
    first = Earlier(at(5), frozenset({("shop/orders/day/a", "v1")}))
    files = [listed("a", 1), listed("b", 6), listed("late", 4)]
    assert taken(*files, earlier=(first,)) == [("b", "v1"), ("late", "v1")]


def test_of_an_earlier_marker_that_nobody_has_read_it_is_known_when_it_was():
    assert taken(listed("a", 1), listed("b", 6), earlier=(Earlier(at(5), None),)) == [("b", "v1")]


def test_the_markers_before_one_are_its_older_versions():
    listing = [listed("_SUCCESS", 9, "v3"), listed("_SUCCESS", 5, "v2"), listed("_SUCCESS", 1, "v1"), listed("a", 1)]
    assert [each.version_id for each in earlier_markers(MARKER, "v2", listing)] == ["v1"]
