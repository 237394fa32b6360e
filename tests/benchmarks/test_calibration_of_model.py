"""The calibration of the model in small: its worlds, its ranks, and a broken world found out."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import calibration_of_model as calibration
import made_worlds
import numpy as np
import pytest
from scipy import stats

import durability
from durability.inference import Model, Settings
from durability.prior_sets import PriorSet
from durability.simulation import carried, incidences
from durability.vocabulary import RUNGS, STREAMS


@cache
def priors() -> PriorSet:
    path = Path(__file__).resolve().parents[2] / "priors" / "default.toml"
    return durability.read_priors(path)


@cache
def worlds(count: int = 40) -> tuple[made_worlds.World, ...]:
    return tuple(made_worlds.made_world(100 + seed, priors()) for seed in range(count))


# ---- worlds ---------------------------------------------------------------------------------


def test_a_world_is_the_same_each_time_and_another_by_number() -> None:
    again = made_worlds.made_world(100, priors())
    assert again.data.hash() == worlds()[0].data.hash() != worlds()[1].data.hash()
    assert (again.chances == worlds()[0].chances).all()


def test_every_kind_of_datum_is_in_the_worlds() -> None:
    data = worlds()[0].data
    for shared, least in (("row_cluster", 4), ("row_dyad", 2)):
        of_history = data.arrays[shared][:-1]
        assert np.unique(of_history, return_counts=True)[1].min() >= least
        assert data.arrays[shared][-1] in of_history  # the case's own frailty is learned there
    begun = [row.start for row in data.agreements]
    assert len(set(begun)) < len(begun)
    assert data.coords["coder"] == ("a", "b", "c")
    assert len(data.used) > len(data.coords["event"])
    assert len(data.coords["window"]) == 3
    assert (data.arrays["history_weight"] == 1.0).all()
    reached = [each.rung for world in worlds() for each in world.data.case.happened]
    assert {"force", "fatal"} == set(reached)
    events = np.sum([world.data.arrays["history_event"] for world in worlds()], axis=(0, 1))
    assert (events > 15).all()


def test_all_worlds_have_arrays_of_one_shape() -> None:
    shapes = {
        tuple((name, array.shape) for name, array in world.data.arrays.items())
        for world in worlds()
    }
    assert len(shapes) == 1


def test_what_parameters_mean_is_what_the_model_says() -> None:
    for world in worlds()[:5]:
        for name, apart in made_worlds.agreed(world).items():
            assert apart < 1e-9, name


def test_correlations_have_the_law_of_the_prior() -> None:
    """Drawn by a Wishart matrix here, by partial correlations in the model."""
    rng = np.random.default_rng(1)
    drawn = [
        made_worlds.drawn_parameters(priors(), rng)["partial_correlation"] for _ in range(1500)
    ]
    eta = priors().parameters["correlation"].values["eta"]
    # LKJ(η) in four dimensions: every correlation is beta on (-1, 1), both shapes η - 1 + 4 / 2.
    correlations = [_correlation_of(partial) for partial in drawn]
    for i, j in ((1, 0), (2, 1), (3, 0), (3, 2)):
        values = (np.array([each[i, j] for each in correlations]) + 1.0) / 2.0
        assert stats.kstest(values, stats.beta(eta + 1.0, eta + 1.0).cdf).pvalue > 0.001
    shapes = eta + 1.0, eta + 0.5, eta
    for place, shape in zip((0, 2, 5), shapes, strict=True):
        values = np.array(drawn)[:, place]
        assert stats.kstest(values, stats.beta(shape, shape).cdf).pvalue > 0.001


def _correlation_of(partial: np.ndarray) -> np.ndarray:
    template = worlds()[0].theta
    return made_worlds.meaning_of({**template, "partial_correlation": partial})["correlation"]


def test_spells_derived_from_the_dates_are_what_was_simulated() -> None:
    for world in worlds():
        for j, (row, spell) in enumerate(
            zip(world.data.agreements, world.data.spells, strict=True)
        ):
            days = {
                k: (when.first - row.start).days
                for k, when in enumerate(
                    (row.first_force, row.first_fatal, row.first_war, row.abrogated)
                )
                if when is not None
            }
            limits = made_worlds._limit_days(j)
            for k, stream in enumerate(STREAMS):
                ends = [days[e] for e in days if e >= k or (k == 3 and e == 2)]
                assert spell.event[stream] == (k in days)
                assert spell.stop_days[stream] == min([limits[k], *ends])


def test_agreements_strike_as_their_hazards_say() -> None:
    """Shares of the hazard accumulated at the strikes, by the library, are uniform."""
    rng, world = np.random.default_rng(3), worlds()[2]
    model = Model(name="breakdown", data=world.data, priors=priors())
    theta = {name: values[None] for name, values in world.theta.items()}
    latent = model.module.latents(theta, model.arrays, np)
    scale = model.module.log_scales(theta, latent, model.arrays)[..., :-1, :]
    rho2, meaning = float(world.theta["persistence"]), world.meaning
    kept = rho2 + (1.0 - rho2) * meaning["phi"] ** (12.0 * made_worlds.AGES_YEARS)
    effects, found = meaning["effects"], []
    spread = np.einsum("kd,de,ke->k", effects, meaning["correlation"], effects)
    pulled = meaning["standings"] @ effects.T
    for _ in range(30):
        days = np.empty((made_worlds.AGREEMENTS, 4))
        for j, k in np.ndindex(days.shape):
            mean = kept * pulled[j, k] + 0.5 * (1.0 - kept**2) * spread[k]
            shape, level = meaning["shapes"][k], meaning["log_scale"][j, k]
            days[j, k] = made_worlds._strikes(mean, shape, level, rng)
        struck = np.isfinite(days)
        ages = np.log((np.where(struck, days, 1.0) + rng.random(days.shape)) / 365.25)
        edges = np.array([np.full_like(ages, np.log(1e-30)), ages, ages])
        watched, _ = model.module.history_hazards(theta, latent, model.arrays, edges, scale, np)
        most = np.array(
            [np.full_like(ages, np.log(1e-30)), *[np.full_like(ages, np.log(75.0))] * 2]
        )
        whole, _ = model.module.history_hazards(theta, latent, model.arrays, most, scale, np)
        # Those that did not strike in 75 years are beyond: shares of what could be seen.
        share = np.expm1(-watched[0]) / np.expm1(-whole[0])
        found += list(share[struck])
    assert len(found) > 500
    assert stats.kstest(found, "uniform").pvalue > 0.001


def test_chances_ahead_are_the_forecasts_own() -> None:
    """Along one path the world's chances and the library's are the same in every month."""

    class Still:
        def standard_normal(self, size: int) -> np.ndarray:
            return np.full(size, 0.3)

    for world in (worlds()[0], next(w for w in worlds() if w.data.case.happened)):
        model = Model(name="breakdown", data=world.data, priors=priors())
        theta = {name: values[None] for name, values in world.theta.items()}
        latent = model.module.latents(theta, model.arrays, np)
        normals = np.full((1, made_worlds.AHEAD_MONTHS, 4), 0.3)
        future = carried(model, theta, latent, normals, seed=1)
        library = incidences(future.increments, future.happened)
        mine = made_worlds.chances_ahead(
            world.theta,
            world.meaning,
            world.meaning["effects"],
            world.data.case.happened,
            Still(),  # type: ignore[arg-type]
        )
        for r, rung in enumerate(RUNGS):
            assert mine[:, r] == pytest.approx(library[rung][0], abs=1e-12), rung


# ---- ranks ----------------------------------------------------------------------------------


def made_up(count: int, *, moved: str = "") -> list[dict[str, Any]]:
    """Rows as a run writes them, of ranks that are uniform but for one quantity's."""
    rng, rows = np.random.default_rng(5), []
    at = calibration.quantities().index(moved) if moved else -1
    for number in range(count):
        share = rng.random(len(calibration.quantities()))
        if moved:
            share[at] **= 2.0
        rows.append(
            {
                "number": number,
                "rank": np.floor(100 * share).astype(int).tolist(),
                "of": [99] * len(share),
                "place": rng.random(len(share)).tolist(),
                "below": np.round(1e4 * share).tolist(),
            }
        )
    return rows


