"""The seven members out of fold with optimised votes, beside scikit-learn's StackingClassifier over the same."""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from benchmarks.page import renew

THREADS = 2
FOLDS = 3  # as the ensemble's inner folds by default
COLUMNS = 60
HELD_OUT = 20_000
SEED = 7


def sample(rows: int):  # noqa: ANN201 - arrays
    """Draw training and held-out rows of a portfolio with 10% defaults, 60 columns of unequal shape."""
    import numpy as np
    from sklearn.datasets import make_classification

    X, y = make_classification(
        rows + HELD_OUT,
        COLUMNS,
        n_informative=18,
        n_redundant=12,
        weights=[0.9],
        class_sep=0.8,
        random_state=SEED,
    )
    X[:, ::3] = np.exp(X[:, ::3] / 2)  # amounts
    X[:, 1::5] = X[:, 1::5].round()  # counts
    return X[:rows], y[:rows], X[rows:], y[rows:]


def members() -> dict[str, object]:
    """The seven with the libraries' defaults."""
    from models.voting_ensemble.members import MEMBERS, make_member

    return {name: make_member(name, random_state=SEED) for name in MEMBERS}


def ours(X, y, held_out):  # noqa: ANN001, ANN201 - arrays
    """Out-of-fold probabilities, weights, selection, and all seven fitted on all rows; scores of the held-out rows."""
    import numpy as np
    from sklearn.model_selection import StratifiedKFold

    from models.runner import Job, threads
    from models.voting_ensemble.members import fit_member, member_probability, smoothed
    from models.voting_ensemble.out_of_fold import Prepared, longest_first, out_of_fold
    from models.voting_ensemble.selection import select

    folds = np.empty(len(y), dtype=np.int64)
    for number, (_, test) in enumerate(StratifiedKFold(FOLDS).split(X, y)):
        folds[test] = number
    runner, unfitted, marks = threads(THREADS), members(), [clocks()]
    found = out_of_fold(
        lambda rows: Prepared(X[rows], y[rows], lambda others: X[others]), unfitted, y, folds, runner=runner
    )
    marks.append(clocks())
    selection = select(found.probabilities, y, members=found.members, folds=folds)
    chosen = selection.chosen.combiner
    marks.append(clocks())
    # a model needs the chosen members only; here all are fitted, as the peer does, and the rest are timed apart
    rest = [name for name in found.members if name not in chosen.members]
    fitted = {}
    for part in (chosen.members, rest):
        names = longest_first(part)
        fits = runner([Job(name, partial(fit_member, name, unfitted[name], X, y)) for name in names])
        fitted |= dict(zip(names, fits, strict=True))
        marks.append(clocks())
    said = {name: smoothed(fitted[name], member_probability(name, fitted[name], held_out)) for name in fitted}

    def voted(candidate):  # noqa: ANN001, ANN202
        return candidate.combiner.combine(
            np.column_stack([said[name] for name in candidate.combiner.members])
        )

    beside = {
        "best single": selection.best_single,
        "equal weights": selection.equal,
        "optimised weights": selection.optimised,
        "stacked": selection.stacked,
    }
    spent = np.diff(np.array(marks), axis=0).tolist()
    parts = dict(zip(("out_of_fold", "select", "chosen", "rest"), spent, strict=True))
    told = {"members": list(chosen.members), "rule": selection.chosen.rule}
    return voted(selection.chosen), {**parts, **told}, {name: voted(one) for name, one in beside.items()}


def clocks() -> tuple[float, float]:
    """Wall seconds and CPU seconds of this process so far."""
    return time.perf_counter(), time.process_time()


def stacking(X, y, held_out):  # noqa: ANN001, ANN201 - arrays
    """The peer: the same members and folds, logistic regression on top, two processes."""
    from sklearn.ensemble import StackingClassifier

    start = time.perf_counter()
    peer = StackingClassifier(list(members().items()), cv=FOLDS, n_jobs=THREADS).fit(X, y)
    parts = {"fit": time.perf_counter() - start}
    return peer.predict_proba(held_out)[:, 1], parts, {}


