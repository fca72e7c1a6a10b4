"""Contributions: exact values of every member's trees, and reasons that add up to the published PD."""

from __future__ import annotations

from itertools import combinations
from math import comb

import numpy as np
import polars as pl
import pytest
import shap
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from xgboost import DMatrix, XGBClassifier

from models.calibration import Calibrator
from models.errors import ModelError
from models.explaining import leaf_sums, member_sums
from models.explaining.member_trees import member_trees
from models.explaining.tree_shapley import Branches, Tree
from models.explanation import OTHER, Explanation, strongest
from models.telling import contribution_plots, plots
from models.voting_ensemble.explanation import explain, member_contributions
from models.voting_ensemble.members import MEMBERS, make_member, smoothed
from models.voting_ensemble.voting import Combiner

X, Y = make_classification(700, 8, n_informative=5, n_redundant=1, weights=[0.7], flip_y=0.08, random_state=3)
X[:, 6] = X[:, 6].round()  # ties, and thresholds between whole numbers
X[:, 7] = 1.5  # nothing to split
TRAIN, TEST = slice(0, 400), slice(400, 700)
NAMES = ("age", "debt", "debt", "sector", "sector", "sector", "suits", "flat")


@pytest.fixture(scope="module")
def fitted():
    profile = {"n_estimators": 10}
    return {
        name: make_member(name, profile=profile, random_state=0).fit(X[TRAIN], Y[TRAIN]) for name in MEMBERS
    }


@pytest.fixture(scope="module")
def gappy():
    """Rows with gaps, for the libraries that send them left or right."""
    rows = X.copy()
    rows[np.random.default_rng(0).random(X.shape) < 0.1] = np.nan
    return rows


def worth(tree, row, known, node=0):
    """The path-dependent game, straight from its definition, on scikit-learn's own arrays."""
    left, right, cover = tree.children_left[node], tree.children_right[node], tree.weighted_n_node_samples
    if left < 0:
        return tree.value[node, 0, 0]
    if tree.feature[node] in known:
        below = np.float32(row[tree.feature[node]]) <= tree.threshold[node]
        return worth(tree, row, known, left if below else right)
    return (
        cover[left] * worth(tree, row, known, left) + cover[right] * worth(tree, row, known, right)
    ) / cover[node]


def enumerated(tree, row, features):
    """Shapley values by their definition: all subsets of the other features."""
    values = np.zeros(features)
    for feature in range(features):
        others = [other for other in range(features) if other != feature]
        for size in range(features):
            for known in combinations(others, size):
                gain = worth(tree, row, {*known, feature}) - worth(tree, row, set(known))
                values[feature] += gain / (features * comb(features - 1, size))
    return values


@pytest.mark.parametrize("copies", [1, 400], ids=["row by row", "by pattern"])
def test_equals_the_definition(copies):
    member = make_member("gbdt", profile={"n_estimators": 4, "max_depth": 5}, random_state=0)
    member.fit(X[TRAIN, :5], Y[TRAIN])
    trees = [tree.tree_ for tree in member.estimators_[:, 0]]
    assert max(len(tree.feature) for tree in trees) > 20  # features come more than once on a path
    rows = X[TEST, :5][:6]
    expected = sum(np.array([enumerated(tree, row, 5) for row in rows]) for tree in trees) * 0.1
    found = member_trees(member)
    np.testing.assert_allclose(
        found.contributions(np.tile(rows, (copies, 1))), np.tile(expected, (copies, 1)), atol=1e-13
    )
    base = sum(worth(tree, rows[0], set()) for tree in trees) * 0.1
    assert found.base == pytest.approx(base + np.log(Y[TRAIN].mean() / (1 - Y[TRAIN].mean())), abs=1e-12)


@pytest.mark.parametrize("name", ["xgboost", "gbdt", "lightgbm", "random_forest", "extra_trees"])
def test_equals_shap(fitted, name):
    explainer = shap.TreeExplainer(fitted[name], feature_perturbation="tree_path_dependent")
    values = np.asarray(explainer.shap_values(X[TEST], check_additivity=False))
    values = values[:, :, 1] if values.ndim == 3 else values
    found = member_trees(fitted[name])
    np.testing.assert_allclose(found.contributions(X[TEST]), values, atol=1e-5)
    assert found.base == pytest.approx(np.ravel(explainer.expected_value)[-1], abs=1e-5)


