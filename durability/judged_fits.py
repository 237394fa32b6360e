"""Fits with their forecast and their verdict; sampled again, longer, where the verdict is no.

Honest chains fail a check now and then: the largest R-hat of some hundred parameters, of which a
few mix slowly, exceeds its limit in about one fit of the shipped case in five. Twice the draws then
settle whether it was chance. What they cannot mend (divergences, chains far apart, far too few
draws) is told at once.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import numpy as np

from durability import inference
from durability.inference import Fit, Model, Settings
from durability.progress import NullProgress, Progress
from durability.simulation import Future, incidences, simulate
from durability.verdict import Check, Verdict, judge
from durability.vocabulary import HORIZONS_MONTHS

TRIES: Final = 2
"""Times that a model is sampled at most, each with twice the draws, while its verdict is no."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedTry:
    """A fit that failed its checks and was sampled again.

    Parameters
    ----------
    draws, tune : int
        Of each chain.
    reasons : tuple of str
        What failed, in words.
    """

    draws: int
    tune: int
    reasons: tuple[str, ...]

    def to_record(self) -> dict[str, Any]:
        """Give the try as it stands in ``forecast.json``."""
        return {**asdict(self), "reasons": list(self.reasons)}


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedFit:
    """A fit, what it forecasts, and whether it may be used.

    Parameters
    ----------
    fit : Fit
    future : Future
    rungs : mapping of str to ndarray (draw, month)
        Chance of each rung by each month along every draw's path.
    verdict : Verdict
        On the draws and on the chances.
    failed : tuple of FailedTry
        Shorter fits of the same model that failed before, in order.
    seconds : float
        That judging took.
    """

    fit: Fit
    future: Future
    rungs: Mapping[str, np.ndarray]
    verdict: Verdict
    failed: tuple[FailedTry, ...]
    seconds: float


def horizons_to(months: int) -> list[int]:
    """Give the horizons that a forecast over so many months tells, the last of them included."""
    return [*(h for h in HORIZONS_MONTHS if h < months), months]


def judge_fit(fit: Fit, *, months: int = max(HORIZONS_MONTHS)) -> JudgedFit:
    """Forecast from a fit, and judge both.

    Parameters
    ----------
    fit : Fit
    months : int
        After the cutoff.

    Returns
    -------
    JudgedFit
    """
    began = time.monotonic()
    future = simulate(fit, months=months, seed=fit.settings.seed)
    rungs = incidences(future.increments, future.happened)
    shape = (fit.settings.chains, fit.settings.draws)
    named = {
        f"{rung}[{horizon}]": values[:, horizon - 1].reshape(shape)
        for rung, values in rungs.items()
        for horizon in horizons_to(months)
    }
    verdict = judge(fit.tree, named)
    verdict = Verdict(checks=(*verdict.checks, *_not_numbers(named)))
    seconds = time.monotonic() - began
    return JudgedFit(
        fit=fit, future=future, rungs=rungs, verdict=verdict, failed=(), seconds=seconds
    )


def fit_and_judge(
    model: Model,
    settings: Settings,
    *,
    months: int = max(HORIZONS_MONTHS),
    tries: int = TRIES,
    refit: bool = False,
    progress: Progress | None = None,
) -> JudgedFit:
    """Fit and judge; where the verdict is no by little, sample again with twice the draws.

    Parameters
    ----------
    model : Model
    settings : Settings
        Of the first try.
    months : int
        After the cutoff.
    tries : int
        At most, 1 or more; there is another only where it may help (:func:`may_pass`).
    refit : bool
        Sample again even where a fit is cached.
    progress : Progress, optional
        Told what is going on.

    Returns
    -------
    JudgedFit
        Of the first try that passed, else of the last.

    Raises
    ------
    SamplingError
        The sampler could not start, or a trace is not whole.
    """
    progress = NullProgress() if progress is None else progress
    failed: list[FailedTry] = []
    seconds: Counter[str] = Counter()
    while True:
        made = inference.fit(
            model,
            draws=settings.draws,
            tune=settings.tune,
            chains=settings.chains,
            seed=settings.seed,
            target_accept=settings.target_accept,
            refit=refit,
            progress=progress,
        )
        seconds.update(made.timings)
        progress.stage("judge")
        found = judge_fit(replace(made, timings=dict(seconds)), months=months)
        if len(failed) + 1 >= tries or not may_pass(found.verdict):
            return replace(found, failed=tuple(failed))
        reasons = found.verdict.reasons
        failed.append(FailedTry(draws=settings.draws, tune=settings.tune, reasons=reasons))
        settings = longer(settings)
        progress.stage(f"Once more with {settings.draws} draws a chain, since {reasons[0]}")


def _not_numbers(named: Mapping[str, np.ndarray]) -> tuple[Check, ...]:
    """Fail chances that are no numbers, which no diagnostic can tell from constants."""
    counts = {name: int((~np.isfinite(values)).sum()) for name, values in named.items()}
    worst = max(counts, key=lambda name: counts[name])
    if not counts[worst]:
        return ()
    name = "draws whose forecast is no number"
    return (Check(name=name, value=float(counts[worst]), limit=0.0, ok=False, worst=worst),)


def may_pass(verdict: Verdict) -> bool:
    """Whether something failed, and nothing that twice the draws would leave as it is.

    Parameters
    ----------
    verdict : Verdict

    Returns
    -------
    bool
        So if every failed check is an R-hat less than twice as far above 1 as its limit, or more
        than half of the effective draws that are wanted.
    """
    wrong = [check for check in verdict.checks if not check.ok]
    return bool(wrong) and all(_mends(check) for check in wrong)


def _mends(check: Check) -> bool:
    """Whether twice the draws may mend a check: errors of R-hat fall as draws grow."""
    if check.name.startswith("R-hat"):
        return check.value - 1.0 < 2.0 * (check.limit - 1.0)
    return "ESS" in check.name and check.value > 0.5 * check.limit


def longer(settings: Settings) -> Settings:
    """Give the settings of the next try: twice the draws, and twice the warm-up.

    Parameters
    ----------
    settings : Settings

    Returns
    -------
    Settings
    """
    return replace(settings, draws=2 * settings.draws, tune=2 * settings.tune)
