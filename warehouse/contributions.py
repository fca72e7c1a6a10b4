"""Store the contributions to each PD, the strongest first, read them back for plots, and name the reasons."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import polars as pl

from warehouse import incoming, older_nights, sql
from warehouse.buckets import BUCKETS
from warehouse.errors import Refused
from warehouse.matrix import RELATION
from warehouse.night import Night

OTHER = "other"
REASONS = 4
_KEY = ("model_family", "model_version", "model_role", "run_id")

DRAWN = 2_000

_PARTITION = "portfolio = $portfolio and as_of_date = $as_of_date"
_SAMPLE = f"""
select enterprise_id, feature, contribution
from wh.scores.contributions
where {_PARTITION} and model_family = $model_family and model_version = coalesce($model_version, model_version)
    and feature <> '{OTHER}'
    and enterprise_id in (select enterprise_id from wh.{RELATION} where {_PARTITION} and bucket < $below)
order by enterprise_id, rank
"""


def as_rows(explained: pl.DataFrame, scored: pl.DataFrame) -> pl.DataFrame:
    """Return one model's contributions to some PDs as rows of scores.contributions.

    Args:
        explained: enterprise_id, feature, contribution and rank.
        scored: the rows of scores.portfolio_scores that they explain, of the same model.

    Returns:
        One row for each contribution, with family, version, role and run of its score.
    """
    return explained.select("enterprise_id", "feature", "contribution", pl.col("rank").cast(pl.Int32)).join(
        scored.select("enterprise_id", *_KEY), on="enterprise_id", how="inner", maintain_order="left"
    )


def reasons(explained: pl.DataFrame) -> pl.DataFrame:
    """Return the features that raise each PD most, reason_1 to reason_4, and what each adds, reason_1_strength and on.

    Null where fewer stored features raise it.

    Args:
        explained: enterprise_id, feature, contribution and rank.
    """
    raising = explained.filter(pl.col("contribution") > 0, pl.col("feature") != OTHER)
    listed = raising.sort("enterprise_id", "rank").group_by("enterprise_id", maintain_order=True)
    return listed.agg(pl.col("feature", "contribution").head(REASONS)).select(
        "enterprise_id",
        *(
            pl.col(column).list.get(place, null_on_oob=True).alias(f"reason_{place + 1}{ending}")
            for column, ending in (("feature", ""), ("contribution", "_strength"))
            for place in range(REASONS)
        ),
    )


def stage_contributions(
    con: duckdb.DuckDBPyConnection, parquet_paths: Sequence[str | Path], night: Night, *, more: bool = False
) -> int:
    """Load parts into scores.incoming_contributions, where they wait, committed, for their scores to pass.

    Rows that wait already for the same portfolio and date are replaced, unless these are `more` of them, even by
    nothing: there are no parts if no family of the night explains itself.

    Returns:
        The number of rows staged.

    Raises:
        Refused: when a column is missing or unknown, or a value does not fit its type.
    """
    return incoming.stage(
        con, "scores.incoming_contributions", parquet_paths, night, what="contribution parts", more=more
    )


def drawn(
    con: duckdb.DuckDBPyConnection, night: Night, *, model_family: str, model_version: str | None = None
) -> pl.DataFrame:
    """Return one family's contributions of a night, for plots: enterprise_id, feature, contribution, feature value.

    With a model_version only that model's, without one those of every model of the family. The sum under `other` is
    left out. Of more than 2,000 borrowers about that many are drawn, the same ones each time. A value that is no
    number, a category for example, is null.

    Raises:
        Refused: when the night lies in Parquet; the line says how to put it back.
    """
    if older_nights.are_older(con, older_nights.CONTRIBUTIONS, night):
        raise Refused(older_nights.in_parquet(night.portfolio, night.as_of_date, what="contributions"))
    (count,) = con.execute(
        f"select count(distinct enterprise_id) from wh.scores.contributions where {_PARTITION} "
        "and model_family = $model_family",
        {**night.key, "model_family": model_family},
    ).fetchone() or (0,)
    # whoever is in the first buckets: of a range of them nothing else of the wide view is read
    below = min(BUCKETS, -(-BUCKETS * DRAWN // max(1, count)))
    rows = sql.frame(
        con,
        _SAMPLE,
        {**night.key, "model_family": model_family, "model_version": model_version, "below": below},
    )
    kinds = con.execute(f"describe wh.{RELATION}").fetchall()
    drawn_features = set(rows["feature"])
    numbers = [name for name, kind, *_ in kinds if name in drawn_features and kind not in ("VARCHAR", "DATE")]
    if not numbers:
        return rows.with_columns(value=pl.lit(None, pl.Float64))
    picked = ", ".join(f'cast("{name}" as double) as "{name}"' for name in numbers)
    values = sql.frame(
        con,
        f"select enterprise_id, {picked} from wh.{RELATION} where {_PARTITION} and bucket < $below",
        {**night.key, "below": below},
    ).unpivot(numbers, index="enterprise_id", variable_name="feature")
    return rows.join(values, on=["enterprise_id", "feature"], how="left", maintain_order="left")
