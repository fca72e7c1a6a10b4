"""Builds the features and labels of the dates that a model is trained on, by what is known on one night."""

from datetime import date

from tasks.features import build_features, build_labels
from warehouse import matrix
from warehouse.connection import writer
from warehouse.night import Night
from warehouse.outcome import OutcomeDefinition


def build_snapshots(dates: tuple[date, ...], night: Night, outcome: OutcomeDefinition) -> None:
    """Build features and labels of some dates with the outcomes known by the night; its own features are kept."""
    for day in dates:
        snapshot = night.on(day)
        with writer(purpose="look for features") as con:
            built = matrix.has_features(con, snapshot)
        if not (built and snapshot == night):
            build_features(snapshot)
        build_labels(snapshot, outcome, known_by=night.as_of_date)
