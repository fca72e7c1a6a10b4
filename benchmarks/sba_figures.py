"""Write the cells of the tables of docs/sba.md: each figure with its interval."""

from __future__ import annotations

import numpy as np
import polars as pl
from scipy.stats import binomtest, chi2

from models.calibration import Calibrator
from models.metrics import Interval, delong_interval
from models.watching.one_factor import tails
from models.watching.vintage import tally

DRAWS = 200
FEWEST = 10  # defaults below which no ranking is told, as in the watch


def share(count: int, of: int) -> str:
    """Return a share with the interval of Clopper and Pearson."""
    if not of:
        return "no loan"
    span = binomtest(count, of).proportion_ci(method="exact")
    return f"{count / of:.1%} ({span.low:.1%} to {span.high:.1%})"


def ratio(count: int, expected: float) -> str:
    """Return observed over expected defaults with Garwood's exact interval of the count (Poisson)."""
    low = chi2.ppf(0.025, 2 * count) / 2 if count else 0.0
    return f"{count / expected:.2f} ({low / expected:.2f} to {chi2.ppf(0.975, 2 * count + 2) / 2 / expected:.2f})"


def spanned(interval: Interval, places: int = 3) -> str:
    """Return a value with its interval."""
    return f"{interval.mean:.{places}f} ({interval.low:.{places}f} to {interval.high:.{places}f})"


def auc(rows: pl.DataFrame, column: str = "pd") -> str:
    """Return the AUC with DeLong's interval, or that defaults are too few."""
    labels = rows["label"].to_numpy()
    if min(labels.sum(), len(labels) - labels.sum()) < FEWEST:
        return f"fewer than {FEWEST} defaults"
    return spanned(delong_interval(labels, rows[column].to_numpy()))


def slope(rows: pl.DataFrame) -> str:
    """Return the slope of the outcome's logit on the PD's, 1 where PDs are spread right, with a bootstrap interval."""
    labels, pds, rng = rows["label"].to_numpy(), rows["pd"].to_numpy(), np.random.default_rng(0)
    drawn = []
    for _ in range(DRAWS):
        places = rng.integers(0, len(labels), len(labels))
        drawn.append(Calibrator(method="platt").fit(pds[places], labels[places]).slope_low_)
    value = Calibrator(method="platt").fit(pds, labels).slope_low_
    return spanned(Interval(value, *np.percentile(drawn, (2.5, 97.5))), 2)


def one_factor(rows: pl.DataFrame) -> str:
    """Return the p value of the test that allows for defaults that come together, grade by grade."""
    tallies = tally(rows)
    counts, means = [one.rows for one in tallies], [one.mean_pd for one in tallies]
    return f"{tails(int(rows['label'].sum()), counts, means).two_sided:.2g}"


MEASURED = ("n", "mean PD", "expected", "defaults", "observed", "observed / expected", "AUC", "p, one factor")


def measured(rows: pl.DataFrame) -> tuple[str, ...]:
    """Return of loans with PD, grade and label what `MEASURED` names."""
    defaults, expected = int(rows["label"].sum()), float(rows["pd"].sum())
    return (
        f"{rows.height:,}", f"{rows['pd'].mean():.2%}", f"{expected:.1f}", str(defaults), share(defaults, rows.height),
        ratio(defaults, expected), auc(rows), one_factor(rows),
    )  # fmt: skip
