"""Draw until when and up to what loans are granted, and the loans that open while the portfolio lives.

A new loan is drawn in the calendar month in which it opens, from streams of its own: no other value hangs on them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from sources.simulated_calendar import DAY_SECONDS, Month, day_of, months_between
from sources.simulated_world import CHUNK, THICK, Floats, Ints, SimulationSettings, World, generator, world

INVEST = ("working_capital", "equipment", "premises", "vehicles", "stock")
INVEST_ODDS = (0.45, 0.2, 0.12, 0.13, 0.1)
OPENINGS_A_YEAR = 0.4
# The loans that stand in the first ledger opened at most so long before it.
LEAD_DAYS = 900
ARREARS_DAYS = 90
# A loan that falls due before the next annual ledger is told of is prolonged in this one.
_REVIEW_DAYS = 420
_MONTH_DAYS = 365.25 / 12
# Shortest and longest term in months, by what the money is for; a bill is shorter, what has a mortgage longer.
_TERMS = np.array([[12, 36], [36, 84], [96, 180], [36, 60], [6, 18]])
_BILL_TERM = np.array([6, 12])
_MORTGAGE_TERM = np.array([96, 180])
_LINE_SHARE = 0.5
_TERMS_STREAM, _OPENINGS_STREAM, _DIRT_STREAM = 8, 9, 10

Rows = dict[str, np.ndarray]


@dataclass(frozen=True)
class Terms:
    """What is agreed of loans; all arrays have one shape.

    Attributes:
        months: whole months from the opening to the maturity.
        line: a credit line: repaid at its maturity and not before.
        drawn: share of the limit of a line that is drawn.
    """

    months: Ints
    line: np.ndarray
    drawn: Floats

    def limit(self, borrowing: Floats, *, cut: np.ndarray) -> Floats:
        """Return the limit of each line in whole hundreds, what is drawn where it was cut, not a number without one."""
        limit = np.ceil(borrowing / self.drawn / 100.0) * 100.0
        return np.where(self.line, np.where(cut, borrowing, limit), np.nan)


def draw_terms(rng: np.random.Generator, *, invest: Ints, mortgage: np.ndarray, bill: np.ndarray) -> Terms:
    """Draw the terms of loans by what they are for; half of working capital and stock, bills apart, are lines."""
    span = np.where(bill[..., None], _BILL_TERM, _TERMS[invest])
    span = np.where(mortgage[..., None], _MORTGAGE_TERM, span)
    low, high = span[..., 0], span[..., 1]
    months = low + np.floor(rng.random(invest.shape) * (high - low + 1)).astype(np.int64)
    running = np.isin(invest, [INVEST.index("working_capital"), INVEST.index("stock")]) & ~bill & ~mortgage
    line = running & (rng.random(invest.shape) < _LINE_SHARE)
    return Terms(months, line, rng.uniform(0.5, 0.95, invest.shape))


def terms_of_first_loans(
    settings: SimulationSettings, world: World, *, invest: Ints, mortgage: np.ndarray, bill: np.ndarray
) -> Terms:
    """Draw the terms of the loans that each thick file has from the start; arrays are (enterprise, loan)."""
    rng = generator(settings, chunk=world.chunk, month=0, stream=_TERMS_STREAM)
    return draw_terms(rng, invest=invest, mortgage=mortgage, bill=bill)


def prolonged(opened: Ints, months: Ints, *, day: Ints, default: Ints) -> Ints:
    """Return until when loans run that are prolonged by their term at each review; a default calls them that day.

    All arguments and the result are in days since 1970-01-01, except `months`.
    """
    length = term_days(months)
    times = np.maximum((day + _REVIEW_DAYS - opened) // length + 1, 1)
    return np.where(day >= default, np.maximum(default, opened), opened + times * length)


def term_days(months: Ints) -> Ints:
    """Return the length of a term in days."""
    return np.round(months * _MONTH_DAYS).astype(np.int64)


def default_days(world: World) -> Ints:
    """Return the day of each enterprise's default in days since 1970-01-01, far off for those that have none."""
    return world.start + np.floor(np.minimum(world.default_day, 1e6)).astype(np.int64)


