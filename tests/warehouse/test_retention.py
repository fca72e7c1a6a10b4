"""Older nights are moved to Parquet and come back row for row; what needs one of them finds it or says where it is."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from warehouse import (
    changes,
    contributions,
    ledger,
    matrix,
    older_nights,
    partition,
    reference,
    retention,
    scores,
    soundness,
    sql,
    statuses,
)
from warehouse.backups import backup_files
from warehouse.buckets import ALL, bucket_of
from warehouse.changes import Nights, NotComparable
from warehouse.connection import transaction, writer
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.publishing import archive, publish
from warehouse.publishing.published import ask
from warehouse.settings import settings

FIRST, LAST = date(2026, 5, 28), date(2026, 6, 6)
DAYS = [FIRST + timedelta(days=number) for number in range((LAST - FIRST).days + 1)]
MONTH_END, LABELLED, OLD = date(2026, 5, 31), date(2026, 5, 29), date(2026, 5, 30)
KEEP = 3
STAY = {*DAYS[-KEEP:], MONTH_END, LABELLED}
GONE = [day for day in DAYS if day not in STAY]
FEATURES = ("coverage", "ledger", "transactions", "counterparties", "operations", "legal", "opinions")
MOVED = (
    "scores.contributions",
    "scores.score_changes",
    "ops.bin_counts",
    *(f"features.feat_{name}" for name in FEATURES),
)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, small_portfolio) -> Path:
    """A home with ten scored nights, contributions, changes, counts in bins, features and one night's labels."""
    folder = tmp_path_factory.mktemp("nights")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NIGHTLEDGER_HOME", str(folder / "home"))
        with writer(purpose="test") as con:
            fill(small_portfolio(con=con, folder=folder))
    return folder / "home"


@pytest.fixture
def nights(template: Path, home: Path, tmp_path: Path, small_portfolio) -> Iterator[Any]:
    """A copy of that home of the test's own."""
    subprocess.run(["cp", "-a", template, home], check=True)
    with writer(purpose="test") as con:
        yield small_portfolio(con=con, folder=tmp_path)


def fill(portfolio) -> None:
    con = portfolio.con
    for file in sql.in_order([file for file in sql.catalogue("features") if file.partition]):
        key = {"portfolio": "lender", "as_of_date": FIRST, "definition": "dpd90", "horizon_days": 365}
        partition.replace_partition(con, file.relation, {**key, "known_by": LAST})  # empty, with all columns
    con.execute(
        "insert into wh.features.feat_label by name "
        f"select 'lender' as portfolio, date '{LABELLED}' as as_of_date, 'e0' as enterprise_id, 1 as label"
    )
    for day in DAYS:
        features(con, day)
        score(portfolio, day)
        con.execute(
            "insert into wh.ops.bin_counts select 'lender', ?, 'operational_risk', '1', 'score', i, 10 * i + 1 "
            "from range(4) as t (i)",
            [day],
        )
        if day != FIRST:
            con.execute(
                "insert into wh.scores.score_changes by name select 'lender' as portfolio, ? as as_of_date, "
                "? as against_date, 'e' || i as enterprise_id, 'data' as part, 'debt' as feature, 0.0 as change, "
                "'r' as run_id from range(4) as t (i)",
                [day, day - timedelta(days=1)],
            )
    publish.publish(con, "before")


def features(con, day: date) -> None:
    """Insert five borrowers into every feature table of borrowers; feat_ledger has amounts, feat_coverage classes."""
    more = {
        "features.feat_ledger": ", cast(i + 0.25 as decimal(38, 2)) as total_borrowing",
        "features.feat_coverage": ", 'thick' as coverage, 'rule' as coverage_rule",
    }
    bucket = bucket_of("'e' || i")
    for file in sql.catalogue("features"):
        if "enterprise_id" in file.key and file.partition and file.relation != "features.feat_label":
            con.execute(
                f"insert into wh.{file.relation} by name select 'lender' as portfolio, cast(? as date) as as_of_date, "
                f"'e' || i as enterprise_id, {bucket} as bucket{more.get(file.relation, '')} "
                "from range(5) as t (i)",
                [day],
            )


