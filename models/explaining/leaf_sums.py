"""Add up the leaves of one tree for many rows, compiled and outside Python's lock, so that threads run side by side.

What a leaf gives to a row depends on the row's decisions alone. So a tree is cut where the features on the way and the
splits below are at most `BITS`: each pattern of these decisions that occurs is computed once, and every row looks its
pattern up. Where the way itself has more features, each row is computed by itself.

`models.explaining.tree_shapley.Tree` says what is computed.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from models.compiled import compiled

Array = Any  # numba takes the kind of an array from the call

BITS = 12  # four thousand patterns of twelve features take 400 KB and stay near the core


class Nodes(NamedTuple):
    """One tree, shape (n_nodes,) each.

    ``left`` and ``right`` are -1 at a leaf, ``ratio`` is the share of the parent's cover, and ``inner`` the number of
    splits at and under a node. A row goes left where its value is at most ``threshold``, and where it is missing if
    ``missing_left``.
    """

    feature: Array
    threshold: Array
    missing_left: Array
    left: Array
    right: Array
    ratio: Array
    value: Array
    inner: Array


class Rules(NamedTuple):
    """Quadrature from 0 to 1, shape (n_rules, n_points) each; rule p has p points."""

    points: Array
    weights: Array


class Edges(NamedTuple):
    """The way to a node as one edge a feature, then all edges under the node; an edge comes after its parent.

    ``earlier`` is the last edge above on the same feature, ``place`` the place of the feature among ``features``, and
    ``share`` the part of the cover that follows all edges on the feature so far. An edge is followed by rows whose
    answer number ``question`` is ``wanted``. ``asked`` holds the nodes under the top that split.
    """

    parent: Array
    earlier: Array
    place: Array
    share: Array
    question: Array
    wanted: Array
    leaf: Array
    features: Array
    asked: Array


class Factors(NamedTuple):
    """What an edge does to the product and to the value of its feature, shape (n_edges, 3, n_points) each.

    By the state of a row: 0, it left this way at an earlier split on the feature; 1, it leaves here; 2, it stays.
    """

    scale: Array
    gain: Array


class Work(NamedTuple):
    """Working space for one pattern, and the value of each feature."""

    states: Array
    products: Array
    sums: Array
    values: Array


@compiled
def add_values(columns: Array, nodes: Nodes, rules: Rules, into: Array) -> None:
    """Add the Shapley values of every row to ``into``.

    Parameters
    ----------
    columns : ndarray of float32 or float64, shape (n_columns, n_samples)
    nodes : Nodes
    rules : Rules
        Up to half as many points as the tree has features.
    into : ndarray of float64, shape (n_columns, n_samples)
    """
    goes_left = _goes_left(columns, nodes)
    ahead, depths = np.empty(len(nodes.left), np.int64), np.empty(len(nodes.left), np.int64)
    way = np.empty(len(nodes.left), np.int64)
    ahead[0], depths[0], waiting = 0, 0, 1
    while waiting:
        waiting -= 1
        node, depth = ahead[waiting], depths[waiting]
        way[depth] = node
        known = _distinct(nodes.feature, way[:depth])
        if known + nodes.inner[node] <= BITS or known >= BITS:
            edges = _edges(nodes, way[: depth + 1])
            if len(edges.features):
                answers = _answers(goes_left, nodes, way[: depth + 1], edges)
                _add_subtree(answers, edges, _factors(edges, rules), nodes.value, into)
        else:
            for child in (nodes.left[node], nodes.right[node]):
                ahead[waiting], depths[waiting] = child, depth + 1
                waiting += 1


@compiled
def _goes_left(columns: Array, nodes: Nodes) -> Array:
    """Return where each row goes left at the nodes that split, shape (n_nodes, n_samples)."""
    rows = columns.shape[1]
    goes_left = np.zeros((len(nodes.left), rows), np.bool_)
    for node in range(len(nodes.left)):
        if nodes.left[node] < 0:
            continue
        values, threshold, to_left = columns[nodes.feature[node]], nodes.threshold[node], goes_left[node]
        if nodes.missing_left[node]:
            for row in range(rows):
                to_left[row] = not values[row] > threshold
        else:
            for row in range(rows):
                to_left[row] = values[row] <= threshold
    return goes_left


@compiled
def _distinct(feature: Array, way: Array) -> int:
    """Return the number of different features that are split on the way."""
    known = 0
    for step in range(len(way)):
        known += 1
        for before in range(step):
            if feature[way[before]] == feature[way[step]]:
                known -= 1
                break
    return known


@compiled
def _place(features: Array, known: int, name: int) -> int:
    """Return the place of a feature among the known ones, or the next place."""
    for place in range(known):
        if features[place] == name:
            return place
    return known


@compiled
def _edges(nodes: Nodes, way: Array) -> Edges:
    """Lay out the edges on the way to its last node, and under it."""
    steps, splits = len(way) - 1, nodes.inner[way[-1]]
    most = steps + 2 * splits
    parent, earlier, leaf = np.full(most, -1), np.full(most, -1), np.full(most, -1)
    place, question, share = np.empty(most, np.int64), np.empty(most, np.int64), np.ones(most)
    wanted = np.ones(most, np.bool_)
    features, asked = np.empty(steps + splits, np.int64), np.empty(splits, np.int64)
    known = 0
    for step in range(steps):
        at = _place(features, known, nodes.feature[way[step]])
        if at == known:
            features[at], place[at], question[at], parent[at] = nodes.feature[way[step]], at, at, at - 1
            known += 1
        share[at] *= nodes.ratio[way[step + 1]]
    ahead, came_by = np.empty(splits + 1, np.int64), np.empty(splits + 1, np.int64)
    ahead[0], came_by[0], waiting = way[-1], known - 1, 1
    edge, first, questions = known, known, 0
    while waiting:
        waiting -= 1
        node, above = ahead[waiting], came_by[waiting]
        if nodes.left[node] < 0:
            if above >= 0:
                leaf[above] = node
            continue
        at = _place(features, known, nodes.feature[node])
        if at == known:
            features[at] = nodes.feature[node]
            known += 1
        same = above
        while same >= 0 and place[same] != at:
            same = parent[same]
        asked[questions] = node
        for child in (nodes.left[node], nodes.right[node]):
            parent[edge], earlier[edge], place[edge] = above, same, at
            question[edge], wanted[edge] = first + questions, child == nodes.left[node]
            share[edge] = nodes.ratio[child] * (share[same] if same >= 0 else 1.0)
            ahead[waiting], came_by[waiting] = child, edge
            waiting += 1
            edge += 1
        questions += 1
    return Edges(
        parent[:edge], earlier[:edge], place[:edge], share[:edge], question[:edge], wanted[:edge], leaf[:edge],
        features[:known], asked,
    )  # fmt: skip


@compiled
def _answers(goes_left: Array, nodes: Nodes, way: Array, edges: Edges) -> Array:
    """Return what each row decides: first by feature of the way, does it follow; then, does it go left under it."""
    steps, rows = len(way) - 1, goes_left.shape[1]
    known = _distinct(nodes.feature, way[:-1])
    answers = np.ones((known + len(edges.asked), rows), np.bool_)
    for step in range(steps):
        at = _place(edges.features, known, nodes.feature[way[step]])
        to_left = nodes.left[way[step]] == way[step + 1]
        for row in range(rows):
            answers[at, row] &= goes_left[way[step], row] == to_left
    for number in range(len(edges.asked)):
        answers[known + number] = goes_left[edges.asked[number]]
    return answers


@compiled
def _factors(edges: Edges, rules: Rules) -> Factors:
    """Compute the factors of every edge with the rule that is exact for that many features."""
    count, rule = len(edges.parent), (len(edges.features) + 1) // 2
    scale, gain = np.empty((count, 3, rule)), np.zeros((count, 3, rule))
    for edge in range(count):
        old = edges.share[edges.earlier[edge]] if edges.earlier[edge] >= 0 else 1.0
        new = edges.share[edge]
        for p in range(rule):
            point, weight = rules.points[rule, p], rules.weights[rule, p]
            rest = 1 - point
            kept, keeps = point + rest * old, point + rest * new
            scale[edge, 0, p], scale[edge, 1, p], scale[edge, 2, p] = (
                new / old,
                rest * new / kept,
                keeps / kept,
            )
            lost = weight * (1 - old) / kept
            gain[edge, 1, p] = -lost - weight / rest
            gain[edge, 2, p] = -lost + weight * (1 - new) / keeps
    return Factors(scale, gain)


@compiled
def _add_subtree(answers: Array, edges: Edges, factors: Factors, value: Array, into: Array) -> None:
    """Add what the leaves under one node give to every row."""
    bits, rows = answers.shape
    count, points = factors.scale.shape[0], factors.scale.shape[2]
    work = Work(
        np.empty(count, np.int64),
        np.empty((count, points)),
        np.empty((count, points)),
        np.empty(len(edges.features)),
    )
    if bits > BITS:
        for row in range(rows):
            _sum_leaves(answers[:, row], edges, factors, value, work)
            for at in range(len(edges.features)):
                into[edges.features[at], row] += work.values[at]
        return
    code = np.zeros(rows, np.uint16)
    for bit in range(bits):
        for row in range(rows):
            code[row] |= np.uint16(answers[bit, row]) << np.uint16(bit)
    occurs = np.zeros(1 << bits, np.bool_)
    for row in range(rows):
        occurs[code[row]] = True
    table, pattern = np.empty((len(edges.features), 1 << bits)), np.empty((bits, 1), np.bool_)
    for number in np.flatnonzero(occurs):
        for bit in range(bits):
            pattern[bit, 0] = (number >> bit) & 1
        _sum_leaves(pattern[:, 0], edges, factors, value, work)
        table[:, number] = work.values
    for at in range(len(edges.features)):
        column, of_pattern = into[edges.features[at]], table[at]
        for row in range(rows):
            column[row] += of_pattern[code[row]]


@compiled
def _sum_leaves(answers: Array, edges: Edges, factors: Factors, value: Array, work: Work) -> None:
    """Compute the value of each feature for one row, or one pattern of decisions."""
    states, products, sums, values = work
    count, points = products.shape
    for edge in range(count):
        same, above = edges.earlier[edge], edges.parent[edge]
        before = 1 if same < 0 or states[same] == 2 else 0
        follows = before if answers[edges.question[edge]] == edges.wanted[edge] else 0
        states[edge] = before + follows
        for p in range(points):
            product = products[above, p] if above >= 0 else 1.0
            products[edge, p] = product * factors.scale[edge, states[edge], p]
            sums[edge, p] = 0.0
    values[:] = 0.0
    for edge in range(count - 1, -1, -1):
        leaf, above, gained = edges.leaf[edge], edges.parent[edge], 0.0
        for p in range(points):
            if leaf >= 0:
                sums[edge, p] = products[edge, p] * value[leaf]
            gained += sums[edge, p] * factors.gain[edge, states[edge], p]
            if above >= 0:
                sums[above, p] += sums[edge, p]
        values[edges.place[edge]] += gained
