"""A fingerprint follows the names and the content of the files of the program, and nothing else of a folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from warehouse import fingerprint


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a module and a file of SQL below it."""
    room = tmp_path / "room"
    (room / "below").mkdir(parents=True)
    (room / "module.py").write_text("x = 1")
    (room / "below" / "view.sql").write_text("select 1")
    return room


def test_the_same_files_elsewhere_and_files_of_other_kinds_do_not_change_it(folder, tmp_path):
    before = fingerprint.of_folders(folder)
    (folder / "notes.txt").write_text("x = 2")
    assert fingerprint.of_folders(folder) == before
    copy = shutil.copytree(folder, tmp_path / "elsewhere" / "room")
    assert fingerprint.of_folders(copy) == before


@pytest.mark.parametrize("change", ["content", "name", "one more", "one less", "another folder"])
def test_each_change_of_a_file_changes_it(folder, tmp_path, change):
    before = fingerprint.of_folders(folder)
    match change:
        case "content":
            (folder / "below" / "view.sql").write_text("select 2")
        case "name":
            (folder / "module.py").rename(folder / "other.py")
        case "one more":
            (folder / "feeds.yaml").write_text("")
        case "one less":
            (folder / "module.py").unlink()
        case _:
            folder = folder.rename(tmp_path / "other_room")
    assert fingerprint.of_folders(folder) != before
