"""A stored Wide & Deep model of each form scores bit for bit as the fitted one, and its file fits its description."""

from __future__ import annotations

import hashlib
import json
import zipfile

import numpy as np
import pytest
from wide_deep_frames import GROUPS, make_portfolio, quick

from models import artefact
from models.calibration import Calibrator
from models.errors import ArtefactError
from models.master_scale import MasterScale
from models.scoring import CalibratedModel, score
from models.wide_deep.classifier import WideDeepClassifier

FRAME, LABELS = make_portfolio()
NIGHT = make_portfolio(150, seed=9).frame


@pytest.fixture(
    scope="module", params=[(True, True), (True, False), (False, True)], ids=["both", "wide", "deep"]
)
def model(request) -> CalibratedModel:
    wide, deep = request.param
    classifier = WideDeepClassifier(settings=quick(wide=wide, deep=deep), groups=GROUPS).fit(FRAME, LABELS)
    calibrator = Calibrator().fit(classifier.predict_proba(FRAME)[:, 1], LABELS)
    return CalibratedModel(classifier, calibrator, MasterScale(), "its own rows")


def test_round_trip_gives_identical_scores_and_reasons(model, tmp_path):
    path, sha256 = artefact.save(model, tmp_path)
    assert path.name.startswith("wide_deep-")
    again = artefact.load(path, sha256=sha256, schema_hash=model.classifier.schema_hash_)
    assert score(again, NIGHT).equals(score(model, NIGHT))
    one, other = (kept.classifier.explain(NIGHT, kept.calibrator) for kept in (model, again))
    assert np.array_equal(one.contributions, other.contributions)
    assert one.base_value == other.base_value
    for name in ("settings", "groups"):
        assert again.classifier.get_params()[name] == model.classifier.get_params()[name]
    for name in ("history_", "best_epoch_", "groups_", "left_out_", "decisions_", "base_rate_", "n_samples_"):
        assert getattr(again.classifier, name) == getattr(model.classifier, name)
    assert again.classifier.unseen_counts(NIGHT) == model.classifier.unseen_counts(NIGHT)
    assert artefact.save(again, tmp_path) == (path, sha256)


def test_weights_are_safetensors_and_the_rest_is_readable(model, tmp_path):
    path, _ = artefact.save(model, tmp_path)
    with zipfile.ZipFile(path) as archive:
        assert set(archive.namelist()) == {"model.json", "network.safetensors", "arrays.npz"}
        about = json.loads(archive.read("model.json"))
    assert about["settings"]["hidden"] == [16, 8]
    assert about["fields"][0]["name"] == "city"


def test_a_description_that_does_not_fit_the_weights_is_refused(model, tmp_path):
    """Whoever can also write the registry still gets no model of other weights."""
    path, _ = artefact.save(model, tmp_path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    about = json.loads(members["model.json"])
    about["fields"][0]["levels"].append("atlantis")
    members["model.json"] = json.dumps(about).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(ArtefactError, match="do not fit"):
        artefact.load(path, sha256=digest, schema_hash=model.classifier.schema_hash_)
