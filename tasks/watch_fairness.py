"""How groups of borrowers are treated tonight, and whether the PDs within them are what happened."""

from datetime import date

import polars as pl

from models.watching import fairness
from models.watching.fairness import Basis
from models.watching.settings import WatchSettings
from tasks.watch_outcomes import agreed, vintages_of
from warehouse import groups
from warehouse.connection import writer
from warehouse.registry import ModelRecord


def fairness_figures(
    portfolio: str,
    as_of_date: date,
    *,
    nights: tuple[date, ...],
    tonight: list[ModelRecord],
    limits: WatchSettings,
) -> pl.DataFrame:
    """Return the figures of each group: of the headline and of each family, tonight and where outcomes are known.

    Within groups the headline and each family are measured on their latest vintage with known labels; before there is
    one, a family is measured on the rows of its training that it had not seen.
    """
    with writer(purpose="fairness") as con:
        scored = groups.tonight(con, portfolio=portfolio, as_of_date=as_of_date)
        scored = groups.with_groups(con, scored, portfolio=portfolio)
    parts = [_stamped(_selected(scored.filter(model_role="champion"), limits), None, None)]
    if agreed(tonight):
        past = vintages_of(portfolio, as_of_date, nights, tonight[0], limits=limits, headline=True)[-1:]
        parts += [_stamped(_within(portfolio, one.keyed(), "matured", limits), None, None) for one in past]
    for record in tonight:
        family, version = record.model_family, record.model_version
        here = scored.filter(model_family=family, model_version=version)
        parts.append(_stamped(_selected(here, limits), family, version))
        past = vintages_of(portfolio, as_of_date, nights, record, limits=limits)[-1:]
        if past:
            figures = _within(portfolio, past[0].keyed(), "matured", limits)
            parts.append(_stamped(figures, family, past[0].version))
            continue
        with writer(purpose="fairness") as con:
            rows = groups.unseen(con, record)
        parts.append(_stamped(_within(portfolio, rows, "unseen", limits), family, version))
    return pl.concat(parts)


def _selected(scored: pl.DataFrame, limits: WatchSettings) -> list[fairness.Figure]:
    return [
        figure
        for attribute in groups.ATTRIBUTES
        for figure in fairness.selection(scored, attribute, settings=limits)
    ]


def _within(portfolio: str, rows: pl.DataFrame, basis: Basis, limits: WatchSettings) -> list[fairness.Figure]:
    with writer(purpose="fairness") as con:
        known = groups.with_groups(con, rows, portfolio=portfolio)
    return [
        figure
        for attribute in groups.ATTRIBUTES
        for figure in fairness.within(known, attribute, basis=basis, settings=limits)
    ]


def _stamped(figures: list[fairness.Figure], family: str | None, version: str | None) -> pl.DataFrame:
    return fairness.as_frame(figures).with_columns(
        model_family=pl.lit(family, pl.String), model_version=pl.lit(version, pl.String)
    )
