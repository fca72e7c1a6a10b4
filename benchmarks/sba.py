"""Nights over real loans, out of time: learned on those of 2004, calibrated on early 2005, judged on early 2006.

**As known**: files are delivered quarter by quarter, and the flow `nightly` trains and scores with what was known by
the end of each, until the model of the design is known. **In hindsight**: `nightly` rightly refuses that model before
its windows have closed, so it is asked about the loans of each quarter apart, on the features and labels that the
platform makes for the night which ends it. Needs NIGHTLEDGER_DATA_DIR.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
from collections import defaultdict
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import polars as pl

from benchmarks.orchestration import in_home, plain
from benchmarks.page import renew
from models.voting_ensemble.members import Member
from models.voting_ensemble.settings import VotingEnsembleSettings
from sources.sba import convert, read_book
from warehouse.errors import Refused

PORTFOLIO, FAMILY, DEFINITION = "sba", "voting_ensemble", "charge_off"
QUARTERS = tuple(
    date(year, month, day)
    for year in range(2005, 2009)
    for month, day in ((3, 31), (6, 30), (9, 30), (12, 31))
)
LEARNED = (date(2004, 3, 31), date(2004, 6, 30), date(2004, 9, 30), date(2004, 12, 31))
CALIBRATED, JUDGED = QUARTERS[0], QUARTERS[4]
DAYS = {24: 730, 36: 1095}
TOLD = date(2014, 9, 30)  # the files end in August 2014
KNOWN = tuple(day for day in QUARTERS if day < CALIBRATED + timedelta(days=DAYS[24]))
"""The nights before the model of the design (24 months) is known."""

PAGE = Path(__file__).parents[1] / "docs" / "sba.md"
log = logging.getLogger("nightledger")
_SCORES = """
select as_of_date, enterprise_id, model_role, model_version, score_status, in_default, pd_raw, pd, grade
from wh.scores.portfolio_scores
where portfolio = $portfolio and pd is not null
"""
_WATCH = """
select as_of_date, heading, measure, model_role, subject, value, threshold, sample, severity, note
from wh.ops.monitoring
where portfolio = $portfolio
"""
_ALERTS = """
select as_of_date, heading, measure, model_role, subject, severity, nights, message
from wh.ops.alerts
where portfolio = $portfolio
"""
_NIGHTS = """
select as_of_date, status, message
from wh.ops.run_ledger
where flow = 'nightly' and portfolio = $portfolio and status in ('done', 'refused')
qualify row_number() over (partition by as_of_date order by run_id desc) = 1
order by as_of_date
"""


def quarter(day: date) -> date:
    """Return the first day of the quarter that a day ends."""
    return date(day.year, day.month - 2, 1)


def of_quarter(frame: pl.DataFrame, day: date) -> pl.DataFrame:
    """Return the loans of a night that were disbursed in the quarter that it ends."""
    return frame.filter(pl.col("ledger_days_since_last") <= (day - quarter(day)).days)


class FewMembers(VotingEnsembleSettings):
    """The family with two of its seven members, without oversampling and with three folds, to save time."""

    members: tuple[Member, ...] = ("xgboost", "lightgbm")
    oversample: bool = False
    folds: int = 3


def as_known(landing: Path) -> None:
    """Deliver the files quarter by quarter and run the night of each; goes on where it stopped.

    The first night that can train a model has a champion, which scores the later ones too.
    """
    from flows.nightly import NightlyParameters, nightly

    ended = set(ended_nights()["as_of_date"])
    for day in (day for day in KNOWN if day not in ended):
        convert(data_dir(), landing, through=day)
        night = NightlyParameters(
            source="folder", landing=landing, portfolio=PORTFOLIO, as_of=day, definition=DEFINITION,
            horizon_days=DAYS[24],
        )  # fmt: skip
        try:
            nightly.fn(run=night)
        except Refused as refusal:
            log.info("%s: %s", day, refusal)


def ended_nights() -> pl.DataFrame:
    """Return as_of_date, status (done or refused) and message of the nights that have ended."""
    from warehouse import sql
    from warehouse.connection import writer

    with writer(purpose="ended nights") as con:
        return sql.frame(con, _NIGHTS, {"portfolio": PORTFOLIO})


def train_design(months: int, *, folder: Path) -> Any:
    """Fit the family on the loans of 2004, each seen at the end of its quarter, calibrate it on those of early 2005.

    The feature that tells the days since the disbursement is kept out: it tells 0 to 91 here, and up to 390 on a night.
    """
    from models.families import FAMILIES
    from models.fingerprint import fingerprint
    from models.runner import threads
    from models.training import train
    from models.watching.stability import reference_frame
    from tasks.features import build_features
    from tasks.labels import build_labels
    from tasks.register import Trained, register_model
    from warehouse import feature_catalogue, ledger, lookback, matrix
    from warehouse.connection import writer
    from warehouse.night import Night
    from warehouse.outcome import OutcomeDefinition
    from warehouse.settings import settings

    family, outcome = FAMILIES[FAMILY], OutcomeDefinition.of(DEFINITION, horizon_days=DAYS[months])
    closed, days = CALIBRATED + timedelta(days=DAYS[months]), (*LEARNED, CALIBRATED)
    with writer(purpose="design") as con:
        night = Night(
            PORTFOLIO, closed, ledger.start_run(con, flow="train", portfolio=PORTFOLIO, as_of_date=closed)
        )
    for day in days:
        with writer(purpose="look for features") as con:
            built = matrix.has_features(con, night.on(day))
        if not built:
            build_features(night.on(day))
        build_labels(night.on(day), outcome, known_by=closed)
    with writer(purpose="read training rows") as con:
        frames = [
            of_quarter(
                matrix.training_matrix(
                    con, portfolio=PORTFOLIO, snapshot_dates=(day,), outcome=outcome, coverage=family.covers
                ).frame,
                day,
            )
            for day in days
        ]
        kept_out = lookback.beyond(con, portfolio=PORTFOLIO, day=days[0])
    frame = pl.concat(frames).sort("as_of_date", "enterprise_id")
    labels = frame["label"].to_numpy()
    frame.write_parquet(folder / f"learned-{months}.parquet")
    training = train(
        family.build(family.settings(), matrix.feature_groups(), feature_catalogue.directions()),
        frame=frame.drop("label"),
        labels=labels,
        borrowers=frame["enterprise_id"].to_list(),
        snapshots=[max(day, LEARNED[-1]) for day in frame["as_of_date"]],  # all of 2004 is fitted on
        kept_out=kept_out | {"ledger_days_since_last": "0 to 91 in training, up to 390 on a night"},
        runner=threads(settings().threads),
    )
    keys = (
        frame.select("as_of_date", "enterprise_id", "coverage").with_row_index("row").cast({"row": pl.Int64})
    )
    unseen = training.evaluation.unseen.join(keys, on="row").drop("row")
    classifier = training.model.classifier
    trained = Trained(
        training,
        fingerprint(
            frame, labels, schema=classifier.preparation_.schema_, keys=("as_of_date", "enterprise_id")
        ),
        unseen,
        reference_frame(frame, unseen, features=classifier.feature_names_in_.tolist()),
    )
    log.info("design      %d months: %s", months, training.model.calibrated_on)
    return register_model(trained, night, outcome, role="shadow")


def in_hindsight(folder: Path) -> None:
    """Train the models of the design; write what they say of the loans of each quarter, and what became of them.

    The features are those of the night that ends the quarter, the labels those of the platform.
    """
    from models.scoring import score
    from tasks.features import build_features
    from tasks.ingest import ingest_landing
    from tasks.load_model import load_model
    from warehouse import matrix, watch
    from warehouse.buckets import BucketRange
    from warehouse.connection import writer
    from warehouse.night import Night
    from warehouse.outcome import OutcomeDefinition

    convert(data_dir(), folder / "landing", through=TOLD)
    ingest_landing(folder / "landing", PORTFOLIO, "hindsight")
    models = {months: load_model(train_design(months, folder=folder)) for months in DAYS}
    said: dict[int, list[pl.DataFrame]] = {months: [] for months in DAYS}
    for day in QUARTERS:
        night = Night(PORTFOLIO, day, "hindsight")
        if day not in KNOWN:  # the night has built them where it was run
            build_features(night)
        with writer(purpose="loans of the quarter") as con:
            loans = of_quarter(matrix.scoring_matrix(con, night, BucketRange(0, 4095)), day)
            for months, model in models.items():
                outcome = OutcomeDefinition.of(DEFINITION, horizon_days=DAYS[months])
                labels = watch.labels(con, night, outcome, known_by=TOLD)
                if day in KNOWN and months == 24:
                    labels.write_parquet(folder / f"labels-{day}.parquet")
                rows = score(model, loans).join(labels, on="enterprise_id").drop_nulls("label")
                said[months].append(rows)
        loans.write_parquet(folder / f"loans-{day}.parquet")
    for months, frames in said.items():
        pl.concat(frames).write_parquet(folder / f"said-{months}.parquet")


def keep(folder: Path) -> None:
    """Write what the nights said, as known, to the folder."""
    from warehouse import sql
    from warehouse.connection import writer

    with writer(purpose="keep") as con:
        for name, query in (("scores", _SCORES), ("watch", _WATCH), ("alerts", _ALERTS)):
            sql.frame(con, query, {"portfolio": PORTFOLIO}).write_parquet(folder / f"{name}.parquet")


def data_dir() -> Path | None:
    """Return the folder of the public data sets."""
    from warehouse.settings import settings

    return settings().data_dir


def run(folder: Path) -> None:
    """Run the nights as known, then ask the models of the design; the folder keeps what they said."""
    from models.families import FAMILIES

    few = {FAMILY: replace(FAMILIES[FAMILY], settings=FewMembers)}
    with mock.patch.dict(FAMILIES, few), plain(defaultdict(float)), in_home(folder / "home"):
        as_known(folder / "landing")
        ended_nights().write_parquet(folder / "nights.parquet")
        keep(folder)
        in_hindsight(folder)


def main(arguments: list[str]) -> None:
    """Run the nights unless the folder has them, and renew the tables of docs/sba.md."""
    from benchmarks.sba_tables import body

    parser = argparse.ArgumentParser(prog="python -m benchmarks.sba", description=__doc__)
    parser.add_argument(
        "--folder", type=Path, help="keeps the homes and what the nights said; empty = a temporary one"
    )
    options = parser.parse_args(arguments)
    os.environ["PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW"] = "ignore"
    logging.basicConfig(format="%(asctime)s  %(message)s", datefmt="%H:%M:%S")
    log.setLevel(logging.INFO)
    book = read_book(data_dir())
    with tempfile.TemporaryDirectory(prefix="nightledger-sba-") as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "said-36.parquet").exists():
            run(folder)
        renew(
            "figures", title="Figures", command="python -m benchmarks.sba", body=body(folder, book), page=PAGE
        )


if __name__ == "__main__":
    main(sys.argv[1:])
