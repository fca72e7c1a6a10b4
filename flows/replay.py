"""Scores a past night again, beside what is stored, and says whether data, code or model made a difference."""

from prefect import flow
from pydantic import Field

from flows._parameters import Parameters
from flows._task_runner import task_runner
from tasks.night import end_run, open_run
from tasks.replay import past_run, replay_run
from warehouse.connection import writer


class ReplayParameters(Parameters):
    """Parameters of one replay."""

    run_id: str = Field(min_length=1, description="A run of nightly or score, as ops.run_ledger names it")


@flow(name="replay", task_runner=task_runner())
def replay(run: ReplayParameters) -> str:
    """Score a past night again from its stored parameters; the stored scores are compared and never touched.

    Args:
        run: The parameters of this run.

    Returns:
        The run's key in ops.run_ledger.

    Raises:
        Refused: The run cannot be replayed, or a difference is not explained by what changed.
    """
    with writer(purpose=f"replay {run.run_id}"):
        past = past_run(run.run_id)
        run_id = open_run("replay", portfolio=past.portfolio, as_of_date=past.as_of_date, parameters=run)
        with end_run(run_id) as counts:
            counts.update(replay_run(past, run_id))
    return run_id
