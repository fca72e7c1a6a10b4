"""Runs one real night: feeds in, validated features, calibrated scores, a published portfolio out."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Literal

from prefect import State, flow
from pydantic import Field, model_validator

from flows._parameters import (
    Enterprises,
    HorizonDays,
    Parameters,
    Partitions,
    Portfolio,
    Seed,
    StaleDays,
    TopFeatures,
)
from flows._task_runner import task_runner
from tasks.champions import ensure_champions
from tasks.changes import compare_with_previous
from tasks.curve_model import with_curve_model
from tasks.deliver import Delivery, deliver_feeds
from tasks.features import build_features
from tasks.features_gate import features_gate
from tasks.feeds import ended, feeds_of, mark_missing_feeds, record_feeds
from tasks.ingest import ingest_landing
from tasks.kept_scores import finish_kept, scores_to_go_on_from
from tasks.lineup import Lineup, find_lineup
from tasks.load_model import load_champions
from tasks.night import closed_day, end_run, last_closed_day, open_run
from tasks.parts import workers
from tasks.publish import publish_warehouse
from tasks.report import report_night
from tasks.score import score_portfolio
from tasks.summary import show_contributions, show_summary
from tasks.validate import validate_feeds
from tasks.watch import watch_portfolio
from warehouse.connection import writer
from warehouse.night import Night
from warehouse.outcome import Definition


class NightlyParameters(Parameters):
    """Parameters of one night."""

    source: Literal["simulated", "cumcm2020c", "folder"] = Field(
        default="simulated",
        description="Where the feeds come from: a simulated portfolio, real invoices (cumcm2020c), or a folder",
    )
    as_of: date | None = Field(
        default=None, description="The closed day to score; empty = the day before (cumcm2020c: last invoice)"
    )
    enterprises: Enterprises = 2000
    seed: Seed = 7
    landing: Path | None = Field(default=None, description="Folder of feeds, for source folder")
    portfolio: Portfolio = Field(default="lender", description="Name of the portfolio, for source folder")
    definition: Definition | None = Field(
        default=None,
        description="What counts as default if a champion must be trained; empty = dpd90 (cumcm2020c: cross_section)",
    )
    horizon_days: HorizonDays = Field(default=365, description="Within how many days after as_of")
    partitions: Partitions = 2
    top_features: TopFeatures = 10
    stale_days: StaleDays = 90

    @model_validator(mode="after")
    def landing_goes_with_folder(self) -> "NightlyParameters":
        """Refuse a folder without its source and the source without its folder."""
        if (self.source == "folder") != (self.landing is not None):
            raise ValueError("--landing DIR goes with --source folder, and only with it")
        return self


@flow(name="nightly", task_runner=task_runner())
def nightly(run: NightlyParameters = NightlyParameters()) -> State[str]:
    """Run one night for one as_of_date, holding the warehouse's only writer from the first feed to the last copy.

    Args:
        run: The parameters of this night.

    Returns:
        The run's key in ops.run_ledger, as data of a state that names the feeds which were refused or are missing.
    """
    closed_day(run.as_of)  # before anything is delivered
    with writer(purpose=f"nightly {run.source} {run.as_of or 'yesterday'}"):
        delivery = deliver(run)
        portfolio, as_of = delivery.portfolio, run.as_of or delivery.as_of_default
        run_id = open_run("nightly", portfolio=portfolio, as_of_date=as_of, parameters=run)
        with end_run(run_id) as counts:
            night = Night(portfolio, as_of, run_id)
            summary = ingest_landing(delivery.landing, portfolio, run_id)
            counts.update(summary.counts())
            record_feeds(night, summary)
            scored = scores_to_go_on_from(night, run.model_dump(mode="json"))
            lineup = score(run, night) if scored == night else find_lineup(night)
            compare_with_previous(scored, top_features=run.top_features)
            watch_portfolio(scored)
            mark_missing_feeds(scored)
            publish_warehouse(run_id)
            report_night(scored)
            show_summary(scored, feeds_of(night))
            show_contributions(scored, lineup)
            finish_kept(scored, by=night)
        return ended(night)


def score(run: NightlyParameters, night: Night) -> Lineup:
    """Build, judge and score what has been loaded, and return the models that scored it."""
    workers()  # they start, and import what parts need, beside the gate
    validate_feeds(night)
    build_features(night, meanwhile=lambda: load_champions(night))
    gate = features_gate(night)
    lineup = ensure_champions(night, definition=run.definition, horizon_days=run.horizon_days)
    sizes = {"partitions": run.partitions, "top_features": run.top_features, "stale_days": run.stale_days}
    score_portfolio(night, with_curve_model(night, lineup), meanwhile=gate, **sizes)
    return lineup


def deliver(run: NightlyParameters) -> Delivery:
    """Let the source write its feed files; a folder holds its files already."""
    if run.source == "folder":
        return Delivery(run.portfolio, Path(run.landing or "."), 0, 0, last_closed_day())
    if run.source == "simulated":
        day = run.as_of or last_closed_day()
        delivery = deliver_feeds(source="simulated", enterprises=run.enterprises, seed=run.seed, through=day)
        return replace(delivery, as_of_default=day)
    return deliver_feeds(source="cumcm2020c")
