"""Every kind of learner comes back from its bytes as it was, and the same fit gives the same bytes."""

from __future__ import annotations

import numpy as np
import pytest

from models.errors import ArtefactError
from models.stored_learner import dump_learner, load_learner
from models.voting_ensemble.members import MEMBERS, make_member

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(200, 4))
LABELS = (ROWS[:, 0] + RNG.normal(size=200) > 0.5).astype(np.int64)


@pytest.mark.parametrize("member", MEMBERS)
def test_round_trip_is_exact_and_the_bytes_are_stable(member):
    first, second = (make_member(member, random_state=3).fit(ROWS, LABELS) for _ in range(2))
    files = dump_learner(member, first)
    assert files == dump_learner(member, second)
    again = load_learner(member, files, make_member(member, random_state=3))
    assert np.array_equal(again.predict_proba(ROWS), first.predict_proba(ROWS))


def test_a_learner_that_is_not_there_is_named():
    with pytest.raises(ArtefactError, match="no learner gbdt"):
        load_learner("gbdt", {}, None)
