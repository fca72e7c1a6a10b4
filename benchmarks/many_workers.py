"""Calculate how long a night of 10 million borrowers takes with many workers, from what the page says was measured.

A night of 100,000 borrowers on a lake with one worker says what the parts take and what the committer does; one with
two workers says what each part of features reads again. The regular night on threads says what does not grow.
"""

from __future__ import annotations

import re

from benchmarks.page import PAGE, renew
from tasks.features import BORROWERS_A_PART

BORROWERS, MEASURED = 10_000_000, 100_000
WORKERS = (1, 4, 16, 64)


def main() -> None:
    """Calculate and renew the section of the page."""
    page = PAGE.read_text()
    night = page.split("<!-- night-100000:start -->")[1].split("The regular night")[1].split("Gates:")[0]
    steps = {name: float(wall) for name, wall in re.findall(r"\| (\w[\w ]*) \| ([\d.]+) \|", night)}
    fixed = steps["before the first step"] + steps["after the last step"]
    workers = page.split(f"<!-- workers-{MEASURED}:start -->")[1]
    *_, features, scoring, comparing, whole = cells(workers, "a lake, one worker")
    *_, features_in_two, _, _, _ = cells(workers, "a lake, 2 workers")
    again = features_in_two - features
    spread = features - again + scoring + comparing
    alone = whole - fixed - features - scoring - comparing
    scale, at_least = BORROWERS / MEASURED, -(-BORROWERS // BORROWERS_A_PART)
    hours = {
        count: (fixed + scale * (alone + again * -(-max(count, at_least) // count) + spread / count)) / 3600
        for count in WORKERS
    }
    counts = " | ".join(f"{count} worker" + "s" * (count > 1) for count in hours)
    renew(
        "many-workers",
        title="Many workers, calculated",
        command="python -m benchmarks.many_workers",
        body=f"""
Not measured: there are two cores here. From the nights of 100,000 borrowers on a lake with one and two workers above,
everything multiplied by 100.

- Workers share {spread:.0f} s of the one worker's night of {whole:.0f} s: scoring, comparing, and of features what
  grows with a part's borrowers.
- Each part of features reads all rows of the feeds besides, which takes {again:.1f} s: two parts took so much longer
  than one, also since two cores get in each other's way. A part has at most {BORROWERS_A_PART:,} borrowers, so that
  there are {at_least} of them or one a worker.
- The committer does all else while no part is at work: {alone:.0f} s, and {fixed:.0f} s before and after, which do not
  grow. What it does beside parts, such as the gate of features, is hidden behind them; with many workers some of it
  would not be, which is left out.
- A worker is a core as fast as ours, disks and network keep up. More cores of the committer would make its queries
  faster; that is left out.

| 10 million borrowers | {counts} |
|---|{"--:|" * len(hours)}
| hours a regular night | {" | ".join(f"{hour:.1f}" for hour in hours.values())} |

With many workers a night waits for the committer: intake, gates, the watch and the report of the whole portfolio; and
with few of them for the rows that parts of features read again.
""",
    )


def cells(text: str, row: str) -> list[float]:
    """Return the figures of a row of a table."""
    found = re.search(rf"^\| {re.escape(row)} \| (.+) \|$", text, re.MULTILINE)
    if found is None:
        raise SystemExit(
            f"{PAGE} has no row '{row}': run python -m benchmarks.workers with --lake-home first"
        )
    return [float(cell) for cell in found[1].split(" | ")]


if __name__ == "__main__":
    main()
