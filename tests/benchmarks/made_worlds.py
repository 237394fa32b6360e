"""Small whole worlds, simulated from a prior set by formulas written anew.

A world is one draw of everything that the model of breakdown believes, and of everything that it
conditions on: the outcomes of history's agreements, all coders' ratings, news with its errors and
noise, counts, and what became of the case. Of the library the simulation takes the layout (which
reading is of what) and the numbers of the prior set. The correlation, the paths of the drivers, the
hazards, the clocks that strike and the chances ahead are computed here, in other ways than in
``models/``, so that a mistake there has no twin here.

What is random is written into agreements, news and cases with dates, and goes through
:func:`durability.assembly.assemble` like any other.

Three kinds of world are drawn again, whole: those whose case had broken down (nobody follows it),
those with shots so close together that history's rules would join them to one event, and those in
which two agreements tell the same day, so that their rows would share weight. All three depend on
the data alone, so given what is left, truth and posterior draws are still exchangeable. What the
joining and the sharing do is therefore *not* calibrated here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

from durability.agreements import Agreement, AgreementRating, DayRange, read_agreements
from durability.assembly import ModelData, assemble
from durability.calendar import add_months
from durability.cases import Case, Happened, Standing, read_case
from durability.catalogue import find_model
from durability.indicators import IndicatorWindow
from durability.ladder import CONFRONTATION_DAYS
from durability.news import NewsItem
from durability.prior_sets import PriorSet
from durability.vocabulary import DAYS_PER_YEAR, DRIVERS, RATING_MIN, RUNGS, STREAMS

FORCE, FATAL, WAR, ABROGATION = range(4)
AGREEMENTS, EVENTS = 16, 16
GRID, DEAL, CLOCK = date(2024, 11, 1), date(2025, 1, 15), date(2024, 6, 20)
CUTOFF = date(2025, 12, 31)
WATCHED_TO = {
    **dict.fromkeys(("force", "fatal"), date(2025, 10, 20)),
    **dict.fromkeys(("war", "abrogation"), CUTOFF),
}
AHEAD_MONTHS = 60
DRAWN_AGAIN_MOST = 2000

Arrays = dict[str, np.ndarray]


# ---- what is fixed --------------------------------------------------------------------------


@cache
def design_rows() -> tuple[Agreement, ...]:
    """Make up agreements in families of four and pairs of two, their covariates mixed.

    The fourth of each family begins on the day of the third, and two belong to states that end.
    """
    rng = np.random.default_rng(20261123)
    template = next(row for row in read_agreements() if row.set == "core")
    none = {"first_force": None, "first_fatal": None, "first_war": None, "abrogated": None}
    rows = []
    for i in range(AGREEMENTS):
        begun = date(1952, 3, 1) + timedelta(days=1130 * (i - (i % 4 == 3)))
        coders = ("a", "b", "c") if i % 3 == 0 else ("a", "b")
        rows.append(
            replace(
                template,
                **none,
                id=f"W{i:02d}",
                dyad=f"D{i // 4}{i % 2}",
                cluster=f"C{i // 4}",
                war=f"COW{i}",
                start=begun,
                state_end=begun + timedelta(days=5100) if i in (5, 12) else None,
                first_force_residual=None,
                first_force_new=None,
                first_fatal_residual=None,
                first_fatal_new=None,
                abrogation_ended=None,
                contiguous=bool(rng.random() < 0.6),
                war_outcome="decisive" if rng.random() < 0.4 else "tie",
                third_party=bool(rng.random() < 0.5),
                territorial_unresolved=bool(rng.random() < 0.5),
                ratings=tuple(_rating(coder, dict.fromkeys(DRIVERS, 0)) for coder in coders),
            )
        )
    return tuple(rows)


def _rating(coder: str, levels: Mapping[str, int]) -> AgreementRating:
    return AgreementRating(coder=coder, confidence=1.0, rationale="", **levels)


@cache
def design_case() -> Case:
    """Make up the case: of the second family and of one of its pairs, rated and with counts."""
    zero, none = dict.fromkeys(DRIVERS, 0), dict.fromkeys(DRIVERS, "")
    standings = tuple(
        Standing(date=DEAL, coder=coder, ratings=zero, reasons=none) for coder in ("a", "b")
    )
    return replace(
        read_case("armenia_azerbaijan"),
        name="made",
        clock_start=CLOCK,
        deal=DEAL,
        grid_start=GRID,
        covered_until=CUTOFF,
        observed_to=dict(WATCHED_TO),
        happened=(),
        dyad="D10",
        cluster="C1",
        excluded=(),
        standings=standings,
        news=_news(),
        indicators=_windows((0, 0, 0)),
        conditions=(),
        codings=(),
        reconciliations=(),
        retractions=(),
    )


def _news() -> tuple[NewsItem, ...]:
    """Items of 16 events; every fifth event is told by a second item, of a third coder."""
    days = (CUTOFF - GRID).days
    spread = np.sort(np.random.default_rng(7).integers(3, days - 3, EVENTS))
    items = []
    for i, day in enumerate(spread):
        when = GRID + timedelta(days=int(day))
        items.append(_item(f"E{i:02d}", when, i, ("a", "b") if i % 2 else ("a", "b", "c")))
        if i % 5 == 1:
            items.append(_item(f"E{i:02d}+", when + timedelta(days=1), i, ("c",)))
    return tuple(items)


def _item(name: str, day: date, place: int, coders: tuple[str, ...]) -> NewsItem:
    return NewsItem(
        id=name,
        date=day,
        date_end=None,
        precision="day",
        known=day,
        known_assumed=False,
        driver=DRIVERS[place % 4],
        ratings=tuple((coder, 0) for coder in coders),
        salience=1,
        grade="ABC"[place % 3],
        event=name.removesuffix("+"),
        actor="",
        status="occurred",
        statement="",
        source="made",
        publisher="",
        address="",
        note="",
        line=0,
    )


WINDOWS = (
    (date(2025, 1, 1), date(2025, 1, 31), 1.0),
    (date(2025, 3, 10), date(2025, 5, 20), 0.5),
    (date(2025, 9, 1), date(2025, 12, 31), 1.0),
)
"""A month, parts of months half watched, and four months in one."""


def _windows(counts: tuple[int, ...]) -> tuple[IndicatorWindow, ...]:
    return tuple(
        IndicatorWindow(
            indicator="incidents",
            driver="trust",
            first=first,
            last=last,
            count=count,
            exposure=exposure,
            known=last,
            source="made",
            line=0,
        )
        for (first, last, exposure), count in zip(WINDOWS, counts, strict=True)
    )


@cache
def design_data() -> ModelData:
    """Give the arrays of a world in which nothing has happened and everybody wrote zero."""
    return assemble(design_case(), design_rows(), cutoff=CUTOFF)


# ---- one world ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What is true, what it means, and what is seen of it.

    Parameters
    ----------
    theta : dict
        Free parameters by the model's names, without leading dimensions.
    meaning : dict
        What they mean, as computed here: ``correlation``, ``phi``, ``effects``, ``shapes``,
        ``event_sd``, ``standings (agreement, driver)``, ``path (month, driver)``, ``standing``,
        ``log_scale (row, stream)``.
    data : ModelData
        Everything seen, assembled.
    chances : ndarray (month, rung)
        Of every rung within so many months of the cutoff, along the truth's own path ahead.
    drawn : int
        Worlds drawn until one was kept.
    """

    theta: Arrays
    meaning: Arrays
    data: ModelData
    chances: np.ndarray
    drawn: int


