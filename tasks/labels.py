"""Build the labels of one portfolio on one date, as known by another."""

import logging
from datetime import date

from prefect import task
from prefect.cache_policies import NO_CACHE

from warehouse import matrix
from warehouse.connection import transaction, writer
from warehouse.errors import Refused
from warehouse.feature_parts import LABEL
from warehouse.night import Night
from warehouse.outcome import OutcomeDefinition
from warehouse.partition import audit, replace_partition

LABEL_AUDITS = ("assert_features_label_closed",)

log = logging.getLogger("nightledger")


@task(name="build labels", cache_policy=NO_CACHE)
def build_labels(night: Night, outcome: OutcomeDefinition, *, known_by: date) -> int:
    """Replace the labels of one night under one definition and return how many are known (not null).

    Args:
        night: The night whose features the labels go with; `build_features` must have run for it.
        outcome: What counts as default, and within how many days after the night.
        known_by: Outcomes known by its end count; a window that reaches past it stays open (null).

    Raises:
        Refused: when known_by lies before the night, or an audit finds a label that cannot be known.
    """
    as_of_date = night.as_of_date
    if known_by < as_of_date:
        raise Refused(f"labels of {as_of_date} need known_by on or after it, got {known_by}")
    params = {**night.key, **outcome.key, "known_by": known_by}
    with writer(purpose="build labels") as con, transaction(con):
        rows = replace_partition(con, LABEL, params)
        audit(con, LABEL_AUDITS, params)
        labelled, defaults = matrix.label_counts(con, night, outcome)
    log.info(
        "labels      %s of %s borrowers known as of %s, %s in default (%s, %d days)",
        f"{labelled:,}", f"{rows:,}", as_of_date, f"{defaults:,}", outcome.definition, outcome.horizon_days,
    )  # fmt: skip
    return labelled
