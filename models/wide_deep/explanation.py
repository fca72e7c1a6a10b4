"""Split the PD of a Wide & Deep model among its features: the wide part exactly, the deep part by DeepLIFT."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from models.calibration import Calibrator
from models.explanation import Explanation, completed, slopes_of, value_at
from models.wide_deep.preparation import Inputs, WideDeepPreparation

if TYPE_CHECKING:
    from models.wide_deep.network import WideDeepNetwork

Matrix = npt.NDArray[np.float64]

CHUNK = 4_096  # rows explained at once
NEAR = 1e-12  # a pre-activation this close to its reference uses the slope there


class LogitParts(NamedTuple):
    """A logit in parts: that of the reference, and the additions of each field and each column of the deep part."""

    base: float
    fields: Matrix
    numbers: Matrix


def explain_wide_deep(
    network: WideDeepNetwork, preparation: WideDeepPreparation, calibrator: Calibrator, inputs: Inputs
) -> Explanation:
    """Return the contribution of each feature to the calibrated PD of each row.

    The reference is the training mean: each slot counts with its share of training rows, each number with its mean.
    So each model version has one base value, the PD at that reference.

    A field of the wide part adds the weight of the row's slot minus the field's mean weight. The deep part follows
    DeepLIFT's rescale rule: a ReLU passes on each difference from the reference in the proportion in which it passed
    on the whole difference, so that the differences add up layer by layer. (captum, which implements it, does not work
    with numpy 2.) Both parts add up to the logit. The contribution of a cross is shared equally by its two fields,
    so that only columns of the feature mart are named; a mark of gaps counts for the first number of its pattern. From
    logit to PD the rescale rule of `models.explanation` applies, with sigmoid and calibration as one curve.

    Parameters
    ----------
    network : WideDeepNetwork
        Fitted, in double precision; on any device, it stays there.
    preparation : WideDeepPreparation
        Fitted.
    calibrator : Calibrator
        Fitted.
    inputs : Inputs
        Prepared rows.

    References
    ----------
    Shrikumar, Greenside & Kundaje (2017), Learning important features through propagating activation
    differences. ICML.
    Vanhoeven & Chen, section 3.3.
    """
    parts = logit_parts(network, preparation, inputs)
    features = tuple(name for name, _ in preparation.schema_)
    place = {name: number for number, name in enumerate(features)}
    contributions = np.zeros((len(inputs.slots), len(features)))
    for number, field in enumerate(preparation.fields_):
        contributions[:, place[field.name]] += parts.fields[:, number]
    for number, cross in enumerate(preparation.crosses_, start=len(preparation.fields_)):
        for side in (cross.left, cross.right):
            contributions[:, place[preparation.fields_[side].name]] += parts.fields[:, number] / 2
    for number, source in enumerate(preparation.numbers_.sources):
        contributions[:, place[source]] += parts.numbers[:, number]

    def published(logits: Matrix) -> Matrix:
        return calibrator.predict(expit(logits))

    logits = parts.base + contributions.sum(axis=1)
    base_value = value_at(published, parts.base)
    contributions *= slopes_of(published, parts.base, logits)
    whole = completed(contributions, published(logits) - base_value)
    return Explanation(base_value, whole, features, expit(logits))


def logit_parts(network: WideDeepNetwork, preparation: WideDeepPreparation, inputs: Inputs) -> LogitParts:
    """Return the logit of each row as a base and additions.

    Parameters
    ----------
    network, preparation, inputs
        As in `explain_wide_deep`.
    """
    weights = {name: value.detach().double().cpu().numpy() for name, value in network.named_parameters()}
    slots = weights["slots"]
    shares = preparation.presence_[:, None] * slots
    mean = np.array(
        [
            shares[start:end].sum(axis=0)
            for start, end in zip(preparation.offsets_[:-1], preparation.offsets_[1:], strict=True)
        ]
    ).reshape(-1, slots.shape[1])
    layers = _Layers(weights, preparation.means_, np.zeros(1) if network.wide else mean.sum(axis=0))
    fields = np.empty(inputs.slots.shape)
    numbers = np.empty(inputs.numbers.shape)
    for start in range(0, len(fields), CHUNK):
        rows = slice(start, start + CHUNK)
        away = inputs.numbers[rows].astype(np.float64) - preparation.means_
        added = slots[inputs.slots[rows]] - mean
        if network.wide:
            into, out = layers.multipliers(away, np.zeros(1))
            fields[rows] = added[:, :, 0]
        else:
            into, out = layers.multipliers(away, added.sum(axis=1))
            fields[rows] = np.einsum("rfk,rk->rf", added, into)
        numbers[rows] = out * away
    base = layers.base + (float(mean.sum()) if network.wide else 0.0)
    return LogitParts(base, fields, numbers)


class _Layers:
    """The hidden layers with their values at the reference."""

    def __init__(self, weights: dict[str, Any], numbers: Matrix, looked_up: Matrix) -> None:
        places = range(sum(name.startswith("weights.") for name in weights))
        self.weights = [weights[f"weights.{place}"] for place in places]
        self.biases = [weights[f"biases.{place}"] for place in places]
        self.out = weights["out"]
        self.reference: list[Matrix] = []
        last = numbers
        for place in places:
            before = last @ self.weights[place] + self.biases[place]
            if place == 0:
                before = before + looked_up
            self.reference.append(before)
            last = np.maximum(before, 0.0)
        self.base = float(self.out @ last + weights["bias"][0])

    def multipliers(self, away: Matrix, looked_up: Matrix) -> tuple[Matrix, Matrix]:
        """Return the change of the logit per unit of difference, at the first hidden layer and at the numbers.

        Parameters
        ----------
        away : ndarray of shape (n_samples, n_numbers)
            Numbers minus the reference.
        looked_up : ndarray of shape (n_samples, n_hidden) or (1,)
            Sum of the slots' vectors in the first hidden layer, minus the reference.
        """
        slopes, last = [], away
        for place, (weight, at) in enumerate(zip(self.weights, self.reference, strict=True)):
            moved = last @ weight
            if place == 0:
                moved += looked_up
            last = np.maximum(at + moved, 0.0) - np.maximum(at, 0.0)
            near = np.abs(moved) < NEAR
            slopes.append(np.where(near, at > 0, last / np.where(near, 1.0, moved)))
        into = np.broadcast_to(self.out, (len(away), len(self.out)))
        at_hidden = into
        for weight, slope in zip(reversed(self.weights), reversed(slopes), strict=True):
            at_hidden = into * slope
            into = at_hidden @ weight.T
        return at_hidden, into
