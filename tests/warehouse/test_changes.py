"""Changes between two nights are written whole, add up or are refused, and go with the scores that they explain."""

from __future__ import annotations

import shutil
from datetime import date

import polars as pl
import pytest

from warehouse import changes, partition
from warehouse.buckets import ALL
from warehouse.changes import Nights, NotComparable
from warehouse.connection import reader, writer
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.publishing import publish
from warehouse.settings import settings

BEFORE, NIGHT = date(2026, 6, 29), date(2026, 6, 30)
TONIGHT = Night("lender", NIGHT, "r1")
NIGHTS = Nights(TONIGHT, BEFORE)
AUDIT = "assert_changes_add_up"


@pytest.fixture(scope="module")
def scored(empty_warehouse, small_portfolio, tmp_path_factory):
    """The file of a warehouse with both nights."""
    folder = tmp_path_factory.mktemp("compared")
    shutil.copy(empty_warehouse, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NIGHTLEDGER_HOME", str(folder))
        with writer(purpose="test") as con:
            score_both(small_portfolio(con=con, folder=folder))
        return settings().warehouse_file


@pytest.fixture
def compared(home, scored, small_portfolio, tmp_path):
    """Two nights: e0 and e1 moved, e2 is another class, e3 unscored, e4 newly scored, new and gone beside them."""
    home.mkdir()
    shutil.copy(scored, home)
    with writer(purpose="test") as con:
        yield small_portfolio(con=con, folder=tmp_path)


def score_both(portfolio) -> None:
    portfolio.features()
    portfolio.features(BEFORE)
    for day, one in ((BEFORE, "gone"), (NIGHT, "new")):
        portfolio.con.execute(
            "insert into wh.features.feat_profile (portfolio, as_of_date, enterprise_id) values ('lender', ?, ?)",
            [day, one],
        )
    rows = portfolio.rows(0.1)
    gone = rows.filter(enterprise_id="e0").with_columns(enterprise_id=pl.lit("gone"))
    portfolio.score(pl.concat([rows, gone]), BEFORE)
    now = {"e0": 0.15, "e1": 0.08, "e2": 0.3, "e3": None, "e4": 0.2, "new": 0.4}
    scored = pl.col("pd").is_not_null()
    tonight = pl.DataFrame({"enterprise_id": list(now), "pd": list(now.values())}).select(
        "enterprise_id",
        coverage=pl.when(enterprise_id="e2")
        .then(pl.lit("thin"))
        .otherwise(pl.when(scored).then(pl.lit("thick")).otherwise(pl.lit("unscoreable"))),
        score_status=pl.when(scored).then(pl.lit("fresh")).otherwise(pl.lit("unscoreable")),
        pd_raw="pd",
        pd="pd",
        score_points=pl.when(scored).then(500.0),
        grade=pl.when(scored).then(pl.lit("B1")),
        model_family=pl.when(enterprise_id="e2")
        .then(pl.lit("wide_deep"))
        .otherwise(pl.lit("operational_risk")),
        model_version=pl.lit("1"),
        model_role=pl.lit("champion"),
    )
    portfolio.score(tonight, NIGHT)


def told() -> pl.DataFrame:
    return pl.DataFrame(
        [
            ("e0", "data", "debt", 0.06),
            ("e0", "data", "age", 0.01),
            ("e0", "data", "other", -0.03),
            ("e0", "model", None, 0.01),
            ("e0", "calibration", None, 0.0),
            ("e1", "data", "age", -0.02),
            ("e1", "model", None, 0.0),
            ("e1", "calibration", None, 0.0),
            ("e2", "coverage_data", None, 0.05),
            ("e2", "coverage_model", None, 0.15),
        ],
        schema=["enterprise_id", "part", "feature", "change"],
        orient="row",
    )


def pairs_of(portfolio, nights: Nights = NIGHTS) -> pl.DataFrame:
    file = portfolio.folder / "pairs.parquet"
    borrowers = changes.write_pairs(portfolio.con, nights, file)
    pairs = pl.read_parquet(file)
    assert pairs.height == borrowers
    return pairs


def write(portfolio, rows: pl.DataFrame, run_id: str = "r1") -> int:
    """Commit rows in two parts and return how many are stored."""
    nights, pairs = Nights(TONIGHT._replace(run_id=run_id), BEFORE), portfolio.folder / "pairs.parquet"
    changes.write_pairs(portfolio.con, nights, pairs)
    with changes.committing(portfolio.con, nights, pairs) as add:
        for number, part in enumerate((rows[:2], rows[2:])):
            file = portfolio.folder / f"changes-{number}.parquet"
            part.write_parquet(file)
            add(file)
    return changes.moves(portfolio.con, nights).rows


def test_who_has_a_pd_on_both_nights_is_split_and_any_other_is_told_why_not(compared):
    pairs = pairs_of(compared)
    assert pairs.sort("enterprise_id").select("enterprise_id", "coverage_changed").rows() == [
        ("e0", False), ("e1", False), ("e2", True),
    ]  # fmt: skip
    write(compared, told())
    entries = compared.con.execute(
        "select enterprise_id, part, coverage_changed from wh.scores.score_changes where change is null order by 1"
    ).fetchall()
    assert entries == [  # unscoreable is a class too
        ("e3", "unscored", True),
        ("e4", "newly_scored", True),
        ("gone", "gone", False),
        ("new", "appeared", False),
    ]
    assert changes.previous_date(compared.con, TONIGHT) == BEFORE
    assert changes.previous_date(compared.con, NIGHTS.earlier) is None


def test_a_pair_is_written_once_and_who_has_one_pd_has_one_row_without_a_change(compared):
    for run_id in ("r1", "r2"):
        assert write(compared, told(), run_id) == 14
    rows = compared.con.execute(
        "select enterprise_id, part, coverage_before, coverage, change, run_id from wh.scores.score_changes "
        "where change is null order by 1"
    ).fetchall()
    assert rows == [
        ("e3", "unscored", "thick", "unscoreable", None, "r2"),
        ("e4", "newly_scored", "unscoreable", "thick", None, "r2"),
        ("gone", "gone", "thick", None, None, "r2"),
        ("new", "appeared", None, "thick", None, "r2"),
    ]


def test_a_pd_that_was_kept_is_not_split_but_adds_up(compared):
    compared.con.execute(
        "update wh.scores.portfolio_scores set score_status = 'stale' where enterprise_id = 'e1' and pd = 0.08"
    )
    write(compared, told().filter(pl.col("enterprise_id") != "e1"))
    assert compared.one(
        "select part, feature, round(change, 9) from wh.scores.score_changes where enterprise_id = 'e1'"
    ) == ("stale", None, -0.02)


@pytest.mark.parametrize(
    "harm",
    [
        "update wh.scores.score_changes set change = change + 2e-6 where enterprise_id = 'e0' and feature = 'debt'",
        "update wh.scores.score_changes set change = 'nan' where enterprise_id = 'e0' and feature = 'debt'",
        "update wh.scores.score_changes set change = null where enterprise_id = 'e0' and part = 'calibration'",
        "delete from wh.scores.score_changes where enterprise_id = 'e0'",
        "delete from wh.scores.score_changes where enterprise_id = 'e0' and feature = 'debt'",
        "update wh.scores.portfolio_scores set pd = 0.16 where enterprise_id = 'e0' and pd = 0.15",
        "update wh.scores.portfolio_scores set pd = null where enterprise_id = 'e0' and pd = 0.15",
        "update wh.scores.score_changes set enterprise_id = 'e0' where enterprise_id = 'e3'",
        "delete from wh.scores.portfolio_scores where enterprise_id = 'e0'",
    ],
)
def test_the_audit_finds_what_does_not_add_up(harm, compared):
    write(compared, told())
    partition.audit(compared.con, AUDIT, NIGHTS.key)
    compared.con.execute(harm)
    with pytest.raises(Refused, match=f"audit {AUDIT}: .*enterprise_id=e0"):
        partition.audit(compared.con, AUDIT, NIGHTS.key)


@pytest.mark.parametrize("entry", ["e3", "e4", "gone", "new"])
def test_the_audit_finds_an_entry_that_claims_a_difference(entry, compared):
    write(compared, told())
    compared.con.execute("update wh.scores.score_changes set change = 0.1 where enterprise_id = ?", [entry])
    with pytest.raises(Refused, match=f"audit {AUDIT}: 1 row.*enterprise_id={entry}"):
        partition.audit(compared.con, AUDIT, NIGHTS.key)


def test_a_wrong_split_leaves_what_was_there(compared):
    write(compared, told())
    with pytest.raises(Refused, match=AUDIT):
        write(compared, told().with_columns(pl.col("change") + 1e-5), "r2")
    assert compared.one("select distinct run_id from wh.scores.score_changes") == ("r1",)
    assert compared.one("select distinct run_id from wh.marts.mart_score_changes") == ("r1",)


def test_the_mart_has_one_row_a_borrower_of_the_latest_pair(compared):
    write(compared, told())
    columns = (
        "enterprise_id, entry, pd_before, pd_now, round(pd_change, 9), round(data, 9), model, calibration, "
        "coverage_model, coverage_data, stale, top_feature, top_feature_change, coverage_changed"
    )
    rows = compared.con.execute(f"select {columns} from wh.marts.mart_score_changes order by 1").fetchall()
    nothing = (None,) * 8
    assert rows == [
        ("e0", None, 0.1, 0.15, 0.05, 0.04, 0.01, 0.0, 0.0, 0.0, 0.0, "debt", 0.06, False),
        ("e1", None, 0.1, 0.08, -0.02, -0.02, 0.0, 0.0, 0.0, 0.0, 0.0, "age", -0.02, False),
        ("e2", None, 0.1, 0.3, 0.2, 0.0, 0.0, 0.0, 0.15, 0.05, 0.0, None, None, True),
        ("e3", "unscored", 0.1, None, None, *nothing, True),
        ("e4", "newly_scored", None, 0.2, None, *nothing, True),
        ("gone", "gone", 0.1, None, None, *nothing, False),
        ("new", "appeared", None, 0.4, None, *nothing, False),
    ]


def test_what_is_told_of_a_pair(compared):
    write(compared, told())
    moves = changes.moves(compared.con, NIGHTS)
    assert (moves.both, moves.moved) == (3, 3)
    assert moves.mean_before == pytest.approx(0.1)
    assert moves.mean_now == pytest.approx((0.15 + 0.08 + 0.3 + 0.2 + 0.4) / 5)
    assert {part: round(size, 9) for part, size in moves.sums.items()} == {
        "calibration": 0.0, "coverage_data": 0.05, "coverage_model": 0.15, "data": 0.02, "model": 0.01,
    }  # fmt: skip
    assert moves.entries == {"appeared": 1, "gone": 1, "newly_scored": 1, "unscored": 1}
    assert [(one.enterprise_id, one.by, one.change) for one in moves.largest] == [
        ("e2", "coverage_model", 0.15),
        ("e0", "debt", 0.06),
        ("e1", "age", -0.02),
    ]


@pytest.mark.parametrize("day", [BEFORE, NIGHT])
def test_scores_that_are_replaced_take_their_comparisons_with_them(day, compared):
    write(compared, told())
    compared.con.execute("delete from wh.features.feat_profile where enterprise_id in ('gone', 'new')")
    compared.score(as_of_date=day)
    assert compared.one("select count(*) from wh.scores.score_changes") == (0,)
    assert compared.one("select count(*) from wh.marts.mart_score_changes") == (0,)


def test_a_night_without_scores_is_one_line_that_names_others(compared):
    with pytest.raises(NotComparable) as no:
        pairs_of(compared, NIGHTS._replace(against_date=date(2026, 6, 1)))
    assert str(no.value) == (
        "lender has no scores of 2026-06-01 to compare; scored nights near it: 2026-06-29, 2026-06-30; score it "
        "first (python -m flows score --portfolio lender --as-of 2026-06-01) or name another"
    )
    with pytest.raises(NotComparable, match=r"nobody has no scores of 2026-06-30 .* near it: none"):
        pairs_of(compared, NIGHTS._replace(night=TONIGHT._replace(portfolio="nobody")))


def test_they_are_published_in_the_copy_and_as_parquet(compared):
    query = "select enterprise_id, part, feature, change, run_id from {} order by all"
    for run_id in ("r1", "r2"):
        write(compared, told(), run_id)
        publish.publish(compared.con, "run")
        with reader() as published:
            assert (
                published.execute(query.format("scores.score_changes")).fetchall()
                == compared.con.execute(query.format("wh.scores.score_changes")).fetchall()
            )
            assert published.execute("select count(*) from marts.mart_score_changes").fetchone() == (7,)
        pattern = settings().published_dir / "score_changes" / "*" / "*" / "*.parquet"
        parquet = pl.read_parquet(pattern, hive_partitioning=True)
        assert parquet["as_of_date"].unique().to_list() == [NIGHT]
        assert parquet["run_id"].unique().to_list() == [run_id]
        assert parquet.height == 14


def test_features_that_are_gone_are_one_line_that_names_the_command(compared):
    ids = pl.Series(["e0", "e1"])
    said = r"lender as of 2026-06-29 are not there; build them again: python -m flows features --portfolio lender"
    with pytest.raises(NotComparable, match=said):
        changes.features(compared.con, ids, NIGHTS.earlier, ALL, sensitive=False)
    for name in ("feat_coverage", "feat_enterprise"):
        compared.con.execute(
            f"create table wh.features.{name} as select 'lender' as portfolio, date '2026-06-29' as as_of_date, "
            "7 as bucket, 'e1' as enterprise_id, 3 as debt"
        )
    with pytest.raises(NotComparable, match=r"lack 1 scored borrowers; build them again"):
        changes.features(compared.con, ids, NIGHTS.earlier, ALL, sensitive=False)
    own = changes.features(compared.con, ids[1:], NIGHTS.earlier, ALL, sensitive=False)
    assert own["debt"].to_list() == [3]
