"""Makes the rows that the Wide & Deep paper is measured on: public sets, and a simulation of its size and class mix."""

import logging
from datetime import date
from itertools import combinations
from pathlib import Path
from typing import Literal, NamedTuple

import polars as pl
from models.feature_choice import choose_features
from models.wide_deep.settings import DEEP_GROUPS, WIDE_GROUPS, WideDeepSettings
from prefect import task
from prefect.cache_policies import NO_CACHE
from sources import simulated
from tasks.features import build_features, build_labels
from tasks.ingest import ingest_landing
from tasks.progress import Progress
from warehouse import matrix
from warehouse.connection import writer
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.outcome import OutcomeDefinition
from warehouse.settings import settings

from papers import public_sets
from papers.wide_deep.experiment import BEST, Sample, thinned
from papers.wide_deep.tables import published

OUTCOME = OutcomeDefinition("dpd30", 365)  # more than 30 days overdue, the paper's section 4.1
WINDOWS = ("30d", "90d", "all")  # there is half a year of history
# a pass over 18,000 training rows makes 71 steps, a quarter of the paper's: at its rate of 0.0001 the wide weights,
# which start at zero, have hardly moved when the deep part begins to overfit
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
log = logging.getLogger("nightledger")


class PaperRows(NamedTuple):
    """A data set as it is measured.

    Attributes
    ----------
        name: as figures and page name it.
        samples: the same rows with other columns, by the name of the difference.
        counts: what the page tells of how the rows came about.
    """

    name: str
    samples: dict[str, Sample]
    counts: dict[str, float]


def load_rows(dataset: str, run_id: str, *, sensitive: Literal["drop", "use"], through: date) -> PaperRows:
    """Return what is measured of one data set.

    Args:
        dataset: simulated, sba or taiwan_default.
        run_id: The run that loads the simulated portfolio.
        sensitive: Whether the sex of Taiwan's card holders enters, alone and crossed.
        through: Last simulated day.

    Raises
    ------
        Refused: the data is missing or not what it should be.
    """
    try:
        if dataset == "simulated":
            return _simulated(run_id, through=through)
        return _sba() if dataset == "sba" else _taiwan(sensitive)
    except ValueError as error:
        raise Refused(str(error)) from error


def _sba() -> PaperRows:
    found = public_sets.load(settings().data_dir, "sba")
    wide = [name for name, kind in found.frame.schema.items() if kind == pl.String]
    groups = {name: "profile" if name in wide else "volume" for name in found.frame.columns}
    crossed = WideDeepSettings(cross_pairs=tuple(combinations(wide, 2)))
    whole_years = (found.frame["term"] % 12 == 0).to_numpy()
    counts = {
        f"whole_years_{name}": float(
            (whole_years & (found.labels == label)).sum() / (found.labels == label).sum()
        )
        for label, name in ((0, "paid"), (1, "charged_off"))
    }
    without = Sample(
        found.frame.drop("term"),
        found.labels,
        groups,
        crossed,
        positive_share=public_sets.SBA_NATIONAL_RATE,
        rates=FAST_RATES,
    )
    # only how far the term moves the figures is asked of it
    term = without._replace(frame=found.frame, forms=FORMS_WITH_TERM, rates=(max(FAST_RATES),))
    samples = {"without the term": without, "with the term": term}
    return PaperRows("sba", samples, counts | {"national_rate": public_sets.SBA_NATIONAL_RATE})


def _taiwan(sensitive: Literal["drop", "use"]) -> PaperRows:
    found = public_sets.load(settings().data_dir, "Taiwan")
    states = [name for name in found.frame.columns if name.startswith("payment_state_")]
    frame = found.frame.with_columns(pl.col(states).cast(pl.String))
    wide = ["education", "marriage", *states]
    groups = {name: "profile" if name in wide else "volume" for name in frame.columns} | {"sex": "sensitive"}
    pairs = tuple(combinations([*(["sex"] if sensitive == "use" else []), *wide], 2))
    if sensitive == "drop":
        frame = frame.drop("sex")
    name = "with sex" if sensitive == "use" else "without sex"
    crossed = WideDeepSettings(sensitive=sensitive, cross_pairs=pairs)
    sample = Sample(frame, found.labels, groups, crossed, rates=FAST_RATES)
    return PaperRows("taiwan_default", {name: sample}, {})


def _simulated(run_id: str, *, through: date) -> PaperRows:
    portfolio, labelled = load_portfolio(run_id, through=through)
    labels = labelled["label"].cast(pl.Int64).to_numpy()
    kept = thinned(
        labels,
        rows=published()["rows"],
        positive_share=published()["positive_share"],
        random_state=SIMULATION.seed,
    )
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
    """Write what the landing folder does not hold yet."""
    simulated.deliver(
        simulation, landing, through=through, on_progress=Progress(f"deliver     {landing.name}")
    )


def load_portfolio(
    run_id: str, *, through: date, simulation: simulated.SimulationSettings = SIMULATION
) -> tuple[str, pl.DataFrame]:
    """Deliver, load and build what is not there yet; return the portfolio's name and its labelled rows.

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
        frame = matrix.training_matrix(con, portfolio=portfolio, snapshot_dates=(day,), outcome=OUTCOME)
    return portfolio, frame
