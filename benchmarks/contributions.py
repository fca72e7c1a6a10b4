"""Compare our exact contributions of tree members with shap.TreeExplainer and woodelf on the same members."""

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

from benchmarks.page import renew

THREADS = 2
COLUMNS = 60
TREES = 100
SEED = 7
MEMBERS = ("xgboost", "lightgbm", "adaboost")
SHARED = ("xgboost", "lightgbm")  # shap.TreeExplainer and woodelf do not take AdaBoost
TARGET = 15
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
    """Fit the three members."""
    from models.voting_ensemble.members import make_member

    return {
        name: make_member(name, profile={"n_estimators": TREES}, random_state=SEED).fit(X, y)
        for name in MEMBERS
    }


def ours(members: dict, X):  # noqa: ANN001, ANN201 - arrays
    """Return our contributions, member by member, on one thread."""
    from models.explaining.member_trees import member_trees

    return {name: member_trees(member).contributions(X) for name, member in members.items()}


def shap(members: dict, X):  # noqa: ANN001, ANN201 - arrays
    """Return the values of shap.TreeExplainer, member by member; the libraries below it may use both threads."""
    from shap import TreeExplainer

    values = {}
    for name in SHARED:
        members[name].set_params(n_jobs=THREADS)
        if name == "xgboost":
            members[name].get_booster().set_param({"nthread": THREADS})
        explainer = TreeExplainer(members[name], feature_perturbation="tree_path_dependent")
        values[name] = explainer.shap_values(X, check_additivity=False)
    return values


def woodelf(members: dict, X):  # noqa: ANN001, ANN201 - arrays
    """Return the values of woodelf-explainer, member by member, on all rows at once."""
    import pandas as pd
    from woodelf import WoodelfExplainer

    frame = pd.DataFrame(X)
    return {name: WoodelfExplainer(members[name]).shap_values(frame, verbose=False) for name in SHARED}


SIDES = {"ours": ours, "shap": shap, "woodelf": woodelf}


def one_side(side: str, folder: Path, rows: int) -> None:
    """Time one side on the first rows in this process, store its values and print the figures as JSON."""
    import numpy as np

    members = pickle.loads((folder / "members.pickle").read_bytes())
    X = np.load(folder / "rows.npy")[:rows]
    SIDES[side](members, X[:50])  # so that imports and first calls are not measured
    wall, cpu = time.perf_counter(), time.process_time()
    values = SIDES[side](members, X)
    figures = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "rows": rows}
    np.savez(folder / f"{side}.npz", **values)
    print(json.dumps({**figures, "gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}))


def measure(side: str, folder: Path, rows: int) -> dict[str, float]:
    """Run one side in a process of its own and return wall seconds, CPU seconds, peak GiB and rows."""
    command = [sys.executable, "-m", "benchmarks.contributions", "--side", side]
    command += ["--folder", str(folder), "--rows", str(rows)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(THREADS)}
    root = Path(__file__).parents[1]
    out = subprocess.run(command, check=True, capture_output=True, text=True, cwd=root, env=environment)
    figures = json.loads(out.stdout.splitlines()[-1])
    print(f"  {side:8} {rows:>9,} rows  {figures['wall']:7.1f} s  {figures['cpu']:7.1f} CPU s", flush=True)
    return figures


def difference(folder: Path, side: str) -> tuple[float, int]:
    """Return the largest difference between our values and a side's, and how many rows differ visibly."""
    import numpy as np

    our_values, other = np.load(folder / "ours.npz"), np.load(folder / f"{side}.npz")
    gaps = [np.abs(our_values[name][: len(other[name])] - other[name]).max(axis=1) for name in SHARED]
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
        rows = {"shap": measure("shap", folder, min(options.shap_rows, options.rows))}
        rows |= {side: measure(side, folder, options.rows) for side in ("woodelf", "ours")}
        differences = {side: difference(folder, side) for side in ("shap", "woodelf")}
    renew(
        "contributions" if options.rows >= RECORD else "contributions-quick",
        title=f"Contributions: {options.rows:,} rows by {COLUMNS} columns, {TREES} trees a member",
        command=f"python -m benchmarks.contributions --rows {options.rows} "
        f"--training-rows {options.training_rows} --shap-rows {options.shap_rows}",
        body=table(rows, differences, options),
    )


def table(
    rows: dict[str, dict[str, float]], differences: dict[str, tuple[float, int]], options: argparse.Namespace
) -> str:
    """Return the section's body: seconds, rows a second, ratios, differences and the target."""
    for figures in rows.values():
        scale = options.rows / figures["rows"]
        figures |= {"wall": figures["wall"] * scale, "cpu": figures["cpu"] * scale}
    title_by_side = {
        "ours": "ours: XGBoost, LightGBM and AdaBoost",
        "woodelf": "woodelf-explainer: XGBoost and LightGBM",
        "shap": "shap.TreeExplainer: XGBoost and LightGBM",
    }
    text = (
        "| | s | CPU s | rows/s | GiB | times our s | times our CPU s | largest difference | rows > 1e-05 | target |\n"
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|---|\n"
    )
    our_figures = rows["ours"]
    for side, name in title_by_side.items():
        figures = rows[side]
        gap, visible = (
            (f"{differences[side][0]:.0e}", differences[side][1]) if side in differences else ("", "")
        )
        target = f"at least {TARGET}; none" if side == "shap" else ""
        text += (
            f"| {name} | {figures['wall']:.1f} | {figures['cpu']:.1f} | {options.rows / figures['wall']:,.0f} "
            f"| {figures['gib']:.2f} | {figures['wall'] / our_figures['wall']:.1f} "
            f"| {figures['cpu'] / our_figures['cpu']:.1f} "
            f"| {gap} | {visible} | {target} |\n"
        )
    shap_rows = int(rows["shap"]["rows"])
    scaled = (
        f"shap computed {shap_rows:,} rows, and its seconds are multiplied by {options.rows / shap_rows:g}: its work "
        "is the same for every row. Its GiB and its difference are those of these rows. "
        if shap_rows < options.rows
        else ""
    )
    return (
        f"{text}\n{scaled}Members are fitted on {options.training_rows:,} rows, with the libraries' defaults but "
        f"{TREES} trees. Ours and woodelf run on one thread; shap hands XGBoost and LightGBM to their own "
        f"libraries, which may use {THREADS}. Each side in a process of its own, one after the other. "
        "Where woodelf differs visibly, XGBoost meets a value one 32-bit step below a split, which woodelf sends "
        "the other way; XGBoost's own contributions agree with ours there (a test holds them together)."
    )


if __name__ == "__main__":
    main(sys.argv[1:])
