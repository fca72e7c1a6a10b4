"""docs/wide-and-deep.md, written from the rows of ops.replication that it shows."""

from __future__ import annotations

from typing import Any

import polars as pl

from papers.wide_deep.experiment import BEST, BOOSTED, RATE_CHOSEN
from papers.wide_deep.page_text import ABOUT, DATASETS, HEAD, LEARNING, PUBLISHED, RATE_TITLES
from papers.wide_deep.plots import judged
from papers.wide_deep.tables import largest_error, of_one_class, published, table_2

_AVERAGED = ("auc", "average precision", "average recall", "average f1")
_OF_DEFAULTS = ("precision", "recall", "f1")
_COLUMNS = (
    "AUC", "precision, averaged", "recall, averaged", "F1, averaged",
    "precision", "recall", "F1", "stopped at, on average",
)  # fmt: skip
SHARES = (0.6, 0.67)  # of positives: the one that the paper states, and the one that its figures fit
Found = dict[tuple[str, str], dict[str, Any]]


def page(figures: pl.DataFrame) -> str:
    """Return the page for the rows of the paper in ops.replication; a data set not measured yet has no section.

    Parameters
    ----------
    figures : polars.DataFrame
        Columns of ops.replication.
    """
    parts = [HEAD, _what_the_published_can_be()]
    for start in DATASETS:
        rows = figures.filter(pl.col("dataset").str.starts_with(start))
        if rows.height:
            parts.append(_section(start, rows))
    return "\n".join(parts)


def _section(start: str, rows: pl.DataFrame) -> str:
    """Return everything about one data set."""
    lines = [f"## {DATASETS[start]}\n", _filled(ABOUT[start], rows)]
    for protocol in rows.filter(table_number=RATE_CHOSEN)["protocol"].unique(maintain_order=True):
        own = rows.filter(protocol=protocol)
        seeds = own.filter(table_number=RATE_CHOSEN)["repeats"][0]
        named = "" if protocol == "honest" else f"{protocol}, "
        lines.append(f"### Table 2 ({named}{seeds} seeds)\n")
        for table in RATE_TITLES:
            part = own.filter(table_number=table)
            if part.height:
                lines += [f"{_title(table, part)}\n", _table(part), ""]
        lines += [_differences(own), _words(own)]
    if start == "simulated" and "figure 2" in rows["table_number"]:
        lines.append(_figure_2(rows.filter(table_number="figure 2")))
    return "\n".join(lines)


def _title(table: str, part: pl.DataFrame) -> str:
    """Return which learning rate a table is at; there is no choice where all rows have the same in all seeds."""
    rates = part.filter(metric="learning rate")
    fixed = table == RATE_CHOSEN and len({*rates["low"], *rates["high"]}) == 1
    return f"At a learning rate of {rates['mean'][0]:g}:" if fixed else RATE_TITLES[table]


def _filled(text: str, rows: pl.DataFrame) -> str:
    """Return a text with the counts of its data set in it."""
    counts = {row["row_name"]: row["mean"] for row in rows.filter(table_number="data").iter_rows(named=True)}
    told = {name: f"{value:,.0f}" if value > 1 else f"{value:.1%}" for name, value in counts.items()}
    return text.format_map(told)


def _table(part: pl.DataFrame) -> str:
    """Return one reading of Table 2 in Markdown."""
    found = _found(part)
    lines = [f"| | {' | '.join(_COLUMNS)} |", "|---|" + "--:|" * len(_COLUMNS)]
    for name in part["row_name"].unique(maintain_order=True):
        cells = [_cell(found[name, metric]) for metric in (*_AVERAGED, *_OF_DEFAULTS)]
        lines.append(f"| {name} | {' | '.join(cells)} | {_stopped(found, name)} |")
    return "\n".join(lines)


def _stopped(found: Found, name: str) -> str:
    if name == BOOSTED:
        return f"{found[name, 'trees']['mean']:.0f} trees"
    return f"epoch {found[name, 'best epoch']['mean']:.0f}, rate {found[name, 'learning rate']['mean']:.2g}"


def _cell(row: dict[str, Any]) -> str:
    told = f"{row['mean']:.3f} ({max(row['low'], 0.0):.3f} to {min(row['high'], 1.0):.3f})"
    return told if row["published"] is None else f"{told} [{row['published']:.3f}]"


