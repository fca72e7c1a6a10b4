"""A simulated portfolio whose history arrives in one file a feed and year: the same rows, loaded in less time."""

from __future__ import annotations

import gzip
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from sources.simulated import SimulationSettings, deliver


def deliver_by_year(landing: Path, *, enterprises: int, night: date) -> None:
    """Deliver all but the month of a night, which a delivery into the same folder adds: a file a feed, as ever."""
    before = night.replace(day=1) - timedelta(days=1)
    settings = SimulationSettings(enterprises=enterprises)
    shorter = settings.history_days - (night - before).days  # from the day on which one delivery would begin
    delivery = deliver(settings.model_copy(update={"history_days": shorter}), landing, through=before)
    years = defaultdict(list)
    for file in delivery.files:
        name, suffix = Path(file.path).name.split(".", 1)
        years[landing / file.feed / f"{name[:4]}.{suffix}"].append(landing / file.path)
    for year, months in years.items():
        join(months, year)
        for month in months:
            month.unlink()


def join(months: list[Path], year: Path) -> None:
    """Write the rows of several files of one kind into one, in their order; the same files give the same bytes."""
    if year.suffix == ".parquet":
        pl.concat([pl.read_parquet(month) for month in months]).write_parquet(year)
        return
    squeezed = year.suffix == ".gz"
    parts = [gzip.decompress(month.read_bytes()) if squeezed else month.read_bytes() for month in months]
    if ".csv" in year.suffixes:
        parts[1:] = [part.partition(b"\n")[2] for part in parts[1:]]  # without the names of columns
    whole = b"".join(parts)
    year.write_bytes(gzip.compress(whole, mtime=0) if squeezed else whole)
