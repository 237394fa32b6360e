"""History without a case: the reference class as data of a model, as of a cutoff.

The case's news are hundreds of unknowns that say nothing of how history's agreements ended. Without
them a fit takes a fraction of the time. What differs: persistence, half-life, correlation and the
coders' discrimination are learned from history alone, where a case's fit learns them from its news
too. In a backtest that is as it should be, since the case's news came after nearly all of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

from durability.agreements import Agreement
from durability.assembly import ModelData, assemble
from durability.calendar import first_of_month
from durability.cases import Case
from durability.ladder import DATA_END, Reading
from durability.vocabulary import STREAMS

NOBODY = "(no case)"
"""Stands for the case, its conflict and its pair: no agreement is of them."""


def assemble_history(
    agreements: Sequence[Agreement] | None = None,
    *,
    cutoff: date | None = None,
    reading: Reading = "new",
    subset: str = "core",
) -> ModelData:
    """Gather what was known of history at a cutoff, and of no case.

    Parameters
    ----------
    agreements : sequence of Agreement, optional
        The reference class; the shipped one if not given.
    cutoff : date, optional
        Nothing known later enters; the day after the last of history's data if not given.
    reading : {"new", "all"}
        Whether leftover fighting counts as an event of history.
    subset : str
        Set of agreements that trains the hazard.

    Returns
    -------
    ModelData
        Of a case of which nothing is known: no news, no ratings, watched for no time.

    Examples
    --------
    >>> data = assemble_history()
    >>> len(data.coords["agreement"]), "event" in data.coords
    (66, False)
    """
    cutoff = max(DATA_END.values()) + timedelta(days=1) if cutoff is None else cutoff
    return assemble(_nothing(cutoff), agreements, cutoff=cutoff, reading=reading, subset=subset)


def _nothing(cutoff: date) -> Case:
    """Make the case of which nothing is known, begun on the day of the cutoff."""
    return Case(
        name=NOBODY,
        folder=Path(NOBODY),
        title=NOBODY,
        parties=(NOBODY, NOBODY),
        clock_start=cutoff,
        deal=cutoff,
        grid_start=first_of_month(cutoff),
        covered_until=cutoff,
        observed_to=dict.fromkeys(STREAMS, cutoff - timedelta(days=1)),
        happened=(),
        dyad=NOBODY,
        cluster=NOBODY,
        excluded=(),
        covariates={
            "contiguous": 0,
            "war_outcome": "tie",
            "third_party": 0,
            "territorial_unresolved": 0,
            "earlier_wars": 0,
        },
        standings=(),
        news=(),
        indicators=(),
        codings=(),
        reconciliations=(),
        reasons={},
        settings="",
    )
