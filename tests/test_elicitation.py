"""From what an expert said to a prior: exact where it can be, measured where it cannot."""

from __future__ import annotations

import math
from datetime import date

import matplotlib as mpl
import numpy as np
import pytest
from continued import revised
from scipy import optimize, stats
from worlds import DEFAULT_PRIORS

from durability.catalogue import parameters_of
from durability.distributions import quantile
from durability.elicitation import Elicited, elicit_prior, import_preliz
from durability.errors import InputError
from durability.judgements import Judgement, from_chips, from_quantiles
from durability.prior_sets import read_priors

DAY = date(2026, 11, 22)


def said(**quantiles: float) -> Judgement:
    """Quantiles by per cent: ``p5=-1.0``."""
    return from_quantiles("A. Expert", DAY, {int(k[1:]) / 100: v for k, v in quantiles.items()})


def elicited(parameter: str, judgement: Judgement, **how: object) -> Elicited:
    families = tuple(parameters_of("breakdown").get(parameter, ()))
    base = read_priors(DEFAULT_PRIORS)
    return elicit_prior(base, parameter, judgement, why="Seen it", families=families, **how)  # type: ignore[arg-type]


def test_two_quantiles_are_met_exactly_in_the_usual_family() -> None:
    made = elicited("effect_trust", said(p10=-0.2, p80=0.9))
    law = stats.norm(made.prior.values["mean"], made.prior.values["sd"])
    assert law.ppf([0.1, 0.8]) == pytest.approx([-0.2, 0.9])
    assert (made.method, made.prior.distribution) == ("solved", "normal")
    assert made.miss < 1e-9


def test_a_posterior_is_not_elicited_onto() -> None:
    with pytest.raises(InputError, match="what is used of it is its joint law"):
        elicit_prior(revised(), "effect_trust", said(p10=0.0, p90=1.0), why="x", families=())


def test_a_prior_says_who_when_and_why() -> None:
    prior = elicited("effect_trust", said(p10=-0.2, p80=0.9)).prior
    assert (prior.reason, prior.status) == ("Seen it", "elicited")
    assert prior.source == "A. Expert, asked on 2026-11-22"
    assert prior.elicited == said(p10=-0.2, p80=0.9)
    assert prior.meaning == read_priors(DEFAULT_PRIORS).parameters["effect_trust"].meaning


def least_squares(law: str, probabilities: list[float], values: list[float]) -> float:
    """The least sum of squares between quantiles that any member of a family reaches."""
    names = {"normal": ("mean", "sd"), "gamma": ("shape", "rate"), "beta": ("a", "b")}[law]

    def loss(point: np.ndarray) -> float:
        numbers = [
            float(u) if name == "mean" else math.exp(min(u, 30.0))
            for name, u in zip(names, point, strict=True)
        ]
        fitted = [quantile(law, dict(zip(names, numbers, strict=True)), p) for p in probabilities]
        return float(((np.array(fitted) - values) ** 2).sum())

    starts = ([0.0, 0.0], [1.0, 1.0], [0.5, -1.0], [2.0, 3.0])
    found = [
        optimize.minimize(
            loss, start, method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-15}
        ).fun
        for start in starts
    ]
    return float(min(found))


@pytest.mark.parametrize(
    ("parameter", "family", "values"),
    [
        ("effect_trust", "normal", {"p5": -1.0, "p50": 0.0, "p95": 2.5}),
        ("half_life_months", "gamma", {"p10": 30.0, "p50": 100.0, "p90": 300.0}),
        ("persistence", "beta", {"p5": 0.3, "p40": 0.5, "p95": 0.8}),
    ],
)
def test_more_quantiles_are_met_as_nearly_as_the_family_can(
    parameter: str, family: str, values: dict[str, float]
) -> None:
    made = elicited(parameter, said(**values), family=family, keep=True)
    assert made.method == "PreliZ"
    reached = sum((match.fitted - match.stated) ** 2 for match in made.matches)
    probabilities = [match.probability for match in made.matches]
    best = least_squares(family, probabilities, list(values.values()))
    assert reached <= 1.05 * best + 1e-9


