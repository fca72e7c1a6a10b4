"""A portfolio whose nights are rows made by hand: features, scores and outcomes, as much as the watch reads."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from models.master_scale import MasterScale
from models.watching.settings import WatchSettings
from models.watching.stability import reference_frame
from tasks import watch
from warehouse import buckets, reference, registry, sql
from warehouse.night import Night
from warehouse.registry import ModelRecord
from warehouse.settings import settings

TONIGHT = date(2026, 6, 30)
TABLES = """
create table wh.features.feat_enterprise (portfolio varchar, as_of_date date, bucket smallint, enterprise_id varchar,
    size double, form varchar, steady double);
create table wh.features.feat_coverage (portfolio varchar, as_of_date date, bucket smallint, enterprise_id varchar);
create table wh.features.feat_profile (portfolio varchar, as_of_date date, enterprise_id varchar,
    natural_person boolean, region varchar, legal_form varchar);
create table wh.features.feat_sensitive (portfolio varchar, as_of_date date, enterprise_id varchar,
    representative_gender varchar);
"""


@dataclass
class Watched:
    """One portfolio with one model of the family f, whose PD follows the feature size."""

    con: Any
    rows: int = 300
    portfolio: str = "p"
    family: str = "operational_risk"

    def __post_init__(self) -> None:
        sql.query(self.con, TABLES)

    def borrowers(self, seed: int, *, shift: float = 0.0) -> pl.DataFrame:
        """Features and PDs of every borrower; a night of the same seed is the same but for a little noise."""
        rng = np.random.default_rng(7)
        size = rng.normal(size=self.rows) + 0.01 * np.random.default_rng(seed).normal(size=self.rows) + shift
        return pl.DataFrame(
            {
                "enterprise_id": [f"e{number:04d}" for number in range(self.rows)],
                "size": size,
                "form": rng.choice(["a", "b", "c"], self.rows),
                "steady": [1.0] * self.rows,
                "pd": 1 / (1 + np.exp(1.8 + size)),
            }
        )

    def register(self, *, bins: bool = True, version: str = "v1", **more: Any) -> ModelRecord:
        """Register a model of a year ago, with the reference of its training rows."""
        folder = settings().models_dir
        folder.mkdir(parents=True, exist_ok=True)
        (folder / version).write_text(version)
        record = registry.register(
            self.con,
            ModelRecord(
                **{
                    "model_family": self.family, "model_version": version, "portfolio": self.portfolio,
                    "role": "champion", "purpose": "forecast", "knowledge_date": date(2025, 1, 31),
                    "label_definition": "dpd90", "horizon_days": 365, "settings": {},
                    "feature_groups": ("profile",), "feature_names": ("size", "form", "steady"),
                    "schema_hash": "-", "data_fingerprint": "-",
                    "metrics": {"pd": {"auc": {"mean": 0.75, "low": 0.7, "high": 0.8}}},
                    "artefact_path": str(folder / version),
                    "artefact_sha256": hashlib.sha256(version.encode()).hexdigest(), "run_id": "r0", **more,
                }
            ),
        )  # fmt: skip
        if bins:
            rows = self.borrowers(0)
            unseen = rows.select(pl.lit(0).alias("repeat"), "pd")
            reference.record(
                self.con, reference_frame(rows, unseen, features=["size", "form", "steady"]), record
            )
        return record

    def night(self, day: date = TONIGHT, *, seed: int = 1, shift: float = 0.0, rows: pl.DataFrame | None = None,
              version: str = "v1") -> pl.DataFrame:  # fmt: skip
        """Write the features and headline scores of one night, and the summary that tells of it."""
        made = self.borrowers(seed, shift=shift) if rows is None else rows
        here = made.with_columns(portfolio=pl.lit(self.portfolio), as_of_date=pl.lit(day))
        number = pl.int_range(pl.len())
        self._append("features.feat_enterprise", here.drop("pd"))
        self._append("features.feat_coverage", here.select("portfolio", "as_of_date", "enterprise_id"))
        for relation in ("features.feat_enterprise", "features.feat_coverage"):
            buckets.fill(self.con, relation)
        self._append("features.feat_profile", here.select(
            "portfolio", "as_of_date", "enterprise_id", natural_person=number % 2 == 0,
            region=pl.when(number % 3 == 0).then(pl.lit("north")).otherwise(pl.lit("south")), legal_form="form",
        ))  # fmt: skip
        self._append("features.feat_sensitive", here.select(
            "portfolio", "as_of_date", "enterprise_id",
            representative_gender=pl.when(number % 5 == 0).then(pl.lit("female")).otherwise(pl.lit("male")),
        ))  # fmt: skip
        self.score(made, day, version=version, role="champion")
        self._append("marts.mart_portfolio_summary", here.select("portfolio", "as_of_date").head(1))
        return made

    def score(self, rows: pl.DataFrame, day: date = TONIGHT, *, version: str, role: str) -> None:
        """Write the scores of one model of a night."""
        self._append("scores.portfolio_scores", rows.select(
            "enterprise_id", "pd", portfolio=pl.lit(self.portfolio), as_of_date=pl.lit(day), pd_raw="pd",
            model_family=pl.lit(self.family), model_version=pl.lit(version), model_role=pl.lit(role),
            coverage=pl.lit("thin"), score_status=pl.lit("fresh"),
            grade=pl.Series(MasterScale().grade(rows["pd"].to_numpy())), reason_1=pl.lit("size"), run_id=pl.lit("r"),
        ))  # fmt: skip

    def outcomes(
        self,
        day: date,
        rows: pl.DataFrame,
        *,
        known_at: datetime | None = None,
        lift: float = 1.0,
        last: date | None = None,
    ) -> np.ndarray:
        """Write who defaulted half a year after a night, drawn from the PDs; return their labels.

        The outcomes go on, of borrowers of no concern here, until `last`: a year after the night, or as given.
        """
        bad = np.random.default_rng(11).random(rows.height) < lift * rows["pd"].to_numpy()
        when = day + timedelta(days=180)
        self._append("raw.outcomes", rows.select(
            "enterprise_id", portfolio=pl.lit(self.portfolio), outcome_date=pl.lit(when),
            days_past_due=pl.Series(np.where(bad, 120, 0)).cast(pl.Int32), charge_off=pl.lit(False),
            insolvency=pl.lit(False), known_at=pl.lit(known_at or datetime(when.year, when.month, when.day)),
        ))  # fmt: skip
        end = last or day + timedelta(days=365)
        self._append("raw.outcomes", pl.DataFrame({
            "enterprise_id": ["other"], "portfolio": [self.portfolio], "outcome_date": [end], "days_past_due": [0],
            "charge_off": [False], "insolvency": [False], "known_at": [datetime(end.year, end.month, end.day)],
        }))  # fmt: skip
        return bad

    def watch(
        self, day: date = TONIGHT, limits: WatchSettings = WatchSettings()
    ) -> dict[tuple[Any, ...], dict[str, Any]]:
        """Measure and write one night; return its rows of headline and champions by family, measure and subject."""
        night = Night(self.portfolio, day, f"run {day}")
        watch.write_watch.fn(night, *watch.measure_night.fn(night, limits), limits=limits)
        found = self.frame("from wh.ops.monitoring where as_of_date = $day", day=day)
        return {
            (row["model_family"], row["measure"], row["subject"]): row
            for row in found.to_dicts()
            if row["model_role"] in (None, "champion")
        }

    def frame(self, query: str, **params: Any) -> pl.DataFrame:
        """Ask the warehouse."""
        return sql.frame(self.con, query, params)

    def _append(self, relation: str, rows: pl.DataFrame) -> None:
        self.con.register("made_rows", rows)
        self.con.execute(f"insert into wh.{relation} by name select * from made_rows")
        self.con.unregister("made_rows")
