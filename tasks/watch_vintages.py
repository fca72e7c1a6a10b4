"""Find the past nights whose outcomes are known tonight, and read who of them defaulted."""

from datetime import date, timedelta

from models.watching.settings import WatchSettings
from models.watching.vintage import Vintage
from warehouse import watch
from warehouse.connection import writer
from warehouse.night import Night
from warehouse.outcome import STOPPED, OutcomeDefinition
from warehouse.registry import ModelRecord

Vintages = dict[tuple[str, str] | None, list[Vintage]]
"""By family and version of a model of tonight, None for the headline, its past nights, oldest first."""


def matured(dates: tuple[date, ...], as_of_date: date, *, horizon_days: int, vintages: int) -> list[date]:
    """Return the last scored date of each of the newest months whose outcome windows are closed, oldest first."""
    months: dict[tuple[int, int], date] = {}
    for day in sorted(dates):
        if day + timedelta(days=horizon_days) <= as_of_date:
            months[day.year, day.month] = day
    return list(months.values())[-vintages:]


def vintages_of(
    night: Night, dates: tuple[date, ...], tonight: list[ModelRecord], *, limits: WatchSettings
) -> Vintages:
    """Return the past nights whose labels are known by the end of a night, by model; None stands for the headline.

    A past night of a champion is measured by the champion of its family then, one of a challenger or shadow by that
    model itself. The labels of a night are made once, for all models that share a definition; the headline has
    vintages where all champions do.

    Args:
        night: The night that is watched; outcomes known by its end count.
        dates: The dates that its portfolio was scored for.
        tonight: The models that scored it, with their roles there.
        limits: How many vintages.
    """
    measured: dict[OutcomeDefinition, list[ModelRecord | None]] = {}
    for record in tonight:
        measured.setdefault(record.outcome, []).append(record)
    of_headlines = {record.outcome for record in tonight if record.role == "champion"}
    if len(of_headlines) == 1:
        measured[of_headlines.pop()].append(None)
    vintages: Vintages = {_key(record): [] for records in measured.values() for record in records}
    with writer(purpose="back-test") as con:
        for outcome, records in measured.items():
            if outcome.is_cross_section:
                continue
            closed = matured(
                dates, night.as_of_date, horizon_days=outcome.horizon_days, vintages=limits.vintages
            )
            for past in map(night.on, closed):
                labels = watch.labels(con, past, outcome, known_by=night.as_of_date)
                told = labels.filter(reason=STOPPED)["told_on"].to_list()
                unknown = outcome.stopped(past.as_of_date, told_on=told[0]) if told else None
                scorers = watch.scorers(con, past)
                for record in records:
                    family = None if record is None else record.model_family
                    version = None if record is None else watch.version_then(record, scorers)
                    if version is None and record is not None:
                        continue
                    rows = watch.vintage(con, past, labels, family=family, version=version)
                    vintage = Vintage.of(past.as_of_date, version, rows, unknown=unknown)
                    key = _key(record)
                    if vintage.rows:  # names are asked of the latest with rows alone
                        vintages[key] = [earlier.without_names() for earlier in vintages[key]]
                    vintages[key].append(vintage)
    return vintages


def _key(record: ModelRecord | None) -> tuple[str, str] | None:
    return None if record is None else record.key