def made_world(seed: int, priors: PriorSet, *, turned: bool = False) -> World:
    """Draw worlds until one is such that its case would be followed.

    Parameters
    ----------
    seed : int
    priors : PriorSet
    turned : bool
        Break the simulation on purpose: the first driver pulls hazards the other way.
    """
    rng = np.random.default_rng([20261123, seed])
    for drawn in range(1, DRAWN_AGAIN_MOST + 1):
        theta = drawn_parameters(priors, rng)
        meaning = meaning_of(theta)
        pulling = meaning["effects"] * (np.array([-1.0, 1.0, 1.0, 1.0]) if turned else 1.0)
        rows = history_of(theta, meaning, pulling, rng)
        happened = case_of(meaning, pulling, rng)
        if rows is None or happened is None:
            continue
        fixed = [priors.parameters[name].values["value"] for name in ("shared_error", "hindsight")]
        data = told(theta, meaning, rows, happened, rng, *fixed)
        if any(spell.weight != 1.0 for spell in data.spells):
            continue
        chances = chances_ahead(theta, meaning, pulling, happened, rng)
        return World(theta=theta, meaning=meaning, data=data, chances=chances, drawn=drawn)
    raise RuntimeError(f"no world of seed {seed} has a case that would be followed")


def drawn_parameters(priors: PriorSet, rng: np.random.Generator) -> Arrays:
    """Draw free parameters; the correlation not by the model's construction.

    The correlation of a standard Wishart matrix with ν degrees of freedom in d dimensions has a
    density proportional to |R|^((ν − d − 1)/2): LKJ(η) where ν = 2η + d − 1 (Lewandowski,
    Kurowicka & Joe 2009, doi:10.1016/j.jmva.2009.04.008).
    """
    module = find_model("breakdown")
    drawn = module.prior_draws(design_data(), priors.parameters, n=1, rng=rng)
    theta = {name: values[0] for name, values in drawn.items()}
    freedom = 2.0 * priors.parameters["correlation"].values["eta"] + len(DRIVERS) - 1.0
    if freedom != round(freedom):
        raise ValueError("a Wishart matrix is a sum of whole outer products: η in halves")
    rows = rng.standard_normal((round(freedom), len(DRIVERS)))
    lower = np.linalg.cholesky(_correlation(rows))
    theta["partial_correlation"] = (1.0 + partials(lower)) / 2.0
    return theta


