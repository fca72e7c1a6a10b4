"""Draw charts without a network: ROC, reliability, importance, grades."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np
import polars as pl
import vl_convert

from models.calibration import ReliabilityBin
from models.metrics import Labels, Scores, auc

BLUE, GREY, RUST = "#2b5c8a", "#9aa5b1", "#b5532a"
WIDTH, HEIGHT = 320, 260


def roc(curves: Mapping[str, tuple[Labels, Scores]], *, title: str = "ROC") -> alt.LayerChart:
    """Return the ROC curve of each named set of labels and scores, with its AUC in the legend.

    Examples
    --------
    >>> chart = roc({"model": (np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8]))})
    >>> chart.to_dict()["layer"][0]["mark"]["type"]
    'line'
    """
    parts = []
    for name, (labels, scores) in curves.items():
        false_rate, true_rate = roc_points(labels, scores)
        legend = f"{name} ({auc(labels, scores):.3f})"
        parts.append(
            pl.DataFrame({"false": false_rate, "true": true_rate}).with_columns(curve=pl.lit(legend))
        )
    lines = (
        alt.Chart(inline(pl.concat(parts)))
        .mark_line(clip=True)
        .encode(
            alt.X("false:Q", title="share of non-defaults called default", scale=alt.Scale(domain=[0, 1])),
            alt.Y("true:Q", title="share of defaults called default", scale=alt.Scale(domain=[0, 1])),
            alt.Color(
                "curve:N", title="model (AUC)", legend=alt.Legend(orient="bottom", columns=2, labelLimit=300)
            ),
            alt.Order("false:Q"),
        )
    )
    return alt.layer(lines, _diagonal("false", "true")).properties(title=title, width=WIDTH, height=HEIGHT)


def roc_points(labels: Labels, scores: Scores, *, points: int = 200) -> tuple[Scores, Scores]:
    """Return false and true positive rates at each threshold, thinned to at most the given number of points."""
    order = np.argsort(-scores, kind="stable")
    last_of_tie = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    bad, good = np.cumsum(labels[order])[last_of_tie], np.cumsum(1 - labels[order])[last_of_tie]
    kept = np.unique(np.linspace(0, len(bad) - 1, min(points, len(bad))).round().astype(int))
    return np.append(0.0, good[kept] / good[-1]), np.append(0.0, bad[kept] / bad[-1])


def reliability(
    curves: Mapping[str, Sequence[ReliabilityBin]], *, title: str = "Reliability"
) -> alt.LayerChart:
    """Return observed default rate over mean PD for each named curve; a calibrated PD lies on the diagonal."""
    rows = [
        {"curve": name, "pd": part.mean_pd, "rate": part.default_rate, "rows": part.rows}
        for name, bins in curves.items()
        for part in bins
    ]
    lines = (
        alt.Chart(inline(pl.DataFrame(rows)))
        .mark_line(point=True)
        .encode(
            alt.X("pd:Q", title="mean PD of the bin", scale=alt.Scale(domain=[0, 1])),
            alt.Y("rate:Q", title="observed default rate", scale=alt.Scale(domain=[0, 1])),
            alt.Color(
                "curve:N", title=None, scale=alt.Scale(range=[RUST, BLUE]), legend=alt.Legend(orient="bottom")
            ),
        )
    )
    return alt.layer(lines, _diagonal("pd", "rate")).properties(title=title, width=WIDTH, height=HEIGHT)


def importance(shares: Mapping[str, float], *, title: str = "Importance", top: int = 15) -> alt.Chart:
    """Return the strongest features as bars, the strongest at the top."""
    strongest = sorted(shares.items(), key=lambda pair: -pair[1])[:top]
    frame = pl.DataFrame(
        {"feature": [name for name, _ in strongest], "share": [share for _, share in strongest]}
    )
    return (
        alt.Chart(inline(frame))
        .mark_bar(color=BLUE)
        .encode(
            alt.X("share:Q", title="share of importance", axis=alt.Axis(format=".0%")),
            alt.Y("feature:N", title=None, sort="-x", axis=alt.Axis(labelLimit=260)),
        )
        .properties(title=title, width=WIDTH, height=16 * len(strongest))
    )


def grades(rows: pl.DataFrame, *, title: str = "Grades") -> alt.Chart:
    """Return the number of enterprises in each grade, in the order of the rows (columns grade, enterprises)."""
    return (
        alt.Chart(inline(rows.select("grade", "enterprises")))
        .mark_bar(color=BLUE)
        .encode(
            alt.X("grade:N", title=None, sort=rows["grade"].to_list(), axis=alt.Axis(labelAngle=0)),
            alt.Y("enterprises:Q", title="enterprises"),
        )
        .properties(title=title, width=WIDTH, height=HEIGHT)
    )


def svg(chart: alt.TopLevelMixin) -> str:
    """Return the chart as SVG text."""
    return str(vl_convert.vegalite_to_svg(_specification(chart)))


def png(chart: alt.TopLevelMixin, *, scale: float = 1.2) -> bytes:
    """Return the chart as PNG."""
    return bytes(vl_convert.vegalite_to_png(_specification(chart), scale=scale))


def _specification(chart: alt.TopLevelMixin) -> dict[str, Any]:
    """Return what the renderer reads, not held against the schema: that costs more than drawing, and tests do it."""
    specification: dict[str, Any] = chart.to_dict(validate=False)
    return specification


def _diagonal(x: str, y: str) -> alt.Chart:
    """Return the line from (0, 0) to (1, 1)."""
    ends = pl.DataFrame({x: [0.0, 1.0], y: [0.0, 1.0]})
    return (
        alt.Chart(inline(ends))
        .mark_line(color=GREY, strokeDash=[4, 4])
        .encode(alt.X(f"{x}:Q"), alt.Y(f"{y}:Q"))
    )


def inline(frame: pl.DataFrame) -> alt.Data:
    """Return the rows as data stored inside the chart, so that it needs no file and no other frame library."""
    return alt.Data(values=frame.to_dicts())


def beside_published(figures: pl.DataFrame) -> alt.LayerChart:
    """Return our AUC with its interval beside the published one, for every row that has one.

    Parameters
    ----------
    figures : polars.DataFrame
        Columns of ops.replication; only honest figures of the AUC are drawn.
    """
    shown = (
        figures.filter(pl.col("published").is_not_null(), metric="auc", protocol="honest")
        .filter(pl.col("table_number").is_in(["6", "8"]), ~pl.col("dataset").str.starts_with("simulated"))
        .with_columns(row=pl.format("{}: {}", "dataset", "row_name"))
        .select("row", "mean", "low", pl.col("high").clip(upper_bound=1.0), "published")
    )
    rows = alt.Chart(inline(shown)).encode(
        alt.Y("row:N", title=None, sort=None, axis=alt.Axis(labelLimit=320))
    )
    scale = alt.Scale(zero=False)
    return alt.layer(
        rows.mark_rule(color=BLUE).encode(alt.X("low:Q", title="AUC", scale=scale), alt.X2("high:Q")),
        rows.mark_point(color=BLUE, filled=True, size=40).encode(alt.X("mean:Q")),
        rows.mark_tick(color=RUST, thickness=2).encode(alt.X("published:Q")),
    ).properties(title="AUC after bagged SMOTE: ours with 95% interval, published as a bar", width=WIDTH)
