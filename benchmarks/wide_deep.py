"""Compare our training of Wide & Deep with a DataLoader loop and pytorch-widedeep, and time scoring in a stream."""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.page import renew
from benchmarks.wide_deep_peers import BATCH, HIDDEN, RATE, Clock, library, one_hot, plain

CITIES, PRIMARY, SECONDARY, REGIONS, NUMBERS, LEDGER = 60, 18, 60, 30, 60, 6
HELD_OUT = 20_000
VALIDATION_ROWS = 2_000
STREAM = 200_000
SEEDS = (1, 2, 3)
CROSSES = (("city", "industry_primary"), ("identity_verified", "industry_primary"), ("legal_form", "region"))


def portfolio(rows: int, *, seed: int):  # noqa: ANN201 - a frame and labels
    """Draw enterprises, six of ten in default, whose risk depends on fields, one cross and a curved payment flow."""
    import numpy as np
    import polars as pl

    world, rng = np.random.default_rng(0), np.random.default_rng(seed)
    sizes = {
        "city": CITIES,
        "industry_primary": PRIMARY,
        "industry_secondary": SECONDARY,
        "region": REGIONS,
        "legal_form": 5,
    }
    fields = {name: rng.integers(0, size, rows) for name, size in sizes.items()}
    flags = {name: rng.random(rows) < 0.7 for name in ("identity_verified", "bank_account_verified")}
    crossed = world.normal(0.0, 0.5, (CITIES, PRIMARY))[fields["city"], fields["industry_primary"]]
    numbers, ledger = rng.normal(size=(rows, NUMBERS)), rng.gamma(1.5, 10.0, (rows, LEDGER))
    curved = np.maximum(numbers @ world.normal(0.0, 0.3, (NUMBERS, 8)), 0.0) @ world.normal(0.0, 0.5, 8)
    risk = crossed + curved + 0.02 * (ledger[:, 0] - 15.0) - 0.4 * flags["identity_verified"]
    labels = (rng.random(rows) < 1.0 / (1.0 + np.exp(-risk - 0.5))).astype(np.int64)
    columns = {
        name: pl.Series([f"{name[0]}{n}" for n in range(sizes[name])]).gather(fields[name]) for name in sizes
    }
    columns |= {f"days_overdue_{n}": ledger[:, n] for n in range(LEDGER)}
    columns |= {f"tx_{n}": numbers[:, n] for n in range(NUMBERS)}
    return pl.DataFrame(columns | flags), labels


def groups() -> dict[str, str]:
    """Return the group of each column: days overdue are credit behaviour, tx the payment flow, the rest profile."""
    names = portfolio(10, seed=0)[0].columns
    return {
        name: "volume" if name.startswith("tx_") else "ledger" if name.startswith("days_") else "profile"
        for name in names
    }


def prepare(rows: int, path: Path) -> None:
    """Write the prepared training and held-out rows, which every side uses unchanged."""
    import numpy as np

    from models.wide_deep.preparation import WideDeepPreparation

    frame, labels = portfolio(rows, seed=1)
    held_out, held_labels = portfolio(HELD_OUT, seed=2)
    group_of = groups()
    preparation = WideDeepPreparation(
        [name for name in frame.columns if group_of[name] != "volume"],
        [name for name in frame.columns if group_of[name] == "volume"],
        crosses=CROSSES,
    ).fit(frame)
    inputs, held_inputs = preparation.transform(frame), preparation.transform(held_out)
    np.savez(
        path,
        slots=inputs.slots,
        numbers=inputs.numbers,
        labels=labels,
        held_slots=held_inputs.slots,
        held_numbers=held_inputs.numbers,
        held_labels=held_labels,
        n_slots=preparation.n_slots_,
    )


