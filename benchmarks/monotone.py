"""What holding trees to the directions of the features costs, and how often trees that are free go against them.

The voting ensemble and operational_risk, free and held, on the same training parts and test rows: simulated portfolios
with the directions of the catalogue, and four public sets with the directions that are declared here.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.oversampling import SEED, SIMULATED, compared, parts, pds, spanned
from benchmarks.oversampling import names_of as borrowers_of
from benchmarks.page import renew
from models.calibration import Calibrator
from models.evaluation import fold_numbers
from models.explaining.direction_check import TOLERANCE, check_directions
from models.families import FAMILIES
from models.family import FamilySettings
from models.master_scale import MasterScale
from models.operational_risk.settings import OperationalRiskSettings
from models.scoring import CalibratedModel
from models.voting_ensemble.members import FREE_ONLY, MEMBERS
from models.voting_ensemble.settings import VotingEnsembleSettings
from warehouse import feature_catalogue, matrix

FOLDS = 5
SETS = (SIMULATED, "Taiwan", "Polish 1", "Polish 2", "Polish 3")
ENSEMBLE = VotingEnsembleSettings(random_state=SEED, oversample=False)
OPERATIONAL = OperationalRiskSettings(random_state=SEED)
SIDES: dict[str, FamilySettings] = {
    "voting_ensemble free": ENSEMBLE,
    "voting_ensemble free without gbdt": ENSEMBLE.model_copy(
        update={"members": tuple(name for name in MEMBERS if name not in FREE_ONLY)}
    ),
    "voting_ensemble held": ENSEMBLE.model_copy(update={"monotone": True}),
    "operational_risk free": OPERATIONAL,
    "operational_risk held": OPERATIONAL.model_copy(update={"monotone": True}),
}
CHECKED = tuple(side for side in SIDES if "without" not in side)

# what the UCI page calls the columns, where a banker would not have to think: repayment status and limit
_TAIWAN = {
    "limit_balance": -1,
    **{f"payment_state_{month}": 1 for month in range(1, 7)},
    **{f"payment_{month}": -1 for month in range(1, 7)},
}
# profitability, liquidity, equity and coverage lower the risk; debt, costs and days of stock, claims and debt raise it.
# Free: turnover and growth, size, and ratios over a profit or an equity that may be negative
_POLISH_DOWN = (
    1, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 16, 17, 18, 19, 22, 23, 24, 25, 26, 27, 28, 31, 35, 38, 39, 40, 42, 46,
    48, 49, 50, 53, 54, 56, 57, 63,
)  # fmt: skip
_POLISH_UP = (2, 20, 30, 32, 43, 44, 47, 51, 52, 58, 62)
_POLISH = {f"Attr{n}": -1 for n in _POLISH_DOWN} | {f"Attr{n}": 1 for n in _POLISH_UP}


def directions_of(name: str) -> dict[str, int]:
    """Return the directions of the features of a data set."""
    if name == SIMULATED:
        return feature_catalogue.directions()
    return _TAIWAN if name == "Taiwan" else _POLISH


def measure(name: str, frame, labels, learnt, test) -> dict:  # noqa: ANN001 - arrays
    """Return labels and scores of the test rows from all sides, CPU seconds of their fits, and what goes against."""
    directions = directions_of(name)
    groups = matrix.feature_groups() if name == SIMULATED else None
    measured = {
        "labels": labels[test],
        "names": borrowers_of(frame, test),
        "learnt": len(learnt),
        "features": sum(column in directions for column in frame.columns),
    }
    for side, chosen in SIDES.items():
        started = time.process_time()
        classifier = FAMILIES[chosen.family].build(chosen, groups, directions)
        classifier.fit(frame[learnt], labels[learnt])
        measured[f"{side} seconds"] = time.process_time() - started
        scores = classifier.predict_proba(frame[test])[:, 1]
        measured[side] = scores
        if side in CHECKED:
            calibrator = Calibrator(method="platt").fit(scores, labels[test])
            model = CalibratedModel(classifier, calibrator, MasterScale(), "test rows")
            found = check_directions(model, frame[learnt], directions)
            measured[f"{side} against"] = json.dumps([one._asdict() for one in found])
    return measured


def measured_folds(name: str, folder: Path) -> list[dict]:
    """Return what was measured of a data set, with a PD of each test row, which had no part in its calibration."""
    files = [dict(np.load(file)) for file in sorted(folder.glob(f"fold-{name}-*.npz"))]
    for found in files:
        dealt = fold_numbers(found["labels"], folds=FOLDS, random_state=SEED)
        for side in SIDES:
            found[f"{side}_pd"] = pds(found[side], found["labels"], dealt)
    return files


def cost_of(name: str, files: Sequence[dict]) -> Iterator[str]:
    """Return the lines of one data set: both families, free and held."""
    rows, bad = sum(len(f["labels"]) for f in files), sum(int(f["labels"].sum()) for f in files)
    learnt = round(np.mean([f["learnt"] for f in files]))
    span = f"{name}: {len(files)} fits on {learnt:,} rows, measured on {rows:,}, {bad:,} in default"
    for family in ("voting_ensemble", "operational_risk"):
        free, held = f"{family} free", f"{family} held"
        pairs = compared(files, held, free)
        rest = compared(files, f"{free} without gbdt", free) if family == ENSEMBLE.family else None
        seconds = [np.mean([f[f"{side} seconds"] for f in files]) for side in (free, held)]
        for shown in ("AUC", "log loss"):
            after, before, gap = pairs[shown]
            yield (
                f"| {span} | {family} | {shown} | {before:.4f} | {after:.4f} | {spanned(gap)} "
                f"| {'' if rest is None else spanned(rest[shown][2])} | {seconds[0]:.1f}, {seconds[1]:.1f} |"
            )
            span = ""


def against_of(name: str, files: Sequence[dict]) -> Iterator[str]:
    """Return the lines of one data set: how free and held models follow the directions."""
    for side in CHECKED:
        found = [one for file in files for one in json.loads(str(file[f"{side} against"]))]
        models = len(files)
        somewhere, whole = (
            sum(kept(one) for one in found) / models
            for kept in (lambda one: one["against"] > 0, lambda one: one["whole"] < -TOLERANCE)
        )
        rows = sum(one["against"] for one in found) / sum(one["rows"] for one in found)
        worst = max(found, key=lambda one: one["largest"])
        furthest = f"{worst['feature']}: {worst['largest']:.1%}" if worst["largest"] > 0 else "nowhere"
        yield (
            f"| {name} | {side} | {len(found) / models:.0f} | {somewhere:.1f} | {whole:.1f} | {rows:.1%} "
            f"| {furthest} |"
        )


def page(folder: Path) -> str:
    """Return the section of the page from the folds that the folder holds."""
    folds = {name: files for name in SETS if (files := measured_folds(name, folder))}
    return "\n".join(
        [
            (
                "| test rows | family | measure | free | held | held less free | free without gbdt less free "
                "| CPU s of a fit |"
            ),
            "|---|---|---|--:|--:|---|---|--:|",
            *(line for name, files in folds.items() for line in cost_of(name, files)),
            "",
            (
                "Folds and seeds are the same on all sides; without SMOTE in the ensemble, with it in "
                "operational_risk. PDs of the test rows are calibrated crosswise (Platt). Intervals: 95%, paired by "
                "row, AUC by DeLong; folds share training rows, so that they are a little too narrow. Simulated: "
                "thick files; one snapshot teaches, other borrowers' next one, a year later, measures. gbdt cannot be "
                "held and does not vote in a held ensemble: the seventh column says what that alone does. A held "
                "operational_risk fills gaps with means. On public sets all rows measure that were not drawn to learn "
                "from, so that a row may do so in several folds; it then counts as one, but not for the AUC."
            ),
            "",
            (
                "How the PD follows each feature that has a direction, all others as they are: 40 training rows get "
                "six values of the feature each, from its smallest to its largest. Means over the models:"
            ),
            "",
            (
                f"| | model | features with a direction | of these against it somewhere, by more than {TOLERANCE:.1%} "
                "of PD | the wrong way round as a whole | rows against it | the furthest |"
            ),
            "|---|---|--:|--:|--:|--:|---|",
            *(line for name, files in folds.items() for line in against_of(name, files)),
        ]
    )


def main(arguments: list[str]) -> None:
    """Measure the folds that the folder lacks and renew the section of the page from all that it holds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.monotone", description=__doc__)
    parser.add_argument(
        "folder", type=Path, help="keeps portfolios and folds; a run that was stopped goes on"
    )
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS), help="measured in this run")
    parser.add_argument("--folds", type=int, default=FOLDS, help=f"of {FOLDS}, of each public set")
    parser.add_argument("--rows", type=int, default=1_500, help="most rows of a public set to learn from")
    options = parser.parse_args(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    for name in options.sets:
        for frame, labels, file, learnt, test in parts(name, options.folder, options.folds, options.rows):
            if not file.exists():
                np.savez(file, **measure(name, frame, labels, learnt, test))
                print(file.stem, flush=True)
    renew(
        "monotone",
        title="Trees held to the directions of the features",
        command=f"python -m benchmarks.monotone FOLDER --folds {options.folds} --rows {options.rows}",
        body=page(options.folder),
    )


if __name__ == "__main__":
    main(sys.argv[1:])