@pytest.mark.parametrize("rows", [1, 300], ids=["one row", "many rows"])
def test_equals_shap_where_a_path_has_more_features_than_a_pattern(rows):
    wide, labels = make_classification(900, 40, n_informative=30, n_redundant=0, flip_y=0.3, random_state=1)
    member = make_member("extra_trees", profile={"n_estimators": 3}, random_state=0).fit(wide, labels)
    ways = [features_on_ways(tree.tree_) for tree in member.estimators_]
    assert max(max(way) for way in ways) > leaf_sums.BITS
    explainer = shap.TreeExplainer(member, feature_perturbation="tree_path_dependent")
    values = np.asarray(explainer.shap_values(wide[:rows], check_additivity=False))[:, :, 1]
    np.testing.assert_allclose(member_trees(member).contributions(wide[:rows]), values, atol=1e-6)


def features_on_ways(tree):
    """Return the number of different features on the way to each leaf."""
    ahead, counts = [(0, frozenset())], []
    while ahead:
        node, features = ahead.pop()
        if tree.children_left[node] < 0:
            counts.append(len(features))
        else:
            children = (tree.children_left[node], tree.children_right[node])
            ahead += [(child, features | {tree.feature[node]}) for child in children]
    return counts


@pytest.mark.parametrize("name", ["xgboost", "lightgbm"])
def test_equals_the_libraries_own_contributions_with_gaps(gappy, name):
    member = make_member(name, profile={"n_estimators": 30}, random_state=0).fit(gappy[TRAIN], Y[TRAIN])
    if name == "xgboost":
        own = member.get_booster().predict(DMatrix(gappy[TEST]), pred_contribs=True)
    else:
        own = member.predict(gappy[TEST], pred_contrib=True)
    found = member_trees(member)
    np.testing.assert_allclose(found.contributions(gappy[TEST]), own[:, :-1], atol=1e-5)
    np.testing.assert_allclose(found.base, own[:, -1], atol=1e-5)


def test_values_at_a_split_and_just_below_go_where_xgboost_sends_them(fitted):
    rows = []
    for tree in member_trees(fitted["xgboost"]).trees:
        for node in tree.splits(0):
            below = np.float32(tree.branches.threshold[node])
            above = np.nextafter(below, np.float32(np.inf))
            for value in (below, above, below + 0.4 * (float(above) - below), below + 0.6 * (above - below)):
                rows.append(X[len(rows) % len(X)].copy())
                rows[-1][tree.branches.feature[node]] = value
    own = fitted["xgboost"].get_booster().predict(DMatrix(np.array(rows)), pred_contribs=True)
    found = member_trees(fitted["xgboost"]).contributions(np.array(rows))
    np.testing.assert_allclose(found, own[:, :-1], atol=1e-5)


@pytest.mark.parametrize("name", ["xgboost", "lightgbm", "random_forest", "extra_trees", "bagging"])
def test_gaps_that_training_did_not_show_add_up(fitted, gappy, name):
    base, contributions = member_contributions(fitted[name], gappy[TEST])
    said = fitted[name].predict_proba(gappy[TEST])[:, 1]
    np.testing.assert_allclose(base + contributions.sum(axis=1), said, atol=1e-9)


@pytest.mark.parametrize("name", MEMBERS)
def test_every_member_adds_up_alone(fitted, name):
    base, contributions = member_contributions(fitted[name], X[TEST])
    said = fitted[name].predict_proba(X[TEST])[:, 1]
    np.testing.assert_allclose(base + contributions.sum(axis=1), said, atol=1e-12)
    trees = member_trees(fitted[name])  # and without what is shared out: the trees are the member's
    totals = trees.base + trees.contributions(X[TEST]).sum(axis=1)
    np.testing.assert_allclose(trees.probability(totals), said, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "profile"),
    [
        ("adaboost", {"estimator__max_depth": 3, "n_estimators": 10}),
        ("bagging", {"max_features": 0.5, "n_estimators": 10}),
        ("bagging", {"max_samples": 2, "n_estimators": 10}),  # some bags have one class only
        ("gbdt", {"subsample": 0.5, "n_estimators": 10}),
    ],
)
def test_unusual_members_add_up(name, profile):
    member = make_member(name, profile=profile, random_state=0).fit(X[TRAIN], Y[TRAIN])
    trees = member_trees(member)
    totals = trees.base + trees.contributions(X[TEST]).sum(axis=1)
    np.testing.assert_allclose(trees.probability(totals), member.predict_proba(X[TEST])[:, 1], atol=1e-12)


@pytest.mark.parametrize("name", ["xgboost", "lightgbm", "gbdt", "random_forest"])
def test_trees_without_a_split_say_the_base_alone(name):
    member = make_member(name, profile={"n_estimators": 3}, random_state=0).fit(np.ones((60, 2)), Y[:60])
    base, contributions = member_contributions(member, np.ones((3, 2)))
    np.testing.assert_allclose(base, member.predict_proba(np.ones((3, 2)))[:, 1], atol=1e-6)
    np.testing.assert_allclose(contributions, 0.0, atol=1e-6)


