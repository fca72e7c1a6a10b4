"""Charts of the Wide & Deep page: paired differences of AUC, and the three panels of figure 2."""

from __future__ import annotations

import altair as alt
import polars as pl

from models.telling.plots import BLUE, GREY, RUST
from papers.wide_deep.experiment import RATE_CHOSEN
from papers.wide_deep.verdicts import judged

BEYOND = {"better": BLUE, "worse": RUST, "within noise": GREY}
PANEL = 230
PANELS = {"epochs": "epoch", "batch_size": "rows in a batch", "learning_rate": "learning rate"}
METRICS = {"auc": "AUC, test", "average f1": "F1 of both classes, test", "validation auc": "AUC, validation"}


def differences(figures: pl.DataFrame) -> alt.LayerChart | None:
    """Return the paired differences of AUC with their intervals, or nothing where none was measured.

    Parameters
    ----------
    figures : polars.DataFrame
        Columns of ops.replication.
    """
    rows = figures.filter(table_number=f"{RATE_CHOSEN}, paired", metric="auc difference")
    if not rows.height:
        return None
    values = [
        {
            "row": row["row_name"],
            "set": f"{row['dataset'].split(' (')[0]}, {row['protocol']}".removesuffix(", honest"),
            "mean": row["mean"], "low": row["low"], "high": row["high"], "beyond": judged(row),
        }
        for row in rows.iter_rows(named=True)
    ]  # fmt: skip
    chart = alt.Chart(alt.Data(values=values)).encode(
        alt.Y("row:N", title=None, sort=None, axis=alt.Axis(labelLimit=320)),
        alt.YOffset("set:N"),
        alt.Color(
            "beyond:N",
            title="the first",
            scale=alt.Scale(domain=list(BEYOND), range=list(BEYOND.values())),
            legend=alt.Legend(orient="bottom"),
        ),
    )
    shape = alt.Shape("set:N", title="measured on", legend=alt.Legend(orient="bottom", columns=2))
    zero = (
        alt.Chart(alt.Data(values=[{"x": 0}])).mark_rule(strokeDash=[4, 4], color=GREY).encode(alt.X("x:Q"))
    )
    return alt.layer(
        zero,
        chart.mark_rule().encode(alt.X("low:Q", title="difference of AUC, same seeds"), alt.X2("high:Q")),
        chart.mark_point(filled=True, size=45).encode(alt.X("mean:Q"), shape),
    ).properties(title="Paired differences of AUC with 95% intervals", width=420, height={"step": 14})


def sensitivity(figures: pl.DataFrame) -> alt.HConcatChart | None:
    """Return the three panels of figure 2, means over the seeds; nothing where it was not measured.

    Parameters
    ----------
    figures : polars.DataFrame
        Columns of ops.replication.
    """
    rows = figures.filter(pl.col("metric").is_in(list(METRICS)), table_number="figure 2")
    if not rows.height:
        return None
    return alt.hconcat(*(_panel(setting, title, rows) for setting, title in PANELS.items()))


def _panel(setting: str, title: str, rows: pl.DataFrame) -> alt.Chart:
    values = [
        {"x": float(row["row_name"].split(" ")[1]), "mean": row["mean"], "measure": METRICS[row["metric"]]}
        for row in rows.filter(pl.col("row_name").str.starts_with(f"{setting} ")).iter_rows(named=True)
    ]
    scale = alt.Scale(type="linear" if setting == "epochs" else "log", zero=False, nice=False)
    axis = (
        alt.Axis()
        if setting == "epochs"
        else alt.Axis(values=sorted({value["x"] for value in values}), format="~g")
    )
    return (
        alt.Chart(alt.Data(values=values))
        .mark_line(point=setting != "epochs")
        .encode(
            alt.X("x:Q", title=title, scale=scale, axis=axis),
            alt.Y("mean:Q", title=None, scale=alt.Scale(zero=False)),
            alt.Color(
                "measure:N",
                title=None,
                scale=alt.Scale(domain=list(METRICS.values()), range=[BLUE, RUST, GREY]),
                legend=alt.Legend(orient="bottom", labelLimit=250),
            ),
        )
        .properties(width=PANEL, height=PANEL)
    )