def test_quantiles_of_a_member_give_that_member_in_any_unit() -> None:
    law = stats.lognorm(0.5, scale=1e4)
    five = {f"p{p}": float(law.ppf(p / 100)) for p in (5, 25, 50, 75, 95)}
    made = elicited("half_life_months", said(**five))
    assert made.prior.distribution == "lognormal"
    assert made.prior.values["mu"] == pytest.approx(math.log(1e4), abs=1e-3)
    assert made.prior.values["sigma"] == pytest.approx(0.5, abs=1e-3)
    assert made.miss < 1e-3


def test_the_family_changes_where_the_usual_one_says_something_else() -> None:
    law = stats.gamma(0.8, scale=5.0)
    four = {f"p{p}": float(law.ppf(p / 100)) for p in (5, 30, 60, 95)}
    assert read_priors(DEFAULT_PRIORS).parameters["half_life_months"].distribution == "lognormal"
    made = elicited("half_life_months", said(**four))
    assert made.prior.distribution == "gamma"
    assert made.prior.values["shape"] == pytest.approx(0.8, rel=0.01)


def test_a_match_is_measured_in_shares_of_probability() -> None:
    made = elicited("effect_trust", said(p5=-1.0, p50=0.0, p95=1.2))
    law = stats.norm(made.prior.values["mean"], made.prior.values["sd"])
    shares = law.cdf([-1.0, 0.0, 1.2])
    assert [match.share for match in made.matches] == pytest.approx(shares)
    assert made.miss == pytest.approx(np.abs(shares - [0.05, 0.5, 0.95]).max())


def test_a_bad_match_is_refused_with_what_was_said_and_kept_if_told() -> None:
    skewed = said(p5=-1.0, p50=0.0, p95=9.0)
    with pytest.raises(InputError, match=r"normal comes nearest.*0.05: -1 stated.*--keep"):
        elicited("effect_trust", skewed)
    kept = elicited("effect_trust", skewed, keep=True)
    assert kept.miss > 0.05


def test_chips_are_matched_and_the_share_outside_their_bins_is_told() -> None:
    law = stats.norm(0.5, 0.4)
    bins = [-0.7, 0.1, 0.4, 0.6, 0.9, 1.7]
    chips = np.round(200 * np.diff(law.cdf(bins))).astype(int)
    made = elicited("effect_trust", from_chips("A", DAY, bins, list(map(int, chips))))
    assert made.prior.values["mean"] == pytest.approx(0.5, abs=0.01)
    assert made.prior.values["sd"] == pytest.approx(0.4, abs=0.02)
    fitted = stats.norm(made.prior.values["mean"], made.prior.values["sd"])
    assert made.outside == pytest.approx(fitted.cdf(-0.7) + fitted.sf(1.7))


def test_few_chips_may_be_missed_by_half_of_one() -> None:
    made = elicited("effect_trust", from_chips("A", DAY, [-1, 0, 1, 2], [1, 3, 1]), keep=True)
    assert made.limit == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("parameter", "values", "how", "told"),
    [
        ("effect_trsut", {"p5": 0.0, "p95": 1.0}, {}, 'did you mean "effect_trust"'),
        ("correlation", {"p5": 0.0, "p95": 1.0}, {}, "is not elicited"),
        ("hindsight", {"p5": 0.0, "p95": 1.0}, {}, "is not elicited"),
        ("persistence", {"p5": 0.2, "p95": 1.0}, {}, "a beta lies between 0 and 1"),
        ("half_life_months", {"p5": -0.2, "p95": 1.0}, {}, "a lognormal lies above 0"),
        ("persistence", {"p5": 0.2, "p95": 0.9}, {"family": "normal"}, "must be one of beta"),
        ("effect_trust", {"p5": 0.2}, {"family": "normal"}, "it needs 2 quantiles"),
    ],
)
def test_what_cannot_be_elicited_is_refused(
    parameter: str, values: dict[str, float], how: dict[str, str], told: str
) -> None:
    with pytest.raises(InputError, match=told):
        elicited(parameter, said(**values), **how)


def test_a_prior_without_a_reason_is_refused() -> None:
    base = read_priors(DEFAULT_PRIORS)
    with pytest.raises(InputError, match="say why"):
        elicit_prior(base, "effect_trust", said(p5=0.0, p95=1.0), why=" ", families=("normal",))


def test_importing_preliz_changes_no_plot_of_ours() -> None:
    before = dict(mpl.rcParams)
    import_preliz()
    assert dict(mpl.rcParams) == before
