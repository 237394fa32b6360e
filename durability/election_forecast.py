"""An election as of a cutoff: draws of votes and seats, and the chances that they carry.

Before the result is known a fit of ``models/election.py`` is sampled, or read from the cache; from
each draw the vote is simulated several times and turned into seats. Once it is known the result
stands in: every chance is 0 or 1, and nothing is sampled.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from durability import cache
from durability.catalogue import (
    draws_from,
    find_model,
    library_hash,
    models_hash,
    parameters_of,
    seat_arithmetic,
)
from durability.conditions import ELECTION
from durability.election_data import REMAINDER, ElectionData, assemble_election
from durability.election_settings import RESULTS_FILE, Election, read_election
from durability.elections import Result
from durability.errors import InputError, Problem, Problems, SamplingError, one_of, quoted
from durability.inference import Fit, Model, Settings
from durability.prior_sets import PriorSet, check_parameters, read_priors
from durability.progress import Progress
from durability.retries import TRIES, FailedTry, tried
from durability.steps import statuses
from durability.summaries import INTERVAL, chance
from durability.verdict import Verdict, judge

if TYPE_CHECKING:
    from durability.assembly import ModelData

MODEL: Final = "election"
CHANCES: Final = ("government", "majority", "three_fifths", "two_thirds")
"""What has a chance: a government of lists for the agreement; their majority of seats; three
fifths, and two thirds, of lists for the change of the constitution."""

FUTURES: Final = 25
"""Votes simulated from each draw."""

TARGET_ACCEPT: Final = 0.97
"""Nearer 1 than other models': at 0.9 a transition in a thousand diverged."""

TRIES_MOST: Final = 4
"""Times that a chance is sampled for while its checks fail by little: no one is there to ask."""

ANY: Final = -1
"""In the place of a seed: the last fit that passed, with whatever seed and settings."""

