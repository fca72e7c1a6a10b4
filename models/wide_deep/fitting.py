"""Train both parts together: Adam on the cross-entropy, stopped where the validation loss was lowest."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from models.errors import ModelError
from models.metrics import Labels, auc
from models.wide_deep.network import WideDeepNetwork, logits_of
from models.wide_deep.preparation import Inputs
from models.wide_deep.settings import WideDeepSettings
from models.wide_deep.steps import Steps


class Epoch(NamedTuple):
    """The result of one epoch: mean training loss over its steps, loss and AUC on the validation part."""

    training_loss: float
    validation_loss: float
    validation_auc: float


@dataclass
class State:
    """The state of a training after an epoch; with the settings and rows, all that the next epoch needs."""

    network: WideDeepNetwork
    steps: Steps
    best: Tensor
    best_epoch: int = 0
    history: list[Epoch] = field(default_factory=list)

    def is_over(self, settings: WideDeepSettings) -> bool:
        """Return True if epochs or patience have run out."""
        epochs = len(self.history)
        return epochs >= settings.max_epochs or epochs - self.best_epoch >= settings.patience


Hook = Callable[[State], None]


def begin(network: WideDeepNetwork, settings: WideDeepSettings) -> State:
    """Return the state before the first epoch."""
    steps = Steps(network, learning_rate=settings.learning_rate)
    return State(network, steps, steps.flat.clone())


def train(
    state: State,
    training: tuple[Inputs, Labels],
    validation: tuple[Inputs, Labels],
    *,
    settings: WideDeepSettings,
    before_validation: Hook,
    after_epoch: Hook,
) -> None:
    """Train from a state until epochs or patience run out, and leave the best epoch's weights in the network.

    All rows stay on the device. Each pass puts them into a new order first, so that a batch is a slice of them. The
    order depends only on the seed and the number of passes before: a training resumed from a stored state ends as
    if it had never been interrupted.

    Parameters
    ----------
    state : State
        From `begin`, or as stored after an epoch; changed in place.
    training, validation : (Inputs, ndarray)
    settings : WideDeepSettings
    before_validation, after_epoch : callable
        Called with the state before an epoch is measured, and after it has entered the history.

    Raises
    ------
    ModelError
        The loss is no longer a number.
    """
    rows = _Rows(*training, device=state.steps.flat.device)
    passes = math.ceil(settings.minimum_steps / math.ceil(len(rows.labels) / settings.batch_size))
    while not state.is_over(settings):
        epoch = len(state.history) + 1
        losses = [
            rows.go_through(state.steps, settings, number=(epoch - 1) * passes + number)
            for number in range(passes)
        ]
        before_validation(state)
        logits = logits_of(state.network, validation[0])
        loss = cross_entropy(validation[1], logits)
        measured = float(np.mean(losses)), loss
        if not all(map(math.isfinite, measured)):
            raise ModelError(
                f"the loss is no longer a number in epoch {epoch} (training {measured[0]}, validation {loss}): lower "
                f"the learning rate of {settings.learning_rate:g} or look at the numbers that enter"
            )
        if not state.history or loss < state.history[state.best_epoch - 1].validation_loss:
            state.best_epoch = epoch
            state.best.copy_(state.steps.flat)
        state.history.append(Epoch(*measured, auc(validation[1], logits)))
        after_epoch(state)
    state.steps.flat.copy_(state.best)


def permutation(rows: int, *, seed: int, number: int) -> npt.NDArray[np.int64]:
    """Return the order of the rows in the given pass."""
    return np.random.default_rng((seed, number)).permutation(rows)


def cross_entropy(labels: npt.NDArray[np.floating | np.integer], logits: npt.NDArray[np.floating]) -> float:
    """Return the mean binary cross-entropy of logits (section 3.3).

    Examples
    --------
    >>> round(cross_entropy(np.array([0, 1]), np.array([0.0, 0.0])), 4)
    0.6931
    """
    with np.errstate(invalid="ignore"):  # NaN stays NaN
        return float(np.mean(np.logaddexp(0.0, logits) - labels * logits))


class _Rows:
    """The training rows on the device, and a second copy in the order of the current pass."""

    def __init__(self, inputs: Inputs, labels: Labels, *, device: torch.device) -> None:
        self.slots = torch.from_numpy(inputs.slots).to(device, torch.int64)
        self.numbers = torch.from_numpy(inputs.numbers).to(device)
        self.labels = torch.from_numpy(labels).to(device, torch.float32)
        self._ordered = tuple(torch.empty_like(part) for part in (self.slots, self.numbers, self.labels))

    def go_through(self, steps: Steps, settings: WideDeepSettings, *, number: int) -> float:
        """Take the steps of one pass through all rows and return their mean loss."""
        order = permutation(len(self.labels), seed=settings.random_state, number=number)
        index = torch.from_numpy(order).to(self.labels.device)
        for part, ordered in zip((self.slots, self.numbers, self.labels), self._ordered, strict=True):
            torch.index_select(part, 0, index, out=ordered)
        batches = zip(*(torch.split(part, settings.batch_size) for part in self._ordered), strict=True)
        logits = torch.cat([steps.step(*batch) for batch in batches])
        return cross_entropy(self._ordered[2].cpu().numpy(), logits.cpu().numpy())
