"""Scores a past night again beside the stored scores, and says where a difference comes from."""

import logging
import shutil
from typing import Any

from prefect.artifacts import create_markdown_artifact

from tasks.lineup import find_lineup
from tasks.score import score_parts
from warehouse import ledger, replay, run_inputs
from warehouse.connection import writer
from warehouse.errors import Refused
from warehouse.ledger import Run
from warehouse.night import Night
from warehouse.settings import settings

log = logging.getLogger("nightledger")
REPLAYED = ("nightly", "score")


def past_run(run_id: str) -> Run:
    """Return the ledger row of a run that scored a night to its end.

    Raises:
        Refused: there is no such run, or it did not score a night.
    """
    with writer(purpose="look for the run") as con:
        run = ledger.run(con, run_id)
    if run is None:
        raise Refused(f"there is no run {run_id}; ops.run_ledger names them all")
    if run.flow not in REPLAYED or run.status != "done":
        raise Refused(
            f"run {run_id} ({run.flow}, {run.status}) scored no night to its end; nothing to replay"
        )
    return run


def replay_run(run: Run, own_run_id: str) -> dict[str, Any]:
    """Score the night again from the parameters of its run, compare, and say what became of it.

    Raises:
        Refused: its scores were replaced, or it is not reproduced and nothing that changed explains why.
    """
    portfolio, as_of_date = str(run.portfolio), run.as_of_date
    if as_of_date is None:
        raise Refused(f"run {run.run_id} is of no date; nothing to replay")
    given = run.parameters
    night = Night(portfolio, as_of_date, own_run_id)
    with writer(purpose="what was said") as con:
        then = replay.stored_scores(con, run)
        inputs = run_inputs.stored(con, run.run_id), run_inputs.current(con, **night.key)
    parts = score_parts(
        night, find_lineup(night), partitions=given["partitions"], top_features=given["top_features"]
    )
    with writer(purpose="compare") as con:
        now = replay.current_scores(
            con,
            [part.scores for part in parts],
            **night._asdict(),
            stale_days=given.get("stale_days", 90),
        )
    shutil.rmtree(settings().runs_dir / own_run_id)
    found = replay.compare(then, now)
    counts = {"replayed": run.run_id, **found._asdict()}
    log.info(
        "replay      %s of %s: %d rows identical to the bit, %d to 1e-12, %d different, %d only then, %d only now",
        portfolio, as_of_date, *found[:5],
    )  # fmt: skip
    if found.reproduced:
        exact = "to the bit" if found.close == 0 else "to 1e-12"
        return told(run, {**counts, "verdict": f"reproduced {exact}"}, [])
    why = replay.causes(*inputs, code_then=run.revision, code_now=ledger.revision())
    if not replay.explained(why, then, now):
        raise Refused(
            f"run {run.run_id} is not reproduced (largest difference of a PD {found.largest:.2e}) and nothing that "
            f"changed explains it{': ' + '; '.join(why.lines()) if why.lines() else ''}; see the counts of this run"
        )
    kinds = ", ".join(line.split(":")[0] for line in why.lines())
    return told(run, {**counts, "verdict": f"explained by {kinds}"}, why.lines())


def told(run: Run, counts: dict[str, Any], lines: list[str]) -> dict[str, Any]:
    """Say the verdict where people look, and return the counts."""
    for line in (f"{run.run_id} {counts['verdict']}", *lines):
        log.info("replay      %s", line)
    rows = "\n".join(f"| {name} | {value} |" for name, value in counts.items())
    create_markdown_artifact(
        key="replay",
        markdown=f"| what | value |\n|---|---|\n{rows}\n\n" + "\n".join(f"- {line}" for line in lines),
        description=f"{run.run_id}: {counts['verdict']}",
    )
    return counts
