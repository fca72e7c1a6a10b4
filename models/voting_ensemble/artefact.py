"""Store the voting ensemble in the files of a model artefact, and read it back."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from models.metrics import Interval
from models.schema import Column
from models.stored_arrays import dump_arrays, load_arrays
from models.stored_learner import dump_learner, load_learner
from models.voting_ensemble.classifier import VotingEnsembleClassifier
from models.voting_ensemble.members import make_member
from models.voting_ensemble.oversampling import Oversampling
from models.voting_ensemble.preparation import StandardPreparation
from models.voting_ensemble.settings import VotingEnsembleSettings
from models.voting_ensemble.voting import Combiner

FORMAT = "nightledger voting_ensemble 1"

ARRAYS = ("mean_", "scale_")


def dump(classifier: VotingEnsembleClassifier) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return the description of a fitted classifier and its files."""
    check_is_fitted(classifier, "members_")
    files = {"arrays.npz": dump_arrays({name: getattr(classifier.preparation_, name) for name in ARRAYS})}
    for name, fitted in classifier.members_.items():
        files |= dump_learner(name, fitted)
    return _describe(classifier), files


def load(about: dict[str, Any], members: dict[str, bytes]) -> VotingEnsembleClassifier:
    """Rebuild the fitted classifier from its description, arrays and members; its selection is not kept."""
    settings = VotingEnsembleSettings.model_validate(about["settings"])
    held = about["held"] if "held" in about else {}  # noqa: SIM401 - models stored before there was any have none
    classifier = VotingEnsembleClassifier(settings=settings, groups=about["groups"], directions=held)
    classifier.held_ = held
    classifier.preparation_ = _preparation(about, load_arrays(members["arrays.npz"]))
    vote = about["combiner"]
    classifier.combiner_ = Combiner(
        kind=vote["kind"],
        members=tuple(vote["members"]),
        weights=tuple(vote["weights"]),
        intercept=vote["intercept"],
    )
    classifier.members_ = {
        name: load_learner(name, members, make_member(name, random_state=settings.random_state))
        for name in vote["members"]
    }
    classifier.oversampled_, classifier.oversampling_ = _oversampling(about, settings)
    classifier.left_out_, classifier.decisions_ = about["left_out"], tuple(about["decisions"])
    classifier.base_rate_, classifier.n_samples_ = about["base_rate"], about["n_samples"]
    classifier.groups_ = tuple(about["groups_"])
    classifier.classes_ = np.array([0, 1])
    names = [column.name for column in classifier.preparation_.schema_]
    classifier.feature_names_in_ = np.array(names, dtype=object)
    classifier.n_features_in_ = len(names)
    classifier.schema_hash_ = classifier.preparation_.schema_hash_
    return classifier


def _describe(classifier: VotingEnsembleClassifier) -> dict[str, Any]:
    """Return all of the classifier that is text and single numbers."""
    prepared = classifier.preparation_
    return {
        "format": FORMAT,
        "settings": (classifier.settings or VotingEnsembleSettings()).model_dump(mode="json"),
        "groups": None if classifier.groups is None else dict(classifier.groups),
        "held": classifier.held_,
        "schema": [list(column) for column in prepared.schema_],
        "schema_hash": prepared.schema_hash_,
        "levels": [[name, levels] for name, levels in prepared.levels_.items()],
        "rare": [[name, levels] for name, levels in prepared.rare_.items()],
        "marks": list(prepared.marks_),
        "infinite": prepared.infinite_,
        "combiner": asdict(classifier.combiner_),
        "oversampled": classifier.oversampled_,
        "oversampling": None if classifier.oversampling_ is None else asdict(classifier.oversampling_),
        "groups_": list(classifier.groups_),
        "left_out": classifier.left_out_,
        "decisions": list(classifier.decisions_),
        "base_rate": classifier.base_rate_,
        "n_samples": classifier.n_samples_,
    }


def _oversampling(
    about: dict[str, Any], settings: VotingEnsembleSettings
) -> tuple[bool, Oversampling | None]:
    """Return whether the members were oversampled, and how that was decided; older files have it in the settings."""
    if "oversampled" not in about:
        return bool(settings.oversample), None
    found = about["oversampling"]
    if found is None:
        return about["oversampled"], None
    return about["oversampled"], Oversampling(
        found["without"], found["after"], Interval(*found["difference"])
    )


def _preparation(about: dict[str, Any], arrays: dict[str, Any]) -> StandardPreparation:
    """Rebuild the fitted preparation."""
    prepared = StandardPreparation()
    prepared.schema_ = tuple(Column(*column) for column in about["schema"])
    prepared.schema_hash_ = about["schema_hash"]
    prepared.n_features_in_ = len(prepared.schema_)
    prepared.levels_, prepared.rare_ = dict(about["levels"]), dict(about["rare"])
    prepared.numbers_ = tuple(column.name for column in prepared.schema_ if column.kind == "number")
    prepared.marks_, prepared.infinite_ = tuple(about["marks"]), dict(about["infinite"])
    for name in ARRAYS:
        setattr(prepared, name, arrays[name])
    prepared.name_outputs()
    return prepared
