"""How groups of borrowers are treated tonight, and whether the PDs within them are what happened."""

from datetime import date

import polars as pl

from models import fairness
from models.watch_settings import WatchSettings
from tasks.watch_outcomes import vintages_of
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

    Within groups each family is measured on its latest vintage with known labels; before there is one, on the rows
    of its training that it had not seen.
    """
    with writer(purpose="fairness") as con:
        scored = groups.with_groups(
            con, groups.tonight(con, portfolio=portfolio, as_of_date=as_of_date), portfolio=portfolio
        )
    parts = [_selected(scored.filter(model_role="champion"), limits, None, None)]
    for record in tonight:
        family, version = record.model_family, record.model_version
        here = scored.filter(model_family=family, model_version=version)
        parts.append(_selected(here, limits, family, version))
        past = vintages_of(portfolio, as_of_date, nights, record, limits=limits)[-1:]
        with writer(purpose="fairness") as con:
            known = past[0].keyed() if past else groups.unseen(con, record)
            known = groups.with_groups(con, known, portfolio=portfolio)
        figures = [
            figure
            for attribute in groups.ATTRIBUTES
            for figure in fairness.within(
                known, attribute, basis="matured" if past else "unseen", settings=limits
            )
        ]
        parts.append(_stamped(figures, family, past[0].version if past else version))
    return pl.concat(parts)


def _selected(
    scored: pl.DataFrame, limits: WatchSettings, family: str | None, version: str | None
) -> pl.DataFrame:
    figures = [
        figure
        for attribute in groups.ATTRIBUTES
        for figure in fairness.selection(scored, attribute, settings=limits)
    ]
    return _stamped(figures, family, version)


def _stamped(figures: list[fairness.Figure], family: str | None, version: str | None) -> pl.DataFrame:
    return fairness.as_frame(figures).with_columns(
        model_family=pl.lit(family, pl.String), model_version=pl.lit(version, pl.String)
    )
