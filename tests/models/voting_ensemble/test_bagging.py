"""Bagged SMOTE deals stratified bags, balances each on its own, and says what it decided."""

from __future__ import annotations

import random
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from imblearn.over_sampling import SMOTE
from imblearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_param_validation,
    parametrize_with_checks,
)
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_info

from models.errors import ModelError, TooFewRowsError
from models.voting_ensemble.bagging import BAGS, ROWS_A_BAG, BaggedSmote
from models.voting_ensemble.bags import deal_bags, oversample_bag


@pytest.fixture
def skewed():
    rng = np.random.default_rng(3)
    y = (np.arange(400) % 8 == 0).astype(np.int64)
    return rng.normal(y[:, None], 1.0, (400, 6)), y


@st.composite
def sets(draw):
    """Small sets of two classes with ties, repeated rows, constant and two-valued columns."""
    minority = draw(st.integers(2, 30))
    rows = minority + draw(st.integers(minority + 1, 90))
    width = draw(st.integers(1, 4))
    X = draw(arrays(np.float64, (rows, width), elements=st.integers(-4, 4).map(float)))
    y = np.zeros(rows, dtype=np.int64)
    y[draw(st.permutations(range(rows)))[:minority]] = 1
    return X, y


@parametrize_with_checks([BaggedSmote(), BaggedSmote(n_bags=3, n_jobs=2)])
def test_imbalanced_learn(estimator, check):
    check(estimator)


def test_parameters_and_names_by_imbalanced_learn():
    check_param_validation("BaggedSmote", BaggedSmote())
    check_dataframe_column_names_consistency("BaggedSmote", BaggedSmote())


@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=120),
    st.integers(1, 9),
    st.integers(0, 2**32 - 1),
)
def test_every_row_in_one_bag_and_classes_level(labels, n_bags, seed):
    y = np.array(labels)
    bags = deal_bags(y, n_bags=n_bags, random_state=seed)
    assert len(bags) == n_bags
    assert sorted(np.concatenate(bags).tolist()) == list(range(len(y)))
    for label in np.unique(y):
        counts = [int((y[rows] == label).sum()) for rows in bags]
        assert max(counts) - min(counts) <= 1


def test_bags_are_dealt_at_random():
    y = np.zeros(1000, dtype=int)
    first, other = (deal_bags(y, n_bags=2, random_state=seed)[0] for seed in (0, 1))
    assert 150 < len(np.intersect1d(first, other)) < 350
    assert 400 < np.median(first) < 600


@settings(deadline=None, max_examples=40)
@given(sets(), st.integers(1, 6), st.integers(1, 7), st.integers(0, 2**32 - 1))
def test_rows_kept_balanced_and_within_the_minority(data, n_bags, k_neighbors, seed):
    X, y = data
    sampler = BaggedSmote(n_bags=n_bags, k_neighbors=k_neighbors, random_state=seed)
    rows, labels = sampler.fit_resample(X, y)
    assert np.array_equal(rows[: len(X)], X)
    assert np.array_equal(labels[: len(y)], y)
    counts = np.bincount(labels)
    assert counts[0] == counts[1] == (y == 0).sum()
    assert (labels[len(y) :] == 1).all()
    minority = X[y == 1]
    slack = 1e-9
    assert (rows[len(X) :] >= minority.min(axis=0) - slack).all()
    assert (rows[len(X) :] <= minority.max(axis=0) + slack).all()
    start = len(X)
    for bag in sampler.bags_:
        inside = y[bag.rows]
        assert bag.minority == inside.sum()
        assert bag.minority > bag.k_neighbors >= 1
        assert bag.synthetic == len(inside) - 2 * inside.sum()
        made, own = rows[start : start + bag.synthetic], X[bag.rows][inside == 1]
        assert (made >= own.min(axis=0) - slack).all()
        assert (made <= own.max(axis=0) + slack).all()
        start += bag.synthetic
    assert start == len(rows)


