"""A lender with a loan ledger and outcomes only: its nights are scored by the family that such data can feed."""

from __future__ import annotations

import csv
import json
import logging
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest

from flows.nightly import NightlyParameters, nightly
from flows.replay import ReplayParameters, replay
from models.families import FAMILIES
from models.voting_ensemble.family import VOTING_ENSEMBLE
from models.voting_ensemble.settings import VotingEnsembleSettings
from warehouse import sql
from warehouse.connection import writer
from warehouse.errors import Refused
from warehouse.intake.feeds import FEEDS
from warehouse.publishing.published import ask

pytestmark = pytest.mark.server

PORTFOLIO = "ledger-only"
FIRST, SECOND = date(2025, 12, 31), date(2026, 1, 20)
QUARTERS = [
    date(year, month, day) for year in (2024, 2025) for month, day in ((3, 31), (6, 30), (9, 30), (12, 31))
]
BORROWERS = [f"B{number:03d}" for number in range(300)]
UNTOLD = [f"N{number:02d}" for number in range(20)]  # a ledger that does not tell days past due
PAYING = UNTOLD[:12]  # of them, payments are delivered after the first night
OUTCOMES_ONLY = [f"O{number:02d}" for number in range(5)]
TRAINED = ("voting_ensemble", "scorecard")
STRANGER = "X00"  # an outcome of somebody whom no description names; quoted by its form
QUICK = VotingEnsembleSettings(
    members=("gbdt", "lightgbm"), bags=2, folds=2, inner_folds=2, minimum_positives=4, oversample=False
)


def write(landing: Path, feed: str, rows: list[dict[str, Any]]) -> None:
    """Write the rows of one feed as its only file; a column that they do not name is empty."""
    folder = landing / feed
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "all.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, [column.name for column in FEEDS[feed].columns])
        table.writeheader()
        table.writerows(rows)


def deliver(landing: Path, *, days_past_due: int | None = 0, alike: bool = False) -> None:
    """Write two years of a ledger and of yearly outcomes; of the borrowers that lend much, most are charged off."""
    draw = random.Random(7)
    enterprises, ledger, outcomes = [], [], []
    for name in (*BORROWERS, *UNTOLD, *OUTCOMES_ONLY):
        debt = 0.5 if alike else draw.random()
        defaults = draw.random() < 0.35 * (0.5 if alike else debt)
        charged_off = date(2025, 1, 1) + timedelta(days=draw.randrange(300))
        enterprises.append(
            {
                "enterprise_id": name,
                "valid_from": "2023-01-01",
                "known_at": "2023-01-01 00:00:00",
                "region": "CA",
            }
        )
        for day in QUARTERS:
            if defaults and day > charged_off:
                break
            if name not in OUTCOMES_ONLY:
                ledger.append(
                    {
                        "loan_id": f"L{name}", "enterprise_id": name, "ledger_date": day, "known_at": None,
                        "opened_on": "2023-01-01", "borrowing": round(10_000 + 90_000 * debt, 2),
                        "mortgage": False, "acceptance_bill": False, "autonomous_payment": False,
                        "days_past_due": None if name in UNTOLD else days_past_due,
                    }
                )  # fmt: skip
            outcomes.append(outcome(name, day, charge_off=False))
        if defaults:
            outcomes.append(outcome(name, charged_off, charge_off=True))
    outcomes.append(outcome(STRANGER, FIRST, charge_off=False))
    write(landing, "enterprises", enterprises)
    write(landing, "loan_ledger", ledger)
    write(landing, "outcomes", outcomes)


def outcome(name: str, day: date, *, charge_off: bool) -> dict[str, Any]:
    """Return one row of the outcomes feed."""
    return {
        "enterprise_id": name, "loan_id": f"L{name}", "outcome_date": day, "known_at": None,
        "days_past_due": 0, "charge_off": charge_off, "insolvency": False,
    }  # fmt: skip


