"""Record in `_world.json` what a landing folder contains, so that a later delivery can continue it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from sources.feed_columns import FEED_COLUMNS
from sources.simulated_world import SimulationSettings

_MANIFEST = "_world.json"


def settings_of(landing: Path) -> SimulationSettings | None:
    """Return the settings of the simulated portfolio in a folder, or None if there is none."""
    path = landing / _MANIFEST
    if not path.exists():
        return None
    return SimulationSettings.model_validate(json.loads(path.read_text())["settings"])


@dataclass
class Memory:
    """What a landing folder contains.

    Attributes:
        start: first day of history, fixed by the first delivery.
        through: last day delivered; None before the first month is complete.
        unfinished: name of the month whose files a crash may have left half delivered.
    """

    landing: Path
    settings: SimulationSettings
    start: date
    through: date | None
    unfinished: str | None

    @classmethod
    def open(cls, settings: SimulationSettings, landing: Path, *, through: date) -> Memory:
        """Read the memory of the folder, or start one in an empty folder.

        Raises:
            ValueError: the folder holds files of another source or of other settings.
        """
        path = landing / _MANIFEST
        if not path.exists():
            foreign = [feed for feed in FEED_COLUMNS if any((landing / feed).glob("*"))]
            if foreign:
                msg = f"{landing} holds files of another source ({foreign[0]}/...): choose an empty folder"
                raise ValueError(msg)
            memory = cls(landing, settings, through - timedelta(days=settings.history_days), None, None)
            memory.save()
            return memory
        stored = json.loads(path.read_text())
        of_call, of_folder = dict(settings), dict(SimulationSettings.model_validate(stored["settings"]))
        different = [name for name, value in of_call.items() if of_folder[name] != value]
        if different:
            name = different[0]
            msg = (
                f"{landing} holds a portfolio with another {name} than {of_call[name]} (see its {_MANIFEST}): "
                "use the same settings or an empty folder"
            )
            raise ValueError(msg)
        through_text = stored["through"]
        return cls(
            landing,
            settings,
            date.fromisoformat(stored["history_start"]),
            date.fromisoformat(through_text) if through_text else None,
            stored["unfinished"],
        )

    @property
    def workshop(self) -> Path:
        """Where files are built before they are moved into their feed's folder."""
        return self.landing / ".partial"

    def save(self) -> None:
        """Write the memory to its file, whole or not at all."""
        self.landing.mkdir(parents=True, exist_ok=True)
        draft = self.landing / f"{_MANIFEST}.new"
        content = {
            "settings": self.settings.model_dump(mode="json"),
            "history_start": self.start.isoformat(),
            "through": self.through.isoformat() if self.through else None,
            "unfinished": self.unfinished,
        }
        draft.write_text(json.dumps(content, indent=2) + "\n")
        draft.replace(self.landing / _MANIFEST)

    def begin(self, stem: str) -> None:
        """Record that the files of a month are about to appear."""
        self.unfinished = stem
        self.save()

    def finish(self, through: date) -> None:
        """Record that all files through a day are in place."""
        self.through, self.unfinished = through, None
        self.save()

    def forget_unfinished(self) -> None:
        """Remove the files of a month that a crash left half delivered."""
        for draft in self.workshop.glob("*"):
            draft.unlink()
        if self.unfinished is not None:
            for feed in FEED_COLUMNS:
                for path in (self.landing / feed).glob(f"{self.unfinished}.*"):
                    path.unlink()

    def tidy(self) -> None:
        """Remove the empty folder in which files were built."""
        if self.workshop.is_dir():
            self.workshop.rmdir()
