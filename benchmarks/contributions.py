"""Compare our exact contributions of tree members with shap and woodelf, and two threads with one."""

from __future__ import annotations

import argparse
import json
import os
import pickle
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.page import renew

THREADS = 2
COLUMNS = 60
TREES = 100
SEED = 7
MEMBERS = {
    "xgboost": {},
    "lightgbm": {},
    "adaboost": {},
    "random_forest": {"max_leaf_nodes": 64, "min_samples_leaf": 10},  # as the night trains it
}
READ_BY_SHAP = ("xgboost", "lightgbm", "random_forest")
READ_BY_WOODELF = ("xgboost", "lightgbm")
TARGET = 1.8
VISIBLE = 1e-5
RECORD = 200_000


def sample(rows: int):  # noqa: ANN201 - arrays
    """Draw rows and labels of a portfolio with 10% defaults and 60 columns of unequal shape."""
    import numpy as np
    from sklearn.datasets import make_classification

    X, y = make_classification(
        rows, COLUMNS, n_informative=18, n_redundant=12, weights=[0.9], class_sep=0.8, random_state=SEED
    )
    X[:, ::3] = np.exp(X[:, ::3] / 2)  # amounts
    X[:, 1::5] = X[:, 1::5].round()  # counts
    return X, y


def fit(X, y) -> dict[str, object]:  # noqa: ANN001 - arrays
    """Fit the members."""
    from models.voting_ensemble.members import make_member

    return {
        name: make_member(name, profile={"n_estimators": TREES, **profile}, random_state=SEED).fit(X, y)
        for name, profile in MEMBERS.items()
    }


def ours(member, X):  # noqa: ANN001, ANN201 - arrays
    """Return our contributions of one member, on one thread."""
    from models.explaining.member_trees import member_trees

    return member_trees(member).contributions(X)


def in_two_parts(member, X):  # noqa: ANN001, ANN201 - arrays
    """Return our contributions of one member, the rows in two parts on two threads, as a night scores them."""
    from concurrent.futures import ThreadPoolExecutor
    from functools import partial

    import numpy as np

    with ThreadPoolExecutor(THREADS) as pool:
        return np.concatenate(list(pool.map(partial(ours, member), np.array_split(X, THREADS))))


def shap(member, X):  # noqa: ANN001, ANN201 - arrays
    """Return the values of shap.TreeExplainer, which passes XGBoost and LightGBM on to their own libraries."""
    from shap import TreeExplainer

    member.set_params(n_jobs=1)
    values = TreeExplainer(member, feature_perturbation="tree_path_dependent").shap_values(
        X, check_additivity=False
    )
    return values[:, :, 1] if values.ndim == 3 else values


def shap_itself(member, X):  # noqa: ANN001, ANN201 - arrays
    """Return the values of shap's own C code, as a training holds ours to them."""
    from models.explaining.shap_check import shap_values

    return shap_values(member, X)


def woodelf(member, X):  # noqa: ANN001, ANN201 - arrays
    """Return the values of woodelf-explainer, on all rows at once."""
    import pandas as pd
    from woodelf import WoodelfExplainer

    return WoodelfExplainer(member).shap_values(pd.DataFrame(X), verbose=False)


class Side(NamedTuple):
    """One way to compute contributions: its name on the page, its function and the members that it takes."""

    title: str
    compute: object
    members: tuple[str, ...]


SIDES = {
    "ours": Side("ours, compiled by numba, one thread", ours, tuple(MEMBERS)),
    "in_two_parts": Side("ours, two parts on two threads", in_two_parts, tuple(MEMBERS)),
    "woodelf": Side("woodelf-explainer", woodelf, READ_BY_WOODELF),
    "shap": Side("shap.TreeExplainer, one thread", shap, READ_BY_SHAP),
    "shap_itself": Side("shap's own C code", shap_itself, READ_BY_SHAP),
}


def one_side(side: str, folder: Path, rows: int) -> None:
    """Time one side on the first rows in this process, store its values and print the figures as JSON."""
    import numpy as np

    members = pickle.loads((folder / "members.pickle").read_bytes())
    X = np.load(folder / "rows.npy")[:rows]
    values, wall, cpu = {}, {}, {}
    for name in SIDES[side].members:
        SIDES[side].compute(members[name], X[:50])  # so that imports and first calls are not measured
        started, used = time.perf_counter(), time.process_time()
        values[name] = SIDES[side].compute(members[name], X)
        wall[name], cpu[name] = time.perf_counter() - started, time.process_time() - used
    np.savez(folder / f"{side}.npz", **values)
    gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps({"wall": wall, "cpu": cpu, "rows": rows, "gib": gib}))


