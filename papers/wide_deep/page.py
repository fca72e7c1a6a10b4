"""Writes docs/wide-and-deep.md from the rows of ops.replication that it shows; counts in braces come from them."""

from __future__ import annotations

from typing import Any

import polars as pl

from papers.wide_deep.data_sets import DATA_SETS, DataSet
from papers.wide_deep.experiment import AT_PAPER_RATE, BOOSTED, RATE_CHOSEN
from papers.wide_deep.tables import largest_error, of_one_class, published, table_2
from papers.wide_deep.verdicts import Rows, judged, rows_of, verdict_words

_HEAD = """# Wide & Deep: the paper's experiments measured again

Vanhoeven & Chen, *Default Risk Prediction for Small and Micro Enterprises Using a Wide and Deep Learning
Framework*.

```sh
python -m flows replicate --paper wide-and-deep --dataset taiwan_default --repeats 5
python -m flows replicate --paper wide-and-deep --dataset sba --repeats 5
python -m flows replicate --paper wide-and-deep --dataset simulated --repeats 5
python -m flows replicate --paper wide-and-deep --dataset simulated --protocol sensitivity --repeats 2
```

measure one seed after the other, keep each as it is done (`ops.replication_folds`), write the means to
`ops.replication` and this page from them; no figure here is typed by hand. `NIGHTLEDGER_DATA_DIR` names the
folder of the public sets.

**A seed** is a split (60% training, 20% validation, 20% test, stratified; all rows of a borrower in one part)
and an initialisation. The test part is only scored. The validation part says when training stops, which
learning rate is taken and where the threshold lies. **Intervals** are 95%, corrected resampled-t over the seeds
(Nadeau & Bengio 2003).

**The six rows** are one estimator with parts switched off, at batches of 256, hidden layers of 256, 128 and 64,
Adam, at most 60 epochs, stopped 8 epochs after the lowest validation loss. All see the same columns: without
the deep part the numbers enter the output directly, without the wide part categories and crosses enter the
first hidden layer. **LightGBM** sees the very same columns, categories as categories: 0.05 a step, trees added
until the validation loss has not fallen for 50 of them, everything else its default.

**Thresholds**: the score with the best F1 on the validation part, once for the F1 of the defaults ("precision,
recall, F1") and once for the F1 averaged over both classes by their size ("averaged"). In a cell: ours
(interval), then the published figure in brackets.

**Learning rates**: on the simulated rows the paper's 0.0001 or 0.001, and once more the paper's alone. A pass
over the 18,000 training rows of a public set makes 71 steps, a quarter of the paper's, and the weights of the
wide part start at zero: at 0.0001 they move little before the deep part begins to overfit. There the choice is
between 0.0003 and 0.001.

![Paired differences of AUC](images/wide-and-deep-differences.svg)
"""

_PUBLISHED = """## What the published figures can be

The paper defines F1 as the harmonic mean of precision and recall, which lies between the two. In {below} of its
{of} rows F1 lies below both, and in {odd} it is not their harmonic mean: the three are not those of one class.
Averages over both classes, weighted by their size, can do it: each class has its own F1, and the lesser one
pulls the average down. Recall is then the accuracy. At the stated 6:4 such averages miss the worst published
row by {stated:.3f}; at two positives to one negative ({share:.0%}) they meet every row within {fitting:.3f}. So
the figures are most likely weighted averages on a test set of about 2:1. Ours are given both ways: averaged so,
beside the published ones, and of the defaults alone.

Two more things keep the published figures from being those of a forecast. Applications that were refused for a
bad credit history count as defaults, and past delinquencies are among the inputs: part of the label is a rule
over the features. And {positive:.0%} of the {rows:,} rows are positive, as in no lender's book: precision and
F1 at that mix say nothing about one.
"""

_RATE_TITLES = {
    RATE_CHOSEN: "Learning rate chosen on the validation part, as the paper chose its settings:",
    AT_PAPER_RATE: "At the paper's learning rate, 0.0001:",
}

_LEARNING = """\
The full model at the paper's settings with one of them changed; batch sizes and learning rates are measured
on the test part after early stopping, epochs on the validation part, all of them whatever the loss says. The seeds
are few and serve as a picture: no interval is given, and nothing is chosen by it.
"""

_AVERAGED = ("auc", "average precision", "average recall", "average f1")
_OF_DEFAULTS = ("precision", "recall", "f1")
_COLUMNS = (
    "AUC", "precision, averaged", "recall, averaged", "F1, averaged",
    "precision", "recall", "F1", "stopped at, on average",
)  # fmt: skip
SHARES = (0.6, 0.67)  # of positives: the one that the paper states, and the one that its figures fit


def page(figures: pl.DataFrame) -> str:
    """Return the page for the rows of the paper in ops.replication; a data set not measured yet has no section.

    Parameters
    ----------
    figures : polars.DataFrame
        Columns of ops.replication.
    """
    parts = [_HEAD, _published_section()]
    for name, data_set in DATA_SETS.items():
        rows = figures.filter(pl.col("dataset").str.starts_with(name))
        if rows.height:
            parts.append(_section(data_set, rows))
    return "\n".join(parts)