def score(portfolio, day: date, pd: float = 0.1) -> str:
    """Score a night; half of each PD is explained by a feature."""
    rows = portfolio.rows(pd).with_columns(base_value=pl.when(pl.col("pd").is_not_null()).then(pd / 2))
    run_id = portfolio.stage(rows, day)
    explained = rows.filter(pl.col("pd").is_not_null()).select(
        "enterprise_id", "model_family", "model_version", "model_role", feature=pl.lit("debt"),
        contribution=pl.lit(pd / 2), rank=pl.lit(1),
    )  # fmt: skip
    file = portfolio.folder / f"{run_id}-explained.parquet"
    explained.write_parquet(file)
    contributions.stage_contributions(portfolio.con, [file], Night("lender", day, run_id))
    scores.commit_scores(portfolio.con, Night("lender", day, run_id))
    return run_id


def move(portfolio, nights: int = KEEP) -> retention.Moved:
    return retention.move(portfolio.con, "retain", "lender", nights=nights)


def dates(portfolio, relation: str) -> set[date]:
    return {
        day for (day,) in portfolio.con.execute(f"select distinct as_of_date from wh.{relation}").fetchall()
    }


def everything(portfolio) -> dict[str, list[tuple]]:
    """Return all rows of each relation that is moved, in an order of their own."""
    return {name: portfolio.con.execute(f"select * from wh.{name} order by all").fetchall() for name in MOVED}


def files() -> list[Path]:
    return sorted((settings().home / "older").rglob("*.parquet"))


def test_the_last_nights_the_month_ends_and_what_models_are_trained_on_stay(nights):
    moved = move(nights)
    assert (moved.nights, moved.since) == (len(GONE), DAYS[-KEEP])
    for relation in MOVED:
        assert dates(nights, relation) == STAY - ({FIRST} if relation == "scores.score_changes" else set())
    for relation in ("scores.portfolio_scores", "features.feat_profile"):
        assert dates(nights, relation) == set(DAYS)
    assert dates(nights, "features.feat_label") == {LABELLED}
    named = nights.con.execute("select path, sha256, rows from wh.ops.older_nights").fetchall()
    assert sorted(settings().home / path for path, _, _ in named) == files()
    assert len(files()) == moved.files
    for path, sha256, rows in named:
        file = settings().home / path
        assert hashlib.sha256(file.read_bytes()).hexdigest() == sha256
        assert duckdb.sql(f"select count(*) from '{file}'").fetchone() == (rows,)


def test_few_nights_all_stay_and_a_second_run_moves_nothing(nights):
    assert move(nights, len(DAYS)) == retention.Moved()
    assert files() == []
    first = move(nights)
    lying = {file: file.stat().st_ino for file in files()}
    assert move(nights) == retention.Moved(since=first.since)
    assert {file: file.stat().st_ino for file in files()} == lying


def test_every_night_comes_back_row_for_row(nights):
    before = everything(nights)
    move(nights)
    assert everything(nights) != before
    for day in GONE:
        retention.put_back(nights.con, "lender", day)
    assert everything(nights) == before
    assert nights.one("select count(*) from wh.ops.older_nights") == (0,)
    move(nights, len(DAYS))
    assert files() == []  # named by nothing any more


def test_a_night_that_is_not_in_parquet_does_not_come_back(nights):
    with pytest.raises(Refused, match=r"nothing of lender as of 2026-06-06 is in Parquet; ops.older_nights"):
        retention.put_back(nights.con, "lender", LAST)


