"""Find the past nights whose outcomes are known tonight, and read who of them defaulted."""

from datetime import date, timedelta

from models.watching.settings import WatchSettings
from models.watching.vintage import Vintage
from warehouse import watch
from warehouse.connection import writer
from warehouse.night import Night
from warehouse.outcome import STOPPED, OutcomeDefinition
from warehouse.registry import ModelRecord

Vintages = dict[str | None, list[Vintage]]


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
    """Return the past nights whose labels are known by the end of a night, by family; None stands for the headline.

    A past night is measured by the version of the family that scored it. The labels of a night are made once, for all
    families that share a definition; the headline has vintages where all of them do.

    Args:
        night: The night that is watched; outcomes known by its end count.
        dates: The dates that its portfolio was scored for.
        tonight: The models that scored it.
        limits: How many vintages.
    """
    measured: dict[OutcomeDefinition, list[str | None]] = {}
    for record in tonight:
        measured.setdefault(record.outcome, []).append(record.model_family)
    if len(measured) == 1:
        next(iter(measured.values())).append(None)
    vintages: Vintages = {family: [] for families in measured.values() for family in families}
    with writer(purpose="back-test") as con:
        for outcome, families in measured.items():
            if outcome.is_cross_section:
                continue
            closed = matured(
                dates, night.as_of_date, horizon_days=outcome.horizon_days, vintages=limits.vintages
            )
            for past in map(night.on, closed):
                labels = watch.labels(con, past, outcome, known_by=night.as_of_date)
                told = labels.filter(reason=STOPPED)["told_on"].to_list()
                unknown = outcome.stopped(past.as_of_date, told_on=told[0]) if told else None
                versions = watch.versions(con, past)
                for family in families:
                    version = None if family is None else versions.get(family)
                    if version is None and family is not None:
                        continue
                    rows = watch.vintage(con, past, labels, family=family, version=version)
                    vintage = Vintage.of(past.as_of_date, version, rows, unknown=unknown)
                    if vintage.rows:  # names are asked of the latest with rows alone
                        vintages[family] = [earlier.without_names() for earlier in vintages[family]]
                    vintages[family].append(vintage)
    return vintages
