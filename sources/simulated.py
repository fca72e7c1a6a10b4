"""Writes a simulated portfolio as feed files: seeded, streamed month by month, continued where it stopped."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from sources import simulated_credit as credit
from sources import simulated_events as events
from sources import simulated_profiles as profiles
from sources import simulated_transactions as transactions
from sources.delivery import DeliveredFile, DeliverySummary
from sources.feed_columns import FEED_COLUMNS
from sources.feed_files import FeedFile
from sources.simulated_calendar import DAY_SECONDS, Month, dates, day_of, month_of, months_between
from sources.simulated_dirt import soil
from sources.simulated_world import CHUNK, KINDS, NEVER_DAYS, SimulationSettings, World, epoch_day, world

__all__ = ["SimulationSettings", "deliver"]

Progress = Callable[[int, int, str], None]
Rows = dict[str, np.ndarray]
_MANIFEST = "_world.json"
_TRUTH = "_truth.parquet"
_BATCH_ROWS = 250_000


@dataclass(frozen=True)
class _Generator:
    """How one feed is drawn and written; no row becomes known later than `delay` days after its month."""

    feed: str
    draw: Callable[[SimulationSettings, World, Month], Rows]
    finish: Callable[[Rows], pl.DataFrame]
    suffix: str
    delay: int


_GENERATORS = (
    _Generator("enterprises", profiles.draw, profiles.finish, ".csv", profiles.MAX_DELAY_DAYS),
    _Generator("loan_ledger", credit.draw_ledger, credit.finish_ledger, ".csv.gz", credit.MAX_DELAY_DAYS),
    _Generator("transactions", transactions.draw, transactions.finish, ".parquet", transactions.MAX_DELAY_DAYS),
    _Generator("operational_events", events.draw, events.finish, ".ndjson.gz", events.MAX_DELAY_DAYS),
    _Generator("legal_cases", credit.draw_legal, credit.finish_legal, ".csv", credit.MAX_DELAY_DAYS),
    _Generator("credit_opinions", credit.draw_opinions, credit.finish_opinions, ".csv", credit.MAX_DELAY_DAYS),
    _Generator("outcomes", credit.draw_outcomes, credit.finish_outcomes, ".csv.gz", credit.MAX_DELAY_DAYS),
)


def deliver(
    settings: SimulationSettings, landing: Path, *, through: date, on_progress: Progress | None = None
) -> DeliverySummary:
    """Write what became known up to and including `through`, and only what was not delivered before.

    The first delivery into a folder writes one file per feed and month, from `history_days` before `through`
    on; a later one writes only the days since. Both together hold exactly the rows of one long delivery.

    Args:
        settings: what the portfolio is made of.
        landing: folder that receives `<feed>/...`; `_world.json` and `_truth.parquet` lie beside them.
        through: the last day whose facts are delivered.
        on_progress: called with (steps done, steps in all, what is being written).

    Raises:
        ValueError: the folder holds files of another portfolio or of other settings.
    """
    memory = _Memory.open(settings, landing, through=through)
    if memory.through is not None and through <= memory.through:
        return DeliverySummary(landing, memory.through, ())
    memory.forget_unfinished()
    first = memory.start if memory.through is None else memory.through + timedelta(days=1)
    months = months_between(first, through)
    earliest = max(memory.start, first - timedelta(days=max(g.delay for g in _GENERATORS)))
    before = months_between(earliest, first)[:-1]
    chunks = range(-(-settings.enterprises // CHUNK))
    batches = list(_batches(settings, len(chunks)))
    progress = _Counter(on_progress, len(batches) * (len(before) + len(months)))
    if memory.through is None:
        _write_truth(settings, memory)
    known_from = -(2**62) if memory.through is None else epoch_day(first) * DAY_SECONDS
    waiting: dict[str, list[pl.DataFrame]] = {g.feed: [] for g in _GENERATORS}
    for month in before:
        for batch in batches:
            for generator in _GENERATORS:
                if day_of(month.first + month.days - 1 + generator.delay) >= first:
                    rows = _draw(settings, memory, generator, batch=batch, month=month)
                    waiting[generator.feed].append(rows.filter(pl.col("_known") >= known_from))
            progress.step("what is still on its way from earlier months")
    files: list[DeliveredFile] = []
    for month in months:
        piece_first, piece_last = max(first, day_of(month.first)), min(through, day_of(month.first + month.days - 1))
        stem = _stem(piece_first, piece_last, month)
        memory.begin(stem)
        known_until = (epoch_day(piece_last) + 1) * DAY_SECONDS
        drafts = {
            g.feed: FeedFile(g.feed, landing=landing, workshop=memory.workshop, stem=stem, suffix=g.suffix)
            for g in _GENERATORS
        }
        for generator in _GENERATORS:
            feed = generator.feed
            arrived, waiting[feed] = waiting[feed], []
            for rows in arrived:
                waiting[feed].append(_write(settings, drafts[feed], rows, known_until=known_until))
            waiting[feed] = [pl.concat(waiting[feed])] if waiting[feed] else []
        for batch in batches:
            for generator in _GENERATORS:
                rows = _draw(settings, memory, generator, batch=batch, month=month)
                rows = rows.filter(pl.col("_known") >= known_from)
                late = _write(settings, drafts[generator.feed], rows, known_until=known_until)
                waiting[generator.feed].append(late)
            progress.step(stem)
        files += [DeliveredFile(d.feed, d.path, d.rows) for d in drafts.values() if d.publish()]
        memory.finish(piece_last)
    return DeliverySummary(landing, through, tuple(files))


def _batches(settings: SimulationSettings, chunks: int) -> Iterator[range]:
    """Consecutive chunks, so many at once that a batch has about the same number of rows in any portfolio."""
    per_month = (settings.transactions_per_enterprise + settings.events_per_enterprise) / 25 + 2
    size = max(1, min(chunks, int(_BATCH_ROWS / (per_month * CHUNK))))
    for begin in range(0, chunks, size):
        yield range(begin, min(begin + size, chunks))


def _draw(
    settings: SimulationSettings, memory: _Memory, generator: _Generator, *, batch: range, month: Month
) -> pl.DataFrame:
    start = epoch_day(memory.start)
    parts = [generator.draw(settings, world(settings, chunk, start), month) for chunk in batch]
    return generator.finish({name: np.concatenate([part[name] for part in parts]) for name in parts[0]})


def _write(
    settings: SimulationSettings, file: FeedFile, rows: pl.DataFrame, *, known_until: int
) -> pl.DataFrame:
    """Write the rows known in time; return the others, which belong to a later file."""
    now = soil(rows.filter(pl.col("_known") < known_until), file.feed, rate=settings.dirt)
    file.write(events.lines(now) if file.feed == "operational_events" else now)
    return rows.filter(pl.col("_known") >= known_until)


def _stem(first: date, last: date, month: Month) -> str:
    """2026-06 for a whole month, 2026-06-01_2026-06-15 for a part of one."""
    whole = epoch_day(first) == month.first and epoch_day(last) == month.first + month.days - 1
    return f"{first:%Y-%m}" if whole else f"{first}_{last}"


def _write_truth(settings: SimulationSettings, memory: _Memory) -> None:
    """Write down the latent risk of every enterprise; a default more than ten years ahead is left out."""
    memory.workshop.mkdir(parents=True, exist_ok=True)
    draft = memory.workshop / _TRUTH
    writer: pq.ParquetWriter | None = None
    start = epoch_day(memory.start)
    for chunk in range(-(-settings.enterprises // CHUNK)):
        people = world(settings, chunk, start)
        falls = people.default_day < NEVER_DAYS
        day = start + np.floor(np.where(falls, people.default_day, 0)).astype(np.int64)
        frame = pl.DataFrame(
            {
                "enterprise_id": "E" + pl.Series(people.number).cast(pl.String).str.zfill(7),
                "latent_risk": people.risk,
                "default_date": dates(day),
                "coverage_kind": pl.Series(KINDS).gather(people.kind),
            }
        ).with_columns(default_date=pl.when(pl.Series(falls)).then("default_date"))
        table = frame.filter(pl.Series(people.number < settings.enterprises)).to_arrow(
            compat_level=pl.CompatLevel.oldest()
        )
        writer = writer or pq.ParquetWriter(draft, table.schema, compression="zstd")
        writer.write_table(table)
    if writer is not None:
        writer.close()
    draft.replace(memory.landing / _TRUTH)


@dataclass
class _Counter:
    report: Progress | None
    total: int
    done: int = 0

    def step(self, label: str) -> None:
        self.done += 1
        if self.report is not None:
            self.report(self.done, self.total, label)


@dataclass
class _Memory:
    """What `_world.json` remembers of a landing folder: settings, first day, and how far it was delivered."""

    landing: Path
    settings: SimulationSettings
    start: date
    through: date | None
    unfinished: str | None

    @classmethod
    def open(cls, settings: SimulationSettings, landing: Path, *, through: date) -> _Memory:
        path = landing / _MANIFEST
        if not path.exists():
            foreign = [feed for feed in FEED_COLUMNS if any((landing / feed).glob("*"))]
            if foreign:
                msg = f"{landing} already holds files of another source ({foreign[0]}/...): choose an empty folder"
                raise ValueError(msg)
            memory = cls(landing, settings, through - timedelta(days=settings.history_days), None, None)
            memory.save()
            return memory
        known = json.loads(path.read_text())
        wanted = settings.model_dump()
        other = [name for name, value in wanted.items() if known["settings"][name] != value]
        if other:
            name = other[0]
            msg = (
                f"{landing} holds a portfolio with {name}={known['settings'][name]}, not {name}={wanted[name]}: "
                "use the same settings or an empty folder"
            )
            raise ValueError(msg)
        reached = known["through"]
        return cls(
            landing,
            settings,
            date.fromisoformat(known["history_start"]),
            date.fromisoformat(reached) if reached else None,
            known["unfinished"],
        )

    @property
    def workshop(self) -> Path:
        """Where files are built before they are moved into their feed's folder."""
        return self.landing / ".partial"

    def save(self) -> None:
        self.landing.mkdir(parents=True, exist_ok=True)
        draft = self.landing / f"{_MANIFEST}.new"
        content = {
            "settings": self.settings.model_dump(),
            "history_start": self.start.isoformat(),
            "through": self.through.isoformat() if self.through else None,
            "unfinished": self.unfinished,
        }
        draft.write_text(json.dumps(content, indent=2) + "\n")
        draft.replace(self.landing / _MANIFEST)

    def begin(self, stem: str) -> None:
        self.unfinished = stem
        self.save()

    def finish(self, through: date) -> None:
        self.through, self.unfinished = through, None
        self.save()

    def forget_unfinished(self) -> None:
        """Remove the files of a month that a crash left half delivered."""
        for draft in self.workshop.glob("*"):
            draft.unlink()
        if self.unfinished is not None:
            for feed in FEED_COLUMNS:
                for path in (self.landing / feed).glob(f"{self.unfinished}.*"):
                    path.unlink()