@pytest.mark.parametrize("step", ["_record", "_delete"])
def test_a_run_that_is_killed_loses_nothing_and_is_gone_on_from(nights, monkeypatch, step):
    before, real, calls = everything(nights), getattr(retention, step), []

    def second_fails(*given):
        calls.append(given)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*given)

    with monkeypatch.context() as patch:
        patch.setattr(retention, step, second_fails)
        with pytest.raises(KeyboardInterrupt):
            move(nights)
    assert dates(nights, "scores.contributions") == {day for day in DAYS if day.month == 6 or day in STAY}
    assert (
        len(files()) > nights.one("select count(*) from wh.ops.older_nights")[0]
    )  # of June, named by nothing
    move(nights)
    assert len(files()) == nights.one("select count(*) from wh.ops.older_nights")[0]
    for day in GONE:
        retention.put_back(nights.con, "lender", day)
    assert everything(nights) == before


def test_rows_stay_where_a_file_does_not_hold_them(nights, monkeypatch):
    before, real = everything(nights), archive.write

    def lose_a_row(con, table, path, **key):
        real(con, table, path, **key)
        rows = pl.read_parquet(path)
        rows.head(rows.height - 1).write_parquet(path)

    monkeypatch.setattr(archive, "write", lose_a_row)
    with pytest.raises(Refused, match=r"does not hold the rows of .* of lender on 2026-05-28"):
        move(nights)
    assert everything(nights) == before
    assert nights.one("select count(*) from wh.ops.older_nights") == (0,)


def test_rows_that_came_in_between_stop_the_move(nights, monkeypatch):
    real = retention._record

    def a_row_comes(con, run_id, written):
        real(con, run_id, written)
        con.execute(
            f"insert into wh.ops.bin_counts by name select 'lender' as portfolio, date '{FIRST}' as as_of_date"
        )

    before = everything(nights)
    monkeypatch.setattr(retention, "_record", a_row_comes)
    with pytest.raises(Refused, match=r"ops.bin_counts: .* rows would be deleted"):
        move(nights)
    assert everything(nights) == before


# -- what is published


def every_night(relation: str) -> list[tuple]:
    return ask(f"select as_of_date, count(*) as n from {relation} group by all order by all").rows()


def test_readers_have_every_night_before_and_after(nights):
    whole = {name: every_night(f"every_night.{name}") for name in ("contributions", "score_changes")}
    assert [day for day, _ in whole["contributions"]] == DAYS
    inodes = {path: path.stat().st_ino for path in settings().published_dir.rglob("*.parquet")}
    move(nights)
    published = publish.publish(nights.con, "after")
    assert published.partitions_written == 0  # the same files, whose rows are elsewhere now
    assert set(inodes.values()) >= {
        path.stat().st_ino for path in (settings().published_dir / "contributions").rglob("*.parquet")
    }
    assert {name: every_night(f"every_night.{name}") for name in whole} == whole
    assert every_night("ops.older_nights") != []


@pytest.mark.parametrize("files", [1, len(DAYS)])
def test_the_least_and_the_greatest_of_every_column_are_found(nights, files):
    for view in ("contributions", "score_changes"):
        for file in sorted((settings().published_dir / view).rglob("*.parquet"))[files:]:
            file.unlink()  # as after a first night
        rows = ask(f"from every_night.{view}")
        for name in rows.columns:
            answer = ask(f'select min("{name}") as least, max("{name}") as greatest from every_night.{view}')
            assert answer.row(0) == (rows[name].min(), rows[name].max()), name


def test_the_file_holds_the_last_nights_and_parquet_all(nights):
    for name in ("contributions", "score_changes"):
        held = every_night(f"scores.{name}")
        assert len(held) == min(len(every_night(f"every_night.{name}")), archive.NIGHTS_IN_FILE)
        assert held[-1][0] == LAST
    assert [day for day, _ in every_night("scores.portfolio_scores")] == DAYS


def test_a_night_more_takes_the_oldest_out_of_the_file_only(nights):
    for number in (1, 2):
        day = LAST + timedelta(days=number)
        features(nights.con, day)
        score(nights, day)
        publish.publish(nights.con, f"later{number}")
        held = [night for night, _ in every_night("scores.contributions")]
        assert held == sorted([*DAYS, *(LAST + timedelta(days=n) for n in range(1, number + 1))])[-10:]
    assert len(every_night("every_night.contributions")) == len(DAYS) + 2
    assert soundness_of("published") == ()


