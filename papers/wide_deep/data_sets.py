"""Data sets that the Wide & Deep paper is measured on: two public ones, and a simulation of its size and class mix."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from models.errors import TooFewRowsError
from models.feature_choice import choose_features
from models.wide_deep.settings import DEEP_GROUPS, WIDE_GROUPS, WideDeepSettings
from papers import public_sets
from papers.paper import Request
from papers.wide_deep.experiment import BEST, Sample, thinned
from papers.wide_deep.tables import published
from sources import simulated
from tasks.features import build_features
from tasks.ingest import ingest_landing
from tasks.labels import build_labels
from tasks.progress import Progress
from warehouse import matrix
from warehouse.connection import writer
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.outcome import OutcomeDefinition
from warehouse.settings import settings

OUTCOME = OutcomeDefinition("dpd30", 365)  # more than 30 days overdue, the paper's section 4.1
WINDOWS = ("30d", "90d", "all")  # there is half a year of history
# A pass over 18,000 training rows makes 71 steps, a quarter of the paper's: at its rate of 0.0001 the wide weights,
# which start at zero, have hardly moved when the deep part begins to overfit.
FAST_RATES = (0.0003, 0.001)
FORMS_WITH_TERM = ("Logistic Regression", "Wide & Deep", BEST)
# Thick files only, so that profile, past credit behaviour and transactions are all there. Half a year of history,
# then a year of outcomes. The rate is the one at which the fewest enterprises give 129,880 rows at 6:4. To deliver,
# load and build took 7.4 minutes of one core and 3.4 GB at the peak.
SIMULATION = simulated.SimulationSettings(
    enterprises=225_000,
    seed=7,
    history_days=545,
    annual_default_rate=0.57,
    thick_share=1.0,
    transaction_share=0.0,
    thin_share=0.0,
    transactions_per_enterprise=80,
    events_per_enterprise=1,
)


class PaperRows(NamedTuple):
    """The rows of a data set as they are measured.

    Attributes
    ----------
    name : str
        As figures and page have it.
    samples : dict of name to Sample
        The same rows with other columns, by the name of the difference.
    counts : dict of name to number
        Numbers that fill the braces of the data set's text on the page.
    """

    name: str
    samples: dict[str, Sample]
    counts: dict[str, float]


class DataSet(NamedTuple):
    """A declared data set: its heading and text on the page, the function that loads its rows, its protocols."""

    title: str
    about: str
    load: Callable[[Request], PaperRows]
    protocols: tuple[str, ...] = ("honest",)


def _sba(_: Request) -> PaperRows:
    """Return the loans without their term, and with it."""
    public = public_sets.load(settings().data_dir, "sba")
    frame, labels = public.frame, public.labels
    wide = [name for name, kind in frame.schema.items() if kind == pl.String]
    groups = {name: "profile" if name in wide else "volume" for name in frame.columns}
    crossed = WideDeepSettings(cross_pairs=tuple(combinations(wide, 2)))
    whole_years = (frame["term"] % 12 == 0).to_numpy()
    counts = {
        f"whole_years_{name}": float((whole_years & (labels == label)).sum() / (labels == label).sum())
        for label, name in ((0, "paid"), (1, "charged_off"))
    }
    without_term = Sample(
        frame.drop("term"),
        labels,
        groups,
        crossed,
        positive_share=public_sets.SBA_NATIONAL_RATE,
        rates=FAST_RATES,
    )
    # measured only to show how far the term moves the figures
    with_term = without_term._replace(frame=frame, forms=FORMS_WITH_TERM, rates=(max(FAST_RATES),))
    samples = {"without the term": without_term, "with the term": with_term}
    return PaperRows("sba", samples, counts | {"national_rate": public_sets.SBA_NATIONAL_RATE})


def _taiwan(request: Request) -> PaperRows:
    """Return the card holders, with their sex, alone and crossed, only where the request lets it in."""
    public = public_sets.load(settings().data_dir, "Taiwan")
    states = [name for name in public.frame.columns if name.startswith("payment_state_")]
    frame = public.frame.with_columns(pl.col(states).cast(pl.String))
    wide = ["education", "marriage", *states]
    groups = {name: "profile" if name in wide else "volume" for name in frame.columns} | {"sex": "sensitive"}
    pairs = tuple(combinations([*(["sex"] if request.sensitive == "use" else []), *wide], 2))
    if request.sensitive == "drop":
        frame = frame.drop("sex")
    name = "with sex" if request.sensitive == "use" else "without sex"
    crossed = WideDeepSettings(sensitive=request.sensitive, cross_pairs=pairs)
    sample = Sample(frame, public.labels, groups, crossed, rates=FAST_RATES)
    return PaperRows("taiwan_default", {name: sample}, {})


def _simulated(request: Request) -> PaperRows:
    """Return simulated enterprises, left out at random down to the paper's size and class mix."""
    portfolio, labelled = load_portfolio(request.run_id, through=request.through)
    labels = labelled["label"].cast(pl.Int64).to_numpy()
    try:
        kept = thinned(
            labels,
            rows=published()["rows"],
            positive_share=published()["positive_share"],
            random_state=SIMULATION.seed,
        )
    except TooFewRowsError as error:
        raise Refused(str(error)) from error
    rows, groups = labelled[kept], matrix.feature_groups()
    names, _ = choose_features(rows, groups=groups, wanted=(*WIDE_GROUPS, *DEEP_GROUPS), windows=WINDOWS)
    counts = {
        "enterprises": float(SIMULATION.enterprises),
        "default_rate": SIMULATION.annual_default_rate,
        "transactions": SIMULATION.transactions_per_enterprise,
        "labelled": float(len(labels)),
        "labelled_positives": float(labels.sum()),
    }
    sample = Sample(
        rows.select(names),
        labels[kept],
        groups,
        WideDeepSettings(),
        borrowers=rows["enterprise_id"].to_list(),
    )
    return PaperRows(f"simulated ({portfolio})", {"honest": sample}, counts)


