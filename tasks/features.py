"""Build the feature relations and labels of one portfolio as known on one date."""

import logging
import time
from datetime import date

from prefect import task
from prefect.cache_policies import NO_CACHE

from warehouse import matrix, sql
from warehouse.connection import transaction, writer
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.outcome import OutcomeDefinition
from warehouse.partition import audit, clear_partition, replace_partition
from warehouse.settings import settings
from warehouse.views import renew_view

LABEL = "features.feat_label"
COVERAGE = "features.feat_coverage"
WIDE = "features.feat_enterprise"
FEATURE_AUDITS = (
    "assert_features_key_unique",
    "assert_features_hash_unique",
    "assert_features_complete",
    "assert_features_in_range",
)
LABEL_AUDITS = ("assert_features_label_closed",)

log = logging.getLogger("nightledger")


def feature_order() -> tuple[str, ...]:
    """Return the feature tables in the order in which they are built: inputs first, coverage last."""
    files = [file for file in sql.catalogue("features") if file.partition and file.relation != LABEL]
    order = [file.relation for file in sql.in_order(files)]
    return (*(relation for relation in order if relation != COVERAGE), COVERAGE)


@task(name="build relation", task_run_name="build {relation} of {night.as_of_date}", cache_policy=NO_CACHE)
def build_relation(relation: str, night: Night) -> int:
    """Replace a night's rows in one relation and return their number; coverage, the last, is written if audits pass.

    The wide view shows only enterprises with a coverage, so a night whose audits fail shows none.
    """
    with writer(purpose=f"build {relation}") as con, transaction(con):
        clear_partition(con, COVERAGE, night.key)
        rows = replace_partition(con, relation, night.key)
        if relation == COVERAGE:
            renew_view(con, WIDE)
            audit(con, FEATURE_AUDITS, night.key)
    sql.keep(relation, settings().sql_dir / night.portfolio / str(night.as_of_date))
    return rows


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


def build_features(night: Night) -> int:
    """Build every feature relation of one night, inputs first, and return the number of enterprises.

    Raises:
        Refused: when the portfolio has no enterprise known on the date.
    """
    started = time.perf_counter()
    rows = {relation: build_relation(relation, night) for relation in feature_order()}
    if not rows[COVERAGE]:
        raise Refused(
            f"{night.portfolio} has no enterprise known on {night.as_of_date}; load its feeds first"
        )
    log.info(
        "features    %s enterprises as of %s, %d relations  %.1f s",
        f"{rows[COVERAGE]:,}", night.as_of_date, len(rows), time.perf_counter() - started,
    )  # fmt: skip
    return rows[COVERAGE]
