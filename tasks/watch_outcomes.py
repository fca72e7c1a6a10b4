"""Measure past nights against the outcomes known tonight, and estimate what tonight's own outcomes will show."""

from datetime import date, timedelta

from models.master_scale import MasterScaleSettings
from models.watching.outcome_readings import calibration, performance, promised
from models.watching.readings import Reading
from models.watching.settings import WatchSettings
from models.watching.vintage import Vintage
from warehouse import reference, watch
from warehouse.connection import writer
from warehouse.night import Night
from warehouse.outcome import STOPPED, OutcomeDefinition
from warehouse.registry import ModelRecord


def matured(dates: tuple[date, ...], as_of_date: date, *, horizon_days: int, vintages: int) -> list[date]:
    """Return the last scored date of each of the newest months whose outcome windows are closed, oldest first."""
    months: dict[tuple[int, int], date] = {}
    for day in sorted(dates):
        if day + timedelta(days=horizon_days) <= as_of_date:
            months[day.year, day.month] = day
    return list(months.values())[-vintages:]


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


def share_outcome(records: list[ModelRecord]) -> bool:
    """Return True if all models share one outcome definition, so that their headlines can be measured together."""
    return len({record.outcome for record in records}) == 1


def vintages_of(
    night: Night,
    dates: tuple[date, ...],
    outcome: OutcomeDefinition,
    *,
    family: str | None,
    limits: WatchSettings,
) -> list[Vintage]:
    """Return the past nights whose labels are known by the end of a night.

    Args:
        night: The night that is watched; outcomes known by its end count.
        dates: The dates that its portfolio was scored for.
        outcome: The definition of default, and its horizon.
        family: A past night is measured by the version of this family that scored it; None measures the headline of
            all families.
        limits: How many vintages.
    """
    if outcome.is_cross_section:
        return []
    vintages = []
    closed = matured(dates, night.as_of_date, horizon_days=outcome.horizon_days, vintages=limits.vintages)
    with writer(purpose="back-test") as con:
        for past in map(night.on, closed):
            version = None if family is None else watch.versions(con, past).get(family)
            if version is None and family is not None:
                continue
            labels = watch.labels(con, past, outcome, known_by=night.as_of_date)
            rows = watch.vintage(con, past, labels, family=family, version=version)
            told = labels.filter(reason=STOPPED)["told_on"].to_list()
            unknown = outcome.stopped(past.as_of_date, told_on=told[0]) if told else None
            vintages.append(Vintage.of(past.as_of_date, version, rows, unknown=unknown))
    return vintages


def outcome_readings(
    night: Night,
    dates: tuple[date, ...],
    tonight: list[ModelRecord],
    *,
    records: dict[tuple[str, str], ModelRecord],
    limits: WatchSettings,
) -> list[Reading]:
    """Return performance, calibration and the estimates of tonight's PDs, of each family and of the headline.

    Args:
        night: The night that is watched.
        dates: The scored dates up to it.
        tonight: The models that scored it.
        records: Every model of the portfolio by family and version.
        limits: The settings of the watch.
    """
    readings: list[Reading] = []
    grades = MasterScaleSettings().grades
    for record in tonight:
        family, version = record.model_family, record.model_version
        past = vintages_of(night, dates, record.outcome, family=family, limits=limits)
        scored_by = records.get((family, past[-1].version or "")) if past else None
        note = waiting(dates, record.outcome)
        readings += performance(past, trained=_gini(scored_by), waiting=note, settings=limits, family=family)
        readings += calibration(past, grades=grades, waiting=note, settings=limits, family=family)
        with writer(purpose="watch scores") as con:
            pds = reference.pds(con, night, family=family, version=version).to_numpy()
        readings += promised(pds, trained=_gini(record), settings=limits, family=family, version=version)
    if share_outcome(tonight):
        outcome = tonight[0].outcome
        past, note = vintages_of(night, dates, outcome, family=None, limits=limits), waiting(dates, outcome)
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
