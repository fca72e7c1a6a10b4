"""The public sets are the declared ones, and say clearly when they are not there."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest

from papers.public_sets import PUBLIC_SETS, load
from warehouse.errors import Refused


@pytest.mark.parametrize(
    ("name", "shape", "positives", "shown"),
    [
        ("Polish 1", (7027, 64), 271, "Polish 1"),
        ("Polish 2", (10107, 48), 400, "Polish 2 (partial)"),
        ("Polish 3", (10503, 64), 495, "Polish 3"),
        ("Australian", (690, 14), 307, "Australian"),
        ("Taiwan", (30000, 23), 6636, "Taiwan"),
        ("sba", (30000, 14), 15000, "sba"),
    ],
)
def test_each_set_is_the_declared_one(data_dir, name, shape, positives, shown):
    public = load(data_dir, name)
    assert (public.name, public.frame.shape, int(public.labels.sum())) == (shown, shape, positives)


def test_attributes_whose_presence_tells_the_class_are_left_out(data_dir):
    names = set(load(data_dir, "Polish 2").frame.columns)
    assert not names & {"Attr5", "Attr21", "Attr37", "Attr64", "attrs_known", "class"}


def test_categories_are_text(data_dir):
    text = {name for name, kind in load(data_dir, "Taiwan").frame.schema.items() if kind == pl.String}
    assert text == {"sex", "education", "marriage"}


def test_outcomes_of_a_loan_are_no_features(data_dir):
    """Nothing that is known only once a loan has failed: a charge-off, a balance, a date, what was drawn of a line."""
    frame = load(data_dir, "sba").frame
    assert set(frame.columns) == {
        "state", "bank_state", "sector", "franchise", "revolving", "low_doc", "urban_rural", "business",
        "approved", "guaranteed_share", "employee_count", "jobs_created_count", "jobs_retained_count", "term",
    }  # fmt: skip
    assert frame["sector"].drop_nulls().str.len_chars().unique().to_list() == [2]
    assert set(frame["business"].unique()) == {"existing", "new", None}


@pytest.mark.parametrize("name", PUBLIC_SETS)
def test_no_folder_is_one_clear_line(name):
    with pytest.raises(Refused, match=f"{name} needs the folder .* set NIGHTLEDGER_DATA_DIR"):
        load(None, name)


def test_missing_file_and_unknown_set(tmp_path):
    with pytest.raises(Refused, match=r"Australian: .*australian.dat is missing"):
        load(tmp_path, "Australian")
    with pytest.raises(Refused, match="'German'; there are Polish 1, "):
        load(tmp_path, "German")


def test_a_shortened_file_is_refused(data_dir: Path, tmp_path: Path):
    shutil.copytree(data_dir / "australian", tmp_path / "australian")
    file = tmp_path / "australian" / "australian.dat"
    file.chmod(0o644)
    file.parent.chmod(0o755)
    file.write_text("\n".join(file.read_text().splitlines()[:-1]) + "\n")
    with pytest.raises(Refused, match=r"holds 689 rows with .* expected 690 with 307"):
        load(tmp_path, "Australian")
