"""What the command line offers is what the papers declare, and each page is the one of its recorded figures."""

from __future__ import annotations

import importlib
from typing import get_args

import polars as pl
import pytest

from flows.replicate import ReplicateParameters
from papers import operational_risk, voting_ensemble, wide_deep
from papers.catalogue import PAPERS
from papers.public_sets import PUBLIC_SETS
from papers.record import COLUMNS, DOCS
from papers.voting_ensemble.run import DATASETS

FOLDERS = {
    "operational-risk": operational_risk, "voting-ensemble": voting_ensemble, "wide-and-deep": wide_deep,
}  # fmt: skip


def test_the_form_offers_what_the_papers_declare() -> None:
    choices = {name: get_args(field.annotation) for name, field in ReplicateParameters.model_fields.items()}
    assert choices["paper"] == tuple(PAPERS)
    assert set(choices["dataset"]) == {name for paper in PAPERS.values() for name in paper.experiments}
    assert set(choices["protocol"]) == {name for paper in PAPERS.values() for name in paper.protocols}
    assert choices["dataset"][0] == ReplicateParameters().dataset == "simulated"


def test_the_ensembles_sets_are_public_ones() -> None:
    assert set(DATASETS) - {"simulated"} < set(PUBLIC_SETS)


@pytest.mark.parametrize("name", PAPERS)
def test_a_page_is_made_of_its_recorded_figures(name: str) -> None:
    page = importlib.import_module(f"{FOLDERS[name].__name__}.page").page
    figures = pl.read_csv(DOCS / "figures" / f"{name}.csv", schema=COLUMNS)
    assert page(figures) == (DOCS / f"{name}.md").read_text(encoding="utf-8")
