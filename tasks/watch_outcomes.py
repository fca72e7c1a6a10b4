"""Measure past nights against the outcomes known tonight, and estimate what tonight's own outcomes will show."""

from datetime import date, timedelta

from models.master_scale import MasterScaleSettings
from models.watching.calibration_readings import calibration
from models.watching.outcome_readings import performance, promised
from models.watching.readings import Reading
from models.watching.settings import WatchSettings
from tasks.watch_vintages import Vintages
from warehouse import reference, watch
from warehouse.connection import writer
from warehouse.night import Night
from warehouse.outcome import OutcomeDefinition
from warehouse.registry import ModelRecord


def waiting(dates: tuple[date, ...], outcome: OutcomeDefinition) -> str:
    """Return the note of readings for which no vintage has its outcomes yet."""
    if outcome.is_cross_section:
        return (
            "the model describes outcomes without a date: there is no horizon after which it could be tested"
        )
    first = min(dates)
    return (
        f"no labels yet: the outcomes of the first scored night, {first}, are known on "
        f"{first + timedelta(days=outcome.horizon_days)}"
    )


def outcome_readings(
    night: Night,
    dates: tuple[date, ...],
    tonight: list[ModelRecord],
    *,
    vintages: Vintages,
    records: dict[tuple[str, str], ModelRecord],
    limits: WatchSettings,
) -> list[Reading]:
    """Return performance, calibration and the estimates of tonight's PDs, of each family and of the headline.

    Args:
        night: The night that is watched.
        dates: The scored dates up to it.
        tonight: The models that scored it.
        vintages: Of each family and of the headline.
        records: Every model of the portfolio by family and version.
        limits: The settings of the watch.
    """
    readings: list[Reading] = []
    grades = MasterScaleSettings().grades
    for record in tonight:
        family, version = record.model_family, record.model_version
        past = vintages[family]
        scored_by = records.get((family, past[-1].version or "")) if past else None
        note = waiting(dates, record.outcome)
        readings += performance(past, trained=_gini(scored_by), waiting=note, settings=limits, family=family)
        readings += calibration(past, grades=grades, waiting=note, settings=limits, family=family)
        with writer(purpose="watch scores") as con:
            pds = reference.pds(con, night, family=family, version=version).to_numpy()
        readings += promised(pds, trained=_gini(record), settings=limits, family=family, version=version)
    if None in vintages:
        past, note = vintages[None], waiting(dates, tonight[0].outcome)
    else:
        past = []
        note = (
            "tonight's families have no definition of default in common" if tonight else "nobody was scored"
        )
    with writer(purpose="watch scores") as con:
        headline_pds = watch.headlines(con, night)["pd"].drop_nulls().to_numpy()
    readings += promised(headline_pds, trained=None, settings=limits, family=None, version=None)
    readings += performance(past, trained=None, waiting=note, settings=limits, family=None)
    readings += calibration(past, grades=grades, waiting=note, settings=limits, family=None)
    return readings


def _gini(record: ModelRecord | None) -> float | None:
    return None if record is None else 2 * record.metrics["pd"]["auc"]["mean"] - 1
