"""Make each fault real: signals, a disk without room, limits, other programs, damaged files."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.soak.home import PLENTY, Home
from tests.soak.night import PORTFOLIO, Night
from tests.soak.programs import Ended, Program, Server, Timeline, alive
from tests.soak.schedule import Fault

SECONDS_TO_STOP = 20.0
"""How long a night may take to end after SIGTERM or Ctrl-C."""

SECONDS_OF_CHILDREN = 15.0
"""How long a server that belongs to a killed night may outlive it."""


@dataclass
class Struck:
    """What a fault did: whether it met a running program, how programs ended, and what was wrong at once."""

    met: bool = True
    ended: list[Ended] = field(default_factory=list)
    killed: list[Ended] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    copy_damaged: bool = False


@dataclass(frozen=True)
class Scene:
    """Where a fault happens: a home with its server, a night, and what is usual on such a night."""

    home: Home
    server: Server
    night: Night
    usual: Timeline
    growth: int
    """Bytes that an undisturbed night adds to the disk at most."""

    def start(
        self, *command: str, own_server: bool = False, largest_file: int | None = None, **env: str
    ) -> Program:
        """Start a flow or a command for the night of the scene; with its own server, or on the server of the home."""
        base = {
            **self.server.env,
            "NIGHTLEDGER_THREADS": "1",
            "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
            **env,
        }
        if own_server:
            del base["PREFECT_HOME"]
        else:
            base["PREFECT_API_URL"] = self.server.url
        return Program(self.night.command(*command), self.home.path, base, largest_file=largest_file)

    def run(self, *command: str, **env: str) -> Ended:
        """Run a flow or a command undisturbed."""
        return self.start(*command, **env).end()


def strike(scene: Scene, fault: Fault) -> Struck:
    """Let a fault happen and wait until every program of the home has ended."""
    struck = KINDS[fault.kind](scene, fault)
    deadline = time.monotonic() + SECONDS_OF_CHILDREN
    while (left := alive(scene.home.path)) and time.monotonic() < deadline:
        time.sleep(0.2)
    for process in left:
        struck.wrong.append(f"still alive: {' '.join(process.cmdline())[:120]}")
        process.kill()
    return struck


def _kill(scene: Scene, fault: Fault) -> Struck:
    own_server = "its own" in fault.variant
    program = scene.start("nightly", own_server=own_server)
    met = program.reach(fault.step, fault.fraction, scene.usual)
    program.kill(group=not own_server)
    return _of(met, program.end())


def _stop(scene: Scene, fault: Fault) -> Struck:
    program = scene.start("nightly", own_server="its own" in fault.variant)
    met = program.reach(fault.step, fault.fraction, scene.usual)
    if met:
        program.process.send_signal(signal.SIGINT if fault.variant == "SIGINT" else signal.SIGTERM)
    asked = time.monotonic()
    ended = program.end(60)
    if ended.code < 0 and not program.lines:  # Python itself was still starting
        return _of(met, ended)
    struck = Struck(met, [ended])
    if met and (seconds := time.monotonic() - asked) > SECONDS_TO_STOP:
        struck.wrong.append(f"ended {seconds:.0f} s after {fault.variant}")
    return struck


def _disk(scene: Scene, fault: Fault) -> Struck:
    room = int(fault.fraction * 1.1 * scene.growth)
    if not scene.home.mounted:  # a limit for each file instead of one for all
        return Struck(ended=[scene.start("nightly", largest_file=room).end()])
    scene.home.resize(scene.home.taken + room)
    try:
        ended = scene.run("nightly")
    finally:
        scene.home.resize(PLENTY)
    return Struck(ended=[ended])


def _memory(scene: Scene, fault: Fault) -> Struck:
    mebibytes = round(16 * 16**fault.fraction)  # 16 to 256
    return Struck(ended=[scene.run("nightly", NIGHTLEDGER_MEMORY_LIMIT=f"{mebibytes}MiB")])


def _two(scene: Scene, fault: Fault) -> Struck:
    first = scene.start("nightly")
    met = first.reach(fault.step, fault.fraction, scene.usual)
    second = scene.start(fault.variant)
    return Struck(met, [first.end(), second.end()])


def _clock(scene: Scene, fault: Fault) -> Struck:
    """Let the local time of the night be 14 hours ahead or 11 behind that of all others."""
    ahead = fault.number % 2
    program = scene.start(
        "nightly", NIGHTLEDGER_TIMEZONE="Pacific/Kiritimati" if ahead else "Pacific/Pago_Pago"
    )
    if fault.variant == "whole night":
        return Struck(ended=[program.end()])
    met = program.reach(fault.step, fault.fraction, scene.usual)
    program.kill(group=True)
    return _of(met, program.end())


def _server(scene: Scene, fault: Fault) -> Struck:
    own = fault.variant == "its own"
    patience = {} if fault.variant == "started again" else {"PREFECT_CLIENT_MAX_RETRIES": "2"}  # not minutes
    program = scene.start("nightly", own_server=own, **patience)
    met = program.reach(fault.step, fault.fraction, scene.usual)
    if own:
        for child in alive(scene.home.path):
            if child.pid != program.process.pid:
                child.kill()
        return Struck(met, [program.end()])
    scene.server.kill()
    if fault.variant == "started again":
        time.sleep(3)
        scene.server.start()
        return Struck(met, [program.end()])
    ended = program.end()
    scene.server.start()
    return Struck(met, [ended])


def _file(scene: Scene, fault: Fault) -> Struck:
    if "restored" in fault.variant:
        return _restored(scene, fault)
    if fault.variant.startswith("delivered"):
        scene.run("deliver")
        folder = scene.home.path / "landing" / PORTFOLIO
        # with half of the borrowers gone a night would be whole with fewer of them
        feeds = "*" if "overwritten" in fault.variant else "[!e]*"
        files = [path for path in folder.glob(f"{feeds}/*") if path.stat().st_size > 200]
    elif fault.variant.startswith("copy"):
        files = list((scene.home.path / "published").glob("portfolio.duckdb"))
    elif fault.variant.startswith("Parquet"):
        files = list((scene.home.path / "published" / "portfolio_scores").glob("*/*/*.parquet"))
    else:
        files = [path for path in (scene.home.path / "models").rglob("*") if path.is_file()]
    if not files:
        return Struck(met=False)
    file = random.Random(fault.number).choice(sorted(files))
    with _damaged(file, fault):
        ended = scene.run("nightly")
    return Struck(ended=[ended], copy_damaged="published" in file.parts and ended.code != 0)


def _restored(scene: Scene, fault: Fault) -> Struck:
    """Back the home up, truncate its warehouse, and bring the backup back into the emptied home."""
    home, warehouse = scene.home.path, scene.home.path / "warehouse.duckdb"
    if not warehouse.exists():
        return Struck(met=False)
    backups = home.with_name(f"{home.name}-backups")
    backups.mkdir(exist_ok=True)
    backup = scene.run("backup", "--to", str(backups))
    if backup.code:
        return Struck(ended=[backup], wrong=["no backup"])
    os.truncate(warehouse, int(0.5 * fault.fraction * warehouse.stat().st_size))
    sound = scene.run("check").code == 0
    for path in home.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    latest = max(backups.glob("nightledger-*"), key=lambda path: path.stat().st_mtime)
    restore = scene.run("restore", "--backup", str(latest))
    wrong = ["check calls a truncated warehouse sound"] if sound else []
    return Struck(ended=[backup, restore], wrong=wrong + (["not restored"] if restore.code else []))


@contextmanager
def _damaged(file: Path, fault: Fault) -> Iterator[None]:
    """Damage a file; what a lender delivered, or a model, is mended afterwards, what is published is not."""
    good = file.read_bytes()
    at = int(fault.fraction * len(good))
    if "truncated" in fault.variant:
        bad = good[:at]
    elif "overwritten" in fault.variant:
        bad = random.Random(fault.number).randbytes(len(good))
    else:
        at = min(at, len(good) - 1)
        bad = good[:at] + bytes([good[at] ^ 0x10]) + good[at + 1 :]
    file.write_bytes(bad)
    try:
        yield
    finally:
        if "published" not in file.parts:
            file.write_bytes(good)


def _of(met: bool, ended: Ended) -> Struck:
    return Struck(met, killed=[ended]) if met else Struck(met, [ended])


KINDS: Mapping[str, Callable[[Scene, Fault], Struck]] = {
    "kill": _kill,
    "stop": _stop,
    "disk": _disk,
    "memory": _memory,
    "two": _two,
    "clock": _clock,
    "server": _server,
    "file": _file,
}
