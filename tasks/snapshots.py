"""Which dates a model is trained on, under which definition, and their features and labels."""

from datetime import date, timedelta

from tasks.features import build_features, build_labels
from warehouse import matrix
from warehouse.connection import writer


def snapshot_dates(
    as_of_date: date, *, definition: str, horizon_days: int, snapshots: int = 1
) -> tuple[date, ...]:
    """Return the dates whose features are trained on, oldest first; every label window ends by as_of_date.

    A cross section has one date, as_of_date itself. Windows of several snapshots do not overlap.
    """
    if definition == "cross_section":
        return (as_of_date,)
    return tuple(as_of_date - timedelta(days=horizon_days * back) for back in range(snapshots, 0, -1))


def default_definition(portfolio: str) -> str:
    """Return the label definition of a portfolio for which none was asked: outcomes of cumcm2020c carry no date."""
    return "cross_section" if portfolio == "cumcm2020c" else "dpd90"


def build_snapshots(
    dates: tuple[date, ...], portfolio: str, *, known_by: date, definition: str, horizon_days: int
) -> None:
    """Build features and labels of the dates; features that are there, the night's own, are not built again."""
    for day in dates:
        with writer(purpose="look for features") as con:
            built = matrix.has_features(con, portfolio=portfolio, as_of_date=day)
        if not (built and day == known_by):
            build_features(portfolio, day)
        build_labels(portfolio, day, known_by=known_by, definition=definition, horizon_days=horizon_days)
