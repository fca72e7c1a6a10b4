"""What the platform may take for granted of every family: one contract, over all of them and a toy family."""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import pytest
from borrowers import DIRECTIONS, GROUPS, make_borrowers
from polars.testing import assert_frame_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from toy_family.family import TOY

from models import artefact, champion_rule, scoring
from models.champion_rule import COVERAGES
from models.errors import ModelError, SchemaMismatchError, TooFewRowsError
from models.examination import ROWS, examined, figures
from models.explaining.reason_check import check_reasons
from models.families import FAMILIES
from models.family import Family, FamilySettings
from models.metrics import auc
from models.runner import threads
from models.scoring import CalibratedModel, Classifier, score
from models.telling import training_card
from models.training import Training, train

BORROWERS, NIGHT = make_borrowers(), make_borrowers(200, seed=1)
# settings that fit in a moment; a family that is not named here is tested with its defaults
QUICK: dict[str, tuple[dict[str, object], ...]] = {
    "operational_risk": (
        {"folds": 2, "grid": {"max_depth": (2,)}},
        {"folds": 2, "grid": {"C": (1.0,)}, "learner": "svm"},  # explains nothing
    ),
    "voting_ensemble": (
        {"folds": 2, "inner_folds": 2, "bags": 2, "members": ("gbdt", "extra_trees"),
         "selection": "paper", "minimum_positives": 10},  # a vote of both
    ),
    "wide_deep": (
        {"folds": 2, "hidden": (8,), "learning_rate": 0.01, "batch_size": 64, "max_epochs": 6, "minimum_steps": 8,
         "device": "cpu", "minimum_positives": 10},
    ),
}  # fmt: skip
READ_BY_TRAINING = (
    "folds", "random_state", "minimum_positives", "calibration_share", "calibration_positives",
)  # fmt: skip
KEPT = (
    "family", "settings", "groups_", "left_out_", "base_rate_", "n_samples_", "n_features_in_", "schema_hash_",
    "unexplained",
)  # fmt: skip


class Case(NamedTuple):
    """A family and the settings that it is tested with."""

    family: Family
    settings: FamilySettings

    def build(self, runner: object = None) -> Classifier:
        return self.family.build(self.settings, GROUPS, DIRECTIONS).set_params(runner=runner)


def cases() -> Iterator[object]:
    for family in (*FAMILIES.values(), TOY):
        for number, changes in enumerate(QUICK.get(family.name, ({},)), start=1):
            yield pytest.param(Case(family, family.settings(**changes)), id=f"{family.name} {number}")


@pytest.fixture(scope="module", autouse=True)
def _toy_is_a_family() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(FAMILIES, TOY.name, TOY)
        yield


@pytest.fixture(scope="module", params=cases())
def case(request: pytest.FixtureRequest) -> Case:
    return request.param


@pytest.fixture(scope="module")
def training(case: Case) -> Training:
    return train(case.build(), BORROWERS.frame, BORROWERS.labels, repeats=1)


@pytest.fixture(scope="module")
def model(training: Training) -> CalibratedModel:
    return training.model


def explained(model: CalibratedModel) -> CalibratedModel:
    if model.classifier.unexplained is not None:
        pytest.skip("explains nothing")
    return model


def number_of(model: CalibratedModel) -> str:
    """A number that the model learns from."""
    return next(column.name for column in model.classifier.preparation_.schema_ if column.kind == "number")


def test_the_record_is_consistent(case: Case) -> None:
    family = case.family
    assert FAMILIES[family.name] is family
    assert family.name == family.settings.family == case.build().family
    assert set(family.leads) <= set(family.covers) <= set(COVERAGES)
    assert family.covers
    formats = [listed.codec.FORMAT for listed in FAMILIES.values()]
    assert formats.count(family.codec.FORMAT) == 1


def test_settings_are_what_training_and_the_registry_need(case: Case) -> None:
    assert set(READ_BY_TRAINING) <= set(case.family.settings.model_fields)
    stored = json.loads(json.dumps(case.settings.model_dump(mode="json")))
    assert case.family.settings.model_validate(stored) == case.settings
    for settings in (case.settings, case.family.settings()):
        for rows, cross_section in ((100, False), (100_000, False), (100_000, True)):
            assert type(settings.adapted(rows=rows, cross_section=cross_section)) is case.family.settings
        assert type(settings.challenger()) in {case.family.settings, type(None)}
        assert isinstance(settings.uses_sensitive, bool)


