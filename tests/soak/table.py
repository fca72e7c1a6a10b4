"""Print what a soak found: a table of kinds of faults and steps, then every line that is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tests.soak.course import Tried
from tests.soak.schedule import AT_A_STEP, SHARES, STEPS
from tests.soak.soak import Soak


def table(soak: Soak) -> str:
    """Return the table in Markdown and the lines under it."""
    return "\n".join(_lines(soak))


def _lines(soak: Soak) -> Iterator[str]:
    yield "| fault | step | tried | met a running night | ended (exit code: times) | wrong |"
    yield "|---|---|---|---|---|---|"
    for kind in SHARES:
        for step in STEPS if kind in AT_A_STEP else ("any",):
            rows = [one for one in soak.tried if (one.fault.kind, one.fault.step) == (kind, step)]
            if rows:
                yield _row(kind, step, rows)
    yield ""
    for one in soak.tried:
        for line in one.wrong:
            yield f"WRONG after {one.fault}: {line}"
    for line in soak.wrong:
        yield f"WRONG {line}"
    yield f"{len(soak.tried)} faults tried, {soak.violations} violations, {soak.seconds / 60:.1f} minutes"


def _row(kind: str, step: str, rows: list[Tried]) -> str:
    codes = Counter(code for one in rows for code in one.codes)
    ended = ", ".join(f"{code}: {times}" for code, times in sorted(codes.items())) or "-"
    wrong = sum(len(one.wrong) for one in rows)
    return f"| {kind} | {step} | {len(rows)} | {sum(one.met for one in rows)} | {ended} | {wrong or ''} |"