def test_a_synthetic_row_lies_between_a_row_and_a_near_neighbour_of_its_bag(skewed):
    X, y = skewed
    sampler = BaggedSmote(n_bags=2, k_neighbors=3)
    rows, _ = sampler.fit_resample(X, y)
    own = X[sampler.bags_[0].rows][y[sampler.bags_[0].rows] == 1]
    near = NearestNeighbors(n_neighbors=4).fit(own).kneighbors(return_distance=False, n_neighbors=3)
    start, end = np.repeat(own, 3, axis=0), own[near.ravel()]
    for made in rows[len(X) : len(X) + sampler.bags_[0].synthetic]:
        step = ((made - start) * (end - start)).sum(axis=1) / ((end - start) ** 2).sum(axis=1)
        off = np.abs(start + step[:, None] * (end - start) - made).max(axis=1)
        on = (off < 1e-9) & (step >= -1e-9) & (step <= 1 + 1e-9)
        assert on.any()


def test_one_bag_is_the_librarys_smote(skewed):
    X, y = skewed
    rows, labels = BaggedSmote(n_bags=1, random_state=9).fit_resample(X, y)
    seed = np.random.SeedSequence(9).spawn(2)[1]
    smote = SMOTE(random_state=np.random.RandomState(np.random.MT19937(seed)))
    expected, expected_labels = smote.fit_resample(X, y)
    assert np.array_equal(rows, expected)
    assert np.array_equal(labels, expected_labels)


def test_the_same_on_any_threads_in_any_order(skewed):
    X, y = skewed
    X = np.round(X)  # equal distances abound

    def backwards(jobs):
        done = {}
        for place in random.Random(5).sample(range(len(jobs)), len(jobs)):
            done[place] = jobs[place].work()
        return [done[place] for place in range(len(jobs))]

    expected = BaggedSmote(n_bags=7).fit_resample(X, y)
    for sampler in (
        BaggedSmote(n_bags=7, n_jobs=2),
        BaggedSmote(n_bags=7, n_jobs=5),
        BaggedSmote(n_bags=7, runner=backwards),
    ):
        rows, labels = sampler.fit_resample(X, y)
        assert np.array_equal(rows, expected[0])
        assert np.array_equal(labels, expected[1])
    assert not np.array_equal(BaggedSmote(n_bags=7, random_state=1).fit_resample(X, y)[0], expected[0])


def test_a_runner_gets_one_named_job_a_bag(skewed):
    seen = []

    def run(jobs):
        seen.extend(job.name for job in jobs)
        return [job.work() for job in jobs]

    BaggedSmote(n_bags=3, runner=run).fit_resample(*skewed)
    assert seen == ["bag 1 of 3", "bag 2 of 3", "bag 3 of 3"]


def test_each_bag_has_its_own_seed():
    X, y = np.arange(40.0).reshape(-1, 1) % 2 * 10, (np.arange(40) % 4 == 0).astype(int)
    X[y == 1] = np.tile([[0.0], [1.0], [2.0], [3.0], [4.0]], (2, 1))
    X = np.vstack([X, [[7.0]]])
    y = np.append(y, 0)
    bag = np.arange(41)
    one, again, other = (
        oversample_bag(X, y, bag, totals={1: 31}, k_neighbors=2, random_state=seed)[0] for seed in (1, 1, 2)
    )
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_the_number_of_bags_grows_with_the_rows_so_that_a_bag_does_not():
    y = (np.arange(12 * ROWS_A_BAG + 1) % 10 == 0).astype(int)
    sampler = BaggedSmote()
    sampler.fit_resample(np.random.default_rng(0).random((len(y), 1)), y)
    assert len(sampler.bags_) == 13
    assert max(len(bag.rows) for bag in sampler.bags_) <= ROWS_A_BAG
    few = np.arange(1000) % 10 == 0
    sampler.fit_resample(np.random.default_rng(0).random((1000, 1)), few)
    assert len(sampler.bags_) == BAGS


