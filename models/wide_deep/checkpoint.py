"""Store the state of a training after each epoch in one file, so that a killed training resumes from its last epoch."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch

from models.metrics import Labels
from models.wide_deep.fitting import Epoch, State
from models.wide_deep.preparation import Inputs
from models.wide_deep.settings import WideDeepSettings

TENSORS = ("flat", "mean", "square")


class Checkpoint:
    """Store and restore the state of one training; its file is written whole or not at all.

    A checkpoint is not a model: it has no preparation, no calibration and no entry in the registry. A finished training
    removes it.

    Parameters
    ----------
    path : Path
        Its folder is created if needed.
    mark : str
        From `mark_of`. A file with another mark belongs to other rows or settings and is ignored.
    """

    def __init__(self, path: Path, mark: str) -> None:
        self.path = path
        self.mark = mark

    def save(self, state: State) -> None:
        """Store the state, replacing the one before."""
        tensors = {name: getattr(state.steps, name).cpu() for name in TENSORS} | {"best": state.best.cpu()}
        about = {
            "mark": self.mark,
            "taken": str(state.steps.taken),
            "best_epoch": str(state.best_epoch),
            "history": json.dumps([list(epoch) for epoch in state.history]),
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_suffix(".partial")
        partial.write_bytes(safetensors.torch.save(tensors, metadata=about))
        partial.replace(self.path)

    def restore(self, state: State) -> bool:
        """Load the stored state into a fresh one and return True; return False, changing nothing, if none fits."""
        stored = self._read()
        if stored is None:
            return False
        about, tensors = stored
        state.best_epoch = int(about["best_epoch"])
        state.history = [Epoch(*epoch) for epoch in json.loads(about["history"])]
        state.best.copy_(tensors["best"])
        state.steps.taken = int(about["taken"])
        for name in TENSORS:
            getattr(state.steps, name).copy_(tensors[name])
        return True

    def remove(self) -> None:
        """Remove the file if there is one."""
        self.path.unlink(missing_ok=True)

    def _read(self) -> tuple[dict[str, str], dict[str, Any]] | None:
        """Return metadata and tensors of the stored state, or None if it is missing, broken or has another mark."""
        try:
            with safetensors.safe_open(self.path, framework="pt") as stored:
                about = stored.metadata() or {}
                if about.get("mark") != self.mark:
                    return None
                return about, {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 - no mapping
        except (OSError, safetensors.SafetensorError):
            return None


def mark_of(settings: WideDeepSettings, *parts: tuple[Inputs, Labels]) -> str:
    """Return a SHA-256 of everything that a training depends on: the settings and every value of its rows."""
    digest = hashlib.sha256(settings.model_dump_json().encode())
    for inputs, labels in parts:
        for array in (*inputs, labels):
            digest.update(f"{array.dtype} {array.shape}".encode())
            digest.update(array.tobytes())
    return digest.hexdigest()
