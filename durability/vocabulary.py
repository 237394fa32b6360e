"""The words of the library, each meaning one thing (``docs/glossary.md``).

Everything that names a driver, a rung or a stream of events takes the name from here.
"""

from __future__ import annotations

from typing import Final

DRIVERS: Final = ("trust", "constitution", "corridor", "interference")
"""Latent monthly processes; positive values push toward breakdown."""

MARKS: Final = ("force", "fatal", "war")
"""Exclusive severities of one confrontation, mildest first."""

STREAMS: Final = (*MARKS, "abrogation")
"""Causes with a hazard of their own: the three exclusive marks and formal denunciation."""

RUNGS: Final = ("force", "fatal", "war", "abrogation", "breakdown")
"""What a forecast gives a probability for; ``breakdown`` is war or abrogation."""

LIFE_CYCLE: Final = ("initialled", "signed", "ratified", "in_force")
"""Stages of an agreement, in order; breakdown can come from any."""

COVARIATES: Final = (
    "contiguous",
    "war_decisive",
    "third_party",
    "territorial_unresolved",
    "earlier_wars",
)
"""What is fixed at an agreement's start; ``earlier_wars`` enters as log(1 + count)."""

GRADES: Final = ("A", "B", "C")
"""Grades of a source, best first. An item without one (``-``) is shown and never used."""

STATUSES: Final = ("occurred", "claimed", "scheduled", "unknown")
"""What is known of a news item; only the first two can carry a rating."""

RATING_MIN: Final = -3
RATING_MAX: Final = 3

HORIZONS_MONTHS: Final = (6, 12, 24, 36, 60)
"""Months after the cutoff at which every forecast states its probabilities."""

DAYS_PER_YEAR: Final = 365.25
