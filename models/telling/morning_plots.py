"""Draw the small charts of the pages: a figure over the nights, a borrower's PD with its interval, its curve."""

from __future__ import annotations

import altair as alt
import polars as pl

from models.telling.plots import BLUE, inline
from models.telling.wording import unit

WIDTH, HEIGHT = 290, 110
_SHADE = "#c9d8e6"
_DAYS = alt.X(
    "as_of_date:T", title=None, axis=alt.Axis(tickCount=4, grid=False, format="%-d %b", labelFlush=True)
)


def over_nights(rows: pl.DataFrame, column: str, *, title: str, share: bool = False) -> alt.Chart:
    """Return one figure over the nights as a line; the axis spans a tenth of it at least, so that noise is flat.

    Parameters
    ----------
    rows : polars.DataFrame
        as_of_date and the figure, known.
    column : str
    title : str
    share : bool
        A share is written as a percentage, an amount of money in thousands, millions or billions.

    Examples
    --------
    >>> from datetime import date
    >>> rows = pl.DataFrame({"as_of_date": [date(2026, 1, 1)], "loss": [2e6]})
    >>> over_nights(rows, "loss", title="Expected loss").to_dict()["title"]
    'Expected loss, million'
    """
    size, name = (1.0, "") if share else unit(float(rows[column].abs().max() or 0.0))  # type: ignore[arg-type]
    shown = rows.select(pl.col("as_of_date").cast(pl.String), (pl.col(column) / size).alias("value"))
    values = shown["value"].to_numpy()
    low, high = float(values.min()), float(values.max())
    middle = (low + high) / 2
    scale = alt.Scale(domain=[min(low, middle * 0.95), max(high, middle * 1.05)], zero=False, nice=True)
    axis = alt.Axis(tickCount=4, **({"format": ".1%"} if share else {}))
    return (
        alt.Chart(inline(shown))
        .mark_line(color=BLUE)
        .encode(_DAYS, alt.Y("value:Q", title=None, scale=scale, axis=axis))
        .properties(title=f"{title}, {name}" if name else title, width=WIDTH, height=HEIGHT)
    )


def pd_history(rows: pl.DataFrame) -> alt.LayerChart:
    """Return a borrower's PD night by night, with its interval as a band where it is known.

    Parameters
    ----------
    rows : polars.DataFrame
        as_of_date, pd, pd_lower and pd_upper, oldest first; null where unknown, which breaks the line.

    Examples
    --------
    >>> from datetime import date
    >>> rows = pl.DataFrame({"as_of_date": [date(2026, 1, 1)], "pd": [0.1], "pd_lower": [0.05], "pd_upper": [0.2]})
    >>> [layer["mark"]["type"] for layer in pd_history(rows).to_dict()["layer"]]
    ['area', 'line']
    """
    shown = rows.select(pl.col("as_of_date").cast(pl.String), "pd", "pd_lower", "pd_upper")
    base = alt.Chart(inline(shown)).encode(_DAYS)
    axis = alt.Axis(format=".0%", tickCount=3)
    layers = [
        base.mark_line(color=BLUE, point=shown.height == 1).encode(alt.Y("pd:Q", title=None, axis=axis))
    ]
    if shown["pd_lower"].count():
        layers.insert(
            0,
            base.mark_area(color=_SHADE).encode(
                alt.Y("pd_lower:Q", title=None, axis=axis), alt.Y2("pd_upper:Q")
            ),
        )
    return alt.layer(*layers).properties(width=WIDTH, height=HEIGHT)


def pd_curve(rows: pl.DataFrame) -> alt.LayerChart:
    """Return a borrower's probability of default within 1 to 60 months, with the interval of its PD carried along.

    Parameters
    ----------
    rows : polars.DataFrame
        month, cumulative_pd, cumulative_lower and cumulative_upper; the bounds are null where the PD has none.

    Examples
    --------
    >>> bounds = {"cumulative_lower": [0.05], "cumulative_upper": [0.2]}
    >>> rows = pl.DataFrame({"month": [1], "cumulative_pd": [0.1], **bounds})
    >>> [layer["mark"]["type"] for layer in pd_curve(rows).to_dict()["layer"]]
    ['area', 'line']
    """
    months = alt.X("month:Q", title="months", axis=alt.Axis(values=[0, 12, 24, 36, 48, 60], grid=False))
    base = alt.Chart(inline(rows)).encode(months)
    axis = alt.Axis(format=".0%", tickCount=3)
    layers = [base.mark_line(color=BLUE).encode(alt.Y("cumulative_pd:Q", title=None, axis=axis))]
    if rows["cumulative_lower"].count():
        low, high = alt.Y("cumulative_lower:Q", title=None, axis=axis), alt.Y2("cumulative_upper:Q")
        layers.insert(0, base.mark_area(color=_SHADE).encode(low, high))
    return alt.layer(*layers).properties(width=WIDTH, height=HEIGHT)