def test_the_constructor_takes_keywords_only_and_only_stores(case: Case) -> None:
    kind, given = type(case.build()), {"settings": case.settings, "groups": GROUPS, "runner": threads(2)}
    if "directions" in inspect.signature(kind).parameters:
        given["directions"] = DIRECTIONS
    parameters = list(inspect.signature(kind).parameters.values())
    if "directions" in inspect.signature(kind).parameters:  # a family that asks for them gets them
        given["directions"] = case.build().directions
        assert given["directions"] is DIRECTIONS
    assert {parameter.kind for parameter in parameters} == {inspect.Parameter.KEYWORD_ONLY}
    built = kind(**given)
    assert vars(built).keys() == built.get_params().keys() == given.keys()
    assert all(built.get_params()[name] is value for name, value in given.items())
    assert clone(built).get_params() == given
    with pytest.raises(NotFittedError):
        built.predict_proba(BORROWERS.frame)


def test_too_few_rows_of_either_class_are_refused_with_counts(case: Case) -> None:
    few = (np.arange(BORROWERS.frame.height) < case.settings.minimum_positives - 1).astype(np.int64)
    for labels in (few, 1 - few, np.zeros_like(few), np.ones_like(few)):
        with pytest.raises(TooFewRowsError, match=f"{labels.sum()} defaults among 300 labelled rows"):
            case.build().fit(BORROWERS.frame, labels)
    with pytest.raises(TooFewRowsError):
        case.build().fit(BORROWERS.frame[:3], BORROWERS.labels[:3])


def test_labels_that_are_none_are_refused(case: Case) -> None:
    for labels in (np.full(300, np.nan), np.full(300, 2), BORROWERS.labels[:3]):
        with pytest.raises(TooFewRowsError):
            case.build().fit(BORROWERS.frame, labels)


def test_it_says_what_it_was_trained_on(case: Case, training: Training) -> None:
    classifier = training.model.classifier
    names = classifier.feature_names_in_.tolist()
    assert names == [column.name for column in classifier.preparation_.schema_]
    assert len(names) == classifier.n_features_in_ == len(set(names))
    assert set(names) <= set(BORROWERS.frame.columns) - {"enterprise_id", "coverage"}
    assert set(classifier.groups_) == {GROUPS[name] for name in names}
    assert not set(classifier.left_out_) & set(names)
    assert (classifier.n_samples_, classifier.base_rate_) == (300, BORROWERS.labels.mean())


def test_it_ranks_borrowers_it_has_not_seen_by_their_true_pd(model: CalibratedModel) -> None:
    pd = score(model, NIGHT.frame)["pd"].to_numpy()
    assert np.corrcoef(pd, NIGHT.pd)[0, 1] > 0.6
    assert 0.65 < auc(NIGHT.labels, pd) < auc(NIGHT.labels, NIGHT.pd) + 0.02
    assert abs(pd.mean() - NIGHT.pd.mean()) < 0.06


def test_each_row_has_a_graded_score_and_no_row_has_none(model: CalibratedModel) -> None:
    scores = score(model, NIGHT.frame)
    assert scores.columns == [
        "enterprise_id",
        "pd_raw",
        "pd",
        "pd_lower",
        "pd_upper",
        "score_points",
        "grade",
    ]
    assert scores["enterprise_id"].equals(NIGHT.frame["enterprise_id"])
    assert scores["pd"].is_between(0, 1, closed="none").all()
    assert scores["pd"].is_between(scores["pd_lower"], scores["pd_upper"]).all()
    assert sum(scores.null_count().row(0)) == 0
    assert score(model, NIGHT.frame.clear()).equals(scores.clear())


def test_a_row_is_scored_as_in_any_other_company(model: CalibratedModel) -> None:
    whole = score(model, NIGHT.frame)["pd"].to_numpy()
    shuffled = NIGHT.frame[:40].select(sorted(NIGHT.frame.columns, reverse=True)).with_columns(more=pl.lit(1))
    assert score(model, shuffled)["pd"].to_numpy() == pytest.approx(whole[:40], abs=1e-6)


@pytest.mark.parametrize("rows", [0, 200])
def test_a_missing_or_retyped_column_is_refused_by_name(model: CalibratedModel, rows: int) -> None:
    name, frame = number_of(model), NIGHT.frame[:rows]
    with pytest.raises(SchemaMismatchError, match=name):
        score(model, frame.drop(name))
    with pytest.raises(SchemaMismatchError, match=rf"{name} \(number expected, String found\)"):
        score(model, frame.with_columns(pl.col(name).cast(pl.String)))


