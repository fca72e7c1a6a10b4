"""Nights over a third of the loans of the SBA: refused at first, then scored by what was known by each night."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pytest

from flows.nightly import NightlyParameters, nightly
from models.families import FAMILIES
from models.voting_ensemble.family import VOTING_ENSEMBLE
from models.voting_ensemble.settings import VotingEnsembleSettings
from sources.sba import BLOCK, DRAW, Book, convert, read_book
from warehouse.errors import Refused
from warehouse.publishing.published import ask

TOO_EARLY, FIRST = date(2005, 3, 31), date(2006, 12, 31)
HORIZON_DAYS, LOOKBACK = 730, 390
QUICK = VotingEnsembleSettings(
    members=("gbdt", "lightgbm"), bags=2, folds=2, inner_folds=2, minimum_positives=20, oversample=False
)


class Nights(NamedTuple):
    book: Book
    refusal: str


@pytest.fixture(scope="module")
def nights(
    data_dir: Path, prefect_session: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Nights]:
    """Two nights, each after the delivery of its quarter; the first is refused."""
    third, landing = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("landing")
    (third / "sba").mkdir()
    for file, number in ((BLOCK, "LoanNr_ChkDgt"), (DRAW, "loan_nr_chk_dgt")):
        frame = pl.read_parquet(data_dir / "sba" / f"{file}.parquet")
        kept = frame.filter(pl.col(number).cast(pl.Int64) // 1000 % 3 == 0)
        kept.write_parquet(third / "sba" / f"{file}.parquet")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NIGHTLEDGER_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setitem(FAMILIES, VOTING_ENSEMBLE.name, replace(VOTING_ENSEMBLE, settings=lambda: QUICK))
        convert(third, landing, through=TOO_EARLY)
        with pytest.raises(Refused) as refusal:
            night(landing, TOO_EARLY)
        convert(third, landing, through=FIRST)
        night(landing, FIRST)
        yield Nights(read_book(third), str(refusal.value))


def night(landing: Path, day: date) -> None:
    nightly(
        run=NightlyParameters(
            source="folder", landing=landing, portfolio="sba", definition="charge_off", as_of=day,
            horizon_days=HORIZON_DAYS,
        )
    )  # fmt: skip


def test_a_night_before_any_window_has_closed_is_refused_in_one_line(nights: Nights) -> None:
    assert "\n" not in nights.refusal
    assert nights.refusal.startswith(f"sba has no champion as of {TOO_EARLY}")


def test_every_row_of_the_book_is_loaded(nights: Nights) -> None:
    files = ask("from ops.file_ledger")
    assert set(files["status"]) == {"loaded"}
    assert files["quarantined"].sum() == files["exact_duplicates"].sum() == 0
    loans = nights.book.loans.filter(pl.col("disbursed_on") <= FIRST)
    rows = dict(files.group_by("feed").agg(pl.col("loaded").sum()).iter_rows())
    lost = loans.filter(pl.col("charged_off_on") <= FIRST).height
    assert rows == {"enterprises": loans.height, "loan_ledger": loans.height, "outcomes": loans.height + lost}


def test_the_loans_of_the_lookback_are_scored_and_no_later_one_is_known(nights: Nights) -> None:
    scores = ask("from scores.portfolio_scores").filter(as_of_date=FIRST, model_role="champion")
    known = nights.book.loans.filter(pl.col("disbursed_on") <= FIRST)
    assert set(scores["enterprise_id"]) == set(known["enterprise_id"])
    recent = set(known.filter(pl.col("disbursed_on") > FIRST - timedelta(days=LOOKBACK))["enterprise_id"])
    scored = scores.drop_nulls("pd")
    assert set(scored["enterprise_id"]) == recent
    lost = set(known.filter(pl.col("charged_off_on") <= FIRST)["enterprise_id"])
    assert set(scored.filter(pl.col("in_default"))["enterprise_id"]) == lost & recent


def test_the_model_learned_from_the_loans_of_2004_by_what_was_known_on_the_night(nights: Nights) -> None:
    (model,) = ask("from ops.model_registry where model_family = 'voting_ensemble'").iter_rows(named=True)
    assert (model["knowledge_date"], model["horizon_days"]) == (FIRST, HORIZON_DAYS)
    snapshot = FIRST - timedelta(days=HORIZON_DAYS)
    assert snapshot == date(2004, 12, 31)
    labels = ask("from ops.evaluation_scores").unique("enterprise_id")
    loans = nights.book.loans.filter(
        pl.col("disbursed_on").is_between(snapshot - timedelta(days=LOOKBACK - 1), snapshot)
        & ~(pl.col("charged_off_on") <= snapshot).fill_null(value=False)
    )
    lost = loans.filter(pl.col("charged_off_on") <= FIRST)["enterprise_id"]
    assert set(labels["enterprise_id"]) == set(loans["enterprise_id"])
    assert set(labels.filter(label=1)["enterprise_id"]) == set(lost)
    assert 0 < len(lost) < loans.height
