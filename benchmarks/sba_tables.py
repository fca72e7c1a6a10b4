"""Make the tables of docs/sba.md from what the nights of both readings said and what became of their loans."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from benchmarks import sba_watch
from benchmarks.early_warning import table
from benchmarks.sba import CALIBRATED, DAYS, JUDGED, KNOWN, LEARNED, QUARTERS, quarter
from benchmarks.sba_figures import MEASURED, auc, measured, ratio, share, slope
from benchmarks.sba_watch import all_nights
from models.calibration import Calibrator
from models.voting_ensemble.members import fit_member, make_member, member_probability
from models.voting_ensemble.preparation import StandardPreparation
from models.watching import backtest
from models.watching.vintage import tally
from sources.sba import Book

MEMBER = "lightgbm"
APPLICATION = {
    "guaranteed_share": pl.col("guaranteed") / pl.col("approved"),
    "jobs_created": pl.col("jobs_created"),
    "jobs_retained": pl.col("jobs_retained"),
    "new_business": pl.col("new_exist") == 2,
    "franchise": pl.col("franchise") > 1,
    "low_doc": pl.col("low_doc") == "Y",
}


def body(folder: Path, book: Book) -> str:
    """Return all tables in Markdown."""
    loans, known = book.loans, as_known_rows(folder)
    cohorts = {months: cohort_rows(folder, loans, months) for months in DAYS}
    both = {months: rows.filter(as_of_date=JUDGED) for months, rows in cohorts.items()}
    nights = all_nights(cohorts[24], folder)
    return "\n\n".join(
        (
            "### The book",
            told_of(book),
            table(SAMPLE, sample(loans)),
            f"### The loans of the first quarter of 2006, on the night of {JUDGED}",
            "By the models of the design, in hindsight.",
            table(JUDGED_BY, judged(both)),
            *(part for months, rows in both.items()
              for part in (f"By grade, {months} months:", table(GRADES, by_grade(rows)))),
            "The same loans as known, 24 months after each night that scored them:",
            table(("night", "model of", *MEASURED), judged_as_known(known, loans)),
            "### What the night of each quarter would have said of the loans of that quarter",
            "By the models of the design, in hindsight before 2007-03-31 (24 months) and 2008-03-30 (36 months).",
            *(part for months, rows in cohorts.items()
              for part in (f"{months} months:", table(("night", *MEASURED), by_night(rows)))),
            "### What the nights said, as known",
            "Of all loans that it scored: disbursed in the 390 days before it and not charged off; 24 months.",
            table(("night", "model of", *MEASURED), nights_as_known(folder, known)),
            "### When the watch would have spoken",
            "The model of 24 months, by the readings of the watch on the loans of each quarter:",
            table(sba_watch.SPOKEN, sba_watch.spoken(nights)),
            table(sba_watch.FIRST, sba_watch.first(nights)),
            "What the watch of the nights as known said (readings of headline and champion):",
            table(("night", "ok", "watch", "alarm", "unknown", "alerts", "at watch or alarm"), watched(folder)),
            "### Recalibration",
            table(RECALIBRATED, recalibrations(cohorts)),
            "### The term, and what no feed takes",
            table(("columns", "months", "AUC on the loans of 2006Q1"), beside(folder, loans)),
        )
    )  # fmt: skip


def told_of(book: Book) -> str:
    """Return the sentence of what is in the book and what is not."""
    left = "; ".join(f"{reason}: {rows:,}" for reason, rows in book.left_out.items() if rows)
    return f"{book.loans.height:,} loans disbursed from 2003 to 2008. Left out of both files, in this order: {left}."


SAMPLE = ("disbursed in", "loans", "of the block", "of the draw", "charged off in 24 months", "in 36 months")


def sample(loans: pl.DataFrame) -> Iterator[tuple[str, ...]]:
    """Yield the loans of each quarter and how many were charged off, counted from the day of their disbursement."""
    for day in (*LEARNED, *QUARTERS):
        rows = loans.filter(pl.col("disbursed_on").is_between(quarter(day), day))
        counts = rows["part"].value_counts()
        of_part = dict(counts.iter_rows())
        lost = [
            int((rows["charged_off_on"] <= rows["disbursed_on"].dt.offset_by(f"{months}mo")).sum())
            for months in DAYS
        ]
        yield (
            named(day), f"{rows.height:,}", f"{of_part.get('block', 0):,}", f"{of_part.get('draw', 0):,}",
            *(f"{count}: {share(count, rows.height)}" for count in lost),
        )  # fmt: skip


def named(day: date) -> str:
    """Return the name of the quarter that a day ends."""
    return f"{day.year}Q{day.month // 3}"


def cohort_rows(folder: Path, loans: pl.DataFrame, months: int) -> pl.DataFrame:
    """Return what the model of the design said of each loan on the night that ends the quarter of its disbursement."""
    rows = pl.read_parquet(folder / f"said-{months}.parquet").with_columns(pl.col("label").cast(pl.Int64))
    rows = rows.join(loans.select("enterprise_id", "part", "disbursed_on"), on="enterprise_id")
    return rows.filter(pl.col("disbursed_on").dt.truncate("1q") == pl.col("as_of_date").dt.truncate("1q"))


def as_known_rows(folder: Path) -> pl.DataFrame:
    """Return what the headline of each night said, as known, with the outcome of 24 months."""
    labels = pl.concat([pl.read_parquet(folder / f"labels-{day}.parquet") for day in KNOWN])
    labels = labels.select("as_of_date", "enterprise_id", "label").drop_nulls("label")
    scores = pl.read_parquet(folder / "scores.parquet").filter(score_status="fresh", model_role="champion")
    return scores.join(labels, on=["as_of_date", "enterprise_id"])


JUDGED_BY = ("months", "loans", *MEASURED, "slope")


def judged(both: dict[int, pl.DataFrame]) -> Iterator[tuple[str, ...]]:
    """Yield the judged loans, all and of each file, by horizon."""
    for months, rows in both.items():
        for name, chosen in (("all", rows), *((part, rows.filter(part=part)) for part in ("block", "draw"))):
            yield str(months), name, *measured(chosen), slope(chosen)


def judged_as_known(known: pl.DataFrame, loans: pl.DataFrame) -> Iterator[tuple[str, ...]]:
    """Yield what the nights that still scored the judged loans said of them, as known."""
    chosen = loans.filter(pl.col("disbursed_on").is_between(quarter(JUDGED), JUDGED)).select("enterprise_id")
    for (day, version), rows in (
        known.join(chosen, on="enterprise_id")
        .sort("as_of_date")
        .group_by("as_of_date", "model_version", maintain_order=True)
    ):
        yield str(day), version[:10], *measured(rows)


GRADES = ("grade", "n", "mean PD", "defaults", "observed", "p, Jeffreys", "p, one factor", "after Holm")


def by_grade(rows: pl.DataFrame) -> Iterator[tuple[str, ...]]:
    """Yield the back-test of each grade."""
    for test in backtest.by_grade(tally(rows)):
        one = test.tally
        yield (
            one.grade, f"{one.rows:,}", f"{one.mean_pd:.2%}", str(one.defaults), share(one.defaults, one.rows),
            f"{test.jeffreys:.2g}", f"{test.one_factor:.2g}", f"{test.corrected:.2g}",
        )  # fmt: skip


def by_night(rows: pl.DataFrame) -> Iterator[tuple[str, ...]]:
    """Yield what each night said of the loans of its quarter."""
    for day in QUARTERS:
        yield str(day), *measured(rows.filter(as_of_date=day))


def nights_as_known(folder: Path, known: pl.DataFrame) -> Iterator[tuple[str, ...]]:
    """Yield of each night that it was refused, or what it said."""
    for day, status, message in pl.read_parquet(folder / "nights.parquet").iter_rows():
        rows = known.filter(as_of_date=day)
        if status == "refused":
            counts = message.partition("voting_ensemble: ")[2].partition(" defaults")[0]
            yield str(day), f"refused: {counts} defaults", *[""] * len(MEASURED)
        else:
            yield str(day), rows["model_version"].unique().item()[:10], *measured(rows)


def watched(folder: Path) -> Iterator[tuple[str, ...]]:
    """Yield what the watch of each night said, as known."""
    readings, alerts = (pl.read_parquet(folder / f"{name}.parquet") for name in ("watch", "alerts"))
    for (day,), night in readings.sort("as_of_date").group_by("as_of_date", maintain_order=True):
        counts = dict(night["severity"].value_counts().iter_rows())
        bad = night.filter(pl.col("severity").is_in(["watch", "alarm"])).select(
            "measure", "subject", "severity"
        )
        yield (
            str(day), *(str(counts.get(severity, 0)) for severity in ("ok", "watch", "alarm", "unknown")),
            str(alerts.filter(as_of_date=day).height),
            ", ".join("{} of {} ({})".format(*one) for one in bad.iter_rows()) or "none",
        )  # fmt: skip


RECALIBRATED = (
    "night", "months", "learned from quarters", "loans", "defaults in them", "expected before", "after", "defaults",
    "observed / expected before", "after",
)  # fmt: skip


def recalibrations(cohorts: dict[int, pl.DataFrame]) -> Iterator[tuple[str, ...]]:
    """Yield what a map of the raw scores, renewed every night, would have said of the quarter's loans.

    The map is Platt's, learned from the newest four quarters whose windows were closed by the night, by scores of a
    model that had not learned from them; those of 2005Q1 calibrated it.
    """
    for months, rows in cohorts.items():
        for day in QUARTERS:
            closed = [past for past in QUARTERS if past + timedelta(days=DAYS[months]) <= day][-4:]
            if not closed:
                continue
            past, now = rows.filter(pl.col("as_of_date").is_in(closed)), rows.filter(as_of_date=day)
            renewed = Calibrator(method="platt").fit(past["pd_raw"].to_numpy(), past["label"].to_numpy())
            after, defaults = float(renewed.predict(now["pd_raw"].to_numpy()).sum()), int(now["label"].sum())
            before = float(now["pd"].sum())
            yield (
                str(day), str(months), f"{named(closed[0])} to {named(closed[-1])}", f"{past.height:,}",
                str(int(past["label"].sum())), f"{before:.1f}", f"{after:.1f}", str(defaults),
                ratio(defaults, before), ratio(defaults, after),
            )  # fmt: skip


def beside(folder: Path, loans: pl.DataFrame) -> Iterator[tuple[str, ...]]:
    """Yield the AUC on the judged loans of one learner with more columns each time: the term comes last.

    LightGBM as the family prepares, bounds and fits it, learned on the loans of 2004 as the models of the design are.
    """
    facts = loans.select("enterprise_id", pl.col("term").alias("term_months"), **APPLICATION)
    for months in DAYS:
        learned = pl.read_parquet(folder / f"learned-{months}.parquet").filter(
            pl.col("as_of_date") < CALIBRATED
        )
        labels = pl.read_parquet(folder / f"said-{months}.parquet").select(
            "as_of_date", "enterprise_id", "label"
        )
        told = pl.read_parquet(folder / f"loans-{JUDGED}.parquet").join(
            labels, on=["as_of_date", "enterprise_id"]
        )
        names = list(sba_watch.FEATURES)
        learned, told = (frame.join(facts, on="enterprise_id") for frame in (learned, told))
        for title, columns in (
            ("what the feeds take", names),
            ("and the application's other facts", [*names, *APPLICATION]),
            ("and the term", [*names, *APPLICATION, "term_months"]),
        ):
            preparation = StandardPreparation().fit(learned.select(columns))
            member = make_member(MEMBER, profile="night", random_state=7)
            fit_member(MEMBER, member, preparation.transform(learned), learned["label"].to_numpy())
            score = member_probability(MEMBER, member, preparation.transform(told))
            yield title, str(months), auc(told.with_columns(score=pl.Series(score)), "score")