def test_few_of_the_minority_join_bags_then_lower_neighbours():
    rng = np.random.default_rng(0)
    X = rng.random((100, 3))
    sampler = BaggedSmote(n_bags=10)
    sampler.fit_resample(X, (np.arange(100) < 20).astype(int))
    assert [bag.minority for bag in sampler.bags_] == [7, 7, 6]
    assert {bag.k_neighbors for bag in sampler.bags_} == {5}
    assert sampler.decisions_ == ("10 bags joined to 3: 20 rows of class 1, 6 a bag needed",)
    _, labels = sampler.fit_resample(X, (np.arange(100) < 3).astype(int))
    assert [(bag.minority, bag.k_neighbors, bag.synthetic) for bag in sampler.bags_] == [(3, 2, 94)]
    assert sampler.decisions_[1] == "2 neighbours in place of 5: 3 rows of class 1"
    assert np.bincount(labels).tolist() == [97, 97]
    sampler.fit_resample(X, (np.arange(100) < 2).astype(int))
    assert [(bag.minority, bag.k_neighbors) for bag in sampler.bags_] == [(2, 1)]


def test_enough_rows_need_no_decision(skewed):
    sampler = BaggedSmote(n_bags=8)
    sampler.fit_resample(*skewed)
    assert sampler.decisions_ == ()
    assert len(sampler.bags_) == 8


def test_equal_classes_stay_as_they_are():
    X, y = np.random.default_rng(0).random((40, 2)), np.repeat([0, 1], 20)
    sampler = BaggedSmote(n_bags=4)
    rows, labels = sampler.fit_resample(X, y)
    assert np.array_equal(rows, X)
    assert np.array_equal(labels, y)
    assert [bag.synthetic for bag in sampler.bags_] == [0] * 4
    assert sampler.decisions_ == ("the classes are equal in number: no row made",)


def test_one_class_or_one_row_of_it_is_refused():
    X = np.random.default_rng(0).random((30, 2))
    with pytest.raises(TooFewRowsError, match="all 30 labels are of one class, 0"):
        BaggedSmote().fit_resample(X, np.zeros(30, dtype=int))
    with pytest.raises(
        TooFewRowsError, match="1 row of class 1 among 30; SMOTE interpolates between at least 2"
    ):
        BaggedSmote().fit_resample(X, (np.arange(30) == 4).astype(int))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_gap_is_refused_by_column(value, skewed):
    X, y = skewed
    X[7, 2] = value
    X[9, 4] = value
    with pytest.raises(ModelError, match="NaN or inf in 2 of 6 columns, the first is column 2"):
        BaggedSmote().fit_resample(X, y)


def test_class_zero_may_be_the_minority(skewed):
    X, y = skewed
    rows, labels = BaggedSmote(n_bags=4).fit_resample(X, 1 - y)
    assert np.bincount(labels).tolist() == [350, 350]
    assert (labels[len(y) :] == 0).all()
    plain, _ = BaggedSmote(n_bags=4).fit_resample(X, y)
    assert rows.shape == plain.shape


def test_labels_may_be_words_and_more_than_two(skewed):
    X, _ = skewed
    y = np.array(["good", "watch", "bad", "good"], dtype=object)[np.arange(400) % 4]
    y[:40] = "good"
    sampler = BaggedSmote(n_bags=3)
    rows, labels = sampler.fit_resample(X, y)
    names, counts = np.unique(labels, return_counts=True)
    assert names.tolist() == ["bad", "good", "watch"]
    assert len(set(counts.tolist())) == 1
    assert np.array_equal(labels[:400], y)
    assert sampler.sampling_strategy_ == {"bad": 130, "watch": 130}
    assert len(rows) == 3 * counts[0]


def test_constant_columns_and_repeated_rows():
    rng = np.random.default_rng(1)
    X = np.column_stack([np.full(60, 2.5), rng.integers(0, 2, 60), rng.random(60)])
    y = (np.arange(60) < 12).astype(int)
    X[y == 1] = [2.5, 1.0, 0.25]
    rows, labels = BaggedSmote(n_bags=2).fit_resample(X, y)
    assert np.bincount(labels).tolist() == [48, 48]
    assert (rows[60:] == [2.5, 1.0, 0.25]).all()


