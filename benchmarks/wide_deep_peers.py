"""Train Wide & Deep the way others do, for the comparison only: a plain DataLoader loop and pytorch-widedeep."""

from __future__ import annotations

import time
from itertools import pairwise

BATCH, RATE, HIDDEN = 256, 1e-4, (256, 128, 64)


class Clock:
    """Measures wall and CPU seconds of each epoch, from one tick to the next."""

    def __init__(self) -> None:
        self.wall, self.cpu = [time.perf_counter()], [time.process_time()]

    def tick(self, *_: object) -> None:
        """Note that an epoch has ended."""
        self.wall.append(time.perf_counter())
        self.cpu.append(time.process_time())

    def fastest(self) -> dict[str, float]:
        """Return the seconds of the fastest epoch, which other work on the machine disturbed least."""
        return {
            name: min(b - a for a, b in pairwise(times))
            for name, times in (("wall", self.wall), ("cpu", self.cpu))
        }


def plain(  # noqa: ANN201 - scores
    data: dict, epochs: int, seed: int, clock: Clock, *, one_hot: bool = False, batch: int = BATCH
):
    """Train as the tutorials do: TensorDataset, DataLoader, automatic differentiation, torch.optim.Adam."""
    import numpy as np
    import torch
    from torch import nn

    torch.manual_seed(seed)
    n_slots, n_numbers = int(data["n_slots"]), data["numbers"].shape[1]

    class WideAndDeep(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.wide = (
                nn.Linear(n_slots, 1, bias=False) if one_hot else nn.EmbeddingBag(n_slots, 1, mode="sum")
            )
            sizes = (n_numbers, *HIDDEN)
            layers = [layer for a, b in pairwise(sizes) for layer in (nn.Linear(a, b), nn.ReLU())]
            self.deep = nn.Sequential(*layers, nn.Linear(HIDDEN[-1], 1))
            nn.init.zeros_(self.wide.weight)

        def forward(self, slots: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
            return (self.wide(slots) + self.deep(numbers))[:, 0]

    def wide_input(slots: np.ndarray) -> torch.Tensor:
        indices = torch.from_numpy(slots).long()
        return torch.zeros(len(slots), n_slots).scatter_(1, indices, 1.0) if one_hot else indices

    network, loss = WideAndDeep(), nn.BCEWithLogitsLoss()
    optimizer = torch.optim.Adam(network.parameters(), lr=RATE)
    rows = torch.utils.data.TensorDataset(
        wide_input(data["slots"]), torch.from_numpy(data["numbers"]), torch.from_numpy(data["labels"]).float()
    )
    for _ in range(epochs):
        for slots, numbers, labels in torch.utils.data.DataLoader(rows, batch_size=batch, shuffle=True):
            optimizer.zero_grad()
            loss(network(slots, numbers), labels).backward()
            optimizer.step()
        clock.tick()
    with torch.no_grad():
        return network(wide_input(data["held_slots"]), torch.from_numpy(data["held_numbers"])).numpy()


def library(data: dict, epochs: int, seed: int, clock: Clock):  # noqa: ANN201 - scores
    """Train with pytorch-widedeep: Wide, TabMlp and its Trainer on the same inputs and first wide weights."""
    import numpy as np
    import torch
    from pytorch_widedeep import Trainer
    from pytorch_widedeep.callbacks import Callback
    from pytorch_widedeep.models import TabMlp, Wide, WideDeep

    torch.manual_seed(seed)
    names = [f"tx_{n}" for n in range(data["numbers"].shape[1])]
    wide = Wide(input_dim=int(data["n_slots"]), pred_dim=1)
    torch.nn.init.zeros_(wide.wide_linear.weight)
    deep = TabMlp(
        column_idx={name: n for n, name in enumerate(names)},
        continuous_cols=names,
        mlp_hidden_dims=list(HIDDEN),
        mlp_activation="relu",
        mlp_dropout=0.0,
    )

    class Ticks(Callback):
        def on_epoch_end(self, *_: object, **__: object) -> None:
            clock.tick()

    trainer = Trainer(
        WideDeep(wide=wide, deeptabular=deep),
        objective="binary",
        optimizers={
            part: torch.optim.Adam(model.parameters(), lr=RATE)
            for part, model in (("wide", wide), ("deeptabular", deep))
        },
        verbose=0,
        seed=seed,
        device="cpu",
        num_workers=0,
        callbacks=[Ticks()],
    )
    slots = data["slots"].astype(np.int64) + 1  # 0 is its padding
    trainer.fit(X_wide=slots, X_tab=data["numbers"], target=data["labels"], n_epochs=epochs, batch_size=BATCH)
    return trainer.predict_proba(
        X_wide=data["held_slots"].astype(np.int64) + 1, X_tab=data["held_numbers"], batch_size=4096
    )[:, 1]


def one_hot(data: dict, epochs: int, seed: int, clock: Clock):  # noqa: ANN201 - scores
    """Train with the plain loop and a wide part of zeros and ones."""
    return plain(data, epochs, seed, clock, one_hot=True)
