"""A worker that runs the flows of this repository, and nothing else that a deployment may ask for.

Prefect lets a deployment choose the command, the environment and the folder of its process, steps that run before it,
and any module as its entrypoint: whoever may write a deployment runs code. This worker takes from a deployment only
which of our flows it names; the process and its environment are the worker's own.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefect.runner._flow_run_executor import FlowRunExecutorContext
from prefect.runner._starter_engine import EngineCommandStarter
from prefect.utilities.processutils import command_to_string
from prefect.workers.process import ProcessJobConfiguration, ProcessWorker, ProcessWorkerResult

from warehouse.errors import Refused

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun
    from prefect.client.schemas.responses import DeploymentResponse
    from prefect.states import State

ROOT = Path(__file__).parents[1]
OWN_FLOWS = {f"flows.{file.stem}.{file.stem}" for file in Path(__file__).parent.glob("[!_]*.py")}


def own_entrypoint(deployment: DeploymentResponse) -> str:
    """Return the flow of ours that a deployment names.

    Raises:
        Refused: It names anything else, or asks for a step that does more than choose a folder.
    """
    if deployment.entrypoint not in OWN_FLOWS:
        raise Refused(f"{deployment.entrypoint} is no flow of this repository: the worker runs only those")
    for step in deployment.pull_steps or []:
        if list(step) != ["prefect.deployments.steps.set_working_directory"]:
            raise Refused(
                f"deployment {deployment.name} asks for {', '.join(step)} first: the worker runs flows only"
            )
    return deployment.entrypoint


class OwnProcess(ProcessJobConfiguration):
    """The process of a flow run, of which neither a deployment nor the work pool chooses anything."""

    def prepare_for_flow_run(self, *arguments: Any, **options: Any) -> None:
        """Forget what was asked for before Prefect adds its own."""
        self.command, self.env, self.working_dir = None, {}, ROOT
        super().prepare_for_flow_run(*arguments, **options)


class NoHooks:
    """Our flows have no hooks: nothing that a deployment names is loaded by the worker itself."""

    async def run_cancellation_hooks(self, flow_run: FlowRun, state: State) -> None:
        """Do nothing."""

    async def run_crashed_hooks(self, flow_run: FlowRun, state: State) -> None:
        """Do nothing."""


class ProcessIdentifier:
    """Hand on the number of a process where Prefect reports the process."""

    def __init__(self, status: Any) -> None:
        self._status = status

    def started(self, handle: Any) -> None:
        """Report that the process runs."""
        if self._status is not None:
            self._status.started(handle.pid)


class OwnWorker(ProcessWorker):
    """A process worker that runs the flows of this repository only."""

    job_configuration = OwnProcess

    async def run(
        self, flow_run: FlowRun, configuration: ProcessJobConfiguration, task_status: Any = None
    ) -> ProcessWorkerResult:
        """Run the flow that the run's deployment names; the deployment is read once and not by the process."""
        if flow_run.deployment_id is None:
            raise Refused(
                f"run {flow_run.name} has no deployment: the worker runs only flows of this repository"
            )
        entrypoint = own_entrypoint(await self.client.read_deployment(flow_run.deployment_id))
        async with FlowRunExecutorContext() as context:
            starter = EngineCommandStarter(
                command=command_to_string([sys.executable, "-m", "flows._engine"]),
                cwd=ROOT,
                env={**configuration.env, "PREFECT__FLOW_ENTRYPOINT": entrypoint},
                control_channel=context.control_channel,
            )
            executor = context.create_executor(
                flow_run, starter, propose_submitting=False, hook_runner=NoHooks()
            )
            execution = await executor.submit(task_status=ProcessIdentifier(task_status))
        if execution is None or execution.status_code is None:
            raise RuntimeError(f"the process of run {flow_run.name} did not start")
        return ProcessWorkerResult(status_code=execution.status_code, identifier=str(execution.handle.pid))
