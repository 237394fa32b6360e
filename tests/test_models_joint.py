"""The joint law: a monotone law of each unknown, one correlation, and back."""

from __future__ import annotations

import numpy as np
import pytensor.tensor as pt
import pytest
from durability.models import joint
from scipy import stats

COORDS = {
    "coder": ("a", "b"),
    "location": tuple(f"l{i}" for i in range(8)),
    "gap": tuple(f"g{i}" for i in range(5)),
    "indicator": ("counts",),
    "month": ("2026-01", "2026-02", "2026-03"),
}


def law(size: int, *, seed: int = 1) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    mixed = rng.standard_normal((size, size + 3))
    matrix = np.corrcoef(mixed)
    return {
        "joint_location": rng.normal(size=size),
        "joint_scale": rng.uniform(0.3, 2.0, size),
        "joint_skewness": rng.uniform(-0.8, 0.8, size),
        "joint_tail": rng.uniform(0.6, 1.4, size),
        "joint_correlation": matrix,
        "joint_cholesky": np.linalg.cholesky(matrix),
        **{
            name: np.tril(rng.normal(scale=0.2, size=(size, size)), -1)
            for name in ("joint_bow", "joint_tilt", "joint_flare")
        },
        "joint_width": rng.normal(scale=0.1, size=size),
    }


