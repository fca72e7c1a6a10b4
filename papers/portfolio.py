"""Labelled rows of a portfolio that went through the pipeline like any other: delivered, loaded, its snapshot built."""

from __future__ import annotations

from datetime import date
from typing import Literal

import polars as pl

from tasks.deliver import deliver_feeds
from tasks.features import build_features
from tasks.ingest import ingest_landing
from tasks.labels import build_labels
from warehouse import matrix
from warehouse.connection import writer
from warehouse.night import Night
from warehouse.outcome import OutcomeDefinition, default_definition

HORIZON_DAYS = 365
HISTORY_DAYS = 760  # of the simulated portfolio: two years and a month, as the pages were measured


def labelled_portfolio(
    source: Literal["simulated", "cumcm2020c"], run_id: str, *, through: date
) -> tuple[str, pl.DataFrame]:
    """Deliver and load a portfolio, build its snapshot, and return its name and its labelled rows.

    Parameters
    ----------
    source : {"simulated", "cumcm2020c"}
    run_id : str
        Run that loads the portfolio.
    through : date
        Last simulated day.
    """
    world = {"history_days": HISTORY_DAYS} if source == "simulated" else None
    delivery = deliver_feeds(source=source, enterprises=5000, through=through, world=world)
    portfolio, as_of = delivery.portfolio, delivery.as_of_default
    ingest_landing(delivery.landing, portfolio, run_id)
    outcome = OutcomeDefinition.of(default_definition(portfolio), horizon_days=HORIZON_DAYS)
    (day,) = outcome.snapshot_dates(as_of)
    snapshot = Night(portfolio, day, run_id)
    build_features(snapshot)
    build_labels(snapshot, outcome, known_by=as_of)
    with writer(purpose="read labelled rows") as con:
        rows = matrix.training_matrix(con, portfolio=portfolio, snapshot_dates=(day,), outcome=outcome)
    return portfolio, rows.frame
