"""Count the borrowers of a night in the reference bins of a model, once: later nights read the stored counts."""

import numpy as np
import polars as pl

from models.watching.stability import SCORE, Bin, Counts, bin_counts
from warehouse import reference, watch
from warehouse.connection import writer
from warehouse.night import Night
from warehouse.registry import ModelRecord
from warehouse.watch import Scorers

Bins = dict[str, tuple[Bin, ...]]
Counted = dict[str, Counts]


def bins_of(record: ModelRecord) -> Bins:
    """Return the reference bins of a model by subject; none for models registered before they were stored."""
    with writer(purpose="read reference bins") as con:
        stored = reference.read(con, record)
    bins: Bins = {}
    for subject, *values in stored.iter_rows():
        bins[subject] = (*bins.get(subject, ()), Bin(*values))
    return bins


def counted(night: Night, record: ModelRecord, bins: Bins, scorers: Scorers) -> Counted:
    """Return how many borrowers of a night are in each bin of a model; count and store them unless they are stored.

    A subject is missing if its feature is gone; all are missing if nobody was scored that night by the version that
    the model is compared with.

    What is stored is of borrowers that the model scored itself. A champion that scored the night beside another one
    is compared with that one, in counts that are not stored; with no score of its own there, the other one's are.

    Args:
        night: The night to count.
        record: The model, with its role on the night that is watched.
        bins: Its reference bins.
        scorers: The models that scored the night to count.
    """
    version = watch.version_then(record, scorers)
    if version is None:
        return {}
    is_stored = version == record.model_version or record.key not in scorers
    with writer(purpose="count in reference bins") as con:
        stored = reference.counts(con, record, night.as_of_date) if is_stored else pl.DataFrame()
        if stored.is_empty():
            stored = _count(night, record.model_family, version, bins)
            if is_stored and not stored.is_empty():
                reference.keep_counts(con, stored, record, night.as_of_date)
    by_subject = stored.sort("subject", "bin").group_by("subject", maintain_order=True).agg("count")
    return {subject: np.array(counts, dtype=np.float64) for subject, counts in by_subject.iter_rows()}


def mean_counts(nights: list[Counted], subject: str) -> Counts | None:
    """Return the mean count of each bin over the nights that have the subject."""
    counts = [night[subject] for night in nights if subject in night]
    return np.mean(counts, axis=0) if counts else None


def _count(night: Night, family: str, version: str, bins: Bins) -> pl.DataFrame:
    with writer(purpose="count in reference bins") as con:
        tally = {SCORE: bin_counts(reference.pds(con, night, family=family, version=version), bins[SCORE])}
        features = sorted(set(bins) - {SCORE})
        for part in reference.borrowers(con, night, family=family, version=version, features=features):
            for name in set(bins).intersection(part.columns):
                tally[name] = tally.get(name, 0) + bin_counts(part[name], bins[name])
    rows = [
        {"subject": subject, "bin": place, "count": int(count)}
        for subject, counts in tally.items()
        for place, count in enumerate(counts)
    ]
    return pl.DataFrame(rows, schema={"subject": pl.String, "bin": pl.Int32, "count": pl.Int64})