PARTS = {"ours": ours, "stacking": stacking}


def one_part(part: str, rows: int) -> None:
    """Time one part in this process and print the figures as JSON."""
    from models.metrics import auc

    X, y, held_out, labels = sample(rows)
    scores, told, beside = PARTS[part](X, y, held_out)
    memory = sum(
        resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    aucs = {name: auc(labels, others) for name, others in beside.items()}
    print(json.dumps({**told, "auc": auc(labels, scores), "beside": aucs, "gib": memory / 2**20}))


def measure(part: str, rows: int) -> dict:
    """Run one part in a process of its own."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.voting", "--part", part, "--rows", str(rows)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    out = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    told = json.loads(out.stdout.splitlines()[-1])
    told["cpu"] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"  {part:8} {rows:,} rows  {told}", flush=True)
    return told


def main(arguments: list[str]) -> None:
    """Measure both side by side and renew the section of the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.voting", description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000, help="100_000 for the record")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.part:
        one_part(options.part, options.rows)
        return
    told = {part: measure(part, options.rows) for part in PARTS}
    renew(
        "voting",
        title=f"Seven members out of fold with optimised votes: {options.rows:,} rows by {COLUMNS} columns",
        command=f"python -m benchmarks.voting --rows {options.rows}",
        body=table(told),
    )


def table(told: dict[str, dict]) -> str:
    """The section's body: seconds, ratio and AUC."""
    mine, peer = told["ours"], told["stacking"]
    seconds, cpu = {}, {}
    for name in ("out_of_fold", "select", "chosen", "rest"):
        seconds[name], cpu[name] = mine[name]
    text = "| | s | CPU s | ratio of s | ratio of CPU s | AUC on held-out rows | GiB | target |\n"
    text += "|---|--:|--:|--:|--:|--:|--:|---|\n"
    everything = sum(seconds.values())
    for name, wall, spent, one, target in (
        ("StackingClassifier, n_jobs=2", peer["fit"], peer["cpu"], peer, ""),
        ("ours, all seven fitted on all rows", everything, mine["cpu"], mine, "at least 1.5, AUC no lower"),
        (
            "ours as a model needs it: the chosen members only",
            everything - seconds["rest"],
            mine["cpu"] - cpu["rest"],
            mine,
            "",
        ),
    ):
        text += (
            f"| {name} | {wall:.0f} | {spent:.0f} | {peer['fit'] / wall:.2f} | {peer['cpu'] / spent:.2f} "
            f"| {one['auc']:.4f} | {one['gib']:.2f} | {target} |\n"
        )
    stages = ", ".join(
        f"{cpu[part]:.0f} for {what}"
        for part, what in (
            ("out_of_fold", "the members out of fold"),
            ("select", "weights and selection (every combination, cross-fitted)"),
            ("chosen", "the chosen members on all rows"),
            ("rest", "the others"),
        )
    )
    beside = ", ".join(f"{name} {area:.4f}" for name, area in mine["beside"].items())
    return (
        f"{text}\nOur CPU seconds: {stages}. Chosen: {mine['rule']}, of {', '.join(mine['members'])}. AUC of the "
        f"other ways to combine the same fits: {beside}. Both sides have the same members with the libraries' "
        f"defaults, the same {FOLDS} folds (the default of our inner folds) and {THREADS} cores, each in a process of "
        f"its own; {HELD_OUT:,} rows are held out for the AUC. Above 50,000 training rows gradient boosting, AdaBoost, "
        "random forest and bagging see 255 values a column (models/voting_ensemble/levels.py), which is where the gain "
        "comes from; below, both do the same work. CPU "
        "seconds are those of the whole process, drawing of rows and scoring included, and the steadier figure "
        "where others use the machine."
    )


if __name__ == "__main__":
    main(sys.argv[1:])