VOTE = Combiner("vote", MEMBERS, (0.3, 0.1, 0.1, 0.1, 0.2, 0.1, 0.1))
STACK = Combiner("stack", MEMBERS, (0.3, 0.2, 3.0, 0.1, 0.4, 0.1, 0.1), -0.4)


def calibrated(fitted, combiner, method="platt"):
    said = np.column_stack(
        [smoothed(fitted[name], fitted[name].predict_proba(X[TEST])[:, 1]) for name in combiner.members]
    )
    raw = combiner.combine(said)
    calibrator = Calibrator(method=method).fit(raw, Y[TEST])
    return calibrator, calibrator.predict(raw)


@pytest.mark.parametrize("method", ["platt", "beta"])
@pytest.mark.parametrize("combiner", [VOTE, STACK, Combiner("vote", ("xgboost",), (1.0,))], ids=str)
def test_reasons_add_up_to_the_published_pd(fitted, combiner, method):
    calibrator, pd = calibrated(fitted, combiner, method)
    told = explain(fitted, combiner, calibrator, X[TEST], sources=NAMES)
    np.testing.assert_allclose(told.base_value + told.contributions.sum(axis=1), pd, atol=1e-12)
    assert told.features == ("age", "debt", "sector", "suits", "flat")
    assert np.std(pd) > 0.05
    assert told.decisions == ()


@pytest.mark.parametrize("combiner", [VOTE, STACK], ids=["vote", "stack"])
def test_reasons_add_up_where_probabilities_and_pds_are_clipped(combiner):
    sure = {
        name: make_member(name, profile={"n_estimators": 30}, random_state=0).fit(X, X[:, 0] > 0)
        for name in combiner.members
    }
    calibrator = Calibrator().fit(np.array([0.01, 0.99] * 50), np.array([0, 1] * 50))
    said = np.column_stack(
        [smoothed(sure[name], sure[name].predict_proba(X)[:, 1]) for name in combiner.members]
    )
    pd = calibrator.predict(combiner.combine(said))
    told = explain(sure, combiner, calibrator, X, sources=NAMES)
    assert (pd == pd.min()).sum() > 100
    np.testing.assert_allclose(told.base_value + told.contributions.sum(axis=1), pd, atol=1e-12)
    assert (np.abs(told.contributions).argmax(axis=1) == 0).mean() > 0.9


def test_one_member_follows_the_rescale_rule(fitted):
    combiner = Combiner("vote", ("gbdt",), (1.0,))
    calibrator, pd = calibrated(fitted, combiner)
    told = explain(fitted, combiner, calibrator, X[TEST], sources=[str(column) for column in range(8)])
    margins = member_trees(fitted["gbdt"]).contributions(X[TEST])
    multiplier = (pd - told.base_value) / margins.sum(axis=1)
    np.testing.assert_allclose(told.contributions, margins * multiplier[:, None], rtol=1e-7, atol=1e-12)


def test_a_vote_before_a_straight_calibration_is_the_weighted_mean_of_its_members(fitted):
    combiner = Combiner("vote", ("gbdt", "extra_trees"), (0.25, 0.75))
    straight = Calibrator(method="platt")
    straight.slope_low_ = straight.slope_high_ = 1.0
    straight.intercept_ = 0.0
    told = explain(fitted, combiner, straight, X[TEST], sources=[str(column) for column in range(8)])
    one, other = (member_contributions(fitted[name], X[TEST]) for name in combiner.members)
    # ten trees that count, and half a vote of one undecided
    np.testing.assert_allclose(told.contributions, 0.25 * one[1] + 0.75 * other[1] * 10 / 11, atol=1e-8)
    assert told.base_value == pytest.approx(0.25 * one[0] + 0.75 * (other[0] * 10 + 0.5) / 11)


def test_the_slope_stands_for_a_vanishing_denominator():
    """Two features whose effects cancel out: the sum is at its base, the contributions are not nothing."""
    rows = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]] * 50)
    labels = np.array([0, 1, 1, 1] * 25 + [0, 0, 0, 1] * 25)
    member = make_member("gbdt", profile={"n_estimators": 50}, random_state=0).fit(rows, labels)
    combiner, calibrator = Combiner("vote", ("gbdt",), (1.0,)), Calibrator()
    calibrator.fit(member.predict_proba(rows)[:, 1], labels)
    margins = member_trees(member).contributions(rows[1:2])
    assert abs(margins.sum()) < 1e-9 < np.abs(margins).min()
    told = explain({"gbdt": member}, combiner, calibrator, rows[1:2], sources=("a", "b"))
    pd = calibrator.predict(np.array([0.5]))[0]
    slope = calibrator.slope_low_ * pd * (1 - pd)
    np.testing.assert_allclose(told.contributions, margins * slope, rtol=1e-5)