def test_ranks_of_a_truth_among_its_likes_are_uniform_and_those_of_another_are_not() -> None:
    rng = np.random.default_rng(2)
    rows = []
    for _ in range(150):
        values = rng.standard_normal((1, 400, 3))
        values[..., 2] = np.nan
        truth = rng.standard_normal(3) + np.array([0.0, 1.5, 0.0])
        rows.append(calibration.ranked(truth, values, rng))
    ranks, kept = (np.array([row[name] for row in rows]) for name in ("rank", "of"))
    assert (kept[:, :2] == 99).all()
    assert (kept[:, 2] == 0).all()
    places = (ranks[:, :2] + rng.random((150, 2))) / 100.0
    assert stats.kstest(places[:, 0], "uniform").pvalue > 0.01
    assert stats.kstest(places[:, 1], "uniform").pvalue < 1e-6


def test_draws_that_hang_together_are_thinned() -> None:
    rng = np.random.default_rng(4)
    walk = np.cumsum(rng.standard_normal((1, 500, 1)), axis=1)
    found = calibration.ranked(np.zeros(1), walk, rng)
    assert found["of"] == [calibration.KEPT[-1]]


def test_one_quantity_out_of_place_is_found_among_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "band", cached_band)
    name = "β war corridor"
    found = calibration.curves(made_up(120, moved=name))
    assert [each.name for each in found.values() if each.leaves_family] == [name]
    assert found[name].p < 1e-4
    calm = calibration.curves(made_up(120))
    assert not any(each.leaves_family for each in calm.values())
    assert sum(each.leaves for each in calm.values()) < 14