def payments(names: list[str]) -> list[dict[str, Any]]:
    """Return four payments of each of some borrowers, between the two nights."""
    return [
        {
            "transaction_id": f"T{name}-{number}", "enterprise_id": name,
            "occurred_at": f"2026-01-{10 + number} 10:00:00", "known_at": f"2026-01-{10 + number} 12:00:00",
            "amount": 100 + number, "counterparty_id": f"C{number}", "kind": "sale", "voided": False,
        }
        for name in names
        for number in range(4)
    ]  # fmt: skip


def night(landing: Path, day: date) -> str:
    return nightly(
        run=NightlyParameters(
            source="folder", landing=landing, portfolio=PORTFOLIO, definition="charge_off", as_of=day
        )
    )


class Nights(NamedTuple):
    """What the nights left: the home, and the run and the log lines of each night."""

    home: Path
    runs: dict[date, str]
    lines: dict[date, list[str]]


class Lines(logging.Handler):
    """Keeps the lines of one night after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.kept.append(record.getMessage())

    def taken(self) -> list[str]:
        lines, self.kept = self.kept, []
        return lines


@pytest.fixture(scope="module")
def quick() -> Iterator[None]:
    """Make the ensemble small enough for a test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(FAMILIES, VOTING_ENSEMBLE.name, replace(VOTING_ENSEMBLE, settings=lambda: QUICK))
        yield


@pytest.fixture(scope="module")
def nights(prefect_session: None, quick: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nights]:
    """A night on a ledger and outcomes, and one a month later, when payments of a few borrowers have arrived."""
    home, landing = tmp_path_factory.mktemp("ledger-only"), tmp_path_factory.mktemp("landing")
    deliver(landing)
    lines, log = Lines(), logging.getLogger("nightledger")
    runs, by_night = {}, {}
    log.addHandler(lines)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NIGHTLEDGER_HOME", str(home))
        for day in (FIRST, SECOND):
            if day == SECOND:
                write(landing, "transactions", payments(PAYING))
            runs[day] = night(landing, day)
            by_night[day] = lines.taken()
        log.removeHandler(lines)
        yield Nights(home, runs, by_night)


def families() -> pl.DataFrame:
    """Return the models that score: all but that of the default curves."""
    return ask("from ops.model_registry").filter(pl.col("model_family") != "pd_curve")


def heads(day: date) -> pl.DataFrame:
    """Return the headline of each borrower of a night."""
    return ask("from scores.portfolio_scores").filter(as_of_date=day, model_role="champion")


def test_the_families_that_the_data_feeds_are_trained_and_each_other_one_is_a_line(nights: Nights) -> None:
    models = families()
    assert models.select("model_family", "role", "knowledge_date", "label_definition").rows() == [
        (family, "champion", FIRST, "charge_off") for family in TRAINED
    ]
    absent = [line for line in nights.lines[FIRST] if line.startswith("champion    no ")]
    assert [line.split(":")[0] for line in absent] == [
        "champion    no operational_risk",
        "champion    no wide_deep",
    ]
    assert all("holds two different values" in line for line in absent)
    assert not any("name other groups" in line for line in absent)


@pytest.mark.parametrize("day", [FIRST, SECOND])
def test_whoever_has_a_thick_file_is_scored_by_it_and_the_others_are_counted(
    nights: Nights, day: date
) -> None:
    scores = heads(day)
    assert scores.height == scores["enterprise_id"].n_unique() == len(BORROWERS + UNTOLD + OUTCOMES_ONLY)
    assert STRANGER not in scores["enterprise_id"]
    fresh = scores.filter(score_status="fresh")
    assert set(fresh.select("coverage", "model_family").iter_rows()) == {("thick", "voting_ensemble")}
    assert set(fresh["enterprise_id"]) == set(BORROWERS)
    nobody = scores.filter(score_status="unscoreable")
    assert set(nobody["enterprise_id"]) == {*UNTOLD, *OUTCOMES_ONLY}
    assert set(nobody.select("model_family", "pd").iter_rows()) == {(None, None)}


def test_an_outcome_of_a_stranger_is_in_quarantine(nights: Nights) -> None:
    kept = ask("from ops.quarantine").filter(feed="outcomes")
    assert kept["rule"].to_list() == ["unknown_enterprise"]
    assert kept["detail"].to_list() == ["No enterprise 'A99' was delivered for this portfolio."]