def test_chunks_one_row_and_no_row_agree_with_the_whole(fitted):
    calibrator, _ = calibrated(fitted, STACK)
    rows = np.tile(X[TEST], (6, 1))
    whole = explain(fitted, STACK, calibrator, rows, sources=NAMES)
    for part in (slice(0, 1), slice(5, 30), slice(17, 1500), slice(0, 0)):
        told = explain(fitted, STACK, calibrator, rows[part], sources=NAMES)
        np.testing.assert_allclose(told.contributions, whole.contributions[part], atol=1e-12)
        assert told.base_value == whole.base_value


def test_columns_of_one_feature_are_added_up(fitted):
    calibrator, _ = calibrated(fitted, VOTE)
    columns = explain(fitted, VOTE, calibrator, X[TEST], sources=[str(column) for column in range(8)])
    told = explain(fitted, VOTE, calibrator, X[TEST], sources=NAMES)
    for place, feature in enumerate(told.features):
        own = [column for column, source in enumerate(NAMES) if source == feature]
        np.testing.assert_allclose(
            told.contributions[:, place], columns.contributions[:, own].sum(axis=1), atol=1e-6
        )
    np.testing.assert_array_equal(told.contributions[:, told.features.index("flat")], 0.0)


def test_the_strongest_and_the_rest_add_up():
    values = np.array([[0.02, -0.03, 0.01, 0.0], [-0.01, 0.01, 0.04, -0.2]])
    told = Explanation(0.1, values, ("age", "debt", "sector", "suits"), np.array([0.1, -0.06]))
    rows = strongest(told, pl.Series("id", ["E2", "E1"]), top=2)
    assert rows.rows() == [
        ("E2", "debt", -0.03, 1),
        ("E2", "age", 0.02, 2),
        ("E2", OTHER, pytest.approx(0.01), 3),
        ("E1", "suits", -0.2, 1),
        ("E1", "sector", 0.04, 2),
        ("E1", OTHER, pytest.approx(0.0), 3),
    ]
    everything = strongest(told, pl.Series(["E2", "E1"]), top=9)
    assert everything.height == 8
    assert OTHER not in everything["feature"]
    assert everything["feature"].to_list()[4:] == ["suits", "sector", "age", "debt"]


def test_no_borrower_has_no_rows():
    told = Explanation(0.1, np.zeros((0, 3)), ("age", "debt", "sector"), np.empty(0))
    rows = strongest(told, pl.Series([], dtype=pl.String), top=2)
    assert rows.shape == (0, 4)
    assert rows.schema == {
        "enterprise_id": pl.String,
        "feature": pl.String,
        "contribution": pl.Float64,
        "rank": pl.Int32,
    }


def stored(enterprises):
    """Contribution rows as stored: debt raises the PD, age lowers it, the rest has no value."""
    debt, age = np.random.default_rng(1).normal(size=(2, enterprises))
    ids = [f"E{number}" for number in range(enterprises)]
    parts = [("debt", 0.03 * debt, debt), ("age", -0.02 * age, age), (OTHER, 0.001 * debt, np.nan)]
    return pl.concat(
        pl.DataFrame({"enterprise_id": ids, "feature": feature, "contribution": values, "value": known})
        for feature, values, known in parts
    ).with_columns(pl.col("value").fill_nan(None))


def test_bars_show_mean_size_and_direction():
    rows = stored(500)
    bars = contribution_plots.contribution_bars(rows, top=3).to_dict()["data"]["values"]
    assert [(bar["feature"], bar["direction"]) for bar in bars] == [
        ("debt", "raises"),
        ("age", "lowers"),
        (OTHER, "unknown"),
    ]
    assert bars[0]["size"] == pytest.approx(np.abs(rows["contribution"][:500].to_numpy()).mean())
    assert len(contribution_plots.contribution_bars(rows, top=1).to_dict()["data"]["values"]) == 1