@cache
def cached_band(count: int, probability: float) -> tuple[np.ndarray, ...]:
    """The band by fewer simulations: the quantile beyond the last of them is the last."""
    from arviz_stats.ecdf_utils import ecdf_pit

    even = np.linspace(0.0, 1.0, count)
    places, _, low, high = ecdf_pit(even, probability, 2000, rng=np.random.default_rng(1))
    return places, low, high


def test_intervals_hold_as_many_truths_as_they_say_and_fewer_where_they_are_short() -> None:
    places = np.random.default_rng(6).random(400)
    held = calibration.Curve(
        name="", places=places, below=places, p=1.0, leaves=False, leaves_family=False
    )
    for level in calibration.LEVELS:
        share, error = calibration.coverage([held], level)
        assert share == pytest.approx(level, abs=4.0 * error)
        assert error == pytest.approx(np.sqrt(share * (1.0 - share) / 400), rel=0.01)
    short = replace(held, places=np.where(places > 0.5, 0.99, 0.01))
    assert calibration.coverage([short], 0.95)[0] == 0.0


def test_the_rows_kept_beside_the_script_are_whole() -> None:
    for line in calibration.ROWS.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        sizes = {len(row[name]) for name in ("rank", "of", "place", "below")}
        assert len(sizes) == 1
        assert all(0 <= r <= n for r, n in zip(row["rank"], row["of"], strict=True))


# ---- a broken world -------------------------------------------------------------------------


def sharp() -> PriorSet:
    """The default priors with a first driver that surely and strongly matters."""
    parameters = dict(priors().parameters)
    strong = MappingProxyType({"mean": 1.4, "sd": 0.3})
    parameters["effect_trust"] = replace(parameters["effect_trust"], values=strong)
    return replace(priors(), parameters=MappingProxyType(parameters))


@pytest.mark.slow
def test_worlds_whose_first_driver_pulls_the_other_way_are_found_out() -> None:
    """The same fits hold the truth of honest worlds, and not of worlds with one sign flipped."""
    compiled, settings = calibration.Compiled(), Settings(draws=150, tune=150, chains=1)
    found: dict[bool, list[dict[str, Any]]] = {}
    for turned in (False, True):
        found[turned] = [
            calibration.one_world(number, compiled, sharp(), settings, turned=turned)
            for number in range(5)
        ]
    effect = calibration.quantities().index("mean β trust")
    fitted = calibration.quantities().index("log-likelihood outcomes")
    honest, flipped = (
        np.array([[row["below"][q] / 1e4 for q in (effect, fitted)] for row in found[turned]])
        for turned in (False, True)
    )
    # No draw explains what came out of a flipped world as badly as the truth does.
    assert (flipped[:, 1] < 0.005).all()
    # By chance once in two thousand times.
    assert (flipped[:, 0] > 0.9).sum() >= 4
    assert ((honest > 0.02) & (honest < 0.99)).all()
