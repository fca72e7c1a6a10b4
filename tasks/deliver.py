"""Let a source write its feed files into the landing zone; return which portfolio and day they are for."""

import logging
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

from prefect import task
from prefect.cache_policies import NO_CACHE
from pydantic import ValidationError

from sources import cumcm2020c, simulated
from sources.delivery import DeliverySummary
from sources.simulated_memory import settings_of
from tasks.night import last_closed_day
from tasks.progress import Progress
from warehouse.errors import Refused
from warehouse.settings import settings

log = logging.getLogger("nightledger")


@dataclass(frozen=True)
class Delivery:
    """A delivery: its portfolio, its folder, and the day that is scored unless another is asked for.

    Attributes:
        portfolio: name of the portfolio in the warehouse.
        landing: folder with one sub-folder per feed.
        files: feed files written by this delivery.
        rows: data rows in them.
        as_of_default: the last delivered day (cumcm2020c: the last invoice date of the data).
    """

    portfolio: str
    landing: Path
    files: int
    rows: int
    as_of_default: date


@task(name="deliver feeds", cache_policy=NO_CACHE)
def deliver_feeds(
    *,
    source: Literal["simulated", "cumcm2020c"],
    enterprises: int = 2000,
    seed: int = 7,
    through: date | None = None,
    landing: Path | None = None,
    world: dict[str, Any] | None = None,
) -> Delivery:
    """Write the feed files that the landing folder lacks; a second call for the same day writes nothing.

    Args:
        source: Where the feeds come from.
        enterprises: Size of the simulated portfolio.
        seed: Seed of the simulated portfolio.
        through: Last simulated day; the day before the scheduled start when not given. Other sources are always
            delivered whole.
        landing: Folder to write to; NIGHTLEDGER_HOME/landing/<portfolio> when not given.
        world: Further settings of a simulated portfolio; when not given, those that the folder was made with.

    Raises:
        Refused: the source's data is missing, or the folder holds other data or other settings.
    """
    portfolio = portfolio_of(source, enterprises=enterprises, seed=seed)
    folder = landing or settings().landing_dir / portfolio
    started = time.perf_counter()
    try:
        if source == "cumcm2020c":
            summary = cumcm2020c.convert(settings().data_dir, folder)
        else:
            stored = settings_of(folder) if world is None else None
            same = stored is not None and (stored.enterprises, stored.seed) == (enterprises, seed)
            new = simulated.SimulationSettings(enterprises=enterprises, seed=seed, **(world or {}))
            simulation = stored if stored is not None and same else new
            day = through or last_closed_day()
            summary = simulated.deliver(
                simulation, folder, through=day, on_progress=Progress(f"deliver     {portfolio}")
            )
    except ValidationError as error:
        fault = error.errors()[0]
        raise Refused(f"{fault['loc'][0]}: {fault['msg']} (got {fault['input']!r})") from error
    except ValueError as error:
        raise Refused(str(error)) from error
    _log_summary(portfolio, summary, seconds=time.perf_counter() - started)
    return Delivery(portfolio, folder, len(summary.files), summary.rows, summary.through)


def portfolio_of(source: str, *, enterprises: int, seed: int, portfolio: str = "lender") -> str:
    """Return the name of the portfolio that a source delivers; for a folder that is the given one."""
    return {"cumcm2020c": "cumcm2020c", "simulated": f"simulated-{enterprises}-{seed}"}.get(source, portfolio)


def _log_summary(portfolio: str, summary: DeliverySummary, *, seconds: float) -> None:
    if not summary.files:
        log.info("deliver     %s  nothing new, delivered through %s already", portfolio, summary.through)
        return
    log.info(
        "deliver     %s  %s rows in %d files through %s  %.1f s",
        portfolio, f"{summary.rows:,}", len(summary.files), summary.through, seconds,
    )  # fmt: skip
    for feed, rows in summary.rows_by_feed().items():
        log.info("              %-20s %12s rows", feed, f"{rows:,}")
