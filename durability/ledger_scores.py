"""Recorded forecasts held against what happened.

Every horizon of every forecast is resolved by what is known of its case now. Horizons that are not
reached are pending, those that nobody watched to are censored; neither has a score. Beside each
score stands a baseline's: what it said when the forecast was recorded where the ledger has that,
else what it says of the very inputs that the forecast was made from.

Forecasts of one case share what became of it. However many there are, they are one outcome, and no
mean over them says anything of skill.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from durability.calendar import add_months
from durability.case_outcomes import HAPPENED, HELD, CaseOutcome, resolve
from durability.errors import InputError, Problem, Problems, one_of, quoted
from durability.forecast_ledger import LEDGER, LedgerLine, read_ledger, verify_ledger
from durability.ledger_inputs import assembled_again, read_inputs, store_of
from durability.vocabulary import RUNGS

BASELINES: Final = ("Constant hazard", "Weibull without drivers", "Tie × contiguity table")
"""Titles of the baselines that a forecast may stand beside."""

WEIBULL: Final = BASELINES[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One probability and what it was worth.

    Parameters
    ----------
    probability : float
    brier, logarithmic : float
        ``nan`` where the outcome is not known.
    """

    probability: float
    brier: float
    logarithmic: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredHorizon:
    """One horizon of one recorded forecast.

    Parameters
    ----------
    number : int
        Of the forecast in its ledger.
    case, cutoff : str
    rung : str
    months : int
    end : datetime.date
        Last day of the horizon.
    state : str
        One of :data:`durability.case_outcomes.STATES`.
    is_due : bool
        Whether the horizon is reached.
    why : str
        The day that decided it.
    forecast, baseline : Told
    baseline_is_recorded : bool
        Whether the ledger has what the baseline said; else it was computed again from the inputs.
    passed : bool
        The forecast's verdict.
    """

    number: int
    case: str
    cutoff: str
    rung: str
    months: int
    end: dt.date
    state: str
    is_due: bool
    why: str
    forecast: Told
    baseline: Told
    baseline_is_recorded: bool
    passed: bool

    @property
    def counts(self) -> bool:
        """Whether it enters a mean: due, and known."""
        return self.is_due and self.state in (HAPPENED, HELD)


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerScores:
    """A ledger held against what happened.

    Parameters
    ----------
    rung, baseline : str
    horizons : tuple of ScoredHorizon
        In the order of the ledger, nearest horizon first.
    outcomes : tuple of CaseOutcome
        What they were held against.
    """

    rung: str
    baseline: str
    horizons: tuple[ScoredHorizon, ...]
    outcomes: tuple[CaseOutcome, ...]


def horizon_end(cutoff: dt.date, months: int) -> dt.date:
    """Give the last day of a horizon; months are counted from the day after the cutoff.

    Examples
    --------
    >>> horizon_end(dt.date(2026, 6, 30), 12), horizon_end(dt.date(2026, 1, 15), 1)
    (datetime.date(2027, 6, 30), datetime.date(2026, 2, 15))
    """
    day = dt.timedelta(days=1)
    return add_months(cutoff + day, months) - day


def verified_lines(path: str | Path) -> list[LedgerLine]:
    """Read a ledger of which nothing is wrong.

    Raises
    ------
    InputError
        A line was altered, dropped or moved, or an input is not as it was: every problem.
    """
    found = verify_ledger(path)
    if not found.ok:
        allowed = "nothing is read of a ledger that is not as it was written"
        last = Problem(where=str(path), found="it does not hold", allowed=allowed)
        raise InputError([*found.problems, last])
    return list(read_ledger(path))