def ours(data: dict, epochs: int, seed: int, clock: Clock):  # noqa: ANN201 - scores
    """Train with our loop, which checks a small validation part after each epoch; the other sides do not."""
    from models.wide_deep.fitting import begin, train
    from models.wide_deep.network import WideDeepNetwork, logits_of
    from models.wide_deep.preparation import Inputs
    from models.wide_deep.settings import WideDeepSettings

    settings = WideDeepSettings(
        max_epochs=epochs, patience=epochs, minimum_steps=1, random_state=seed, device="cpu"
    )
    network = WideDeepNetwork(
        n_slots=int(data["n_slots"]),
        n_fields=data["slots"].shape[1],
        n_numbers=data["numbers"].shape[1],
        hidden=settings.hidden,
        wide=True,
        seed=seed,
    )
    held_out = Inputs(data["held_slots"], data["held_numbers"])
    validation = Inputs(held_out.slots[:VALIDATION_ROWS], held_out.numbers[:VALIDATION_ROWS])
    train(
        begin(network, settings),
        (Inputs(data["slots"], data["numbers"]), data["labels"]),
        (validation, data["held_labels"][:VALIDATION_ROWS]),
        settings=settings,
        before_validation=lambda _: None,
        after_epoch=clock.tick,
    )
    return logits_of(network, held_out)


PARTS = {"ours": ours, "plain": plain, "one_hot": one_hot, "library": library}


def one_part(options: argparse.Namespace) -> None:
    """Train one side in this process and print the figures as JSON."""
    import numpy as np
    import torch

    with np.load(options.inputs) as stored:
        data = dict(stored)
    few_rows = {name: value if name == "n_slots" else value[:VALIDATION_ROWS] for name, value in data.items()}
    PARTS[options.part](few_rows, 1, options.seed, Clock())  # so that imports are not measured
    torch.set_num_threads(options.threads)
    clock = Clock()
    scores = PARTS[options.part](data, options.epochs, options.seed, clock)
    print(json.dumps({**clock.fastest(), "auc": area(data["held_labels"], scores), "gib": gib()}))


def area(labels, scores) -> float:  # noqa: ANN001 - arrays
    """Return the area under the ROC curve; equal scores, which are rare, count by their order."""
    import numpy as np

    ranks = np.empty(len(scores))
    ranks[np.argsort(scores, kind="stable")] = np.arange(1, len(scores) + 1)
    bad = int(labels.sum())
    return float((ranks[labels == 1].sum() - bad * (bad + 1) / 2) / (bad * (len(labels) - bad)))


def score_stream(rows: int) -> None:
    """Score rows in pieces, preparation and calibration included, and print the figures as JSON."""
    from models.calibration import Calibrator
    from models.master_scale import MasterScale
    from models.scoring import CalibratedModel, score
    from models.wide_deep.classifier import WideDeepClassifier
    from models.wide_deep.settings import WideDeepSettings

    frame, labels = portfolio(20_000, seed=1)
    settings = WideDeepSettings(cross_pairs=CROSSES, max_epochs=1, device="cpu")
    model = WideDeepClassifier(settings=settings, groups=groups()).fit(frame, labels)
    raw = model.predict_proba(frame)[:, 1]
    version = CalibratedModel(model, Calibrator().fit(raw, labels), MasterScale(), "benchmark")
    wall, cpu, done = 0.0, 0.0, 0
    while done < rows:
        piece, _ = portfolio(min(STREAM, rows - done), seed=100 + done)
        piece = piece.insert_column(0, piece["city"].alias("enterprise_id"))
        wall_start, cpu_start = time.perf_counter(), time.process_time()
        done += score(version, piece).height
        wall, cpu = wall + time.perf_counter() - wall_start, cpu + time.process_time() - cpu_start
    print(json.dumps({"rows": rows, "wall": wall, "cpu": cpu, "gib": gib()}))


