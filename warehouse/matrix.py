"""Read the frames that models see: labelled snapshots to train on, and one part of a night to score."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import duckdb
import polars as pl

from warehouse import buckets, sql
from warehouse.buckets import BucketRange
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.outcome import STOPPED, OutcomeDefinition

RELATION = "features.feat_enterprise"
COVERAGE = "features.feat_coverage"

SENSITIVE = frozenset({"representative_gender"})

ROWS_A_PART = 10_000  # most borrowers in one frame: what bounds the memory of a part

# a cross section describes every outcome there is: who cannot be scored counts as a thin file
_COVERED = """(
        list_contains($coverage, f.coverage)
        or (f.coverage = 'unscoreable' and $definition = 'cross_section' and list_contains($coverage, 'thin'))
    )"""

# of more than so many rows the same share of each date and label, one row at least, by a hash of the key: whoever asks
# again gets the same, whatever the order of the rows and the number of threads
_DRAWN = f"""
select k.as_of_date, k.enterprise_id, k.label, k.labelled
from (
    select
        l.as_of_date, l.enterprise_id, l.label,
        count(*) over () as labelled,
        count(*) over (partition by l.as_of_date, l.label) as alike,
        row_number() over (
            partition by l.as_of_date, l.label
            order by md5(concat_ws('|', $random_state, l.as_of_date, l.enterprise_id)), l.enterprise_id
        ) as place
    from wh.features.feat_label as l
    inner join wh.{COVERAGE} as f
        on l.portfolio = f.portfolio and l.as_of_date = f.as_of_date and l.enterprise_id = f.enterprise_id
    where
        l.portfolio = $portfolio and list_contains($snapshot_dates, l.as_of_date)
        and l.definition = $definition and l.horizon_days = $horizon_days and l.label is not null
        and {_COVERED}
) as k
where coalesce(k.labelled <= $at_most, true) or k.place <= greatest(1, k.alike * $at_most // k.labelled)
"""

# the date is compared with a constant, so that every part of the view is read for that date alone
_TRAINING = f"""
select f.*, d.label
from wh.{RELATION} as f
inner join drawn_rows as d on f.enterprise_id = d.enterprise_id and d.as_of_date = $as_of_date
where f.portfolio = $portfolio and f.as_of_date = $as_of_date
"""

_LABELLED = f"""
select count(l.label), coalesce(sum(l.label), 0)
from wh.features.feat_label as l
inner join wh.{COVERAGE} as f
    on l.portfolio = f.portfolio and l.as_of_date = f.as_of_date and l.enterprise_id = f.enterprise_id
where
    l.portfolio = $portfolio and list_contains($snapshot_dates, l.as_of_date)
    and l.definition = $definition and l.horizon_days = $horizon_days
    and {_COVERED}
"""

_LABEL_COUNTS = """
select count(label), coalesce(sum(label), 0)
from wh.features.feat_label
where
    portfolio = $portfolio and as_of_date = $as_of_date
    and definition = $definition and horizon_days = $horizon_days
"""

_STOPPED = """
select max(told_on)
from wh.features.feat_label
where
    portfolio = $portfolio and as_of_date = $as_of_date
    and definition = $definition and horizon_days = $horizon_days and reason = $reason
"""

_SIZES = f"""
select bucket, count(*)
from wh.{COVERAGE}
where portfolio = $portfolio and as_of_date = $as_of_date
group by bucket
"""

# a range of buckets is pushed down to every part of the view
_SCORING = f"""
select f.*
from wh.{RELATION} as f
where
    f.portfolio = $portfolio and f.as_of_date = $as_of_date
    and f.bucket >= $first and f.bucket <= $last
"""


def feature_groups() -> dict[str, str]:
    """Return the group of each column of the wide feature relation and of the sensitive fields, as heads declare it."""
    columns = (*sql.load(RELATION).columns, *sql.load("features.feat_sensitive").columns)
    return {column.name: column.group for column in columns}


class TrainingRows(NamedTuple):
    """The rows that a model learns from, and how many labelled rows they were drawn from; None if all were taken."""

    frame: pl.DataFrame
    drawn_from: int | None


def training_matrix(
    con: duckdb.DuckDBPyConnection,
    *,
    portfolio: str,
    snapshot_dates: Sequence[date],
    outcome: OutcomeDefinition,
    coverage: Sequence[str] = ("thick", "transaction", "thin"),
    at_most: int | None = None,
    random_state: int = 0,
) -> TrainingRows:
    """Read the features of every borrower with a known label on the given dates, and the label, in a fixed order.

    Borrowers whose window is open or who were in default already have no label and no row, nor have borrowers of
    another coverage. Borrowers that cannot be scored count as thin files under `cross_section`, which describes
    every outcome there is.

    Args:
        con: a writer's cursor.
        portfolio: whose borrowers.
        snapshot_dates: dates that the rows describe.
        outcome: what counts as default.
        coverage: classes of borrowers.
        at_most: of more labelled rows than these, the same share of each date and label is drawn, so that the default
            rate stays, and only the features of the drawn borrowers are read; None reads all.
        random_state: seed of the draw.

    Raises:
        Refused: when a date has no such borrower, or its features or labels have not been built.
    """
    dates = sorted(set(snapshot_dates))
    keys = sql.frame(
        con,
        _DRAWN,
        {
            "portfolio": portfolio,
            "snapshot_dates": dates,
            **outcome.key,
            "coverage": list(coverage),
            "at_most": at_most,
            "random_state": random_state,
        },
    )
    for day in (day for day in dates if day not in set(keys["as_of_date"])):
        raise Refused(
            f"{portfolio} has no labelled borrower ({', '.join(coverage)} file) on {day} under "
            f"{outcome.definition} within {outcome.horizon_days} days; "
            f"{_why_unlabelled(con, outcome, portfolio=portfolio, day=day)}"
        )
    con.register("drawn_rows", keys)
    try:
        frames = [sql.frame(con, _TRAINING, {"portfolio": portfolio, "as_of_date": day}) for day in dates]
    finally:
        con.unregister("drawn_rows")
    # the view has no order of its own
    frame, there = pl.concat(frames).sort("as_of_date", "enterprise_id"), int(keys["labelled"][0])
    return TrainingRows(frame, there if keys.height < there else None)


def _why_unlabelled(
    con: duckdb.DuckDBPyConnection, outcome: OutcomeDefinition, *, portfolio: str, day: date
) -> str:
    params = {"portfolio": portfolio, "as_of_date": day, **outcome.key, "reason": STOPPED}
    (told_on,) = con.execute(_STOPPED, params).fetchone() or (None,)
    if told_on is None:
        return "its outcomes are not known yet or its history does not reach back so far"
    return f"{outcome.stopped(day, told_on=told_on)}: deliver the later ones, or train as of {told_on}"


def labelled(
    con: duckdb.DuckDBPyConnection,
    *,
    portfolio: str,
    snapshot_dates: Sequence[date],
    outcome: OutcomeDefinition,
    coverage: Sequence[str],
) -> tuple[int, int]:
    """Count the rows that `training_matrix` would read, and the defaults among them."""
    row = con.execute(
        _LABELLED,
        {
            "portfolio": portfolio,
            "snapshot_dates": list(snapshot_dates),
            **outcome.key,
            "coverage": list(coverage),
        },
    ).fetchone()
    borrowers, defaults = row or (0, 0)
    return int(borrowers), int(defaults)


def label_counts(con: duckdb.DuckDBPyConnection, night: Night, outcome: OutcomeDefinition) -> tuple[int, int]:
    """Return how many borrowers of one date have a known label, of any coverage, and how many of them defaulted."""
    row = con.execute(
        _LABEL_COUNTS,
        {**night.key, **outcome.key},
    ).fetchone()
    labelled_borrowers, defaults = row or (0, 0)
    return int(labelled_borrowers), int(defaults)


def enterprises(con: duckdb.DuckDBPyConnection, night: Night) -> int:
    """Return how many enterprises have features on a night."""
    return sum(size for _, size in con.execute(_SIZES, night.key).fetchall())


def parts_of(con: duckdb.DuckDBPyConnection, night: Night, *, at_least: int) -> list[BucketRange]:
    """Cut a night into at least so many parts, none above the bound but for one bucket; everyone is in one of them."""
    sizes = con.execute(_SIZES, night.key).fetchall()
    return buckets.ranges(sizes, at_least=at_least, at_most_rows=ROWS_A_PART)


def scoring_matrix(con: duckdb.DuckDBPyConnection, night: Night, part: BucketRange) -> pl.DataFrame:
    """Read the features of one part of a night, in the order of its enterprises."""
    return sql.frame(con, _SCORING, {**night.key, **part._asdict()}).sort("enterprise_id")


def features_of(
    con: duckdb.DuckDBPyConnection, ids: pl.Series, night: Night, part: BucketRange
) -> pl.DataFrame:
    """Read the features of some enterprises of one part, in the order of the ids, without those that have none."""
    return pl.DataFrame({"enterprise_id": ids}).join(
        scoring_matrix(con, night, part), on="enterprise_id", how="inner", maintain_order="left"
    )


def coverages(con: duckdb.DuckDBPyConnection, night: Night) -> set[str]:
    """Return the coverage classes that the borrowers of a night have."""
    rows = con.execute(
        f"select distinct coverage from wh.{COVERAGE} "
        "where portfolio = $portfolio and as_of_date = $as_of_date",
        night.key,
    ).fetchall()
    return {coverage for (coverage,) in rows}


def add_sensitive(con: duckdb.DuckDBPyConnection, frame: pl.DataFrame, *, portfolio: str) -> pl.DataFrame:
    """Add the sensitive fields of its borrowers to a frame, for a model whose settings say that it uses them."""
    fields = sql.frame(
        con,
        f"select as_of_date, enterprise_id, {', '.join(sorted(SENSITIVE))} from wh.features.feat_sensitive "
        "where portfolio = $portfolio and list_contains($days, as_of_date)",
        {"portfolio": portfolio, "days": frame["as_of_date"].unique().to_list()},
    )
    return frame.join(fields, on=["as_of_date", "enterprise_id"], how="left", maintain_order="left")


def has_features(con: duckdb.DuckDBPyConnection, night: Night) -> bool:
    """Return True if the features of the night are built and passed their audits."""
    schema, name = COVERAGE.split(".")
    table = con.execute(
        "select 1 from duckdb_tables() where database_name = 'wh' and schema_name = $schema and table_name = $name",
        {"schema": schema, "name": name},
    ).fetchone()
    if table is None:
        return False
    row = con.execute(
        f"select 1 from wh.{COVERAGE} where portfolio = $portfolio and as_of_date = $as_of_date limit 1",
        night.key,
    ).fetchone()
    return row is not None
