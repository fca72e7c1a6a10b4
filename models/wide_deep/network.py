"""Define the network: one weight a slot, hidden layers over the numbers, one linear output over both."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Self

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import expit
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the field's name

from models.wide_deep.preparation import CHUNK, Inputs, WideDeepPreparation
from models.wide_deep.settings import WideDeepSettings

# Every step here is small, and folds run side by side, on one core each. torch has one number of threads for the whole
# process, so it is set once, where torch is first imported, and never around a piece of work, since pieces that run
# side by side would undo it.
torch.set_num_threads(1)


class WideDeepNetwork(nn.Module):
    """Compute the logits of rows: ``b + sum of slot weights + v' h`` with ``h`` the last hidden layer (section 3.3).

    Without the deep part ``h`` is the numbers themselves (logistic regression). Without the wide part
    each slot has a vector instead of a weight, and their sum enters the first hidden layer: the dense layer
    over one-hot inputs, looked up (DNN). The sum over the slots of a row is a sparse one-hot product.

    Parameters
    ----------
    n_slots, n_fields, n_numbers : int
    hidden : sequence of int
        Number of neurons; empty without the deep part.
    wide : bool
        True: slots enter the output layer; False: the first hidden layer.
    seed : int
        Seed of the first weights: uniform within 1 / sqrt(inputs) into and out of hidden layers, zero from slots
        and numbers to the output.
    """

    def __init__(
        self,
        *,
        n_slots: int,
        n_fields: int,
        n_numbers: int,
        hidden: Sequence[int],
        wide: bool,
        seed: int,
    ) -> None:
        super().__init__()
        self.wide = wide
        generator = torch.Generator().manual_seed(seed)
        slots_into_hidden = not wide and n_fields > 0
        sizes = [n_numbers, *hidden]
        fan_in = [n_numbers + (n_fields if slots_into_hidden else 0), *hidden]
        self.weights = nn.ParameterList()  # each of shape (inputs, neurons)
        self.biases = nn.ParameterList()
        for place, size in enumerate(hidden):
            self.weights.append(_uniform((sizes[place], size), fan_in[place], generator))
            self.biases.append(_uniform((size,), fan_in[place], generator))
        self.slots = (
            _uniform((n_slots, hidden[0]), fan_in[0], generator)
            if slots_into_hidden
            else nn.Parameter(torch.zeros(n_slots, 1))
        )
        self.out = (
            _uniform((hidden[-1],), hidden[-1], generator) if hidden else nn.Parameter(torch.zeros(n_numbers))
        )
        self.bias = nn.Parameter(torch.zeros(1))

    @classmethod
    def for_settings(cls, settings: WideDeepSettings, prepared: WideDeepPreparation) -> Self:
        """Return the untrained network for prepared rows."""
        return cls(
            n_slots=prepared.n_slots_,
            n_fields=len(prepared.field_names_),
            n_numbers=len(prepared.means_),
            hidden=settings.hidden if settings.deep else (),
            wide=settings.wide,
            seed=settings.random_state,
        )

    def finished(self) -> Self:
        """Return this network on the CPU, in double precision and frozen, ready for scoring and explaining."""
        return self.cpu().double().requires_grad_(requires_grad=False)

    def forward(self, slots: Tensor, numbers: Tensor) -> Tensor:
        """Return the logit of each row.

        Parameters
        ----------
        slots : integer tensor of shape (n_samples, n_fields)
        numbers : tensor of shape (n_samples, n_numbers)
        """
        looked_up = F.embedding_bag(slots, self.slots, mode="sum") if slots.shape[1] else None
        last = numbers
        for place, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            last = torch.addmm(bias, last, weight)
            if place == 0 and not self.wide and looked_up is not None:
                last = last + looked_up
            last = F.relu(last)
        logits = last @ self.out + self.bias
        return logits + looked_up[:, 0] if self.wide and looked_up is not None else logits

    @torch.no_grad()
    def fill_absent(self, presence: npt.NDArray[np.float64], offsets: npt.NDArray[np.int32]) -> None:
        """Give slots without any training row the mean weight of their field, so that they move the logit neither way.

        Parameters
        ----------
        presence : ndarray of shape (n_slots,)
            Share of training rows in each slot.
        offsets : ndarray of shape (n_fields + 1,)
            First slot of each field.
        """
        weights = self.slots.detach().cpu().double().numpy()
        for start, end in pairwise(offsets):
            share = presence[start:end]
            weights[start:end][share == 0] = share @ weights[start:end]
        self.slots.copy_(torch.from_numpy(weights))


def probabilities(network: WideDeepNetwork, inputs: Inputs) -> npt.NDArray[np.float64]:
    """Return the probability of default of each row, in chunks.

    With a finished network, in double precision, a row's probability does not depend on the other rows, to about
    1e-15.
    """
    return np.asarray(expit(logits_of(network, inputs)), dtype=np.float64)


@torch.no_grad()
def logits_of(network: WideDeepNetwork, inputs: Inputs) -> npt.NDArray[np.float64]:
    """Return the logit of each row, in chunks, in the precision and on the device of the network."""
    logits = np.empty(len(inputs.slots))
    for start in range(0, len(logits), CHUNK):
        rows = slice(start, start + CHUNK)
        output = network(
            torch.from_numpy(inputs.slots[rows]).to(network.bias.device),
            torch.from_numpy(inputs.numbers[rows]).to(network.bias),
        )
        logits[rows] = output.cpu().numpy()
    return logits


def device_of(setting: str) -> torch.device:
    """Return the device of a setting: auto is CUDA if there is one, else the CPU."""
    if setting == "auto":
        setting = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(setting)


def _uniform(shape: tuple[int, ...], fan_in: int, generator: torch.Generator) -> nn.Parameter:
    bound = 1.0 / max(fan_in, 1) ** 0.5
    return nn.Parameter((torch.rand(shape, generator=generator) * 2 - 1) * bound)
