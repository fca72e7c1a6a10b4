"""Two nights side by side: whose PD can be compared, what it was made of, and why it moved, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

import duckdb
import polars as pl

from warehouse import matrix, sql
from warehouse.connection import transaction
from warehouse.errors import Refused
from warehouse.partition import audit, replace_partition
from warehouse.sql import quoted

RELATION = "scores.score_changes"
MART = "marts.mart_score_changes"
NIGHTS_NAMED = 3

# whose headline PD there is on either night; entry and stale say why some of them cannot be split
_PAIRS = """
with now as (
    select enterprise_id, coverage, score_status, model_family, model_version, pd
    from wh.scores.portfolio_scores
    where portfolio = $portfolio and as_of_date = $as_of_date and model_role = 'champion'
),

before as (
    select enterprise_id, coverage, score_status, model_family, model_version, pd
    from wh.scores.portfolio_scores
    where portfolio = $portfolio and as_of_date = $against_date and model_role = 'champion'
)

select
    coalesce(n.enterprise_id, b.enterprise_id) as enterprise_id,
    n.coverage,
    b.coverage as coverage_before,
    coalesce(n.coverage <> b.coverage, false) as coverage_changed,
    n.model_family,
    n.model_version,
    b.model_family as family_before,
    b.model_version as version_before,
    n.pd,
    b.pd as pd_before,
    case
        when b.enterprise_id is null then 'appeared'
        when n.enterprise_id is null then 'gone'
        when b.pd is null then 'newly_scored'
        when n.pd is null then 'unscored'
        when n.score_status <> 'fresh' or b.score_status <> 'fresh' then 'stale'
    end as unsplit
from now as n
full join before as b on n.enterprise_id = b.enterprise_id
where n.pd is not null or b.pd is not null
order by 1
"""


_SUMS = """
select part, sum(change), count(distinct enterprise_id)
from wh.scores.score_changes
where portfolio = $portfolio and as_of_date = $as_of_date and against_date = $against_date
group by part
order by part
"""

# the part or feature that moved each PD most
_LARGEST = f"""
select
    p.enterprise_id,
    p.pd_before,
    p.pd,
    coalesce(c.feature, c.part) as most_by,
    c.change
from ({_PAIRS}) as p
inner join (
    select enterprise_id, part, feature, change
    from wh.scores.score_changes
    where portfolio = $portfolio and as_of_date = $as_of_date and against_date = $against_date
    qualify row_number() over (partition by enterprise_id order by abs(change) desc, part, feature) = 1
) as c on p.enterprise_id = c.enterprise_id
where p.pd <> p.pd_before
order by abs(p.pd - p.pd_before) desc, p.enterprise_id
limit 3
"""


class NotComparable(Refused):
    """An earlier night cannot be compared with; the scores themselves are as good as before."""


class Nights(NamedTuple):
    """Two nights of one portfolio, the later one first."""

    portfolio: str
    as_of_date: date
    against_date: date


class Move(NamedTuple):
    """One borrower's move, and the feature or part that moved it most."""

    enterprise_id: str
    pd_before: float
    pd_now: float
    by: str
    change: float


class Moves(NamedTuple):
    """What happened between two nights: PDs on both, how many moved, means, sums by part, entries, largest moves."""

    both: int
    moved: int
    mean_before: float | None
    mean_now: float | None
    sums: dict[str, float]
    entries: dict[str, int]
    largest: tuple[Move, ...]


def previous_night(con: duckdb.DuckDBPyConnection, *, portfolio: str, as_of_date: date) -> date | None:
    """The last night before a date for which the portfolio has scores."""
    row = con.execute(
        "select max(as_of_date) from wh.scores.portfolio_scores "
        "where portfolio = $portfolio and as_of_date < $as_of_date and model_role = 'champion'",
        {"portfolio": portfolio, "as_of_date": as_of_date},
    ).fetchone()
    return row[0] if row else None


def pairs(con: duckdb.DuckDBPyConnection, nights: Nights) -> pl.DataFrame:
    """Every borrower with a headline PD on either night: class, model and PD of both, and whether it can be split.

    `unsplit` is null where the difference can be split. `stale` marks a PD that was kept from an earlier night;
    `appeared`, `gone`, `newly_scored` (known before, but without a PD) and `unscored` are no differences.

    Raises:
        NotComparable: when one of the nights has no scores; the line names nights that have.
    """
    for day in (nights.as_of_date, nights.against_date):
        known = con.execute(
            "select distinct as_of_date from wh.scores.portfolio_scores "
            "where portfolio = $portfolio and model_role = 'champion' order by abs(as_of_date - $day) limit $few",
            {"portfolio": nights.portfolio, "day": day, "few": NIGHTS_NAMED},
        ).fetchall()
        if (day,) not in known:
            near = ", ".join(str(one) for (one,) in sorted(known)) or "none"
            raise NotComparable(
                f"{nights.portfolio} has no scores of {day} to compare; scored nights near it: {near}; "
                f"score it first (python -m flows score --portfolio {nights.portfolio} --as-of {day}) or name another"
            )
    return sql.frame(con, _PAIRS, nights._asdict())


