"""Go on from the scores of a run that did not come to its end, and finish that run."""

import logging
from collections.abc import Mapping
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from warehouse import ledger, run_inputs
from warehouse.connection import writer
from warehouse.night import Night

log = logging.getLogger("nightledger")


@task(name="look for scores to go on from", cache_policy=NO_CACHE)
def scores_to_go_on_from(night: Night, parameters: Mapping[str, Any]) -> Night:
    """Return the night of the run that has scored it already and has only to be finished, or the same night if none.

    The stored scores are kept if their run did not come to its end and would score the night the same now.
    """
    with writer(purpose="look for scores to go on from") as con:
        run = ledger.scored_by(con, night)
        if run is None or run.status == "done":
            return night
        reason = run_inputs.changed_since(con, run, night, parameters)
        reason = reason or run_inputs.would_score_otherwise(con, run, night)
        if reason is None:
            ledger.go_on(con, night.run_id, scored=run)
    if reason is not None:
        log.info("night       scored anew, not from %s (%s) on: %s", run.run_id, run.status, reason)
        return night
    log.info("night       goes on from %s (%s), whose scores are kept", run.run_id, run.status)
    return night._replace(run_id=run.run_id)


@task(name="finish kept night", cache_policy=NO_CACHE)
def finish_kept(scored: Night, *, by: Night) -> None:
    """Record that the run whose scores were kept is done, and which run did the rest; nothing if it was the same."""
    if scored == by:
        return
    with writer(purpose="finish kept night") as con:
        ledger.finish_scored(con, scored.run_id, by=by.run_id)
