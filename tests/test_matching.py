"""Moved draws: closed forms where plain weights fail, the exact target, and honest refusals."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from fitted import drawn_fit, narrow_fit
from schemas import validator
from worlds import flagship, history, item

from durability import matching, units, updating
from durability.assembly import assemble
from durability.attribution import attribute
from durability.catalogue import density
from durability.comparing import scenarios
from durability.matching import match_draws, reach, trusted
from durability.reweighting import mcse, smooth
from durability.scenario_records import comparison_record, watch_record
from durability.updating import update
from durability.watching import watch
from durability.weighing import Base, prepare, reweigh, seen_now

DRAWS = 4000
LEAST = 400.0


# ---- closed forms -------------------------------------------------------------------------------


class Normal:
    """A normal that was sampled, and normal observations of some of its unknowns.

    Unknown 0 has a wide scale, unknown 1 a narrow one, unknown 2 leans on unknown 0, and three
    hundred more are told nothing.
    """

    idle = 300
    scales = np.array([5.0, 0.2, 1.0])
    mean = np.array([3.0, -1.0, 0.5])
    lean = 0.8

    def __init__(self, observed: dict[int, tuple[float, float]], seed: int = 1) -> None:
        self.observed = observed
        n = 3 + self.idle
        correlation = np.eye(n)
        correlation[0, 2] = correlation[2, 0] = self.lean
        sd = np.concatenate([self.scales, np.ones(self.idle)])
        self.centre = np.concatenate([self.mean, np.zeros(self.idle)])
        self.covariance = correlation * sd[:, None] * sd
        self.precision = np.linalg.inv(self.covariance)
        root = np.linalg.cholesky(self.covariance)
        rng = np.random.default_rng(seed)
        self.draws = self.centre + rng.standard_normal((DRAWS, n)) @ root.T

    def log_density(self, draws: np.ndarray) -> np.ndarray:
        away = draws - self.centre
        return np.asarray(-0.5 * ((away @ self.precision) * away).sum(axis=1))

    def log_ratio(self, draws: np.ndarray, _moved: np.ndarray) -> np.ndarray:
        told = sum(
            -0.5 * ((y - draws[:, i]) / sd) ** 2 - np.log(sd * np.sqrt(2.0 * np.pi))
            for i, (y, sd) in self.observed.items()
        )
        return told + self.log_density(draws) - self.log_density(self.draws)

    def posterior(self) -> tuple[np.ndarray, np.ndarray]:
        precision = self.precision.copy()
        pull = self.precision @ self.centre
        for i, (y, sd) in self.observed.items():
            precision[i, i] += sd**-2
            pull[i] += y / sd**2
        covariance = np.linalg.inv(precision)
        return covariance @ pull, covariance

    def log_evidence(self) -> float:
        places = list(self.observed)
        y, sd = np.array(list(self.observed.values())).T
        spread = self.covariance[np.ix_(places, places)] + np.diag(sd**2)
        away = y - self.centre[places]
        size = np.linalg.slogdet(2.0 * np.pi * spread)[1]
        return float(-0.5 * (away @ np.linalg.solve(spread, away) + size))


FAR = {0: (19.0, 4.0), 1: (-1.65, 0.2)}
"""Three scales up for the wide unknown, as many down for the narrow one, neither read sharply."""


def held(found: matching.Matched, values: np.ndarray) -> tuple[float, float]:
    weights = smooth(found.log_ratios).values
    return float(weights @ values), mcse(values, weights, chains=4)


def test_moved_draws_are_right_where_plain_weights_fail() -> None:
    normal = Normal(FAR)
    plain = smooth(normal.log_ratio(normal.draws, np.zeros(1, dtype=bool)))
    assert plain.khat > 0.7
    found = match_draws(normal.draws, normal.log_ratio, effective_least=LEAST)
    assert trusted(found.log_ratios, LEAST)
    mean, covariance = normal.posterior()
    for place in (0, 1, 2, 3, 200):
        estimate, error = held(found, found.draws[:, place])
        assert estimate == pytest.approx(mean[place], abs=4.0 * error)
        assert error < 0.1 * np.sqrt(covariance[place, place])
        square, error = held(found, (found.draws[:, place] - mean[place]) ** 2)
        assert square == pytest.approx(covariance[place, place], abs=4.0 * error)
    # What leans on an unknown that is told of moves with it.
    assert mean[2] > normal.mean[2] + 1.0
    product, error = held(found, (found.draws[:, 0] - mean[0]) * (found.draws[:, 2] - mean[2]))
    assert product == pytest.approx(covariance[0, 2], abs=4.0 * error)


def test_only_what_the_evidence_moves_is_moved() -> None:
    found = match_draws(Normal(FAR).draws, Normal(FAR).log_ratio, effective_least=LEAST)
    assert found.moved[:3].all()
    assert found.moved[3:].sum() <= 1


def test_moving_everything_by_its_noise_would_lose_the_draws(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    normal = Normal(FAR)
    choosy = match_draws(normal.draws, normal.log_ratio, effective_least=LEAST)
    monkeypatch.setattr(matching, "ERRORS_LEAST", 0.0)
    every = match_draws(normal.draws, normal.log_ratio, effective_least=LEAST)
    sizes = [smooth(each.log_ratios).effective_size for each in (choosy, every)]
    assert sizes[1] < 0.95 * sizes[0]


def test_the_jacobian_of_the_map_keeps_the_evidence() -> None:
    """The mean ratio is the density of what was observed: known, and lost without the Jacobian."""
    normal = Normal({0: (8.0, 2.0), 1: (-1.2, 0.08)})
    # Asked for more draws than a shift can give, the map must scale.
    found = match_draws(normal.draws, normal.log_ratio, effective_least=2000.0)
    assert found.log_jacobian < -1.0
    ratios = np.exp(found.log_ratios - found.log_ratios.max())
    error = ratios.std() / ratios.mean() / np.sqrt(DRAWS)
    estimate = np.log(ratios.mean()) + found.log_ratios.max()
    assert estimate == pytest.approx(normal.log_evidence(), abs=4.0 * error)
    assert abs(estimate - found.log_jacobian - normal.log_evidence()) > 8.0 * error


@pytest.mark.parametrize("with_slope", [True, False])
def test_the_slope_of_the_scale_without_bounds_is_needed(with_slope: bool) -> None:
    """A beta share and a binomial count: their posterior is a beta, and is not without the slope.

    Of a logarithm the slope would not show: a shift adds the same to that of every draw.
    """
    a, b, met, missed = 2.0, 9.0, 17.0, 4.0
    share = np.random.default_rng(4).beta(a, b, (DRAWS, 1))
    u = np.log(share) - np.log1p(-share)

    def logs(moved: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return -np.logaddexp(0.0, -moved[:, 0]), -np.logaddexp(0.0, moved[:, 0])

    def log_density(moved: np.ndarray) -> np.ndarray:
        of, rest = logs(moved)
        slope = of + rest if with_slope else 0.0
        return np.asarray((a - 1.0) * of + (b - 1.0) * rest + slope)

    def log_ratio(moved: np.ndarray, _which: np.ndarray) -> np.ndarray:
        of, rest = logs(moved)
        return np.asarray(met * of + missed * rest + log_density(moved) - log_density(u))

    assert not trusted(log_ratio(u, np.zeros(1, dtype=bool)), LEAST)
    found = match_draws(u, log_ratio, effective_least=LEAST)
    assert trusted(found.log_ratios, LEAST)
    estimate, error = held(found, 1.0 / (1.0 + np.exp(-found.draws[:, 0])))
    exact = (a + met) / (a + b + met + missed)
    assert (abs(estimate - exact) < 4.0 * error) is with_slope


def test_what_cannot_be_reached_is_given_up() -> None:
    """Two answers far apart: no affine map leads from one hump to two narrow ones."""
    rng = np.random.default_rng(6)
    draws = rng.standard_normal((DRAWS, 5))
    calls = []

    def log_ratio(moved: np.ndarray, _which: np.ndarray) -> np.ndarray:
        calls.append(1)
        humps = [-0.5 * ((moved - c) ** 2).sum(1) / 0.02 for c in (-1.0, 1.0)]
        return np.logaddexp(*humps) + 0.5 * (draws**2).sum(1)

    found = match_draws(draws, log_ratio, effective_least=LEAST)
    assert not trusted(found.log_ratios, LEAST)
    assert len(calls) <= matching.STEPS_MOST + 2


def test_reach_grows_with_the_share_of_draws_that_count() -> None:
    rng = np.random.default_rng(8)
    far = [reach(sd * rng.standard_normal(DRAWS)) for sd in (6.0, 3.0, 1.5, 0.5, 0.1)]
    assert far == sorted(far)
    assert far[1] < 1.0 < far[3] < far[4] < 2.0


# ---- the model's own target ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def base() -> Base:
    return prepare(narrow_fit(draws=15, chains=2, seed=5))


NEWS = (
    item("N1", date(2026, 6, 20), driver="corridor", ratings=(("a", 2), ("b", 1))),
    item("N2", date(2026, 7, 9), driver="trust", ratings=(("a", -2), ("b", -3))),
)


def whole(base: Base, seen: units.Seen, contents: dict[units.Unit, object]) -> np.ndarray:
    """The joint density, every term of it."""
    priors = base.particles.priors.parameters
    parts = [
        *units.log_likelihoods(seen, tuple(contents)).values(),
        *units.holding(seen).values(),
    ]
    return sum(parts) + density().log_prior(density().unbounded(seen.theta, priors), priors)


@pytest.mark.parametrize(
    "names", [("path_raw",), ("standing_raw", "persistence"), ("effect_mean",)]
)
def test_the_ratio_is_that_of_whole_joint_densities(base: Base, names: tuple[str, ...]) -> None:
    """A new item and a new month: only what moved is computed, and it is all that differs."""
    case = flagship()
    data = assemble(replace(case, news=(*case.news, *NEWS)), history(), cutoff=date(2026, 7, 9))
    weighed = reweigh(base, data)
    target = matching._Target(base, weighed)
    moved = np.isin(target._names, names)
    there = target.draws + np.where(moved, 0.3, 0.0)
    found = target.log_ratio(there, moved)
    arrays = base.particles.model_of(data).arrays
    after = whole(base, target.seen(there), dict(weighed.contents))
    # The fit's own density, and that of the months it did not have.
    before = whole(base, base.seen, dict(base.contents))
    start = seen_now(base, data, arrays, 0).theta
    fresh = start["path_raw"][:, base.seen.theta["path_raw"].shape[1] :]
    before = before - 0.5 * (fresh**2 + np.log(2.0 * np.pi)).sum((1, 2))
    np.testing.assert_allclose(found, after - before, rtol=0.0, atol=1e-7)
    assert np.ptp(found - weighed_first(weighed)) > 1e-3


def weighed_first(weighed: object) -> np.ndarray:
    return sum(terms[:, 0] for terms in weighed.terms.values())  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", ["agreement", "thing", "anchor", "event", "window", "stream"])
def test_units_read_what_they_are_said_to_read_and_nothing_else(base: Base, kind: str) -> None:
    weighed = reweigh(base, assemble(flagship(), history(), cutoff=date(2026, 6, 30)))
    target = matching._Target(base, weighed)
    start = target._likelihood(target._at_start, kind)
    for name in target._shapes:
        there = target.draws + np.where(target._names == name, 0.1, 0.0)
        now = target._likelihood(target.seen(there), kind)
        read = name in density().READS[kind]
        # The counts are of trust, the first driver, which leans on no other.
        read &= (kind, name) != ("window", "partial_correlation")
        assert np.array_equal(now, start) is not read, name


# ---- the ladder ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def many() -> Base:
    """Draws near each other, enough of them to be moved."""
    return prepare(narrow_fit(draws=150, chains=4, seed=5))


def hopeful(base: object, weighed: object, *, effective_least: float) -> Any:
    """Move the drivers' last months a little, whatever the weights say."""
    target = matching._Target(base, weighed)  # type: ignore[arg-type]
    moved = target._names == "path_raw"
    there = target.draws + np.where(moved, 0.01, 0.0)
    ratios = target.log_ratio(there, moved)
    seen = target.seen(there)
    return matching.there_weighed(base, weighed, seen, ratios, moved=int(moved.sum()))  # type: ignore[arg-type]