_TAILS: Final = ((1.0 - INTERVAL) / 2.0, 0.5, (1.0 + INTERVAL) / 2.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ElectionForecast:
    """Votes, seats and chances as of a cutoff.

    Parameters
    ----------
    election : Election
    cutoff : datetime.date
    lists : tuple of str
        Keys; the last is the remainder where the result is not known.
    shares : ndarray (draw, future, list)
        Of valid ballots, in [0, 1]; the remainder's lists together.
    seats : ndarray of int (draw, future, list)
    total : ndarray of int (draw, future)
        Seats of the whole house.
    outcomes : mapping of str to ndarray of bool (draw, future)
        By :data:`CHANCES`.
    data : ElectionData
    fit : Fit or None
        None where the result is known.
    verdict : Verdict
        Of a result: no checks, and well.
    chances : mapping of str to mapping
        ``mean, low, high, interval_probability, mcse``: the interval is of the chance that a draw
        gives, over draws.
    failed : tuple of FailedTry
        Shorter fits that failed their checks before, in order.
    """

    election: Election
    cutoff: dt.date
    lists: tuple[str, ...]
    shares: np.ndarray
    seats: np.ndarray
    total: np.ndarray
    outcomes: Mapping[str, np.ndarray]
    data: ElectionData
    fit: Fit | None
    verdict: Verdict
    chances: Mapping[str, Mapping[str, float]]
    failed: tuple[FailedTry, ...] = ()

    @property
    def is_known(self) -> bool:
        """Whether the result was known at the cutoff."""
        return self.fit is None

    @property
    def government(self) -> np.ndarray:
        """Whether a government for the agreement forms, 0 or 1: (draw,), one future a draw."""
        return np.asarray(self.outcomes["government"][:, 0].astype(int))

    @property
    def two_thirds(self) -> np.ndarray:
        """Whether lists for the change hold two thirds, 0 or 1: (draw,), one future a draw."""
        return np.asarray(self.outcomes["two_thirds"][:, 0].astype(int))

    def to_record(self) -> dict[str, Any]:
        """Give all that the screen shows, ready for JSON."""
        return _record(self)


def election_chances(
    case: str | Path | Election,
    *,
    cutoff: dt.date,
    priors: str | Path | PriorSet = MODEL,
    seed: int = 1,
    draws: int = 1500,
    tune: int = 700,
    chains: int = 4,
    refit: bool = False,
    tries: int = TRIES,
    progress: Progress | None = None,
) -> ElectionForecast:
    """Forecast the election of a case, with what was known at a cutoff.

    Parameters
    ----------
    case : str, Path or Election
        Name or folder of a case, or its election.
    cutoff : datetime.date
        Polls published later do not enter, nor does a result known later.
    priors : str, Path or PriorSet
        Of the model of votes.
    seed : int
        The same seed and input give the same forecast.
    draws, tune, chains : int
        Draws kept of each chain, warm-up draws of each chain, chains.
    refit : bool
        Sample even where the fit is cached.
    tries : int
        As :func:`durability.retries.tried` takes it.
    progress : Progress, optional
        Told what is going on.

    Returns
    -------
    ElectionForecast

    Raises
    ------
    InputError
        The files are wrong, the prior set does not fit, or the result leaves the government open.
    SamplingError
        The sampler could not start, or its trace is not whole.
    """
    election = case if isinstance(case, Election) else read_election(case)
    data = assemble_election(election, cutoff=cutoff)
    result = election.result_at(cutoff)
    if result is not None:
        return _known(data, result)
    chosen = _priors(priors)
    model = Model(name=MODEL, data=cast("ModelData", data), priors=chosen)
    settings = Settings(
        draws=draws, tune=tune, chains=chains, seed=seed, target_accept=TARGET_ACCEPT
    )

    def judged(made: Fit) -> ElectionForecast:
        return forecast_votes(data, made, seed=seed)

    found, failed = tried(model, settings, judged, tries=tries, refit=refit, progress=progress)
    if found.verdict.ok:
        cache.write_json(_chance_key(data, chosen, ANY), _means(found))
    return replace(found, failed=failed)


def election_chance(
    name: str,
    case: str | Path | Election,
    *,
    cutoff: dt.date,
    priors: str | Path | PriorSet = MODEL,
    seed: int = 1,
    progress: Progress | None = None,
) -> float:
    """Give one chance of an election, by name; kept on the disk, and at once where it is known.

    Parameters
    ----------
    name : str
        One of ``government, majority, three_fifths, two_thirds``.
    case : str, Path or Election
    cutoff : datetime.date
    priors : str, Path or PriorSet
    seed : int
    progress : Progress, optional

    Returns
    -------
    float
        In [0, 1]; 0 or 1 where the result was known at the cutoff.

    Raises
    ------
    InputError
        There is no chance of that name, or as for :func:`election_chances`.
    SamplingError
        The fit's diagnostics failed, and no other fit to these polls is kept that passed: a chance
        that may not be used is not given.
    """
    if name not in CHANCES:
        found = f"there is no chance {quoted(name)} of an election"
        raise InputError([Problem(where="election", found=found, allowed=one_of(CHANCES, name))])
    election = case if isinstance(case, Election) else read_election(case)
    if election.result_at(cutoff) is not None:
        return float(election_chances(election, cutoff=cutoff).chances[name]["mean"])
    chosen = _priors(priors)
    data = assemble_election(election, cutoff=cutoff)
    key = _chance_key(data, chosen, seed)
    stored = _kept(key)
    if stored is None:
        made = election_chances(
            election, cutoff=cutoff, priors=chosen, seed=seed, tries=TRIES_MOST, progress=progress
        )
        # Where it fails all the same, another fit to the same polls may have passed.
        stored = _means(made) if made.verdict.ok else _kept(_chance_key(data, chosen, ANY))
        if stored is None:
            raise _refused(made)
        cache.write_json(key, stored)
    return float(stored[name])


def unkept_chance(data: ModelData) -> str:
    """Name a chance that a case waits for and :func:`election_chance` would have to sample.

    Parameters
    ----------
    data : ModelData
        Of the case, at its cutoff.

    Returns
    -------
    str
        Empty where there is none.
    """
    case, cutoff = data.case, data.cutoff
    status = statuses(case.conditions, cutoff)
    waiting = [each.chance_from for each in case.conditions if status[each.name] == "pending"]
    names = [name.removeprefix(ELECTION) for name in waiting if name.startswith(ELECTION)]
    if not names:
        return ""
    election = read_election(case.folder)
    if election.result_at(cutoff) is not None:
        return ""
    polled = assemble_election(election, cutoff=cutoff)
    return "" if _kept(_chance_key(polled, _priors(MODEL), 1)) else names[0]


def forecast_votes(data: ElectionData, made: Fit, *, seed: int) -> ElectionForecast:
    """Simulate the vote from every draw of a fit, and count seats.

    Parameters
    ----------
    data : ElectionData
        What the fit was made of.
    made : Fit
    seed : int
        Of the simulation.

    Returns
    -------
    ElectionForecast
    """
    election, priors = data.election, made.model.priors.parameters
    rng = np.random.default_rng([seed, 7])
    shares, base = find_model(MODEL).votes(
        made.theta(),
        made.model.arrays,
        priors,
        weeks=data.weeks_left,
        pieces=election.unformed_lists,
        futures=FUTURES,
        rng=rng,
    )
    keys = (*data.lists[:-1], *[REMAINDER] * election.unformed_lists)
    arithmetic = seat_arithmetic()
    allocated = arithmetic.allocate(
        shares, base, _thresholds(election, keys), _seat_rule(election, election.id)
    )
    seats, total = allocated.seats, allocated.total
    outcomes = _outcomes(election, keys, seats, total)
    outcomes["government"] = _government(
        election, keys, shares, seats, total, priors=priors, rng=rng
    )
    rates = {name: outcomes[name].mean(axis=1) for name in CHANCES}
    by_chain = {n: r.reshape((made.settings.chains, -1)) for n, r in rates.items()}
    named = len(data.lists) - 1
    return ElectionForecast(
        election=election,
        cutoff=data.cutoff,
        lists=data.lists,
        shares=_together(shares, named),
        seats=_together(seats, named),
        total=total,
        outcomes=outcomes,
        data=data,
        fit=made,
        verdict=judge(made.tree, by_chain),
        chances={name: chance(rate, made) for name, rate in rates.items()},
    )


def seats_of_result(election: Election, result: Result) -> Mapping[str, int]:
    """Count the seats of a result by the law of its day, from its votes.

    Parameters
    ----------
    election : Election
        Holds the rule.
    result : Result

    Returns
    -------
    mapping of str to int
        By key of the list, in the order of the file; lists without votes are left out.

    Raises
    ------
    InputError
        No list has votes, what thresholds are percent of is not told, a list's kind has no
        threshold, or the election has no rule.
    """
    rule = _seat_rule(election, result.id)
    path, base, problems = election.folder / RESULTS_FILE, result.legal_base, Problems()
    lists = [each for each in result.lists.values() if each.votes is not None]
    if base is None or not any(each.votes for each in lists):
        where = f"{path} line {next(iter(result.lists.values())).line}"
        allowed = "seats need the votes of its lists, and its ballots and invalid ones or a share"
        problems.add(where, f"{result.id} has too little to count seats from", allowed)
    for each in lists:
        if each.kind not in rule.thresholds:
            allowed = f"{one_of(tuple(rule.thresholds), each.kind)}, as the thresholds have it"
            problems.add(f"{path} line {each.line}, kind", quoted(each.kind), allowed)
    problems.raise_any()
    thresholds = [rule.thresholds[each.kind] for each in lists]
    made = seat_arithmetic().allocate(
        [float(each.votes or 0) for each in lists], base, thresholds, rule
    )
    return {each.key: int(n) for each, n in zip(lists, made.seats, strict=True)}


# Parts --------------------------------------------------------------------------------------


def _known(data: ElectionData, result: Result) -> ElectionForecast:
    """Let the result stand in: one draw, one future, certain."""
    election = data.election
    keys = tuple(result.lists)
    held = _held(election, result)
    seats = np.array([[held]])
    total = np.array([[result.seats_total or sum(held)]])
    outcomes = _outcomes(election, keys, seats, total)
    outcomes["government"] = np.array([[_formed(election, keys, seats[0, 0], int(total[0, 0]))]])
    certain = {
        name: {
            **dict.fromkeys(("mean", "low", "high"), float(outcomes[name][0, 0])),
            "interval_probability": INTERVAL,
            "mcse": 0.0,
        }
        for name in CHANCES
    }
    return ElectionForecast(
        election=election,
        cutoff=data.cutoff,
        lists=keys,
        shares=np.array([[[each.share for each in result.lists.values()]]]),
        seats=seats,
        total=total,
        outcomes=outcomes,
        data=data,
        fit=None,
        verdict=Verdict(checks=()),
        chances=certain,
    )


def _held(election: Election, result: Result) -> list[int]:
    """Give the seats of every list; where the file lacks some, as the law counts them from votes.

    Where those that it has make up the whole house, the others hold none.
    """
    lists, problems = list(result.lists.values()), Problems()
    path = election.folder / RESULTS_FILE
    told = sum(each.seats or 0 for each in lists)
    lacking = [each for each in lists if each.seats is None]
    if told and (not lacking or told == result.seats_total):
        return [each.seats or 0 for each in lists]
    if not lacking:
        where = f"{path} line {lists[0].line}, seats"
        problems.add(where, f"no list of {result.id} has a seat", "tell them, or leave all empty")
    elif any(each.votes is None for each in lists):
        allowed = "tell the seats of every list, or the votes of every list to count them from"
        for each in lacking:
            problems.add(f"{path} line {each.line}, seats", "empty", allowed)
    problems.raise_any()
    counted = seats_of_result(election, result)
    for each in lists:
        if each.seats not in (None, counted[each.key]):
            allowed = f"the law gives {counted[each.key]} from the votes; tell the seats of all"
            problems.add(f"{path} line {each.line}, seats", quoted(each.seats), allowed)
    total = sum(counted.values())
    if result.seats_total not in (None, total):
        where = f"{path} line {lists[0].line}, seats_total"
        allowed = f"the law gives a house of {total} from the votes; tell the seats of all"
        problems.add(where, quoted(result.seats_total), allowed)
    problems.raise_any()
    return list(counted.values())


def _formed(election: Election, keys: Sequence[str], seats: np.ndarray, total: int) -> bool:
    """Which government a result gives: that of a majority, else what the file says of it."""
    if 2 * seats[_standing(election, keys, "agreement", "for")].sum() > total:
        return True
    if 2 * seats[_standing(election, keys, "agreement", "against")].sum() > total:
        return False
    if election.government is None:
        where = str(election.folder / "election.toml")
        found = "the result leaves the government open"
        allowed = 'say which formed: [election] government = "for" or "against"'
        raise InputError([Problem(where=where, found=found, allowed=allowed)])
    return election.government == "for"


def _outcomes(
    election: Election, keys: Sequence[str], seats: np.ndarray, total: np.ndarray
) -> dict[str, np.ndarray]:
    """What follows from seats alone: arrays (draw, future)."""
    arithmetic = seat_arithmetic()
    agreed = seats[..., _standing(election, keys, "agreement", "for")].sum(-1)
    change = seats[..., _standing(election, keys, "constitution", "for")].sum(-1)
    return {
        "majority": arithmetic.holds_majority(agreed, total),
        "three_fifths": arithmetic.holds_three_fifths(change, total),
        "two_thirds": arithmetic.holds_two_thirds(change, total),
    }


def _government(
    election: Election,
    keys: Sequence[str],
    shares: np.ndarray,
    seats: np.ndarray,
    total: np.ndarray,
    *,
    priors: Mapping[str, Any],
    rng: np.random.Generator,
) -> np.ndarray:
    """Whether lists for the agreement govern: by majority, else after a second round.

    Lists against it that hold a majority may form a government first. The second round is between
    the two first lists; the others' votes go to the list for the agreement with a share of its own.
    """
    favours = _standing(election, keys, "agreement", "for")
    opposes = _standing(election, keys, "agreement", "against")
    arithmetic = seat_arithmetic()
    majority = arithmetic.holds_majority(seats[..., favours].sum(-1), total)
    against = arithmetic.holds_majority(seats[..., opposes].sum(-1), total)
    lead = total.shape
    forms = rng.random(lead) < draws_from(priors["coalition"], rng, lead)
    transfer = draws_from(priors["transfer"], rng, lead)
    first, second = np.moveaxis(np.argsort(-shares, axis=-1, kind="stable")[..., :2], -1, 0)
    top = [np.take_along_axis(shares, i[..., None], -1)[..., 0] for i in (first, second)]
    rest = shares.sum(-1) - top[0] - top[1]
    kind = np.array([int(f) for f in favours])
    for_first, for_second = kind[first], kind[second]
    gain = np.where(for_first == 1, top[0] - top[1], top[1] - top[0]) + (2 * transfer - 1.0) * rest
    runoff = np.where(for_first == for_second, for_first == 1, gain > 0.0)
    return np.asarray(majority | (runoff & ~(against & forms)))


def _standing(election: Election, keys: Sequence[str], toward: str, stance: str) -> np.ndarray:
    """Which lists take a stance; one that the file does not name is unknown."""
    found = [
        key in election.contenders and getattr(election.contenders[key], toward) == stance
        for key in keys
    ]
    return np.array(found, dtype=bool)


def _thresholds(election: Election, keys: Sequence[str]) -> list[float]:
    """Thresholds by the kind of each list; one that the file does not name counts as a party."""
    rule = election.rules[election.id]
    kinds = [
        election.contenders[key].kind if key in election.contenders else "party" for key in keys
    ]
    return [rule.thresholds[kind] for kind in kinds]


def _seat_rule(election: Election, of: str) -> Any:
    rule = election.rules.get(of)
    if rule is None:
        where = str(election.folder / "election.toml")
        allowed = one_of(tuple(election.rules), of)
        raise InputError(
            [Problem(where=where, found=f"no [[rule]] of {quoted(of)}", allowed=allowed)]
        )
    return seat_arithmetic().SeatRule(
        base_seats=rule.base_seats,
        minority_seats=rule.minority_seats,
        thresholds=rule.thresholds,
        minimum_lists=rule.minimum_lists,
        bonus=rule.bonus,
    )


def _together(values: np.ndarray, named: int) -> np.ndarray:
    """Lists followed by name, and the remainder's lists as one."""
    rest = values[..., named:].sum(-1, keepdims=True)
    return np.concatenate([values[..., :named], rest], axis=-1)


def _priors(priors: str | Path | PriorSet) -> PriorSet:
    expected = parameters_of(MODEL)
    if isinstance(priors, PriorSet):
        check_parameters(priors, expected)
        return priors
    return read_priors(priors, expected=expected)


def _kept(key: str) -> dict[str, float] | None:
    """Read chances from the cache; None where there are none that can be read."""
    stored = cache.read_json(key)
    whole = isinstance(stored, dict) and set(stored) == set(CHANCES)
    return stored if whole else None


def _means(made: ElectionForecast) -> dict[str, float]:
    return {each: made.chances[each]["mean"] for each in CHANCES}


def _refused(made: ElectionForecast) -> SamplingError:
    case, seed = made.election.folder.name, made.fit.settings.seed if made.fit else 1
    return SamplingError(
        f"the polls as of {made.cutoff} gave draws that may not be used: "
        f"{'; '.join(made.verdict.reasons)}. Sample them otherwise until they pass; what passes is "
        f"taken: durability election {case} --cutoff {made.cutoff} --seed {seed + 1}"
    )


def _chance_key(data: ElectionData, priors: PriorSet, seed: int) -> str:
    """Hash of all that decides the chances: what entered, the law, stances, priors, code, seed."""
    election = data.election
    said = [
        *(data.hash(), priors.hash, models_hash(), library_hash(), seed, data.weeks_left),
        *(repr(election.rules[election.id]), election.unformed_lists),
        *(f"{c.key}={c.kind},{c.agreement},{c.constitution}" for c in election.contenders.values()),
    ]
    return "election-" + hashlib.sha256(json.dumps(said, default=str).encode()).hexdigest()


def _record(made: ElectionForecast) -> dict[str, Any]:
    names = {key: each.name for key, each in made.election.contenders.items()}
    result = made.election.result_at(made.cutoff)
    if result is not None:
        names |= {key: each.name for key, each in result.lists.items()}
    lists = [
        {
            "list": key,
            "name": names.get(key, key),
            "share": _spread(made.shares[..., i]),
            "seats": _spread(made.seats[..., i]),
        }
        for i, key in enumerate(made.lists)
    ]
    return {
        "format": 1,
        "election": {
            "id": made.election.id,
            "title": made.election.title,
            "date": str(made.election.date),
        },
        "cutoff": str(made.cutoff),
        "result_known": made.is_known,
        "polls_known": [poll.id for poll in made.data.polls],
        "left_out": [{"poll": poll.id, "why": why} for poll, why in made.data.left_out],
        "past_polls": [poll.id for poll in made.data.misses],
        "lists": lists,
        "house": _spread(made.total),
        "chances": {name: dict(values) for name, values in made.chances.items()},
        "verdict": made.verdict.to_record(),
        "failed_tries": [each.to_record() for each in made.failed],
        **_made_with(made),
    }


def _made_with(made: ElectionForecast) -> dict[str, Any]:
    if made.fit is None:
        return {"fit": None}
    settings = made.fit.settings
    return {
        "fit": made.fit.key,
        "priors": {"name": made.fit.model.priors.name, "hash": made.fit.model.priors.hash},
        "data": made.data.hash(),
        "seed": settings.seed,
        "settings": {"draws": settings.draws, "tune": settings.tune, "chains": settings.chains},
    }


def _spread(values: np.ndarray) -> dict[str, float]:
    low, median, high = (float(q) for q in np.quantile(values, _TAILS))
    return {"median": median, "low": low, "high": high, "mean": float(np.mean(values))}