def features(
    con: duckdb.DuckDBPyConnection, ids: pl.Series, *, portfolio: str, as_of_date: date, sensitive: bool
) -> pl.DataFrame:
    """The features of some enterprises on one night, in the order given.

    Raises:
        NotComparable: when the night's features are gone, or do not hold one of the enterprises.
    """
    again = f"build them again: python -m flows features --portfolio {portfolio} --as-of {as_of_date}"
    if not matrix.has_features(con, portfolio=portfolio, as_of_date=as_of_date):
        raise NotComparable(f"the features of {portfolio} as of {as_of_date} are not there; {again}")
    frame = matrix.features_of(con, ids, portfolio=portfolio, as_of_date=as_of_date)
    if frame.height != len(ids):
        raise NotComparable(
            f"the features of {portfolio} as of {as_of_date} lack {len(ids) - frame.height} scored borrowers; {again}"
        )
    return matrix.add_sensitive(con, frame, portfolio=portfolio) if sensitive else frame


def commit_changes(
    con: duckdb.DuckDBPyConnection, parquet_paths: Sequence[Path], nights: Nights, *, run_id: str
) -> int:
    """Replace what is said of a pair of nights by the rows of Parquet files, audit it and renew the mart.

    Args:
        con: a writer's cursor.
        parquet_paths: parts with enterprise_id, part, feature and change.
        nights: the pair.
        run_id: run that compared it.

    Returns:
        The number of rows written.

    Raises:
        Refused: when the parts of a borrower do not add up to its PD difference; then nothing is changed.
    """
    key = nights._asdict()
    unsplit = pairs(con, nights).filter(pl.col("unsplit").is_not_null())
    files = "[" + ", ".join(quoted(path) for path in parquet_paths) + "]"
    told = (
        f"select enterprise_id, part, feature, change from read_parquet({files}) union all "
        if files != "[]"
        else ""
    )
    with transaction(con):
        con.execute(
            f"delete from wh.{RELATION} where portfolio = $portfolio and as_of_date = $as_of_date "
            "and against_date = $against_date",
            key,
        )
        con.register("unsplit_rows", unsplit)
        con.execute(
            f"insert into wh.{RELATION} by name select $portfolio as portfolio, $as_of_date as as_of_date, "
            "$against_date as against_date, t.*, p.coverage, p.coverage_before, p.coverage_changed, $run_id as run_id "
            f"from ({told}select enterprise_id, unsplit as part, null as feature, pd - pd_before as change "
            f"from unsplit_rows) as t left join ({_PAIRS}) as p on t.enterprise_id = p.enterprise_id",
            {**key, "run_id": run_id},
        )
        con.unregister("unsplit_rows")
        audit(con, "assert_changes_add_up", key)
        replace_partition(con, MART, {"portfolio": nights.portfolio})
        row = con.execute(
            f"select count(*) from wh.{RELATION} where portfolio = $portfolio and as_of_date = $as_of_date "
            "and against_date = $against_date",
            key,
        ).fetchone()
    return int(row[0]) if row else 0


def moves(con: duckdb.DuckDBPyConnection, nights: Nights) -> Moves:
    """What is stored of a pair of nights, in few numbers."""
    key = nights._asdict()
    counted = con.execute(
        "select count(*) filter (pd is not null and pd_before is not null), count(*) filter (pd <> pd_before), "
        f"avg(pd_before), avg(pd) from ({_PAIRS})",
        key,
    ).fetchone()
    both, moved, mean_before, mean_now = counted or (0, 0, None, None)
    parts = con.execute(_SUMS, key).fetchall()
    return Moves(
        both, moved, mean_before, mean_now,
        sums={part: size for part, size, _ in parts if size is not None},
        entries={part: count for part, size, count in parts if size is None},
        largest=tuple(Move(*row) for row in con.execute(_LARGEST, key).fetchall()),
    )  # fmt: skip


def forget(con: duckdb.DuckDBPyConnection, *, portfolio: str, as_of_date: date) -> None:
    """Delete every comparison with a night whose scores are being replaced: it is true of the old ones only."""
    con.execute(
        f"delete from wh.{RELATION} where portfolio = $portfolio and $as_of_date in (as_of_date, against_date)",
        {"portfolio": portfolio, "as_of_date": as_of_date},
    )
