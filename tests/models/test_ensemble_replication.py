"""The paper's tables on a small set: every row there, nothing of a test fold fitted on, leaks that show."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from models import ensemble_page, ensemble_replication
from models.ensemble_protocols import leaky_fold
from models.ensemble_published import FINAL_ROW, MEASURES, published_figures
from models.ensemble_replication import honest_fold, summarised, tuned_fold
from models.ensemble_settings import VotingEnsembleSettings
from models.evaluation import repeated_folds

QUICK = VotingEnsembleSettings(members=("xgboost", "extra_trees", "adaboost"), bags=2, inner_folds=2)


def small_set(rows: int = 200) -> tuple[pl.DataFrame, np.ndarray]:
    rng = np.random.default_rng(1)
    labels = (np.arange(rows) % 5 == 0).astype(np.int64)
    frame = pl.DataFrame({f"A{n}": rng.normal(labels * (0.8 if n < 3 else 0.0), 1.0) for n in range(6)})
    return frame, labels


FRAME, LABELS = small_set()
SPLITS = repeated_folds(LABELS, folds=5, repeats=1, random_state=7)


def test_an_honest_fold_has_every_row_of_tables_4_to_8():
    _, _, train, test = SPLITS[0]
    figures = honest_fold(FRAME, LABELS, train, test, settings=QUICK)
    rows = {(one.table_number, one.row_name) for one in figures}
    names = {"XGBoost", "ExtraTree", "AdaBoost"}
    assert {row for table, row in rows if table == "4"} == names
    assert {row for table, row in rows if table == "6"} == names
    assert {row for table, row in rows if table == "7"} == names
    assert {row for table, row in rows if table == "8"} == {
        "best single",
        "equal weights",
        "optimised weights",
        FINAL_ROW,
        "parsimonious",
        "parsimonious, calibrated",
    }
    assert {one.metric for one in figures} == {*MEASURES, "chosen"}
    pd = next(one for one in figures if one[1:3] == ("parsimonious, calibrated", "auc"))
    raw = next(one for one in figures if one[1:3] == ("parsimonious", "auc"))
    assert pd.value == pytest.approx(raw.value)  # calibration keeps the order


def test_without_the_enhanced_features_is_table_4_and_with_them_table_5():
    _, _, train, test = SPLITS[0]
    figures = honest_fold(FRAME, LABELS, train, test, settings=QUICK, without=FRAME.drop("A0", "A1", "A2"))
    area = {one[0]: one.value for one in figures if one[1:3] == ("ExtraTree", "auc")}
    assert area["5"] > area["4"]


def test_labels_of_the_test_fold_reach_nothing_that_is_fitted(monkeypatch):
    """With the test labels turned round every AUC turns round: the scores are the same."""
    _, _, train, test = SPLITS[1]
    turned = LABELS.copy()
    turned[test] = 1 - turned[test]
    for measure in (honest_fold, tuned_fold):
        monkeypatch.setattr(ensemble_replication, "POINTS", 2)
        first, second = (
            {
                one[:3]: one.value
                for one in measure(FRAME, labels, train, test, settings=QUICK)
                if one.metric == "auc"
            }
            for labels in (LABELS, turned)
        )
        assert first.keys() == second.keys()
        assert all(second[key] == pytest.approx(1 - area) for key, area in first.items())


def test_choosing_on_the_test_fold_flatters():
    rng = np.random.default_rng(0)
    noise = pl.DataFrame({f"A{n}": rng.normal(size=200) for n in range(5)})
    honest, leaky = [], []
    for _, fold, train, test in SPLITS:
        honest += honest_fold(noise, LABELS, train, test, settings=QUICK)
        leaky += leaky_fold(noise, LABELS, train, test, fold=fold, settings=QUICK)["choose on the test fold"]

    def area(figures):
        return np.mean([one.value for one in figures if one[:3] == ("8", FINAL_ROW, "auc")])

    assert area(leaky) > area(honest) + 0.05


def test_oversampling_before_the_split_counts_each_synthetic_row_once():
    sizes = []
    honest = ensemble_replication.METRICS["brier"]

    def spy(labels, scores):
        sizes.append((len(labels), int(labels.sum())))
        return honest(labels, scores)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ensemble_replication.METRICS, "brier", spy)
        for _, fold, train, test in SPLITS:
            before = len(sizes)
            leaky_fold(FRAME, LABELS, train, test, fold=fold, settings=QUICK)
            # choose on the test fold, then three members, the equal vote and both
            assert sizes[before][0] == 40
            assert len(set(sizes[before + 1 :])) == 1
    assert sum(sizes[place][0] for place in range(1, len(sizes), 6)) == 2 * int((1 - LABELS).sum())


def test_the_page_shows_ours_the_published_and_the_verdict():
    folds = pl.concat(
        [
            pl.DataFrame(honest_fold(FRAME, LABELS, train, test, settings=QUICK), orient="row", schema=list(
                ensemble_replication.FoldFigure._fields
            ))
            for _, _, train, test in SPLITS[:2]
        ]
    )  # fmt: skip
    tables = summarised(folds, published_figures("Polish 1"))
    figures = pl.DataFrame(
        [
            {
                "dataset": "Polish 1", "protocol": "honest", "table_number": table, "repeats": 1,
                **dict(zip(("row_name", "metric", "mean", "low", "high", "published"), row, strict=True)),
            }
            for table, rows in tables.items()
            for row in rows
        ],
        infer_schema_length=None,
    )  # fmt: skip
    text = ensemble_page.page(figures)
    assert "## Polish 1" in text
    assert "89 of the 97 published rows" in text
    assert "[0.959]" in text
    assert "**Verdict.** Published against the paper's rule measured honestly: accuracy" in text
    assert "not that of a bankruptcy forecast" in text


def test_only_the_replication_imports_the_leaky_protocols():
    """Beside the import contract, which names who must not: nobody else does."""
    root = Path(ensemble_replication.__file__).parents[1]
    importers = set()
    for room in ("models", "tasks", "flows", "warehouse", "expectations", "sources"):
        for file in (root / room).glob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.ImportFrom) and node.module == "models.ensemble_protocols":
                    importers.add(f"{room}/{file.name}")
    assert importers == {"tasks/replicate_ensemble.py"}
