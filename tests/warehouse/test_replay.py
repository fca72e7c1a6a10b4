"""A replay touches nothing, sees every difference, and names a cause only where something changed."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from warehouse import contributions, older_nights, registry, replay, retention, run_inputs, scores, sql
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.run_inputs import RunInput

NIGHT = date(2026, 6, 30)
TONIGHT = Night("lender", NIGHT, "replay")
DATA = RunInput(kind="features", name="features.feat_ledger", rows=5, fingerprint="v1.5.5:a")
MODEL = RunInput(kind="model", name="operational_risk 1", role="champion", fingerprint="0" * 64)


def again(portfolio, parts, run_id: str, night: Night = TONIGHT) -> replay.Current:
    """What a night would store from these parts, compared with what a run stored."""
    return replay.current(portfolio.con, parts, night, past_run_id=run_id, stale_days=90)


def said(portfolio, rows: pl.DataFrame | None = None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What a night said, and what the given rows would become in a replay of it."""
    run_id = portfolio.score()
    then = replay.stored_scores(portfolio.con, Night("lender", NIGHT, run_id))
    file = portfolio.folder / "again.parquet"
    (portfolio.rows() if rows is None else rows).write_parquet(file)
    return then, again(portfolio, [(file, None)], run_id).scores


def test_the_same_is_identical_to_the_bit_and_nothing_is_touched(portfolio):
    before = sql.frame(portfolio.con, "from wh.scores.portfolio_scores")
    assert before.is_empty()
    then, now = said(portfolio)
    found = replay.compare(then, now)
    assert found == (5, 0, 0, 0, 0, 0.0)
    assert found.reproduced
    assert portfolio.one("select count(*) from wh.scores.incoming_scores") == (0,)
    assert portfolio.one("select count(*) from wh.scores.portfolio_scores where run_id = 'replay'") == (0,)


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        ({"pd": 0.1 + 1e-14}, (1, 4, 0, 0, 0)),
        ({"pd": 0.1 + 1e-9}, (1, 0, 4, 0, 0)),
        ({"grade": "B2"}, (1, 0, 4, 0, 0)),
        ({"score_points": 501.0}, (1, 0, 4, 0, 0)),
        ({"model_version": "2"}, (1, 0, 0, 4, 4)),
    ],
)
def test_every_difference_is_seen(change, counts, portfolio):
    scored = pl.col("pd").is_not_null()
    rows = portfolio.rows()
    spoilt = rows.with_columns(
        pl.when(scored).then(pl.lit(value)).otherwise(pl.col(name)).alias(name)
        for name, value in change.items()
    )
    assert tuple(replay.compare(*said(portfolio, spoilt))[:5]) == counts


def test_a_replaced_run_names_the_one_to_replay(portfolio):
    first = Night("lender", NIGHT, portfolio.score())
    second = portfolio.score()
    with pytest.raises(Refused, match=f"has no stored scores .* of {second}, replay that run"):
        replay.stored_scores(portfolio.con, first)


def found_causes(then, now, was: str = "abc", is_: str = "abc") -> replay.Causes:
    return replay.causes(then, now, code_then=was, code_now=is_)


def test_a_cause_is_named_only_where_something_changed():
    assert found_causes([DATA, MODEL], [MODEL, DATA]).lines() == []
    other = DATA.model_copy(update={"fingerprint": "v1.5.5:b", "rows": 6})
    assert found_causes([DATA, MODEL], [other, MODEL]).lines() == [
        "data: features.feat_ledger (5 rows then, 6 now)"
    ]
    second = MODEL.model_copy(update={"name": "operational_risk 2"})
    demoted = MODEL.model_copy(update={"role": "challenger"})
    assert found_causes([DATA, MODEL], [DATA, demoted, second]).lines() == [
        "model: operational_risk 1 (champion then, challenger now), operational_risk 2 (not asked then, champion now)"
    ]
    changed = MODEL.model_copy(update={"fingerprint": "1" * 64})
    leads = RunInput(kind="leader", name="thick", fingerprint="scorecard")
    other = leads.model_copy(update={"fingerprint": "voting_ensemble"})
    assert found_causes([MODEL], [MODEL, leads]).lines() == [
        "model: thick files (no choice then, scorecard chosen now)"
    ]
    assert found_causes([MODEL, leads], [MODEL, other]).lines() == [
        "model: thick files (scorecard chosen then, voting_ensemble chosen now)"
    ]
    assert found_causes([MODEL], [changed]).lines() == ["model: operational_risk 1 (another file)"]
    assert found_causes([MODEL], [MODEL], "abc", "def").lines() == ["code: abc then, def now"]