def _section(data_set: DataSet, rows: pl.DataFrame) -> str:
    """Return everything about one data set."""
    lines = [f"## {data_set.title}\n", _filled(data_set.about, rows)]
    for protocol in rows.filter(table_number=RATE_CHOSEN)["protocol"].unique(maintain_order=True):
        figures = rows.filter(protocol=protocol)
        seeds = figures.filter(table_number=RATE_CHOSEN)["repeats"][0]
        prefix = "" if protocol == "honest" else f"{protocol}, "
        lines.append(f"### Table 2 ({prefix}{seeds} seeds)\n")
        for table in _RATE_TITLES:
            part = figures.filter(table_number=table)
            if part.height:
                lines += [f"{_title(table, part)}\n", _table(part), ""]
        lines += [_differences(figures), verdict_words(figures)]
    if "figure 2" in rows["table_number"]:
        lines.append(_figure_2(rows.filter(table_number="figure 2")))
    return "\n".join(lines)


def _title(table: str, part: pl.DataFrame) -> str:
    """Return a table's heading: its learning rate, or how it was chosen where rows or seeds differ."""
    rates = part.filter(metric="learning rate")
    fixed = table == RATE_CHOSEN and len({*rates["low"], *rates["high"]}) == 1
    return f"At a learning rate of {rates['mean'][0]:g}:" if fixed else _RATE_TITLES[table]


def _filled(text: str, rows: pl.DataFrame) -> str:
    """Return a text with the counts of its data set in place of its braces."""
    counts = {row["row_name"]: row["mean"] for row in rows.filter(table_number="data").iter_rows(named=True)}
    shown = {name: f"{value:,.0f}" if value > 1 else f"{value:.1%}" for name, value in counts.items()}
    return text.format_map(shown)


def _table(part: pl.DataFrame) -> str:
    """Return one reading of Table 2 in Markdown."""
    rows_by_name = rows_of(part)
    lines = [f"| | {' | '.join(_COLUMNS)} |", "|---|" + "--:|" * len(_COLUMNS)]
    for name in part["row_name"].unique(maintain_order=True):
        cells = [_cell(rows_by_name[name, metric]) for metric in (*_AVERAGED, *_OF_DEFAULTS)]
        lines.append(f"| {name} | {' | '.join(cells)} | {_stopped(rows_by_name, name)} |")
    return "\n".join(lines)


def _stopped(rows_by_name: Rows, name: str) -> str:
    if name == BOOSTED:
        return f"{rows_by_name[name, 'trees']['mean']:.0f} trees"
    epoch, rate = (rows_by_name[name, metric]["mean"] for metric in ("best epoch", "learning rate"))
    return f"epoch {epoch:.0f}, rate {rate:.2g}"


def _cell(row: dict[str, Any]) -> str:
    ours = f"{row['mean']:.3f} ({max(row['low'], 0.0):.3f} to {min(row['high'], 1.0):.3f})"
    return ours if row["published"] is None else f"{ours} [{row['published']:.3f}]"


def _differences(figures: pl.DataFrame) -> str:
    """Return the paired differences, one line each."""
    lines = ["Paired over the same seeds, learning rate chosen:\n"]
    lines += ["| | AUC | F1, averaged | F1 | in words |", "|---|--:|--:|--:|---|"]
    rows_by_name = rows_of(figures.filter(table_number=f"{RATE_CHOSEN}, paired"))
    for name in dict.fromkeys(row for row, _ in rows_by_name):
        gaps = [rows_by_name[name, f"{metric} difference"] for metric in ("auc", "average f1", "f1")]
        cells = [f"{gap['mean']:+.4f} ({gap['low']:+.4f} to {gap['high']:+.4f})" for gap in gaps]
        lines.append(f"| {name} | {' | '.join(cells)} | AUC {judged(gaps[0])} |")
    return "\n".join([*lines, ""])


def _figure_2(rows: pl.DataFrame) -> str:
    """Return the sensitivity to epochs, batch size and learning rate."""
    rows_by_name = rows_of(rows)
    curve = {
        int(row.split(" ")[1]): figure["mean"]
        for (row, metric), figure in rows_by_name.items()
        if metric == "validation auc"
    }
    seeds = rows["repeats"].to_list()[0]
    lines = [f"### Figure 2: epochs, batch size, learning rate ({seeds} seeds)\n"]
    lines.append(_LEARNING)
    lines += ["![Sensitivity](images/wide-and-deep-sensitivity.svg)\n"]
    if curve:
        best = max(curve, key=curve.__getitem__)
        last = max(curve)
        lines.append(
            f"At the paper's settings the AUC of the validation part is highest after epoch {best} "
            f"({curve[best]:.4f}) and {curve[last]:.4f} after epoch {last}; the paper's peak is between epochs 30 "
            "and 35.\n"
        )
    lines += ["| changed | AUC | F1, averaged | stopped at epoch |", "|---|--:|--:|--:|"]
    for name in dict.fromkeys(row for row, metric in rows_by_name if metric == "auc"):
        cells = (f"{rows_by_name[name, metric]['mean']:.4f}" for metric in ("auc", "average f1"))
        lines.append(
            f"| {name.replace('_', ' ')} | {' | '.join(cells)} | {rows_by_name[name, 'best epoch']['mean']:.0f} |"
        )
    return "\n".join([*lines, ""])


def _published_section() -> str:
    """Return the section on what the published precision, recall and F1 can and cannot be."""
    rows = table_2()
    stated, fitting = (largest_error(share) for share in SHARES)
    return _PUBLISHED.format(
        below=sum(row["f1"] < min(row["precision"], row["recall"]) for row in rows.values()),
        odd=sum(not of_one_class(row) for row in rows.values()),
        of=len(rows),
        stated=stated,
        share=SHARES[1],
        fitting=fitting,
        rows=published()["rows"],
        positive=published()["positive_share"],
    )