def straight(made: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The same law without bends."""
    names = ("joint_bow", "joint_tilt", "joint_flare", "joint_width")
    return {**made, **{name: 0.0 * made[name] for name in names}}


def test_margins_and_scores_undo_each_other() -> None:
    made = law(7)
    z = np.random.default_rng(2).standard_normal((500, 7)) * 2
    assert joint.scores(joint.margins(z, made, np), made) == pytest.approx(z, rel=1e-9, abs=1e-9)


def test_margins_rise_with_their_scores() -> None:
    made = law(5)
    z = np.linspace(-8, 8, 400)[:, None] * np.ones(5)
    assert (np.diff(joint.margins(z, made, np), axis=0) > 0).all()


def test_a_margin_has_the_published_density() -> None:
    """Jones & Pewsey 2009, equation 2: x = sinh((asinh z + ε)/δ) has the density below."""
    epsilon, delta = 0.5, 0.7
    made = {
        "joint_location": np.array([2.0]),
        "joint_scale": np.array([3.0]),
        "joint_skewness": np.array([epsilon]),
        "joint_tail": np.array([delta]),
    }
    x = np.linspace(-20, 60, 9)
    away = (x - 2.0) / 3.0
    s = np.sinh(delta * np.arcsinh(away) - epsilon)
    density = delta * np.sqrt(1 + s**2) / np.sqrt(1 + away**2) * stats.norm.pdf(s) / 3.0
    step = 1e-5
    below = [stats.norm.cdf(joint.scores(np.array([[p]]), made)[0, 0]) for p in (x - step)]
    above = [stats.norm.cdf(joint.scores(np.array([[p]]), made)[0, 0]) for p in (x + step)]
    assert (np.array(above) - below) / (2 * step) == pytest.approx(density, rel=1e-4, abs=1e-12)


def test_bends_undo_each_other() -> None:
    made = law(7)
    raw = np.random.default_rng(5).standard_normal((500, 7)) * 1.5
    assert joint.straightened(joint.bent(raw, made, np), made) == pytest.approx(raw, abs=1e-9)
    assert joint.whitened(joint.pushed(raw, made, np), made) == pytest.approx(raw, abs=1e-7)


def test_a_bend_moves_the_mean_and_the_spread_as_it_says() -> None:
    """By hand: two unknowns, the second bent by the first, which is 2, then -2."""
    made = straight(law(2))
    for name, value in {"joint_bow": 0.3, "joint_tilt": 0.5, "joint_flare": -0.2}.items():
        made[name] = np.array([[0.0, 0.0], [value, 0.0]])
    found = joint.bent(np.array([[2.0, 1.5], [-2.0, 1.5]]), made, np)
    away = np.sqrt(5.0) - 1.0
    wanted = [0.9 + 1.5 * np.exp(1.0 - 0.2 * away), 0.9 + 1.5 * np.exp(-1.0 - 0.2 * away)]
    assert found[:, 1] == pytest.approx(wanted)
    assert found[:, 0].tolist() == [2.0, -2.0]


def test_without_skewness_and_with_tails_of_one_it_is_a_multivariate_normal() -> None:
    made = straight(law(3))
    made["joint_skewness"], made["joint_tail"] = np.zeros(3), np.ones(3)
    raw = np.random.default_rng(3).standard_normal((40_000, 3))
    u = joint.pushed(raw, made, np)
    wanted = made["joint_correlation"] * np.outer(made["joint_scale"], made["joint_scale"])
    assert np.cov(u, rowvar=False) == pytest.approx(wanted, abs=0.06)
    assert u.mean(0) == pytest.approx(made["joint_location"], abs=0.05)


def test_pytensor_and_numpy_push_alike() -> None:
    made = law(6)
    raw = np.random.default_rng(4).standard_normal(6)
    shared = {name: pt.as_tensor(values) for name, values in made.items()}
    found = joint.pushed(pt.as_tensor(raw), shared, pt).eval()
    assert found == pytest.approx(joint.pushed(raw, made, np), rel=1e-12)


def test_what_is_bounded_can_be_unbounded() -> None:
    size = sum(int(np.prod(shape, dtype=int)) for shape, _ in joint.layout(COORDS).values())
    u = np.random.default_rng(5).normal(size=(30, size))
    values = joint.bounded(u, COORDS, np, leading=1)
    assert joint.unbounded(values, COORDS) == pytest.approx(u, rel=1e-9, abs=1e-9)
    assert {name: v.shape[1:] for name, v in values.items()} == {
        name: shape for name, (shape, _) in joint.layout(COORDS).items()
    }
    assert ((values["persistence"] > 0) & (values["persistence"] < 1)).all()
    assert (values["half_life_months"] > 0).all()


def test_a_one_sided_prior_holds_its_unknown_above_zero_in_both_namespaces() -> None:
    one_sided = ("effect_mean[effect_corridor]", "cutpoint_location[l2]")
    assert set(one_sided) < set(joint.one_sided_if_prior_is(COORDS))
    above = np.array([float(name in one_sided) for name in joint.labels(COORDS)])
    u = np.random.default_rng(9).normal(size=(30, len(above)))
    u[:, above == 0] *= 800.0  # of what has no bound an exponential would overflow
    free = [name.partition("[")[0] in joint.UNBOUNDED for name in joint.labels(COORDS)]
    u[:, ~np.array(free)] /= 800.0
    values = joint.bounded(u, COORDS, np, leading=1, above_zero=above)
    plain = joint.bounded(u, COORDS, np, leading=1)
    place = joint.GROUPS["effect_mean"].index("effect_corridor")
    assert values["effect_mean"][:, place] == pytest.approx(np.exp(plain["effect_mean"][:, place]))
    assert (np.delete(values["effect_mean"], place, 1) < 0).any()
    assert (values["cutpoint_location"][:, 2] > 0).all()
    assert (np.delete(values["cutpoint_location"], 2, 1) < 0).any()
    again = joint.unbounded(values, COORDS, above_zero=above)
    assert again == pytest.approx(u, rel=1e-9, abs=1e-9)
    graph = joint.bounded(pt.as_tensor(u), COORDS, pt, leading=1, above_zero=pt.as_tensor(above))
    assert graph["effect_mean"].eval() == pytest.approx(values["effect_mean"], rel=1e-12)


def test_what_may_be_one_sided_is_told_with_the_parameter_that_says_so() -> None:
    found = joint.one_sided_if_prior_is(COORDS)
    assert found["effect_mean[effect_trust]"] == "effect_trust"
    assert found["cutpoint_location[l0]"] == "cutpoint_location"
    assert found["indicator_intercept[counts]"] == "indicator_intercept"
    assert set(found) < set(joint.labels(COORDS))
    assert not any(name.partition("[")[0] in ("persistence", "level") for name in found)
    assert joint.one_sided_if_prior_is({**COORDS, "indicator": ()}).keys() == {
        name for name in found if not name.startswith("indicator")
    }


def test_every_unknown_has_a_name_of_its_own() -> None:
    named = joint.labels(COORDS)
    size = sum(int(np.prod(shape, dtype=int)) for shape, _ in joint.layout(COORDS).values())
    assert len(named) == len(set(named)) == size
    assert "effect_raw[war, trust]" in named
    assert "tail_raw[2026-03, corridor]" in named
    assert "tail_raw[2026-01, corridor]" not in named
    aside = sum(name.partition("[")[0] in joint.ASIDE for name in named)
    assert joint.read_by_continuation(COORDS) == size - aside
    assert all(name.partition("[")[0] in joint.ASIDE for name in named[-aside:])


def test_a_case_without_indicators_has_none_of_their_unknowns() -> None:
    assert not any(n.startswith("indicator") for n in joint.labels({**COORDS, "indicator": ()}))


def test_what_is_told_gives_back_the_parts_of_the_hazard() -> None:
    rng = np.random.default_rng(6)
    size = len(joint.labels(COORDS))
    values = joint.bounded(rng.normal(size=(9, size)), COORDS, np, leading=1)
    told = joint.told(values, np)
    beta = told["effect_mean"][:, None] + (
        told["effect_spread"][:, None, None] * told["effect_raw"]
    )
    level = told["intercept"] + told["case_shift"][:, None]
    level = level + np.einsum("skd,sd->sk", beta, told["standing"])
    assert level == pytest.approx(values["level"])
    shapes = told["shape"][:, None] * np.exp(told["shape_spread"][:, None] * told["shape_raw"])
    assert shapes == pytest.approx(values["weibull_shape"][:, :3])
    assert told["abrogation_shape"] == pytest.approx(values["weibull_shape"][:, 3])


def test_a_mixture_has_the_density_of_scipys_normals_in_both_namespaces() -> None:
    weights, centres = np.array([0.2, 0.5, 0.3]), np.random.default_rng(7).normal(size=(3, 4))
    made = {"joint_log_weights": np.log(weights), "joint_centres": centres}
    raw = np.random.default_rng(8).normal(size=(6, 4))
    oracle = np.log(
        sum(
            w * stats.multivariate_normal(c).pdf(raw) for w, c in zip(weights, centres, strict=True)
        )
    )
    constant = 0.5 * 4 * np.log(2 * np.pi)
    assert joint.log_density(raw, made, np) == pytest.approx(oracle + constant)
    shared = {name: pt.as_tensor(values) for name, values in made.items()}
    found = joint.log_density(pt.as_tensor(raw[0]), shared, pt).eval()
    assert found == pytest.approx(oracle[0] + constant)


def test_draws_of_a_mixture_come_from_its_components_by_weight() -> None:
    made = {
        "joint_log_weights": np.log([0.25, 0.75]),
        "joint_centres": np.array([[10.0], [-5.0]]),
    }
    rng = np.random.default_rng(9)
    found = joint.drawn(rng.standard_normal((20_000, 1)), rng.random(20_000), made)[:, 0]
    assert (found > 3).mean() == pytest.approx(0.25, abs=0.01)
    assert found[found > 3].mean() == pytest.approx(10.0, abs=0.05)
    assert found[found < 3].std() == pytest.approx(1.0, abs=0.02)
