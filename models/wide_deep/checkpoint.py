"""A training's state after each epoch as one file, so that a killed training goes on from its last epoch."""

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
    """Where a training puts its state; the file appears whole or not at all, and belongs to one training only.

    It is no model: it has no preparation, no calibration and no name in a registry. A finished training removes it.

    Parameters
    ----------
    path : Path
        Its folder is created if needed.
    mark : str
        From `mark_of`. A file with another mark is of other rows or settings and is not gone on from.
    """

    def __init__(self, path: Path, mark: str) -> None:
        self.path = path
        self.mark = mark

    def save(self, state: State) -> None:
        """Store the state in place of the one before."""
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
        """Put a stored state in place of a fresh one; False, and nothing changed, where there is none that fits."""
        found = self._read()
        if found is None:
            return False
        about, tensors = found
        state.best_epoch = int(about["best_epoch"])
        state.history = [Epoch(*epoch) for epoch in json.loads(about["history"])]
        state.best.copy_(tensors["best"])
        state.steps.taken = int(about["taken"])
        for name in TENSORS:
            getattr(state.steps, name).copy_(tensors[name])
        return True

    def remove(self) -> None:
        """Remove the file, where there is one."""
        self.path.unlink(missing_ok=True)

    def _read(self) -> tuple[dict[str, str], dict[str, Any]] | None:
        """Return description and tensors of the stored state; None where it is missing, broken or of another mark."""
        try:
            with safetensors.safe_open(self.path, framework="pt") as stored:
                about = stored.metadata() or {}
                if about.get("mark") != self.mark:
                    return None
                return about, {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 - no mapping
        except (OSError, safetensors.SafetensorError):
            return None


def mark_of(settings: WideDeepSettings, *parts: tuple[Inputs, Labels]) -> str:
    """Return a SHA-256 of all that a training depends on: the settings and every value of its rows."""
    digest = hashlib.sha256(settings.model_dump_json().encode())
    for inputs, labels in parts:
        for array in (*inputs, labels):
            digest.update(f"{array.dtype} {array.shape}".encode())
            digest.update(array.tobytes())
    return digest.hexdigest()
