"""Score a past night again, compare with the stored scores, and name the cause of a difference."""

import logging
import shutil
from typing import Any

from prefect.artifacts import create_markdown_artifact

from tasks.lineup import find_lineup
from tasks.retain import refuse_older
from tasks.score import score_parts
from warehouse import ledger, replay, run_inputs
from warehouse.connection import writer
from warehouse.errors import Refused
from warehouse.ledger import Run
from warehouse.night import Night
from warehouse.safe_text import in_markdown
from warehouse.settings import settings

log = logging.getLogger("nightledger")
REPLAYED = ("nightly", "score")


def past_run(run_id: str) -> Run:
    """Return the ledger row of a run of a flow that scores nights; whether it has stored scores is asked later.

    Raises:
        Refused: there is no such run, or its flow scores no night.
    """
    with writer(purpose="look for the run") as con:
        run = ledger.run(con, run_id)
    if run is None:
        raise Refused(f"there is no run {run_id}; ops.run_ledger names them all")
    if run.flow not in REPLAYED:
        raise Refused(f"run {run_id} is of the flow {run.flow}, which scores no night; nothing to replay")
    return run


def replay_run(run: Run, own_run_id: str) -> dict[str, Any]:
    """Score the night again from the parameters of its run, compare, and return the counts with a verdict.

    Raises:
        Refused: its scores were replaced, or it is not reproduced and nothing that changed explains why.
    """
    portfolio, as_of_date = str(run.portfolio), run.as_of_date
    if as_of_date is None:
        raise Refused(f"run {run.run_id} is of no date; nothing to replay")
    options = run.parameters
    night = Night(portfolio, as_of_date, own_run_id)
    refuse_older(night)
    with writer(purpose="read stored scores") as con:
        scores_then = replay.stored_scores(con, night._replace(run_id=run.run_id))
        inputs = run_inputs.stored(con, run.run_id), run_inputs.current(con, night)
    parts = score_parts(
        night, find_lineup(night), partitions=options["partitions"], top_features=options["top_features"]
    )
    with writer(purpose="compare") as con:
        now = replay.current(
            con,
            [(part.scores, part.contributions) for part in parts],
            night,
            past_run_id=run.run_id,
            stale_days=options.get("stale_days", 90),
        )
    shutil.rmtree(settings().runs_dir / own_run_id)
    comparison, contributions = replay.compare(scores_then, now.scores), now.contributions
    counts = {
        "replayed": run.run_id,
        **comparison._asdict(),
        **{f"contributions_{name}": value for name, value in contributions._asdict().items()},
    }
    rows = "%d rows identical to the bit, %d to 1e-12, %d different, %d only then, %d only now"
    log.info(f"replay      %s of %s: {rows}", portfolio, as_of_date, *comparison[:5])
    log.info(f"replay      contributions: {rows}", *contributions[:5])
    largest = f"of a PD {comparison.largest:.2e}, of a contribution {contributions.largest:.2e}"
    log.info("replay      largest difference %s", largest)
    if comparison.reproduced and contributions.reproduced:
        exact = "to the bit" if comparison.close == contributions.close == 0 else "to 1e-12"
        return show_verdict(run, {**counts, "verdict": f"reproduced {exact}"}, [])
    causes = replay.causes(*inputs, code_then=run.revision, code_now=ledger.revision())
    lines = causes.lines()
    if not replay.explained(causes, scores_then, now):
        changed = f": {'; '.join(lines)}" if lines else ""
        raise Refused(
            f"run {run.run_id} is not reproduced (largest difference {largest}) and nothing that changed explains it"
            f"{changed}; see the counts of this run"
        )
    kinds = ", ".join(line.split(":")[0] for line in lines)
    return show_verdict(run, {**counts, "verdict": f"explained by {kinds}"}, lines)


def show_verdict(run: Run, counts: dict[str, Any], lines: list[str]) -> dict[str, Any]:
    """Log the verdict, show it in the Prefect UI, and return the counts."""
    for line in (f"{run.run_id} {counts['verdict']}", *lines):
        log.info("replay      %s", line)
    rows = "\n".join(f"| {in_markdown(name)} | {in_markdown(str(value))} |" for name, value in counts.items())
    create_markdown_artifact(
        key="replay",
        markdown=f"| what | value |\n|---|---|\n{rows}\n\n"
        + "\n".join(f"- {in_markdown(line)}" for line in lines),
        description=f"{run.run_id}: {counts['verdict']}",
    )
    return counts
