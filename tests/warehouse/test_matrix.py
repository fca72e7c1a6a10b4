"""Training rows are those with a known label, in a fixed order; the parts of a night hold everyone once."""

from __future__ import annotations

from datetime import date

import duckdb
import pytest

from warehouse import matrix, sql
from warehouse.buckets import ALL, bucket_of
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.outcome import OutcomeDefinition

OLD, NEW = date(2024, 6, 30), date(2025, 6, 30)


@pytest.fixture
def filled(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Two dates of 50 enterprises; a fifth have no label, the first is unscoreable."""
    con.execute(
        "create or replace table wh.features.feat_coverage as select 'p' as portfolio, d as as_of_date, "
        f"'E' || lpad(n::varchar, 3, '0') as enterprise_id, {bucket_of('enterprise_id')} as bucket, "
        "if(n = 0, 'unscoreable', 'thin') as coverage "
        "from range(50) as r(n), (values (date '2024-06-30'), (date '2025-06-30')) as v(d)"
    )
    con.execute(
        "create or replace view wh.features.feat_enterprise as "
        "select *, 1.5 as tx_gap_std_all from features.feat_coverage"
    )
    con.execute(
        "create or replace table wh.features.feat_label as select portfolio, as_of_date, "
        "unnest(['dpd90', 'cross_section']) as definition, unnest([365, 0]) as horizon_days, enterprise_id, "
        "if(right(enterprise_id, 1) in ('3', '7'), null, cast(right(enterprise_id, 1) = '5' as integer)) as label, "
        "'-' as reason, as_of_date + 365 as told_on "
        "from wh.features.feat_enterprise"
    )
    return con


def test_training_rows(filled):
    wanted = {"portfolio": "p", "outcome": OutcomeDefinition("dpd90", 365)}
    rows, drawn_from = matrix.training_matrix(filled, snapshot_dates=[NEW], **wanted)
    assert drawn_from is None
    assert rows.height == 39  # 50, less 10 without a label and one that cannot be scored
    assert rows["enterprise_id"].to_list() == sorted(rows["enterprise_id"].to_list())
    assert rows["label"].sum() == 5
    both, _ = matrix.training_matrix(filled, snapshot_dates=[NEW, OLD], **wanted)
    assert both["as_of_date"].to_list() == [OLD] * 39 + [NEW] * 39


def drawn(filled, at_most, **changes):
    """The rows that a bound leaves, and what they were drawn from."""
    wanted = {"portfolio": "p", "snapshot_dates": [OLD, NEW], "outcome": OutcomeDefinition("dpd90", 365)}
    return matrix.training_matrix(filled, at_most=at_most, **wanted, **changes)


def test_of_more_rows_the_same_share_of_each_date_and_label_is_drawn(filled):
    everything, _ = drawn(filled, None)
    frame, drawn_from = drawn(filled, 40)
    assert (frame.height, drawn_from) == (38, 78)  # 17 of 34 others and 2 of 5 defaults on each date
    counts = frame.group_by("as_of_date", "label").len()
    assert sorted(counts.iter_rows()) == [(OLD, 0, 17), (OLD, 1, 2), (NEW, 0, 17), (NEW, 1, 2)]
    # rows of the whole, in its order
    assert everything.join(frame, on=["as_of_date", "enterprise_id"], how="semi").equals(frame)


def test_no_date_and_label_is_drawn_away(filled):
    frame, _ = drawn(filled, 2)
    assert sorted(frame.select("as_of_date", "label").iter_rows()) == [(OLD, 0), (OLD, 1), (NEW, 0), (NEW, 1)]


def test_a_draw_repeats_whatever_the_order_of_the_rows_and_the_threads(filled):
    first, _ = drawn(filled, 40, random_state=7)
    filled.execute("set threads = 1")
    filled.execute(
        "create or replace table wh.features.feat_label as from wh.features.feat_label order by hash(enterprise_id)"
    )
    again, _ = drawn(filled, 40, random_state=7)
    assert again.equals(first)
    assert not drawn(filled, 40, random_state=8).frame.equals(first)


def test_a_bound_that_all_rows_keep_changes_nothing(filled):
    everything, _ = drawn(filled, None)
    for at_most in (78, 1_000):
        frame, drawn_from = drawn(filled, at_most)
        assert drawn_from is None
        assert frame.equals(everything)
    assert drawn(filled, 77).drawn_from == 78


def test_features_are_read_for_the_drawn_borrowers_alone(filled, monkeypatch):
    read: list[int] = []
    whole = sql.frame

    def counted(*arguments):
        read.append(whole(*arguments).height)
        return whole(*arguments)

    monkeypatch.setattr(sql, "frame", counted)
    drawn(filled, 40)
    assert read == [38, 19, 19]  # the drawn keys, then each date


def test_a_cross_section_describes_every_outcome(filled):
    rows, _ = matrix.training_matrix(
        filled, portfolio="p", snapshot_dates=[NEW], outcome=OutcomeDefinition("cross_section", 0)
    )
    assert rows.height == 40


def test_a_date_without_labels_is_refused(filled):
    with pytest.raises(Refused, match="2023-06-30"):
        matrix.training_matrix(
            filled, portfolio="p", snapshot_dates=[date(2023, 6, 30)], outcome=OutcomeDefinition("dpd90", 365)
        )


@pytest.mark.parametrize(("at_least", "rows"), [(1, 50), (2, 50), (7, 50), (60, 50), (1, 49), (2, 8)])
def test_parts_hold_every_enterprise_once(filled, at_least, rows, monkeypatch):
    monkeypatch.setattr(matrix, "ROWS_A_PART", rows)
    night = Night("p", NEW, "r")
    parts = matrix.parts_of(filled, night, at_least=at_least)
    frames = [matrix.scoring_matrix(filled, night, part)["enterprise_id"].to_list() for part in parts]
    assert sorted(name for names in frames for name in names) == [f"E{number:03d}" for number in range(50)]
    assert all(names == sorted(names) for names in frames)
    assert min(len(names) for names in frames) > 0


def test_a_night_without_enterprises_is_one_part_without_rows(filled):
    night = Night("nobody", NEW, "r")
    (part,) = matrix.parts_of(filled, night, at_least=3)
    assert matrix.scoring_matrix(filled, night, part).is_empty()


def test_knows_whether_features_are_there(filled):
    assert matrix.has_features(filled, Night("p", NEW, "r"))
    assert not matrix.has_features(filled, Night("p", date(2023, 6, 30), "r"))
    filled.execute("drop table wh.features.feat_coverage")
    assert not matrix.has_features(filled, Night("p", NEW, "r"))


def test_groups_come_from_the_head():
    groups = matrix.feature_groups()
    assert groups["tx_gap_std_all"] == "consistency"
    assert groups["enterprise_id"] == "key"
    assert {groups[name] for name in matrix.SENSITIVE} == {"sensitive"}


def test_sensitive_fields_are_added_for_whom_they_are_known_and_nowhere_else(filled):
    filled.execute(
        "create table wh.features.feat_sensitive as select 'p' as portfolio, $day as as_of_date, "
        "'E000' as enterprise_id, 'female' as representative_gender",
        {"day": NEW},
    )
    frame = matrix.scoring_matrix(filled, Night("p", NEW, "r"), ALL)
    assert not matrix.SENSITIVE & set(frame.columns)
    more = matrix.add_sensitive(filled, frame, portfolio="p")
    assert more["enterprise_id"].equals(frame["enterprise_id"])
    assert more.filter(enterprise_id="E000")["representative_gender"].to_list() == ["female"]
    assert more["representative_gender"].null_count() == frame.height - 1
