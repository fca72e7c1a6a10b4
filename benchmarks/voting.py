"""Compare our seven members with optimised votes with scikit-learn's StackingClassifier over the same members."""

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
    """Draw training and held-out rows of a portfolio with 10% defaults and 60 columns of unequal shape."""
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
    """Return the seven members with the libraries' defaults."""
    from models.voting_ensemble.members import MEMBERS, make_member

    return {name: make_member(name, random_state=SEED) for name in MEMBERS}


def ours(X, y, held_out):  # noqa: ANN001, ANN201 - arrays
    """Fit and select our ensemble; return its held-out scores, the seconds of each stage, and other votes' scores."""
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
    predictions = out_of_fold(
        lambda rows: Prepared(X[rows], y[rows], lambda others: X[others]), unfitted, y, folds, runner=runner
    )
    marks.append(clocks())
    selection = select(predictions.probabilities, y, members=predictions.members, folds=folds)
    chosen = selection.chosen.combiner
    marks.append(clocks())
    # a model needs the chosen members only; all are fitted, as the peer does, and the rest are timed separately
    rest = [name for name in predictions.members if name not in chosen.members]
    fitted = {}
    for part in (chosen.members, rest):
        names = longest_first(part)
        fits = runner([Job(name, partial(fit_member, name, unfitted[name], X, y)) for name in names])
        fitted |= dict(zip(names, fits, strict=True))
        marks.append(clocks())
    probabilities = {
        name: smoothed(fitted[name], member_probability(name, fitted[name], held_out)) for name in fitted
    }

    def voted(candidate):  # noqa: ANN001, ANN202
        return candidate.combiner.combine(
            np.column_stack([probabilities[name] for name in candidate.combiner.members])
        )

    alternatives = {
        "best single": selection.best_single,
        "equal weights": selection.equal,
        "optimised weights": selection.optimised,
        "stacked": selection.stacked,
    }
    spent = np.diff(np.array(marks), axis=0).tolist()
    parts = dict(zip(("out_of_fold", "select", "chosen", "rest"), spent, strict=True))
    choice = {"members": list(chosen.members), "rule": selection.chosen.rule}
    others = {name: voted(candidate) for name, candidate in alternatives.items()}
    return voted(selection.chosen), {**parts, **choice}, others


def clocks() -> tuple[float, float]:
    """Return the wall seconds and CPU seconds of this process so far."""
    return time.perf_counter(), time.process_time()


def stacking(X, y, held_out):  # noqa: ANN001, ANN201 - arrays
    """Fit the peer: the same members and folds, logistic regression on top, two processes."""
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
    scores, figures, alternatives = PARTS[part](X, y, held_out)
    memory = sum(
        resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    aucs = {name: auc(labels, other_scores) for name, other_scores in alternatives.items()}
    print(json.dumps({**figures, "auc": auc(labels, scores), "beside": aucs, "gib": memory / 2**20}))


def measure(part: str, rows: int) -> dict:
    """Run one part in a process of its own and return its figures."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.voting", "--part", part, "--rows", str(rows)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    out = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    figures = json.loads(out.stdout.splitlines()[-1])
    figures["cpu"] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"  {part:8} {rows:,} rows  {figures}", flush=True)
    return figures


def main(arguments: list[str]) -> None:
    """Measure both side by side and renew the section of the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.voting", description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000, help="100_000 for the record")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.part:
        one_part(options.part, options.rows)
        return
    figures = {part: measure(part, options.rows) for part in PARTS}
    renew(
        "voting",
        title=f"Seven members out of fold with optimised votes: {options.rows:,} rows by {COLUMNS} columns",
        command=f"python -m benchmarks.voting --rows {options.rows}",
        body=table(figures),
    )


def table(figures: dict[str, dict]) -> str:
    """Return the section's body: seconds, ratio and AUC."""
    our_figures, peer = figures["ours"], figures["stacking"]
    seconds, cpu = {}, {}
    for name in ("out_of_fold", "select", "chosen", "rest"):
        seconds[name], cpu[name] = our_figures[name]
    text = "| | s | CPU s | ratio of s | ratio of CPU s | AUC on held-out rows | GiB | target |\n"
    text += "|---|--:|--:|--:|--:|--:|--:|---|\n"
    everything = sum(seconds.values())
    for name, wall, spent, side, target in (
        ("StackingClassifier, n_jobs=2", peer["fit"], peer["cpu"], peer, ""),
        (
            "ours, all seven fitted on all rows",
            everything,
            our_figures["cpu"],
            our_figures,
            "at least 1.5, AUC no lower",
        ),
        (
            "ours as a model needs it: the chosen members only",
            everything - seconds["rest"],
            our_figures["cpu"] - cpu["rest"],
            our_figures,
            "",
        ),
    ):
        text += (
            f"| {name} | {wall:.0f} | {spent:.0f} | {peer['fit'] / wall:.2f} | {peer['cpu'] / spent:.2f} "
            f"| {side['auc']:.4f} | {side['gib']:.2f} | {target} |\n"
        )
    stages = ", ".join(
        f"{cpu[stage]:.0f} for {name}"
        for stage, name in (
            ("out_of_fold", "the members out of fold"),
            ("select", "weights and selection (every combination, cross-fitted)"),
            ("chosen", "the chosen members on all rows"),
            ("rest", "the others"),
        )
    )
    other_aucs = ", ".join(f"{name} {area:.4f}" for name, area in our_figures["beside"].items())
    return (
        f"{text}\nOur CPU seconds: {stages}. Chosen: {our_figures['rule']}, of {', '.join(our_figures['members'])}. "
        f"AUC of the other ways to combine the same fits: {other_aucs}. Both sides have the same members with "
        f"the libraries' defaults, the same {FOLDS} folds (the default of our inner folds) and "
        f"{THREADS} cores, each in a process of its own; {HELD_OUT:,} rows are held out for the AUC. "
        "Above 50,000 training rows gradient boosting, AdaBoost, random forest and bagging see 255 values a column "
        "(models/voting_ensemble/levels.py), which is where the gain comes from; below, both do the same work. CPU "
        "seconds are those of the whole process, drawing of rows and scoring included, and the steadier figure "
        "where others use the machine."
    )


if __name__ == "__main__":
    main(sys.argv[1:])
