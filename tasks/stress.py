"""Stress a scored night: shift its PDs by the factor of a severe year and by delivered scenarios, store and show it."""

import logging
from datetime import date

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from models.stress import Path, StressSettings
from models.stress_losses import added, losses
from models.telling.stress_page import StressRows, stress_page
from models.telling.wording import money, number, percent
from warehouse import impairment, scenarios, stress
from warehouse.connection import writer
from warehouse.night import Night
from warehouse.safe_text import printable
from warehouse.scenarios import ScenarioSet
from warehouse.settings import settings

log = logging.getLogger("nightledger")

MONTHS = 60  # that the curves of scores.pd_curves have


def last_night(portfolio: str) -> date:
    """Return the last night that the portfolio was scored for."""
    with writer(purpose="last night") as con:
        return stress.last_night(con, portfolio=portfolio)


@task(name="stress night", cache_policy=NO_CACHE)
def stress_night(night: Night, how: StressSettings) -> int:
    """Store the losses of a night under each scenario, write their page, and return the number of borrowers."""
    with writer(purpose=f"stress {night.portfolio} {night.as_of_date}") as con:
        if how.lgd is None:
            how = how.model_copy(update={"lgd": impairment.loss_given_default(con, night)})
        rows = stress.borrowers(con, night)
        held = scenarios.in_force(con, night)
        paths = paths_of(held, night.as_of_date)
        found = losses(rows, how, paths)
        run = {
            **how.model_dump(include={"basel", "lgd", "ead_factor"}),
            "correlation": how.one_correlation,
            "factor": how.severity,
            "level": how.level,
            "scenarios_decided_on": held.decided_on if held and paths else None,
            "scenarios_known_at": held.known_at if held and paths else None,
            "horizon_months": len(paths[0].factors) if paths else None,
            "without_curve": found.without_curve,
            "effective_number": found.effective_number,
        }
        stress.store(con, night, run, found.cells)
        cells = stress.cells(con, run_id=night.run_id)
    _tell(cells)
    page = settings().home / "reports" / night.portfolio / f"stress-{night.as_of_date}.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    draft = page.with_suffix(".new")
    draft.write_text(stress_page(StressRows(night.portfolio, night.as_of_date, run, cells)), encoding="utf-8")
    draft.replace(page)
    log.info("stress      %s", page)
    return rows.height


def paths_of(held: ScenarioSet | None, as_of_date: date) -> list[Path]:
    """Return the scenarios from the first month after the night on; none, with a line, where they do not reach it."""
    if held is None:
        log.info("stress      no scenarios are delivered: as scored and the severe year only")
        return []
    first = (as_of_date.year * 12 + as_of_date.month) - (
        held.first_month.year * 12 + held.first_month.month - 1
    )
    if first < 0 or first >= len(held.scenarios[0].factors):
        log.warning(
            "stress      the scenarios decided on %s have the months %s to %s, not the one after %s: they are left "
            "out; deliver a set that has it",
            held.decided_on, f"{held.first_month:%Y-%m}", f"{held.last_month:%Y-%m}", as_of_date,
        )  # fmt: skip
        return []
    paths = [Path(one.name, one.weight, one.factors[first : first + MONTHS]) for one in held.scenarios]
    log.info(
        "stress      %d scenarios decided on %s, %d months",
        len(paths),
        held.decided_on,
        len(paths[0].factors),
    )
    return paths


def _tell(cells: pl.DataFrame) -> None:
    """Log what each scenario costs, and who is in no loss."""
    for row in added(cells).iter_rows(named=True):
        longer = "" if row["loss_horizon"] is None else f", {money(row['loss_horizon'])} over all its months"
        log.info(
            "stress      %-18s loss %s in the year, mean PD %s%s",
            printable(row["scenario"]), money(row["loss_year"]), percent(row["mean_pd"]), longer,
        )  # fmt: skip
    total = added(cells).row(0, named=True)
    log.info(
        "stress      no loss is known of %s without a PD (exposure %s) and %s without an exposure",
        number(total["without_pd"], "borrower"), money(total["exposure_without_pd"]),
        number(total["without_exposure"], "borrower"),
    )  # fmt: skip
