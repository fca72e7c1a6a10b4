"""Write the truth behind a simulated portfolio into a file beside the feeds, which no flow loads."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from sources.simulated_calendar import dates, maybe
from sources.simulated_world import CHUNK, KINDS, NEVER_DAYS, SimulationSettings, epoch_day, world

TRUTH_FILE = "_truth.parquet"


def write_truth(settings: SimulationSettings, landing: Path, *, start: date, workshop: Path) -> None:
    """Write risk, default date and kind of each enterprise; no date for defaults after more than ten years."""
    workshop.mkdir(parents=True, exist_ok=True)
    draft = workshop / TRUTH_FILE
    writer: pq.ParquetWriter | None = None
    first = epoch_day(start)
    for chunk in range(-(-settings.enterprises // CHUNK)):
        chunk_world = world(settings, chunk, first)
        defaults = chunk_world.default_day < NEVER_DAYS
        day = first + np.floor(np.where(defaults, chunk_world.default_day, 0)).astype(np.int64)
        frame = pl.DataFrame(
            {
                "enterprise_id": "E" + pl.Series(chunk_world.number).cast(pl.String).str.zfill(7),
                "latent_risk": chunk_world.risk,
                "default_date": maybe(dates(day), defaults),
                "coverage_kind": pl.Series(KINDS).gather(chunk_world.kind),
            }
        )
        inside = frame.filter(pl.Series(chunk_world.number < settings.enterprises))
        table = inside.to_arrow(compat_level=pl.CompatLevel.oldest())
        if writer is None:
            writer = pq.ParquetWriter(draft, table.schema, compression="zstd")
        writer.write_table(table)
    if writer is not None:
        writer.close()
    draft.replace(landing / TRUTH_FILE)
