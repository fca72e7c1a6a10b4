"""Sentences on one data set of the Wide & Deep page: what crosses add, boosting beside it, the published gains."""

from __future__ import annotations

from typing import Any

import polars as pl

from papers.wide_deep.experiment import BEST, BOOSTED, RATE_CHOSEN
from papers.wide_deep.tables import table_2

Rows = dict[tuple[str, str], dict[str, Any]]  # rows of ops.replication by (row_name, metric)
CROSSED = (
    ("Logistic Regression + Cross", "Logistic Regression"),
    ("DNN + Cross", "DNN"),
    (BEST, "Wide & Deep"),
)


def rows_of(figures: pl.DataFrame) -> Rows:
    """Return the rows of one table by row name and metric."""
    return {(row["row_name"], row["metric"]): row for row in figures.iter_rows(named=True)}


def judged(row: dict[str, Any]) -> str:
    """Return whether a paired difference is beyond noise, and to which side.

    Examples
    --------
    >>> judged({"low": -0.01, "high": 0.002}), judged({"low": 0.001, "high": 0.02})
    ('within noise', 'better')
    """
    if row["low"] > 0:
        return "better"
    return "worse" if row["high"] < 0 else "within noise"


def verdict_words(figures: pl.DataFrame) -> str:
    """Return a paragraph on the differences of AUC of one sample, by stated rules.

    Parameters
    ----------
    figures : polars.DataFrame
        Columns of ops.replication.
    """
    differences = rows_of(figures.filter(table_number=f"{RATE_CHOSEN}, paired"))
    sentences = []
    verdicts = {"better": "help", "worse": "hurt", "within noise": "make no difference beyond noise in"}
    for verdict, verb in verdicts.items():
        names = [
            plain
            for crossed, plain in CROSSED
            if (gap := differences.get((f"{crossed} less {plain}", "auc difference")))
            and judged(gap) == verdict
        ]
        if names:
            sentences.append(f"Crosses {verb} {_listed(names)}.")
    boosted = differences.get((f"{BEST} less {BOOSTED}", "auc difference"))
    if boosted:
        beginning = {
            "worse": "Gradient boosting beats",
            "better": "Gradient boosting loses to",
            "within noise": "Gradient boosting is, within noise, level with",
        }
        sentences.append(
            f"{beginning[judged(boosted)]} the paper's full model on the same columns "
            f"(AUC {boosted['mean']:+.4f}, {boosted['low']:+.4f} to {boosted['high']:+.4f})."
        )
    areas = figures.filter(table_number=RATE_CHOSEN, metric="auc").sort("mean", descending=True)
    sentences.append(f"The highest mean AUC is that of {areas['row_name'][0]}.")
    if figures["published"].is_not_null().any():
        sentences += _published_gains(differences)
    return f"**In words.** {' '.join(sentences)}\n"


def _published_gains(differences: Rows) -> list[str]:
    """Return whether each published gain by crosses lies inside the interval of ours."""
    sentences, published = [], table_2()
    for crossed, plain in CROSSED:
        ours = differences.get((f"{crossed} less {plain}", "auc difference"))
        if ours:
            gain = published[crossed]["auc"] - published[plain]["auc"]
            place = "inside" if ours["low"] <= gain <= ours["high"] else "outside"
            sentences.append(
                f"The published gain by crosses in {plain}, {gain:+.4f}, lies {place} our interval."
            )
    return sentences


def _listed(names: list[str]) -> str:
    """Return names as a sentence lists them."""
    short = [name.lower() if name == "Logistic Regression" else name for name in names]
    return short[0] if len(short) == 1 else f"{', '.join(short[:-1])} and {short[-1]}"