def _correlation(rows: np.ndarray) -> np.ndarray:
    product = rows.T @ rows
    scale = np.sqrt(np.diag(product))
    return np.asarray(product / np.outer(scale, scale))


def partials(lower: np.ndarray) -> np.ndarray:
    """Canonical partial correlations of a Cholesky factor, row by row."""
    found = []
    for i in range(1, len(lower)):
        left = 1.0
        for j in range(i):
            partial = lower[i, j] / np.sqrt(left)
            found.append(partial)
            left *= 1.0 - partial**2
    return np.array(found)


def meaning_of(theta: Arrays) -> Arrays:
    """Compute what a draw of the parameters means, by the formulas of the theory's pages."""
    below = np.zeros((4, 4))
    below[np.tril_indices(4, -1)] = 2.0 * theta["partial_correlation"] - 1.0
    lower = np.zeros((4, 4))
    for i in range(4):
        left = 1.0
        for j in range(i):
            lower[i, j] = below[i, j] * np.sqrt(left)
            left -= lower[i, j] ** 2
        lower[i, i] = np.sqrt(left)
    rho2, phi = float(theta["persistence"]), 0.5 ** (1.0 / float(theta["half_life_months"]))
    standing = np.sqrt(rho2) * lower @ theta["standing_raw"]
    path, away = [], np.zeros(4)
    for month, shock in enumerate(theta["path_raw"]):
        fresh = np.sqrt(1.0 - rho2) * lower @ shock
        away = fresh if month == 0 else phi * away + np.sqrt(1.0 - phi**2) * fresh
        path.append(standing + away)
    steps = theta["event_error"]
    shapes = theta["shape"] * np.exp(theta["shape_spread"] * theta["shape_raw"])
    data = design_data()
    return {
        "lower": lower,
        "correlation": lower @ lower.T,
        "phi": np.array(phi),
        "effects": theta["effect_mean"] + theta["effect_spread"] * theta["effect_raw"],
        "shapes": np.append(shapes, theta["abrogation_shape"]),
        "event_sd": np.array([steps[:1].sum(), steps[:2].sum(), steps.sum()]),
        "standing": standing,
        "path": np.array(path),
        "standings": theta["history_raw"] @ lower.T,
        "log_scale": np.array([_log_scale(theta, data, row) for row in range(AGREEMENTS + 1)]),
    }


def _log_scale(theta: Arrays, data: ModelData, row: int) -> np.ndarray:
    """Intercepts, covariates and frailties of an agreement, or of the case, which is last."""
    of_case = row == AGREEMENTS
    source = design_case() if of_case else data.agreements[row]
    cluster = data.coords["cluster"].index(source.cluster)
    dyad = data.coords["dyad"].index(source.dyad)
    shift = float(data.arrays["row_covariates"][row] @ theta["covariate_effect"])
    shift += float(theta["cluster_sd"] * theta["cluster_raw"][cluster])
    shift += float(theta["dyad_sd"] * theta["dyad_raw"][dyad])
    return np.asarray(theta["intercept"] + shift)


