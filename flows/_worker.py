"""Starts a worker that runs the deployments of this repository and nothing else."""

from __future__ import annotations

import os
import sys

from flows._one_line_parser import OneLineParser


def run(arguments: list[str]) -> int:
    """Work until the process is told to stop and return the exit code."""
    parser = OneLineParser(
        prog="python -m flows worker", description="Run the deployments of this repository."
    )
    parser.add_argument("--limit", type=int, default=2, help="how many runs at a time; default: 2")
    options = parser.parse_args(arguments)
    if "PREFECT_API_URL" not in os.environ:
        print(
            "worker refused: no server; load its settings first: set -a; . ./prefect.env; set +a",
            file=sys.stderr,
        )
        return 1
    import asyncio

    from prefect.utilities.processutils import setup_signal_handlers_worker

    from flows._own_worker import OwnWorker

    setup_signal_handlers_worker(os.getpid(), "the worker", print)
    try:
        asyncio.run(OwnWorker(work_pool_name="nightledger", limit=options.limit).start())
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("worker stopped", file=sys.stderr)
    return 0