def test_a_published_file_of_an_older_night_is_built_again_from_its_parquet(nights, caplog):
    move(nights)
    publish.publish(nights.con, "after")
    whole = every_night("every_night.contributions")
    damaged = (
        settings().published_dir / f"contributions/portfolio=lender/as_of_date={OLD}/contributions.parquet"
    )
    publish.publish(nights.con, "again")  # so that the next build begins with the file in its place
    damaged.unlink()
    assert publish.publish(nights.con, "next").partitions_written == 1
    assert f"as_of_date={OLD}/contributions.parquet is missing" in caplog.text
    assert every_night("every_night.contributions") == whole


def test_where_both_are_gone_that_night_is_left_out_and_told(nights, caplog):
    move(nights)
    publish.publish(nights.con, "after")
    for folder in (settings().published_dir, settings().home / "older"):
        for file in folder.rglob(f"as_of_date={OLD}/*.parquet"):
            file.unlink()
    publish.publish(nights.con, "next")
    assert "is left out" in caplog.text
    assert "bring it back from a backup" in caplog.text
    assert [day for day, _ in every_night("every_night.contributions")] == [day for day in DAYS if day != OLD]
    assert [day for day, _ in every_night("scores.portfolio_scores")] == DAYS


def test_queries_of_every_night_read_no_other_file(nights):
    for query in (
        "select * from every_night.contributions, read_text('/etc/hostname')",
        "select * from every_night.contributions, '/etc/hostname'",
    ):
        with pytest.raises(Refused):
            ask(query)


# -- what needs an older night


def test_a_night_that_is_scored_again_replaces_what_was_moved(nights):
    move(nights)
    score(nights, OLD, pd=0.2)
    held = nights.con.execute(
        f"select sum(contribution), count(*) from wh.scores.contributions where as_of_date = '{OLD}'"
    ).fetchone()
    assert held == (pytest.approx(0.4), 4)
    # comparisons with it hold for its old scores only: that of the night itself, and of the night after
    assert dates(nights, "scores.score_changes") == STAY - {FIRST, OLD, OLD + timedelta(days=1)}
    older = older_nights.of_relation(nights.con, "scores.score_changes")
    assert {day for _, day in older} == set(GONE) - {FIRST, OLD}
    move(nights)
    publish.publish(nights.con, "after")
    told = ask(f"select sum(contribution) from every_night.contributions where as_of_date = '{OLD}'")
    assert told.item() == pytest.approx(0.4)
    assert soundness_of("older", "published") == ()


def test_curves_under_scenarios_come_back_for_the_night_after_them(nights):
    relation = "scores.scenario_curves"
    nights.con.execute(
        f"insert into wh.{relation} by name select 'lender' as portfolio, cast(? as date) as as_of_date, "
        "'e0' as enterprise_id, [0.1] as cumulative_pd",
        [OLD],
    )
    before = nights.con.execute(f"from wh.{relation}").fetchall()
    move(nights)
    assert dates(nights, relation) == set()
    score(nights, OLD + timedelta(days=1))
    assert nights.con.execute(f"from wh.{relation}").fetchall() == before


def test_a_score_that_is_kept_keeps_its_contributions_of_an_older_night(nights):
    move(nights)
    con = nights.con
    con.execute(f"delete from wh.scores.portfolio_scores where as_of_date > '{OLD}'")
    night = LAST + timedelta(days=1)
    nobody = nights.rows().with_columns(
        pl.lit(None, pl.Float64).alias("pd"), pl.lit(None, pl.Float64).alias("pd_raw"),
        pl.lit(None, pl.String).alias("grade"), pl.lit(None, pl.Float64).alias("score_points"),
        score_status=pl.lit("unscoreable"), coverage=pl.lit("unscoreable"),
    )  # fmt: skip
    run_id = nights.stage(nobody, night)
    statuses.settle(con, Night("lender", night, run_id), stale_days=90)
    kept = con.execute("select count(*), min(as_of_date) from wh.scores.incoming_contributions").fetchone()
    assert kept == (4, night)


