"""Small simulated deliveries that several tests read."""

from __future__ import annotations

from pathlib import Path

import pytest
from feed_reading import LAST

from sources.simulated import SimulationSettings, deliver


@pytest.fixture(scope="session")
def small() -> SimulationSettings:
    """300 enterprises over 178 days, with more dirt than usual so that small files have some."""
    return SimulationSettings(
        enterprises=300, seed=11, history_days=178, transactions_per_enterprise=150, dirt=0.01
    )


@pytest.fixture(scope="session")
def delivered(small: SimulationSettings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One delivery of the small portfolio through 2 May 2026."""
    landing = tmp_path_factory.mktemp("landing")
    deliver(small, landing, through=LAST)
    return landing


@pytest.fixture(scope="session")
def clean(small: SimulationSettings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small portfolio without a spoilt row."""
    landing = tmp_path_factory.mktemp("clean")
    deliver(small.model_copy(update={"dirt": 0.0}), landing, through=LAST)
    return landing
