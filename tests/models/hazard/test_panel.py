"""Months at risk are the same rows in Polars and in SQL, and end with default, censoring or what is not yet known."""

from __future__ import annotations

from datetime import date, timedelta

import duckdb
import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from models.errors import ModelError
from models.hazard.months import days_of
from models.hazard.panel import monthly_panel

NIGHT = date(2026, 6, 30)
SNAPSHOTS = (date(2024, 6, 30), date(2025, 6, 30))
SETTLED = NIGHT - timedelta(days=4)
_SCHEMA = {
    "enterprise_id": pl.String,
    "loan_id": pl.String,
    "outcome_date": pl.Date,
    "days_past_due": pl.Int32,
    "charge_off": pl.Boolean,
    "insolvency": pl.Boolean,
}

# the same rows by another road: sets and aggregates instead of as-of joins
_IN_SQL = """
with states as (
    select
        enterprise_id,
        coalesce(loan_id, '') as loan_id,
        outcome_date,
        coalesce(days_past_due, 0) > case when $definition = 'dpd90' then 90 else 30 end
        and $definition in ('dpd30', 'dpd90', 'any') as past_due,
        (coalesce(charge_off, false) and $definition in ('charge_off', 'any'))
        or (coalesce(insolvency, false) and $definition in ('insolvency', 'any')) as final
    from outcomes
),
loans as (
    select
        s.as_of_date,
        s.enterprise_id,
        s.risk,
        l.loan_id,
        coalesce(arg_max(l.past_due, l.outcome_date) filter (where l.outcome_date <= s.as_of_date), false)
        or coalesce(bool_or(l.final) filter (where l.outcome_date <= s.as_of_date), false) as in_default,
        min(l.outcome_date) filter (where l.outcome_date > s.as_of_date and (l.past_due or l.final)) as default_on
    from snapshots as s
    inner join states as l on s.enterprise_id = l.enterprise_id
    group by all
),
followed as (
    select as_of_date, enterprise_id, risk, min(default_on) as default_on
    from loans
    group by all
    having not bool_or(in_default)
)
select
    f.as_of_date,
    f.enterprise_id,
    f.risk,
    cast(m.month as integer) as month,
    coalesce(f.default_on <= f.as_of_date + cast(m.month * 1461 // 48 as integer), false) as event
from followed as f
cross join (select unnest(range(1, 61)) as month) as m
where
    f.as_of_date + cast(m.month * 1461 // 48 as integer) <= $settled
    and coalesce(f.default_on > f.as_of_date + cast((m.month - 1) * 1461 // 48 as integer), true)
order by f.as_of_date, f.enterprise_id, m.month
"""


def told(*rows: tuple[str, date, int]) -> pl.LazyFrame:
    """Outcomes of enterprises as a whole: who, when, days past due."""
    return pl.LazyFrame(
        [
            {"enterprise_id": who, "loan_id": None, "outcome_date": day, "days_past_due": late}
            for who, day, late in rows
        ],
        schema={name: kind for name, kind in _SCHEMA.items() if name not in ("charge_off", "insolvency")},
    ).with_columns(charge_off=pl.lit(None, pl.Boolean), insolvency=pl.lit(None, pl.Boolean))


def asked(*borrowers: str, days: tuple[date, ...] = SNAPSHOTS[:1]) -> pl.LazyFrame:
    rows = [(day, who, 0.5) for day in days for who in borrowers]
    return pl.LazyFrame(rows, schema=["as_of_date", "enterprise_id", "risk"], orient="row")


def months_of(
    snapshots: pl.LazyFrame, outcomes: pl.LazyFrame, settled: date = SETTLED
) -> dict[str, list[bool]]:
    panel = monthly_panel(snapshots, outcomes, definition="dpd90", settled=settled).collect()
    return {
        who: rows["event"].to_list() for (who,), rows in panel.group_by("enterprise_id", maintain_order=True)
    }


