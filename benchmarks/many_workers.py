"""Calculate how long a night of 10 million borrowers takes with many workers, from what the page says was measured.

The regular night of 100,000 borrowers on two threads says what each step takes; nights of as many on a lake with one
and with two workers say which part of features, scoring and comparing workers share.
"""

from __future__ import annotations

import re

from benchmarks.page import PAGE, renew

BORROWERS, MEASURED = 10_000_000, 100_000
WORKERS = (1, 4, 16, 64)
THREADS = 2


def main() -> None:
    """Calculate and renew the section of the page."""
    page = PAGE.read_text()
    night = page.split("<!-- night-100000:start -->")[1].split("The regular night")[1].split("Gates:")[0]
    steps = {
        name: (float(wall), float(cpu))
        for name, wall, cpu in re.findall(r"\| (\w[\w ]*) \| ([\d.]+) \| ([\d.]+) \|", night)
    }
    workers = page.split(f"<!-- workers-{MEASURED}:start -->")[1]
    one, two = (cells(workers, row) for row in ("a lake, one worker", "a lake, 2 workers"))
    shared = [2 * (1 - after / before) for before, after in zip(one[:3], two[:3], strict=True)]
    building, scoring, comparing = shared
    spread = (
        building * steps["build_features"][1] + scoring * steps["score_portfolio"][1]
        + comparing * steps["compare_with_previous"][1]
    )  # fmt: skip
    fixed = steps["before the first step"][0] + steps["after the last step"][0]
    alone = steps["the whole"][0] - spread / THREADS - fixed
    scale = BORROWERS / MEASURED
    counts = " | ".join(f"{count} worker" + "s" * (count > 1) for count in WORKERS)
    lines = [
        f"| 10 million borrowers, hours a regular night | {counts} | most that workers gain |",
        "|---|" + "--:|" * (len(WORKERS) + 1),
    ]
    for name, saved in (
        ("published by a copy", 0.0),
        ("published by a version", steps["publish_warehouse"][0]),
    ):
        committer = fixed + scale * (alone - saved)
        hours = [(committer + scale * spread / n) / 3600 for n in WORKERS]
        most = (committer + scale * spread) / committer
        lines.append(f"| {name} | {' | '.join(f'{h:.1f}' for h in hours)} | {most:.1f} times |")
    table = "\n".join(lines)
    renew(
        "many-workers",
        title="Many workers, calculated",
        command="python -m benchmarks.many_workers",
        body=f"""
Not measured: there are two cores here. From the regular night of 100,000 borrowers and the lake's nights of as many
above, every step multiplied by 100.

- Workers share {building:.0%} of the processor time of features, {scoring:.0%} of that of scoring and {comparing:.0%}
  of that of comparing, as one and two of them show. That is {spread:,.0f} CPU s of 100,000 borrowers.
- The committer does all else, on two cores as measured: {alone:,.0f} s, and {fixed:.0f} s before and after, which do
  not grow. A version takes no time to publish, which is assumed; a copy what it took.
- A worker is a core as fast as ours, disks and network keep up. More cores of the committer would make its queries
  faster; that is left out.

{table}

So the committer is what a night with many workers waits for: intake, gates, the watch and the report of the whole
portfolio.
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
