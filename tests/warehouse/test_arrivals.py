"""Amounts are compared with the same borrowers' own, defaults with those of the year before, by what was known then."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import numpy as np
import polars as pl
import pytest

from models.watching.arrival_readings import amount_reading, default_reading
from models.watching.settings import WatchSettings
from warehouse import arrivals
from warehouse.night import Night

NIGHT = Night("p", date(2026, 6, 30), "r")
LIMITS = WatchSettings()
NIGHTS = LIMITS.change_nights
RECENT = NIGHT.as_of_date - timedelta(days=NIGHTS - 1)
EVE = RECENT - timedelta(days=1)
NOON = time(12)


def days(first: date, last: date, step: int = 1) -> list[date]:
    return [first + timedelta(days=day) for day in range(0, (last - first).days + 1, step)]


def pay(con, rows: list[tuple[str, date, float]], *, portfolio: str = "p") -> None:
    frame = pl.DataFrame(
        [
            (portfolio, enterprise, f"t{number}", datetime.combine(day, NOON), amount)
            for number, (enterprise, day, amount) in enumerate(rows)
        ],
        schema=["portfolio", "enterprise_id", "transaction_id", "known_at", "amount"],
        orient="row",
    )
    con.register("payments", frame)
    con.execute(
        "insert into wh.raw.transactions by name select *, 'sale' as kind, known_at as occurred_at from payments"
    )
    con.unregister("payments")


def portfolio_of(seed: int, *, factor: float = 1.0, since: date = RECENT, share: float = 1.0):
    """120 borrowers with amounts of their own size every fourth day; from a day on some have others."""
    rng, rows = np.random.default_rng(seed), []
    for number in range(120):
        size = rng.normal(5, 2)
        for day in days(RECENT - timedelta(days=400 + number % 4), NIGHT.as_of_date, 4):
            changed = factor if day >= since and number < share * 120 else 1.0
            rows.append((f"e{number:03}", day, rng.choice([-1, 1]) * changed * np.exp(rng.normal(size, 0.8))))
    return rows


def test_a_borrowers_amounts_differ_from_its_own_mean_of_the_year_before(con):
    """Two borrowers of very different size; the second doubles its amounts."""
    small = [
        ("small", day, 10.0 * 2 ** (place % 2))
        for place, day in enumerate(days(EVE - timedelta(days=9), EVE))
    ]
    large = [
        ("large", day, 1e6 * 2 ** (place % 2)) for place, day in enumerate(days(EVE - timedelta(days=9), EVE))
    ]
    new = [("new", day, 7.0) for day in days(EVE - timedelta(days=3), NIGHT.as_of_date)]
    tonight = [("small", NIGHT.as_of_date, -10 * 2**0.5), ("large", NIGHT.as_of_date, 1e6 * 2**0.5 * 2)]
    pay(con, [*small, *large, *new, *tonight, ("small", NIGHT.as_of_date + timedelta(days=1), 1e9)])
    pay(con, [("small", day, 5.0) for day in days(EVE, NIGHT.as_of_date)], portfolio="other")
    (row,) = arrivals.amounts(con, NIGHT, nights=NIGHTS).rows(named=True)
    assert (row["day"], row["rows"]) == (NIGHT.as_of_date, 2)
    # a day of the year before is compared with its nine others: 10 / 9 of its half a doubling
    assert row["deviation"] == pytest.approx(np.log(2) / 2 * 10 / 9)
    assert row["total"] == pytest.approx(np.log(2), rel=1e-3)  # amounts have two decimals


def test_an_amount_a_million_times_too_large_counts_as_three_deviations(con):
    pay(con, [*portfolio_of(1), ("e000", NIGHT.as_of_date, 9e15)])
    tonight = arrivals.amounts(con, NIGHT, nights=NIGHTS).filter(day=NIGHT.as_of_date).row(0, named=True)
    assert abs(tonight["total"]) < tonight["rows"] * tonight["deviation"] + 3.5 * tonight["deviation"]


@pytest.mark.parametrize(
    ("change", "severity"),
    [
        ({}, "ok"),
        ({"factor": 0.5, "since": date(2026, 6, 24)}, "alarm"),
        ({"factor": 0.01, "since": date(2026, 6, 30)}, "alarm"),
        ({"factor": 0.98, "since": RECENT}, "ok"),  # real and small
    ],
)
def test_amounts_that_shift_are_seen(con, change, severity):
    pay(con, portfolio_of(3, **change))
    found = amount_reading(arrivals.amounts(con, NIGHT, nights=NIGHTS), settings=LIMITS)
    assert found.severity == severity, found.note
    if severity == "alarm":
        assert f"since {change['since']}" in found.note


def test_amounts_of_few_borrowers_are_unknown(con):
    nothing = amount_reading(arrivals.amounts(con, NIGHT, nights=NIGHTS), settings=LIMITS)
    assert nothing.note == "no amounts of borrowers whose usual ones are known"
    pay(con, [row for row in portfolio_of(5) if row[0] < "e010"])
    found = amount_reading(arrivals.amounts(con, NIGHT, nights=NIGHTS), settings=LIMITS)
    assert (found.value, found.severity) == (None, "unknown")
    assert found.note.startswith("usual amounts are known of 10 borrowers")


def observe(con, rows: list[tuple[str, date, int]], *, portfolio: str = "p") -> None:
    frame = pl.DataFrame(
        [(portfolio, enterprise, day, datetime.combine(day, NOON), late) for enterprise, day, late in rows],
        schema=["portfolio", "enterprise_id", "outcome_date", "known_at", "days_past_due"],
        orient="row",
    )
    con.register("observed", frame)
    con.execute("insert into wh.raw.outcomes by name select *, '' as loan_id from observed")
    con.unregister("observed")


def test_a_default_counts_once_and_the_borrower_is_at_risk_until_then(con):
    first = date(2026, 6, 1)
    observe(
        con,
        [
            ("pays", first, 0), ("pays", date(2026, 6, 20), 0),
            ("defaults", first, 0), ("defaults", date(2026, 6, 10), 91), ("defaults", date(2026, 6, 20), 120),
            ("comes in default", first, 200),
            ("told of too late", date(2026, 1, 1), 0), ("told of too late", date(2026, 6, 12), 95),
            ("left", date(2026, 1, 1), 0),
            ("tomorrow", date(2026, 7, 1), 95), ("tomorrow", first, 0),
        ],
    )  # fmt: skip
    observe(con, [("pays", date(2026, 6, 15), 99)], portfolio="other")
    found = arrivals.new_defaults(con, NIGHT, nights=NIGHTS)
    assert (found["day"].min(), found["day"].max(), found.height) == (
        RECENT - timedelta(days=365), NIGHT.as_of_date, 365 + NIGHTS,
    )  # fmt: skip
    at = {row["day"]: row for row in found.iter_rows(named=True)}
    assert [at[first + timedelta(days=day)]["at_risk"] for day in (0, 1, 9, 10)] == [0, 3, 3, 2]
    assert at[date(2026, 4, 10)]["at_risk"] == 2  # 99 days after their last outcome
    assert at[date(2026, 4, 11)]["at_risk"] == 0
    assert found.filter(pl.col("defaults") > 0).select("day", "defaults").rows() == [(date(2026, 6, 10), 1)]
    assert found.filter("told")["day"].to_list() == [
        date(2026, 1, 1),
        first,
        date(2026, 6, 10),
        date(2026, 6, 12),
        date(2026, 6, 20),
    ]


def defaults_of(
    seed: int, *, doubled_from: date = date(2027, 1, 1), told: int = 1
) -> list[tuple[str, date, int]]:
    """1,500 borrowers who are told of every month, each for ever; one in 2,000 defaults a day, then twice as many."""
    rng, rows = np.random.default_rng(seed), []
    start = RECENT - timedelta(days=420)
    span = days(start, NIGHT.as_of_date)
    for number in range(1500):
        rates = np.array([(2 if day >= doubled_from else 1) / 2000 for day in span])
        fallen = np.flatnonzero(rng.random(len(span)) < rates)
        end = int(fallen[0]) if len(fallen) else len(span)
        rows += [(f"e{number:04}", day, 0) for day in span[number % 30 : end : 30]]
        if end < len(span) and end > number % 30:
            step = (told - end % told) % told
            if end + step < len(span):
                rows.append((f"e{number:04}", span[end + step], 95))
    return rows


@pytest.mark.parametrize("told", [1, 15])
def test_defaults_that_double_are_seen_and_others_are_not(con, told):
    """Told of each day, or of the defaults of half a month together."""
    observe(con, defaults_of(9, told=told))
    calm = default_reading(arrivals.new_defaults(con, NIGHT, nights=NIGHTS), nights=NIGHTS, settings=LIMITS)
    assert calm.severity == "ok", calm.note
    con.execute("delete from wh.raw.outcomes")
    observe(con, defaults_of(9, doubled_from=NIGHT.as_of_date - timedelta(days=59), told=told))
    found = default_reading(arrivals.new_defaults(con, NIGHT, nights=NIGHTS), nights=NIGHTS, settings=LIMITS)
    assert found.value > 3 * calm.value
    if told == 1:
        assert found.severity == "alarm", found.note
        assert "at the rate of the year before" in found.note


def test_new_defaults_without_a_year_before_or_without_outcomes_are_unknown(con):
    nothing = default_reading(
        arrivals.new_defaults(con, NIGHT, nights=NIGHTS), nights=NIGHTS, settings=LIMITS
    )
    assert nothing.note == "0 new defaults in the year before: 10 are needed"
    observe(con, [row for row in defaults_of(11) if row[1] < RECENT])
    stopped = default_reading(
        arrivals.new_defaults(con, NIGHT, nights=NIGHTS), nights=NIGHTS, settings=LIMITS
    )
    assert stopped.note == "no outcome became known in the last 60 days"