def test_the_mean_pd_is_the_rate_of_the_training_rows(nights: Nights) -> None:
    labelled = ask("from ops.evaluation_scores").unique("enterprise_id")
    performing = heads(FIRST).filter(pl.col("in_default").ne_missing(True)).drop_nulls("pd")
    assert 0.05 < labelled["label"].mean() < 0.4
    assert performing["pd"].mean() == pytest.approx(labelled["label"].mean(), abs=0.04)


def test_a_later_night_trains_nothing(nights: Nights) -> None:
    assert families().height == len(TRAINED)
    assert not [line for line in nights.lines[SECOND] if line.startswith(("train ", "champion    no "))]


def test_the_nights_are_watched_reported_and_compared(nights: Nights) -> None:
    watched = ask("from ops.monitoring")
    assert set(watched["as_of_date"]) == {FIRST, SECOND}
    assert set(watched["model_family"].drop_nulls()) - {""} == set(TRAINED)
    pages = {path.name for path in (nights.home / "reports" / PORTFOLIO).iterdir()}
    versions = dict(families().select("model_family", "model_version").iter_rows())
    assert {f"report-{day}.html" for day in (FIRST, SECOND)} <= pages
    assert {f"card-{family}-{versions[family]}.html" for family in TRAINED} <= pages
    assert f"sheet-scorecard-{versions['scorecard']}.html" in pages
    assert any(
        line.startswith("changes     ") and " of 300 PDs moved " in line for line in nights.lines[SECOND]
    )


def test_borrowers_whom_payments_bring_to_a_class_without_champion_are_told_and_not_lost(
    nights: Nights,
) -> None:
    scores = heads(SECOND)
    thin = scores.filter(coverage="thin")
    assert set(thin["enterprise_id"]) == set(PAYING)
    assert set(thin.select("score_status", "model_family", "pd").iter_rows()) == {("unscoreable", None, None)}
    told = (
        "no model: no champion covers them until one of operational_risk is trained (python -m flows train)"
    )
    assert f"            thin             12  {told}" in nights.lines[SECOND]


def test_a_night_is_reproduced(nights: Nights) -> None:
    run_id = replay(run=ReplayParameters(run_id=nights.runs[SECOND]))
    with writer(purpose="test") as con:
        query = "select counts from wh.ops.run_ledger where run_id = $run_id"
        counts = json.loads(sql.frame(con, query, {"run_id": run_id}).item())
    assert counts["verdict"] == "reproduced to the bit"
    assert (counts["different"], counts["only_then"], counts["only_now"]) == (0, 0, 0)


@pytest.mark.usefixtures("prefect_session", "quick")
@pytest.mark.parametrize(
    ("delivery", "reasons"),
    [
        (
            {"days_past_due": None},
            {
                "operational_risk": "labelled borrowers of 2024-12-31 none has a thick or transaction or thin file",
                "voting_ensemble": "labelled borrowers of 2024-12-31 none has a thick file",
                "wide_deep": "labelled borrowers of 2024-12-31 none has a thick or transaction file",
                "scorecard": "labelled borrowers of 2024-12-31 none has a thick or transaction file",
            },
        ),
        (
            {"alike": True},
            {
                "operational_risk": "no column of the groups ",
                "voting_ensemble": "no column of the groups ",
                "wide_deep": "no column of the groups ",
                "scorecard": "no column of the groups ",
            },
        ),
    ],
)
def test_a_night_that_no_family_can_score_is_refused_in_one_line(
    delivery: dict[str, Any], reasons: dict[str, str], home: Path, tmp_path: Path
) -> None:
    deliver(tmp_path / "landing", **delivery)
    with pytest.raises(Refused) as refusal:
        night(tmp_path / "landing", FIRST)
    line = str(refusal.value)
    assert "\n" not in line
    assert line.startswith(
        f"{PORTFOLIO} has no champion as of {FIRST}, and no family can be trained on its charge_off outcomes: "
    )
    for family, reason in reasons.items():
        _, _, after = line.partition(f"{family}: ")
        assert reason in after.partition("; ")[0]
    assert line.endswith("Deliver more feeds or a longer history, or name another --definition")
