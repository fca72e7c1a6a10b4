"""Compare two nights: pair the borrowers, store why each PD moved, in one transaction, and sum it up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import polars as pl

from warehouse import matrix, older_nights
from warehouse.buckets import BucketRange, bucket_of
from warehouse.connection import transaction
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.partition import audit, replace_partition
from warehouse.sql import quoted

RELATION = "scores.score_changes"
MART = "marts.mart_score_changes"
NIGHTS_NAMED = 3

# every borrower with a headline PD on either night; unsplit says why a difference cannot be split: `stale` marks a PD
# that was kept from an earlier night; `appeared`, `gone`, `newly_scored` (known before, but without a PD) and
# `unscored` are no differences
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
"""


_SUMS = """
select part, sum(change), count(distinct enterprise_id), count(*)
from wh.scores.score_changes
where portfolio = $portfolio and as_of_date = $as_of_date and against_date = $against_date
group by part
order by part
"""

# the largest moves, with the part or feature that moved each most
_LARGEST = f"""
with largest as materialized (
    select enterprise_id, pd_before, pd
    from ({_PAIRS})
    where pd <> pd_before
    order by abs(pd - pd_before) desc, enterprise_id
    limit 3
)

select
    p.enterprise_id,
    p.pd_before,
    p.pd,
    coalesce(c.feature, c.part) as most_by,
    c.change
from largest as p
inner join wh.scores.score_changes as c on p.enterprise_id = c.enterprise_id
where c.portfolio = $portfolio and c.as_of_date = $as_of_date and c.against_date = $against_date
qualify row_number() over (
    partition by c.enterprise_id order by abs(c.change) desc, c.part, c.feature
) = 1
order by abs(p.pd - p.pd_before) desc, p.enterprise_id
"""


class NotComparable(Refused):
    """Two nights cannot be compared; their scores are not affected."""


class Nights(NamedTuple):
    """A night, and the date of an earlier one that it is compared with."""

    night: Night
    against_date: date

    @property
    def earlier(self) -> Night:
        """The earlier night."""
        return self.night.on(self.against_date)

    @property
    def key(self) -> dict[str, Any]:
        """The pair, portfolio, as_of_date and against_date, as SQL parameters."""
        return {**self.night.key, "against_date": self.against_date}


class Move(NamedTuple):
    """One borrower's move, and the feature or part that moved it most."""

    enterprise_id: str
    pd_before: float
    pd_now: float
    by: str
    change: float


class Moves(NamedTuple):
    """Summary of two nights: stored rows, borrowers with a PD on either night, PDs on both, how many moved, by what."""

    rows: int
    compared: int
    both: int
    moved: int
    mean_before: float | None
    mean_now: float | None
    sums: dict[str, float]
    entries: dict[str, int]
    largest: tuple[Move, ...]


def previous_date(con: duckdb.DuckDBPyConnection, night: Night) -> date | None:
    """Return the last date before a night that the portfolio has scores of."""
    row = con.execute(
        # few rows a night, written with its scores: of those, every night would be read
        "select max(as_of_date) from wh.marts.mart_portfolio_summary "
        "where portfolio = $portfolio and as_of_date < $as_of_date",
        night.key,
    ).fetchone()
    return row[0] if row else None


def write_pairs(con: duckdb.DuckDBPyConnection, nights: Nights, file: Path) -> int:
    """Write the borrowers whose PD difference can be split to a Parquet file, in the order of bucket and id.

    Each has the coverage class, the model and the PD of both nights.

    Returns:
        The number of borrowers.

    Raises:
        NotComparable: when one of the nights has no scores; the line names nights that have.
    """
    for night in (nights.night, nights.earlier):
        _check_scored(con, night)
    row = con.execute(
        f"copy (select *, {bucket_of('enterprise_id')} as bucket from ({_PAIRS}) where unsplit is null "
        f"order by bucket, enterprise_id) to {quoted(file)} (format parquet, row_group_size {matrix.ROWS_A_PART})",
        nights.key,
    ).fetchone()
    return int(row[0]) if row else 0


