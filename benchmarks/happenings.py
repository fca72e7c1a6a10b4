"""What can happen to a simulated portfolio, one thing at a time, and when the watch sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

LATER = 60  # nights within which what happens may be seen
FIFTH = "hash(enterprise_id) % 5 = 0"
# each borrower that defaults after the last night, and another one in its place that would not
FALLEN = """
with borrowers as (
    select
        enterprise_id,
        cast(min(known_at) filter (where days_past_due > 90 or charge_off or insolvency) as date) as day
    from wh.raw.outcomes
    where portfolio = $portfolio
    group by enterprise_id
),

placed as (
    select
        *,
        row_number() over (partition by day > cast($last as date) order by hash(enterprise_id)) as place
    from borrowers
    where day is null or day > cast($last as date)
)

select enterprise_id, day, false as is_extra from placed where day is not null
union all
select o.enterprise_id, d.day, true from placed as d inner join placed as o on d.place = o.place
where d.day is not null and o.day is null
"""


@contextmanager
def undone(con: Any) -> Iterator[None]:
    """Take back what happens to the rows."""
    con.execute("begin")
    try:
        yield
    finally:
        con.execute("rollback")


def seen(read: Callable[[int], Any]) -> dict[str, int | None]:
    """Return the first night at watch or alarm, counted from one, and the first at alarm; None where there is none."""
    found: dict[str, int | None] = {"watch": None, "alarm": None}
    for number in range(1, LATER + 1):
        severity = read(number).severity
        if severity in ("watch", "alarm") and found["watch"] is None:
            found["watch"] = number
        if severity == "alarm":
            found["alarm"] = number
            break
    return found


def to_rows(con: Any, portfolio: str, last: date) -> dict[str, dict[str, int | None]]:
    """Let things happen to the rows that come after the last night, one at a time; return when each is seen."""
    from models.watching.arrival_readings import amount_reading, default_reading
    from models.watching.readings import feed_reading
    from models.watching.settings import WatchSettings
    from warehouse import arrivals, watch
    from warehouse.night import Night

    limits = WatchSettings()
    of = "portfolio = $portfolio"
    key = {"portfolio": portfolio, "last": last}

    def night(number: int) -> Night:
        return Night(portfolio, last + timedelta(days=number), "watching")

    def feed(name: str, number: int) -> Any:
        age, usual, pauses = watch.feed_ages(con, night(number))[name]
        return feed_reading(name, age, usual, pauses=pauses, settings=limits)

    def amounts(number: int) -> Any:
        return amount_reading(
            arrivals.amounts(con, night(number), nights=limits.change_nights), settings=limits
        )

    def defaults(number: int) -> Any:
        days = arrivals.new_defaults(con, night(number), nights=limits.change_nights)
        return default_reading(days, nights=limits.change_nights, settings=limits)

    later = f"{of} and known_at >= cast($last as date) + 1"
    found = {}
    for name in ("transactions", "operational_events"):
        with undone(con):
            con.execute(f"delete from wh.raw.{name} where {later}", key)
            found[f"one feed out: {name.replace('_', ' ')}"] = seen(partial(feed, name))
    with undone(con):
        con.execute(f"update wh.raw.transactions set amount = amount / 2 where {later} and {FIFTH}", key)
        found["amounts halved for a fifth of the borrowers"] = seen(amounts)
    with undone(con):
        con.execute(
            "update wh.raw.transactions set amount = amount * pow(0.99, cast(known_at as date) - cast($last as date)) "
            f"where {later}", key,
        )  # fmt: skip
        found["amounts fall by 1% a day"] = seen(amounts)
    with undone(con):
        con.execute(f"create temp table fallen as {FALLEN}", key)
        con.execute(
            "insert into wh.raw.outcomes by name select $portfolio as portfolio, enterprise_id, '' as loan_id, "
            "day as outcome_date, 95 as days_past_due, day + interval 12 hour as known_at from fallen where is_extra",
            {"portfolio": portfolio},
        )
        doubled = seen(defaults)
        days = con.execute("select day - cast($last as date) from fallen", {"last": last}).fetchall()
        for name in ("watch", "alarm"):
            if (nights := doubled[name]) is not None:
                doubled[f"{name} outcomes"] = sum(day <= nights for (day,) in days)
        found["defaults double"] = doubled
    return found


def to_champion(portfolio: str, day: date, factor: float) -> dict[str, int | None]:
    """Multiply the PDs of a scored night, watch it, and return what it says on that first night."""
    from tasks.watch import watch_portfolio
    from warehouse.connection import writer
    from warehouse.night import Night

    night = Night(portfolio, day, "watching")
    with writer(purpose="watching") as con:
        con.execute(
            "update wh.scores.portfolio_scores set pd = least(pd * $factor, 0.999) "
            "where portfolio = $portfolio and as_of_date = $as_of_date", {**night.key, "factor": factor},
        )  # fmt: skip
        watch_portfolio(night)
        severities = con.execute(
            "select distinct severity from wh.ops.alerts where portfolio = $portfolio and as_of_date = $as_of_date "
            "and (measure = 'mean_pd' or measure like 'psi%' or measure = 'grade')", night.key,
        ).fetchall()  # fmt: skip
    said = {severity for (severity,) in severities}
    return {"watch": 1 if said else None, "alarm": 1 if "alarm" in said else None}


def to_files(landing: Path, portfolio: str, day: date) -> dict[str, int | None]:
    """Deliver a day whose amounts are in cents, load it and ask the gate of the feeds."""
    from tasks.ingest import ingest_landing
    from tasks.validate import validate_feeds
    from warehouse.errors import Refused
    from warehouse.night import Night

    (file,) = sorted((landing / "transactions").glob(f"*{day}.parquet"))
    pl.read_parquet(file).with_columns(pl.col("amount") * 100).write_parquet(file)
    ingest_landing(landing, portfolio, "cents")  # a load of its own, which the gate has not judged
    try:
        validate_feeds(Night(portfolio, day, "cents"))
    except Refused:
        return {"watch": 0, "alarm": 0}
    return {"watch": None, "alarm": None}
