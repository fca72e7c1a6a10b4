"""Draw what moves PDs: the mean size of each feature's contributions, and their spread borrower by borrower."""

from __future__ import annotations

import altair as alt
import numpy as np
import polars as pl

from models.telling.plots import BLUE, GREY, RUST, WIDTH, inline

NARROW = 200  # beside names of features, so that a narrow screen can still read them
PALE = 0.4  # opacity of what is not stored
SWARM_BINS, SWARM_HEIGHT = 40, 3  # over 40 bins at most seven dots high
TINY = 1e-12  # where all contributions are the same
UNKNOWN, REST = -1.0, -2.0  # in place of a level: the value is unknown; the contribution is not stored


def contribution_bars(
    rows: pl.DataFrame, *, title: str = "What moves the PD", top: int = 20, width: int = WIDTH
) -> alt.Chart:
    """Return the mean absolute contribution of the strongest features, as in the ensemble paper's figure 5.

    A bar is red where the contribution rises with the feature's value (rank correlation above 0), blue where it
    falls, grey where no values are known.

    Parameters
    ----------
    rows : polars.DataFrame
        enterprise_id, feature, contribution and, where known, value (a number; null for none). A feature
        without a row for a borrower adds nothing there.
    title : str
    top : int
    width : int
        Of the bars alone, in pixels.

    Examples
    --------
    >>> rows = pl.DataFrame({"enterprise_id": ["E1", "E2"], "feature": ["age", "age"],
    ...     "contribution": [0.01, -0.02], "value": [1.0, 8.0]})
    >>> contribution_bars(rows).to_dict()["data"]["values"]
    [{'feature': 'age', 'size': 0.015, 'direction': 'lowers'}]
    """
    valued = "value" in rows.columns
    agreement = pl.corr("value", "contribution", method="spearman") if valued else pl.lit(None, pl.Float64)
    frame = (
        rows.group_by("feature")
        .agg(
            (pl.col("contribution").abs().sum() / max(rows["enterprise_id"].n_unique(), 1)).alias("size"),
            agreement.fill_nan(None).alias("agreement"),
        )
        .sort("size", "feature", descending=[True, False])
        .head(top)
        .select(
            "feature",
            "size",
            pl.when(pl.col("agreement") > 0)
            .then(pl.lit("raises"))
            .when(pl.col("agreement") < 0)
            .then(pl.lit("lowers"))
            .otherwise(pl.lit("unknown"))
            .alias("direction"),
        )
    )
    return (
        alt.Chart(inline(frame))
        .mark_bar()
        .encode(
            alt.X("size:Q", title="mean absolute contribution to the PD", axis=alt.Axis(format="~%")),
            alt.Y("feature:N", title=None, sort=frame["feature"].to_list(), axis=alt.Axis(labelLimit=260)),
            alt.Color(
                "direction:N",
                title="a high value",
                scale=alt.Scale(domain=["raises", "lowers", "unknown"], range=[RUST, BLUE, GREY]),
                legend=alt.Legend(orient="bottom"),
            ),
        )
        .properties(title=title, width=width, height=16 * frame.height)
    )


