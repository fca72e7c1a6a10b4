"""Every feature has a name, a group and a sentence, or a reason why it is not told."""

from __future__ import annotations

import re

import pytest

from warehouse import feature_catalogue, sql
from warehouse.errors import Refused

COLUMNS = {
    column.name: column for relation in feature_catalogue.DESCRIBED for column in sql.load(relation).columns
}
ENTRIES = {entry.feature: entry for entry in feature_catalogue.entries()}


def test_every_column_of_the_features_is_in_the_catalogue_once():
    assert set(ENTRIES) == set(COLUMNS)
    assert len(feature_catalogue.entries()) == len(COLUMNS)
    for name, entry in ENTRIES.items():
        assert (entry.feature_group, entry.unit or "") == (COLUMNS[name].group, COLUMNS[name].unit)


def test_what_may_be_told_has_both_sentences_and_what_may_not_has_a_reason():
    for entry in ENTRIES.values():
        told = (entry.sentence_raises, entry.sentence_lowers)
        assert entry.business_name
        assert all(told) if entry.tellable else not any(told)
        assert entry.tellable == (entry.why_not is None)
        if entry.tellable:
            assert re.fullmatch(r"[A-Z][^{}]+ raised the estimated risk of default\.", entry.sentence_raises)
            assert entry.sentence_lowers == entry.sentence_raises.replace(" raised ", " lowered ")


def test_sensitive_fields_and_opinions_and_keys_are_never_told():
    for entry in ENTRIES.values():
        assert entry.tellable == (entry.feature_group not in {"key", "sensitive", "opinion"})
    assert "sensitive" in ENTRIES["representative_gender"].why_not
    assert "opinion" in ENTRIES["evaluation"].why_not


def test_the_window_is_filled_in_and_tells_two_windows_apart():
    assert ENTRIES["tx_sales_30d"].sentence_raises == (
        "Your sales in the last 30 days raised the estimated risk of default."
    )
    assert ENTRIES["tx_sales_all"].business_name == "Sales, known history"
    assert ENTRIES["tx_sales_ratio_90d"].business_name == "Sales against the 90 days before"
    names = [entry.business_name for entry in ENTRIES.values()]
    assert len(set(names)) == len(names)
    sentences = [entry.sentence_raises for entry in ENTRIES.values() if entry.tellable]
    assert len(set(sentences)) == len(sentences)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "tx_sales,",
            "tx_sails,",
            r"no line for the column\(s\) tx_sales_180d, .*without a column: tx_sails",
        ),
        ("employees,,Emp", "staff,,Emp", r"no line for the column\(s\) employees; .*: staff"),
    ],
)
def test_a_column_without_a_line_is_refused(old, new, message, tmp_path, monkeypatch):
    text = feature_catalogue.FILE.read_text()
    assert f"\n{old}" in text
    other = tmp_path / "feature_catalogue.csv"
    other.write_text(text.replace(f"\n{old}", f"\n{new}"))
    monkeypatch.setattr(feature_catalogue, "FILE", other)
    with pytest.raises(Refused, match=message):
        feature_catalogue.entries()


def test_the_windows_of_a_feature_point_its_way():
    ways = feature_catalogue.directions()
    assert {ways[f"tx_gap_std_{window}"] for window in ("30d", "90d", "180d", "365d", "all")} == {1}
    assert (ways["days_overdue_max"], ways["tx_tenure_days"], ways["credit_rating_grade"]) == (1, -1, -1)
    assert not {"tx_sales_365d", "employees", "city", "natural_person", "bucket"} & set(ways)
    assert {ENTRIES[name].direction for name, way in ways.items() if way < 0} == {"down"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "employees,,",
            "employees,Up,",
            "line 14: employees has the direction 'Up'; write up .*, down .*nothing",
        ),
        ("city,,", "city,down,", "line 12: city is no number"),
        ("urban,,", "urban,up,", "line 18: urban is no number"),
        ("founded_on,,", "founded_on,up,", "line 13: founded_on is no number"),
        ("bucket,,", "bucket,up,", "line 4: bucket is no number"),
    ],
)
def test_a_direction_that_means_nothing_is_refused_with_its_line(old, new, message, tmp_path, monkeypatch):
    text = feature_catalogue.FILE.read_text()
    assert f"\n{old}" in text
    other = tmp_path / "feature_catalogue.csv"
    other.write_text(text.replace(f"\n{old}", f"\n{new}"))
    monkeypatch.setattr(feature_catalogue, "FILE", other)
    with pytest.raises(Refused, match=message):
        feature_catalogue.entries()


def test_it_is_recorded_anew_each_time_and_follows_the_file(con):
    assert feature_catalogue.record(con) == feature_catalogue.record(con) == len(COLUMNS)
    con.execute("update wh.ops.feature_catalogue set tellable = true where feature = 'evaluation'")
    feature_catalogue.record(con)
    assert con.execute(
        "select feature, direction from wh.ops.feature_catalogue where direction is not null order by feature"
    ).fetchall() == sorted(
        (name, "up" if way > 0 else "down") for name, way in feature_catalogue.directions().items()
    )
    assert con.execute(
        "select count(*), count(*) filter (where not tellable) from wh.ops.feature_catalogue"
    ).fetchone() == (len(COLUMNS), sum(not entry.tellable for entry in ENTRIES.values()))
