"""The bare parts of a night, each in a process of its own: reading, the bare query, a fit and a prediction a model.

python -m benchmarks.night_bare PART ... prints wall seconds, CPU seconds and peak GiB as JSON. It reads a home whose
nights have run, and takes from it only what the libraries are given: files, prepared rows, the parameters chosen.

Two parts are our own work, measured apart from the step that does more: `transactions` builds the feature relations
over what the bare query reads, `explained` scores and explains with one champion after the other.
"""

from __future__ import annotations

import json
import math
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.wide_deep_peers import Clock, plain

READERS = {
    ".parquet": "read_parquet({files})",
    ".csv": "read_csv({files}, all_varchar = true, strict_mode = false, null_padding = true)",
    ".csv.gz": "read_csv({files}, all_varchar = true, strict_mode = false, null_padding = true)",
    ".ndjson.gz": "read_json({files}, format = 'newline_delimited', ignore_errors = true)",
}
SLICE = 50_000  # borrowers
EXPLAINED = 100_000  # borrowers at most, which is enough for their number a second
OVER_TRANSACTIONS = ("features.feat_transactions", "features.feat_counterparties")

_LABELLED_DATES = """
select distinct as_of_date
from wh.features.feat_label
where portfolio = $portfolio and definition = $definition and horizon_days = $horizon_days and label is not null
"""
_NIGHT = """
select *
from wh.features.feat_enterprise
where portfolio = $portfolio and as_of_date = $as_of_date
order by enterprise_id
limit $rows offset $start
"""


class Stopwatch:
    """Adds up wall and CPU seconds of what stands in its blocks."""

    def __init__(self) -> None:
        self.wall = self.cpu = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Measure one block."""
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.wall += time.perf_counter() - wall
        self.cpu += time.process_time() - cpu


def database(folder: str, threads: int):  # noqa: ANN201 - a DuckDB connection, which only warehouse names
    """Open a new DuckDB file with the memory that the warehouse has too."""
    import duckdb

    from warehouse.settings import settings

    config = {"threads": threads, "memory_limit": settings().memory_limit, "preserve_insertion_order": False}
    return duckdb.connect(f"{folder}/bare.duckdb", config={**config, "temp_directory": folder})


def read(watch: Stopwatch, files: list[Path]) -> None:
    """Read the files into one table a feed with DuckDB's own readers."""
    from warehouse.settings import settings

    feeds: dict[tuple[str, str], list[str]] = {}
    for file in files:
        feeds.setdefault((file.parent.name, "".join(file.suffixes[-2:])), []).append(str(file))
    with (
        tempfile.TemporaryDirectory(dir=settings().home) as folder,
        database(folder, settings().threads) as con,
    ):
        for number, ((_, suffix), names) in enumerate(feeds.items()):
            reader = READERS[suffix].format(files=names)
            with watch.running():
                con.execute(f"create table feed_{number} as select * from {reader}")


def features(watch: Stopwatch, files: list[Path]) -> None:
    """Run the bare query over the transactions."""
    from warehouse.settings import settings

    names = [str(file) for file in files if file.parent.name == "transactions"]
    query = (Path(__file__).parent / "bare_features.sql").read_text(encoding="utf-8")
    with (
        tempfile.TemporaryDirectory(dir=settings().home) as folder,
        database(folder, settings().threads) as con,
    ):
        con.execute(
            "create view src as select enterprise_id as business_id, occurred_at as ts, amount, kind, counterparty_id "
            f"from read_parquet({names})"
        )
        with watch.running():
            con.execute(f"create table bare as {query}")


def champions(con: Any, portfolio: str) -> list[tuple[Any, Any]]:
    """Return record and classifier of each family's champion."""
    from models import artefact
    from warehouse import registry

    return [
        (
            record,
            artefact.load(
                registry.verify(record), sha256=record.artefact_sha256, schema_hash=record.schema_hash
            ),
        )
        for record in registry.records(con, portfolio=portfolio)
        if record.role == "champion"
    ]


def learners(classifier: Any) -> list[Any]:
    """Return the fitted estimators of the libraries that a model of trees or lines votes with."""
    return [classifier.learner_] if hasattr(classifier, "learner_") else list(classifier.members_.values())


