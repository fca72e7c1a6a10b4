"""Tell what a night would lose if the times turned: by scenario, grade and sector, with what is in no loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import altair as alt
import polars as pl

from models.stress_losses import AS_SCORED, DELIVERED, IN_DEFAULT, NO_GRADE, added
from models.telling.pages import picture, render, rows_of
from models.telling.plots import BLUE, GREY, RUST, inline
from models.telling.wording import money, unit

UNKNOWN = "sector unknown"
_COLOURS = (GREY, RUST, BLUE, "#6a8f3c", "#8a5a9e", "#c79a2b", "#3f8f8f")
_WIDTH, _BAR = 200, 9


@dataclass(frozen=True)
class StressRows:
    """The warehouse rows behind the page of one stress.

    Attributes
    ----------
    portfolio : str
    as_of_date : date
    run : mapping
        The columns of ops.stress_runs.
    cells : polars.DataFrame
        The rows of ops.stress_losses of that run.
    """

    portfolio: str
    as_of_date: date
    run: Mapping[str, Any]
    cells: pl.DataFrame


def stress_page(rows: StressRows) -> str:
    """Return the page of one stress as HTML.

    Raises
    ------
    MissingFigureError
        A figure that the page shows is missing.
    """
    cells = rows.cells.with_columns(pl.col("industry_primary").fill_null(UNKNOWN))
    performing = cells.filter(~pl.col("grade").is_in([IN_DEFAULT, NO_GRADE]))
    total = in_order(added(cells))
    delivered = total.filter(kind=DELIVERED)
    return render(
        "stress.html.jinja",
        portfolio=rows.portfolio,
        as_of_date=rows.as_of_date,
        run=rows.run,
        base=total.row(0, named=True),
        severe=total.row(1, named=True),
        scenarios=_beside_as_scored(total, in_order(added(performing))),
        weighted=_weighted(delivered, "loss_year"),
        weighted_horizon=_weighted(delivered, "loss_horizon"),
        in_default=_in_default(cells),
        parts=[
            _part(performing, by, noun) for by, noun in (("grade", "grade"), ("industry_primary", "sector"))
        ]
        if performing.height
        else [],
    )


def in_order(added_up: pl.DataFrame) -> pl.DataFrame:
    """Return sums of scenarios as the page has them: as scored, the severe year, those delivered by their names."""
    return added_up.sort(
        pl.col("kind").replace_strict({AS_SCORED: 0, DELIVERED: 2}, default=1),
        "scenario",
        maintain_order=True,
    )


def losses_by(rows: pl.DataFrame, *, title: str) -> alt.Chart:
    """Return the loss of the year of each grade or sector as bars, one for each scenario.

    Parameters
    ----------
    rows : polars.DataFrame
        of (the grade or sector), scenario and loss_year, known; in the order in which they are shown.
    title : str

    Examples
    --------
    >>> rows = pl.DataFrame({"of": ["A1"], "scenario": ["as scored"], "loss_year": [2e6]})
    >>> losses_by(rows, title="Loss").to_dict()["title"]
    'Loss, million'
    """
    size, name = unit(float(rows["loss_year"].max() or 0.0))  # type: ignore[arg-type]
    shown = rows.select("scenario", "of", (pl.col("loss_year") / size).alias("loss"))
    scenarios = shown["scenario"].unique(maintain_order=True).to_list()
    of = shown["of"].unique(maintain_order=True).to_list()
    return (
        alt.Chart(inline(shown))
        .mark_bar()
        .encode(
            alt.X("loss:Q", title=None, axis=alt.Axis(tickCount=4)),
            alt.Y("of:N", title=None, sort=of, axis=alt.Axis(labelLimit=90, minExtent=90)),
            alt.YOffset("scenario:N", sort=scenarios),
            alt.Color(
                "scenario:N",
                title=None,
                sort=scenarios,
                scale=alt.Scale(
                    domain=scenarios, range=[_COLOURS[at % len(_COLOURS)] for at in range(len(scenarios))]
                ),
                legend=alt.Legend(orient="bottom", columns=2, labelLimit=110),
            ),
        )
        .properties(
            title=f"{title}, {name}" if name else title,
            width=_WIDTH,
            height=len(of) * (len(scenarios) * _BAR + 6),
        )
    )


def _part(performing: pl.DataFrame, by: str, noun: str) -> dict[str, Any]:
    """Return the chart of the losses by grade or sector, and the figures that it shows."""
    rows = in_order(added(performing, [by]))
    base = rows.filter(kind=AS_SCORED)
    order = base.sort(by if by == "grade" else pl.col("loss_year").neg(), maintain_order=True)[by].to_list()
    told = []
    for name in order:
        of = rows.filter(pl.col(by) == name)
        told += [{**row, "of": name} for row in _beside_as_scored(of, of)]
    figures = "; ".join(f"{row['of']}, {row['scenario']}: {money(row['loss_year'])}" for row in told)
    chart = losses_by(pl.DataFrame(told, infer_schema_length=None), title=f"Loss of the year by {noun}")
    return {
        "noun": noun,
        "picture": picture(chart, about=f"Loss of the year by {noun}. {figures}."),
        "rows": told,
    }


def _beside_as_scored(rows: pl.DataFrame, performing: pl.DataFrame) -> list[dict[str, Any]]:
    """Return sums of scenarios as rows, each with the loss of those not in default and its times of that as scored."""
    if performing.is_empty():
        return [{**row, "performing": 0.0, "times": None} for row in rows_of(rows)]
    as_scored = performing["loss_year"][0]
    return [
        {**row, "performing": loss, "times": loss / as_scored if as_scored else None}
        for row, loss in zip(rows_of(rows), performing["loss_year"], strict=True)
    ]


def _weighted(delivered: pl.DataFrame, loss: str) -> float | None:
    return float((delivered["weight"] * delivered[loss]).sum()) if delivered.height else None


def _in_default(cells: pl.DataFrame) -> dict[str, Any]:
    rows = cells.filter(pl.col("grade") == IN_DEFAULT, kind=AS_SCORED)
    return {"borrowers": int(rows["borrowers"].sum()), "loss": float(rows["loss_year"].sum())}