# ---- history --------------------------------------------------------------------------------

AGES_YEARS = np.concatenate([[0.0], np.geomspace(1e-6, 75.0, 1200)])


def history_of(
    theta: Arrays, meaning: Arrays, effects: np.ndarray, rng: np.random.Generator
) -> tuple[Agreement, ...] | None:
    """Let every agreement's streams strike, and write down what its row would say.

    Returns
    -------
    tuple of Agreement, or None
        None where two shots lie so close that history's rules would join them.
    """
    rho2 = float(theta["persistence"])
    kept = rho2 + (1.0 - rho2) * meaning["phi"] ** (12.0 * AGES_YEARS)
    pulled = meaning["standings"] @ effects.T
    spread = np.einsum("kd,de,ke->k", effects, meaning["correlation"], effects)
    rows: list[Agreement] = []
    for j, row in enumerate(design_rows()):
        days = np.array(
            [
                _strikes(
                    kept * pulled[j, k] + 0.5 * (1.0 - kept**2) * spread[k],
                    meaning["shapes"][k],
                    meaning["log_scale"][j, k],
                    rng,
                )
                for k in range(4)
            ]
        )
        shots = recorded(days, _limit_days(j))
        if _close(shots):
            return None
        rows.append(_dated(row, shots))
    return tuple(rows)


def _strikes(
    log_mean: np.ndarray, shape: float, log_scale: float, rng: np.random.Generator
) -> float:
    """Day of age on which a stream would first strike: its accumulated hazard inverted."""
    rate = np.exp(log_mean)
    steps = np.diff(AGES_YEARS**shape) * (rate[1:] + rate[:-1]) / 2.0
    total = np.exp(log_scale) * np.concatenate([[0.0], np.cumsum(steps)])
    years = np.interp(rng.exponential(), total, AGES_YEARS, right=np.inf)
    return float(np.floor(years * DAYS_PER_YEAR))


@cache
def _limit_days(place: int) -> tuple[float, ...]:
    """Days after which each stream of an agreement is not watched, whatever happens."""
    row = design_rows()[place]
    ends = [date(2025, 12, 31)]
    ends += [r.start for r in design_rows() if r.dyad == row.dyad and r.start > row.start]
    if row.state_end is not None:
        ends.append(row.state_end)
    whole, fights = min(ends), min(*ends, date(2014, 12, 31))
    lasts = (fights, fights, whole, whole)
    return tuple(float((last - row.start).days) for last in lasts)


def recorded(days: np.ndarray, limits: tuple[float, ...]) -> dict[int, int]:
    """Say which streams are seen to strike first, and on which day of age.

    A mark is seen where nothing worse came before or on the same day; war and denunciation end
    the agreement, and war goes first where they share a day.
    """
    seen = {}
    for k in (FORCE, FATAL, WAR, ABROGATION):
        worse = days[k + 1 :] if k < WAR else days[ABROGATION:] if k == WAR else days[WAR : WAR + 1]
        first = (days[k] <= worse).all() if k == WAR else (days[k] < worse).all()
        if first and days[k] < limits[k]:
            seen[k] = int(days[k])
    return seen


def _close(shots: Mapping[int, int]) -> bool:
    """Whether two shots would be one confrontation."""
    days = sorted(day for k, day in shots.items() if k != ABROGATION)
    return any(b - a <= CONFRONTATION_DAYS for a, b in pairwise(days))


def _dated(row: Agreement, shots: Mapping[int, int]) -> Agreement:
    when = {k: row.start + timedelta(days=day) for k, day in shots.items()}
    days = {k: DayRange(first=day, last=day) for k, day in when.items()}
    return replace(
        row,
        first_force=days.get(FORCE),
        first_force_residual=False if FORCE in days else None,
        first_force_new=when.get(FORCE),
        first_fatal=days.get(FATAL),
        first_fatal_residual=False if FATAL in days else None,
        first_fatal_new=when.get(FATAL),
        first_war=days.get(WAR),
        abrogated=days.get(ABROGATION),
        abrogation_ended=True if ABROGATION in days else None,
    )


# ---- the case -------------------------------------------------------------------------------