def test_a_night_that_an_older_version_moved_comes_back_with_its_buckets(nights):
    nights.con.execute("update wh.features.feat_ledger set bucket = null where as_of_date = ?", [OLD])
    move(nights)
    retention.put_back(nights.con, "lender", OLD)
    wrong = (
        f"select * from wh.features.feat_ledger where bucket is distinct from {bucket_of('enterprise_id')}"
    )
    assert nights.con.execute(wrong).fetchall() == []


@pytest.mark.parametrize("day", [OLD, LAST])
def test_a_comparison_with_an_older_night_says_how_to_put_it_back(nights, day):
    move(nights)
    nights.con.execute("delete from wh.features.feat_coverage where as_of_date = ?", [LAST])
    with pytest.raises(NotComparable) as refusal:
        changes.features(nights.con, pl.Series(["e0"]), Night("lender", day, "r"), ALL, sensitive=False)
    command = (
        "retain --portfolio lender --bring-back 2026-05-30" if day == OLD else "features --portfolio lender"
    )
    assert f"python -m flows {command}" in str(refusal.value)


def test_the_watch_of_an_older_night_and_its_report_say_how_to_put_it_back(nights):
    move(nights)
    night = Night("lender", OLD, "r")
    key = {"model_family": "operational_risk", "model_version": "1"}
    with pytest.raises(Refused, match="--bring-back 2026-05-30"):
        next(reference.borrowers(nights.con, night, family="operational_risk", version="1", features=[]))
    with pytest.raises(Refused, match="--bring-back 2026-05-30"):
        contributions.drawn(nights.con, night, **key)
    retention.put_back(nights.con, "lender", OLD)
    assert matrix.has_features(nights.con, night)


def test_counts_in_bins_are_found_where_they_lie_and_forgotten_with_them(nights, made):
    record = made("1")
    counted = reference.counts(nights.con, record, OLD)
    assert counted.height == 4
    move(nights)
    assert reference.counts(nights.con, record, OLD).equals(counted)
    move(nights)
    reference.forget_counts(nights.con, Night("lender", OLD, "r"))
    assert reference.counts(nights.con, record, OLD).is_empty()


def soundness_of(*names: str) -> tuple[str, ...]:
    return tuple(fault for part in soundness.parts() if part.name in names for fault in part.faults)


def test_check_reads_the_files_and_finds_no_fault_in_what_was_moved(nights):
    nights.con.execute("update wh.ops.run_ledger set status = 'done', flow = 'nightly'")
    move(nights)
    publish.publish(nights.con, "after")
    assert soundness_of("warehouse", "published", "ledger", "older") == ()
    file = next(iter(older_nights.of_relation(nights.con, "ops.bin_counts").values())).file
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(content)
    (fault,) = soundness_of("older")
    assert str(file) in fault
    assert "ops.older_nights says" in fault
    assert fault.endswith("bring it back from a backup")
    with pytest.raises(Refused, match="has SHA-256"), transaction(nights.con):
        retention.put_back(nights.con, "lender", FIRST)
    assert FIRST not in dates(nights, "scores.contributions")


def test_older_nights_are_in_a_backup(nights):
    move(nights)
    listed = backup_files.listed(settings().home, without=backup_files.dropped(settings()))
    assert {str(file.relative_to(settings().home)) for file in files()} <= set(map(str, listed.files))


def test_a_run_is_told_by_its_own_row(nights):
    run_id = ledger.start_run(nights.con, flow="retain", portfolio="lender", as_of_date=None)
    retention.move(nights.con, run_id, "lender", nights=KEEP)
    assert nights.one("select distinct run_id from wh.ops.older_nights") == (run_id,)
    assert Nights(Night("lender", LAST, run_id), OLD).earlier.as_of_date == OLD
