"""Borrowers of a night in the reference bins of a model: counted once, kept, and read by the nights after it."""

from datetime import date

import numpy as np
import polars as pl

from models.watching.stability import SCORE, Bin, Counts, bin_counts
from warehouse import reference
from warehouse import watch as monitoring
from warehouse.connection import writer
from warehouse.registry import ModelRecord

Bins = dict[str, tuple[Bin, ...]]
Counted = dict[str, Counts]


def bins_of(record: ModelRecord) -> Bins:
    """Return the bins that were stored with a model, by subject; none for a model of an earlier version."""
    with writer(purpose="read reference bins") as con:
        stored = reference.read(con, record)
    bins: Bins = {}
    for subject, *values in stored.iter_rows():
        bins[subject] = (*bins.get(subject, ()), Bin(*values))
    return bins


def counted(record: ModelRecord, as_of_date: date, bins: Bins) -> Counted:
    """Return a night's borrowers in the bins of a model, counted now unless they were before.

    A subject is missing where its feature is gone; everything is, where the family scored nobody that night.
    """
    with writer(purpose="count in reference bins") as con:
        stored = reference.counts(con, record, as_of_date)
        if stored.is_empty():
            stored = _count(record, as_of_date, bins)
            if not stored.is_empty():
                reference.keep_counts(con, stored, record, as_of_date)
    found = stored.sort("subject", "bin").group_by("subject", maintain_order=True).agg("count")
    return {subject: np.array(held, dtype=np.float64) for subject, held in found.iter_rows()}


def mean_counts(nights: list[Counted], subject: str) -> Counts | None:
    """Return the mean count of each bin over the nights that have the subject."""
    held = [night[subject] for night in nights if subject in night]
    return np.mean(held, axis=0) if held else None


def _count(record: ModelRecord, as_of_date: date, bins: Bins) -> pl.DataFrame:
    night = {"portfolio": record.portfolio, "as_of_date": as_of_date}
    tally: Counted = {}
    with writer(purpose="count in reference bins") as con:
        version = monitoring.versions(con, **night).get(record.model_family)
        if version is not None:
            who = {**night, "family": record.model_family, "version": version}
            tally[SCORE] = bin_counts(reference.pds(con, **who), bins[SCORE])
            for part in reference.borrowers(con, **who, features=sorted(set(bins) - {SCORE})):
                for name in set(bins).intersection(part.columns):
                    tally[name] = tally.get(name, 0) + bin_counts(part[name], bins[name])
    rows = [
        {"subject": subject, "bin": place, "count": int(count)}
        for subject, held in tally.items()
        for place, count in enumerate(held)
    ]
    return pl.DataFrame(rows, schema={"subject": pl.String, "bin": pl.Int32, "count": pl.Int64})