def draw_new_loans(
    settings: SimulationSettings, world: World, month: Month, *, size: Floats, due: np.ndarray, ledger: Rows
) -> Rows:
    """Draw the rows of a month that tell of new loans: their opening, the annual ledgers, their repayment.

    Args:
        settings: settings of the portfolio.
        world: the chunk.
        month: the calendar month.
        size: money; what each enterprise borrows all in all.
        due: which enterprises have a ledger in this month.
        ledger: of each enterprise day, known, assets and income of that ledger.

    Returns:
        Columns as the ledger has them, one entry a row.
    """
    months = months_between(day_of(world.start - LEAD_DAYS), day_of(month.first))
    drawn = [_opened_in(settings, world.chunk, world.start, opening) for opening in months]
    loans = {name: np.concatenate([part[name] for part in drawn]) for name in drawn[0]}
    who, opened, matures = loans["who"], loans["opened"], loans["matures"]
    default = default_days(world)[who]
    repaid = matures <= default - ARREARS_DAYS
    last = month.first + month.days - 1
    dirt = generator(settings, chunk=world.chunk, month=month.number, stream=_DIRT_STREAM).random(who.size)
    terms = Terms(loans["months"], loans["line"], loans["drawn"])
    on_ledger = ledger["day"][who]
    earliest = max(month.first, world.start)
    events = (
        (opened, opened >= earliest, False),
        (on_ledger, due[who] & (opened < on_ledger) & ~(repaid & (matures <= on_ledger)), True),
        (matures, repaid & (matures >= earliest) & (matures <= last), False),
    )
    parts = []
    for day, happens, accounts in events:
        keep = happens & (world.number[who] < settings.enterprises)
        borrowing = _outstanding(loans, size=size[who], day=day, default=default, repaid=repaid)
        part = {
            "number": world.number[who], "loan": loans["loan"], "day": day,
            "known": ledger["known"][who] if accounts else (day + 1) * DAY_SECONDS + loans["delay"],
            "opened": opened, "borrowing": borrowing,
            "rate": np.clip(0.085 + 0.012 * world.traits["opinion"][who] + 0.012 * loans["noise"], 0.02, 0.3),
            "mortgage": loans["mortgage"], "bill": loans["bill"], "autonomous": loans["autonomous"],
            "business": loans["business"], "invest": loans["invest"],
            "assets": ledger["assets"][who] if accounts else np.full(who.size, np.nan),
            "income": ledger["income"][who] if accounts else np.full(who.size, np.nan),
            "dpd": np.maximum(day - default + ARREARS_DAYS, 0), "dirt": dirt,
            "matures": np.where(day >= default, np.minimum(matures, default), matures),
            "limit": terms.limit(borrowing, cut=(day >= default) | (borrowing == 0)),
        }  # fmt: skip
        parts.append({name: values[keep] for name, values in part.items()})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


@lru_cache(maxsize=65_536)
def _opened_in(settings: SimulationSettings, chunk: int, start: int, month: Month) -> Rows:
    """Draw the loans that open in a calendar month: by thick files that are neither in arrears nor in default."""
    of = world(settings, chunk, start)
    rng = generator(settings, chunk=chunk, month=month.number, stream=_OPENINGS_STREAM)
    opens = rng.random(CHUNK) < OPENINGS_A_YEAR / 12
    opened = month.first + rng.integers(0, month.days, CHUNK)
    invest = rng.choice(len(INVEST), CHUNK, p=INVEST_ODDS)
    mortgage = invest == INVEST.index("premises")
    bill = (rng.random(CHUNK) < 0.12) & ~mortgage
    terms = draw_terms(rng, invest=invest, mortgage=mortgage, bill=bill)
    loans = {
        "who": np.arange(CHUNK),
        "loan": np.full(CHUNK, month.number),
        "opened": opened,
        "matures": opened + term_days(terms.months),
        "months": terms.months, "line": terms.line, "drawn": terms.drawn, "bullet": terms.line | bill,
        "part": rng.uniform(0.1, 0.6, CHUNK),
        "noise": rng.standard_normal(CHUNK),
        "autonomous": rng.random(CHUNK) < 0.6,
        "business": rng.random(CHUNK) < 0.7,
        "mortgage": mortgage, "bill": bill, "invest": invest,
        "delay": (rng.uniform(0, 6, CHUNK) * DAY_SECONDS).astype(np.int64),
    }  # fmt: skip
    keep = (
        opens & (of.kind == THICK) & (opened >= start - LEAD_DAYS)
        & (opened <= default_days(of) - ARREARS_DAYS)
    )  # fmt: skip
    return {name: values[keep] for name, values in loans.items()}


def _outstanding(loans: Rows, *, size: Floats, day: Ints, default: Ints, repaid: np.ndarray) -> Floats:
    """Return what is owed on a day: equal monthly parts are paid until arrears begin, lines and bills at the end."""
    granted = np.maximum(np.round(loans["part"] * size, -2), 100.0)
    paying = np.minimum(day, default - ARREARS_DAYS) - loans["opened"]
    paid = np.clip(np.floor(paying / _MONTH_DAYS), 0, loans["months"]) / loans["months"]
    owed = granted * np.where(loans["bullet"], 1.0, 1.0 - paid)
    return np.where(repaid & (day >= loans["matures"]), 0.0, owed)
