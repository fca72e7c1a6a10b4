"""Compute exact path-dependent Shapley values of decision trees, for many rows at once and trees of any depth."""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from models.errors import ModelError
from models.explaining.leaf_sums import Nodes, Rules, add_values

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


class Branches(NamedTuple):
    """One fitted tree as arrays over its nodes; the root is node 0.

    A row goes left where its value is at most ``threshold``, and where it is missing if ``missing_left``.
    ``left`` and ``right`` are -1 at a leaf, ``value`` counts at leaves only, and ``cover`` is the weight of
    the training rows that came to a node.
    """

    feature: Integers
    threshold: Floats
    missing_left: Flags
    left: Integers
    right: Integers
    cover: Floats
    value: Floats


class Tree:
    """One tree, with the parts of its Shapley values that do not depend on the rows.

    In the path-dependent game a set of features is worth the mean of the leaves, where a split on a feature
    of the set follows the row and any other split goes both ways by cover. Of one leaf this is a product
    over the features on its path, of ``o`` (does the row agree, 0 or 1) inside the set and of ``r`` (share
    of the cover) outside. Averaging over all orders of the features then gives

        phi_j = value (o_j - r_j) integral from 0 to 1 of prod_{i != j} (t o_i + (1 - t) r_i) dt.

    The integrand is a polynomial in t, so that a Gauss-Legendre sum over half as many points as the
    path has features is exact. Its terms all have one sign: nothing cancels at any depth.

    Parameters
    ----------
    branches : Branches

    Raises
    ------
    ModelError
        A node without training rows, for which the game is not defined.

    References
    ----------
    Lundberg et al. (2020), From local explanations to global understanding with explainable AI for trees.
    Nature Machine Intelligence 2.

    Examples
    --------
    >>> whole = np.array([0, -1, -1])
    >>> stump = Tree(Branches(whole, np.array([0.5, 0, 0]), np.zeros(3, bool), np.array([1, -1, -1]),
    ...     np.array([2, -1, -1]), np.array([4.0, 1.0, 3.0]), np.array([0.0, 1.0, 2.0])))
    >>> values = np.zeros((1, 2))
    >>> stump.add(np.array([[0.0, 1.0]]), values)
    >>> stump.expected, values
    (1.75, array([[-0.75,  0.25]]))
    """

    def __init__(self, branches: Branches) -> None:
        self.branches = branches
        if not (branches.cover > 0).all():
            raise ModelError("a tree has a node without training rows, so its values cannot be explained")

    @cached_property
    def ratio(self) -> Floats:
        """Share of the parent's cover that came to each node, shape (n_nodes,); 1 at the root."""
        left, right, cover = self.branches.left, self.branches.right, self.branches.cover
        ratio, inner = np.ones(len(cover)), np.flatnonzero(left >= 0)
        children_cover = cover[left[inner]] + cover[right[inner]]
        for child in (left[inner], right[inner]):
            ratio[child] = cover[child] / children_cover
        return ratio

    @cached_property
    def expected(self) -> float:
        """The value of the empty set: the mean of the leaves by cover."""
        total, ahead = 0.0, [(0, 1.0)]
        while ahead:
            node, share = ahead.pop()
            if self.branches.left[node] < 0:
                total += share * float(self.branches.value[node])
            else:
                ahead += [(child, share * float(self.ratio[child])) for child in self.children(node)]
        return total

    def children(self, node: int) -> tuple[int, int]:
        """Return the left and the right node after a split."""
        return int(self.branches.left[node]), int(self.branches.right[node])

    def splits(self, top: int) -> list[int]:
        """Return the nodes at and under a node that split."""
        splitting, ahead = [], [top]
        while ahead:
            node = ahead.pop()
            if self.branches.left[node] >= 0:
                splitting.append(node)
                ahead += self.children(node)
        return splitting

    def goes_left(self, columns: npt.NDArray[np.floating], node: int) -> Flags:
        """Return a mask of the rows that go left at a node; ``columns`` has the shape (n_columns, n_samples)."""
        values, threshold = columns[self.branches.feature[node]], self.branches.threshold[node]
        return np.asarray(~(values > threshold) if self.branches.missing_left[node] else values <= threshold)

    def add(self, columns: npt.NDArray[np.floating], into: Floats) -> None:
        """Add the Shapley values of each row to ``into``; both have the shape (n_columns, n_samples)."""
        splitting = self.splits(0)
        goes_left = np.zeros((len(self.branches.left), columns.shape[1]), dtype=np.bool_)
        for node in splitting:
            goes_left[node] = self.goes_left(columns, node)
        branches = self.branches
        nodes = Nodes(
            branches.feature.astype(np.int64),
            branches.left.astype(np.int64),
            branches.right.astype(np.int64),
            self.ratio,
            branches.value,
            self.inner_nodes,
        )
        add_values(goes_left, nodes, _rules(len(np.unique(branches.feature[splitting]))), into)

    @cached_property
    def inner_nodes(self) -> Integers:
        """Number of splits at and under each node, shape (n_nodes,)."""
        count = np.zeros(len(self.branches.left), dtype=np.int64)
        for node in reversed(self.splits(0)):
            left, right = self.children(node)
            count[node] = 1 + count[left] + count[right]
        return count


@lru_cache
def _rules(features: int) -> Rules:
    """Return the quadrature for up to so many features on a path; rule p is exact up to the degree 2 p - 1."""
    most = (features + 1) // 2
    rules = Rules(np.zeros((most + 1, most)), np.zeros((most + 1, most)))
    for count in range(1, most + 1):
        nodes, sizes = np.polynomial.legendre.leggauss(count)
        rules.points[count, :count], rules.weights[count, :count] = (nodes + 1) / 2, sizes / 2
    return rules
