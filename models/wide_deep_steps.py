"""One step of training as a few matrix products: forward, backward by hand, Adam on one flat vector."""

from __future__ import annotations

import torch
from torch import Tensor

from models.wide_deep_network import WideDeepNetwork

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8


class Steps:
    """Take steps of Adam on the mean cross-entropy of a batch, in buffers that are made once.

    The network is small, so that a step by automatic differentiation and an optimiser over many tensors spends
    most of its time on bookkeeping. Here all parameters are views of one vector, and so are their gradients; the
    gradients are those of `WideDeepNetwork.forward` and of the cross-entropy (section 3.3), written out. Adam
    moves every parameter in every step, also the weights of slots that the batch does not show, as
    `torch.optim.Adam` does. A test holds steps against automatic differentiation and that optimiser.

    Parameters
    ----------
    network : WideDeepNetwork
        Its parameters become views of the vector, so that it always has the newest weights.
    batch_size : int
        Most rows of a step.
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

    def __init__(self, network: WideDeepNetwork, *, batch_size: int, learning_rate: float) -> None:
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
        self._wide = network.wide
        self._weights = [values[f"weights.{place}"] for place in range(depth)]
        self._biases = [values[f"biases.{place}"] for place in range(depth)]
        self._slots, self._out, self._bias = values["slots"], values["out"], values["bias"]
        self._to_weights = [gradients[f"weights.{place}"] for place in range(depth)]
        self._to_biases = [gradients[f"biases.{place}"] for place in range(depth)]
        self._to_slots, self._to_out, self._to_bias = gradients["slots"], gradients["out"], gradients["bias"]
        sizes = [(batch_size, len(bias)) for bias in self._biases]
        self._values = [self.flat.new_empty(size) for size in sizes]
        self._differences = [self.flat.new_empty(size) for size in sizes]

    @torch.no_grad()
    def step(self, slots: Tensor, numbers: Tensor, labels: Tensor) -> Tensor:
        """Take one step and return the logits before it.

        Parameters
        ----------
        slots : int64 tensor of shape (n_rows, n_fields)
        numbers : float32 tensor of shape (n_rows, n_numbers)
        labels : float32 tensor of shape (n_rows,)
        """
        logits = self._forward(slots, numbers)
        difference = torch.sigmoid(logits).sub_(labels).div_(len(labels))
        self._backward(slots, numbers, difference)
        self._move()
        return logits

    def _forward(self, slots: Tensor, numbers: Tensor) -> Tensor:
        """Return the logits and leave each layer's values in its buffer."""
        last = numbers
        for place, (weight, bias) in enumerate(zip(self._weights, self._biases, strict=True)):
            value = self._values[place][: len(slots)]
            torch.addmm(bias, last, weight.t(), out=value)
            if place == 0 and not self._wide and slots.shape[1]:
                value += torch.nn.functional.embedding_bag(slots, self._slots, mode="sum")
            last = value.relu_()
        logits = torch.mv(last, self._out).add_(self._bias)
        if self._wide and slots.shape[1]:
            logits += self._slots.view(-1).take(slots).sum(dim=1)
        return logits

    def _backward(self, slots: Tensor, numbers: Tensor, difference: Tensor) -> None:
        """Leave the gradients in their vector; ``difference`` is that of the loss by the logits."""
        below = [numbers, *(value[: len(slots)] for value in self._values)]
        torch.mv(below[-1].t(), difference, out=self._to_out)
        torch.sum(difference, 0, keepdim=True, out=self._to_bias)
        self._to_slots.zero_()
        if self._wide and slots.shape[1]:
            spread = difference[:, None].expand(slots.shape).reshape(-1)
            self._to_slots.view(-1).index_add_(0, slots.reshape(-1), spread)
        for place in reversed(range(len(self._weights))):
            here = self._differences[place][: len(slots)]
            if place == len(self._weights) - 1:
                torch.outer(difference, self._out, out=here)
            else:
                torch.mm(self._differences[place + 1][: len(slots)], self._weights[place + 1], out=here)
            torch.ops.aten.threshold_backward.grad_input(here, below[place + 1], 0.0, grad_input=here)
            torch.mm(here.t(), below[place], out=self._to_weights[place])
            torch.sum(here, 0, out=self._to_biases[place])
            if place == 0 and not self._wide:
                for field in slots.t():
                    self._to_slots.index_add_(0, field, here)

    def _move(self) -> None:
        """Move all parameters by Adam's rule: the kernel of `torch.optim.Adam`, without its bookkeeping."""
        self.taken += 1
        self._taken.fill_(self.taken)
        torch.ops.aten._fused_adam_(
            [self.flat],
            [self._gradient],
            [self.mean],
            [self.square],
            [],
            [self._taken],
            lr=self._learning_rate,
            beta1=BETA_1,
            beta2=BETA_2,
            weight_decay=0.0,
            eps=EPSILON,
            amsgrad=False,
            maximize=False,
        )
