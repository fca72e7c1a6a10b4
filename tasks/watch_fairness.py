"""Measure how groups of borrowers are treated tonight, and whether the PDs within each group came true."""

import polars as pl

from models.watching import fairness
from models.watching.fairness import Basis
from models.watching.settings import WatchSettings
from models.watching.vintage import Vintage
from tasks.watch_vintages import Vintages
from warehouse import groups
from warehouse.connection import writer
from warehouse.night import Night
from warehouse.registry import ModelRecord


def fairness_figures(
    night: Night, tonight: list[ModelRecord], *, vintages: Vintages, limits: WatchSettings
) -> pl.DataFrame:
    """Return the figures of each group: of the headline and of each model, tonight and where outcomes are known.

    Within groups the headline and each model are measured on their latest vintage with known labels; before there is
    one, a model is measured on the unseen rows of its training.

    Args:
        night: The night that is watched.
        tonight: The models that scored it, with their roles there.
        vintages: Of each model and of the headline.
        limits: The settings of the watch.
    """
    with writer(purpose="fairness") as con:
        scored = groups.with_groups(con, groups.scores_of(con, night), portfolio=night.portfolio)
    parts = [_stamped(_selected(scored.filter(model_role="champion"), limits), None, None)]
    past = _known(vintages.get(None, []))
    parts += [_stamped(_within(night, vintage.keyed(), "matured", limits), None, None) for vintage in past]
    for record in tonight:
        family, version = record.key
        scored_by_it = scored.filter(model_family=family, model_version=version)
        parts.append(_stamped(_selected(scored_by_it, limits), record, version))
        past = _known(vintages[record.key])
        if past:
            figures = _within(night, past[0].keyed(), "matured", limits)
            parts.append(_stamped(figures, record, past[0].version))
            continue
        with writer(purpose="fairness") as con:
            rows = groups.unseen(con, record)
        parts.append(_stamped(_within(night, rows, "unseen", limits), record, version))
    return pl.concat(parts)


def _known(vintages: list[Vintage]) -> list[Vintage]:
    return [vintage for vintage in vintages if vintage.rows][-1:]


def _selected(scored: pl.DataFrame, limits: WatchSettings) -> list[fairness.Figure]:
    return [
        figure
        for attribute in groups.ATTRIBUTES
        for figure in fairness.selection(scored, attribute, settings=limits)
    ]


def _within(night: Night, rows: pl.DataFrame, basis: Basis, limits: WatchSettings) -> list[fairness.Figure]:
    with writer(purpose="fairness") as con:
        grouped = groups.with_groups(con, rows, portfolio=night.portfolio)
    return [
        figure
        for attribute in groups.ATTRIBUTES
        for figure in fairness.within(grouped, attribute, basis=basis, settings=limits)
    ]


def _stamped(figures: list[fairness.Figure], record: ModelRecord | None, version: str | None) -> pl.DataFrame:
    family, role = (None, None) if record is None else (record.model_family, record.role)
    return fairness.as_frame(figures).with_columns(
        model_family=pl.lit(family, pl.String),
        model_role=pl.lit(role, pl.String),
        model_version=pl.lit(version, pl.String),
    )
