"""Joint training of both parts: Adam on the cross-entropy, stopped where the validation loss was lowest."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's name

from models.errors import ModelError
from models.metrics import Labels, auc
from models.wide_deep_network import WideDeepNetwork, logits
from models.wide_deep_preparation import Inputs
from models.wide_deep_settings import WideDeepSettings


class Epoch(NamedTuple):
    """What one epoch left: mean training loss over its steps, loss and AUC on the validation part."""

    training_loss: float
    validation_loss: float
    validation_auc: float


@dataclass
class State:
    """Where a training stands after an epoch; all that the next one needs."""

    network: WideDeepNetwork
    adam: torch.optim.Adam
    history: list[Epoch]
    best_epoch: int
    best: dict[str, Tensor]


AfterEpoch = Callable[[State], None]


def train(
    state: State,
    training: tuple[Inputs, Labels],
    validation: tuple[Inputs, Labels],
    *,
    settings: WideDeepSettings,
    before_validation: Callable[[WideDeepNetwork], None],
    after_epoch: AfterEpoch | None = None,
) -> State:
    """Train on from a state until patience or epochs run out, and leave the best epoch's weights in the network.

    All rows stay on the device; a batch is a piece of a permutation of their numbers. The permutation depends
    on the seed and on how often the rows were gone through only, so that a training that goes on from a stored
    state ends as one that was never interrupted.

    Raises
    ------
    ModelError
        The loss is no longer a number.
    """
    device = state.network.bias.device
    rows = len(training[1])
    slots = torch.from_numpy(training[0].slots).to(device)
    numbers = torch.from_numpy(training[0].numbers).to(device)
    labels = torch.from_numpy(training[1].astype(np.float32)).to(device)
    passes = math.ceil(settings.minimum_steps / math.ceil(rows / settings.batch_size))
    while len(state.history) < settings.max_epochs and (
        len(state.history) - state.best_epoch < settings.patience or not state.history
    ):
        epoch = len(state.history) + 1
        total = torch.zeros((), device=device)
        for number in range(passes):
            order = permutation(rows, seed=settings.random_state, number=(epoch - 1) * passes + number)
            for batch in torch.split(order.to(device), settings.batch_size):
                loss = F.binary_cross_entropy_with_logits(
                    state.network(slots[batch], numbers[batch]), labels[batch]
                )
                state.adam.zero_grad()
                torch.autograd.backward(loss)
                state.adam.step()
                total += loss.detach() * len(batch)
        training_loss = float(total) / (rows * passes)
        before_validation(state.network)
        measured = _measured(state.network, validation, device)
        _refuse_no_number(training_loss, measured, epoch, settings)
        state.history.append(Epoch(training_loss, *measured))
        if not state.best or measured[0] < state.history[state.best_epoch - 1].validation_loss:
            state.best_epoch = epoch
            state.best = {name: value.clone() for name, value in state.network.state_dict().items()}
        if after_epoch is not None:
            after_epoch(state)
    state.network.load_state_dict(state.best)
    return state


def begin(network: WideDeepNetwork, settings: WideDeepSettings) -> State:
    """Return the state before the first epoch."""
    adam = torch.optim.Adam(network.parameters(), lr=settings.learning_rate, fused=True)
    return State(network, adam, [], 0, {})


def permutation(rows: int, *, seed: int, number: int) -> Tensor:
    """Return the order in which the rows are gone through for the given time."""
    return torch.from_numpy(np.random.default_rng((seed, number)).permutation(rows))


def cross_entropy(labels: Labels, said: npt.NDArray[np.float64]) -> float:
    """Return the mean binary cross-entropy of logits (section 3.3)."""
    return float(np.mean(np.logaddexp(0.0, said) - labels * said))


def _measured(
    network: WideDeepNetwork, validation: tuple[Inputs, Labels], device: torch.device
) -> tuple[float, float]:
    """Return loss and AUC on the validation part."""
    inputs, labels = validation
    said = logits(network, inputs, device)
    return cross_entropy(labels, said), auc(labels, said) if np.isfinite(said).all() else math.nan


def _refuse_no_number(
    training_loss: float, measured: tuple[float, float], epoch: int, settings: WideDeepSettings
) -> None:
    """Refuse to go on with weights that are lost."""
    if not (math.isfinite(training_loss) and all(map(math.isfinite, measured))):
        raise ModelError(
            f"the loss is no longer a number in epoch {epoch} (training {training_loss}, validation {measured[0]}): "
            f"lower the learning rate {settings.learning_rate:g} or look at the numbers that enter"
        )
