"""Run a soak and print its table; exit 1 if anything was wrong."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from tests.soak.schedule import schedule
from tests.soak.soak import soak
from tests.soak.table import table


def main() -> int:
    """Read the options, run the schedule in a folder that is removed afterwards, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the schedule is made from it (default: 1)")
    parser.add_argument("--faults", type=int, default=100, help="how many (default: 100)")
    parser.add_argument(
        "--homes", type=int, default=4, help="each takes its share of the faults (default: 4)"
    )
    parser.add_argument("--nights", type=int, default=5, help="nights of each home (default: 5)")
    parser.add_argument("--jobs", type=int, default=2, help="homes that are worked on at a time (default: 2)")
    parser.add_argument("--list", action="store_true", help="print the schedule and stop")
    options = vars(parser.parse_args())
    jobs, only_list = options.pop("jobs"), options.pop("list")
    options["nights"] = range(options["nights"])
    if only_list:
        print(*schedule(options.pop("seed"), **options), sep="\n")
        return 0
    with tempfile.TemporaryDirectory(prefix="nightledger-soak-") as folder:
        result = soak(Path(folder), jobs=jobs, **options)
    print(table(result))
    return int(result.violations > 0)


if __name__ == "__main__":
    raise SystemExit(main())