def test_what_cannot_be_told_is_refused():
    with pytest.raises(Refused, match="stored no fingerprints"):
        found_causes([], [MODEL])
    with pytest.raises(Refused, match=r"DuckDB v1.5.5 and v2.0.0 cannot be compared"):
        found_causes([DATA], [DATA.model_copy(update={"fingerprint": "v2.0.0:a"})])


def test_another_model_may_not_change_what_the_same_model_said(portfolio):
    then, now = said(portfolio, portfolio.rows(0.2))
    model, nothing = replay.Causes((), ("operational_risk 2",), ()), replay.Causes((), (), ())
    same = replay.Comparison(0, 0, 0, 0, 0, 0.0)

    def found(rows: pl.DataFrame, unexplained: int = 0) -> replay.Current:
        return replay.Current(rows, same, unexplained)

    assert not replay.explained(model, then, found(now))
    assert not replay.explained(nothing, then, found(then))
    assert replay.explained(model, then, found(then.with_columns(model_version=pl.lit("2"), pd=pl.lit(0.3))))
    assert not replay.explained(model, then, found(then, unexplained=1))
    for other in (
        replay.Causes(("features.feat_ledger",), (), ()),
        replay.Causes((), (), ("a then, b now",)),
    ):
        assert replay.explained(other, then, found(now, unexplained=1))


def test_fingerprints_see_values_and_nothing_else(portfolio):
    con = portfolio.con

    def fingerprint() -> RunInput:
        found = {one.name: one for one in run_inputs.current(con, TONIGHT)}
        assert found["features.feat_sensitive"].fingerprint == "not there"
        return found["features.feat_profile"]

    first = fingerprint()
    assert first.rows == 5
    portfolio.features(NIGHT + timedelta(days=1))
    con.execute(
        "create or replace table wh.features.feat_profile as from wh.features.feat_profile order by all desc"
    )
    assert fingerprint() == first
    con.execute("update wh.features.feat_profile set region = 'south' where enterprise_id = 'e1'")
    assert fingerprint() != first


def test_the_models_of_a_run_are_the_champion_of_each_family_and_all_beside_it(con, made):
    for version, day, role in (
        ("old", date(2026, 1, 31), "champion"),
        ("new", date(2026, 6, 1), "champion"),
        ("beside", date(2026, 6, 1), "challenger"),
        ("dark", date(2026, 6, 1), "shadow"),
        ("later", date(2026, 7, 1), "champion"),
    ):
        registry.register(con, made(version, day, role=role))
    used = run_inputs.models(con, TONIGHT)
    assert [(one.name.split()[1], one.role) for one in used] == [
        ("beside", "challenger"),
        ("dark", "shadow"),
        ("new", "champion"),
    ]
    for _ in range(2):
        run_inputs.record(con, "r", used)
    assert run_inputs.stored(con, "r") == used


def test_a_kept_score_is_replayed_too(portfolio):
    scored = portfolio.rows().with_columns(
        coverage=pl.lit("thick"), score_status=pl.lit("fresh"), pd=pl.lit(0.1), pd_raw=pl.lit(0.1),
        score_points=pl.lit(500.0), grade=pl.lit("B1"),
    )  # fmt: skip
    day_before = NIGHT - timedelta(days=1)
    portfolio.features(day_before)
    portfolio.score(scored, day_before)
    from warehouse import statuses

    run_id = portfolio.stage(portfolio.rows())
    tonight = Night("lender", NIGHT, run_id)
    statuses.settle(portfolio.con, tonight, stale_days=90)
    scores.commit_scores(portfolio.con, tonight)
    then = replay.stored_scores(portfolio.con, tonight)
    file = portfolio.folder / "again.parquet"
    portfolio.rows().write_parquet(file)
    now = again(portfolio, [(file, None)], run_id).scores
    assert then.filter(score_status="stale").height == 1
    assert replay.compare(then, now)[:5] == (5, 0, 0, 0, 0)


