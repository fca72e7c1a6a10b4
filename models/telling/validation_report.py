"""Write the report of one night as an HTML page: the morning, then the technical part, from warehouse rows alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from models.telling import in_words
from models.telling.borrower_page import BorrowerRows, borrowers
from models.telling.card import HEADINGS
from models.telling.morning import MorningRows
from models.telling.morning_page import morning
from models.telling.pages import picture, render, rows_of
from models.telling.plots import grades as grades_chart
from models.telling.report_plots import history
from models.telling.watched import watched


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
    leaders : sequence of mapping
        coverage, model_family, effective_from, reason and approver of what the lender chose.
    grades : polars.DataFrame
        grade and enterprises, best grade first.
    scale : sequence of str
        All grades, best first, and last the state of borrowers in default.
    moves, month : polars.DataFrame
        grade_before, grade and enterprises against the night before, and against a month ago, with as_of_date_from; no
        rows where there was no such night.
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
    morning : MorningRows
    borrowers : BorrowerRows
        Of the borrowers that the morning names.
    """

    run: Mapping[str, Any]
    statuses: pl.DataFrame
    families: pl.DataFrame
    leaders: Sequence[Mapping[str, Any]]
    grades: pl.DataFrame
    scale: Sequence[str]
    moves: pl.DataFrame
    month: pl.DataFrame
    gates: pl.DataFrame
    feeds: pl.DataFrame
    monitoring: pl.DataFrame
    alerts: pl.DataFrame
    judged: pl.DataFrame
    past: pl.DataFrame
    morning: MorningRows
    borrowers: BorrowerRows


def validation_report(rows: NightRows) -> str:
    """Return the report as an HTML page.

    Raises
    ------
    MissingFigureError
        A figure that the report shows is missing in the warehouse, and no note gives the reason.
    """
    alerts = rows.alerts.filter(~pl.col("is_beside"))
    told = borrowers(rows.borrowers)
    return render(
        "night.html.jinja",
        morning=morning(
            rows.morning,
            borrowers=told,
            feeds=rows.feeds,
            gates=rows.gates,
            alerts=alerts,
            moves=rows.moves,
            month=rows.month,
            scale=rows.scale,
        ),
        borrowers=list(told.values()),
        run=rows.run,
        enterprises=int(rows.statuses["enterprises"].sum()),
        statuses=rows_of(rows.statuses),
        families=rows_of(rows.families),
        leaders=rows.leaders,
        gates=rows_of(rows.gates),
        feeds=rows_of(rows.feeds),
        alerts=rows_of(alerts),
        watched={
            heading: watched(rows.monitoring.filter(heading=heading, is_beside=False)) for heading in HEADINGS
        },
        beside=watched(rows.monitoring.filter("is_beside")),
        alerts_beside=rows_of(rows.alerts.filter("is_beside")),
        lists=rows_of(rows.judged.filter(rule="on_watch_list")),
        triggers=rows_of(rows.judged.filter(pl.col("rule") != "on_watch_list")),
        pictures=_pictures(rows),
    )


def _pictures(rows: NightRows) -> list[Any]:
    """Return borrowers by grade, and the shift of scores and the mean PD of each family over the last nights."""
    graded = rows.grades.filter(pl.col("grade").is_not_null())
    drawn = [picture(grades_chart(graded, title="Borrowers by grade"), about=in_words.grades(graded))]
    for (measure,), part in rows.past.group_by("measure", maintain_order=True):
        title = str(measure).replace("_", " ")
        if part["as_of_date"].n_unique() > 1:
            chart = history(part.select("as_of_date", "subject", "value"), title=title)
            drawn.append(picture(chart, about=in_words.lines(part, name=title)))
    return drawn
