"""Write the report of one night as an HTML page, from warehouse rows alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from models.telling.card import HEADINGS
from models.telling.pages import picture, render, rows_of
from models.telling.plots import grades as grades_chart
from models.telling.report_plots import history, migration


@dataclass(frozen=True)
class NightRows:
    """The warehouse rows behind the report of one night of one portfolio.

    Attributes
    ----------
    run : mapping
        portfolio, as_of_date, run_id, status, started_at, finished_at and revision of the run that scored it.
    statuses : polars.DataFrame
        score_status and enterprises of the headline rows.
    families : polars.DataFrame
        coverage, model_family, model_version, enterprises, in_default and mean_pd of the others (null for nobody).
    grades : polars.DataFrame
        grade and enterprises, best grade first.
    scale : sequence of str
        All grades, best first, and last the state of borrowers in default.
    moves : polars.DataFrame
        grade_before, grade and enterprises against the night before; no rows on the first night.
    gates : polars.DataFrame
        suite, checks, failed and errored of the run.
    feeds : polars.DataFrame
        Rows of ops.feed_deliveries of the night, the worst first; none where no run of it took in feeds.
    monitoring, alerts : polars.DataFrame
        Rows of ops.monitoring and ops.alerts of the night; is_beside marks those of challengers and shadows.
    judged : polars.DataFrame
        Rows of marts.mart_early_warning_judged of the night, newest past night first, the whole list before triggers.
    past : polars.DataFrame
        as_of_date, measure, subject and value of the PSI of scores and the mean PD over the last nights.
    """

    run: Mapping[str, Any]
    statuses: pl.DataFrame
    families: pl.DataFrame
    grades: pl.DataFrame
    scale: Sequence[str]
    moves: pl.DataFrame
    gates: pl.DataFrame
    feeds: pl.DataFrame
    monitoring: pl.DataFrame
    alerts: pl.DataFrame
    judged: pl.DataFrame
    past: pl.DataFrame


def validation_report(rows: NightRows) -> str:
    """Return the report as an HTML page.

    Raises
    ------
    MissingFigureError
        A figure that the report shows is missing in the warehouse, and no note gives the reason.
    """
    graded = rows.grades.filter(pl.col("grade").is_not_null())
    charts = [grades_chart(graded, title="Borrowers by grade")]
    if rows.moves.height:
        charts.append(migration(rows.moves, rows.scale, title="Grades, the night before and now"))
    charts += [
        history(part.select("as_of_date", "subject", "value"), title=str(measure))
        for (measure,), part in rows.past.group_by("measure", maintain_order=True)
        if part["as_of_date"].n_unique() > 1
    ]
    return render(
        "night.html.jinja",
        run=rows.run,
        enterprises=int(rows.statuses["enterprises"].sum()),
        statuses=rows_of(rows.statuses),
        families=rows_of(rows.families),
        gates=rows_of(rows.gates),
        feeds=rows_of(rows.feeds),
        alerts=rows_of(rows.alerts.filter(~pl.col("is_beside"))),
        watched={
            heading: rows_of(rows.monitoring.filter(heading=heading, is_beside=False)) for heading in HEADINGS
        },
        beside=rows_of(rows.monitoring.filter("is_beside")),
        alerts_beside=rows_of(rows.alerts.filter("is_beside")),
        lists=rows_of(rows.judged.filter(rule="on_watch_list")),
        triggers=rows_of(rows.judged.filter(pl.col("rule") != "on_watch_list")),
        pictures=[picture(chart, about="the portfolio") for chart in charts],
    )
