"""A short soak: faults of five kinds in one night. `make soak` runs a hundred of all kinds over many nights."""

from __future__ import annotations

from pathlib import Path

import pytest
from night_processes import TwoNights

from tests.soak.soak import soak
from tests.soak.table import table

pytestmark = pytest.mark.server
SEED = 15


@pytest.mark.timeout(1200)  # some two minutes on an idle machine
def test_a_night_holds_under_faults(two_nights: TwoNights, prefect_database: Path, tmp_path: Path) -> None:
    result = soak(
        tmp_path, seed=SEED, faults=5, homes=1, nights=range(1, 2), jobs=1, first=two_nights.first,
        database=prefect_database,
    )  # fmt: skip
    assert result.violations == 0, table(result)
    assert sum(tried.met for tried in result.tried) >= 4, table(result)
    assert len({tried.fault.kind for tried in result.tried}) >= 4, table(result)
