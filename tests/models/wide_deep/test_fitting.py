"""Steps by hand are those of automatic differentiation; a training is the same whatever interrupts it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812
from wide_deep_frames import GROUPS, make_portfolio, quick

from models.errors import ModelError
from models.wide_deep.classifier import WideDeepClassifier
from models.wide_deep.fitting import permutation
from models.wide_deep.network import WideDeepNetwork, device_of
from models.wide_deep.steps import Steps

FRAME, LABELS = make_portfolio()


def weights_of(model: WideDeepClassifier) -> np.ndarray:
    return torch.cat([value.reshape(-1) for value in model.network_.state_dict().values()]).numpy()


def fitted(**changes: object) -> WideDeepClassifier:
    return WideDeepClassifier(settings=quick(**changes), groups=GROUPS).fit(FRAME, LABELS)


@pytest.mark.parametrize(("wide", "hidden"), [(True, (12, 6)), (True, ()), (False, (12, 6)), (False, (5,))])
def test_steps_are_those_of_automatic_differentiation(wide, hidden):
    torch.manual_seed(0)
    slots, numbers = torch.randint(0, 30, (70, 4)), torch.randn(70, 5)
    labels = (torch.rand(70) < 0.4).float()
    sizes = {"n_slots": 30, "n_fields": 4, "n_numbers": 5, "hidden": hidden, "wide": wide, "seed": 3}
    ours, theirs = WideDeepNetwork(**sizes), WideDeepNetwork(**sizes)
    steps = Steps(ours, learning_rate=1e-2)
    adam = torch.optim.Adam(theirs.parameters(), lr=1e-2)
    for number in range(30):
        rows = slice(32 * (number % 3), 32 * (number % 3) + 32)  # every third batch is short
        said = theirs(slots[rows], numbers[rows])
        adam.zero_grad()
        F.binary_cross_entropy_with_logits(said, labels[rows]).backward()
        adam.step()
        logits = steps.step(slots[rows], numbers[rows], labels[rows])
        torch.testing.assert_close(logits, said.detach(), rtol=1e-3, atol=1e-4)
    for (name, one), other in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one.detach(), other.detach(), rtol=1e-3, atol=1e-4, msg=name)


def test_adam_moves_as_the_optimiser_of_torch_does_bit_for_bit():
    network = WideDeepNetwork(n_slots=30, n_fields=4, n_numbers=5, hidden=(12, 6), wide=True, seed=3)
    steps = Steps(network, learning_rate=1e-2)
    flat = steps.flat.clone().requires_grad_()
    optimizer = torch.optim.Adam([flat], lr=1e-2, fused=True)
    torch.manual_seed(0)
    for _ in range(20):
        steps.step(torch.randint(0, 30, (32, 4)), torch.randn(32, 5), (torch.rand(32) < 0.4).float())
        flat.grad = steps._gradient.clone()
        optimizer.step()
        assert torch.equal(steps.flat, flat.detach())


def test_a_network_without_fields_or_without_numbers_still_learns():
    slots, numbers, labels = torch.zeros(8, 0, dtype=torch.int64), torch.ones(8, 2), torch.ones(8)
    for wide in (True, False):
        network = WideDeepNetwork(n_slots=0, n_fields=0, n_numbers=2, hidden=(3,), wide=wide, seed=0)
        steps = Steps(network, learning_rate=0.1)
        first = steps.step(slots, numbers, labels)
        assert (steps.step(slots, numbers, labels) > first).all()


def test_slots_alone_learn():
    slots, numbers, labels = torch.tensor([[0], [1]] * 4), torch.zeros(8, 0), torch.tensor([0.0, 1.0] * 4)
    for wide, hidden in ((True, ()), (False, (3,))):
        network = WideDeepNetwork(n_slots=2, n_fields=1, n_numbers=0, hidden=hidden, wide=wide, seed=0)
        steps = Steps(network, learning_rate=0.1)
        for _ in range(50):
            said = steps.step(slots, numbers, labels)
        assert (said[::2] < 0).all()
        assert (said[1::2] > 0).all()


def test_the_same_seed_gives_the_same_weights_and_another_does_not():
    once = fitted()
    assert np.array_equal(weights_of(once), weights_of(fitted()))
    assert not np.array_equal(weights_of(once), weights_of(fitted(random_state=8)))


def test_every_row_is_gone_through_once_in_a_new_order():
    first, second = permutation(50, seed=1, number=0), permutation(50, seed=1, number=1)
    assert sorted(first) == sorted(second) == list(range(50))
    assert first.tolist() != second.tolist()


def test_training_stops_after_patience_and_keeps_the_best_epoch():
    model = fitted(max_epochs=60, patience=3, learning_rate=0.03)
    losses = [epoch.validation_loss for epoch in model.history_]
    assert model.best_epoch_ == int(np.argmin(losses)) + 1
    assert len(losses) == model.best_epoch_ + 3 < 60
    shorter = fitted(max_epochs=model.best_epoch_, patience=3, learning_rate=0.03)
    assert np.array_equal(weights_of(model), weights_of(shorter))


def test_few_rows_are_gone_through_until_an_epoch_has_its_steps():
    """480 training rows in batches of 64 are 8 steps: 20 steps need three times through, as 24 do."""
    assert np.array_equal(weights_of(fitted(minimum_steps=20)), weights_of(fitted(minimum_steps=24)))
    assert not np.array_equal(weights_of(fitted(minimum_steps=16)), weights_of(fitted(minimum_steps=24)))


def test_a_loss_that_is_no_number_is_refused_and_leaves_no_model(monkeypatch, tmp_path):
    take, calls = Steps.step, []

    def spoil(steps, *batch):
        calls.append(1)
        if len(calls) == 12:  # 8 steps an epoch: in the second
            steps.flat[5] = float("nan")
        return take(steps, *batch)

    monkeypatch.setattr(Steps, "step", spoil)
    model = WideDeepClassifier(settings=quick(), groups=GROUPS)
    with pytest.raises(
        ModelError, match=r"no longer a number in epoch 2 .* lower the learning rate of 0.003"
    ):
        model.fit(FRAME, LABELS, checkpoint=tmp_path / "state")
    assert not hasattr(model, "network_")


class KilledError(Exception):
    """Stands for whatever ends a process."""


def test_an_interrupted_training_ends_as_an_undisturbed_one(tmp_path, monkeypatch):
    path = tmp_path / "state"
    undisturbed = fitted()
    go_through, calls = Steps.step, []

    def dies(steps, *batch):
        calls.append(1)
        if len(calls) > 20:  # 8 steps an epoch: in the third
            raise KilledError
        return go_through(steps, *batch)

    monkeypatch.setattr(Steps, "step", dies)
    model = WideDeepClassifier(settings=quick(), groups=GROUPS)
    with pytest.raises(KilledError):
        model.fit(FRAME, LABELS, checkpoint=path)
    assert not hasattr(model, "network_")
    monkeypatch.undo()
    resumed = WideDeepClassifier(settings=quick(), groups=GROUPS).fit(FRAME, LABELS, checkpoint=path)
    assert "went on after epoch 2 of a training that was interrupted" in resumed.decisions_
    assert np.array_equal(weights_of(resumed), weights_of(undisturbed))
    assert resumed.history_ == undisturbed.history_
    assert list(tmp_path.iterdir()) == []


def test_a_state_of_other_rows_or_settings_or_a_broken_one_is_passed_over(tmp_path, monkeypatch):
    path = tmp_path / "state"
    for make in (
        lambda: stop_after_one_epoch(path, monkeypatch, FRAME, 1 - LABELS, quick()),
        lambda: stop_after_one_epoch(path, monkeypatch, FRAME, LABELS, quick(learning_rate=1e-3)),
        lambda: path.write_bytes(b"half a file"),
    ):
        make()
        assert path.exists()
        again = WideDeepClassifier(settings=quick(), groups=GROUPS).fit(FRAME, LABELS, checkpoint=path)
        assert not any("interrupted" in line for line in again.decisions_)
        assert np.array_equal(weights_of(again), weights_of(fitted()))


def stop_after_one_epoch(path, monkeypatch, frame, labels, settings):
    def stop(self, state):
        save(self, state)
        raise KilledError

    with monkeypatch.context() as patched:
        from models.wide_deep.checkpoint import Checkpoint

        save = Checkpoint.save
        patched.setattr(Checkpoint, "save", stop)
        with pytest.raises(KilledError):
            WideDeepClassifier(settings=settings, groups=GROUPS).fit(frame, labels, checkpoint=path)


LONG = {"max_epochs": 120, "patience": 120, "learning_rate": 1e-4}
TRAINING = f"""
import sys
from pathlib import Path
from wide_deep_frames import GROUPS, make_portfolio, quick
from models.wide_deep.classifier import WideDeepClassifier
frame, labels = make_portfolio()
WideDeepClassifier(settings=quick(**{LONG!r}), groups=GROUPS).fit(frame, labels, checkpoint=Path(sys.argv[1]))
"""


def test_a_training_that_is_really_killed_goes_on_from_its_last_epoch(tmp_path):
    path = tmp_path / "state"
    here = Path(__file__)
    process = subprocess.Popen(
        [sys.executable, "-c", TRAINING, str(path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(here.parents[3]), str(here.parent)])},
    )
    deadline = time.monotonic() + 120
    while not path.exists():
        assert process.poll() is None, "the training ended before it could be killed"
        assert time.monotonic() < deadline, "no state after two minutes"
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    resumed = WideDeepClassifier(settings=quick(**LONG), groups=GROUPS).fit(FRAME, LABELS, checkpoint=path)
    assert any("interrupted" in line for line in resumed.decisions_)
    undisturbed = fitted(**LONG)
    assert np.array_equal(weights_of(resumed), weights_of(undisturbed))
    assert resumed.history_ == undisturbed.history_


def test_auto_is_cuda_where_there_is_one():
    assert device_of("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_gives_the_probabilities_of_the_cpu():
    on_cpu, on_cuda = fitted(), fitted(device="cuda")
    assert on_cuda.predict_proba(FRAME) == pytest.approx(on_cpu.predict_proba(FRAME), abs=1e-3)
