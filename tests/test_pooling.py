"""Pooling experts: closed forms, SciPy's integrals, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from continued import revised
from scipy import integrate, stats
from worlds import DEFAULT_PRIORS

from durability.distributions import mean_sd, share_below
from durability.errors import InputError
from durability.pooling import linear_pool, log_density, logarithmic_pool, of_moments, pool_priors
from durability.prior_screen import pool_lines
from durability.prior_sets import PriorSet, read_priors

DEFAULT = DEFAULT_PRIORS.read_text(encoding="utf-8")

LAWS = [
    ("normal", {"mean": -0.4, "sd": 0.7}),
    ("halfnormal", {"sd": 0.6}),
    ("lognormal", {"mu": 0.3, "sigma": 0.5}),
    ("beta", {"a": 3.0, "b": 7.5}),
    ("gamma", {"shape": 2.5, "rate": 0.8}),
    ("exponential", {"rate": 2.0}),
    ("lkj", {"eta": 2.5}),
]


def expert(folder: Path, name: str, *, status: str = "elicited", **bodies: str) -> PriorSet:
    text = DEFAULT
    for parameter, body in bodies.items():
        table = f'[{parameter}]\n{body}\nunit = "u"\nmeaning = "m"\nreason = "{name} says so"\n'
        table += f'source = "{name}"\nstatus = "{status}"\n\n'
        text, found = re.subn(rf"\[{parameter}\]\n.*?(?=\n\[|\Z)", table, text, flags=re.S)
        assert found == 1
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return read_priors(path)


def normal(mean: float, sd: float) -> str:
    return f'distribution = "normal"\nmean = {mean}\nsd = {sd}'


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law[0])
def test_the_pool_of_identical_experts_is_the_expert(law: tuple[str, dict[str, float]]) -> None:
    for pool in (linear_pool, logarithmic_pool):
        values, error = pool([law, law, law], [0.2, 0.5, 0.3], law[0])
        assert values == pytest.approx(law[1])
        assert error < 1e-9


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law[0])
def test_moments_give_a_law_back(law: tuple[str, dict[str, float]]) -> None:
    assert of_moments(law[0], *mean_sd(*law)) == pytest.approx(law[1])


def test_a_linear_pool_has_the_mixtures_mean_and_variance() -> None:
    laws = [
        ("gamma", {"shape": 2.0, "rate": 1.0}),
        ("lognormal", {"mu": 1.0, "sigma": 0.4}),
        ("gamma", {"shape": 9.0, "rate": 3.0}),
    ]
    shares = [0.5, 0.2, 0.3]
    oracles = [stats.gamma(2), stats.lognorm(0.4, scale=np.e), stats.gamma(9, scale=1 / 3)]
    mean = sum(w * law.mean() for w, law in zip(shares, oracles, strict=True))
    second = sum(w * law.moment(2) for w, law in zip(shares, oracles, strict=True))
    values, error = linear_pool(laws, shares, "gamma")
    found = stats.gamma(values["shape"], scale=1 / values["rate"])
    assert found.mean() == pytest.approx(mean)
    assert found.var() == pytest.approx(second - mean**2)
    grid = np.linspace(0.01, 15, 3000)
    mixed = sum(w * law.cdf(grid) for w, law in zip(shares, oracles, strict=True))
    assert error == pytest.approx(np.abs(mixed - found.cdf(grid)).max(), abs=2e-3)


def test_a_logarithmic_pool_of_normals_weighs_means_by_precision() -> None:
    laws = [("normal", {"mean": -1.0, "sd": 0.5}), ("normal", {"mean": 2.0, "sd": 2.0})]
    values, error = logarithmic_pool(laws, [0.25, 0.75], "normal")
    precision = 0.25 / 0.25 + 0.75 / 4.0
    assert values["mean"] == pytest.approx((-1.0 + 2.0 * 0.75 / 4.0) / precision)
    assert values["sd"] == pytest.approx(precision**-0.5)
    assert error == 0.0


@pytest.mark.parametrize(
    ("laws", "oracles"),
    [
        (
            [("lognormal", {"mu": 0.0, "sigma": 0.5}), ("lognormal", {"mu": 1.0, "sigma": 0.9})],
            [stats.lognorm(0.5), stats.lognorm(0.9, scale=np.e)],
        ),
        (
            [("gamma", {"shape": 2.0, "rate": 1.0}), ("gamma", {"shape": 9.0, "rate": 3.0})],
            [stats.gamma(2), stats.gamma(9, scale=1 / 3)],
        ),
        (
            [("beta", {"a": 2.0, "b": 5.0}), ("beta", {"a": 6.0, "b": 1.5})],
            [stats.beta(2, 5), stats.beta(6, 1.5)],
        ),
        (
            [("halfnormal", {"sd": 0.5}), ("halfnormal", {"sd": 2.0})],
            [stats.halfnorm(scale=0.5), stats.halfnorm(scale=2.0)],
        ),
        (
            [("exponential", {"rate": 0.5}), ("exponential", {"rate": 2.0})],
            [stats.expon(scale=2.0), stats.expon(scale=0.5)],
        ),
        (
            [("gamma", {"shape": 3.0, "rate": 2.0}), ("lognormal", {"mu": 0.4, "sigma": 0.4})],
            [stats.gamma(3, scale=0.5), stats.lognorm(0.4, scale=np.exp(0.4))],
        ),
    ],
    ids=["lognormal", "gamma", "beta", "halfnormal", "exponential", "mixed families"],
)
def test_a_logarithmic_pool_is_the_geometric_mean_of_densities(
    laws: list[tuple[str, Mapping[str, float]]], oracles: list[stats.rv_continuous]
) -> None:
    shares = [0.3, 0.7]
    top = 1.0 if laws[0][0] == "beta" else 40.0

    def product(x: float) -> float:
        return float(oracles[0].pdf(x) ** 0.3 * oracles[1].pdf(x) ** 0.7)

    def integral(power: int) -> float:
        return float(
            integrate.quad(lambda x: x**power * product(x), 0, top, points=[0.5], limit=200)[0]
        )

    total = integral(0)
    values, error = logarithmic_pool(laws, shares, laws[0][0])
    mean, sd = mean_sd(laws[0][0], values)
    assert mean == pytest.approx(integral(1) / total, rel=1e-3)
    variance = integral(2) / total - (integral(1) / total) ** 2
    assert sd == pytest.approx(variance**0.5, rel=2e-3)
    half = integrate.quad(product, 0, mean, limit=200)[0] / total
    assert abs(half - share_below(laws[0][0], values, mean)) <= error + 1e-3


@pytest.mark.parametrize("law", LAWS[:-1], ids=lambda law: law[0])
def test_densities_are_those_of_scipy_up_to_a_constant(law: tuple[str, dict[str, float]]) -> None:
    name, v = law
    oracle = {
        "normal": lambda: stats.norm(v["mean"], v["sd"]),
        "halfnormal": lambda: stats.halfnorm(scale=v["sd"]),
        "lognormal": lambda: stats.lognorm(v["sigma"], scale=np.exp(v["mu"])),
        "beta": lambda: stats.beta(v["a"], v["b"]),
        "gamma": lambda: stats.gamma(v["shape"], scale=1 / v["rate"]),
        "exponential": lambda: stats.expon(scale=1 / v["rate"]),
    }[name]()
    x = np.array([0.1, 0.35, 0.8])
    found = log_density(name, v, x)
    assert np.diff(found) == pytest.approx(np.diff(oracle.logpdf(x)))
    if name != "normal":
        assert log_density(name, v, np.array([-0.5])) == [-np.inf]


def test_only_those_who_were_asked_have_a_say(tmp_path: Path) -> None:
    one = expert(tmp_path, "one", effect_trust=normal(1.0, 0.3))
    two = expert(tmp_path, "two", effect_corridor=normal(-0.5, 0.2))
    pool = pool_priors([one, two])
    assert pool.parameters["effect_trust"].values == {"mean": 1.0, "sd": 0.3}
    assert pool.parameters["effect_corridor"].values == {"mean": -0.5, "sd": 0.2}
    assert pool.pooled == ()


def test_what_all_who_were_asked_say_stands_though_the_first_set_was_not(tmp_path: Path) -> None:
    sets = [
        expert(tmp_path, "none"),
        expert(tmp_path, "one", effect_trust=normal(1.0, 0.3)),
        expert(tmp_path, "two", effect_trust=normal(1.0, 0.3)),
    ]
    pool = pool_priors(sets)
    prior = pool.parameters["effect_trust"]
    assert prior.values == {"mean": 1.0, "sd": 0.3}
    assert (prior.reason, prior.source) == ("one says so; two says so", "one; two")
    assert prior.status == "elicited"
    assert (pool.pooled, pool.asked) == ((), {"effect_trust": ("one", "two")})
    told = "\n".join(pool_lines(pool))
    assert "agree on every prior" not in told
    assert "effect_trust is as it was elicited in one and in two" in told


def test_sets_agree_only_where_all_of_them_do(tmp_path: Path) -> None:
    one = expert(tmp_path, "one", effect_trust=normal(1.0, 0.3))
    two = expert(tmp_path, "two", effect_trust=normal(1.0, 0.3))
    agreed = pool_priors([one, two])
    assert "The sets agree on every prior." in list(pool_lines(agreed))
    assert agreed.parameters["effect_trust"].source == "one; two"
    assert agreed.parameters["persistence"] == one.parameters["persistence"]


def test_two_experts_who_say_one_thing_are_not_told_as_one(tmp_path: Path) -> None:
    sets = [
        expert(tmp_path, name, effect_trust=normal(1.0, 0.3) + f"\nelicited = {said}")
        for name, said in (
            ("one", '{ expert = "A", date = 2026-11-22, quantiles = { "0.5" = 1.0 } }'),
            ("two", '{ expert = "B", date = 2026-11-22, quantiles = { "0.5" = 1.0 } }'),
        )
    ]
    assert pool_priors(sets).parameters["effect_trust"].elicited is None
    again = pool_priors([sets[0], sets[0]]).parameters["effect_trust"]
    assert again == sets[0].parameters["effect_trust"]


def test_weights_are_those_of_the_files_whatever_their_sum(tmp_path: Path) -> None:
    sets = [
        expert(tmp_path, "one", effect_trust=normal(1.0, 1.0)),
        expert(tmp_path, "two", effect_trust=normal(0.5, 1.0)),
    ]
    pool = pool_priors(sets, [6, 2])
    (made,) = pool.pooled
    assert made.prior.values["mean"] == pytest.approx(0.875)
    assert [share for _, share, _ in made.voices] == [0.75, 0.25]
    assert "one says so" in made.prior.reason
    assert "two (0.25): two" in made.prior.source
    again = pool_priors(sets, [0.75, 0.25])
    assert again.parameters["effect_trust"].values == made.prior.values
    other = pool_priors(sets[::-1], [2, 6])
    assert other.parameters["effect_trust"].values == pytest.approx(made.prior.values)


def test_sets_that_differ_without_being_asked_all_have_a_say(tmp_path: Path) -> None:
    sets = [
        expert(tmp_path, "one", status="assumed", effect_trust=normal(1.0, 1.0)),
        expert(tmp_path, "two", status="assumed", effect_trust=normal(0.0, 1.0)),
    ]
    assert pool_priors(sets).parameters["effect_trust"].values["mean"] == pytest.approx(0.5)


def test_a_mixture_with_two_humps_is_refused_unless_it_is_to_be_kept(tmp_path: Path) -> None:
    sets = [
        expert(tmp_path, "one", effect_trust=normal(-2.0, 0.2)),
        expert(tmp_path, "two", effect_trust=normal(2.0, 0.2)),
    ]
    with pytest.raises(InputError, match="linear pool is no normal"):
        pool_priors(sets)
    kept = pool_priors(sets, keep=True)
    assert kept.pooled[0].error > 0.2
    assert pool_priors(sets, method="logarithmic").parameters["effect_trust"].values[
        "mean"
    ] == pytest.approx(0.0)


def test_a_pool_is_of_a_family_that_can_be_what_is_said(tmp_path: Path) -> None:
    """Two thirds say that it is above zero, by a family that cannot say what the rest say."""
    positive = 'distribution = "lognormal"\nmu = -0.8\nsigma = 0.6'
    sets = [
        expert(tmp_path, "one", effect_trust=positive),
        expert(tmp_path, "two", effect_trust=normal(-2.0, 0.8)),
    ]
    (made,) = pool_priors(sets, [2, 1], keep=True).pooled
    assert made.prior.distribution == "normal"
    mean, _ = mean_sd("lognormal", {"mu": -0.8, "sigma": 0.6})
    assert made.prior.values["mean"] == pytest.approx((2.0 * mean - 2.0) / 3.0)


@pytest.mark.parametrize("family", ["lognormal", "gamma", "beta", "halfnormal", "exponential"])
def test_a_family_without_such_moments_says_so(family: str) -> None:
    with pytest.raises(ValueError, match=f"a {family} has no mean of -0.2"):
        of_moments(family, -0.2, 1.0)
    with pytest.raises(ValueError, match="with a deviation of 2"):
        of_moments("beta", 0.5, 2.0)


def test_a_disputed_fixed_number_and_bad_weights_are_refused(tmp_path: Path) -> None:
    fixed = 'distribution = "fixed"\nvalue = 0.5'
    one, two = expert(tmp_path, "one"), expert(tmp_path, "two", status="assumed", hindsight=fixed)
    with pytest.raises(InputError, match="is fixed and differs"):
        pool_priors([one, two])
    with pytest.raises(InputError, match="at least two"):
        pool_priors([one])
    with pytest.raises(InputError, match="one a set: 2"):
        pool_priors([one, one], [1.0])
    with pytest.raises(InputError, match="each is above 0"):
        pool_priors([one, one], [1.0, 0.0])


def test_a_posterior_is_refused(tmp_path: Path) -> None:
    """Its rows would count again with every set that is made of it."""
    one = expert(tmp_path, "one", effect_trust=normal(1.0, 0.3))
    for sets in ([one, revised()], [revised(), one]):
        with pytest.raises(InputError, match="early is a posterior of armenia_azerbaijan: a pool"):
            pool_priors(sets, keep=True)


def test_sets_of_other_parameters_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "part.toml"
    path.write_text(DEFAULT.partition("\n[dyad_sd]")[0], encoding="utf-8")
    with pytest.raises(InputError, match=r"part.toml: has no dyad_sd"):
        pool_priors([read_priors(DEFAULT_PRIORS), read_priors(path)])
