"""Drafts of definitions lose nothing of the file that they begin from, or that somebody else writes meanwhile."""

import os
import stat
import threading
from pathlib import Path
from typing import cast

import pytest

from pipeline.core.errors import Refused
from pipeline.lake.datasets.files import path_of
from pipeline.lake.services import Lake
from pipeline.operate import definition_drafts
from pipeline.operate.arguments import dataset_name
from pipeline.operate.definition_drafts import Draft, begin, digest, save

NAME = dataset_name("sales.orders")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / path_of(NAME)
    file.parent.mkdir(parents=True)
    return file


def left(file: Path) -> list[str]:
    return sorted(each.name for each in file.parent.iterdir())


def test_no_draft_begins_from_a_file_that_is_no_utf_8(tmp_path: Path, file: Path) -> None:
    file.write_bytes("# Café\nteam: sales\n".encode("latin-1"))
    with pytest.raises(Refused, match="no UTF-8, from byte 5 on"):
        begin(cast(Lake, None), tmp_path, NAME)


@pytest.mark.parametrize("before", [None, "old"])
def test_of_those_who_save_at_once_one_does_and_the_others_are_told(
    tmp_path: Path, file: Path, before: str | None
) -> None:
    if before:
        file.write_text(before)
    base, told, together = digest(before) if before else None, list[str](), threading.Barrier(8)

    def one(number: int) -> None:
        together.wait()
        try:
            save(tmp_path, NAME, Draft(f"of {number}", base, ""))
            told.append(f"of {number}")
        except Refused:
            told.append("refused")

    threads = [threading.Thread(target=one, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (saved,) = [each for each in told if each != "refused"]
    assert (file.read_text(), len(told), left(file)) == (saved, 8, [file.name])


@pytest.mark.parametrize("before", [None, "old"])
def test_what_an_editor_writes_at_the_last_moment_is_kept(
    tmp_path: Path, file: Path, before: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if before:
        file.write_text(before)
    made = os.fchmod

    def edited(opened: int, mode: int) -> None:
        made(opened, mode)
        file.write_text("of the editor")

    monkeypatch.setattr(definition_drafts.os, "fchmod", edited)
    with pytest.raises(Refused, match="since this draft was begun"):
        save(tmp_path, NAME, Draft("mine", digest(before) if before else None, ""))
    assert (file.read_text(), left(file)) == ("of the editor", [file.name])


def test_a_file_keeps_its_rights_and_a_new_one_has_those_that_the_umask_says(tmp_path: Path, file: Path) -> None:
    before = os.umask(0o027)
    try:
        save(tmp_path, NAME, Draft("first", None, ""))
        assert stat.S_IMODE(file.stat().st_mode) == 0o640
        file.chmod(0o660)
        save(tmp_path, NAME, Draft("second", digest("first"), ""))
        assert (file.read_text(), stat.S_IMODE(file.stat().st_mode)) == ("second", 0o660)
    finally:
        os.umask(before)


def test_what_a_save_left_that_was_ended_goes_with_the_next(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (file.parent / ".draft-abc").write_text("half a defin")

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(definition_drafts.os, "fchmod", full)
        with pytest.raises(Refused, match="no space"):
            save(tmp_path, NAME, Draft("mine", None, ""))
    assert left(file) == []
    save(tmp_path, NAME, Draft("mine", None, ""))
    assert (file.read_text(), left(file)) == ("mine", [file.name])


def test_a_link_stays_and_the_file_of_the_checkout_that_it_leads_to_is_written(tmp_path: Path, file: Path) -> None:
    elsewhere = tmp_path / "shared" / "orders.yaml"
    elsewhere.parent.mkdir()
    elsewhere.write_text("old")
    file.symlink_to(elsewhere)
    save(tmp_path, NAME, Draft("new", digest("old"), ""))
    assert (file.is_symlink(), elsewhere.read_text(), left(elsewhere), left(file)) == (
        True,
        "new",
        [elsewhere.name],
        [file.name],
    )


@pytest.mark.parametrize("is_folder", [False, True])
@pytest.mark.parametrize("text", [None, "old"])
def test_nothing_outside_the_checkout_is_written(tmp_path: Path, file: Path, is_folder: bool, text: str | None) -> None:
    root, outside = tmp_path / "checkout", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (tmp_path / path_of(NAME).parts[0]).rename(root / path_of(NAME).parts[0])
    if text:
        (outside / file.name).write_text(text)
    inside = root / path_of(NAME)
    if is_folder:
        inside.parent.rmdir()
        inside.parent.symlink_to(outside)
    else:
        inside.symlink_to(outside / file.name)
    with pytest.raises(Refused, match="leads out of the checkout"):
        save(root, NAME, Draft("new", digest(text) if text else None, ""))
    assert {each.name: each.read_text() for each in outside.iterdir()} == ({file.name: text} if text else {})


def test_what_stands_in_the_way_is_told(tmp_path: Path, file: Path) -> None:
    def told() -> str:
        with pytest.raises(Refused) as refused:
            save(tmp_path, NAME, Draft("new", None, ""))
        return refused.value.message

    file.mkdir()
    assert "cannot be written: Is a directory" in told()
    assert left(file) == [file.name]
    file.rmdir()
    file.symlink_to(file)
    assert "leads to itself" in told()
    file.unlink()
    file.parent.rmdir()
    file.parent.write_text("a file")
    assert "cannot be written: File exists" in told()