def a_book(seed: int) -> pl.DataFrame:
    """Outcomes of 300 borrowers with up to three loans: arrears that pass, defaults, losses, gaps."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(300):
        for loan in [None, "1", "2"][: 1 + number % 3]:
            days = np.unique(rng.integers(0, 1_125, rng.integers(1, 40)))
            late = np.where(rng.random(len(days)) < 0.1, rng.integers(25, 120, len(days)), 0)
            lost = rng.random((2, len(days))) < 0.01
            rows += [
                (f"e{number:03d}", loan, NIGHT - timedelta(days=int(day)), int(past), bool(off), bool(gone))
                for day, past, off, gone in zip(days, late, *lost, strict=True)
            ]
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row").with_columns(
        pl.when(pl.col("days_past_due") > 0).then("days_past_due")
    )


@pytest.mark.parametrize("definition", ["dpd30", "dpd90", "charge_off", "insolvency", "any"])
def test_polars_and_sql_give_the_same_rows(definition):
    outcomes = a_book(len(definition))
    # e300 is told of by nobody
    snapshots = asked(*(f"e{number:03d}" for number in range(301)), days=SNAPSHOTS).collect()
    panel = monthly_panel(snapshots.lazy(), outcomes.lazy(), definition=definition, settled=SETTLED).collect(
        engine="streaming"
    )
    with duckdb.connect() as con:
        con.register("outcomes", outcomes)
        con.register("snapshots", snapshots)
        in_sql = con.execute(_IN_SQL, {"definition": definition, "settled": SETTLED}).pl()
    assert_frame_equal(panel, in_sql)
    assert panel["event"].sum() > 5
    assert panel.filter("event").select("as_of_date", "enterprise_id").is_unique().all()


def test_a_borrower_is_at_risk_until_the_month_of_its_default():
    snapshot = SNAPSHOTS[0]
    outcomes = told(
        ("good", snapshot, 0),
        ("first", snapshot, 0), ("first", snapshot + timedelta(days=1), 95),
        ("edge", snapshot, 0), ("edge", snapshot + timedelta(days=days_of(2)), 95),
        ("after", snapshot, 0), ("after", snapshot + timedelta(days=days_of(2) + 1), 95),
    )  # fmt: skip
    found = months_of(asked("good", "first", "edge", "after"), outcomes)
    assert found == {
        "after": [False, False, True],
        "edge": [False, True],
        "first": [True],
        "good": [False] * 23,  # month 24 has not ended by what is settled
    }


def test_who_is_in_default_or_never_told_of_is_not_at_risk():
    snapshot = SNAPSHOTS[0]
    outcomes = told(
        ("in default", snapshot - timedelta(days=3), 95), ("in default", snapshot + timedelta(days=9), 0),
        ("cured", snapshot - timedelta(days=30), 95), ("cured", snapshot - timedelta(days=3), 0),
        ("default that day", snapshot, 95),
    )  # fmt: skip
    assert set(months_of(asked("in default", "cured", "default that day", "unknown"), outcomes)) == {"cured"}


def test_what_is_censored_in_the_first_month_has_no_row():
    outcomes = told(("a", SNAPSHOTS[0], 0), ("a", SNAPSHOTS[0] + timedelta(days=20), 95))
    assert months_of(asked("a"), outcomes, SNAPSHOTS[0] + timedelta(days=29)) == {}
    assert months_of(asked("a"), outcomes, SNAPSHOTS[0] + timedelta(days=30)) == {"a": [True]}


def test_a_record_of_thirteen_months_shows_eleven_months_and_a_snapshot_of_today_none():
    day = NIGHT - timedelta(days=365)
    outcomes = told(("a", day - timedelta(days=30), 0), ("a", NIGHT, 0))
    assert months_of(asked("a", days=(day,)), outcomes) == {"a": [False] * 11}
    assert months_of(asked("a", days=(NIGHT,)), outcomes) == {}


def test_a_cross_section_has_no_months():
    with pytest.raises(ModelError, match="outcomes of cross_section have no months"):
        monthly_panel(asked("a"), told(("a", NIGHT, 0)), definition="cross_section", settled=SETTLED)