def _check_scored(con: duckdb.DuckDBPyConnection, night: Night) -> None:
    portfolio, day, _ = night
    scored = "from wh.scores.portfolio_scores where portfolio = $portfolio and model_role = 'champion'"
    if con.execute(f"select 1 {scored} and as_of_date = $as_of_date limit 1", night.key).fetchone():
        return
    nearest = con.execute(
        f"select distinct as_of_date {scored} order by abs(as_of_date - $as_of_date) limit $few",
        {**night.key, "few": NIGHTS_NAMED},
    ).fetchall()
    dates = ", ".join(str(scored_date) for (scored_date,) in sorted(nearest)) or "none"
    raise NotComparable(
        f"{portfolio} has no scores of {day} to compare; scored nights near it: {dates}; "
        f"score it first (python -m flows score --portfolio {portfolio} --as-of {day}) or name another"
    )


def features(
    con: duckdb.DuckDBPyConnection, ids: pl.Series, night: Night, part: BucketRange, *, sensitive: bool
) -> pl.DataFrame:
    """Return the features of some enterprises of one part on one night, in the order of their ids.

    Raises:
        NotComparable: when the night's features are gone, or do not hold one of the enterprises.
    """
    portfolio, as_of_date, _ = night
    again = f"build them again: python -m flows features --portfolio {portfolio} --as-of {as_of_date}"
    if not matrix.has_features(con, night):
        raise NotComparable(older_nights.why_gone(con, night))
    frame = matrix.features_of(con, ids, night, part)
    if frame.height != len(ids):
        raise NotComparable(
            f"the features of {portfolio} as of {as_of_date} lack {len(ids) - frame.height} scored borrowers; {again}"
        )
    return matrix.add_sensitive(con, frame, portfolio=portfolio) if sensitive else frame


@contextmanager
def committing(
    con: duckdb.DuckDBPyConnection, nights: Nights, pairs: Path
) -> Iterator[Callable[[Path], None]]:
    """Replace the changes between two nights by the rows of parts, each added as it comes, audit them, renew the mart.

    What is added is a Parquet file with enterprise_id, part, feature and change.

    Args:
        con: a writer's cursor.
        nights: the pair, and the run that compared it.
        pairs: the file of `write_pairs`.

    Raises:
        Refused: when the parts of a borrower do not add up to its PD difference; then nothing is changed.
    """
    keys = (
        "$portfolio as portfolio, $as_of_date as as_of_date, $against_date as against_date, $run_id as run_id"
    )
    params = {**nights.key, "run_id": nights.night.run_id}

    def add(file: Path) -> None:
        con.execute(
            f"insert into wh.{RELATION} by name select {keys}, t.enterprise_id, t.part, t.feature, t.change, "
            f"p.coverage, p.coverage_before, p.coverage_changed from read_parquet({quoted(file)}) as t "
            f"left join read_parquet({quoted(pairs)}) as p on t.enterprise_id = p.enterprise_id",
            params,
        )

    with transaction(con):
        con.execute(
            f"delete from wh.{RELATION} where portfolio = $portfolio and as_of_date = $as_of_date "
            "and against_date = $against_date",
            nights.key,
        )
        con.execute(
            f"insert into wh.{RELATION} by name select {keys}, enterprise_id, unsplit as part, "
            f"pd - pd_before as change, coverage, coverage_before, coverage_changed from ({_PAIRS}) "
            "where unsplit is not null",
            params,
        )
        yield add
        audit(con, "assert_changes_add_up", nights.key)
        replace_partition(con, MART, {"portfolio": nights.night.portfolio})


def moves(con: duckdb.DuckDBPyConnection, nights: Nights) -> Moves:
    """Return the summary of the stored changes between two nights."""
    counted = con.execute(
        "select count(*), count(*) filter (pd is not null and pd_before is not null), "
        f"count(*) filter (pd <> pd_before), avg(pd_before), avg(pd) from ({_PAIRS})",
        nights.key,
    ).fetchone()
    compared, both, moved, mean_before, mean_now = counted or (0, 0, 0, None, None)
    parts = con.execute(_SUMS, nights.key).fetchall()
    return Moves(
        sum(rows for *_, rows in parts), compared, both, moved, mean_before, mean_now,
        sums={part: size for part, size, *_ in parts if size is not None},
        entries={part: count for part, size, count, _ in parts if size is None},
        largest=tuple(Move(*row) for row in con.execute(_LARGEST, nights.key).fetchall()),
    )  # fmt: skip


def forget(con: duckdb.DuckDBPyConnection, night: Night) -> None:
    """Delete every comparison with a night whose scores are being replaced: it holds for the old scores only."""
    # two statements: of an `or` no night could be left unread
    for column in ("as_of_date", "against_date"):
        con.execute(
            f"delete from wh.{RELATION} where portfolio = $portfolio and {column} = $as_of_date", night.key
        )