def beeswarm(
    rows: pl.DataFrame,
    *,
    title: str = "What moves the PD, borrower by borrower",
    top: int = 20,
    width: int = WIDTH,
) -> alt.Chart:
    """Return the spread of the strongest features' contributions, as in the ensemble paper's figure 6.

    Each row of dots is a feature. Dots lie in the middle of one of `SWARM_BINS` bins and are stacked at most
    `SWARM_HEIGHT` high, so that the picture shows the shape and stays small for any portfolio. Red means a high
    value of the feature among the borrowers shown, blue a low one, grey an unknown one. Of a borrower only the
    strongest contributions are stored: the pale column at zero is the share of borrowers of whom the feature is not
    among them.

    Parameters
    ----------
    rows : polars.DataFrame
        As of `contribution_bars`.
    title : str
    top : int

    Examples
    --------
    >>> rows = pl.DataFrame({"enterprise_id": ["E1", "E2"], "feature": ["age", "age"],
    ...     "contribution": [0.01, -0.02], "value": [1.0, 8.0]})
    >>> beeswarm(rows).to_dict()["mark"]["type"]
    'circle'
    """
    strength = rows.group_by("feature").agg(pl.col("contribution").abs().sum().alias("strength"))
    order = strength.sort("strength", "feature", descending=[True, False])["feature"].head(top).to_list()
    borrowers = rows["enterprise_id"].n_unique()
    shown = _swarm(rows.filter(pl.col("feature").is_in(order)), borrowers=borrowers)
    known = shown.filter(pl.col("level") >= 0).height > 0
    level = alt.Color(
        "level:Q",
        title="value, low to high",
        scale=alt.Scale(domain=[0, 1], range=[BLUE, RUST]),
        legend=alt.Legend(orient="bottom", format=".0%"),
    )
    return (
        alt.Chart(inline(shown))
        .mark_circle(size=9)
        .encode(
            alt.X("contribution:Q", title="contribution to the PD", axis=alt.Axis(format="~%")),
            alt.Y("feature:N", title=None, sort=order, axis=alt.Axis(labelLimit=260)),
            alt.YOffset("place:Q", scale=alt.Scale(domain=[-SWARM_HEIGHT, SWARM_HEIGHT])),
            opacity=alt.when(f"datum.level == {REST}").then(alt.value(PALE)).otherwise(alt.value(1)),
            color=alt.when("datum.level >= 0").then(level).otherwise(alt.value(GREY))
            if known
            else alt.value(GREY),
        )
        .properties(title=title, width=width, height=24 * len(order))
    )


def _swarm(rows: pl.DataFrame, *, borrowers: int) -> pl.DataFrame:
    """Return feature, contribution, place and level of each dot; dots are stacked, the lowest values at the bottom.

    Dots of contributions that are not stored come first, so that all others are drawn over them.
    """
    if "value" not in rows.columns:
        rows = rows.with_columns(value=pl.lit(None, pl.Float64))
    width = max(float(np.ptp(rows["contribution"].to_numpy())), TINY) / SWARM_BINS
    rank = pl.col("value").rank("average") - 1
    dots = (
        rows.with_columns(level=(rank / (pl.col("value").count() - 1)).fill_nan(0.5).over("feature"))
        .with_columns(bin=(pl.col("contribution") / width).round().cast(pl.Int64))
        .sort("feature", "bin", "level", "enterprise_id")
        .with_columns(
            seat=pl.int_range(pl.len()).over("feature", "bin"), among=pl.len().over("feature", "bin")
        )
        .with_columns(fullest=pl.col("among").max().over("feature"))
        # the fullest column of a feature shows 2 * SWARM_HEIGHT + 1 dots at most, the others their share of it
        .with_columns(
            dots=(pl.col("among") * pl.min_horizontal(1.0, (2 * SWARM_HEIGHT + 1) / pl.col("fullest"))).ceil()
        )
        .with_columns(dot=(pl.col("seat") * pl.col("dots") / pl.col("among")).floor())
    )
    drawn = (
        dots.group_by("feature", "bin", "dot", "dots", maintain_order=True)
        .agg(pl.col("level").mean().round(2))
        .select(
            "feature",
            (pl.col("bin") * width).alias("contribution"),
            (pl.col("dot") - (pl.col("dots") - 1) / 2).alias("place"),
            pl.col("level").fill_null(UNKNOWN),  # a missing level would be drawn as none or as low
        )
    )
    return pl.concat([_rest(rows, borrowers=borrowers), drawn])


def _rest(rows: pl.DataFrame, *, borrowers: int) -> pl.DataFrame:
    """Return dots at zero for the borrowers of whom a feature's contribution is not stored, seven for all of them."""
    missing = rows.group_by("feature", maintain_order=True).agg(
        (1 - pl.col("enterprise_id").n_unique() / max(borrowers, 1)).alias("share")
    )
    dots = missing.select("feature", dots=(pl.col("share") * (2 * SWARM_HEIGHT + 1)).ceil())
    return (
        dots.with_columns(dot=pl.int_ranges(0, pl.col("dots").cast(pl.Int64)))
        .explode("dot")
        .drop_nulls("dot")
        .select(
            "feature",
            contribution=pl.lit(0.0),
            place=pl.col("dot") - (pl.col("dots") - 1) / 2,
            level=pl.lit(REST),
        )
    )
