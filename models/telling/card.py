"""Write the card of one model version as an HTML page, from warehouse rows alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from models.calibration import reliability
from models.errors import ModelError
from models.metrics import Interval, bootstrap_intervals, delong_interval
from models.telling import in_words
from models.telling.contribution_plots import NARROW, beeswarm, contribution_bars
from models.telling.fairness_table import fairness_matrix
from models.telling.pages import picture, render, rows_of
from models.telling.plots import reliability as reliability_chart
from models.telling.plots import roc
from models.telling.report_plots import ks_curves, shares
from models.telling.watched import watched

SHOWN = 10  # of the features that count, or shifted, most
SHIFTS = ("psi_training", "csi_training")
HEADINGS = ("performance", "stability", "calibration")


@dataclass(frozen=True)
class CardRows:
    """The warehouse rows behind the card of one model version.

    Attributes
    ----------
    model : mapping
        Its row of ops.model_registry, JSON read.
    roles : polars.DataFrame
        role, effective_from, reason and approver of ops.model_roles, oldest first.
    unseen : polars.DataFrame
        coverage, label, pd_raw and pd of each row that the model had not seen, repeats averaged.
    by_coverage : polars.DataFrame
        coverage, rows, defaults, observed_rate, low, high and mean_pd of marts.mart_family_calibration.
    night : mapping or None
        as_of_date, enterprises, headlines, in_default and mean_pd of the others on the last night that the version
        scored; None before its first night.
    drawn : polars.DataFrame
        Contributions of that night, as the charts take them; empty if the family does not explain itself.
    bins : polars.DataFrame
        lower, upper, reference and tonight: bins of the PD in order, their shares at training and on that night.
    monitoring, fairness : polars.DataFrame
        Its rows of ops.monitoring and ops.fairness of that night.
    findings : polars.DataFrame
        finding, what, owner, opened_on, due_on, closed_on, closed_by and closed_how of ops.model_findings, open first.
    reviews : polars.DataFrame
        reviewed_on, reviewer, result and next_on of ops.model_reviews, newest first.
    sheet : str or None
        File beside the card with all its points, of a model whose PDs are sums of points.
    """

    model: Mapping[str, Any]
    roles: pl.DataFrame
    unseen: pl.DataFrame
    by_coverage: pl.DataFrame
    night: Mapping[str, Any] | None
    drawn: pl.DataFrame
    bins: pl.DataFrame
    monitoring: pl.DataFrame
    fairness: pl.DataFrame
    findings: pl.DataFrame
    reviews: pl.DataFrame
    sheet: str | None = None


def card(rows: CardRows) -> str:
    """Return the card as an HTML page.

    Raises
    ------
    ModelError
        The version has no unseen rows, so that its performance is unknown.
    MissingFigureError
        A figure that the card shows is missing in the warehouse.
    """
    if rows.unseen.is_empty():
        raise ModelError(
            f"{rows.model['model_family']} {rows.model['model_version']} has no rows in ops.evaluation_scores; "
            "a version without them has no card: train it again"
        )
    return render(
        "card.html.jinja",
        model=rows.model,
        metrics=rows.model["metrics"],
        roles=rows_of(rows.roles),
        worth=worth(rows.unseen),
        unseen=rows.unseen.height,
        defaults=int(rows.unseen["label"].sum()),
        by_coverage=rows_of(rows.by_coverage),
        night=rows.night,
        shifted=_shifted(rows.monitoring),
        watched=_watched(rows.monitoring),
        strongest=_strongest(rows.model["metrics"]),
        fairness=fairness_matrix(rows.fairness),
        findings=rows_of(rows.findings),
        reviews=rows_of(rows.reviews),
        sheet=rows.sheet,
        drawn=rows.drawn["enterprise_id"].n_unique() if rows.drawn.height else 0,
        pictures=_pictures(rows),
    )


def worth(unseen: pl.DataFrame) -> dict[str, Interval]:
    """Return AUC with its DeLong interval, and KS, Brier score and log loss with bootstrap intervals, on unseen rows.

    Examples
    --------
    >>> unseen = pl.DataFrame({"label": [0, 0, 1, 1] * 30, "pd": [0.1, 0.4, 0.35, 0.8] * 30})
    >>> round(worth(unseen)["auc"].mean, 2)
    0.75
    """
    labels, pd = unseen["label"].to_numpy(), unseen["pd"].to_numpy()
    intervals = bootstrap_intervals(labels, pd)
    return {
        "auc": delong_interval(labels, pd),
        **{name: intervals[name] for name in ("ks", "brier", "log_loss")},
    }


def _pictures(rows: CardRows) -> dict[str, Any]:
    """Return the charts that the rows allow, by heading."""
    labels, pd, raw = (rows.unseen[name].to_numpy() for name in ("label", "pd", "pd_raw"))
    bins = {"before calibration": reliability(labels, raw), "after": reliability(labels, pd)}
    drawn: dict[str, list[Any]] = {
        "worth": [
            picture(roc({"rows not seen": (labels, pd)}), about=in_words.roc(labels, pd)),
            picture(ks_curves(labels, pd), about=in_words.ks_curves(labels, pd)),
            picture(reliability_chart(bins), about=in_words.reliability(bins)),
        ],
        "why": [],
        "shift": [],
    }
    if rows.drawn.height:
        drawn["why"] = [
            picture(contribution_bars(rows.drawn, width=NARROW), about=in_words.contributions(rows.drawn)),
            picture(beeswarm(rows.drawn, width=NARROW), about=in_words.swarm(rows.drawn)),
        ]
    if rows.bins.height:
        named = _with_names(rows.bins)
        chart = shares(named, title="PD: at training and on the last night")
        drawn["shift"] = [picture(chart, about=in_words.shares(named))]
    return drawn


def _with_names(bins: pl.DataFrame) -> pl.DataFrame:
    """Return the bins with readable names; the number keeps names distinct that rounding makes equal."""
    low, high = (pl.col(name).mul(100).round(2) for name in ("lower", "upper"))
    name = (
        pl.when(pl.col("lower").is_null() & pl.col("upper").is_null())
        .then(pl.lit("any other"))
        .when(pl.col("lower").is_null())
        .then(pl.format("below {}%", high))
        .when(pl.col("upper").is_null())
        .then(pl.format("from {}%", low))
        .when(pl.col("lower") == pl.col("upper"))
        .then(pl.format("{}%", low))
        .otherwise(pl.format("{} to {}%", low, high))
    )
    number = pl.int_range(1, pl.len() + 1)
    return bins.select(pl.format("{}: {}", number, name).alias("bin"), "reference", "tonight")


def _strongest(metrics: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Return the features that the model leans on most, each with its share; none if that was not measured."""
    shares = metrics["importance"]["shares"] if "importance" in metrics else {}
    return sorted(shares.items(), key=lambda pair: -pair[1])[:SHOWN]


def _shifted(monitoring: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the subjects with the largest population stability index against training."""
    known = monitoring.filter(pl.col("measure").is_in(SHIFTS), pl.col("value").is_not_null())
    return rows_of(known.sort("value", descending=True).head(SHOWN))


def _watched(monitoring: pl.DataFrame) -> dict[str, dict[str, Any]]:
    """Return all other measures of the watch, by heading."""
    rest = monitoring.filter(~pl.col("measure").str.contains("^[pc]si_"))
    return {heading: watched(rest.filter(heading=heading)) for heading in HEADINGS}