def test_a_beeswarm_stays_small_and_keeps_its_shape():
    rows = stored(20_000)
    chart = contribution_plots.beeswarm(rows, top=2)
    dots = pl.DataFrame(chart.to_dict()["data"]["values"])
    assert set(dots["feature"]) == {"debt", "age"}
    assert dots["place"].abs().max() == contribution_plots.SWARM_HEIGHT
    assert dots.height < 2 * contribution_plots.SWARM_BINS * (2 * contribution_plots.SWARM_HEIGHT + 1)
    for feature, sign in (("debt", 1), ("age", -1)):
        one = dots.filter(pl.col("feature") == feature)
        assert sign * np.corrcoef(one["contribution"], one["level"])[0, 1] > 0.9
    reach = rows["contribution"].max() - rows["contribution"].min()
    assert dots["contribution"].max() == pytest.approx(
        rows["contribution"].max(), abs=reach / contribution_plots.SWARM_BINS
    )
    assert plots.svg(chart).startswith("<svg")


def test_a_beeswarm_of_few_borrowers_shows_each_and_one_without_values_is_grey():
    assert len(contribution_plots.beeswarm(stored(3)).to_dict()["data"]["values"]) == 9
    without = contribution_plots.beeswarm(stored(50).drop("value"))
    assert without.to_dict()["encoding"]["color"] == {"value": plots.GREY}
    assert plots.svg(without).startswith("<svg")


@pytest.mark.parametrize("name", ["xgboost", "lightgbm"])
def test_a_library_explains_its_member_where_the_trees_cannot_be_read(fitted, monkeypatch, name):
    combiner = Combiner("vote", (name,), (1.0,))
    calibrator, pd = calibrated(fitted, combiner)
    before = explain(fitted, combiner, calibrator, X[TEST], sources=NAMES)

    def refuse(_):
        raise ModelError("a form of another release")

    monkeypatch.setattr(member_sums, "member_trees", refuse)
    told = explain(fitted, combiner, calibrator, X[TEST], sources=NAMES)
    assert told.decisions == (f"{name} is explained by its own library: a form of another release",)
    np.testing.assert_allclose(told.contributions, before.contributions, atol=1e-5)
    np.testing.assert_allclose(told.base_value + told.contributions.sum(axis=1), pd, atol=1e-12)
    assert explain(fitted, combiner, calibrator, X[:0], sources=NAMES).base_value == told.base_value
    with pytest.raises(ModelError, match="another release"):
        member_contributions(fitted["gbdt"], X[TEST])


def test_xgboost_with_dropped_trees_is_explained_by_its_own_library():
    member = XGBClassifier(booster="dart", rate_drop=0.2, n_estimators=8, n_jobs=1).fit(X[TRAIN], Y[TRAIN])
    said = member.predict_proba(X[TEST])[:, 1]
    sums = member_sums.member_sums("xgboost", member, X[TEST], said)
    assert "booster dart" in sums.decision
    np.testing.assert_allclose(sums.link(sums.totals()), said, atol=1e-5)


def test_trees_that_do_not_say_what_the_member_predicts_are_refused(fitted):
    member = make_member("random_forest", profile={"n_estimators": 5}, random_state=0).fit(X[TRAIN], Y[TRAIN])
    trees = list(member.estimators_)
    member.estimators_ = trees[:4]
    member.predict_proba = fitted["random_forest"].predict_proba
    said = member.predict_proba(X[TEST])[:, 1]
    with pytest.raises(ModelError, match="the contributions of member forest miss its probability by up to"):
        member_sums.member_sums("forest", member, X[TEST], said)


def test_what_cannot_be_explained_is_said_in_one_line(fitted):
    linear = LogisticRegression().fit(X, Y)
    with pytest.raises(ModelError, match="LogisticRegression has no trees"):
        member_contributions(linear, X[TEST])
    calibrator, _ = calibrated(fitted, VOTE)
    with pytest.raises(ModelError, match="2 sources for 8 columns"):
        explain(fitted, VOTE, calibrator, X[TEST], sources=("a", "b"))
    no, leaf = np.zeros(3, dtype=bool), np.array([0, -1, -1])
    with pytest.raises(ModelError, match="without training rows"):
        Tree(Branches(leaf, np.zeros(3), no, leaf + 1, leaf * 2 + 2, np.array([1.0, 1.0, 0.0]), np.ones(3)))


def test_a_category_beside_numbers_keeps_its_grey_dots():
    rows = pl.DataFrame(
        {
            "enterprise_id": ["E1", "E2", "E1", "E2"],
            "feature": ["age", "age", "city", "city"],
            "contribution": [0.01, -0.02, 0.03, -0.01],
            "value": [1.0, 8.0, None, None],
        }
    )
    drawn = plots.svg(contribution_plots.beeswarm(rows))
    assert drawn.count(plots.GREY) == 2
