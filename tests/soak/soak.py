"""Run a whole soak: the undisturbed home, the courses side by side, the comparison at the end."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.soak.course import Course, Tried, Undisturbed, run_course
from tests.soak.equality import differences
from tests.soak.home import Home, new_home
from tests.soak.programs import Server
from tests.soak.schedule import schedule


@dataclass(frozen=True)
class Soak:
    """What a soak found: all that was tried, what was wrong after undisturbed runs and at the end, its seconds."""

    tried: Sequence[Tried]
    wrong: Sequence[str]
    seconds: float

    @property
    def violations(self) -> int:
        """How many things were wrong."""
        return sum(len(tried.wrong) for tried in self.tried) + len(self.wrong)


def soak(
    folder: Path,
    *,
    seed: int,
    faults: int,
    homes: int,
    nights: range,
    jobs: int,
    first: Path | None = None,
    database: Path | None = None,
) -> Soak:
    """Run a schedule in a folder, so many homes at a time, saying each fault as it ends.

    The nights begin with the first, in empty homes, or with the second, in homes that an undisturbed first night left:
    `first`. Prefect's database is made, or a copy of `database`.
    """
    started = time.monotonic()
    # a shell that runs this in the background has it ignored, and so would every program that is started here
    signal.signal(signal.SIGINT, signal.default_int_handler)
    dealt = schedule(seed, faults=faults, homes=homes, nights=nights)
    saying = threading.Lock()

    def say(tried: Tried) -> None:
        with saying:
            print(f"{time.monotonic() - started:6.0f} s  {_line(tried)}", flush=True)

    undisturbed = Undisturbed(folder, first, database)
    disturbed: list[Home] = []
    try:
        disturbed += [new_home(folder / f"home-{number}", copy_of=first) for number in range(homes)]
        usual = [undisturbed.next_night()]
        if nights[0] == 0 and nights[-1] > 0:
            usual.append(undisturbed.next_night())

        def course(number: int) -> Course:
            own = [fault for fault in dealt if fault.home == number]
            server = Server(folder / f"server-{number}", copy_of=undisturbed.server.database)
            return run_course(disturbed[number], server, nights, own, usual=(usual[0], usual[-1]), say=say)

        def rest() -> None:
            for _ in range(nights[-1] - 1):
                undisturbed.next_night()

        with ThreadPoolExecutor(jobs) as pool:
            others = pool.submit(rest)
            courses = list(pool.map(course, range(homes)))
            others.result()
        wrong = [line for course in courses for line in course.wrong]
        for home in disturbed:
            unequal = differences(home.path, undisturbed.home.path)
            wrong += [f"{home.path.name} at the end: {line}" for line in unequal]
    finally:
        for home in disturbed:
            home.close()
        undisturbed.close()
    tried = sorted((one for course in courses for one in course.tried), key=lambda one: one.fault.number)
    return Soak(tried, wrong, time.monotonic() - started)


def _line(tried: Tried) -> str:
    ended = " ".join(map(str, tried.codes)) or "not tried"
    wrong = "".join(f"\n          WRONG {line}" for line in tried.wrong)
    said = f"  | {tried.last_line[:150]}" if tried.last_line else ""
    return f"{tried.fault}  ended {ended}{'' if tried.met else ', had ended before'}{said}{wrong}"
