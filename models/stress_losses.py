"""Losses of a night by scenario, grade and industry: who is counted where, and what of it no loss is known of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from models.stress import (
    YEAR,
    Path,
    Stressed,
    StressSettings,
    Vector,
    constant_curve,
    correlations,
    effective_number,
    over_path,
    vasicek_pd,
)

IN_DEFAULT, NO_GRADE = "in default", "no grade"
AS_SCORED, SEVERE, DELIVERED = "as scored", "severe year", "delivered"
_CELL = ["grade", "industry_primary"]


@dataclass(frozen=True)
class Losses:
    """The losses of a night.

    Attributes
    ----------
    cells : polars.DataFrame
        A row for each scenario, grade and industry: the columns of ops.stress_losses without run_id, exposures in
        cents.
    without_curve : int
        Borrowers with a PD, not in default, of whom no curve is known.
    effective_number : float
        Of loans of equal size that would be as concentrated as the exposures whose loss is known.
    """

    cells: pl.DataFrame
    without_curve: int
    effective_number: float


def losses(borrowers: pl.DataFrame, settings: StressSettings, paths: Sequence[Path]) -> Losses:
    """Return what a portfolio loses as scored, in the severe year and on each path.

    A borrower in default loses LGD x EAD in every scenario. Of a borrower without a PD, or without a known exposure,
    no loss is known: it is counted and in no loss. Losses are not discounted, and exposures stay as they are tonight.
    The rows of a cell are added in the order of the borrowers' numbers, so that the same rows give the same sums.

    Parameters
    ----------
    borrowers : polars.DataFrame
        enterprise_id, grade, industry_primary, in_default, pd, exposure_cents and cumulative_pd (a list of at least as
        many months as the paths have, null where no curve is known).
    settings : StressSettings
        With a loss given default.
    paths : sequence of Path
        All of the same length.

    Raises
    ------
    ValueError
        When the settings have no loss given default.
    """
    if settings.lgd is None:
        raise ValueError("losses need a loss given default; set lgd")
    rows = borrowers.sort(*_CELL, "enterprise_id", nulls_last=True)
    performing = (rows["pd"].is_not_null() & ~rows["in_default"]).to_numpy()
    pd = rows["pd"].to_numpy()[performing]
    months = len(paths[0].factors) if paths else 0
    known = rows.filter(performing)["cumulative_pd"]
    curves = _curves(pd, known, months=max(months, YEAR))
    year = curves[:, YEAR - 1]  # the pd, unless its model has another horizon
    rho = correlations(year, settings)
    stressed = [
        (AS_SCORED, AS_SCORED, None, None, Stressed(year, curves[:, months - 1] if months else None)),
        (SEVERE, SEVERE, None, settings.severity, Stressed(vasicek_pd(year, settings.severity, rho), None)),
        *(
            (DELIVERED, path.name, path.weight, float(np.mean(path.factors[:YEAR])), over_path(curves, path, rho))
            for path in paths
        ),
    ]  # fmt: skip
    counts = _counts(rows, performing)
    ead = rows["exposure_cents"].fill_null(0).to_numpy() / 100 * settings.ead_factor
    return Losses(
        cells=pl.concat(
            _cells(rows, performing, counts, settings.lgd * ead, told).with_columns(
                pl.lit(kind).alias("kind"),
                pl.lit(name).alias("scenario"),
                pl.lit(weight, dtype=pl.Float64).alias("weight"),
                pl.lit(factor, dtype=pl.Float64).alias("factor_year"),
            )
            for kind, name, weight, factor, told in stressed
        ),
        without_curve=known.null_count(),
        effective_number=effective_number(ead[performing | rows["in_default"].to_numpy()]),
    )


def added(cells: pl.DataFrame, by: Sequence[str] = ()) -> pl.DataFrame:
    """Return stored cells added up by scenario, or by scenario and grade or industry, in their order.

    Parameters
    ----------
    cells : polars.DataFrame
        Rows of ops.stress_losses of one run.
    by : sequence of str
        grade, industry_primary or both; none adds up the portfolio.

    Returns
    -------
    polars.DataFrame
        kind, scenario, weight and factor_year, the columns of ``by``, the counts and exposures of the cells, and
        mean_pd, mean_pd_horizon, loss_year and loss_horizon; null where no cell has one.
    """
    performing = (
        pl.when(pl.col("grade") != IN_DEFAULT).then(pl.col("borrowers") - pl.col("without_pd")).otherwise(0)
    )
    total = pl.col("performing").sum()
    means = [
        pl.when((total > 0) & (pl.col(name).count() > 0)).then((pl.col(name) * pl.col("performing")).sum() / total)
        .alias(name)
        for name in ("mean_pd", "mean_pd_horizon")
    ]  # fmt: skip
    sums = [
        pl.when(pl.col(name).count() > 0).then(pl.col(name).sum()).alias(name)
        for name in ("loss_year", "loss_horizon")
    ]
    counts = ("borrowers", "without_pd", "without_exposure", "exposure", "exposure_without_pd")
    return (
        cells.with_columns(performing=performing)
        .group_by("kind", "scenario", "weight", "factor_year", *by, maintain_order=True)
        .agg(*(pl.col(name).sum() for name in counts), *means, *sums)
        .with_columns(pl.col("exposure", "exposure_without_pd").cast(pl.Float64))
    )


def _curves(pd: Vector, known: pl.Series, *, months: int) -> Vector:
    """Return the curve of each borrower, constant where none is known."""
    curves = constant_curve(pd, months)
    has = known.is_not_null().to_numpy()
    if has.any():
        curves[has] = np.array(known.drop_nulls().list.head(months).to_list())
    return curves


def _counts(rows: pl.DataFrame, performing: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> pl.DataFrame:
    """Return the cells, in order, with what is the same in every scenario."""
    has_pd = pl.Series(performing) | rows["in_default"]
    exposure = pl.col("exposure_cents")
    return (
        rows.with_columns(has_pd=has_pd)
        .group_by(_CELL, maintain_order=True)
        .agg(
            borrowers=pl.len().cast(pl.Int64),
            without_pd=(~pl.col("has_pd")).sum().cast(pl.Int64),
            without_exposure=(pl.col("has_pd") & exposure.is_null()).sum().cast(pl.Int64),
            exposure_cents=exposure.filter(pl.col("has_pd")).sum(),
            exposure_without_pd_cents=exposure.filter(~pl.col("has_pd")).sum(),
        )
    )


def _cells(
    rows: pl.DataFrame,
    performing: np.ndarray[tuple[int], np.dtype[np.bool_]],
    counts: pl.DataFrame,
    loss_given_default: Vector,
    told: Stressed,
) -> pl.DataFrame:
    starts = np.concatenate([[0], np.cumsum(counts["borrowers"].to_numpy())[:-1]])
    in_default = rows["in_default"].to_numpy()
    with_pd = np.add.reduceat(performing.astype(np.int64), starts)
    columns: dict[str, pl.Series] = {}
    for name, pd in (("", told.pd_year), ("_horizon", told.pd_horizon)):
        loss = "loss_year" if name == "" else "loss_horizon"
        if pd is None:
            columns |= dict.fromkeys(
                (f"mean_pd{name}", loss), pl.Series([None] * counts.height, dtype=pl.Float64)
            )
            continue
        of_each = np.zeros(rows.height)
        of_each[performing] = pd
        total = np.add.reduceat(of_each, starts)
        mean = np.divide(total, with_pd, out=np.full(counts.height, np.nan), where=with_pd > 0)
        columns[f"mean_pd{name}"] = pl.Series(mean).fill_nan(None)
        certain = np.where(in_default, 1.0, of_each)
        columns[loss] = pl.Series(np.add.reduceat(certain * loss_given_default, starts))
    return counts.with_columns(**columns)
