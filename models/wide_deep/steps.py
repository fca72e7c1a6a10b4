"""One step of training as a few matrix products: forward, backward by hand, Adam on one flat vector."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim.adam import adam

from models.wide_deep.network import WideDeepNetwork

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8


class Steps:
    """Take steps of Adam on the mean cross-entropy of a batch, in buffers made once a batch size.

    The network is small, so that a step by automatic differentiation and an optimiser over many tensors spends
    most of its time on bookkeeping. Here all parameters are views of one vector, and so are their gradients; the
    gradients are those of `WideDeepNetwork.forward` and of the cross-entropy (section 3.3), written out. Adam
    moves every parameter in every step, also the weights of slots that the batch does not show, as
    `torch.optim.Adam` does. A test holds steps against automatic differentiation and that optimiser.

    Parameters
    ----------
    network : WideDeepNetwork
        Its parameters become views of the vector, so that it always has the newest weights.
    learning_rate : float

    Attributes
    ----------
    flat : Tensor
        All parameters, in the order of ``network.parameters()``.
    mean, square : Tensor
        Adam's moments, of the same shape.
    taken : int
        Steps taken so far.

    References
    ----------
    Kingma & Ba (2015), Adam: a method for stochastic optimization. ICLR. Algorithm 1.
    """

    def __init__(self, network: WideDeepNetwork, *, learning_rate: float) -> None:
        named = dict(network.named_parameters())
        self.flat = torch.cat([value.detach().reshape(-1) for value in named.values()])
        self.mean, self.square = torch.zeros_like(self.flat), torch.zeros_like(self.flat)
        self.taken = 0
        self._gradient, self._taken = torch.zeros_like(self.flat), self.flat.new_zeros(())
        self._learning_rate = learning_rate
        values, gradients, start = {}, {}, 0
        for name, value in named.items():
            end = start + value.numel()
            values[name] = self.flat[start:end].view(value.shape)
            gradients[name] = self._gradient[start:end].view(value.shape)
            value.data = values[name]
            start = end
        depth = len(network.weights)
        self._depth, self._wide = depth, network.wide
        self._weights = [values[f"weights.{place}"] for place in range(depth)]
        self._turned = [weight.t() for weight in self._weights]
        self._biases = [values[f"biases.{place}"] for place in range(depth)]
        self._slots, self._out, self._bias = values["slots"], values["out"], values["bias"]
        self._to_weights = [gradients[f"weights.{place}"] for place in range(depth)]
        self._to_biases = [gradients[f"biases.{place}"] for place in range(depth)]
        self._to_slots, self._to_out, self._to_bias = gradients["slots"], gradients["out"], gradients["bias"]
        self._buffers: dict[int, _Buffers] = {}

    @torch.no_grad()
    def step(self, slots: Tensor, numbers: Tensor, labels: Tensor) -> Tensor:
        """Take one step and return the logits before it.

        Parameters
        ----------
        slots : int64 tensor of shape (n_rows, n_fields)
        numbers : float32 tensor of shape (n_rows, n_numbers)
        labels : float32 tensor of shape (n_rows,)
        """
        rows = len(labels)
        if rows not in self._buffers:  # of full batches, and of the last one
            self._buffers[rows] = _Buffers(rows, self._biases)
        buffers = self._buffers[rows]
        logits = self._forward(slots, numbers, buffers)
        difference = torch.sigmoid(logits).sub_(labels).div_(rows)
        self._backward(slots, numbers, difference, buffers)
        self._move()
        return logits

    def _forward(self, slots: Tensor, numbers: Tensor, buffers: _Buffers) -> Tensor:
        """Return the logits and leave each layer's values in its buffer."""
        last = numbers
        for place, value in enumerate(buffers.values):
            torch.addmm(self._biases[place], last, self._weights[place], out=value)
            if place == 0 and not self._wide and slots.shape[1]:
                value.add_(torch.nn.functional.embedding_bag(slots, self._slots, mode="sum"))
            last = value.relu_()
        logits = torch.mv(last, self._out).add_(
            self._bias
        )  # addmv forgets the rows of a matrix without columns
        if self._wide and slots.shape[1]:
            logits += self._slots.take(slots).sum(dim=1)
        return logits

    def _backward(self, slots: Tensor, numbers: Tensor, difference: Tensor, buffers: _Buffers) -> None:
        """Leave the gradients in their vector; ``difference`` is that of the loss by the logits."""
        last = buffers.values[-1] if self._depth else numbers
        torch.mv(last.t(), difference, out=self._to_out)
        torch.sum(difference, 0, keepdim=True, out=self._to_bias)
        self._to_slots.zero_()
        if self._wide and slots.shape[1]:
            spread = difference[:, None].expand(slots.shape).reshape(-1)
            self._to_slots.view(-1).index_add_(0, slots.view(-1), spread)
        for place in reversed(range(self._depth)):
            gradient, value = buffers.differences[place], buffers.values[place]
            if place == self._depth - 1:
                torch.outer(difference, self._out, out=gradient)
            else:
                torch.mm(buffers.differences[place + 1], self._turned[place + 1], out=gradient)
            torch.ops.aten.threshold_backward.grad_input(gradient, value, 0.0, grad_input=gradient)
            below = buffers.turned[place - 1] if place else numbers.t()
            torch.mm(below, gradient, out=self._to_weights[place])
            torch.sum(gradient, 0, out=self._to_biases[place])
        if self._depth and not self._wide:
            for field in slots.t():
                self._to_slots.index_add_(0, field, buffers.differences[0])

    def _move(self) -> None:
        """Move all parameters by Adam's rule: the function behind `torch.optim.Adam`, without its bookkeeping."""
        self._taken.fill_(self.taken)  # adam counts the step itself
        adam(
            [self.flat],
            [self._gradient],
            [self.mean],
            [self.square],
            [],
            [self._taken],
            fused=True,
            lr=self._learning_rate,
            beta1=BETA_1,
            beta2=BETA_2,
            weight_decay=0.0,
            eps=EPSILON,
            amsgrad=False,
            maximize=False,
        )
        self.taken += 1


class _Buffers:
    """Room for the values of the hidden layers of one batch, and for the loss's derivatives by what enters them."""

    def __init__(self, rows: int, layers: Sequence[Tensor]) -> None:
        self.values = [layer.new_empty(rows, len(layer)) for layer in layers]
        self.differences = [layer.new_empty(rows, len(layer)) for layer in layers]
        self.turned = [value.t() for value in self.values]