def measure(side: str, folder: Path, rows: int) -> dict:
    """Run one side in a process of its own; return wall and CPU seconds by member, peak GiB and rows."""
    command = [sys.executable, "-m", "benchmarks.contributions", "--side", side]
    command += ["--folder", str(folder), "--rows", str(rows)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    root = Path(__file__).parents[1]
    out = subprocess.run(command, check=True, capture_output=True, text=True, cwd=root, env=environment)
    figures = json.loads(out.stdout.splitlines()[-1])
    wall, cpu = (sum(figures[kind].values()) for kind in ("wall", "cpu"))
    print(f"  {side:12} {rows:>9,} rows  {wall:7.1f} s  {cpu:7.1f} CPU s", flush=True)
    return figures


def difference(folder: Path, side: str) -> tuple[float, int]:
    """Return the largest difference between our values and a side's, and how many rows differ visibly."""
    import numpy as np

    our_values, other = np.load(folder / "ours.npz"), np.load(folder / f"{side}.npz")
    gaps = [np.abs(our_values[name][: len(other[name])] - other[name]).max(axis=1) for name in other.files]
    return float(np.max(gaps)), int((np.max(gaps, axis=0) > VISIBLE).sum())


def main(arguments: list[str]) -> None:
    """Measure the sides one after the other and renew the section of the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.contributions", description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000, help=f"{RECORD} or more renews the record")
    parser.add_argument("--training-rows", type=int, default=10_000, help="40_000 for the record")
    parser.add_argument(
        "--shap-rows", type=int, default=1_000, help="rows that shap computes; scaled linearly"
    )
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.side:
        one_side(options.side, options.folder, options.rows)
        return
    import numpy as np

    with tempfile.TemporaryDirectory(prefix="nightledger-bench-") as temporary:
        folder = Path(temporary)
        X, y = sample(options.training_rows + options.rows)
        np.save(folder / "rows.npy", X[options.training_rows :])
        members = fit(X[: options.training_rows], y[: options.training_rows])
        (folder / "members.pickle").write_bytes(pickle.dumps(members))
        few = min(options.shap_rows, options.rows)
        figures = {side: measure(side, folder, few if "shap" in side else options.rows) for side in SIDES}
        differences = {side: difference(folder, side) for side in SIDES if side != "ours"}
    renew(
        "contributions" if options.rows >= RECORD else "contributions-quick",
        title=f"Contributions: {options.rows:,} rows by {COLUMNS} columns, {TREES} trees a member",
        command=f"python -m benchmarks.contributions --rows {options.rows} "
        f"--training-rows {options.training_rows} --shap-rows {options.shap_rows}",
        body=table(figures, differences, options),
    )


def table(
    figures: dict[str, dict], differences: dict[str, tuple[float, int]], options: argparse.Namespace
) -> str:
    """Return the section's body: CPU seconds by member, wall seconds, ratios, differences and the target."""
    text = f"| CPU s | {' | '.join(MEMBERS)} | all, wall s "
    text += "| times our CPU s | GiB | largest difference | rows > 1e-05 |\n"
    text += f"|---|{'--:|' * (len(MEMBERS) + 5)}\n"
    our_cpu = figures["ours"]["cpu"]
    for side, measured in figures.items():
        scale = options.rows / measured["rows"]
        cells = [
            f"{measured['cpu'][name] * scale:.1f}" if name in measured["cpu"] else "" for name in MEMBERS
        ]
        times = sum(measured["cpu"].values()) * scale / sum(our_cpu[name] for name in measured["cpu"])
        gap, visible = (
            (f"{differences[side][0]:.0e}", f"{differences[side][1]}") if side in differences else ("", "")
        )
        text += (
            f"| {SIDES[side].title} | {' | '.join(cells)} | {sum(measured['wall'].values()) * scale:.1f} "
            f"| {times:.1f} | {measured['gib']:.2f} | {gap} | {visible} |\n"
        )
    alone, beside = (sum(figures[side]["wall"].values()) for side in ("ours", "in_two_parts"))
    shap_rows = figures["shap"]["rows"]
    scaled = (
        f"shap computed {shap_rows:,} rows, and its seconds are multiplied by {options.rows / shap_rows:g}: its work "
        "is the same for every row. Its GiB and its difference are those of these rows. "
        if shap_rows < options.rows
        else ""
    )
    return (
        f"{text}\nTwo parts on two threads are {alone / beside:.2f} times as fast as one (wall; target {TARGET}). "
        f"{scaled}Members are fitted on {options.training_rows:,} rows, with {TREES} trees and the libraries' "
        "defaults, the forest with at most 64 leaves a tree of at least 10 rows. Each side in a process of its own, "
        "one after the other, after a first call on 50 rows, which compiles. A row is held to ours on the members "
        "that it takes. Where woodelf differs visibly, XGBoost meets a value one 32-bit step below a split, which "
        "woodelf sends the other way; XGBoost's own contributions agree with ours there (a test holds them together)."
    )


if __name__ == "__main__":
    main(sys.argv[1:])