@task(name="deliver the paper's portfolio", cache_policy=NO_CACHE)
def deliver_portfolio(simulation: simulated.SimulationSettings, landing: Path, *, through: date) -> None:
    """Write the feed files that the landing folder does not hold yet."""
    simulated.deliver(
        simulation, landing, through=through, on_progress=Progress(f"deliver     {landing.name}")
    )


def load_portfolio(
    run_id: str, *, through: date, simulation: simulated.SimulationSettings = SIMULATION
) -> tuple[str, pl.DataFrame]:
    """Deliver, load and build whatever is missing; return the portfolio's name and its labelled rows.

    The name carries the last day, since the first delivery fixes where history starts.
    """
    portfolio = f"wide-deep-{simulation.enterprises}-{through:%Y%m%d}"
    landing = settings().landing_dir / portfolio
    deliver_portfolio(simulation, landing, through=through)
    ingest_landing(landing, portfolio, run_id)
    (day,) = OUTCOME.snapshot_dates(through)
    snapshot = Night(portfolio, day, run_id)
    with writer(purpose="look for features") as con:
        built = matrix.has_features(con, snapshot)
    if not built:
        build_features(snapshot)
    build_labels(snapshot, OUTCOME, known_by=through)
    with writer(purpose="read labelled rows") as con:
        rows = matrix.training_matrix(con, portfolio=portfolio, snapshot_dates=(day,), outcome=OUTCOME)
    return portfolio, rows.frame


DATA_SETS = {
    "simulated": DataSet(
        "The simulated portfolio at the paper's size and class mix",
        """\
{rows} rows, {positives} of them positive. The paper's data are a payment provider's and not public. These are
simulated: {enterprises} enterprises, thick files only (a profile, a ledger with past credit behaviour and
{transactions} transactions over 760 days), half a year of history before the snapshot and a year of outcomes
after it, at a default rate of {default_rate} a year, far above the 15% of our other portfolios. Delivered,
loaded and built by the same pipeline as any night. The label is the paper's own: more than 30 days overdue
within the year. {labelled} enterprises were not overdue on the day of the snapshot and so have a label,
{labelled_positives} of them positive; rows of both classes were then left out at random until there were
exactly {rows} at 6:4. The rate is the one at which the fewest enterprises are needed. Categories, credit
behaviour and the paper's kind of crosses (city x industry, verification x industry, ...) are wide; the payment
flow over 30 days, 90 days and the known history is deep. The gender of the legal representative, one of the
paper's inputs, is left out; in the simulation it says nothing about default.

Other data than the paper's, so the published figures are for orientation. What can be compared is what a part
adds. In the simulation no default depends on a pair of fields: there is nothing for a cross of profile fields
to find, and a gain by them here would be luck or a leak.
""",
        _simulated,
        protocols=("honest", "sensitivity"),
    ),
    "sba": DataSet(
        "sba: loans to small businesses",
        """\
{rows} loans guaranteed by the US Small Business Administration, {positives} charged off: a draw balanced by
class. Precision and F1 are reweighted to the whole file's rate, {national_rate}, by weighing the test and
validation rows; the AUC does not change by that. The rate is the one commonly given for the whole public file
of 899,164 loans, which is not here. The part in file order that is here says 21%, but it is a few approval
years and no sample. Models are trained on the balanced draw as it is. State, bank state, NAICS sector,
franchise, revolving, low documentation, urban or rural, new business and all pairs of them are wide; amount
approved, share guaranteed, employees, jobs created and retained are deep. Charge-off, balance and dates never
enter, nor does the amount disbursed, which on a line of credit grows with use. Borrowers' names were removed
from the file, so that two loans of one borrower can lie on two sides of a split.

**The loan's term carries the outcome.** Of the loans paid in full, {whole_years_paid} have a term of whole
years, of those charged off {whole_years_charged_off}: the term of a failed loan seems to be cut at its end.
What is measured with the term is no forecast. With it, three of the six rows are measured, at a
learning rate of 0.001.
""",
        _sba,
    ),
    "taiwan_default": DataSet(
        "taiwan_default: credit card holders",
        """\
{rows} card holders, {positives} in default the month after. Education, marriage, the six payment states and all
pairs of them are wide; limit, age, six bills and six payments are deep. Sex enters only under `--sensitive
use`. Marriage and age stay in here, as in every published figure on this set; a lender may not use them in many
countries, and nobody is scored with these models. Private persons, not enterprises: the set says how the method
does on payment behaviour, nothing about small firms.
""",
        _taiwan,
    ),
}
