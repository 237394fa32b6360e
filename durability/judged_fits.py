"""Fits with their forecast and their verdict; sampled again, longer, where the verdict is no."""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

import numpy as np

from durability.election_forecast import election_chance, unkept_chance
from durability.inference import Fit, Model, Settings
from durability.progress import NullProgress, Progress
from durability.retries import TRIES, FailedTry, tried
from durability.simulation import Future, incidences, plan_of, simulate
from durability.verdict import Check, Verdict, judge
from durability.vocabulary import HORIZONS_MONTHS


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


def forecast_hash(fit: Fit) -> str:
    """Name a fit and all that its forecast reads beside it: conditions, chances, stage, cutoff.

    Parameters
    ----------
    fit : Fit

    Returns
    -------
    str
        Begins with the fit's key.
    """
    data = fit.model.data
    made = plan_of(data)
    steps = [asdict(each) for each in (*made.steps, *made.past)]
    told = [data.cutoff.isoformat(), made.stage, made.status, made.reference_months, steps]
    text = json.dumps(told, default=np.ndarray.tolist)
    return f"{fit.key}.{hashlib.sha256(text.encode()).hexdigest()[:16]}"


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
    """Fit and judge; where the verdict is no by little, sample again as what failed asks for.

    Parameters
    ----------
    model : Model
    settings : Settings
        Of the first try.
    months : int
        After the cutoff.
    tries : int
        As :func:`durability.retries.tried` takes it.
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
    chance = unkept_chance(model.data)
    if chance:  # first: where it cannot be had, nothing else need be sampled
        election_chance(chance, model.data.case.folder, cutoff=model.data.cutoff, progress=progress)
    seconds: Counter[str] = Counter()

    def judged(made: Fit) -> JudgedFit:
        seconds.update(made.timings)
        progress.stage("judge")
        return judge_fit(replace(made, timings=dict(seconds)), months=months)

    found, failed = tried(model, settings, judged, tries=tries, refit=refit, progress=progress)
    return replace(found, failed=failed)


def _not_numbers(named: Mapping[str, np.ndarray]) -> tuple[Check, ...]:
    """Fail chances that are no numbers, which no diagnostic can tell from constants."""
    counts = {name: int((~np.isfinite(values)).sum()) for name, values in named.items()}
    worst = max(counts, key=lambda name: counts[name])
    if not counts[worst]:
        return ()
    name = "draws whose forecast is no number"
    return (Check(name=name, value=float(counts[worst]), limit=0.0, ok=False, worst=worst),)
