"""A fold of the ensemble's replication: fitted once for both protocols, stored, skipped next time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from models.evaluation import repeated_folds
from models.voting_ensemble.settings import VotingEnsembleSettings
from papers.voting_ensemble import run as replicate_ensemble
from papers.voting_ensemble.run import CODE, CODE_OF, Rows

SETTINGS = VotingEnsembleSettings(members=("xgboost", "extra_trees"), bags=2, inner_folds=2)


@pytest.fixture
def rows() -> Rows:
    rng = np.random.default_rng(1)
    labels = (np.arange(150) % 5 == 0).astype(np.int64)
    frame = pl.DataFrame({f"A{n}": rng.normal(labels * 0.8, 1.0) for n in range(4)})
    return Rows("small", frame, labels, None)


def test_the_oversampled_members_are_fitted_once_a_fold(
    home: Path, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits = []
    fit = replicate_ensemble.said_after_smote

    def counted(*given, **named):
        fits.append(1)
        return fit(*given, **named)

    monkeypatch.setattr(replicate_ensemble, "said_after_smote", counted)
    splits = repeated_folds(rows.labels, folds=5, repeats=1, random_state=7)
    first = replicate_ensemble._refit(rows, splits[0], SETTINGS)
    again = replicate_ensemble._refit(rows, splits[0], SETTINGS)
    assert len(fits) == 1
    assert all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))
    replicate_ensemble._refit(rows, splits[1], SETTINGS)
    changed = rows._replace(labels=1 - rows.labels)
    replicate_ensemble._refit(changed, splits[0], SETTINGS)
    assert len(fits) == 3  # another fold, other labels
    assert len(list((home / "replication").glob("*.npz"))) == 3


def test_a_protocol_is_measured_again_when_its_own_code_changes(rows: Rows) -> None:
    marks = {
        protocol: replicate_ensemble._mark(rows.frame, rows.labels, (*CODE, *own))
        for protocol, own in CODE_OF.items()
    }
    assert len(set(marks.values())) == len(CODE_OF)
    models = Path(replicate_ensemble.plots.__file__).parent
    assert all((models / f"{name}.py").exists() for own in CODE_OF.values() for name in (*CODE, *own))