def gib() -> float:
    """Return the peak memory of this process in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def measure(python: str, *arguments: str) -> dict:
    """Run a part in a process of its own and return its figures."""
    command = [python, "-W", "ignore", "-m", "benchmarks.wide_deep", *arguments]
    out = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    figures = json.loads(out.stdout.splitlines()[-1])
    print(f"  {' '.join(arguments)}  {figures}", flush=True)
    return figures


def main(arguments: list[str]) -> None:
    """Measure all sides and renew the section of the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.wide_deep", description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000, help="129_880 for the record")
    parser.add_argument("--epochs", type=int, default=3, help="10 for the record")
    parser.add_argument("--score-rows", type=int, default=200_000, help="1_000_000 for the record")
    parser.add_argument("--threads", type=int, default=1, help="torch threads of every side")
    parser.add_argument(
        "--peer-python", help="a Python that has pytorch-widedeep; without it that row is left out"
    )
    for name in ("--part", "--inputs"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=SEEDS[0], help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.part == "score":
        score_stream(options.score_rows)
    elif options.part:
        one_part(options)
    else:
        renew(
            "wide_deep",
            title=f"Wide & Deep: a training epoch on {options.rows:,} rows, and scoring",
            command=" ".join(["python -m benchmarks.wide_deep", *own(options)]),
            body=table(options, *measured(options)),
        )


def own(options: argparse.Namespace) -> list[str]:
    """Return the command-line options that repeat this measurement."""
    text = f"--rows {options.rows} --epochs {options.epochs} --score-rows {options.score_rows}"
    peer = ["--threads", str(options.threads), *(["--peer-python", "PYTHON"] if options.peer_python else [])]
    return [*text.split(), *peer]


def measured(options: argparse.Namespace) -> tuple[dict[str, list[dict]], dict]:
    """Run all sides in turn, seed after seed, on the same inputs, each in a process of its own."""
    sides = [part for part in PARTS if part != "library" or options.peer_python]
    runs: dict[str, list[dict]] = {part: [] for part in sides}
    with tempfile.TemporaryDirectory() as folder:
        inputs = Path(folder) / "inputs.npz"
        prepare(options.rows, inputs)
        shared = ["--inputs", str(inputs), "--threads", str(options.threads)]
        for seed in SEEDS:
            for part in sides:
                # an epoch on zeros and ones takes very long, so one has to do; its AUC is the plain loop's
                epochs = 1 if part == "one_hot" else options.epochs
                python = options.peer_python if part == "library" else sys.executable
                command = ["--part", part, "--epochs", str(epochs), "--seed", str(seed), *shared]
                runs[part].append(measure(python, *command))
    return runs, measure(sys.executable, "--part", "score", "--score-rows", str(options.score_rows))


NAMES = {
    "ours": "ours",
    "plain": "DataLoader loop, fields looked up",
    "one_hot": "DataLoader loop, fields as zeros and ones",
    "library": "pytorch-widedeep",
}


def table(options: argparse.Namespace, runs: dict[str, list[dict]], scored: dict) -> str:
    """Return the section's body: seconds an epoch, ratios, AUC, and the throughput of scoring."""
    text = (
        f"| an epoch | wall s | CPU s | ours faster, wall | ours faster, CPU | AUC, {len(SEEDS)} seeds | target |\n"
        "|---|--:|--:|--:|--:|---|---|\n"
    )
    clocks = {
        part: [min(run[clock] for run in of_part) for clock in ("wall", "cpu")]
        for part, of_part in runs.items()
    }
    for part, of_part in runs.items():
        ratios, aucs, target = ["", ""], [f"{run['auc']:.4f}" for run in of_part], ""
        if part != "ours":
            ratios = [
                f"{seconds / our_seconds:.1f}"
                for seconds, our_seconds in zip(clocks[part], clocks["ours"], strict=True)
            ]
            target = "at least 5, AUC equal within noise"
        cells = [*(f"{seconds:.2f}" for seconds in clocks[part]), *ratios]
        cells += ["one epoch only" if part == "one_hot" else ", ".join(aucs), target]
        text += f"| {NAMES[part]} | {' | '.join(cells)} |\n"
    rows_a_minute = scored["rows"] / scored["wall"] * 60
    text += (
        f"\nScoring {scored['rows']:,} rows in pieces of {STREAM:,}, preparation, network and calibration: "
        f"{scored['wall']:.1f} s, {scored['cpu']:.1f} CPU s, {rows_a_minute / 1e6:.1f} million rows a minute, peak "
        f"memory of the process {scored['gib']:.2f} GiB (targets: 1 million, 2 GiB).\n\n"
        f"All sides take the same prepared inputs: {NUMBERS} numbers, and {7 + LEDGER} fields and {len(CROSSES)} "
        f"crosses in the wide part. Batch {BATCH}, Adam at {RATE:g}, hidden layers {'-'.join(map(str, HIDDEN))}, wide "
        f"weights from zero, {options.epochs} epochs, torch threads of each side: {options.threads}. Seconds are "
        f"those of the fastest epoch of each side. The AUC is on {HELD_OUT:,} held-out rows. Ours takes a look at "
        f"{VALIDATION_ROWS:,} rows after each epoch; the others do not."
    )
    if "library" not in runs:
        text += (
            " pytorch-widedeep does not import beside our pins and was left out: `--peer-python` names a Python "
            "that has it."
        )
    return text


if __name__ == "__main__":
    main(sys.argv[1:])
