"""A stored model scores exactly as the fitted one, and a file that is not the registered one is refused."""

from __future__ import annotations

import hashlib
import io
import json
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import skops.io
from labelled_frames import make_portfolio, quick
from sklearn.preprocessing import FunctionTransformer

from models import artefact
from models.calibration import Calibrator
from models.errors import ArtefactError
from models.master_scale import MasterScale
from models.operational_risk import artefact as operational_artefact
from models.operational_risk.classifier import OperationalRiskClassifier
from models.pd_interval import PdInterval
from models.scoring import CalibratedModel, score
from models.stored_arrays import pack

NIGHT = make_portfolio(90, seed=9)


@pytest.fixture(scope="module", params=["xgboost", "logistic_regression", "svm", "random_forest"])
def model(request, portfolio):
    classifier = OperationalRiskClassifier(settings=quick(request.param), groups=portfolio.groups)
    classifier.fit(portfolio.frame, portfolio.labels)
    calibrator = Calibrator().fit(classifier.predict_proba(portfolio.frame)[:, 1], portfolio.labels)
    raw, borrowers = classifier.predict_proba(portfolio.frame)[:, 1], np.arange(portfolio.frame.height)
    interval = PdInterval().fit(raw, portfolio.labels, borrowers)
    return CalibratedModel(classifier, calibrator, MasterScale(), "its own rows", interval)


def test_round_trip_gives_identical_scores(model, tmp_path):
    path, sha256 = artefact.save(model, tmp_path)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == sha256
    again = artefact.load(path, sha256=sha256, schema_hash=model.classifier.schema_hash_)
    assert score(again, NIGHT.frame).equals(score(model, NIGHT.frame))
    assert again.classifier.get_params()["settings"] == model.classifier.settings
    assert again.classifier.groups_ == model.classifier.groups_
    assert again.classifier.left_out_ == model.classifier.left_out_
    assert again.classifier.unseen_counts(NIGHT.frame) == model.classifier.unseen_counts(NIGHT.frame)


def test_a_file_from_before_there_were_intervals_scores_without(model, tmp_path):
    path, _ = artefact.save(model, tmp_path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    about = json.loads(members["model.json"])
    assert about.pop("interval") is not None
    content = pack({**members, "model.json": json.dumps(about).encode()})
    path.write_bytes(content)
    schema_hash = model.classifier.schema_hash_
    old = artefact.load(path, sha256=hashlib.sha256(content).hexdigest(), schema_hash=schema_hash)
    scores, bounds = score(old, NIGHT.frame), ["pd_lower", "pd_upper"]
    assert scores.select(bounds).null_count().row(0) == (90, 90)
    assert scores.drop(bounds).equals(score(model, NIGHT.frame).drop(bounds))
    assert scores.schema == score(model, NIGHT.frame).schema


def test_saving_twice_leaves_one_file(model, tmp_path):
    assert artefact.save(model, tmp_path) == artefact.save(model, tmp_path)
    assert len(list(tmp_path.iterdir())) == 1


def test_any_changed_byte_is_refused(model, tmp_path):
    path, sha256 = artefact.save(model, tmp_path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ArtefactError, match="SHA-256 differs"):
        artefact.load(path, sha256=sha256, schema_hash=model.classifier.schema_hash_)


def test_a_missing_file_and_another_schema_are_refused(model, tmp_path):
    path, sha256 = artefact.save(model, tmp_path)
    with pytest.raises(ArtefactError, match="other columns"):
        artefact.load(path, sha256=sha256, schema_hash="0" * 64)
    path.unlink()
    with pytest.raises(ArtefactError, match="missing"):
        artefact.load(path, sha256=sha256, schema_hash=model.classifier.schema_hash_)


def test_a_file_that_is_no_model_is_refused(tmp_path):
    path = tmp_path / "model"
    path.write_bytes(b"not a zip")
    with pytest.raises(ArtefactError, match="cannot be read"):
        artefact.load(path, sha256=hashlib.sha256(b"not a zip").hexdigest(), schema_hash="")


def test_an_untrusted_type_is_refused(model, tmp_path):
    """Whoever can also write the registry still cannot smuggle in a type that runs code."""
    if model.classifier.settings.learner == "xgboost":
        pytest.skip("XGBoost's own format holds no types")
    path, _ = artefact.save(model, tmp_path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["learner.skops"] = skops.io.dumps(FunctionTransformer(func=exec_like))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    path.write_bytes(buffer.getvalue())
    sha256 = hashlib.sha256(buffer.getvalue()).hexdigest()
    with pytest.raises(ArtefactError, match="not trusted"):
        artefact.load(path, sha256=sha256, schema_hash=model.classifier.schema_hash_)


def exec_like(matrix):
    return matrix


def test_models_are_read_by_one_thread_at_a_time(model, tmp_path, monkeypatch):
    path, digest = artefact.save(model, tmp_path)
    codec = operational_artefact
    read, inside, most = codec.load, [0], [0]
    guard = threading.Lock()

    def watched(about, members):
        with guard:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        time.sleep(0.02)
        try:
            return read(about, members)
        finally:
            with guard:
                inside[0] -= 1

    monkeypatch.setattr(codec, "load", watched)
    with ThreadPoolExecutor(4) as pool:
        loads = [
            pool.submit(artefact.load, path, sha256=digest, schema_hash=model.classifier.schema_hash_)
            for _ in range(4)
        ]
        assert all(one.result() is not None for one in loads)
    assert most[0] == 1
