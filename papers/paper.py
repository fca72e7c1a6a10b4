"""A paper as the flow that replicates sees it: its data sets, their protocols, and the function that measures it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Request:
    """One replication: what it measures, and where its page goes.

    Attributes
    ----------
    dataset, protocol : str
        One of the paper's.
    repeats : int
        Splits, seeds or repeats of five folds.
    sensitive : {"drop", "use"}
        Whether a sensitive column enters, in a data set that has one.
    through : date
        Last simulated day.
    docs : Path
        Folder that receives page and pictures.
    run_id : str
        Run that measures.
    """

    dataset: str
    protocol: str
    repeats: int
    sensitive: Literal["drop", "use"]
    through: date
    docs: Path
    run_id: str


@dataclass(frozen=True, kw_only=True)
class Paper:
    """A paper that can be measured again.

    Attributes
    ----------
    name : str
        As the command line and the page's file name have it.
    experiments : mapping of data set to protocols
        What can be measured.
    measure : callable
        Measures what a request asks for, renews the page and returns the number of figures.
    datasets_help, protocols_help : str
        Words for the command line; nothing where there is no choice.
    sensitive_datasets : tuple of str
        Data sets with a sensitive column that may be let in.
    """

    name: str
    experiments: Mapping[str, tuple[str, ...]]
    measure: Callable[[Request], int]
    datasets_help: str
    protocols_help: str = ""
    sensitive_datasets: tuple[str, ...] = ()

    @property
    def protocols(self) -> tuple[str, ...]:
        """All protocols, each once, in the order of the data sets."""
        return tuple(dict.fromkeys(name for names in self.experiments.values() for name in names))