def score_ledger(
    outcomes: Iterable[CaseOutcome],
    *,
    ledger: str | Path = LEDGER,
    rung: str = "breakdown",
    baseline: str = WEIBULL,
) -> LedgerScores:
    """Score recorded forecasts of the cases whose outcomes are given.

    Parameters
    ----------
    outcomes : iterable of CaseOutcome
        Of :func:`durability.case_outcomes.outcome_of` or
        :func:`durability.case_outcomes.read_outcome`, one a case.
    ledger : str or Path
        Verified before anything is read from it.
    rung : str
    baseline : str
        Title of the baseline beside each forecast.

    Returns
    -------
    LedgerScores

    Raises
    ------
    InputError
        The ledger does not hold; no forecast of a case is in it; or a case is not the one that was
        forecast: its deal has another day.
    """
    known = {outcome.case: outcome for outcome in outcomes}
    _check_words(rung, baseline)
    lines = [line for line in verified_lines(ledger) if line.entry["case"] in known]
    _check_cases(lines, known, ledger)
    scored = tuple(
        each
        for line in lines
        for each in _scored(line, known[line.entry["case"]], Path(ledger), rung, baseline)
    )
    return LedgerScores(
        rung=rung, baseline=baseline, horizons=scored, outcomes=tuple(known.values())
    )


def _check_words(rung: str, baseline: str) -> None:
    problems = Problems()
    for what, found, allowed in (("rung", rung, RUNGS), ("baseline", baseline, BASELINES)):
        if found not in allowed:
            problems.add(what, f"there is no {quoted(found)}", one_of(allowed, found))
    problems.raise_any()


def _check_cases(
    lines: Sequence[LedgerLine], known: Mapping[str, CaseOutcome], ledger: str | Path
) -> None:
    problems = Problems()
    for case in known:
        if case not in {line.entry["case"] for line in lines}:
            problems.add(str(ledger), f"no forecast of {quoted(case)}", "durability ledger list")
    for line in lines:
        outcome = known[line.entry["case"]]
        if outcome.deal is not None and outcome.deal.isoformat() != line.entry["deal"]:
            found = f"the deal of {outcome.deal}, and forecast {line.sequence} was of that of "
            allowed = "score it against a file of outcomes, --outcomes"
            problems.add(outcome.where, f"{found}{line.entry['deal']}", allowed)
    problems.raise_any()


def _scored(
    line: LedgerLine, outcome: CaseOutcome, ledger: Path, rung: str, baseline: str
) -> list[ScoredHorizon]:
    entry = line.entry
    cutoff = dt.date.fromisoformat(entry["cutoff"])
    months = sorted(int(each) for each in entry["breakdown"][rung])
    said, recorded = _baseline(entry, ledger, rung, baseline, months)
    found = []
    for horizon in months:
        end = horizon_end(cutoff, horizon)
        came = resolve(outcome, rung, cutoff=cutoff, end=end)
        happened = {HAPPENED: 1.0, HELD: 0.0}.get(came.state, float("nan"))
        found.append(
            ScoredHorizon(
                number=line.sequence,
                case=entry["case"],
                cutoff=entry["cutoff"],
                rung=rung,
                months=horizon,
                end=end,
                state=came.state,
                is_due=came.is_due,
                why=came.why,
                forecast=_told(happened, entry["breakdown"][rung][str(horizon)]["mean"]),
                baseline=_told(happened, said[horizon]),
                baseline_is_recorded=horizon in recorded,
                passed=entry["verdict"]["ok"],
            )
        )
    return found


def _told(happened: float, probability: float) -> Told:
    from durability.scores import brier, logarithmic

    return Told(
        probability=probability,
        brier=float(brier(happened, probability)),
        logarithmic=float(logarithmic(happened, probability)),
    )


def _baseline(
    entry: Mapping[str, Any], ledger: Path, rung: str, baseline: str, months: Sequence[int]
) -> tuple[dict[int, float], set[int]]:
    """Give a baseline's chance at each horizon, and for which horizons the ledger has it."""
    told = entry.get("baselines", {}).get(baseline, {}) if rung == "breakdown" else {}
    recorded = {int(horizon): float(chance["mean"]) for horizon, chance in told.items()}
    kept = {horizon: recorded[horizon] for horizon in months if horizon in recorded}
    if set(kept) == set(months):
        return kept, set(kept)
    from durability.sensitivity import baseline_incidences

    inputs = read_inputs(
        store_of(ledger), entry["inputs"], case=entry["case"], priors=entry["prior_set"]["name"]
    )
    data, _ = assembled_again(inputs, dt.date.fromisoformat(entry["cutoff"]))
    found = baseline_incidences(data, months=max(months), seed=entry["seed"])[baseline][rung]
    again = {horizon: float(found[:, horizon - 1].mean()) for horizon in months}
    return {**again, **kept}, set(kept)
