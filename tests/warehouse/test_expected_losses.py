"""Stages, expected losses and the movement of the allowance on hand-made rows: numpy and the figures of IFRS 9."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from warehouse import examples, impairment, migrations, partition, sql
from warehouse.connection import writer
from warehouse.errors import Refused
from warehouse.impairment import PARTS
from warehouse.night import Night

NIGHT = date(2026, 6, 30)
PORTFOLIO = "p"
MONTHS = np.arange(1, 61)
FILES = (
    "scores.loan_originations",
    "scores.loan_stages",
    "scores.scenario_curves",
    "scores.expected_credit_losses",
    "marts.mart_allowance",
    "marts.mart_allowance_changes",
)


def flat(pd: float) -> list[float]:
    """Cumulative PD of 60 months whose hazard is the same in all of them."""
    return [float(value) for value in 1 - (1 - pd) ** (MONTHS / 12)]


def expected(
    curve: Sequence[float],
    *,
    exposure: float,
    lgd: float,
    rate: float,
    months: int,
    repaid_over: int | None,
    within: int = 60,
) -> float:
    """The formula once more: marginal PD x LGD x EAD x discount, summed over the months that count."""
    month = MONTHS[: min(months, within)]
    marginal = np.diff(np.concatenate([[0.0], curve]))[: month.size]
    left = np.ones(month.size) if repaid_over is None else (repaid_over - month + 1) / repaid_over
    return float(np.sum(marginal * lgd * exposure * left * (1 + rate) ** (-month / 12)))


class Lender:
    """A portfolio of which nights are measured from rows that a test writes."""

    def __init__(self, con: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.con, self.monkeypatch = con, monkeypatch
        con.execute(
            "create table if not exists wh.features.feat_profile (portfolio varchar, as_of_date date, "
            "enterprise_id varchar, industry_primary varchar)"
        )

    def insert(self, relation: str, **values: object) -> None:
        marks = ", ".join(f"${name}" for name in values)
        self.con.execute(f"insert into wh.{relation} ({', '.join(values)}) values ({marks})", values)

    def loan(
        self,
        loan: str = "l",
        borrower: str = "e",
        *,
        ledger: date = NIGHT - timedelta(days=30),
        **more: object,
    ) -> None:
        self.insert(
            "raw.loan_ledger",
            **{
                "portfolio": PORTFOLIO, "loan_id": loan, "enterprise_id": borrower, "ledger_date": ledger,
                "known_at": f"{ledger} 12:00", "opened_on": date(2020, 1, 1), "borrowing": 1000, "days_past_due": 0,
                "annual_rate": 0.0, **more,
            },
        )  # fmt: skip

    def score(
        self,
        borrower: str = "e",
        pd: float | None = 0.02,
        *,
        on: date = NIGHT,
        status: str = "fresh",
        curve: Sequence[float] | None = None,
        in_default: bool = False,
        version: str = "1",
        industry: str = "trade",
    ) -> None:
        key = {"portfolio": PORTFOLIO, "as_of_date": on, "enterprise_id": borrower}
        self.insert(
            "scores.portfolio_scores", **key, model_role="champion", score_status=status, pd=pd, in_default=in_default,
            model_family="wide_deep" if pd else None, model_version=version if pd else None, grade="B1" if pd else None,
        )  # fmt: skip
        self.insert("features.feat_profile", **key, industry_primary=industry)
        if curve is not None:
            self.insert(
                "scores.pd_curves", **key, model_version=version, shape="learnt", cumulative_pd=list(curve)
            )

    def watched(self, borrower: str, on: date = NIGHT) -> None:
        self.insert(
            "marts.mart_watch_list",
            portfolio=PORTFOLIO,
            as_of_date=on,
            enterprise_id=borrower,
            on_watch_list=True,
        )

    def outcome(self, borrower: str, day: date, **more: object) -> None:
        self.insert(
            "raw.outcomes",
            **{
                "portfolio": PORTFOLIO,
                "enterprise_id": borrower,
                "loan_id": "",
                "outcome_date": day,
                "known_at": f"{day} 12:00",
                **more,
            },
        )

    def scenario(
        self, name: str, weight: float, factors: Sequence[float], *, decided: date = date(2026, 6, 1)
    ) -> None:
        """A path from July 2026 on."""
        for number, factor in enumerate(factors):
            month = date(2026 + (6 + number) // 12, (6 + number) % 12 + 1, 1)
            self.insert(
                "raw.scenarios", portfolio=PORTFOLIO, decided_on=decided, scenario=name, month=month,
                systematic_factor=factor, weight=weight, known_at=f"{decided} 12:00",
            )  # fmt: skip

    def set(self, **parameters: object) -> None:
        for name, value in parameters.items():
            self.monkeypatch.setenv(f"NIGHTLEDGER_IMPAIRMENT__{name.upper()}", str(value))

    def measure(self, on: date = NIGHT, run_id: str = "r") -> None:
        """What `commit_scores` does of a night once its scores are audited, and the audits of the marts."""
        night = Night(PORTFOLIO, on, run_id)
        impairment.record_parameters(self.con, night)
        for relation in FILES:
            partition.replace_partition(self.con, relation, night.key)
        partition.audit(self.con, "assert_mart_allowance_adds_up", night.key)

    def losses(self, *columns: str, on: date = NIGHT) -> list[tuple[Any, ...]]:
        return sql.frame(
            self.con,
            f"select {', '.join(columns)} from wh.scores.loan_stages inner join wh.scores.expected_credit_losses "
            "using (portfolio, as_of_date, loan_id, enterprise_id, stage) where as_of_date = $on "
            "order by enterprise_id, loan_id",
            {"on": on},
        ).rows()

    def one(self, *columns: str, on: date = NIGHT) -> tuple[Any, ...]:
        [row] = self.losses(*columns, on=on)
        return row


@pytest.fixture
def lender(con, monkeypatch) -> Lender:
    return Lender(con, monkeypatch)


# published figures


@pytest.mark.parametrize("last", [1, 5])
def test_a_published_example_over_five_years(lender, last):
    """The figures of "IFRS 9 example: illustrative calculation of lifetime ECL and 12-month ECL", ifrscommunity.com.

    Read on 2026-11-29: 100,000 repaid in five payments of 25,000, a default at the end of a year, 80% lost of what is
    owed at its beginning, discounted from that end; 2,224 in the first year, 6,722 in five. A year here is a loan of
    its own: what is owed stays the same until its end. Balances and rate are printed rounded, so a unit may differ.
    """
    owed, marginal = (100_000, 82_926, 64_500, 44_627, 23_164), (0.03, 0.03, 0.03, 0.04, 0.04)
    lender.set(loss_given_default=0.8, amortises=False, past_due_days_stage_2=0)
    for year in range(1, last + 1):
        curve = [0.0] * (12 * year - 1) + [marginal[year - 1]] * (61 - 12 * year)
        lender.loan(
            f"l{year}", f"e{year}", borrowing=owed[year - 1], annual_rate=0.07926, days_past_due=1,
            matures_on=date(2026 + year, 6, 30),
        )  # fmt: skip
        lender.score(f"e{year}", pd=0.1, curve=curve)
    lender.measure()
    assert sum(float(loss) for (loss,) in lender.losses("loss_lifetime")) == pytest.approx(
        {1: 2224, 5: 6722}[last], abs=1
    )


# the next two are typed from memory: the text of the illustrative examples of IFRS 9 (8, by probability of default, and
# 9, by loss rate) was looked for in public copies on 2026-11-29 and not found


def test_an_example_of_the_standard_one_loan_by_probability_of_default(lender):
    lender.set(loss_given_default=0.25, amortises=False)
    lender.loan(borrowing=1_000_000, matures_on=date(2036, 6, 30))
    lender.score(pd=0.005)
    lender.measure()
    assert lender.one("stage", "allowance", "maturity_basis") == ("1", Decimal("1250.00"), "beyond the curve")


@pytest.mark.parametrize(
    ("clients", "each", "defaults", "loss", "rate"),
    [
        (1000, 200, 4, 600, 0.003),
        (1000, 300, 2, 450, 0.0015),
        (1000, 200, 5, 750, 0.00375),
        (1000, 300, 3, 675, 0.00225),
    ],
)
def test_an_example_of_the_standard_two_groups_by_loss_rate(*, lender, clients, each, defaults, loss, rate):
    """PV of the observed loss is the exposure in default times a loss given default of 75%."""
    lender.set(loss_given_default=0.75, amortises=False)
    lender.loan(borrowing=clients * each)
    lender.score(pd=defaults / clients)
    lender.measure()
    (allowance,) = lender.one("allowance")
    assert allowance == loss
    assert float(allowance) / (clients * each) == pytest.approx(rate)


# amounts


def test_losses_are_those_of_numpy(lender):
    rng = np.random.default_rng(5)
    lender.set(credit_conversion=0.5, probation_stage_2_days=0)
    wanted = []
    for number in range(40):
        months, matures = int(rng.integers(1, 80)), None
        if number % 5:
            matures = date(
                2026 + (5 + months) // 12, (5 + months) % 12 + 1, 28
            )  # on the 28th: the last month has begun
        curve = np.sort(rng.uniform(0, 0.6, 60))
        borrowing, limit = round(float(rng.uniform(100, 9e5)), 2), round(float(rng.uniform(0, 9e5)), 2)
        rate, lgd = float(rng.choice([0.0, 0.07, 0.21])), float(rng.uniform(0, 1))
        name = f"e{number:02}"
        lender.loan(
            f"l{number}", name, borrowing=borrowing, credit_limit=limit, annual_rate=rate, loss_given_default=lgd,
            matures_on=matures, days_past_due=31 if number % 2 else 0,
        )  # fmt: skip
        lender.score(
            name, pd=float(curve[11]) if curve[11] < 0.2 else 0.1, curve=[float(value) for value in curve]
        )
        given = {
            "exposure": round(borrowing + 0.5 * max(limit - borrowing, 0), 2), "lgd": lgd, "rate": rate,
            "months": 36 if matures is None else min(months, 60), "repaid_over": None if matures is None else months,
        }  # fmt: skip
        of_year, of_life = (expected(curve, within=within, **given) for within in (12, 60))
        wanted.append((of_year, of_life, of_life if number % 2 else of_year))
    lender.measure()
    found = np.array(lender.losses("loss_12_months", "loss_lifetime", "allowance"), dtype=float)
    np.testing.assert_allclose(found, np.array(wanted), atol=0.0051)


def test_recovery_is_discounted_and_default_loses_all_that_is_not_recovered(lender):
    lender.set(loss_given_default=0.4, recovery_months=24)
    lender.loan(annual_rate=0.1, borrowing=1000)
    lender.score(pd=0.5, in_default=True)
    lender.measure()
    assert lender.one("stage", "allowance") == ("3", Decimal(str(round(1000 * (1 - 0.6 / 1.1**2), 2))))


@pytest.mark.parametrize(
    ("months", "basis", "counted"),
    [(-3, "past", 12), (0, "past", 12), (1, "ledger", 1), (60, "ledger", 60), (61, "beyond the curve", 60)],
)
def test_a_maturity_that_is_past_or_beyond_the_curve_is_told(lender, months, basis, counted):
    lender.loan(matures_on=date(2026 + (5 + months) // 12, (5 + months) % 12 + 1, 30))
    lender.score()
    lender.measure()
    assert lender.one("months_to_maturity", "maturity_basis", "remaining_months") == (months, basis, counted)


def test_what_the_ledger_does_not_say_is_told(lender):
    lender.set(rate_without_ledger=0.05)
    lender.loan(annual_rate=None, borrowing=None)
    lender.score()
    lender.measure()
    assert lender.one("maturity_basis", "remaining_months", "effective_rate", "loss_given_default") == (
        "unknown",
        36,
        0.05,
        0.45,
    )
    assert lender.one("exposure", "allowance", "stage") == (None, None, "1")
    assert lender.con.execute(
        "select loans, unmeasured, allowance from wh.marts.mart_allowance"
    ).fetchall() == [(1, 1, None)]


def test_a_borrower_without_a_pd_takes_the_mean_of_the_performing_and_a_stale_pd_is_its_own(lender):
    lender.set(amortises=False, loss_given_default=1)
    for name, pd, status in (
        ("a", 0.02, "fresh"),
        ("b", 0.06, "fresh"),
        ("s", 0.03, "stale"),
        ("u", None, "unscoreable"),
    ):
        lender.score(name, pd, status=status, curve=flat(pd) if status == "fresh" else None)
        lender.loan(f"l{name}", name)
    lender.score("d", 0.9, in_default=True)
    lender.loan("ln", "nobody")
    lender.measure()
    assert lender.losses("enterprise_id", "curve_basis", "increase_basis", "allowance") == [
        ("a", "hazard model", "unknown", Decimal("20.00")),
        ("b", "hazard model", "unknown", Decimal("60.00")),
        ("nobody", "collective", None, Decimal("40.00")),
        ("s", "flat hazard", "unknown", Decimal("30.00")),
        ("u", "collective", None, Decimal("40.00")),
    ]


# scenarios


def under(curve: Sequence[float], paths: dict[str, tuple[float, Any]], rho: float = 0.15) -> np.ndarray:
    """The mean curve under paths of fewer than 60 months, by numpy and scipy."""
    before = np.concatenate([[0], curve[:-1]])
    hazard = (np.array(curve) - before) / (1 - before)
    mean = np.zeros(60)
    for weight, factors in paths.values():
        told = len(factors)
        of_year = 1 - (1 - hazard[:told]) ** 12
        shifted = norm.cdf((norm.ppf(of_year) - np.sqrt(rho) * factors) / np.sqrt(1 - rho))
        months = np.concatenate([1 - (1 - shifted) ** (1 / 12), hazard[told:]])
        mean += weight * (1 - np.cumprod(1 - months))
    return mean


PATHS = {"bad": (0.25, np.linspace(-2, 0.5, 30)), "base": (0.75, np.full(30, 0.4))}
OTHER = {"bad": (0.5, np.full(12, -1.0)), "base": (0.5, np.full(12, 0.1))}


def decide(lender: Lender, paths: dict[str, tuple[float, Any]], day: date) -> None:
    for name, (weight, factors) in paths.items():
        lender.scenario(name, weight, [float(factor) for factor in factors], decided=day)


def shifted(lender: Lender, on: date = NIGHT) -> dict[str, tuple[list[float], list[float] | None]]:
    rows = lender.con.execute(
        "select enterprise_id, cumulative_pd, before_set_pd from wh.scores.scenario_curves where as_of_date = ?",
        [on],
    ).fetchall()
    return {borrower: (now, before) for borrower, now, before in rows}


def test_scenarios_shift_each_months_pd_and_weigh(lender):
    lender.set(correlation=0.15, loss_given_default=1, past_due_days_stage_2=0)
    lender.loan(days_past_due=1, annual_rate=0.08, borrowing=100_000)
    curve = flat(0.08)
    lender.score(pd=0.08, curve=curve)
    decide(lender, PATHS, date(2026, 6, 1))
    lender.measure()
    mean = under(curve, PATHS)
    given = {"exposure": 100_000, "lgd": 1, "rate": 0.08, "months": 36, "repaid_over": None}
    assert float(lender.one("allowance")[0]) == pytest.approx(expected(mean, **given), abs=0.0051)
    now, before = shifted(lender)["e"]
    assert now == pytest.approx(mean, abs=1e-12)
    assert before is None


def test_curves_are_stored_where_a_set_holds_and_shifted_twice_only_where_it_changes(lender):
    nights = [NIGHT + timedelta(days=number) for number in range(5)]
    curve = flat(0.08)
    lender.loan()
    lender.loan("u", "u")  # without a PD: the mean of the others
    lender.loan("twin")
    stored = []
    for number, night in enumerate(nights):
        lender.score(on=night, pd=0.08, curve=curve)
        if number == 1:
            decide(lender, PATHS, night)
        if number == 3:
            decide(lender, OTHER, night)
        if number == 4:
            lender.con.execute("delete from wh.raw.scenarios")
        lender.measure(night)
        stored.append(shifted(lender, night))
    assert [sorted(rows) for rows in stored] == [[], ["e", "u"], ["e", "u"], ["e", "u"], []]
    # the paths begin in July: on 30 June and on 1 July the months of the night differ by one
    late = {name: (weight, factors[1:]) for name, (weight, factors) in PATHS.items()}
    then = {name: (weight, factors[1:]) for name, (weight, factors) in OTHER.items()}
    for rows, now, before in ((stored[1], late, {}), (stored[2], late, None), (stored[3], then, late)):
        assert rows["e"][0] == pytest.approx(under(curve, now), abs=1e-12)
        if before is None:
            assert rows["e"][1] is None
        else:
            assert rows["e"][1] == pytest.approx(under(curve, before) if before else curve, abs=1e-12)
        assert rows["u"][0] == pytest.approx(rows["e"][0], abs=1e-12)


def test_the_next_night_takes_the_curves_of_then_as_they_are_stored(lender):
    before = NIGHT - timedelta(days=1)
    decide(lender, PATHS, date(2026, 6, 1))
    lender.loan()
    lender.score(on=before, pd=0.08)
    lender.score(pd=0.08)
    lender.measure(before)
    lender.measure()
    assert parts(lender) == {}
    lender.con.execute("delete from wh.scores.scenario_curves where as_of_date = ?", [before])
    lender.measure()
    moved = parts(lender)["l"]
    assert moved["restated"] == -moved["pd"]


def test_curves_have_the_same_bits_on_any_number_of_threads(lender):
    pds = np.random.default_rng(3).uniform(0.001, 0.4, 3000).tolist()
    borrower = "'e' || lpad(cast(i as varchar), 4, '0')"
    lender.con.execute(
        f"insert into wh.raw.loan_ledger by name select $p as portfolio, {borrower} as loan_id, "
        f"{borrower} as enterprise_id, date '2026-06-01' as ledger_date, timestamp '2026-06-01 12:00' as known_at, "
        "1000 as borrowing from range(3000) as r (i)",
        {"p": PORTFOLIO},
    )
    lender.con.execute(
        f"insert into wh.scores.portfolio_scores by name select $p as portfolio, cast($on as date) as as_of_date, "
        f"{borrower} as enterprise_id, 'champion' as model_role, 'fresh' as score_status, false as in_default, "
        "cast($pds as double[])[i + 1] as pd from range(3000) as r (i)",
        {"p": PORTFOLIO, "on": NIGHT, "pds": pds},
    )
    decide(lender, PATHS, date(2026, 6, 1))
    found = []
    for threads in (1, 3):
        lender.con.execute(f"set threads = {threads}")
        lender.measure()
        found.append(shifted(lender))
    assert len(found[0]) == 3000
    assert found[0] == found[1]


def test_weights_that_do_not_add_up_are_refused_in_one_line(lender):
    lender.scenario("bad", 0.25, [0.0])
    lender.scenario("base", 0.7, [0.0])
    with pytest.raises(
        Refused, match=r"scenarios of p on 2026-06-30: their weights \(bad 0.25, base 0.7\) add up to 0.95;"
    ):
        lender.measure()


# stages


def test_each_reason_for_a_stage(lender):
    cases: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        "a": ({}, {}),
        "b": ({"days_past_due": 30}, {}),
        "c": ({"days_past_due": 31}, {}),
        "d": ({"days_past_due": 91}, {}),
        "e": ({}, {"in_default": True}),
        "f": ({}, {"pd": 0.2}),
        "g": ({}, {}),
        "h": ({"originated_impaired": True}, {}),
    }
    for name, (loan, score) in cases.items():
        lender.loan(f"l{name}", name, **loan)
        lender.score(name, **score)
    lender.watched("g")
    lender.outcome("a", NIGHT, insolvency=False, days_past_due=0)
    lender.measure()
    assert lender.losses("enterprise_id", "stage", "why") == [
        ("a", "1", None),
        ("b", "1", None),
        ("c", "2", "past due"),
        ("d", "3", "past due"),
        ("e", "3", "in default"),
        ("f", "2", "high pd"),
        ("g", "2", "watch list"),
        ("h", "poci", None),
    ]
    lender.set(
        past_due_days_stage_2=29,
        past_due_days_stage_3=91,
        pd_without_origination=0.3,
        watch_list_counts="false",
    )
    lender.measure()
    assert dict(lender.losses("enterprise_id", "stage")) == dict(
        zip("abcdefgh", ["1", "2", "2", "2", "3", "1", "1", "poci"], strict=True)
    )


def test_two_loans_of_one_borrower_are_staged_apart(lender):
    lender.loan("l1", days_past_due=45)
    lender.loan("l2")
    lender.outcome("e", NIGHT - timedelta(days=1), loan_id="l2", days_past_due=0)
    lender.score()
    lender.measure()
    assert lender.losses("loan_id", "stage") == [("l1", "2"), ("l2", "1")]


def test_the_latest_arrears_count_and_those_of_the_borrower_hold_for_each_loan(lender):
    lender.loan("l1", days_past_due=45)
    lender.loan("l2", "f")
    lender.outcome("e", NIGHT - timedelta(days=9), loan_id="l1", days_past_due=0)
    lender.outcome("f", NIGHT - timedelta(days=9), days_past_due=60)
    lender.outcome("f", NIGHT, days_past_due=0, known_at=f"{NIGHT + timedelta(days=1)} 00:00")
    lender.score("e")
    lender.score("f")
    lender.measure()
    day = NIGHT - timedelta(days=9)
    assert lender.losses("loan_id", "stage", "days_past_due", "past_due_on") == [
        ("l1", "1", 0, day),
        ("l2", "2", 60, day),
    ]


def test_the_remaining_life_is_compared_with_what_was_expected_of_it_at_origination(lender):
    opened = date(2025, 6, 30)
    lender.loan(opened_on=opened, matures_on=date(2027, 6, 30))
    then = [float(value) for value in np.linspace(0.001, 0.12, 60)]
    lender.score(on=opened + timedelta(days=5), pd=then[11], curve=then)
    lender.measure(opened + timedelta(days=5))
    now = flat(0.03)
    lender.score(pd=0.03, curve=now)
    lender.measure()
    # 11 whole months have gone since the night of the origination, 12 remain
    was = (then[22] - then[10]) / (1 - then[10])
    basis, remaining, expected_then, stage = lender.one(
        "increase_basis", "pd_remaining", "pd_expected", "stage"
    )
    assert (basis, remaining, expected_then) == ("lifetime", now[11], pytest.approx(was, abs=1e-15))
    assert stage == "1"
    for ratio, increase, wanted in ((1.01, 0.0, "2"), (1.01, 0.02, "1"), (1.5, 0.0, "1")):
        lender.set(pd_ratio=ratio, pd_increase=increase)
        lender.measure()
        assert lender.one("stage") == (wanted,), (ratio, increase, now[11] / was)


@pytest.mark.parametrize(("gap", "basis"), [(31, "twelve months"), (32, "unknown")])
def test_without_curves_twelve_months_are_compared_and_a_night_too_late_is_no_origination(lender, gap, basis):
    night = NIGHT - timedelta(days=20)
    lender.loan(opened_on=night - timedelta(days=gap))
    lender.score(on=night, pd=0.01)
    lender.measure(night)
    lender.score(pd=0.05)
    lender.measure()
    row = ("twelve months", 0.05, 0.01, "2") if basis == "twelve months" else ("unknown", 0.05, None, "1")
    assert lender.one("increase_basis", "pd_remaining", "pd_expected", "stage") == row


def test_what_was_thought_at_origination_is_written_once_and_never_by_a_later_night(lender):
    first = NIGHT - timedelta(days=2)
    lender.loan(opened_on=first)
    for days in (2, 1, 0):
        day = NIGHT - timedelta(days=days)
        lender.score(on=day, pd=0.01 * (days + 1), curve=flat(0.01 * (days + 1)))
        lender.measure(day)
    lender.measure(first)
    rows = lender.con.execute(
        "select as_of_date, origination_night, pd from wh.scores.loan_originations"
    ).fetchall()
    assert rows == [(first, first, 0.03)]


def test_a_cured_loan_goes_back_by_way_of_stage_2(lender):
    lender.set(probation_stage_3_days=2, probation_stage_2_days=1)
    told = []
    for number in range(8):
        day = NIGHT + timedelta(days=number)
        lender.score(on=day, in_default=number == 1)
        if not number:
            lender.loan()
        lender.measure(day)
        told.append(lender.one("stage", "why", on=day))
    assert told == [
        ("1", None),
        ("3", "in default"),
        ("3", "probation after stage 3"),
        ("3", "probation after stage 3"),
        ("2", "probation after stage 2"),
        ("1", None),
        ("1", None),
        ("1", None),
    ]


def test_a_loan_that_was_impaired_from_the_start_tells_changes_only(lender):
    lender.set(loss_given_default=0.5)
    lender.loan(originated_impaired=True)
    before = NIGHT - timedelta(days=1)
    lender.score(on=before, pd=0.3)
    lender.score(pd=0.2)
    lender.measure(before)
    lender.measure()
    lifetime = [500 * (1 - (1 - pd) ** 3) for pd in (0.3, 0.2)]
    assert lender.one("allowance", on=before) == (Decimal("0.00"),)
    assert float(lender.one("allowance")[0]) == pytest.approx(lifetime[1] - lifetime[0], abs=0.01)
    assert lender.con.execute("select distinct stage from wh.marts.mart_allowance").fetchall() == [("poci",)]


def test_the_parameters_of_a_night_are_stored_with_it(lender):
    lender.set(loss_given_default=0.61, amortises="false")
    lender.measure()
    assert lender.con.execute(
        "select loss_given_default, amortises, run_id from wh.scores.impairment_parameters"
    ).fetchall() == [(0.61, False, "r")]


def test_the_loss_given_default_of_a_night_is_the_one_that_it_was_measured_with(lender):
    night = Night(PORTFOLIO, NIGHT, "r")
    lender.set(loss_given_default=0.61)
    lender.measure()
    lender.set(loss_given_default=0.3)
    assert impairment.loss_given_default(lender.con, night) == 0.61
    assert impairment.loss_given_default(lender.con, night.on(NIGHT - timedelta(days=1))) == 0.3


def test_a_parameter_out_of_its_bounds_is_refused_by_its_name(lender):
    lender.set(loss_given_default=1.2)
    with pytest.raises(
        Refused,
        match=r"^NIGHTLEDGER_IMPAIRMENT__LOSS_GIVEN_DEFAULT: Input should be less than or equal to 1 ",
    ):
        lender.measure()


@pytest.mark.parametrize(("age", "is_current"), [(425, True), (426, False)])
def test_a_late_ledger_repays_no_loan(lender, age, is_current):
    ledger = NIGHT - timedelta(days=age)
    lender.loan(ledger=ledger, opened_on=ledger)
    lender.score(on=ledger)
    lender.score()
    lender.measure()
    written = lender.con.execute("select count(*) from wh.scores.loan_originations").fetchone()
    assert (len(lender.losses("loan_id")), written) == (is_current, (int(is_current),))


def test_a_monthly_ledger_tells_sooner_which_loans_are_repaid(lender):
    lender.set(ledger_days=62)
    lender.loan(ledger=NIGHT - timedelta(days=63))
    lender.score()
    lender.measure()
    assert lender.losses("loan_id") == []


# the movement


def parts(lender: Lender, on: date = NIGHT) -> dict[str, dict[str, Decimal]]:
    """By loan, the parts that are not nought."""
    rows = sql.frame(
        lender.con,
        f"select loan_id, {', '.join(PARTS)} from wh.marts.mart_allowance_changes where as_of_date = $on order by 1",
        {"on": on},
    ).rows(named=True)
    return {row["loan_id"]: {name: row[name] for name in PARTS if row[name]} for row in rows}


def test_each_cause_has_its_part(lender):
    before = NIGHT - timedelta(days=1)
    lender.set(amortises=False)
    names = ("exposure", "gone", "lgd", "model", "off", "paid", "pd", "stage", "still")
    for name in names:
        lender.loan(name, name)
        lender.score(name, on=before)
        lender.score(
            name, pd=0.04 if name in ("pd", "model") else 0.02, version="2" if name == "model" else "1"
        )
    lender.measure(before)
    lender.loan("exposure", "exposure", ledger=NIGHT, borrowing=1500)
    lender.loan("lgd", "lgd", ledger=NIGHT, loss_given_default=0.9)
    lender.loan("new", "pd", ledger=NIGHT)
    lender.con.execute("update wh.raw.loan_ledger set known_to = ? where loan_id = 'gone'", [NIGHT])
    lender.outcome("off", NIGHT, loan_id="off", charge_off=True)
    lender.loan("paid", "paid", ledger=NIGHT, borrowing=0, matures_on=NIGHT)
    lender.watched("stage")
    lender.measure()
    nine, of_pd = Decimal("9.00"), Decimal("18.00")
    assert parts(lender) == {
        "exposure": {"exposure": Decimal("4.50")},
        "gone": {"repaid": -nine},
        "lgd": {"parameters": nine},
        "model": {"model": nine},
        "new": {"new": of_pd},
        "off": {"written_off": -nine},
        "paid": {"repaid": -nine},
        "pd": {"pd": nine},
        "stage": {"moved_stage": Decimal(str(round(450 * (1 - 0.98**3), 2))) - nine},
    }


def test_scenarios_and_parameters_have_their_parts_and_what_was_unknown_is_told_apart(lender):
    before = NIGHT - timedelta(days=1)
    lender.loan()
    lender.loan("u", borrowing=None)
    lender.score(on=before)
    lender.score()
    lender.measure(before)
    lender.scenario("bad", 1.0, [-2.0] * 60, decided=NIGHT)
    lender.set(loss_given_default=0.9)
    lender.loan("u", ledger=NIGHT, borrowing=1000)
    lender.measure()
    found = parts(lender)
    assert set(found["l"]) == {"scenarios", "parameters"}
    assert set(found["u"]) == {"measured"}
    assert found["l"]["scenarios"] > 0


def test_what_is_stored_of_a_night_that_was_replaced_is_forgotten_and_told_as_restated(lender):
    before = NIGHT - timedelta(days=1)
    lender.loan()
    lender.score(on=before)
    lender.score()
    lender.measure(before)
    lender.measure()
    lender.con.execute("update wh.scores.loan_stages set flat_pd = 0.01 where as_of_date = ?", [before])
    lender.measure()
    assert parts(lender) == {"l": {"restated": Decimal("-4.50"), "pd": Decimal("4.50")}}
    lender.measure(before)
    assert parts(lender) == {}


@pytest.mark.parametrize(
    ("harm", "what"),
    [
        ("update wh.marts.mart_allowance_changes set pd = pd + 0.01", "loan l"),
        ("delete from wh.marts.mart_allowance_changes", "movement since the night before"),
        (
            "update wh.scores.expected_credit_losses set allowance = 1 where as_of_date < ?",
            "movement since the night before",
        ),
        ("update wh.marts.mart_allowance set allowance = allowance + 0.01", "mart_allowance"),
    ],
)
def test_a_movement_that_does_not_add_up_is_found(lender, harm, what):
    before = NIGHT - timedelta(days=1)
    lender.loan()
    lender.score(on=before)
    lender.score(pd=0.05)
    lender.measure(before)
    lender.measure()
    lender.con.execute(harm, [NIGHT] if "?" in harm else None)
    with pytest.raises(Refused, match=f"audit assert_mart_allowance_adds_up: .*what={what}"):
        partition.audit(
            lender.con, "assert_mart_allowance_adds_up", {"portfolio": PORTFOLIO, "as_of_date": NIGHT}
        )


def test_thirty_nights_add_up_to_the_cent(lender):
    rng = np.random.default_rng(11)
    first = NIGHT - timedelta(days=29)
    logits = rng.normal(-3, 1, 24)
    for number in range(30):
        day = first + timedelta(days=number)
        logits += rng.normal(0, 0.2, 24)
        if number == 12:
            lender.set(loss_given_default=0.55)
        if number == 15:
            lender.con.execute("update wh.raw.loan_ledger set known_to = ? where loan_id = 'l5'", [day])
        if number == 20:
            lender.scenario("bad", 0.4, [-1.5] * 24, decided=day)
            lender.scenario("base", 0.6, [0.2] * 24, decided=day)
        for borrower, logit in enumerate(logits):
            pd = float(1 / (1 + np.exp(-logit)))
            name, scored = f"e{borrower}", rng.random() > 0.05
            lender.score(
                name, pd if scored else None, on=day, status="fresh" if scored else "unscoreable",
                curve=flat(pd) if scored and borrower % 3 else None, in_default=rng.random() < 0.03,
                version=str(number // 10),
            )  # fmt: skip
            if (not number and borrower < 18) or (rng.random() < 0.05 and borrower != 5):
                lender.loan(
                    f"l{borrower}", name, ledger=day - timedelta(days=1), opened_on=day - timedelta(days=2),
                    borrowing=round(float(rng.uniform(1000, 50_000)), 2), days_past_due=int(rng.integers(0, 60)),
                    matures_on=day + timedelta(days=int(rng.integers(-30, 2000))) if borrower % 2 else None,
                    annual_rate=0.06 if borrower % 4 else None,
                )  # fmt: skip
            if rng.random() < 0.006:
                lender.outcome(name, day, loan_id=f"l{borrower}", charge_off=True)
        lender.measure(day)
    sums = lender.con.execute(
        f"select count(distinct as_of_date), {', '.join(f'sum({part})' for part in PARTS)} "
        "from wh.marts.mart_allowance_changes where against_date is not null"
    ).fetchone()
    nights, *moved = sums or ()
    totals = dict(
        lender.con.execute(
            "select as_of_date, sum(allowance) from wh.scores.expected_credit_losses group by all order by all"
        ).fetchall()
    )
    assert (nights, len(totals)) == (29, 30)
    assert sum(moved) == totals[NIGHT] - totals[first]
    by_part = dict(zip(PARTS, moved, strict=True))
    assert by_part.pop("restated") == 0
    assert by_part.pop("measured") == 0
    assert all(by_part.values()), by_part


# the questions


def test_the_examples_answer_with_the_stages_their_reasons_and_what_moved_the_allowance(lender):
    before = NIGHT - timedelta(days=1)
    lender.set(amortises=False)
    for name, past_due in (("a", 0), ("b", 45)):
        lender.loan(name, name, days_past_due=past_due)
        lender.score(name, on=before)
        lender.score(name, pd=0.04)
    for night in (before, NIGHT):
        lender.measure(night)
    for mart in ("mart_portfolio_summary", "mart_portfolio_latest"):
        lender.insert("marts." + mart, portfolio=PORTFOLIO, as_of_date=NIGHT)
    lender.con.execute("delete from wh.marts.mart_portfolio_latest")
    lender.con.execute(
        "insert into wh.marts.mart_portfolio_latest by name select portfolio, as_of_date, enterprise_id, pd, grade "
        "from wh.scores.portfolio_scores where as_of_date = ?",
        [NIGHT],
    )
    partition.replace_partition(lender.con, "marts.mart_ifrs9", {"portfolio": PORTFOLIO})
    lender.con.execute("use wh")

    def answer(name: str) -> list[tuple[Any, ...]]:
        return sql.frame(lender.con, examples.example(name).query).rows()

    lifetime = [Decimal(str(round(450 * (1 - (1 - pd) ** 3), 2))) for pd in (0.02, 0.04)]
    assert answer("allowance") == [
        (NIGHT, "1", 1, 0, Decimal("1000.00"), Decimal("18.00"), 0.018),
        (NIGHT, "2", 1, 0, Decimal("1000.00"), lifetime[1], float(lifetime[1]) / 1000),
    ]
    assert answer("allowance_movement") == [
        (NIGHT, before, "pd", Decimal("9.00") + lifetime[1] - lifetime[0], 2)
    ]
    assert answer("stage_reasons") == [
        ("b", "b", "2", "past due", None, 0.04, Decimal("1000.00"), lifetime[1])
    ]
    lender.con.execute("use memory")


def test_rows_of_before_the_stages_had_a_relation_of_their_own_are_taken_over(home, sql_file):
    [stages_come] = [found.number for found in migrations.files() if found.name == "loan_stages"]
    later = {
        found.path: found.path.read_text() for found in migrations.files() if found.number >= stages_come
    }
    for path in later:
        path.unlink()
    row = {
        "portfolio": PORTFOLIO, "as_of_date": NIGHT, "enterprise_id": "e", "stage": "2", "why": "watch list",
        "borrowing": 7, "allowance": 3, "curve_basis": "collective",
    }  # fmt: skip
    with writer(purpose="before") as con:
        lender = Lender(con, pytest.MonkeyPatch())
        lender.insert("scores.expected_credit_losses", **row, loan_id="l")
        own = {**row, "loan_id": "own", "pd": 0.2, "curve_basis": "flat hazard"}
        lender.insert("scores.expected_credit_losses", **own)
        for borrower, pd in (("a", 0.02), ("b", 0.04)):
            lender.score(borrower, pd)
    for path, text in later.items():
        path.write_text(text)
    with writer(purpose="after") as con:
        stages = con.execute(
            "select loan_id, stage, why, borrowing, flat_pd from wh.scores.loan_stages order by loan_id"
        ).fetchall()
        losses = con.execute(
            "select loan_id, stage, allowance from wh.scores.expected_credit_losses order by 1"
        )
        assert losses.fetchall() == [("l", "2", Decimal(3)), ("own", "2", Decimal(3))]
    assert stages == [("l", "2", "watch list", Decimal(7), 0.03), ("own", "2", "watch list", Decimal(7), 0.2)]