def _differences(own: pl.DataFrame) -> str:
    """Return the paired differences, one line each."""
    lines = ["Paired over the same seeds, learning rate chosen:\n"]
    lines += ["| | AUC | F1, averaged | F1 | in words |", "|---|--:|--:|--:|---|"]
    found = _found(own.filter(table_number=f"{RATE_CHOSEN}, paired"))
    for name in dict.fromkeys(row for row, _ in found):
        gaps = [found[name, f"{metric} difference"] for metric in ("auc", "average f1", "f1")]
        cells = [f"{gap['mean']:+.4f} ({gap['low']:+.4f} to {gap['high']:+.4f})" for gap in gaps]
        lines.append(f"| {name} | {' | '.join(cells)} | AUC {judged(gaps[0])} |")
    return "\n".join([*lines, ""])


def _words(own: pl.DataFrame) -> str:
    """Return what the differences of AUC say, by stated rules."""
    found = _found(own.filter(table_number=f"{RATE_CHOSEN}, paired"))
    told = []
    crossed = {
        name: gap
        for (name, metric), gap in found.items()
        if metric == "auc difference" and "Cross less" in name
    }
    own_form = {
        name: gap
        for name, gap in crossed.items()
        if name.split(" + Cross less ")[0] == name.split(" less ")[1]
    }
    verdicts = {"better": "help", "worse": "hurt", "within noise": "make no difference beyond noise in"}
    for verdict, verb in verdicts.items():
        names = [name.split(" less ")[1] for name, gap in own_form.items() if judged(gap) == verdict]
        if names:
            told.append(f"Crosses {verb} {_listed(names)}.")
    against = found.get((f"{BEST} less {BOOSTED}", "auc difference"))
    if against:
        beaten = {
            "worse": "Gradient boosting beats",
            "better": "Gradient boosting loses to",
            "within noise": "Gradient boosting is, within noise, level with",
        }
        told.append(
            f"{beaten[judged(against)]} the paper's full model on the same columns "
            f"(AUC {against['mean']:+.4f}, {against['low']:+.4f} to {against['high']:+.4f})."
        )
    strongest = own.filter(table_number=RATE_CHOSEN, metric="auc").sort("mean", descending=True)["row_name"][
        0
    ]
    told.append(f"The highest mean AUC is that of {strongest}.")
    told += _published_verdict(own)
    return f"**In words.** {' '.join(told)}\n"


def _published_verdict(own: pl.DataFrame) -> list[str]:
    """Return where the published gains lie beside ours, on the rows that stand for the paper's own."""
    found, rows = _found(own.filter(table_number=f"{RATE_CHOSEN}, paired")), table_2()
    told: list[str] = []
    if not own.filter(pl.col("published").is_not_null()).height:
        return told
    for left, right in (
        ("Logistic Regression + Cross", "Logistic Regression"),
        ("DNN + Cross", "DNN"),
        (BEST, "Wide & Deep"),
    ):
        ours = found.get((f"{left} less {right}", "auc difference"))
        if ours:
            gain = rows[left]["auc"] - rows[right]["auc"]
            place = "inside" if ours["low"] <= gain <= ours["high"] else "outside"
            told.append(f"The published gain by crosses in {right}, {gain:+.4f}, lies {place} our interval.")
    return told


def _figure_2(rows: pl.DataFrame) -> str:
    """Return the sensitivity to epochs, batch size and learning rate."""
    found = _found(rows)
    curve = {
        int(row.split(" ")[1]): figure["mean"]
        for (row, metric), figure in found.items()
        if metric == "validation auc"
    }
    seeds = rows["repeats"].to_list()[0]
    lines = [f"### Figure 2: epochs, batch size, learning rate ({seeds} seeds)\n"]
    lines.append(LEARNING)
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
    for name in dict.fromkeys(row for row, metric in found if metric == "auc"):
        cells = (f"{found[name, metric]['mean']:.4f}" for metric in ("auc", "average f1"))
        lines.append(
            f"| {name.replace('_', ' ')} | {' | '.join(cells)} | {found[name, 'best epoch']['mean']:.0f} |"
        )
    return "\n".join([*lines, ""])


def _what_the_published_can_be() -> str:
    """Return what the published precision, recall and F1 are not, and what they may be."""
    rows = table_2()
    stated, fitting = (largest_error(share) for share in SHARES)
    return PUBLISHED.format(
        below=sum(row["f1"] < min(row["precision"], row["recall"]) for row in rows.values()),
        odd=sum(not of_one_class(row) for row in rows.values()),
        of=len(rows),
        stated=stated,
        share=SHARES[1],
        fitting=fitting,
        rows=published()["rows"],
        positive=published()["positive_share"],
    )


def _found(part: pl.DataFrame) -> Found:
    return {(row["row_name"], row["metric"]): row for row in part.iter_rows(named=True)}


def _listed(names: list[str]) -> str:
    """Return names as a sentence lists them."""
    short = [name.lower() if name == "Logistic Regression" else name for name in names]
    return short[0] if len(short) == 1 else f"{', '.join(short[:-1])} and {short[-1]}"