def test_a_night_without_any_value_of_a_feature_is_scored(model: CalibratedModel) -> None:
    assert (
        score(model, NIGHT.frame.with_columns(pl.lit(None).alias(number_of(model))))["pd"].is_finite().all()
    )


def test_an_unseen_level_of_a_category_is_counted_and_scored(model: CalibratedModel) -> None:
    schema = model.classifier.preparation_.schema_
    categories = [column.name for column in schema if column.kind == "category"]
    new = NIGHT.frame.with_columns(pl.lit("atlantis").alias(name) for name in categories)
    before, counts = model.classifier.unseen_counts(NIGHT.frame), model.classifier.unseen_counts(new)
    assert [(before[name], counts[name]) for name in categories] == [(0, NIGHT.frame.height)] * len(
        categories
    )
    assert score(model, new)["pd"].is_finite().all()


def test_the_same_rows_make_the_same_bytes_with_any_runner(
    case: Case, model: CalibratedModel, tmp_path: Path
) -> None:
    def backwards(jobs):
        return [job.work() for job in reversed(jobs)][::-1]

    saved = set()
    for runner in (None, None, threads(2), backwards):
        fitted = case.build(runner).fit(BORROWERS.frame, BORROWERS.labels)
        saved.add(
            artefact.save(CalibratedModel(fitted, model.calibrator, model.scale, "other rows"), tmp_path)
        )
    assert len(saved) == 1


def test_the_same_rows_make_the_same_training_with_any_runner(case: Case, training: Training) -> None:
    again = train(case.build(), BORROWERS.frame, BORROWERS.labels, repeats=1, runner=threads(2))
    assert again.evaluation.unseen.equals(training.evaluation.unseen)
    assert score(again.model, NIGHT.frame).equals(score(training.model, NIGHT.frame))


def test_a_stored_model_is_the_fitted_one(case: Case, model: CalibratedModel, tmp_path: Path) -> None:
    path, sha256 = artefact.save(model, tmp_path)
    loaded = artefact.load(path, sha256=sha256, schema_hash=model.classifier.schema_hash_)
    assert score(loaded, NIGHT.frame).equals(score(model, NIGHT.frame))
    for name in KEPT:
        assert getattr(loaded.classifier, name) == getattr(model.classifier, name), name
    assert loaded.classifier.feature_names_in_.tolist() == model.classifier.feature_names_in_.tolist()
    assert loaded.classifier.unseen_counts(NIGHT.frame) == model.classifier.unseen_counts(NIGHT.frame)
    fitted, stored = (
        json.dumps(case.family.codec.dump(version.classifier)[0], sort_keys=True)
        for version in (model, loaded)
    )
    assert stored == fitted
    if model.classifier.unexplained is None:
        before, after = (scoring.contributions(version, NIGHT.frame, top=2) for version in (model, loaded))
        assert after.rows.equals(before.rows)
        assert (after.base_value, after.decisions) == (before.base_value, before.decisions)


@pytest.mark.parametrize("top", [1, 100])
def test_base_value_and_contributions_add_up_to_the_pd(model: CalibratedModel, top: int) -> None:
    split = scoring.contributions(explained(model), NIGHT.frame, top=top)
    names = model.classifier.feature_names_in_.tolist()
    assert set(split.rows["feature"]) <= {*names, "other"}
    sums = split.rows.group_by("enterprise_id", maintain_order=True).agg(pl.sum("contribution"), pl.len())
    assert sums["len"].unique().to_list() == [min(top, len(names)) + (top < len(names))]
    both = score(model, NIGHT.frame).join(sums, on="enterprise_id", validate="1:1")
    assert both.height == NIGHT.frame.height
    assert (split.base_value + both["contribution"] - both["pd"]).abs().max() < 1e-9
    assert both["contribution"].std() > 0.01
    nobody = scoring.contributions(model, NIGHT.frame.clear(), top=top)
    assert nobody.rows.equals(split.rows.clear())
    assert nobody.base_value == split.base_value


def test_explaining_gives_the_scores_too(model: CalibratedModel) -> None:
    for frame in (NIGHT.frame, NIGHT.frame.clear()):
        scores = scoring.contributions(explained(model), frame, top=2).scores
        assert_frame_equal(scores, score(model, frame), rel_tol=0, abs_tol=1e-9)
        raw = scoring.explain(model, frame).raw
        np.testing.assert_allclose(raw, scoring.raw_scores(model, frame), rtol=0, atol=1e-12)


