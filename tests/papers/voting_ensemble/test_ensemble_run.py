"""A fold of the ensemble's replication: fitted once for both protocols, stored, skipped next time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from models.evaluation import repeated_folds
from models.voting_ensemble.settings import VotingEnsembleSettings
from papers.fold_key import code_hash
from papers.voting_ensemble import run
from papers.voting_ensemble.run import CODE, DataSet

SETTINGS = VotingEnsembleSettings(members=("xgboost", "extra_trees"), oversample=True, bags=2, inner_folds=2)


@pytest.fixture
def rows() -> DataSet:
    rng = np.random.default_rng(1)
    labels = (np.arange(150) % 5 == 0).astype(np.int64)
    frame = pl.DataFrame({f"A{n}": rng.normal(labels * 0.8, 1.0) for n in range(4)})
    return DataSet("small", frame, labels, None)


def test_the_oversampled_members_are_fitted_once_a_fold(
    home: Path, rows: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits = []
    fit = run.scores_after_smote

    def counted(*given, **named):
        fits.append(1)
        return fit(*given, **named)

    monkeypatch.setattr(run, "scores_after_smote", counted)
    splits = repeated_folds(rows.labels, folds=5, repeats=1, random_state=7)
    first = run._scores_after_smote(rows, splits[0], SETTINGS)
    again = run._scores_after_smote(rows, splits[0], SETTINGS)
    assert len(fits) == 1
    assert all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))
    run._scores_after_smote(rows, splits[1], SETTINGS)
    changed = rows._replace(labels=1 - rows.labels)
    run._scores_after_smote(changed, splits[0], SETTINGS)
    assert len(fits) == 3  # another fold, other labels
    assert len(list((home / "replication").glob("*.npz"))) == 3


def test_the_tables_keep_the_papers_method_whatever_a_training_would_decide() -> None:
    assert run.PAPER.oversample is True
    assert VotingEnsembleSettings().oversample is None


def test_a_protocol_is_measured_again_when_its_own_code_changes() -> None:
    assert len({code_hash(code) for code in CODE.values()}) == len(CODE)
