"""Write a simulated portfolio as feed files, month by month, and continue where the last delivery ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from sources import simulated_credit as credit
from sources import simulated_events as events
from sources import simulated_ledger as ledger
from sources import simulated_profiles as profiles
from sources import simulated_transactions as transactions
from sources.delivery import DeliveredFile, DeliverySummary
from sources.feed_files import FeedFile
from sources.simulated_calendar import DAY_SECONDS, Month, day_of, months_between
from sources.simulated_dirt import soil
from sources.simulated_memory import Memory
from sources.simulated_truth import write_truth
from sources.simulated_world import CHUNK, SimulationSettings, World, epoch_day, world

__all__ = ["SimulationSettings", "deliver"]

Progress = Callable[[int, int, str], None]
Rows = dict[str, np.ndarray]
_BATCH_ROWS = 250_000
_NO_LIMIT = -(2**62)


@dataclass(frozen=True)
class _Generator:
    """How one feed is drawn and written; no row becomes known later than `delay` days after its month."""

    feed: str
    draw: Callable[[SimulationSettings, World, Month], Rows]
    finish: Callable[[Rows], pl.DataFrame]
    delay: int
    suffix: str = ".csv"


_GENERATORS = (
    _Generator("enterprises", profiles.draw, profiles.finish, profiles.MAX_DELAY_DAYS),
    _Generator("loan_ledger", ledger.draw, ledger.finish, ledger.MAX_DELAY_DAYS, ".csv.gz"),
    _Generator(
        "transactions", transactions.draw, transactions.finish, transactions.MAX_DELAY_DAYS, ".parquet"
    ),
    _Generator("operational_events", events.draw, events.finish, events.MAX_DELAY_DAYS, ".ndjson.gz"),
    _Generator("legal_cases", credit.draw_legal, credit.finish_legal, credit.MAX_DELAY_DAYS),
    _Generator("credit_opinions", credit.draw_opinions, credit.finish_opinions, credit.MAX_DELAY_DAYS),
    _Generator("outcomes", credit.draw_outcomes, credit.finish_outcomes, credit.MAX_DELAY_DAYS, ".csv.gz"),
)


def deliver(
    settings: SimulationSettings, landing: Path, *, through: date, on_progress: Progress | None = None
) -> DeliverySummary:
    """Write the facts that became known by the end of `through` and were not delivered before.

    The first delivery into a folder writes one file per feed and month, from `history_days` before `through`
    on; a later one writes only the days since. Together they contain exactly the rows of one long delivery.

    Args:
        settings: size, seed and mix of the portfolio.
        landing: folder that receives `<feed>/...`; `_world.json` and `_truth.parquet` are written beside them.
        through: the last day whose facts are delivered.
        on_progress: called with (steps done, total steps, name of what is being written).

    Raises:
        ValueError: the folder holds files of another portfolio or of other settings.
    """
    memory = Memory.open(settings, landing, through=through)
    if memory.through is not None and through <= memory.through:
        return DeliverySummary(landing, memory.through, ())
    memory.forget_unfinished()
    if memory.through is None:
        write_truth(settings, landing, start=memory.start, workshop=memory.workshop)
    first = memory.start if memory.through is None else memory.through + timedelta(days=1)
    months = months_between(first, through)
    delays = {g.feed: g.delay + settings.incidents.longest_delay(g.feed) for g in _GENERATORS}
    farthest = timedelta(days=max(delays.values()))
    earlier_months = months_between(max(memory.start, first - farthest), first)[:-1]
    batches = list(_batches(settings))
    progress = _Counter(on_progress, len(batches) * (len(earlier_months) + len(months)))
    stream = _Stream(
        settings=settings,
        start=epoch_day(memory.start),
        known_from=_NO_LIMIT if memory.through is None else epoch_day(first) * DAY_SECONDS,
        waiting={g.feed: [] for g in _GENERATORS},
    )
    for month in earlier_months:
        for batch in batches:
            for generator in _GENERATORS:
                if day_of(month.first + month.days - 1 + delays[generator.feed]) >= first:
                    stream.wait(generator, batch=batch, month=month)
            progress.step("what is still on its way from earlier months")
    files: list[DeliveredFile] = []
    for month in months:
        month_end = day_of(month.first + month.days - 1)
        piece_first, piece_last = max(first, day_of(month.first)), min(through, month_end)
        stem = _stem(piece_first, piece_last, month)
        memory.begin(stem)
        known_until = (epoch_day(piece_last) + 1) * DAY_SECONDS
        drafts = {
            g.feed: FeedFile(g.feed, landing=landing, workshop=memory.workshop, stem=stem, suffix=g.suffix)
            for g in _GENERATORS
        }
        stream.write_waiting(drafts, known_until=known_until)
        for batch in batches:
            for generator in _GENERATORS:
                file = drafts[generator.feed]
                stream.write(generator, file, batch=batch, month=month, known_until=known_until)
            progress.step(stem)
        files += [DeliveredFile(d.feed, d.path, d.rows) for d in drafts.values() if d.publish()]
        memory.finish(piece_last)
    memory.tidy()
    return DeliverySummary(landing, through, tuple(files))


@dataclass(frozen=True)
class _Stream:
    """Draws rows batch by batch and holds back those that become known only after the current file ends."""

    settings: SimulationSettings
    start: int
    known_from: int
    waiting: dict[str, list[pl.DataFrame]]

    def wait(self, generator: _Generator, *, batch: range, month: Month) -> None:
        """Hold back the rows of an already delivered month that became known after the last delivery."""
        self.waiting[generator.feed].append(self._draw(generator, batch=batch, month=month))

    def write(
        self, generator: _Generator, file: FeedFile, *, batch: range, month: Month, known_until: int
    ) -> None:
        """Write the rows of a month that are known before `known_until`, and hold back the others."""
        self._split(file, self._draw(generator, batch=batch, month=month), known_until=known_until)

    def write_waiting(self, files: dict[str, FeedFile], *, known_until: int) -> None:
        """Write the rows that were held back and have become known."""
        for feed, file in files.items():
            held_back, self.waiting[feed] = self.waiting[feed], []
            if held_back:
                self._split(file, pl.concat(held_back), known_until=known_until)

    def _draw(self, generator: _Generator, *, batch: range, month: Month) -> pl.DataFrame:
        worlds = (world(self.settings, chunk, self.start) for chunk in batch)
        parts = [generator.draw(self.settings, chunk_world, month) for chunk_world in worlds]
        rows = generator.finish({name: np.concatenate([part[name] for part in parts]) for name in parts[0]})
        rows = self.settings.incidents.happen(generator.feed, rows)
        return rows.filter(pl.col("_known") >= self.known_from)

    def _split(self, file: FeedFile, rows: pl.DataFrame, *, known_until: int) -> None:
        known = soil(rows.filter(pl.col("_known") < known_until), file.feed, rate=self.settings.dirt)
        file.write(events.lines(known) if file.feed == "operational_events" else known)
        later = rows.filter(pl.col("_known") >= known_until)
        if later.height:
            self.waiting[file.feed].append(later)


def _batches(settings: SimulationSettings) -> Iterator[range]:
    """Yield ranges of chunks, sized so that a batch has about the same number of rows in any portfolio."""
    chunks = -(-settings.enterprises // CHUNK)
    per_month = (settings.transactions_per_enterprise + settings.events_per_enterprise) / 25 + 2
    size = max(1, min(chunks, int(_BATCH_ROWS / (per_month * CHUNK))))
    for begin in range(0, chunks, size):
        yield range(begin, min(begin + size, chunks))


def _stem(first: date, last: date, month: Month) -> str:
    """Return the file name without suffix: 2026-06 for a whole month, 2026-06-01_2026-06-15 for a part."""
    whole = epoch_day(first) == month.first and epoch_day(last) == month.first + month.days - 1
    return f"{first:%Y-%m}" if whole else f"{first}_{last}"


@dataclass
class _Counter:
    report: Progress | None
    total: int
    done: int = 0

    def step(self, label: str) -> None:
        self.done += 1
        if self.report is not None:
            self.report(self.done, self.total, label)