def case_of(
    meaning: Arrays, effects: np.ndarray, rng: np.random.Generator
) -> tuple[Happened, ...] | None:
    """Let the case's streams strike along its path, up to where each is watched.

    Returns
    -------
    tuple of Happened, or None
        None where it has broken down, or where two shots would be one confrontation.
    """
    months = [add_months(GRID, m - 1) for m in range(len(meaning["path"]))]
    until = CUTOFF + timedelta(days=1)
    first = np.array([(max(m, DEAL) - CLOCK).days for m in months]) / DAYS_PER_YEAR
    last = np.array([(min(add_months(m, 1), until) - CLOCK).days for m in months]) / DAYS_PER_YEAR
    rates = np.exp(meaning["log_scale"][-1] + meaning["path"] @ effects.T)
    days = np.full(4, np.inf)
    for k in range(4):
        patience, shape = rng.exponential(), meaning["shapes"][k]
        for month in range(len(months)):
            if last[month] <= first[month]:
                continue
            grown = rates[month, k] * (last[month] ** shape - first[month] ** shape)
            if patience < grown:
                age = (first[month] ** shape + patience / rates[month, k]) ** (1.0 / shape)
                days[k] = np.floor(age * DAYS_PER_YEAR)
                break
            patience -= grown
    over = tuple(float((WATCHED_TO[stream] - CLOCK).days + 1) for stream in STREAMS)
    shots = recorded(days, over)
    if WAR in shots or ABROGATION in shots or _close(shots):
        return None
    return tuple(
        Happened(rung=STREAMS[k], date=CLOCK + timedelta(days=day), why="made")
        for k, day in shots.items()
    )


def chances_ahead(
    theta: Arrays,
    meaning: Arrays,
    effects: np.ndarray,
    happened: tuple[Happened, ...],
    rng: np.random.Generator,
) -> np.ndarray:
    """Chance of every rung within so many months, along one path ahead: array (month, rung).

    A rung waits for the first event of at least its mark; denunciation competes with it, and war
    with denunciation.
    """
    rho2, phi = float(theta["persistence"]), float(meaning["phi"])
    away = meaning["path"][-1] - meaning["standing"]
    left, chances, shapes = np.ones(5), np.zeros(5), meaning["shapes"]
    every = []
    for month in range(AHEAD_MONTHS):
        shock = np.sqrt((1.0 - phi**2) * (1.0 - rho2)) * rng.standard_normal(4)
        away = phi * away + meaning["lower"] @ shock
        edges = [add_months(CUTOFF + timedelta(days=1), m) for m in (month, month + 1)]
        ages = [(edge - CLOCK).days / DAYS_PER_YEAR for edge in edges]
        rate = np.exp(meaning["log_scale"][-1] + effects @ (meaning["standing"] + away))
        force, fatal, war, denounced = rate * (ages[1] ** shapes - ages[0] ** shapes)
        own = np.array([force + fatal + war, fatal + war, war, denounced, war + denounced])
        beside = np.array([denounced, denounced, denounced, war, 0.0])
        chances = chances + left * -np.expm1(-own - beside) * own / (own + beside)
        left = left * np.exp(-own - beside)
        every.append(chances)
    found = np.array(every)
    reached = {each.rung for each in happened}
    if reached:
        found[:, RUNGS.index("force")] = 1.0
    if "fatal" in reached:
        found[:, RUNGS.index("fatal")] = 1.0
    return found


# ---- what is written of it ------------------------------------------------------------------


def told(
    theta: Arrays,
    meaning: Arrays,
    rows: tuple[Agreement, ...],
    happened: tuple[Happened, ...],
    rng: np.random.Generator,
    shared_error: float,
    hindsight: float,
) -> ModelData:
    """Write ratings, news and counts of what happened, and assemble them."""
    write = _Pen(theta, rng)
    things = iter(theta["coding_error_raw"])
    rated = []
    for j, row in enumerate(rows):
        seen = meaning["standings"][j] + hindsight * _broke(row)
        seen = seen + shared_error * np.array([next(things) for _ in DRIVERS])
        rated.append(replace(row, ratings=tuple(_rating(*each) for each in write.all(row, seen))))
    seen = meaning["path"][_month(DEAL)] + shared_error * np.array([next(things) for _ in DRIVERS])
    case = design_case()
    standings = tuple(
        replace(each, ratings={d: write(each.coder, i, seen[i]) for i, d in enumerate(DRIVERS)})
        for each in case.standings
    )
    case = replace(
        case,
        happened=happened,
        standings=standings,
        news=_rated_news(theta, meaning, write, rng),
        indicators=_windows(_counts(theta, meaning, rng)),
    )
    return assemble(case, tuple(rated), cutoff=CUTOFF)