def fits(watch: Stopwatch, portfolio: str, _night: date) -> None:
    """Fit each learner of each champion once, with its parameters, on as many labelled rows as it was fitted on.

    They are drawn as a training draws them, which leaves up to one row less for each date and label.
    """
    import torch
    from imblearn.over_sampling import SMOTE
    from sklearn.base import clone

    from models.families import FAMILIES
    from warehouse import matrix
    from warehouse.connection import writer
    from warehouse.outcome import OutcomeDefinition
    from warehouse.settings import settings

    torch.set_num_threads(settings().threads)
    with writer(purpose="benchmark") as con:
        for record, model in champions(con, portfolio):
            classifier, chosen = model.classifier, model.classifier.settings
            outcome = OutcomeDefinition(record.label_definition, record.horizon_days)
            dates = con.execute(_LABELLED_DATES, {"portfolio": portfolio, **outcome.key}).fetchall()
            frame, _ = matrix.training_matrix(
                con,
                portfolio=portfolio,
                snapshot_dates=[day for (day,) in dates],
                outcome=outcome,
                coverage=FAMILIES[record.model_family].covers,
                at_most=classifier.n_samples_,
            )
            if frame.height < classifier.n_samples_ - 2 * len(dates):
                raise SystemExit(
                    f"{record.model_family} was fitted on {classifier.n_samples_:,} rows, the warehouse has "
                    f"{frame.height:,}"
                )
            rows, labels = classifier.preparation_.transform(frame), frame["label"].to_numpy(writable=True)
            if hasattr(classifier, "network_"):
                data, batch = plain_data(classifier, rows, labels), chosen.batch_size
                # where rows are few, an epoch of ours goes through them so often that it has enough steps
                passes = math.ceil(chosen.minimum_steps / math.ceil(len(labels) / batch))
                with watch.running():
                    plain(data, len(classifier.history_) * passes, 0, Clock(), batch=batch)
                continue
            with watch.running():
                if getattr(classifier, "oversampled_", chosen.oversample):
                    rows, labels = SMOTE(random_state=chosen.random_state).fit_resample(rows, labels)
                for learner in learners(classifier):
                    unfitted = clone(learner)
                    if "n_jobs" in unfitted.get_params():
                        unfitted.set_params(n_jobs=settings().threads)
                    unfitted.fit(rows, labels)


def plain_data(classifier: Any, rows: Any, labels: Any) -> dict[str, Any]:
    """Return the inputs of the network as the plain PyTorch loop takes them; a first batch stands for held-out rows."""
    slots, numbers = rows.slots.copy(), rows.numbers.astype("float32")
    held = {"held_slots": slots[:256], "held_numbers": numbers[:256]}
    return {
        "n_slots": classifier.preparation_.n_slots_,
        "slots": slots,
        "numbers": numbers,
        "labels": labels,
        **held,
    }


def predict(watch: Stopwatch, portfolio: str, night: date) -> None:
    """Predict every borrower that each champion covers, from prepared rows."""
    import polars as pl

    from models.families import FAMILIES
    from models.wide_deep.network import logits_of
    from warehouse import sql
    from warehouse.connection import writer

    with writer(purpose="benchmark") as con:
        models, start = champions(con, portfolio), 0
        params = {"portfolio": portfolio, "as_of_date": night, "rows": SLICE}
        while not (frame := sql.frame(con, _NIGHT, {**params, "start": start})).is_empty():
            start += SLICE
            for record, model in models:
                covered = frame.filter(pl.col("coverage").is_in(FAMILIES[record.model_family].covers))
                if covered.is_empty():
                    continue
                rows = model.classifier.preparation_.transform(covered)
                with watch.running():
                    if hasattr(model.classifier, "network_"):
                        logits_of(model.classifier.network_, rows)
                        continue
                    for learner in learners(model.classifier):
                        learner.predict_proba(rows)


def transactions(watch: Stopwatch, portfolio: str, night: date) -> None:
    """Build the feature relations that read transactions once more."""
    from warehouse.connection import writer
    from warehouse.partition import replace_partition

    with writer(purpose="benchmark") as con, watch.running():
        for relation in OVER_TRANSACTIONS:
            replace_partition(con, relation, {"portfolio": portfolio, "as_of_date": night})


def explained(watch: Stopwatch, portfolio: str, night: date) -> dict[str, tuple[int, float]]:
    """Score and explain borrowers that each champion covers; return their number and the CPU seconds by family."""
    import polars as pl

    from models import scoring
    from models.families import FAMILIES
    from warehouse import sql
    from warehouse.connection import writer
    from warehouse.matrix import ROWS_A_PART

    families: dict[str, tuple[int, float]] = {}
    with writer(purpose="benchmark") as con:
        models, start = champions(con, portfolio), 0
        params = {"portfolio": portfolio, "as_of_date": night, "rows": ROWS_A_PART}
        while (
            start < EXPLAINED and not (frame := sql.frame(con, _NIGHT, {**params, "start": start})).is_empty()
        ):
            start += ROWS_A_PART
            for record, model in models:
                covered = frame.filter(pl.col("coverage").is_in(FAMILIES[record.model_family].covers))
                if covered.is_empty() or model.classifier.unexplained is not None:
                    continue
                before = watch.cpu
                with watch.running():
                    scoring.contributions(model, covered, top=5)
                borrowers, seconds = families.get(record.model_family, (0, 0.0))
                families[record.model_family] = (borrowers + covered.height, seconds + watch.cpu - before)
    return families


def main(arguments: list[str]) -> None:
    """Measure one part and print its figures."""
    part, watch, families = arguments[0], Stopwatch(), {}
    if part in {"read", "features"}:
        {"read": read, "features": features}[part](watch, list(map(Path, json.loads(sys.stdin.read()))))
    else:
        of_night = {"fits": fits, "predict": predict, "transactions": transactions, "explained": explained}
        families = of_night[part](watch, arguments[1], date.fromisoformat(arguments[2]))
    gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps({"wall": watch.wall, "cpu": watch.cpu, "gib": gib, "families": families}))


if __name__ == "__main__":
    main(sys.argv[1:])
