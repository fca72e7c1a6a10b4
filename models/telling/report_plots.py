"""Draw the charts of the model card and the night's report: class distributions, shifts, history."""

from __future__ import annotations

import altair as alt
import numpy as np
import polars as pl

from models.metrics import Labels, Scores, ks
from models.telling.plots import BLUE, GREY, HEIGHT, RUST, WIDTH, inline

POINTS = 200  # of a curve; more cannot be seen


def ks_curves(labels: Labels, scores: Scores, *, title: str = "KS") -> alt.Chart:
    """Return the share of each class below every PD; the largest gap between the curves is the two-sample KS.

    Examples
    --------
    >>> chart = ks_curves(np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.3, 0.4]))
    >>> chart.to_dict()["title"]
    'KS 1.000'
    """
    places = np.unique(np.quantile(scores, np.linspace(0, 1, POINTS)))
    below = {
        name: np.searchsorted(np.sort(scores[labels == label]), places, side="right")
        / (labels == label).sum()
        for label, name in ((0, "no default"), (1, "default"))
    }
    rows = pl.concat(
        pl.DataFrame({"pd": places, "share": share}).with_columns(of=pl.lit(name))
        for name, share in below.items()
    )
    return (
        alt.Chart(inline(rows))
        .mark_line()
        .encode(
            alt.X("pd:Q", title="PD", axis=alt.Axis(format="~%")),
            alt.Y("share:Q", title="share below", axis=alt.Axis(format=".0%")),
            alt.Color(
                "of:N",
                title=None,
                scale=alt.Scale(domain=list(below), range=[BLUE, RUST]),
                legend=alt.Legend(orient="bottom"),
            ),
        )
        .properties(title=f"{title} {ks(labels, scores):.3f}", width=WIDTH, height=HEIGHT)
    )


def shares(bins: pl.DataFrame, *, title: str) -> alt.Chart:
    """Return the share of rows in each reference bin, at training and tonight, side by side.

    Parameters
    ----------
    bins : polars.DataFrame
        bin (text, in order), reference and tonight (shares).
    title : str

    Examples
    --------
    >>> shares(pl.DataFrame({"bin": ["1"], "reference": [1.0], "tonight": [1.0]}), title="PD").to_dict()["title"]
    'PD'
    """
    long = bins.unpivot(["reference", "tonight"], index="bin", variable_name="when", value_name="share")
    return (
        alt.Chart(inline(long))
        .mark_bar()
        .encode(
            alt.X("bin:N", title=None, sort=bins["bin"].to_list(), axis=alt.Axis(labelAngle=-40)),
            alt.XOffset("when:N"),
            alt.Y("share:Q", title="share of rows", axis=alt.Axis(format=".0%")),
            alt.Color(
                "when:N",
                title=None,
                scale=alt.Scale(domain=["reference", "tonight"], range=[GREY, BLUE]),
                legend=alt.Legend(orient="bottom"),
            ),
        )
        .properties(title=title, width=WIDTH, height=HEIGHT)
    )


def history(rows: pl.DataFrame, *, title: str) -> alt.Chart:
    """Return figures over the nights as lines.

    Parameters
    ----------
    rows : polars.DataFrame
        as_of_date, subject and value.
    title : str

    Examples
    --------
    >>> from datetime import date
    >>> rows = pl.DataFrame({"as_of_date": [date(2026, 1, 1)], "subject": ["score"], "value": [0.1]})
    >>> history(rows, title="PSI").to_dict()["mark"]["type"]
    'line'
    """
    return (
        alt.Chart(inline(rows.with_columns(pl.col("as_of_date").cast(pl.String))))
        .mark_line(point=True)
        .encode(
            alt.X("as_of_date:T", title=None),
            alt.Y("value:Q", title=None),
            alt.Color("subject:N", title=None, legend=alt.Legend(orient="bottom", columns=2, labelLimit=260)),
        )
        .properties(title=title, width=WIDTH, height=HEIGHT)
    )
