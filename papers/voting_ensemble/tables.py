"""The published tables of the voting ensemble, and which of their rows contradict themselves."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

PUBLISHED = Path(__file__).with_name("published.json")
FINAL_ROW = "stacked, the paper's rule"  # the row of our Table 8 that stands for the published one
SIMULATED = "simulated"
BANK = "ChinaZJB"  # the paper's own data, which nobody else has; the simulated ledger stands in for it
MEASURES = ("accuracy", "auc", "log_loss", "brier", "ks")
LOWER_IS_BETTER = frozenset({"log_loss", "brier"})


class PublishedRow(NamedTuple):
    """One row of a published table."""

    dataset: str
    table_number: str
    row_name: str
    figures: dict[str, float]


@cache
def _content() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    return content


def published_set(dataset: str) -> str:
    """Return the name under which the paper lists one of our data sets.

    Examples
    --------
    >>> published_set("Polish 2 (partial)"), published_set("simulated-5000-7")
    ('Polish 2', 'ChinaZJB')
    """
    return BANK if dataset.startswith(SIMULATED) else dataset.removesuffix(" (partial)")


def published_rows() -> Iterator[PublishedRow]:
    """Yield every row of Tables 4, 5, 6 and 8, in the order of the paper."""
    content = _content()
    for table in ("4", "5", "6"):
        for dataset, rows in content[f"table_{table}"].items():
            for name, figures in rows.items():
                yield PublishedRow(dataset, table, name, figures)
    for dataset, figures in content["table_8"].items():
        yield PublishedRow(dataset, "8", FINAL_ROW, figures)


def published_figures(dataset: str) -> dict[tuple[str, str, str], float]:
    """Return the published figures of one of our data sets, by table, row and metric.

    Table 2 describes the data; Table 7 has 1 for the members of the paper's ensemble and 0 for the others.
    """
    content, name = _content(), published_set(dataset)
    figures = {
        (row.table_number, row.row_name, metric): value
        for row in published_rows()
        if row.dataset == name
        for metric, value in row.figures.items()
    }
    described: Mapping[str, int] = content["datasets"].get(name, {})
    figures |= {("2", name_of_count, "count"): float(count) for name_of_count, count in described.items()}
    if name in content["table_7"]:
        members = content["table_4"][name]
        figures |= {("7", member, "chosen"): float(member in content["table_7"][name]) for member in members}
    return figures


def highest_auc(ks: float) -> float:
    """Return the greatest AUC that scores with this two-sample Kolmogorov-Smirnov distance can have.

    The ROC curve lies nowhere more than KS above the diagonal, which cuts a triangle of area
    ``(1 - KS)^2 / 2`` off the unit square. The bound is concave, so that it holds for means over folds too.

    Examples
    --------
    >>> round(highest_auc(0.4), 5)
    0.82
    """
    return 1.0 - (1.0 - ks) ** 2 / 2.0


def contradictions(figures: Mapping[str, float]) -> tuple[str, ...]:
    """Return the reasons why the figures of one row cannot all be right as defined; empty where they can.

    - AUC and two-sample KS: `highest_auc`.
    - A row that is misjudged at one half is at least one half off: Brier is at least a quarter of the share
      of misjudged rows, and log loss at least ln 2 times that share.

    Examples
    --------
    >>> contradictions({"accuracy": 0.9, "auc": 0.8, "log_loss": 0.3, "brier": 0.02, "ks": 0.5})
    ('Brier 0.02000 is below 0.02500, a quarter of the share misjudged (accuracy 0.90000)',)
    """
    reasons = []
    missed = 1.0 - figures["accuracy"]
    if figures["auc"] > highest_auc(figures["ks"]):
        reasons.append(
            f"AUC {figures['auc']:.5f} is above {highest_auc(figures['ks']):.5f}, "
            f"the most that KS {figures['ks']:.5f} allows"
        )
    if figures["brier"] < missed / 4:
        reasons.append(
            f"Brier {figures['brier']:.5f} is below {missed / 4:.5f}, "
            f"a quarter of the share misjudged (accuracy {figures['accuracy']:.5f})"
        )
    if figures["log_loss"] < missed * math.log(2):
        reasons.append(
            f"log loss {figures['log_loss']:.5f} is below {missed * math.log(2):.5f}, "
            f"ln 2 times the share misjudged (accuracy {figures['accuracy']:.5f})"
        )
    return tuple(reasons)


def accuracy_of_nobody(dataset: str) -> float:
    """Return the accuracy of calling no row of a published data set a default."""
    described = _content()["datasets"][published_set(dataset)]
    return float(1.0 - described["positives"] / described["rows"])