def test_moved_draws_stand_between_weights_and_a_refit(
    many: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rung, its record and its parts, with moves that are always taken for good."""
    monkeypatch.setattr(updating, "match", hopeful)
    monkeypatch.setattr(updating, "EFFECTIVE_LEAST", 1e6)  # weights never do
    asked: list[object] = []
    found = update(many, NEWS, case=flagship(), refit=asked.append)  # type: ignore[arg-type]
    assert asked == []
    assert (found.method, found.ok, found.base is found.before) == ("matched", True, True)
    assert any("effective draws" in reason for reason in found.reasons)
    assert found.unmoved is not None
    assert found.unmoved.moved == 0
    assert found.table != found.unmoved.table
    # Each draw has one continuation where it was moved, and four where the fit left it.
    assert (found.weighed.shares.shape[1], found.unmoved.shares.shape[1]) == (1, 4)
    told = attribute(found)
    for rung, by_horizon in found.table.items():
        for months, now in by_horizon.items():
            moved = now["mean"] - many.table[rung][months]["mean"]
            total = sum(part.changes[rung][months]["mean"] for part in told.parts)
            assert total == pytest.approx(moved, abs=1e-12)
    # What was moved is not taken for what the fit left: an update of an update starts there too.
    again = update(found, case=replace(flagship(), news=(*flagship().news, *NEWS)))
    assert again.table == found.table
    other = update(many, NEWS[::-1], case=flagship())
    assert other.table == found.table
    # Scenarios go on from where the draws have been moved to, not from where the fit left them.
    as_they_come = scenarios(found, []).table
    for rung, by_horizon in found.table.items():
        for months, now in by_horizon.items():
            assert as_they_come[rung][months]["mean"] == pytest.approx(now["mean"], abs=1e-12)
    assert comparison_record(scenarios(found, []))["verdict"] == {
        "ok": True,
        "reasons": [],
        "checks": [],
    }
    for name, record in (
        ("scenarios", comparison_record(scenarios(found, []))),
        ("watch", watch_record(watch(found))),
    ):
        assert record["method"] == "matched"
        validator(name).validate(record)
    still = update(many, NEWS, case=flagship(), move=False)
    assert (still.method, still.ok, still.unmoved) == ("weights", False, None)


def test_where_weights_do_nothing_is_moved(many: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(updating, "match", never)
    assert update(many, NEWS[:1], case=flagship()).method == "weights"


def test_too_few_draws_are_not_moved() -> None:
    few = prepare(drawn_fit(draws=100, chains=4))
    found = update(few, NEWS, case=flagship())
    assert (found.method, found.unmoved) == ("weights", None)
    assert not found.ok
