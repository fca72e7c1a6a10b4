"""Builds the features and labels of the dates that a model is trained on."""

from datetime import date

from tasks.features import build_features, build_labels
from warehouse import matrix
from warehouse.connection import writer
from warehouse.outcome import OutcomeDefinition


def build_snapshots(
    dates: tuple[date, ...], portfolio: str, outcome: OutcomeDefinition, *, known_by: date
) -> None:
    """Build features and labels of the dates; features that are there, the night's own, are not built again."""
    for day in dates:
        with writer(purpose="look for features") as con:
            built = matrix.has_features(con, portfolio=portfolio, as_of_date=day)
        if not (built and day == known_by):
            build_features(portfolio, day)
        build_labels(portfolio, day, outcome, known_by=known_by)
