"""Train, evaluate, store and register a model of one family for one portfolio and date."""

import logging
import time
from dataclasses import replace
from datetime import date

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from models.errors import ModelError
from models.examination import examined
from models.families import FAMILIES
from models.family import FamilySettings
from models.fingerprint import fingerprint
from models.runner import threads
from models.telling import training_card
from models.training import train
from models.watching.stability import reference_frame
from tasks.jobs import training_runner
from tasks.progress import Progress
from tasks.register import Trained, register_model, show_model
from tasks.snapshots import build_snapshots
from warehouse import feature_catalogue, lookback, matrix
from warehouse.connection import writer
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.outcome import OutcomeDefinition
from warehouse.registry import ModelRecord
from warehouse.settings import settings

log = logging.getLogger("nightledger")


class NotTrainable(Refused):
    """A family that cannot learn from a portfolio's data; `reason` says why, without the portfolio and the family."""

    def __init__(self, where: str, reason: str) -> None:
        """Join where and why to one line."""
        super().__init__(f"{where}: {reason}")
        self.reason = reason


@task(name="train model", task_run_name="train model of {night.portfolio}", cache_policy=NO_CACHE)
def train_model(
    night: Night,
    dates: tuple[date, ...],
    outcome: OutcomeDefinition,
    model: FamilySettings,
    *,
    repeats: int | None = None,
) -> Trained:
    """Train on the labelled rows of the dates and return the model with its unseen rows and reference bins."""
    family = FAMILIES[model.family]
    with writer(purpose="read training rows") as con:
        frame, drawn_from = matrix.training_matrix(
            con, portfolio=night.portfolio, snapshot_dates=dates, outcome=outcome, coverage=family.covers,
            at_most=model.training_rows, random_state=model.random_state,
        )  # fmt: skip
        if model.uses_sensitive:
            frame = matrix.add_sensitive(con, frame, portfolio=night.portfolio)
        moving = lookback.beyond(con, portfolio=night.portfolio, day=min(dates))
    labels = frame["label"].to_numpy()
    log.info(
        "train       %s on %s rows%s: search, measure, calibrate; minutes, not seconds",
        family.name, f"{frame.height:,}", f" drawn from {drawn_from:,}" if drawn_from else "",
    )  # fmt: skip
    adapted = model.adapted(rows=frame.height, cross_section=outcome.is_cross_section)
    groups, directions = matrix.feature_groups(), feature_catalogue.directions()
    challenger = adapted.challenger()
    try:
        training = train(
            family.build(adapted, groups, directions),
            frame=frame.drop("label"),
            labels=labels,
            borrowers=frame["enterprise_id"].to_list(),
            snapshots=frame["as_of_date"].to_list(),
            kept_out=None if outcome.is_cross_section else moving,
            repeats=repeats,
            runner=threads(settings().threads) if family.pieces == "short" else training_runner(),
            challenger=None if challenger is None else family.build(challenger, groups, directions),
            on_progress=Progress("train       measuring on rows it has not seen"),
        )
        training = examined(replace(training, drawn_from=drawn_from), family, frame, labels, directions)
    except ModelError as error:
        raise NotTrainable(f"{night.portfolio}, {family.name}, {outcome.definition}", str(error)) from error
    classifier = training.model.classifier
    keys = frame.select("as_of_date", "enterprise_id", "coverage").with_row_index("row")
    unseen = training.evaluation.unseen.join(keys.cast({"row": pl.Int64}), on="row").drop("row")
    return Trained(
        training,
        fingerprint(
            frame, labels, schema=classifier.preparation_.schema_, keys=("as_of_date", "enterprise_id")
        ),
        unseen,
        reference_frame(frame, unseen, features=classifier.feature_names_in_.tolist()),
    )


def train_champion(
    night: Night,
    outcome: OutcomeDefinition,
    model: FamilySettings,
    *,
    snapshots: int = 1,
    role: str = "champion",
    repeats: int | None = None,
    built: bool = False,
) -> ModelRecord:
    """Build the snapshots unless they are built, train on what was known by the night, return the registered model.

    Raises:
        NotTrainable: too few labelled rows, one class only, or no feature was delivered.
        Refused: a date has no labelled row, or the model cannot be registered.
    """
    started = time.perf_counter()
    dates = outcome.snapshot_dates(night.as_of_date, snapshots=snapshots)
    if not built:
        build_snapshots(dates, night, outcome)
    trained = train_model(night, dates, outcome, model, repeats=repeats)
    record = register_model(trained, night, outcome, role=role)
    show_model(trained.training, record)
    for line in training_card.lines(trained.training):
        log.info("train       %s", line)
    log.info(
        "train       %s %s is %s of %s  %.1f s",
        record.model_family, record.model_version, role, night.portfolio, time.perf_counter() - started,
    )  # fmt: skip
    return record