def test_a_category_in_several_columns_stays_one_category_even_when_standardised():
    rng = np.random.default_rng(1)
    levels = np.eye(3)[rng.integers(0, 3, 240)]
    mean, scale = levels.mean(axis=0), levels.std(axis=0)
    X = np.column_stack([rng.random(240), (levels - mean) / scale])
    y = (np.arange(240) % 6 == 0).astype(int)
    rows, _ = BaggedSmote(n_bags=3).fit_resample(X, y)
    made = rows[240:, 1:] * scale + mean
    assert len(made) == 160
    assert np.allclose(made.sum(axis=1), 1)
    assert set(np.unique(rows[:, 1:])) == set(np.unique(X[:, 1:]))
    assert len(set(np.unique(rows[:, 0])) - set(np.unique(X[:, 0]))) > 100


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_codes_take_the_commonest_of_the_neighbours(dtype):
    rng = np.random.default_rng(2)
    code = rng.integers(0, 5, 300) * 10
    X = np.column_stack([rng.normal(code, 1.0), code, rng.random(300)]).astype(dtype)
    y = (np.arange(300) % 5 == 0).astype(int)
    rows, labels = BaggedSmote(n_bags=2, categorical_features=[1]).fit_resample(X, y)
    assert rows.dtype == dtype
    assert np.array_equal(rows[:300], X)
    assert np.bincount(labels).tolist() == [240, 240]
    assert set(np.unique(rows[300:, 1])) == {0, 10, 20, 30, 40}
    # neighbours by the first column are of one code, so the code fits the number
    assert np.mean(np.abs(rows[300:, 0] - rows[300:, 1]) < 5) > 0.9


def test_codes_are_the_same_on_any_threads():
    rng = np.random.default_rng(2)
    X, y = rng.integers(0, 4, (300, 3)).astype(float), (np.arange(300) % 5 == 0).astype(int)
    one, two = (
        BaggedSmote(n_bags=4, categorical_features=(0, 2), n_jobs=n).fit_resample(X, y)[0] for n in (1, 3)
    )
    assert np.array_equal(one, two)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ([6], "are not column numbers from 0 to 5"),
        ([-1], "are not column numbers from 0 to 5"),
        ([True, False, True, False, False, False], "are not column numbers from 0 to 5"),
        (["sector"], "are not column numbers from 0 to 5"),
        (range(6), "all 6 columns are categories"),
    ],
)
def test_categories_that_do_not_fit_are_refused(columns, message, skewed):
    with pytest.raises(ModelError, match=message):
        BaggedSmote(categorical_features=list(columns)).fit_resample(*skewed)


def test_no_categories_is_plain(skewed):
    rows, _ = BaggedSmote(categorical_features=[]).fit_resample(*skewed)
    assert np.array_equal(rows, BaggedSmote().fit_resample(*skewed)[0])


def test_numbers_of_other_kinds_become_floats_and_the_input_stays(skewed):
    X, y = skewed
    whole = np.round(X * 10).astype(np.int64)
    before = whole.copy()
    rows, _ = BaggedSmote(n_bags=2).fit_resample(whole, y)
    assert rows.dtype == np.float64
    assert (rows[400:] % 1 > 0).any()
    assert np.array_equal(whole, before)


def test_blas_stays_at_one_thread_where_bags_run_side_by_side(skewed):
    def counts():
        return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

    assert set(counts()) == {1}
    barrier = threading.Barrier(2)

    def side_by_side(jobs):
        out = [None, None]

        def work(place):
            barrier.wait()
            out[place] = jobs[place].work()

        workers = [threading.Thread(target=work, args=(place,)) for place in (0, 1)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return out

    BaggedSmote(n_bags=2, runner=side_by_side).fit_resample(*skewed)
    assert set(counts()) == {1}


def test_synthetic_rows_are_of_use():
    """A classifier on the balanced rows finds a shift of the minority that nothing but its rows shows."""
    rng = np.random.default_rng(4)
    y = (np.arange(2000) % 20 == 0).astype(int)
    X = rng.normal(0, 1, (2000, 5))
    X[y == 1, 0] += 2
    rows, labels = BaggedSmote().fit_resample(X, y)
    plain = LogisticRegression().fit(X, y).predict(X)[y == 1].mean()
    balanced = LogisticRegression().fit(rows, labels).predict(X)[y == 1].mean()
    assert plain < 0.5
    assert balanced > 0.7
