"""Stored folds survive what changes no figure, and nothing else: the key is that of rows, settings, code, libraries."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import ModuleType

import numpy as np
import polars as pl
import pytest

from papers.fold_key import code_hash, fold_key

WEIGHING = '''"""Weighs."""

import math

LIMIT = 3


def weigh(value):
    """Weigh a value."""
    from statistics import mean  # only here

    return math.sqrt(mean([value, LIMIT]))
'''
COUNTING = "def count(values):\n    return len(values)\n"


def package(folder: Path, **files: str) -> ModuleType:
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    module = ModuleType(folder.name)
    module.__path__ = [str(folder)]
    return module


@pytest.fixture
def before(tmp_path: Path) -> str:
    return code_hash([package(tmp_path / "family", __init__="", weighing=WEIGHING, counting=COUNTING)])


def test_a_rename_of_folder_and_file_changes_nothing(tmp_path: Path, before: str) -> None:
    assert code_hash([package(tmp_path / "room", __init__='"""Room."""', a=COUNTING, z=WEIGHING)]) == before


def test_code_in_another_file_or_folder_changes_nothing(tmp_path: Path, before: str) -> None:
    assert code_hash([package(tmp_path / "room", all=COUNTING + WEIGHING)]) == before
    outer, inner = package(tmp_path / "outer", a=COUNTING), tmp_path / "outer" / "inner"
    package(inner, b=WEIGHING)
    assert code_hash([outer]) == before
    single = ModuleType("a")
    single.__file__ = str(tmp_path / "outer" / "a.py")
    shutil.rmtree(tmp_path / "family")
    assert code_hash([package(tmp_path / "family", weighing=WEIGHING), single]) == before


def test_prose_and_imports_change_nothing(tmp_path: Path, before: str) -> None:
    reworded = WEIGHING.replace("Weigh a value.", "Return the weight.").replace("only here", "here alone")
    moved = reworded.replace("import math\n", "import math\nfrom somewhere import other\n")
    assert code_hash([package(tmp_path / "room", a=COUNTING, weighing=moved)]) == before


@pytest.mark.parametrize(
    ("old", "new"), [("LIMIT = 3", "LIMIT = 4"), ("sqrt", "log"), ("mean([", "mean(2 * [")]
)
def test_any_statement_counts(tmp_path: Path, before: str, old: str, new: str) -> None:
    changed = package(tmp_path / "room", a=COUNTING, weighing=WEIGHING.replace(old, new))
    assert code_hash([changed]) != before


def test_rows_settings_and_libraries_count() -> None:
    frame, labels = pl.DataFrame({"sales": [1.0, 2.0]}), np.array([0, 1])
    plain = {"settings": ["{}"], "code": [], "libraries": ["numpy"]}
    first = fold_key(frame, labels, **plain)
    assert fold_key(frame, labels, **plain) == first
    others = [
        fold_key(frame * 2, labels, **plain),
        fold_key(frame, 1 - labels, **plain),
        fold_key(frame, labels, **{**plain, "settings": ["{1}"]}),
        fold_key(frame, labels, **{**plain, "libraries": ["scipy"]}),
    ]
    assert len({first, *others}) == 5
