"""Which files are dropped, under which keys, and why the others are not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.core.errors import BadInput, Refused
from pipeline.operate.dropped_files import Selection, select


def write(path: Path, content: str = "id\n1\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def keys(selection: Selection) -> list[str]:
    return [file.key for file in selection.files]


def reasons(selection: Selection, root: Path) -> dict[str, str]:
    return {str(each.path.relative_to(root)): each.reason for each in selection.skipped}


def test_a_folders_files_keep_their_path_in_it(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv", "2026/01/x.csv", "2025/x.csv"):
        write(tmp_path / "in" / name)
    selection = select([tmp_path / "in"], "shop/orders/from-the-till")
    below = "shop/orders/from-the-till"
    assert keys(selection) == [f"{below}/{name}" for name in ("a.csv", "b.csv", "2025/x.csv", "2026/01/x.csv")]
    assert not selection.skipped


def test_files_and_folders_keep_the_order_in_which_they_are_named(tmp_path: Path) -> None:
    second, first = write(tmp_path / "second.csv"), write(tmp_path / "in" / "first.csv")
    assert keys(select([second, first.parent], "shop/orders")) == ["shop/orders/second.csv", "shop/orders/first.csv"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (".DS_Store", "hidden"),
        (".git/config", "hidden"),
        ("orders.csv.crdownload", "temporary"),
        ("~$Umsatz.xlsx", "temporary"),
        ("Orders.CSV~", "temporary"),
        ("_SUCCESS", "no data, but what a tool wrote beside it"),
        ("_temporary/0/part-0.csv", "no data, but what a tool wrote beside it"),
        ("Thumbs.db", "no data, but the operating system's"),
        ("__MACOSX/._orders.csv", "no data, but the operating system's"),
    ],
)
def test_what_is_no_data_of_a_person_is_skipped_and_said(tmp_path: Path, name: str, reason: str) -> None:
    write(tmp_path / "orders.csv")
    write(tmp_path / name)
    selection = select([tmp_path], "shop/orders")
    assert keys(selection) == ["shop/orders/orders.csv"]
    assert reasons(selection, tmp_path) == {name.split("/")[0]: reason}


def test_an_empty_file_of_a_folder_is_skipped(tmp_path: Path) -> None:
    write(tmp_path / "empty.csv", "")
    assert reasons(select([tmp_path], "shop/orders"), tmp_path) == {"empty.csv": "empty"}


def test_a_file_that_is_named_is_dropped_whatever_its_name(tmp_path: Path) -> None:
    named = [write(tmp_path / name, "") for name in (".hidden.csv", "a.tmp")]
    assert len(select(named, "shop/orders").files) == 2


def test_links_stay_in_the_folder(tmp_path: Path) -> None:
    outside = write(tmp_path / "outside" / "secret.csv")
    home = tmp_path / "in"
    target = write(home / "orders.csv")
    (home / "alias.csv").symlink_to(target)
    (home / "out.csv").symlink_to(outside)
    (home / "up.csv").symlink_to("../outside/secret.csv")
    (home / "gone.csv").symlink_to(home / "nothing.csv")
    (home / "round").symlink_to(home)
    (home / "away").symlink_to(outside.parent)
    selection = select([home], "shop/orders")
    assert keys(selection) == ["shop/orders/alias.csv", "shop/orders/orders.csv"]
    assert reasons(selection, home) == {
        "out.csv": "a link that leads out of the folder",
        "up.csv": "a link that leads out of the folder",
        "gone.csv": "a link to nothing",
        "round": "a link to a folder",
        "away": "a link to a folder",
    }


def test_a_pipe_is_no_file_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    assert list(reasons(select([tmp_path], "shop/orders"), tmp_path)) == ["pipe.csv"]
    assert [each.path.name for each in select([tmp_path / "pipe.csv"], "shop/orders").skipped] == ["pipe.csv"]


def test_a_key_that_s3_does_not_take_is_skipped_and_its_neighbours_are_not(tmp_path: Path) -> None:
    long = "/".join(["f" * 200] * 6)
    write(tmp_path / "in" / long / "x.csv")
    write(tmp_path / "in" / "y.csv")
    selection = select([tmp_path / "in"], "shop/orders")
    assert keys(selection) == ["shop/orders/y.csv"]
    assert ["1,024 bytes" in each.reason for each in selection.skipped] == [True]


def test_two_files_that_would_get_one_key_are_refused_together(tmp_path: Path) -> None:
    a, b = write(tmp_path / "a" / "x.csv"), write(tmp_path / "b" / "x.csv", "id\n2\n")
    with pytest.raises(Refused, match=r"a/x\.csv and .*b/x\.csv would both become shop/orders/x\.csv"):
        select([a, b], "shop/orders")
    with pytest.raises(Refused):
        select([a.parent, b.parent], "shop/orders")


def test_a_prefix_that_leaves_the_dataset_is_refused_once(tmp_path: Path) -> None:
    write(tmp_path / "x.csv")
    with pytest.raises(BadInput, match="a folder named"):
        select([tmp_path], "shop/orders/../../other")