def told(portfolio, name: str, size: float = 0.04, **other: str) -> Path:
    """A file of contributions of every score: one feature, and the rest."""
    scored = portfolio.rows().filter(pl.col("pd").is_not_null())
    rows = scored.select(
        "enterprise_id", "model_family", *(pl.lit(other.get(column, value)).alias(column) for column, value in
                                           (("model_version", "1"), ("model_role", "champion"), ("run_id", "r"))),
        feature=pl.lit([other.get("feature", "assets"), "other"]), contribution=pl.lit([size, -0.09]),
        rank=pl.lit([1, 2]),
    ).explode("feature", "contribution", "rank").with_columns(pl.col("rank").cast(pl.Int32))  # fmt: skip
    file = portfolio.folder / f"{name}.parquet"
    rows.write_parquet(file)
    return file


def with_contributions(portfolio, day: date = NIGHT) -> tuple[str, Path]:
    """Store a night with contributions; return its run and the file of its scores."""
    rows = portfolio.rows().with_columns(base_value=pl.when(pl.col("pd").is_not_null()).then(0.15))
    run_id = portfolio.stage(rows, day)
    night = Night("lender", day, run_id)
    contributions.stage_contributions(portfolio.con, [told(portfolio, f"{run_id}-told")], night)
    scores.commit_scores(portfolio.con, night)
    return run_id, portfolio.folder / f"{run_id}.parquet"


@pytest.mark.parametrize(
    ("change", "counts", "largest", "unexplained"),
    [
        ({}, (8, 0, 0, 0, 0), 0.0, 0),
        ({"size": 0.04 + 1e-14}, (4, 4, 0, 0, 0), 1e-14, 0),
        ({"size": 0.05}, (4, 0, 4, 0, 0), 0.01, 4),
        ({"feature": "debt"}, (4, 0, 0, 4, 4), 0.0, 8),
        ({"model_version": "2"}, (0, 0, 0, 8, 8), 0.0, 0),
        ({"model_role": "challenger"}, (8, 0, 0, 0, 0), 0.0, 0),
    ],
)
def test_every_difference_of_a_contribution_is_seen_and_the_largest_told(
    change, counts, largest, unexplained, portfolio
):
    run_id, file = with_contributions(portfolio)
    found = again(portfolio, [(file, told(portfolio, "again", **change))], run_id)
    assert tuple(found.contributions[:5]) == counts
    assert found.contributions.largest == pytest.approx(largest, rel=0.2)
    assert found.unexplained == unexplained
    assert portfolio.one("select count(*) from wh.scores.contributions where run_id = 'replay'") == (0,)
    assert portfolio.one("select count(*) from wh.scores.incoming_contributions") == (0,)


def test_contributions_that_are_told_no_more_are_a_difference(portfolio):
    run_id, file = with_contributions(portfolio)
    found = again(portfolio, [(file, None)], run_id)
    assert found.contributions == (0, 0, 0, 8, 0, 0.0)
    assert not found.contributions.reproduced


def test_contributions_that_lie_in_parquet_are_compared_there_and_stay_there(portfolio):
    before = NIGHT - timedelta(days=1)
    portfolio.features(before)
    run_id, file = with_contributions(portfolio, before)
    with_contributions(portfolio)
    for name in sql.frame(
        portfolio.con, "select table_name from duckdb_tables() where schema_name = 'features'"
    )["table_name"]:
        portfolio.con.execute(f"drop table wh.features.{name}")  # these are no whole relations
    retention.move(portfolio.con, "retain", "lender", nights=1)
    night = Night("lender", before, "replay")
    assert older_nights.are_older(portfolio.con, older_nights.CONTRIBUTIONS, night)
    found = again(portfolio, [(file, told(portfolio, "again", size=0.05))], run_id, night)
    assert tuple(found.contributions[:5]) == (4, 0, 4, 0, 0)
    assert older_nights.are_older(portfolio.con, older_nights.CONTRIBUTIONS, night)
    (older,) = older_nights.of_relation(portfolio.con, older_nights.CONTRIBUTIONS).values()
    older.file.write_bytes(b"damaged")
    with pytest.raises(Refused, match="bring it back from a backup"):
        again(portfolio, [(file, None)], run_id, night)
