"""Forecasts: what the draws say, as numbers with intervals, Monte Carlo errors and a verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from durability import checks, history
from durability.assembly import ModelData, assemble
from durability.calendar import add_months, month_label
from durability.cases import Case
from durability.changes import changes_between
from durability.contributions import contributions_of
from durability.errors import InputError, Problem
from durability.identity import identity, knowledge
from durability.inference import Fit, Settings, build
from durability.judged_fits import JudgedFit, fit_and_judge, horizons_to, judge_fit
from durability.life_cycle import STATES
from durability.particles import Particles, keep, particles_of, read_particles
from durability.power_scaling import kept_power_scaling
from durability.prior_sets import Prior, PriorSet, implied_quantiles
from durability.progress import NullProgress, Progress, timed_stage
from durability.prospects import prospects
from durability.retries import TRIES
from durability.rivals import kept_rivals
from durability.scenario_records import watched_record
from durability.sensitivity import baseline_rows, known_sensitivities, run_sensitivities
from durability.simulation import Future, has_ended, unseen
from durability.summaries import INTERVAL, TAILS, chance, curve, interval
from durability.updating import compare, revise
from durability.vocabulary import DRIVERS, MARKS, RUNGS, STREAMS
from durability.watching import watch
from durability.weighing import Base, prepare
from durability.wording import number

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

SKILL_LIMIT = (
    "In backtests on history, each conflict left out in turn, the default prior set's forecast of "
    "breakdown is not distinguishable from its coders' ratings alone, and without those ratings "
    "from climatology: some thirty conflicts cannot show more (docs/backtests.md)."
)
"""What the record of the model does not show; a test holds it to the rows of the backtest."""

DECOMPOSED_MONTHS = 24
"""Horizon at which the drivers' shares of the probability are taken, where it is reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """A forecast of a case at a cutoff.

    Parameters
    ----------
    record : dict
        What stands in ``forecast.json`` (``durability/data/forecast.schema.json``).
    tree : DataTree
        ArviZ groups ``posterior``, ``prior``, ``posterior_predictive``, ``log_likelihood``,
        ``sample_stats``, ``observed_data`` and ``constant_data``.
    """

    record: dict[str, Any]
    tree: xr.DataTree


def run(
    case: Case,
    *,
    cutoff: date | None = None,
    horizon_months: int = 60,
    priors: PriorSet,
    model: str = "breakdown",
    seed: int = 1,
    draws: int = 1500,
    tune: int = 600,
    chains: int = 4,
    refit: bool = False,
    tries: int = TRIES,
    sensitivities: bool = True,
    since: str = "",
    progress: Progress | None = None,
) -> Forecast:
    """Assemble, fit and forecast in one call.

    Parameters
    ----------
    case : Case
    cutoff : date, optional
        The case's ``covered_until`` if not given.
    horizon_months : int
        Months after the cutoff that the curves cover.
    priors : PriorSet
    model : str
        Name of a model in ``models/``.
    seed, draws, tune, chains, refit
        As :func:`durability.fit` takes them.
    tries : int
        As :func:`durability.retries.tried` takes it.
    sensitivities, since
        As :func:`durability.forecast` takes them.
    progress : Progress, optional
        Told what is going on.

    Returns
    -------
    Forecast

    Raises
    ------
    InputError, SamplingError
        As :func:`durability.assemble` and :func:`durability.fit` raise them.
    """
    progress = NullProgress() if progress is None else progress
    built = build(assemble(case, cutoff=cutoff), priors, model=model)
    _check_months(horizon_months)
    found = fit_and_judge(
        built,
        Settings(draws=draws, tune=tune, chains=chains, seed=seed),
        months=horizon_months,
        tries=tries,
        refit=refit,
        progress=progress,
    )
    return _forecast(found, sensitivities, since, progress)


def forecast(
    fit: Fit,
    *,
    horizon_months: int = 60,
    sensitivities: bool = False,
    since: str = "",
    progress: Progress | None = None,
) -> Forecast:
    """Forecast from a fit.

    Parameters
    ----------
    fit : Fit
    horizon_months : int
        Months after the cutoff that the curves cover, 1 or more.
    sensitivities : bool
        Whether to refit under each named alternative, with short chains. Otherwise those that the
        cache holds are told, or none.
    since : str
        Key of the fit of an earlier forecast of the case (``fit`` of its record): what has changed
        since is told, part by part, as long as the cache holds that fit.
    progress : Progress, optional
        Told what is going on.

    Returns
    -------
    Forecast

    Raises
    ------
    ValueError
        The horizon is less than a month.
    InputError
        The fit goes on from a revised prior set, which has no history of its own to show.
    """
    _check_months(horizon_months)
    if fit.model.data.after is not None:
        found = f"a fit that goes on from {fit.model.priors.name}"
        allowed = "a report shows history, which that set has absorbed: durability priors continue"
        raise InputError([Problem(where="forecast", found=found, allowed=allowed)])
    progress = NullProgress() if progress is None else progress
    progress.stage("judge")
    return _forecast(judge_fit(fit, months=horizon_months), sensitivities, since, progress)


def _check_months(months: int) -> None:
    if months < 1:
        raise ValueError(f"a horizon of {months} months; 1 or more is allowed")


def _forecast(found: JudgedFit, sensitivities: bool, since: str, progress: Progress) -> Forecast:
    fit = found.fit
    timings = {**fit.timings, "judge": found.seconds}
    other = known_sensitivities(fit)
    # A fit sampled by this process may have been asked for anew; so are its refits.
    if sensitivities and (fit.timings or not other):
        with timed_stage(timings, "sensitivities", progress):
            other = run_sensitivities(fit, progress=progress)
    with timed_stage(timings, "predict", progress):
        made = _predict(found, other, since)
    made.record["timings"] = {stage: round(seconds, 3) for stage, seconds in timings.items()}
    return made


def _predict(found: JudgedFit, other: list[dict[str, Any]], since: str) -> Forecast:
    fit, future, rungs, verdict = found.fit, found.future, found.rungs, found.verdict.to_record()
    horizon_months = future.increments.shape[1]
    particles = particles_of(fit, verdict=verdict, future=future)
    earlier = read_particles(since) if since else None  # which may be of this very fit
    keep(particles)
    prior = checks.prior_draws(fit)
    checked = checks.check(fit, prior)
    record = {
        **identity(
            fit.model.data,
            fit.model.priors,
            fit.settings,
            model=fit.model.name,
            fit=fit.key,
            horizon_months=horizon_months,
        ),
        "verdict": verdict,
        "failed_tries": [each.to_record() for each in found.failed],
        "changes": _changes(fit, particles, earlier),
        **knowledge(fit.model.data),
        "unseen": _unseen(fit, future),
        **_probabilities(fit, rungs, future),
        **prospects(fit, future, horizons_to(horizon_months)),
        "drivers": _driver_paths(fit, future),
        "decomposition": _decomposition(fit, future),
        "contributions": contributions_of(fit),
        "watch": _watched(fit, particles),
        **history.learned(fit, prior),
        "sensitivities": [*other, *baseline_rows(fit)],
        "rivals": kept_rivals(fit, horizons_to(horizon_months)),
        "power_scaling": kept_power_scaling(
            fit, {str(h): rungs["breakdown"][:, h - 1] for h in horizons_to(horizon_months)}
        ),
        "history": history.compare(fit, prior),
        "checks": checked.record,
        **_sources(fit.model.data),
        "assumptions": _assumptions(fit),
        "limits": _limits(fit.model.data),
    }
    return Forecast(record=record, tree=checked.tree)


def to_dataframe(forecast: Forecast) -> pd.DataFrame:
    """Give the probabilities as a table.

    Parameters
    ----------
    forecast : Forecast

    Returns
    -------
    DataFrame
        A row a rung and horizon: ``rung, horizon_months, mean, low, high, interval_probability,
        mcse, verdict_ok``.
    """
    import pandas as pd

    rows = [
        {"rung": rung, "horizon_months": int(months), **estimate}
        for rung, by_horizon in forecast.record["breakdown"].items()
        for months, estimate in by_horizon.items()
    ]
    return pd.DataFrame(rows).assign(verdict_ok=forecast.record["verdict"]["ok"])


def to_xarray(forecast: Forecast) -> xr.Dataset:
    """Give the curves as a dataset.

    Parameters
    ----------
    forecast : Forecast

    Returns
    -------
    Dataset
        ``survival (rung, month, statistic)`` in [0, 1] and ``pressure (driver, path_month,
        statistic)``; statistics are ``mean``, ``low`` and ``high``. Where the case has conditions,
        ``occupancy (stage, month)`` in [0, 1]: the chance that it stands in each stage of its life
        cycle, breakdown last.
    """
    import xarray as xr

    record = forecast.record
    statistics = ["mean", "low", "high"]
    survival = [[record["survival"][rung][s] for s in statistics] for rung in RUNGS]
    pressure = [[record["drivers"][d][s] for s in statistics] for d in DRIVERS]
    variables: dict[str, Any] = {
        "survival": (("rung", "statistic", "month"), survival),
        "pressure": (("driver", "statistic", "path_month"), pressure),
    }
    coords: dict[str, Any] = {
        "rung": list(RUNGS),
        "driver": list(DRIVERS),
        "statistic": statistics,
        "month": record["survival"]["months"],
        "path_month": record["drivers"][DRIVERS[0]]["months"],
    }
    if record["life_cycle"] is not None:
        occupied = record["life_cycle"]["occupancy"]
        variables["occupancy"] = (("stage", "month"), [occupied[state] for state in STATES])
        coords["stage"] = list(STATES)
    return xr.Dataset(variables, coords=coords)


# Parts of the record ------------------------------------------------------------------------


def _changes(fit: Fit, particles: Particles, earlier: Particles | None) -> dict[str, Any] | None:
    """Say what has moved since an earlier forecast; None where its fit is not to be had."""
    data = fit.model.data
    if earlier is None or earlier.case != data.case.name or earlier.cutoff > data.cutoff:
        return None
    if earlier.sources != particles.sources:
        return None
    if earlier.key == fit.key and np.array_equal(earlier.ahead.chances, particles.ahead.chances):
        return None
    before, after = (prepare(each, rows=data.rows) for each in (earlier, particles))
    return changes_between(compare(before, after, data))


def refitted(
    data: ModelData,
    priors: PriorSet,
    *,
    model: str = "breakdown",
    seed: int = 1,
    draws: int = 1500,
    tune: int = 600,
    chains: int = 4,
    tries: int = TRIES,
    progress: Progress | None = None,
) -> Base:
    """Fit, judge and make ready for updates: the ground truth of the ladder.

    Parameters
    ----------
    data : ModelData
    priors : PriorSet
    model : str
        Name of a model in ``models/``.
    seed, draws, tune, chains : int
        As :func:`durability.fit` takes them.
    tries : int
        As :func:`durability.retries.tried` takes it.
    progress : Progress, optional
        Told what is going on.

    Returns
    -------
    Base
        Its particles are kept in the cache.

    Raises
    ------
    InputError
        The data and the prior set do not belong together.
    SamplingError
        The sampler could not start, or its trace is not whole.
    """
    found = fit_and_judge(
        build(data, priors, model=model),
        Settings(draws=draws, tune=tune, chains=chains, seed=seed),
        tries=tries,
        progress=progress,
    )
    verdict = found.verdict.to_record()
    particles = particles_of(found.fit, verdict=verdict, future=found.future)
    keep(particles)
    return prepare(particles, rows=data.rows)


def _watched(fit: Fit, particles: Particles) -> dict[str, Any]:
    """Rank what is to be watched, as `durability watch` does from this fit."""
    data = fit.model.data
    return watched_record(watch(revise(prepare(particles, rows=data.rows), data)))


def _unseen(fit: Fit, future: Future) -> dict[str, Any]:
    if not future.unseen.any():
        return {}
    return {rung: chance(values, fit) for rung, values in unseen(future).items()}


def _probabilities(fit: Fit, rungs: Mapping[str, np.ndarray], future: Future) -> dict[str, Any]:
    months = future.increments.shape[1]
    over = {*future.happened, *(("breakdown",) if has_ended(future.happened) else ())}
    survival = {
        rung: 1.0 - np.pad(values, ((0, 0), (1, 0)), constant_values=float(rung in over))
        for rung, values in rungs.items()
    }
    broken = survival["breakdown"]
    kept = np.cumsum((broken[:, :-1] + broken[:, 1:]) / 2.0, axis=1)
    return {
        "breakdown": {
            rung: {str(h): chance(values[:, h - 1], fit) for h in horizons_to(months)}
            for rung, values in rungs.items()
        },
        "survival": {
            "months": list(range(months + 1)),
            **{rung: curve(values) for rung, values in survival.items()},
        },
        "hazard": {
            "months": list(range(1, months + 1)),
            **{rung: curve(values) for rung, values in _yearly_hazards(future).items()},
        },
        "months_kept": {str(h): chance(kept[:, h - 1], fit) for h in horizons_to(months)},
    }


def _yearly_hazards(future: Future) -> dict[str, np.ndarray]:
    rates = future.increments / future.years[:, None]
    by_name = {stream: rates[..., k] for k, stream in enumerate(STREAMS)}
    rungs = {
        mark: np.asarray(sum(by_name[worse] for worse in MARKS[rank:]))
        for rank, mark in enumerate(MARKS)
    }
    both = by_name["war"] + by_name["abrogation"]
    return {**rungs, "abrogation": by_name["abrogation"], "breakdown": both}


def _driver_paths(fit: Fit, future: Future) -> dict[str, Any]:
    data = fit.model.data
    # The grid's first month only gives the second one a level to change from: it is not shown.
    past = fit.draws_of("pressure")[:, 1:]
    labels = list(data.coords["month"][1:])
    ahead = [month_label(add_months(data.cutoff, i + 1)) for i in range(future.pressure.shape[1])]
    whole = np.concatenate([past, future.pressure], axis=1)
    return {
        driver: {
            "months": [*labels, *ahead],
            "observed_months": len(labels),
            **curve(whole[..., d]),
        }
        for d, driver in enumerate(DRIVERS)
    }


def _decomposition(fit: Fit, future: Future) -> dict[str, Any]:
    """How much of the hazard each driver carries.

    On the log scale exact: a driver's share of the log hazard of war in the first month ahead is
    effect times pressure. On the probability scale the Shapley value over the four drivers, each
    either on its path or at history's average, zero.
    """
    effects = fit.draws_of("beta")
    war = effects[:, STREAMS.index("war")] * future.pressure[:, 0]
    months = min(DECOMPOSED_MONTHS, future.increments.shape[1])
    values = _probability_by_subset(effects, future, months)
    shares = shapley(values, len(DRIVERS))
    return {
        "log_hazard": {driver: interval(war[:, d]) for d, driver in enumerate(DRIVERS)},
        "probability": {
            "horizon_months": months,
            "reference": float(values[0].mean()),
            "total": float(values[-1].mean()),
            "drivers": {driver: interval(shares[d]) for d, driver in enumerate(DRIVERS)},
        },
    }


def _probability_by_subset(effects: np.ndarray, future: Future, months: int) -> np.ndarray:
    """Breakdown probability with each subset of drivers on its path: array (subset, draw).

    Subset `s` has driver `d` on its path where bit `d` of `s` is set.
    """
    pulls = future.pressure[:, :months, None, :] * effects[:, None]
    base = np.log(np.maximum(future.increments[:, :months], 1e-300)) - pulls.sum(-1)
    ending = [STREAMS.index("war"), STREAMS.index("abrogation")]
    closed = has_ended(future.happened)
    values = []
    for subset in range(2 ** len(DRIVERS)):
        on = np.array([(subset >> d) & 1 for d in range(len(DRIVERS))], dtype=float)
        hazards = np.exp(base + (pulls * on).sum(-1))[..., ending]
        total = hazards.sum((1, 2))
        values.append(np.ones_like(total) if closed else -np.expm1(-total))
    return np.array(values)


def shapley(values: np.ndarray, players: int) -> np.ndarray:
    """Shapley values from the worth of every subset.

    Parameters
    ----------
    values : ndarray (subset, ...)
        Subset `s` holds player `p` where bit `p` of `s` is set.
    players : int

    Returns
    -------
    ndarray (player, ...)
        They add up to ``values[-1] - values[0]``.
    """
    from math import factorial

    shares = np.zeros((players, *values.shape[1:]))
    for subset in range(2**players):
        size = subset.bit_count()
        for player in range(players):
            if not (subset >> player) & 1:
                weight = factorial(size) * factorial(players - size - 1) / factorial(players)
                shares[player] += weight * (values[subset | 1 << player] - values[subset])
    return shares


def _sources(data: ModelData) -> dict[str, Any]:
    listed = sorted(
        [(item, "") for item in data.used] + list(data.unused), key=lambda pair: pair[0].id
    )
    known = {item.id for item, _ in listed}
    return {
        "news": [
            {
                "id": item.id,
                "date": item.date.isoformat(),
                "date_precision": item.precision,
                "known": item.known.isoformat(),
                "known_assumed": item.known_assumed,
                "driver": item.driver,
                "ratings": dict(item.ratings),
                "salience": item.salience or None,
                "grade": item.grade,
                "event": item.event,
                "actor": item.actor,
                "status": item.status,
                "statement": item.statement,
                "source": item.source,
                "publisher": item.publisher,
                "address": item.address,
                "used": not why_not,
                "why_not": why_not,
            }
            for item, why_not in listed
        ],
        "reconciliations": [
            {
                "item": each.item,
                "field": each.field,
                "coder_a": each.coder_a,
                "coder_b": each.coder_b,
                "chosen": each.chosen,
                "why": each.why,
            }
            for each in data.case.reconciliations
            if each.item in known
        ],
    }


def _assumptions(fit: Fit) -> list[dict[str, Any]]:
    """List what no data here can teach: fixed numbers, and what only conditions draw on."""
    priors, module = fit.model.priors.parameters, fit.model.module
    values: dict[str, Any] = {name: priors[name].values["value"] for name in module.FIXED}
    if fit.model.data.case.conditions:
        values |= {name: _spoken(priors[name]) for name in module.FORWARD}
    return [
        {
            "name": name,
            "value": value,
            "meaning": priors[name].meaning,
            "reason": priors[name].reason,
        }
        for name, value in values.items()
    ]


def _spoken(prior: Prior) -> str:
    """Say a prior by its median and the interval it holds."""
    low, middle, high = implied_quantiles(prior, (TAILS[0], 0.5, TAILS[1]))
    return f"{number(middle, 2)} ({INTERVAL:.0%} within {number(low, 2)} to {number(high, 2)})"


def _limits(data: ModelData) -> list[str]:
    limits = [
        f"{len(data.spells)} agreements teach the hazard, chosen by judgement; famous failures "
        "are remembered better than quiet successes.",
        "Effects are associations in history, not what would follow from changing a driver.",
        "Ratings were made after the events by coders who knew how most stories ended; at an "
        "earlier cutoff the forecast is pseudo-out-of-sample.",
        SKILL_LIMIT,
        "No column measures pressure by third parties, so it is left out.",
        "History replaces each agreement's unknown path of drivers by its expected hazard, which "
        f"slightly understates survival. Intervals hold {INTERVAL:.0%} of the draws.",
        "Force and fatal clashes of history are known to the end of 2014, wars to the end of 2025.",
    ]
    if data.case.conditions:
        limits.append(
            "Conditions are as good as the chances that were elicited for them; nothing here "
            "learns them, and that one is still pending is no evidence about the drivers."
        )
    if any(each.elicited > data.cutoff for each in data.case.conditions):
        limits.append(
            "Some conditions' chances were given after the cutoff, by people who knew what had "
            "happened since: pseudo-out-of-sample."
        )
    if not data.case.standings:
        limits.append(
            "The case has no ratings on history's scale: nothing ties its drivers to history's, "
            "and its intervals are wider for it."
        )
    if data.cutoff < data.case.covered_until:
        limits.append("The cutoff lies before the ratings were made: pseudo-out-of-sample.")
    return limits
