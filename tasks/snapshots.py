"""Build the features and labels of the dates that a model is trained on, from what one night knows."""

from datetime import date

from tasks.features import build_features
from tasks.labels import build_labels
from warehouse import matrix
from warehouse.connection import writer
from warehouse.night import Night
from warehouse.outcome import OutcomeDefinition


def build_snapshots(dates: tuple[date, ...], night: Night, outcome: OutcomeDefinition) -> None:
    """Build features and labels of some dates from outcomes known by the night; reuse the night's own features."""
    for day in dates:
        snapshot = night.on(day)
        with writer(purpose="look for features") as con:
            built = matrix.has_features(con, snapshot)
        if not (built and snapshot == night):
            build_features(snapshot)
        build_labels(snapshot, outcome, known_by=night.as_of_date)
