"""The labelled thick files that the first training of a simulated portfolio has: two snapshots, a year apart."""

from __future__ import annotations

import os
import shutil
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

DAY = date(2026, 6, 30)
ENTERPRISES = 2_000


def build(folder: Path, *, seed: int) -> None:
    """Write the thick files that the first training of a simulated portfolio has to the folder."""
    home = folder / f"home-{seed}"
    os.environ["NIGHTLEDGER_HOME"] = str(home)

    from prefect import flow

    from tasks.deliver import deliver_feeds
    from tasks.ingest import ingest_landing
    from tasks.snapshots import build_snapshots
    from warehouse import lookback, matrix
    from warehouse.connection import writer
    from warehouse.night import Night
    from warehouse.outcome import OutcomeDefinition

    outcome = OutcomeDefinition.of("dpd90", horizon_days=365)
    dates = outcome.snapshot_dates(DAY, snapshots=2)

    @flow
    def load() -> None:
        delivery = deliver_feeds(source="simulated", enterprises=ENTERPRISES, seed=seed, through=DAY)
        ingest_landing(delivery.landing, delivery.portfolio, "oversampling")
        build_snapshots(dates, Night(delivery.portfolio, DAY, "oversampling"), outcome)
        with writer(purpose="read labelled rows") as con:
            rows = matrix.training_matrix(
                con, portfolio=delivery.portfolio, snapshot_dates=dates, outcome=outcome, coverage=("thick",)
            )
            moving = lookback.beyond(con, portfolio=delivery.portfolio, day=min(dates))
        kept = [name for name in rows.frame.columns if name not in moving]
        rows.frame.select(kept).write_parquet(folder / f"rows-{seed}.parquet")

    load()
    shutil.rmtree(home)


def first_rows(folder: Path, seed: int) -> tuple[pl.DataFrame, np.ndarray]:
    """Return the labelled thick files of one simulated portfolio, which is built if the folder lacks it."""
    file = folder / f"rows-{seed}.parquet"
    if not file.exists():
        build(folder, seed=seed)
    rows = pl.read_parquet(file).sort("as_of_date", "enterprise_id")
    return rows.drop("label"), rows["label"].to_numpy().astype(np.int64)
