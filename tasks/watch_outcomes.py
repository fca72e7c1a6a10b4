"""Measure past nights against the outcomes known tonight, and estimate what tonight's own outcomes will show."""

from datetime import date, timedelta

from models.master_scale import MasterScaleSettings
from models.watching.calibration_readings import calibration
from models.watching.outcome_readings import performance, promised
from models.watching.readings import Reading
from models.watching.settings import WatchSettings
from models.watching.vintage import Vintage
from warehouse import reference, watch
from warehouse.connection import writer
from warehouse.night import Night
from warehouse.outcome import OutcomeDefinition
from warehouse.registry import ModelRecord

GRADES = MasterScaleSettings().grades


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


def model_outcomes(
    night: Night,
    dates: tuple[date, ...],
    record: ModelRecord,
    *,
    past: list[Vintage],
    records: dict[tuple[str, str], ModelRecord],
    limits: WatchSettings,
) -> list[Reading]:
    """Return performance, calibration and the estimates of tonight's PDs of one model.

    Args:
        night: The night that is watched.
        dates: The scored dates up to it.
        record: The model.
        past: Its vintages.
        records: Every model of the portfolio by family and version.
        limits: The settings of the watch.
    """
    family, version = record.key
    scored_by = records.get((family, past[-1].version or "")) if past else None
    note = waiting(dates, record.outcome)
    with writer(purpose="watch scores") as con:
        pds = reference.pds(con, night, family=family, version=version).to_numpy()
    return [
        *performance(past, trained=_gini(scored_by), waiting=note, settings=limits, family=family),
        *calibration(past, grades=GRADES, waiting=note, settings=limits, family=family),
        *promised(pds, trained=_gini(record), settings=limits, family=family, version=version),
    ]


def headline_outcomes(
    night: Night,
    dates: tuple[date, ...],
    champions: list[ModelRecord],
    *,
    past: list[Vintage] | None,
    limits: WatchSettings,
) -> list[Reading]:
    """Return the same of the headline of all families.

    Args:
        night: The night that is watched.
        dates: The scored dates up to it.
        champions: The champions that scored it.
        past: The vintages of the headline; None if the champions have no definition of default in common.
        limits: The settings of the watch.
    """
    note = "tonight's families have no definition of default in common" if champions else "nobody was scored"
    if past is not None:
        note = waiting(dates, champions[0].outcome)
    with writer(purpose="watch scores") as con:
        pds = watch.headlines(con, night)["pd"].drop_nulls().to_numpy()
    return [
        *promised(pds, trained=None, settings=limits, family=None, version=None),
        *performance(past or [], trained=None, waiting=note, settings=limits, family=None),
        *calibration(past or [], grades=GRADES, waiting=note, settings=limits, family=None),
    ]


def _gini(record: ModelRecord | None) -> float | None:
    return None if record is None else 2 * record.metrics["pd"]["auc"]["mean"] - 1
