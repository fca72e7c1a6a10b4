"""Judge the features of a night: before it trains, or beside its scoring, which stages nothing until they passed."""

from collections.abc import Callable
from functools import partial

from tasks.champions import joining_families
from tasks.curve_model import is_due
from tasks.lineup import champions_of, curve_of
from tasks.validate import validate_features
from warehouse.night import Night


def features_gate(night: Night) -> Callable[[], None] | None:
    """Judge the features now if the night trains, and return None; otherwise return the gate, yet to be run.

    Raises:
        Refused: as `validate_features`.
    """
    gate = partial(validate_features, night)
    if training_is_due(night):
        gate()
        return None
    return gate


def training_is_due(night: Night) -> bool:
    """Return whether a night has a model to train, of PDs or of curves, as the first one does and few others."""
    champions = champions_of(night)
    if not champions or joining_families(night, champions):
        return True
    _, since = curve_of(night)
    return is_due(night, since)
