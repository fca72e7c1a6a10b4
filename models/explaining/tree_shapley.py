"""Compute exact path-dependent Shapley values of decision trees, for many rows at once and trees of any depth."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from models.errors import ModelError

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Decide = Callable[[int], Flags]

PATTERN_BITS = 12  # 4,096 patterns of twelve features take 400 KB and stay near the cores
ROWS_A_PATTERN = 4  # fewer rows than that for each pattern, and the rows themselves are quicker
SLICE = 8192  # rows whose running sums stay in the cache


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


class Split(NamedTuple):
    """The splits of a path on one feature: which rows agree with all of them, and the share of cover that does."""

    agrees: Flags
    share: float


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

    def after(self, path: dict[int, Split], node: int, left: Flags) -> list[tuple[int, dict[int, Split]]]:
        """Return both children of a node with the paths to them."""
        feature = int(self.branches.feature[node])
        before = path.get(feature)
        return [
            (child, path | {feature: _both(before, Split(follows, float(self.ratio[child])))})
            for child, follows in zip(self.children(node), (left, ~left), strict=True)
        ]

    def add(self, columns: npt.NDArray[np.floating], into: Floats) -> None:
        """Add the Shapley values of each row to ``into``; both have the shape (n_columns, n_samples)."""
        rows = columns.shape[1]
        bits = min(PATTERN_BITS, max(rows // ROWS_A_PATTERN, 1).bit_length() - 1)
        inner = self.inner_nodes
        ahead: list[tuple[int, dict[int, Split]]] = [(0, {})]
        while ahead:
            node, path = ahead.pop()
            if len(path) + inner[node] <= bits:
                self._add_by_pattern(node, path, columns, into)
            elif len(path) >= bits:
                values = _Subtree(self, node, path, lambda at: self.goes_left(columns, at), rows).values
                for feature, value in values.items():
                    into[feature] += value
            else:
                ahead += self.after(path, node, self.goes_left(columns, node))

    @cached_property
    def inner_nodes(self) -> Integers:
        """Number of splits at and under each node, shape (n_nodes,)."""
        count = np.zeros(len(self.branches.left), dtype=np.int64)
        for node in reversed(self.splits(0)):
            left, right = self.children(node)
            count[node] = 1 + count[left] + count[right]
        return count

    def _add_by_pattern(
        self, top: int, path: dict[int, Split], columns: npt.NDArray[np.floating], into: Floats
    ) -> None:
        """Compute the leaves under a node once for each pattern of decisions, and look up the pattern of each row."""
        splits = self.splits(top)
        flags = [split.agrees for split in path.values()] + [self.goes_left(columns, at) for at in splits]
        code = np.zeros(columns.shape[1], dtype=np.uint16)
        for bit, flag in enumerate(flags):
            code |= flag.astype(np.uint16) << np.uint16(bit)
        patterns = np.arange(1 << len(flags))
        decisions = [(patterns >> bit & 1).astype(bool) for bit in range(len(flags))]
        along = {
            feature: split._replace(agrees=flag)
            for (feature, split), flag in zip(path.items(), decisions, strict=False)
        }
        under = dict(zip(splits, decisions[len(path) :], strict=True))
        table = _Subtree(self, top, along, under.__getitem__, len(patterns)).values
        for start in range(0, len(code), SLICE):
            index = code[start : start + SLICE].astype(np.intp)
            for feature, values in table.items():
                into[feature, start : start + SLICE] += values.take(index)


class _Subtree:
    """The leaves under one node, for rows whose decisions are known: ``values`` by feature."""

    def __init__(self, tree: Tree, top: int, path: dict[int, Split], decide: Decide, rows: int) -> None:
        self.tree, self.decide = tree, decide
        features = set(path).union(tree.branches.feature[tree.splits(top)].tolist())
        self.points, self.weights = _quadrature(max(1, (len(features) + 1) // 2))
        self.rest = 1 - self.points
        self.values: dict[int, Floats] = {feature: np.zeros(rows) for feature in features}
        edges = {feature: self._edge(None, split) for feature, split in path.items()}
        product = np.ones((rows, len(self.points)))
        for scale, _, state in edges.values():
            product *= scale.take(state, axis=0)
        under = self._leaves(top, path, product)
        for feature, (_, gain, state) in edges.items():
            self.values[feature] += self._gained(under, gain, state)

    def _leaves(self, node: int, path: dict[int, Split], product: Floats) -> Floats:
        """Return the sum of value times product over the leaves under a node, shape (rows, points)."""
        branches = self.tree.branches
        if branches.left[node] < 0:
            return np.asarray(product * branches.value[node])
        feature = int(branches.feature[node])
        total = np.zeros_like(product)
        for child, extended in self.tree.after(path, node, self.decide(node)):
            scale, gain, state = self._edge(path.get(feature), extended[feature])
            under = self._leaves(child, extended, product * scale.take(state, axis=0))
            self.values[feature] += self._gained(under, gain, state)
            total += under
        return total

    def _edge(self, earlier: Split | None, current: Split) -> tuple[Floats, Floats, Integers]:
        """Return the effect of a split on the product and on the values of its feature, and the state of each row.

        States: 0, the row left this path at an earlier split; 1, it leaves at this split; 2, it stays.
        """
        old, new = 1.0 if earlier is None else earlier.share, current.share
        kept, keeps = self.points + self.rest * old, self.points + self.rest * new
        scale, gain = np.empty((3, len(self.points))), np.zeros((3, len(self.points)))
        scale[0], scale[1], scale[2] = new / old, self.rest * new / kept, keeps / kept
        gain[1:] = -self.weights * (1 - old) / kept
        gain[1] -= self.weights / self.rest
        gain[2] += self.weights * (1 - new) / keeps
        state = current.agrees + (np.int64(1) if earlier is None else earlier.agrees.astype(np.int64))
        return scale, gain, state

    @staticmethod
    def _gained(under: Floats, gain: Floats, state: Integers) -> Floats:
        # no matrix product: BLAS would call threads of its own for it
        return np.asarray(np.einsum("rp,rp->r", under, gain.take(state, axis=0)))


def _both(before: Split | None, split: Split) -> Split:
    if before is None:
        return split
    return Split(before.agrees & split.agrees, before.share * split.share)


@lru_cache
def _quadrature(points: int) -> tuple[Floats, Floats]:
    """Return points and weights that integrate from 0 to 1, exactly up to the degree 2 * points - 1."""
    nodes, weights = np.polynomial.legendre.leggauss(points)
    return (nodes + 1) / 2, weights / 2
