"""Take one home through its nights: each fault and the checks after it, and at last a run in which nothing happens."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.soak.checks import findings, findings_at_the_end, message_findings
from tests.soak.faults import Scene, strike
from tests.soak.home import Home, new_home
from tests.soak.night import Night
from tests.soak.programs import Ended, Server, Timeline, timeline
from tests.soak.schedule import Fault


@dataclass(frozen=True)
class Usual:
    """What a night does when nothing happens: when its steps come, and by how much the home grows at most."""

    timeline: Timeline
    growth: int


@dataclass(frozen=True)
class Tried:
    """A fault that was tried: whether it met a running program, how that ended, what was wrong afterwards."""

    fault: Fault
    met: bool
    codes: tuple[int, ...]
    last_line: str
    wrong: tuple[str, ...]


@dataclass
class Course:
    """What one home went through."""

    tried: list[Tried] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    """What was wrong after the undisturbed runs, and at the end."""


class Undisturbed:
    """The home in which nothing happens; the others are measured by its first two nights and compared with all.

    It begins with its first night, or with the second in a copy of a home that has the first one.
    """

    def __init__(self, folder: Path, first: Path | None, database: Path | None) -> None:
        self.home = new_home(folder / "undisturbed", copy_of=first)
        self.server = Server(folder / "server-undisturbed", copy_of=database)
        self.server.start()
        self._nights = 0 if first is None else 1

    def next_night(self) -> Usual:
        """Run the next night and return how it went."""
        scene = Scene(self.home, self.server, Night(self._nights), NEVER, 0)
        self._nights += 1
        used = most = self.home.used
        program = scene.start("nightly")
        while program.process.poll() is None:
            most = max(most, self.home.used)
            time.sleep(0.1)
        ended = program.end()
        wrong = [*message_findings(ended), *([] if ended.code == 0 else [f"exit code {ended.code}"])]
        wrong = wrong or findings(self.home.path) + findings_at_the_end(self.home.path, scene.night.as_of)
        if wrong:
            raise RuntimeError(
                f"the undisturbed night of {scene.night.as_of} did not end well: {'; '.join(wrong)}"
            )
        return Usual(timeline(program.lines, ended.seconds), most - used)

    def close(self) -> None:
        """Stop its server and give its disk back."""
        self.server.kill()
        self.home.close()


NEVER = Timeline({}, {}, 0.0)


def run_course(
    home: Home,
    server: Server,
    nights: range,
    faults: Sequence[Fault],
    *,
    usual: tuple[Usual, Usual],
    say: Callable[[Tried], None],
) -> Course:
    """Take a home through its faults, night by night; each night ends with a run in which nothing happens."""
    course = Course()
    try:
        server.start()
        for night in nights:
            tonight = usual[min(night, 1)]
            scene = Scene(home, server, Night(night), tonight.timeline, tonight.growth)
            for fault in (fault for fault in faults if fault.night == night):
                course.tried.append(_try(scene, fault))
                say(course.tried[-1])
            course.wrong += [f"{home.path.name} night {night + 1}: {line}" for line in _end_night(scene)]
    finally:
        server.kill()
    return course


def _try(scene: Scene, fault: Fault) -> Tried:
    struck = strike(scene, fault)
    wrong = [*struck.wrong, *findings(scene.home.path, copy_damaged=struck.copy_damaged)]
    for ended in struck.ended:
        wrong += [f"{ended.command.split()[0]}: {line}" for line in message_findings(ended)]
    every = [*struck.killed, *struck.ended]
    last = next((ended.err.splitlines()[-1] for ended in reversed(every) if ended.err.strip()), "")
    return Tried(fault, struck.met, tuple(ended.code for ended in every), last, tuple(wrong))


def _end_night(scene: Scene) -> list[str]:
    """Run the night undisturbed, alone or as a backfill of one night, and return what is wrong then."""
    flow = random.Random(f"{scene.home.path.name} {scene.night.number}").choice(("nightly", "backfill"))
    ended = scene.run(flow)
    wrong = message_findings(ended) + _unless_done(ended)
    wrong += findings(scene.home.path) + findings_at_the_end(scene.home.path, scene.night.as_of)
    if (check := scene.run("check")).code:
        wrong.append(f"check ended with {check.code}: {check.err or check.out}")
    return [f"{flow}: {line}" for line in wrong]


def _unless_done(ended: Ended) -> list[str]:
    return (
        [] if ended.code == 0 else [f"an undisturbed run ended with {ended.code}: {ended.err.strip()[:300]}"]
    )
