"""Deal the faults: what happens to which home, on which night, at which point of which step."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

SHARES = {"kill": 40, "stop": 8, "disk": 17, "memory": 8, "two": 10, "clock": 6, "server": 4, "file": 7}
"""Faults of each kind among a hundred."""

VARIANTS = {
    "kill": ("the group", "the group", "the group", "the process alone, its server its own"),
    "stop": ("SIGTERM", "SIGINT", "SIGTERM, its server its own"),
    "disk": ("",),
    "memory": ("",),
    "two": ("nightly", "backfill", "publish", "ingest", "score", "report"),
    "clock": ("whole night", "killed"),
    "server": ("started again", "gone", "its own"),
    "file": (
        "delivered file truncated", "delivered file overwritten", "delivered file with a flipped bit",
        "copy with a flipped bit", "Parquet partition truncated", "model file truncated",
        "warehouse truncated and restored",
    ),
}  # fmt: skip

STEPS = (
    "start", "deliver", "ingest", "validate feeds", "features", "validate features", "champion", "train",
    "score", "status", "validate scores", "changes", "watch", "publish", "report", "end",
)  # fmt: skip
"""The steps of a night in order; `start` comes before its first line, `end` after its last."""

AT_A_STEP = ("kill", "stop", "two", "clock", "server")
"""Kinds that strike at a point of a step; the others last for a whole night, and their step is `any`."""

FIRST_NIGHT_ONLY = ("validate features", "train")  # later nights judge them beside the scoring
LATER_NIGHTS_ONLY = ("changes",)


@dataclass(frozen=True)
class Fault:
    """One fault: its kind and variant, the step that it strikes, and how far into the step (0 to 1).

    For kinds that last a whole night the fraction says how much: room on the disk, memory, where in the file.
    """

    number: int
    home: int
    night: int
    kind: str
    variant: str
    step: str
    fraction: float

    def __str__(self) -> str:
        what = f"{self.kind} ({self.variant})" if self.variant else self.kind
        where = f"home {self.home} night {self.night + 1}"
        when = f" at {self.step} +" if self.kind in AT_A_STEP else ","
        return f"{self.number:3d}  {where}  {what}{when} {self.fraction:.2f}"


def schedule(seed: int, *, faults: int, homes: int, nights: range) -> list[Fault]:
    """Return the faults of a seed in order; kinds by their shares, variants and steps dealt evenly.

    Every home gets about as many faults as any other, and every night of it as many as any other night.
    """
    dice = random.Random(seed)
    kinds = _kinds(dice, faults)
    variants = {kind: _endless(dice, VARIANTS[kind]) for kind in SHARES}
    steps = {first: {kind: _endless(dice, _steps(first=first)) for kind in SHARES} for first in (True, False)}
    dealt = []
    for number, kind in enumerate(kinds):
        home, turn = number % homes, number // homes
        night = nights[turn * len(nights) // -(-faults // homes)]
        step = next(steps[night == 0][kind]) if kind in AT_A_STEP else "any"
        dealt.append(Fault(number + 1, home, night, kind, next(variants[kind]), step, dice.random()))
    return dealt


def _kinds(dice: random.Random, faults: int) -> list[str]:
    shares = {kind: share * faults / sum(SHARES.values()) for kind, share in SHARES.items()}
    counts = {kind: int(share) for kind, share in shares.items()}
    by_remainder = sorted(SHARES, key=lambda kind: counts[kind] - shares[kind])
    for kind in by_remainder[: faults - sum(counts.values())]:
        counts[kind] += 1
    kinds = [kind for kind, count in counts.items() for _ in range(count)]
    dice.shuffle(kinds)
    return kinds


def _steps(*, first: bool) -> list[str]:
    absent = LATER_NIGHTS_ONLY if first else FIRST_NIGHT_ONLY
    return [step for step in STEPS if step not in absent]


def _endless(dice: random.Random, values: Sequence[str]) -> Iterator[str]:
    while True:
        yield from dice.sample(values, len(values))
