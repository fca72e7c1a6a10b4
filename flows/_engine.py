"""Runs one flow run in a process that the worker started: Prefect's own entry, ended in time by SIGTERM."""

import runpy

from flows._termination import Termination

if __name__ == "__main__":
    with Termination("run terminated: nothing half written; run it again") as termination:
        runpy.run_module("prefect.engine", run_name="__main__")
    raise SystemExit(1 if termination.requested else 0)
