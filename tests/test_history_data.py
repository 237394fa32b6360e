"""History without a case: the same history, and nothing of anybody else's news."""

from __future__ import annotations

from datetime import date

import numpy as np
from worlds import CUTOFF, data, drawn, full

from durability.catalogue import find_model
from durability.history_data import assemble_history
from durability.ladder import DATA_END


def test_history_is_what_a_case_is_assembled_with() -> None:
    alone, beside = assemble_history(cutoff=CUTOFF), data(cutoff=CUTOFF)
    assert alone.spells == beside.spells
    assert alone.agreements == beside.agreements
    for name in ("history_log_ages", "history_event", "history_weight", "covariate_centre"):
        np.testing.assert_array_equal(alone.arrays[name], beside.arrays[name])
    np.testing.assert_array_equal(
        alone.arrays["row_covariates"][:-1], beside.arrays["row_covariates"][:-1]
    )


def test_the_case_that_is_not_there_adds_nothing_to_the_likelihood() -> None:
    alone, model = assemble_history(cutoff=CUTOFF), find_model("breakdown")
    assert "event" not in alone.coords
    assert "window" not in alone.coords
    assert alone.coords["anchor"] == ()
    theta, latent = drawn(alone, n=5, seed=3)
    terms = model.log_likelihoods(theta, latent, full(alone), np)
    assert set(terms) == {"outcomes", "codings", "holding"}
    assert not terms["holding"].any()
    # Nobody shares its frailties.
    last = alone.arrays["row_cluster"][-1], alone.arrays["row_dyad"][-1]
    assert last[0] not in alone.arrays["row_cluster"][:-1]
    assert last[1] not in alone.arrays["row_dyad"][:-1]


def test_without_a_cutoff_all_of_history_is_read() -> None:
    assert assemble_history().cutoff == date(2026, 1, 1)
    assert max(DATA_END.values()) == date(2025, 12, 31)
    assert assemble_history().hash() == assemble_history(cutoff=date(2026, 1, 1)).hash()
    early = assemble_history(cutoff=date(1990, 1, 1))
    assert len(early.spells) < 66
    assert max(row.start for row in early.agreements) < date(1990, 1, 1)
