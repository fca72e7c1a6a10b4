"""Measures past nights against the outcomes that are known tonight, and says what tonight's PDs promise until then."""

from datetime import date, timedelta

from models.master_scale import MasterScaleSettings
from models.watching.outcome_readings import calibration, performance, promised
from models.watching.readings import Reading
from models.watching.settings import WatchSettings
from models.watching.vintage import Vintage
from warehouse import reference
from warehouse import watch as monitoring
from warehouse.connection import writer
from warehouse.registry import ModelRecord


def matured(nights: tuple[date, ...], as_of_date: date, *, horizon_days: int, vintages: int) -> list[date]:
    """Return the last scored night of each of the newest months whose outcome windows are closed, oldest first."""
    months: dict[tuple[int, int], date] = {}
    for day in sorted(nights):
        if day + timedelta(days=horizon_days) <= as_of_date:
            months[day.year, day.month] = day
    return list(months.values())[-vintages:]


def waiting(nights: tuple[date, ...], horizon_days: int | None) -> str:
    """Say why there is no vintage yet."""
    if horizon_days is None:
        return (
            "the model describes outcomes without a date: there is no horizon after which it could be tested"
        )
    first = min(nights)
    return (
        f"no labels yet: the outcomes of the first scored night, {first}, are known on "
        f"{first + timedelta(days=horizon_days)}"
    )


def agreed(records: list[ModelRecord]) -> bool:
    """Say whether models have one definition of default and one horizon, so that their headlines can be measured."""
    return len({(record.label_definition, record.horizon_days) for record in records}) == 1


def vintages_of(
    portfolio: str,
    as_of_date: date,
    nights: tuple[date, ...],
    like: ModelRecord,
    *,
    limits: WatchSettings,
    headline: bool = False,
) -> list[Vintage]:
    """Return the past nights whose labels are known, by a model's definition and horizon.

    Args:
        portfolio: Whose nights.
        as_of_date: Tonight; outcomes known by its end count.
        nights: The scored nights.
        like: Its label definition and horizon are used; a night is measured by the version of its family that
            scored it.
        limits: How many vintages.
        headline: Measure the headline of all families instead.
    """
    if like.horizon_days is None:
        return []
    found = []
    days = matured(nights, as_of_date, horizon_days=like.horizon_days, vintages=limits.vintages)
    with writer(purpose="back-test") as con:
        for day in days:
            night = {"portfolio": portfolio, "as_of_date": day}
            version = None if headline else monitoring.versions(con, **night).get(like.model_family)
            if version is None and not headline:
                continue
            labels = monitoring.labels(
                con,
                **night,
                known_by=as_of_date,
                definition=like.label_definition,
                horizon_days=like.horizon_days,
            )
            family = None if headline else like.model_family
            rows = monitoring.vintage(con, labels, **night, family=family, version=version)
            found.append(Vintage.of(day, version, rows))
    return found


def outcome_readings(
    portfolio: str,
    as_of_date: date,
    *,
    nights: tuple[date, ...],
    records: dict[tuple[str, str], ModelRecord],
    versions: dict[str, str],
    limits: WatchSettings,
) -> list[Reading]:
    """Return performance and calibration of each family and of the headline, and the promises of tonight's PDs.

    Args:
        portfolio: Whose nights.
        as_of_date: Tonight.
        nights: The scored nights up to tonight.
        records: Every model of the portfolio by family and version.
        versions: The version of each family that scored tonight.
        limits: The settings of the watch.
    """
    readings: list[Reading] = []
    grades = MasterScaleSettings().grades
    tonight = [records[one] for one in versions.items()]
    for record in tonight:
        family = record.model_family
        past = vintages_of(portfolio, as_of_date, nights, record, limits=limits)
        scored_by = records.get((family, past[-1].version or "")) if past else None
        why = waiting(nights, record.horizon_days)
        readings += performance(past, trained=_gini(scored_by), waiting=why, settings=limits, family=family)
        readings += calibration(past, grades=grades, waiting=why, settings=limits, family=family)
        about = {"family": family, "version": record.model_version}
        with writer(purpose="watch scores") as con:
            pds = reference.pds(con, portfolio=portfolio, as_of_date=as_of_date, **about).to_numpy()
        readings += promised(pds, trained=_gini(record), settings=limits, **about)
    if agreed(tonight):
        past = vintages_of(portfolio, as_of_date, nights, tonight[0], limits=limits, headline=True)
        why = waiting(nights, tonight[0].horizon_days)
    else:
        past, why = (
            [],
            "tonight's families have no definition of default in common" if tonight else "nobody was scored",
        )
    with writer(purpose="watch scores") as con:
        shown = (
            monitoring.headlines(con, portfolio=portfolio, as_of_date=as_of_date)["pd"]
            .drop_nulls()
            .to_numpy()
        )
    readings += promised(shown, trained=None, settings=limits, family=None, version=None)
    readings += performance(past, trained=None, waiting=why, settings=limits, family=None)
    readings += calibration(past, grades=grades, waiting=why, settings=limits, family=None)
    return readings


def _gini(record: ModelRecord | None) -> float | None:
    return None if record is None else 2 * record.metrics["pd"]["auc"]["mean"] - 1
