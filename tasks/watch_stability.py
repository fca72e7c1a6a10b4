"""Compare the scores and features of each model tonight with its training reference and with the last nights."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from models.watching.readings import Reading, index_reading
from models.watching.settings import WatchSettings
from models.watching.stability import SCORE, Counts
from tasks.watch_counts import bins_of, counted, mean_counts
from tasks.watch_headlines import FIRST
from warehouse import watch
from warehouse.connection import writer
from warehouse.night import Night
from warehouse.registry import ModelRecord
from warehouse.watch import Scorers


def model_stability(
    night: Night,
    before: tuple[date, ...],
    record: ModelRecord,
    *,
    scorers: Mapping[date, Scorers],
    limits: WatchSettings,
) -> list[Reading]:
    """Return PSI of the scores and CSI of each feature of one model, against training and against the last nights.

    Args:
        night: The night that is watched.
        before: The scored dates before it, the newest first: the last ones are the batch, those before them show
            how much each feature usually moves from batch to night (days since a payment go by the calendar).
        record: The model, with its role on the night.
        scorers: The models that scored the night and those of the batch.
        limits: The settings of the watch.
    """
    key: dict[str, Any] = {"family": record.model_family, "version": record.model_version, "settings": limits}
    bins = bins_of(record)
    if not bins:
        old = "the model was registered without reference bins: train it again to have them"
        return [
            index_reading(measure, subject, None, None, missing=old, **key)
            for measure, subject in (("psi_training", SCORE), ("csi_training", "all features"))
        ]
    tonight = counted(night, record, bins, scorers[night.as_of_date])
    batch = [counted(night.on(day), record, bins, scorers[day]) for day in before[: limits.nights]]
    with writer(purpose="watch usual moves") as con:
        usual = watch.usual(
            con,
            record,
            dates=before[limits.nights :][: limits.usual_nights],
            least=limits.usual_least,
        )
    readings = []
    compared = "family" if record.role == "champion" else "model"
    for subject, reference in bins.items():
        index = "psi" if subject == SCORE else "csi"
        actual, last = tonight.get(subject), mean_counts(batch, subject)
        gone = "the feature is gone from features.feat_enterprise"
        common: dict[str, Any] = {
            "compared": 1 if subject == SCORE else len(bins) - 1,
            "of_feature": subject != SCORE,
            "note": _note(actual, missing=len(reference) - 1),
            **key,
        }
        trained = [reference_bin.count for reference_bin in reference]
        readings.append(index_reading(f"{index}_training", subject, actual, trained, missing=gone, **common))
        missing = gone if actual is None else f"{FIRST}, or none by this {compared}"
        if subject != SCORE:
            common["usual"] = usual.get(subject)
        readings.append(index_reading(f"{index}_batch", subject, actual, last, missing=missing, **common))
    return [*readings, *_votes(record)]


def _note(actual: Counts | None, *, missing: int) -> str:
    if actual is None or (actual > 0).sum() != 1:
        return ""
    return (
        "no value tonight: has its feed stopped?"
        if actual[missing]
        else "constant tonight, or all in one bin"
    )


def _votes(record: ModelRecord) -> list[Reading]:
    selection = record.metrics.get("selection")
    if selection is None:
        return []  # a family without votes
    combiner = selection["chosen"]["combiner"]
    return [
        Reading("stability", "vote_weight", member, record.model_family, record.model_version, value=weight,
                note=f"{combiner['kind']}, stored with the model")
        for member, weight in zip(combiner["members"], combiner["weights"], strict=True)
    ]  # fmt: skip
