"""Charts as pure functions: ROC, reliability, importance, grades; drawn without a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
        false, true = roc_points(labels, scores)
        legend = f"{name} ({auc(labels, scores):.3f})"
        parts.append(pl.DataFrame({"false": false, "true": true}).with_columns(curve=pl.lit(legend)))
    lines = (
        alt.Chart(_inline(pl.concat(parts)))
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
    """Return false and true positive rates at the thresholds that occur, thinned to at most that many."""
    order = np.argsort(-scores, kind="stable")
    last_of_tie = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    bad, good = np.cumsum(labels[order])[last_of_tie], np.cumsum(1 - labels[order])[last_of_tie]
    kept = np.unique(np.linspace(0, len(bad) - 1, min(points, len(bad))).round().astype(int))
    return np.append(0.0, good[kept] / good[-1]), np.append(0.0, bad[kept] / bad[-1])


def reliability(
    curves: Mapping[str, Sequence[ReliabilityBin]], *, title: str = "Reliability"
) -> alt.LayerChart:
    """Return observed default rate over mean PD for each named curve; on the diagonal a PD means what it says."""
    rows = [
        {"curve": name, "pd": one.mean_pd, "rate": one.default_rate, "rows": one.rows}
        for name, bins in curves.items()
        for one in bins
    ]
    lines = (
        alt.Chart(_inline(pl.DataFrame(rows)))
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
    """Return the strongest features as bars, the strongest on top."""
    strongest = sorted(shares.items(), key=lambda pair: -pair[1])[:top]
    frame = pl.DataFrame(
        {"feature": [name for name, _ in strongest], "share": [share for _, share in strongest]}
    )
    return (
        alt.Chart(_inline(frame))
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
        alt.Chart(_inline(rows.select("grade", "enterprises")))
        .mark_bar(color=BLUE)
        .encode(
            alt.X("grade:N", title=None, sort=rows["grade"].to_list(), axis=alt.Axis(labelAngle=0)),
            alt.Y("enterprises:Q", title="enterprises"),
        )
        .properties(title=title, width=WIDTH, height=HEIGHT)
    )


def svg(chart: alt.TopLevelMixin) -> str:
    """Return the chart as SVG text."""
    return str(vl_convert.vegalite_to_svg(chart.to_dict()))


def png(chart: alt.TopLevelMixin, *, scale: float = 1.2) -> bytes:
    """Return the chart as PNG."""
    return bytes(vl_convert.vegalite_to_png(chart.to_dict(), scale=scale))


def _diagonal(x: str, y: str) -> alt.Chart:
    """Return the line from (0, 0) to (1, 1)."""
    ends = pl.DataFrame({x: [0.0, 1.0], y: [0.0, 1.0]})
    return (
        alt.Chart(_inline(ends))
        .mark_line(color=GREY, strokeDash=[4, 4])
        .encode(alt.X(f"{x}:Q"), alt.Y(f"{y}:Q"))
    )


def _inline(frame: pl.DataFrame) -> alt.Data:
    """Return the rows inside the chart, so that it needs no file and no other frame library."""
    return alt.Data(values=frame.to_dicts())