class _Pen:
    """What a coder writes of what they see."""

    def __init__(self, theta: Arrays, rng: np.random.Generator) -> None:
        heights = np.concatenate([[0.0], np.cumsum(theta["cutpoint_gap"])])
        self.cuts = theta["cutpoint_location"][:, None] + heights - heights.mean()
        self.sharpness = dict(
            zip(design_data().coords["coder"], theta["discrimination"], strict=True)
        )
        self.rng = rng

    def __call__(self, coder: str, location: int, seen: float) -> int:
        """Write a level from −3 to 3; locations are history's drivers, then the news'."""
        felt = self.sharpness[coder] * seen + self.rng.logistic()
        return int((felt > self.cuts[location]).sum()) + RATING_MIN

    def all(self, row: Agreement, seen: np.ndarray) -> list[tuple[str, dict[str, int]]]:
        """Write what every coder of an agreement would."""
        return [
            (rating.coder, {d: self(rating.coder, i, seen[i]) for i, d in enumerate(DRIVERS)})
            for rating in row.ratings
        ]


def _broke(row: Agreement) -> float:
    ends = [each.first for each in (row.first_war, row.abrogated) if each is not None]
    return float(any((end - row.start).days <= 10.0 * DAYS_PER_YEAR for end in ends))


def _month(day: date) -> int:
    """Place of a day's month on the grid, which has one month before it begins."""
    return (day.year - GRID.year) * 12 + day.month - GRID.month + 1


def _rated_news(
    theta: Arrays, meaning: Arrays, write: _Pen, rng: np.random.Generator
) -> tuple[NewsItem, ...]:
    """Rate every item: what an event shows is one thing for all who tell of it."""
    shown: dict[str, float] = {}
    path, share = meaning["path"], float(theta["level_change"])
    items = []
    for item in design_case().news:
        grade, driver = "ABC".index(item.grade), DRIVERS.index(item.driver)
        sd, month = meaning["event_sd"][grade], _month(item.date)
        if item.event not in shown:
            level = path[month, driver] - share * path[month - 1, driver]
            shown[item.event] = level + sd * rng.standard_normal()
            if rng.random() < theta["noise"][grade]:
                shown[item.event] = np.sqrt(1.0 + sd**2) * rng.standard_normal()
        said = tuple((c, write(c, 4 + driver, shown[item.event])) for c, _ in item.ratings)
        items.append(replace(item, ratings=said))
    return tuple(items)


def _counts(theta: Arrays, meaning: Arrays, rng: np.random.Generator) -> tuple[int, ...]:
    """Count incidents day by day's rate: a month's rate holds on each of its days."""
    level, slope, size = (
        float(theta[f"indicator_{name}"][0]) for name in ("intercept", "slope", "dispersion")
    )
    counts = []
    for first, last, exposure in WINDOWS:
        mean = 0.0
        for d in range((last - first).days + 1):
            day = first + timedelta(days=d)
            month = day.replace(day=1)
            length = (add_months(month, 1) - month).days
            mean += np.exp(level + slope * meaning["path"][_month(day), 0]) / length
        mean *= exposure
        counts.append(int(rng.poisson(rng.gamma(size, mean / size))))
    return tuple(counts)


def agreed(world: World) -> dict[str, Any]:
    """Hold what is computed here against what the library makes of the same parameters.

    Returns
    -------
    dict
        Largest difference by name; for tests.
    """
    module = find_model("breakdown")
    theta = {name: values[None] for name, values in world.theta.items()}
    latent = module.latents(theta, world.data.arrays, np)
    pairs = {
        "pressure": "path",
        "standing": "standing",
        "history_standing": "standings",
        "effects": "effects",
        "shapes": "shapes",
        "cholesky": "lower",
        "event_sd": "event_sd",
    }
    found = {
        name: float(np.abs(latent[name][0] - world.meaning[mine]).max())
        for name, mine in pairs.items()
    }
    scale = module.log_scales(theta, latent, world.data.arrays)[0]
    found["log_scale"] = float(np.abs(scale - world.meaning["log_scale"]).max())
    return found