def test_reasons_can_be_checked(model: CalibratedModel) -> None:
    checked = check_reasons(explained(model), NIGHT.frame, NIGHT.labels)
    assert set(checked.references) == set(model.classifier.feature_names_in_)
    assert NIGHT.frame.height >= checked.raised >= checked.passed > checked.raised / 2


def test_a_model_that_explains_nothing_says_why(model: CalibratedModel) -> None:
    reason = model.classifier.unexplained
    if reason is None:
        pytest.skip("explains itself")
    assert len(reason.split()) > 3
    for ask in (scoring.explain, lambda model, frame: scoring.contributions(model, frame, top=2)):
        with pytest.raises(ModelError, match="does not explain itself: ") as refusal:
            ask(model, NIGHT.frame)
        assert str(refusal.value).endswith(reason)


def test_registry_and_card_can_tell_what_was_chosen(case: Case, training: Training) -> None:
    chosen = case.family.choices(training)
    assert json.loads(json.dumps(chosen, allow_nan=False)) is not None
    lines = case.family.card_lines(training.model.classifier)
    assert lines
    card = training_card.card(training, case.family, title="contract")
    assert card.endswith("\n".join(lines))
    assert set(training_card.pictures(training)) == {"roc", "reliability"}


def test_what_was_measured_of_the_explanations_is_on_the_card_and_in_the_registry(
    case: Case, training: Training
) -> None:
    measured, again = (
        examined(training, case.family, BORROWERS.frame, BORROWERS.labels, DIRECTIONS) for _ in range(2)
    )
    assert figures(measured) == figures(again)
    stored = json.loads(json.dumps(figures(measured), allow_nan=False))
    card = training_card.card(measured, case.family, title="contract")
    assert ("reason_check" in stored) == (training.model.classifier.unexplained is None)
    assert ("held to shap's own code" in card) == ("shap_check" in stored)
    if measured.shap_check is not None:
        assert measured.shap_check.rows == ROWS
        assert stored["shap_check"]["largest"] < 1e-6
    way = stored["direction_check"]
    assert way["features"] == sum(name in DIRECTIONS for name in training.model.classifier.feature_names_in_)
    assert ("Directions: " in card) == (way["features"] > 0)
    assert (f"goes against {way['against']} of them" in card) == (way["against"] > 0)
    assert ("Importance (" in card) == ("importance" in stored)
    assert ("importance" in training_card.pictures(measured)) == ("importance" in stored)
    if measured.importance is not None:
        shares = measured.importance.shares
        assert set(shares) <= set(training.model.classifier.feature_names_in_)
        assert sum(shares.values()) == pytest.approx(1.0)
        assert list(shares.values()) == sorted(shares.values(), reverse=True)


def test_of_two_families_that_lead_a_class_the_one_listed_last_gives_the_headline() -> None:
    assert champion_rule.order("thin", FAMILIES) == ("toy", "operational_risk")
    assert champion_rule.headline_family("thin", FAMILIES, FAMILIES) == "toy"
    for champions, worse in ((FAMILIES, (("toy", "thin"),)), (("operational_risk",), ())):
        assert champion_rule.headline_family("thin", champions, FAMILIES, worse=worse) == "operational_risk"


ROOT = Path(__file__).parents[2]
ROOMS = ("flows", "tasks", "models", "warehouse", "expectations", "sources")


def sources() -> dict[str, ast.Module]:
    """Every source file of the rooms that is in no family's folder."""
    files = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    folders = [ROOT / "models" / name for name in FAMILIES]
    return {
        path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for path in files
        if not any(folder in path.parents for folder in folders)
    }


def modules_imported(tree: ast.Module) -> set[str]:
    """Every module that a file names in an import; of `from a import b` both a and a.b."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {str(node.module)} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def test_only_the_list_of_families_imports_from_the_folder_of_one() -> None:
    """So nothing else can ask of which family's class a model or its settings are."""
    folders = {f"models.{name}" for name in FAMILIES}
    imports = {
        file: {".".join(parts[:3]) for parts in names if ".".join(parts[:2]) in folders}
        for file, tree in sources().items()
        if (names := [name.split(".") for name in modules_imported(tree)])
    }
    records = {f"models.{name}.family" for name in FAMILIES if name != TOY.name}
    assert {file: names for file, names in imports.items() if names} == {"models/families.py": records}


def test_no_family_is_spelled_outside_its_folder() -> None:
    spelled = {
        (file, node.value)
        for file, tree in sources().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and node.value in FAMILIES
    }
    assert spelled == set()
