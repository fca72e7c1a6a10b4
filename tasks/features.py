"""Build the feature relations of one portfolio as known on one date."""

import logging
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.parts import Part, numbered, workers
from tasks.run_parts import run_parts
from warehouse import buckets, feature_parts, matrix, sql
from warehouse.adoption import Adoption
from warehouse.connection import transaction, writer
from warehouse.errors import Refused
from warehouse.feature_parts import COVERAGE
from warehouse.night import Night
from warehouse.partition import audit, clear_partition, replace_partition
from warehouse.settings import settings
from warehouse.snapshot import Snapshot, at
from warehouse.views import renew_view

WIDE = "features.feat_enterprise"
FEATURE_AUDITS = (
    "assert_features_key_unique",
    "assert_features_hash_unique",
    "assert_features_complete",
    "assert_features_in_range",
)
# of more, one part is built after the other, so that what is sorted and joined fits in memory
BORROWERS_A_PART = 250_000

log = logging.getLogger("nightledger")


def feature_order() -> tuple[str, ...]:
    """Return the feature tables in the order in which they are built: inputs first, coverage last."""
    return (*feature_parts.whole_portfolio(), *feature_parts.of_borrowers())


@task(name="build facts of the portfolio", cache_policy=NO_CACHE)
def build_facts(night: Night) -> dict[str, int]:
    """Replace a night's rows in the relations of the whole portfolio and return their numbers.

    Rows of coverage are taken away: the wide view shows only enterprises that have one, so a night that is built again
    shows none until it has passed.
    """
    with writer(purpose="build facts of the portfolio") as con, transaction(con):
        clear_partition(con, COVERAGE, night.key)
        return {
            relation: replace_partition(con, relation, night.key)
            for relation in feature_parts.whole_portfolio()
        }


@task(name="build part", task_run_name="build part {part.number} of {part.of}", cache_policy=NO_CACHE)
def build_part(night: Night, part: Part, snapshot: Snapshot) -> dict[str, Path]:
    """Build the features of one part of a night and return the file of each relation; nothing stored is changed."""
    with at(snapshot) as con:
        return feature_parts.build(con, night, part.buckets, settings().runs_dir / night.run_id / "features")


@contextmanager
def adopting(night: Night) -> Iterator[Callable[[dict[str, Path]], None]]:
    """Replace a night's rows in every relation by those of its parts, each as it comes, if all of them pass audits."""
    with writer(purpose="adopt features") as con, transaction(con):
        yield Adoption(con, feature_parts.of_borrowers(), night.key).add
        renew_view(con, WIDE)
        audit(con, FEATURE_AUDITS, night.key)


def build_features(night: Night, *, meanwhile: Callable[[], None] | None = None) -> int:
    """Build every feature relation of one night and return the number of enterprises; `run_parts` says what is beside.

    Raises:
        Refused: when the portfolio has no enterprise known on the date.
    """
    started = time.perf_counter()
    with writer(purpose="build features") as con:
        build_facts(night)
        known = buckets.known(con, night.portfolio)
        # few: each part reads all rows of the feeds for those of its borrowers
        parts = numbered(buckets.ranges(known, at_least=workers(), at_most_rows=BORROWERS_A_PART))
        run_parts(build_part, parts, query=True, meanwhile=meanwhile, into=adopting(night), night=night)
        enterprises = matrix.enterprises(con, night)
    shutil.rmtree(settings().runs_dir / night.run_id / "features")
    for relation in feature_order():
        sql.keep(relation, settings().sql_dir / night.portfolio / str(night.as_of_date))
    if not enterprises:
        raise Refused(
            f"{night.portfolio} has no enterprise known on {night.as_of_date}; load its feeds first"
        )
    log.info(
        "features    %s enterprises as of %s, %d relations  %.1f s",
        f"{enterprises:,}", night.as_of_date, len(feature_order()), time.perf_counter() - started,
    )  # fmt: skip
    return enterprises
