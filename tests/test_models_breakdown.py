"""The joined model: every term by hand, outcomes that add up, and one mathematics in two worlds."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from durability.models import breakdown, hazard, ratings
from scipy import stats
from scipy.integrate import quad
from scipy.special import expit, ndtri
from scipy.stats.qmc import Sobol
from worlds import (
    DEFAULT_PRIORS,
    Arrays,
    bare,
    data,
    drawn,
    flagship,
    full,
    happened,
    history,
    of_agreements,
    priors,
)

from durability.agreements import earlier_wars
from durability.assembly import ModelData
from durability.catalogue import marginals
from durability.inference import Fit
from durability.vocabulary import (
    DAYS_PER_YEAR,
    DRIVERS,
    GRADES,
    STREAMS,
)

FORCE, FATAL, WAR, ABROGATION = range(4)


@pytest.fixture(scope="module")
def assembled() -> ModelData:
    return data()


@pytest.fixture(scope="module")
def world(assembled: ModelData) -> tuple[Arrays, Arrays]:
    """Three draws of the parameters, and what they mean."""
    return drawn(assembled, n=3, seed=21)


# ---- parameters ---------------------------------------------------------------------------------


def test_the_prior_file_gives_every_parameter_and_no_other() -> None:
    file = tomllib.loads(DEFAULT_PRIORS.read_text(encoding="utf-8"))
    tables = {name for name, value in file.items() if isinstance(value, dict)}
    assert tables == set(breakdown.PARAMETERS)
    for name, families in breakdown.PARAMETERS.items():
        assert file[name]["distribution"] in families, name
    assert set(breakdown.SHARES) | set(breakdown.UNBOUNDED) <= set(breakdown.GROUPS)


def test_what_is_fixed_in_the_prior_file_is_what_the_model_does_not_learn() -> None:
    fixed = {name for name, prior in priors().items() if prior.distribution == "fixed"}
    assert fixed == set(breakdown.FIXED)


def test_draws_from_the_priors_have_the_shapes_of_the_data(assembled: ModelData) -> None:
    theta, latent = drawn(assembled, n=5, seed=22)
    sizes = {name: len(labels) for name, labels in assembled.coords.items()}
    for name, dims in breakdown.WHITENED.items():
        assert theta[name].shape == (5, *(sizes[dim] for dim in dims)), name
    for name, dim in breakdown.REPEATED.items():
        assert theta[name].shape == (5, sizes[dim]), name
    for name, members in breakdown.GROUPS.items():
        if name not in breakdown.REPEATED:
            assert theta[name].shape == ((5,) if len(members) == 1 else (5, len(members))), name
    assert latent["pressure"].shape == (5, sizes["month"], 4)
    assert latent["history_standing"].shape == (5, sizes["agreement"], 4)
    assert latent["effects"].shape == (5, 4, 4)
    assert latent["shapes"].shape == (5, 4)


def test_draws_from_the_priors_have_the_means_of_the_prior_file(assembled: ModelData) -> None:
    n = 6000
    theta = breakdown.prior_draws(assembled, priors(), n=n, rng=np.random.default_rng(23))
    for name, members in breakdown.GROUPS.items():
        columns = theta[name].reshape(n, -1)
        if len(members) > 1:
            assert columns.shape[1] == len(members)
        laws = members if len(members) > 1 else members * columns.shape[1]
        for column, member in zip(columns.T, laws, strict=True):
            assert stats.kstest(column, law(member).cdf).pvalue > 1e-4, member
    for name in breakdown.WHITENED:
        some = theta[name].reshape(n, -1)[:, :3]
        np.testing.assert_allclose(some.mean(axis=0), 0.0, atol=5 / np.sqrt(n))
        np.testing.assert_allclose(some.std(axis=0), 1.0, atol=5 / np.sqrt(n))


def law(name: str) -> Any:
    """SciPy's law of a prior of the prior file."""
    prior = priors()[name]
    v = prior.values
    match prior.distribution:
        case "normal":
            return stats.norm(v["mean"], v["sd"])
        case "halfnormal":
            return stats.halfnorm(scale=v["sd"])
        case "lognormal":
            return stats.lognorm(v["sigma"], scale=np.exp(v["mu"]))
        case "beta":
            return stats.beta(v["a"], v["b"])
        case "gamma":
            return stats.gamma(v["shape"], scale=1.0 / v["rate"])
    raise AssertionError(prior.distribution)


def test_a_driver_of_a_case_starts_as_an_agreement_of_history_does(assembled: ModelData) -> None:
    # One law N(0, R) for the case's every month and for history's standings.
    _, latent = drawn(assembled, n=4000, seed=24)
    for values in (latent["pressure"][:, 0], latent["pressure"][:, 40], latent["pressure"][:, -1]):
        ours, theirs = values, latent["history_standing"][:, 7]
        np.testing.assert_allclose(ours.std(axis=0), 1.0, atol=0.05)
        for i, j in ((0, 1), (2, 3)):
            a, b = ours[:, i] * ours[:, j], theirs[:, i] * theirs[:, j]
            assert stats.ks_2samp(a, b).pvalue > 1e-3


def test_event_errors_grow_with_the_grade(world: tuple[Arrays, Arrays]) -> None:
    theta, latent = world
    np.testing.assert_array_equal(latent["event_sd"][:, 0], theta["event_error"][:, 0])
    assert np.all(np.diff(latent["event_sd"], axis=-1) > 0)


# ---- history ------------------------------------------------------------------------------------


def outcome_by_hand(
    assembled: ModelData, theta: Arrays, latent: Arrays, draw: int, j: int
) -> float:
    """Log-likelihood of one agreement, from its record and the formulas of the documentation."""
    spell, row = assembled.spells[j], assembled.agreements[j]
    assert all(a.set == "core" for a in assembled.agreements)
    centre = np.mean([covariates(a, assembled) for a in assembled.agreements], axis=0)
    w = covariates(row, assembled) - centre
    gamma = theta["covariate_effect"][draw]
    cluster = list(dict.fromkeys(a.cluster for a in assembled.agreements))
    frailty = (
        theta["cluster_sd"][draw] * theta["cluster_raw"][draw, cluster.index(row.cluster)]
        + theta["dyad_sd"][draw] * theta["dyad_raw"][draw, assembled.coords["dyad"].index(row.dyad)]
    )
    chol, z = latent["cholesky"][draw], latent["history_standing"][draw, j]
    np.testing.assert_allclose(z, chol @ theta["history_raw"][draw, j])
    rho2 = theta["persistence"][draw]
    phi = 2.0 ** (-1.0 / theta["half_life_months"][draw])
    total = 0.0
    for k, stream in enumerate(STREAMS):
        beta, s = latent["effects"][draw, k], latent["shapes"][draw, k]
        scale = theta["intercept"][draw, k] + gamma @ w + frailty

        def rate(v: float, beta: Any = beta, s: float = s, scale: float = scale) -> float:
            g = rho2 + (1.0 - rho2) * phi ** (12.0 * v ** (1.0 / s))
            spread = beta @ chol @ chol.T @ beta
            return float(np.exp(scale + g * beta @ z + 0.5 * (1.0 - g**2) * spread))

        stop = spell.stop_days[stream] / DAYS_PER_YEAR
        end = spell.event_end_days[stream] / DAYS_PER_YEAR
        total -= quad(rate, 0.0, stop**s, epsrel=1e-9, limit=200)[0]
        if spell.event[stream]:
            total += np.log(-np.expm1(-quad(rate, stop**s, end**s, epsrel=1e-9)[0]))
    return spell.weight * total


def covariates(agreement: Any, assembled: ModelData) -> np.ndarray:
    others = [a for a in history() if a.id not in assembled.case.excluded]
    wars = earlier_wars(agreement, others)
    return np.array(
        [
            agreement.contiguous,
            agreement.war_outcome == "decisive",
            agreement.third_party,
            agreement.territorial_unresolved,
            np.log(1.0 + wars),
        ],
        dtype=float,
    )


def test_an_agreements_outcome_has_the_likelihood_worked_by_hand(
    assembled: ModelData, world: tuple[Arrays, Arrays]
) -> None:
    theta, latent = world
    found = breakdown.outcomes(theta, latent, full(assembled), np)
    ids = assembled.coords["agreement"]
    assert found.shape == (3, len(ids))
    # Kashmir (two events), Sinai (a day old), Egypt (a war), Lusaka (a third), one that held.
    for row in ("R001", "R016", "R005", "R110", "R039", "R053", "R018"):
        j = ids.index(row)
        for draw in range(3):
            expected = outcome_by_hand(assembled, theta, latent, draw, j)
            assert found[draw, j] == pytest.approx(expected, rel=5e-3, abs=5e-3), (row, draw)


def test_an_outcome_does_not_depend_on_what_else_is_in_the_batch(
    assembled: ModelData, world: tuple[Arrays, Arrays]
) -> None:
    theta, latent = world
    everything = breakdown.outcomes(theta, latent, full(assembled), np)
    backwards = list(range(everything.shape[1]))[::-1]
    for rows in (backwards, [3], [40, 2, 17], [0] * 5):
        arrays, some = of_agreements(assembled, theta, rows)
        found = breakdown.outcomes(some, breakdown.latents(some, arrays, np), arrays, np)
        np.testing.assert_allclose(found, everything[:, rows], rtol=1e-13)


def test_the_cases_own_term_does_not_depend_on_which_agreements_are_in_the_batch(
    assembled: ModelData, world: tuple[Arrays, Arrays]
) -> None:
    theta, latent = world
    arrays, some = of_agreements(assembled, theta, [5, 60])
    np.testing.assert_array_equal(
        breakdown.holding(some, breakdown.latents(some, arrays, np), arrays, np),
        breakdown.holding(theta, latent, full(assembled), np),
    )


def test_draws_do_not_depend_on_each_other(
    assembled: ModelData, world: tuple[Arrays, Arrays]
) -> None:
    theta, latent = world
    together = breakdown.log_likelihoods(theta, latent, full(assembled), np)
    assert set(together) == {"outcomes", "codings", "events", "counts", "holding"}
    single = {name: value[1] for name, value in theta.items()}
    alone = breakdown.log_likelihoods(
        single, breakdown.latents(single, full(assembled), np), full(assembled), np
    )
    for name, term in together.items():
        np.testing.assert_allclose(alone[name], term[1], rtol=1e-12, err_msg=name)


def still(theta: Arrays, **changes: Any) -> Arrays:
    """Switch off drivers' effects, covariates and frailty."""
    quiet = dict(theta)
    for name in ("effect_mean", "effect_raw", "covariate_effect", "cluster_raw", "dyad_raw"):
        quiet[name] = np.zeros_like(theta[name])
    return {**quiet, **{name: np.asarray(value) for name, value in changes.items()}}


def possible(n: int, years: float) -> tuple[np.ndarray, np.ndarray]:
    """Everything that can happen to one agreement in `n` equal spans, marks alone.

    Each row is a history: the spans of the first event at or above each mark, at most one event a
    span; a stream scores only where the worse ones came later. Returns ages (edge, history,
    stream) and events.
    """
    rows = [
        (force, force < fatal, fatal, fatal < war, war, war < n)
        for war in range(n + 1)
        for fatal in range(war + 1)
        for force in range(fatal + 1)
    ]
    table = np.array(rows, dtype=float)
    event = np.zeros((len(table), 4))
    event[:, :3] = table[:, 1::2]
    stop = np.zeros((len(table), 4))
    stop[:, :3] = table[:, 0::2] * years / n
    ages = np.stack([np.zeros_like(stop), stop, stop + event * years / n])
    return ages, event


def chances(assembled: ModelData, theta: Arrays, n: int, years: float) -> tuple[Any, Any, Any]:
    """Probability of each possible history, with its streams' ages and events."""
    ages, event = possible(n, years)
    arrays, some = of_agreements(assembled, theta, [0] * len(event))
    arrays |= {
        "history_log_ages": hazard.log_years(ages),
        "history_event": event,
        "history_weight": np.ones(len(event)),
    }
    latent = breakdown.latents(some, arrays, np)
    return np.exp(breakdown.outcomes(some, latent, arrays, np)), ages, event


def test_the_chances_of_everything_that_can_happen_add_to_one(assembled: ModelData) -> None:
    theta, _ = drawn(assembled, n=1, seed=25)
    theta["intercept"] = np.array([[-1.6, -1.1, -1.9, -4.0]])
    off = []
    for n in (16, 32):
        chance, _, _ = chances(assembled, theta, n, years=2.0)
        off.append(abs(chance.sum() - 1.0))
    # Two events in one span are not among the histories: their chance halves with the span.
    assert off[1] < 0.02
    assert off[1] < 0.65 * off[0]


def test_marks_sum_to_the_total(assembled: ModelData) -> None:
    theta, _ = drawn(assembled, n=1, seed=26)
    alpha = np.array([-1.9, -1.2, -2.3, -4.0])
    theta = still(theta, intercept=alpha[None])
    latent = breakdown.latents(theta, full(assembled), np)
    chance, _, event = chances(assembled, theta, 32, years=2.0)
    accumulated = np.exp(alpha[:3]) * 2.0 ** latent["shapes"][0, :3]
    ladder = np.stack([event[:, k:3].any(axis=1) for k in range(3)])
    reached = (chance * ladder).sum(-1)
    # At least a mark: the sum of its own hazard and of the worse ones.
    expected = -np.expm1(-np.cumsum(accumulated[::-1])[::-1])
    np.testing.assert_allclose(reached, expected, rtol=0.03)
    assert reached[0] > reached[1] > reached[2]


def test_one_stream_alone_has_the_interval_censored_weibull_fit_of_scipy(
    assembled: ModelData,
) -> None:
    from scipy.optimize import minimize

    theta, _ = drawn(assembled, n=1, seed=27)
    arrays = {**full(assembled), "history_weight": np.ones(66)}
    others = {"shape": [1.0], "shape_spread": [1.0], "intercept": [[-2.0, -2.0, -2.0, -6.0]]}
    theta = still(theta, **others)

    def minus(parameters: np.ndarray) -> float:
        theta["shape_raw"] = np.array([[0.0, 0.0, parameters[0]]])
        theta["intercept"][0, WAR] = parameters[1]
        latent = breakdown.latents(theta, arrays, np)
        return -float(breakdown.outcomes(theta, latent, arrays, np).sum())

    fit = minimize(minus, [-0.5, -2.0], method="Nelder-Mead", options={"xatol": 1e-7})
    spans = [spell.stream("war") for spell in assembled.spells]
    intervals = [[s.stop_days, s.event_end_days if s.event else np.inf] for s in spans]
    censored = stats.CensoredData(
        interval=[pair for pair in intervals if np.isfinite(pair[1])],
        right=[pair[0] for pair in intervals if not np.isfinite(pair[1])],
    )
    shape, _, scale = stats.weibull_min.fit(censored, 0.5, floc=0, scale=20_000)
    assert np.exp(fit.x[0]) == pytest.approx(shape, abs=1e-3)
    assert -fit.x[1] / np.exp(fit.x[0]) == pytest.approx(np.log(scale / DAYS_PER_YEAR), abs=3e-3)


def test_worse_standing_makes_breakdown_likelier_and_holding_less_so(assembled: ModelData) -> None:
    theta, _ = drawn(assembled, n=1, seed=28)
    theta = still(theta, effect_mean=np.array([[0.4, 0.2, 0.3, 0.1]]), persistence=[0.999])
    theta["effect_raw"] = np.zeros((1, 4, 4))
    theta["intercept"] = np.array([[-5.0, -5.0, -5.0, -8.0]])
    theta["history_raw"] = np.zeros((1, 66, 4))
    bad = {**theta, "history_raw": theta["history_raw"] + 0.1}
    bad["partial_correlation"] = theta["partial_correlation"] = np.full((1, 6), 0.5)
    arrays = full(assembled)
    change = np.subtract(
        *(
            breakdown.outcomes(each, breakdown.latents(each, arrays, np), arrays, np)
            for each in (bad, theta)
        )
    )[0]
    broke = full(assembled)["history_event"].any(axis=1)
    assert np.all(change[broke] > 0)
    assert np.all(change[~broke] < 0)


# ---- ratings ------------------------------------------------------------------------------------


def levels(theta: Arrays, draw: int, location: int) -> np.ndarray:
    gaps = theta["cutpoint_gap"][draw]
    inner = np.concatenate([[0.0], np.cumsum(gaps)])
    cuts = theta["cutpoint_location"][draw, location] + inner - inner.mean()
    return np.concatenate([[-np.inf], cuts, [np.inf]])


def rated(theta: Arrays, draw: int, location: int, coder: int, rating: int, signal: float) -> float:
    cuts = levels(theta, draw, location) - theta["discrimination"][draw, coder] * signal
    return float(np.log(expit(cuts[rating + 4]) - expit(cuts[rating + 3])))


def test_codings_of_history_and_anchors_have_the_likelihood_worked_by_hand(
    assembled: ModelData, world: tuple[Arrays, Arrays]
) -> None:
    theta, latent = world
    found = breakdown.codings(theta, latent, full(assembled), np)
    things = assembled.coords["thing"]
    assert found.shape == (3, len(things))
    for row in ("R001", "R027", "R053"):
        j = assembled.coords["agreement"].index(row)
        agreement, spell = assembled.agreements[j], assembled.spells[j]
        decade = 10 * DAYS_PER_YEAR
        broke = any(spell.event[s] and spell.stop_days[s] <= decade for s in ("war", "abrogation"))
        for d, driver in enumerate(DRIVERS):
            t = things.index(f"{row}:{driver}")
            for draw in range(3):
                signal = latent["history_standing"][draw, j, d] + 0.25 * broke
                signal += 0.3 * theta["coding_error_raw"][draw, t]
                expected = sum(
                    rated(theta, draw, d, "ab".index(r.coder), getattr(r, driver), signal)
                    for r in agreement.ratings
                )
                assert found[draw, t] == pytest.approx(expected, rel=1e-8)
    month = assembled.coords["month"].index("2025-08")
    for d, (driver, rating) in enumerate(zip(DRIVERS, (-1, 3, 1, -1), strict=True)):
        t = things.index(f"2025-08-08:{driver}")
        signal = latent["pressure"][0, month, d] + 0.3 * theta["coding_error_raw"][0, t]
        expected = sum(rated(theta, 0, d, coder, rating, signal) for coder in (0, 1))
        assert found[0, t] == pytest.approx(expected, rel=1e-8)


def test_events_have_the_likelihood_worked_by_hand(
    assembled: ModelData, world: tuple[Arrays, Arrays]
) -> None:
    theta, latent = world
    found = breakdown.events(theta, latent, full(assembled), np)
    nodes, log_weights = ratings.SAMPLER_RULE
    events, months = assembled.coords["event"], assembled.coords["month"]
    grouped: dict[str, list[Any]] = {}
    for item in assembled.used:
        grouped.setdefault(item.event, []).append(item)
    assert set(grouped) == set(events)
    several = [name for name, items in grouped.items() if len(items) > 1]
    assert several
    for name in (*several, *events[:5]):
        items, e = grouped[name], events.index(name)
        d = DRIVERS.index(items[0].driver)
        month = months.index(f"{min(i.date for i in items):%Y-%m}")
        grade = min(GRADES.index(i.grade) for i in items)
        for draw in range(3):
            sd, eps = latent["event_sd"][draw, grade], theta["noise"][draw, grade]
            x = latent["pressure"][draw, :, d]
            told = x[month] - theta["level_change"][draw] * x[month - 1]
            chance = []
            for signal, spread in ((told, sd), (0.0, np.sqrt(1 + sd**2))):
                each = [
                    log_weight
                    + sum(
                        rated(theta, draw, 4 + d, "ab".index(coder), rating, signal + spread * node)
                        for i in items
                        for coder, rating in i.ratings
                    )
                    for node, log_weight in zip(nodes, log_weights, strict=True)
                ]
                chance.append(np.exp(each).sum())
            expected = np.log((1 - eps) * chance[0] + eps * chance[1])
            assert found[draw, e] == pytest.approx(expected, rel=1e-7), name


def test_a_new_outcomes_likelihood_has_what_is_its_own_integrated_out(
    assembled: ModelData, world: tuple[Arrays, Arrays]
) -> None:
    data, rng = full(assembled), np.random.default_rng(31)
    n_agreements = len(assembled.coords["agreement"])

    def drawn(n: int) -> Arrays:
        """Draw a third world's standings, coding errors and frailties anew."""
        theta = {name: np.repeat(v[2:3], n, axis=0) for name, v in world[0].items()}
        for name in ("history_raw", "coding_error_raw"):
            theta[name] = rng.standard_normal(theta[name].shape)
        shares = np.bincount(np.concatenate([data["row_cluster"], data["row_dyad"]]))
        clusters = theta["cluster_raw"].shape[-1]
        for name, alone in (("cluster_raw", shares[:clusters]), ("dyad_raw", shares[clusters:])):
            fresh = rng.standard_normal(theta[name].shape)
            theta[name] = np.where(alone == 1, fresh, theta[name])
        return theta

    theta = drawn(40)
    points = ndtri(Sobol(6, rng=np.random.default_rng(1)).random(1024))
    some = breakdown.latents(theta, data, np)
    found = marginals().outcomes(theta, some, data, points)
    np.testing.assert_allclose(found, found[:1].repeat(len(found), axis=0), rtol=1e-9)
    row = data["coding_row"]
    # Sums of likelihoods of the ratings, with and without that of the outcome, and of squares.
    told, both = np.zeros((2, n_agreements)), np.zeros((2, n_agreements))
    of_history = row < n_agreements
    for _ in range(20):
        theta = drawn(1500)
        latent = breakdown.latents(theta, data, np)
        each = breakdown.codings(theta, latent, data, np)[:, of_history]
        codings = np.zeros((len(each), n_agreements))
        np.add.at(codings, (slice(None), row[of_history]), each)
        outcome = breakdown.outcomes(theta, latent, data, np)
        for power in (1, 2):
            told[power - 1] += np.exp(power * codings).sum(0)
            both[power - 1] += np.exp(power * (codings + outcome)).sum(0)
    apart = np.abs(found[0] - np.log(both[0] / told[0]))
    error = np.sqrt(both[1] / both[0] ** 2 + told[1] / told[0] ** 2)
    sure = error < 0.1
    assert sure.sum() > 20
    # A few outcomes hang on rare draws of a frailty; there plain sampling is the one that errs.
    assert np.median(apart[sure]) < 0.04
    assert np.quantile(apart[sure], 0.9) < 0.12
    # What is integrated out matters: the outcome given the drawn standing is another number.
    assert np.abs(breakdown.outcomes(theta, latent, data, np).mean(0) - found[0]).max() > 0.5


def test_a_new_events_likelihood_has_both_its_errors_integrated_out(
    assembled: ModelData, world: tuple[Arrays, Arrays]
) -> None:
    theta, latent = world
    arrays = full(assembled)
    found = marginals().events(theta, latent, arrays)
    one, where = ({name: v[2] for name, v in each.items()} for each in (theta, latent))
    events = np.arange(len(assembled.coords["event"]))
    places, count = breakdown.readings_of(arrays, len(assembled.coords["thing"]) + events)
    kappa, lower, upper = (v[places] for v in breakdown.scales_of_readings(one, arrays, np))
    thing = np.repeat(events, count)
    told = breakdown.event_signal(one, where, arrays, np)
    sd = where["event_sd"][arrays["event_grade"]]
    noise = one["noise"][arrays["event_grade"]]
    rng, n = np.random.default_rng(29), 20_000
    total, square = np.zeros(events.size), np.zeros(events.size)
    for _ in range(10):
        shape = (n // 10, events.size)
        unrelated = rng.random(shape) < noise
        error = rng.standard_normal(shape)
        seen = np.where(unrelated, np.sqrt(1.0 + sd**2) * error, told + sd * error)
        law = expit(upper - kappa * seen[:, thing]) - expit(lower - kappa * seen[:, thing])
        chance = np.exp(ratings.sum_by_thing(np.log(law), np.cumsum(count) - 1, np))
        total += chance.sum(0)
        square += (chance**2).sum(0)
    mean = total / n
    error = np.sqrt(square / n - mean**2) / np.sqrt(n)
    np.testing.assert_array_less(np.abs(np.exp(found[2]) - mean), 5 * error + 0.01 * mean)


def apart_of_samplers_events(theta: Arrays, arrays: Arrays) -> np.ndarray:
    """How far the sampler's sum over events is from everything else's, (draw,)."""
    latent = breakdown.latents(theta, arrays, np)
    sampled = breakdown.events(theta, latent, arrays, np)
    exact = marginals().events(theta, latent, arrays)
    assert sampled.shape == exact.shape
    assert np.abs(exact).max() > 3.0
    return np.asarray((sampled - exact).sum(axis=-1))


def test_a_sampler_has_the_events_that_everything_else_has() -> None:
    """Its rule has half the nodes: over draws the sum over events must not wander."""
    assembled = data()
    theta, _ = drawn(assembled, n=40, seed=32)
    apart = np.abs(apart_of_samplers_events(theta, full(assembled)))
    # Under the prior a few coders are far sharper than any that news has had.
    assert np.quantile(apart, 0.5) < 0.02
    assert np.quantile(apart, 0.9) < 0.2


@pytest.mark.slow
def test_over_a_posterior_a_sampler_has_the_events_that_everything_else_has(brief_fit: Fit) -> None:
    apart = apart_of_samplers_events(brief_fit.theta(), brief_fit.model.arrays)
    assert np.std(apart) < 0.1
    assert abs(np.mean(apart)) < 0.02


@pytest.mark.parametrize(("bounds", "share"), [((0.0, 0.0), 0.0), ((1.0, 1.0), 1.0)])
def test_news_can_be_read_as_level_or_as_change(bounds: tuple[float, float], share: float) -> None:
    extreme = data(level_change=bounds)
    theta, latent = drawn(extreme, n=2, seed=30)
    flat = {**latent, "pressure": np.cumsum(np.ones_like(latent["pressure"]), axis=-2)}
    told = breakdown.event_signal(theta, flat, full(extreme), np)
    place = full(extreme)["event_month"] + 1.0
    np.testing.assert_allclose(told, np.broadcast_to(place - share * (place - 1), told.shape))


# ---- the case -----------------------------------------------------------------------------------


def by_day(assembled: ModelData, theta: Arrays, latent: Arrays, draw: int, k: int) -> np.ndarray:
    """Hazard of one stream accumulated on each day from the deal to the cutoff."""
    case = assembled.case
    start = assembled.clock_start.toordinal()
    days = np.arange(case.deal.toordinal(), assembled.cutoff.toordinal() + 1)
    months = [
        assembled.coords["month"].index(f"{date.fromordinal(int(day)):%Y-%m}") for day in days
    ]
    s = latent["shapes"][draw, k]
    own = full(assembled)["row_covariates"][-1]
    scale = theta["intercept"][draw, k] + theta["covariate_effect"][draw] @ own
    for name, label in (("cluster", case.cluster), ("dyad", case.dyad)):
        place = assembled.coords[name].index(label)
        scale += theta[f"{name}_sd"][draw] * theta[f"{name}_raw"][draw, place]
    pull = latent["pressure"][draw, months] @ latent["effects"][draw, k]
    ages = (days - start) / DAYS_PER_YEAR
    return np.asarray(
        np.exp(scale + pull) * ((ages + 1 / DAYS_PER_YEAR) ** s - np.maximum(ages, 0.0) ** s)
    )


@pytest.mark.parametrize("clock", ["settlement", "deal"])
def test_having_held_has_the_likelihood_summed_day_by_day(clock: Any) -> None:
    known = {
        "force": date(2026, 6, 30),
        "fatal": date(2026, 2, 11),
        "war": date(2026, 6, 1),
        "abrogation": date(2025, 8, 31),
    }
    assembled = data(replace(flagship(), observed_to=known), clock=clock)
    theta, latent = drawn(assembled, n=2, seed=31)
    found = breakdown.holding(theta, latent, full(assembled), np)
    assert found.shape == (2, 4)
    for draw in range(2):
        for k, stream in enumerate(STREAMS):
            last = (known[stream] - flagship().deal).days + 1
            each = by_day(assembled, theta, latent, draw, k)[:last]
            assert found[draw, k] == pytest.approx(-each.sum(), rel=1e-8), stream


def test_a_rung_that_happened_scores_its_day_and_leaves_the_worse_ones_running() -> None:
    day = date(2025, 12, 24)
    assembled = data(replace(flagship(), happened=(happened("fatal", day),)))
    theta, latent = drawn(assembled, n=2, seed=32)
    found = breakdown.holding(theta, latent, full(assembled), np)
    before = (day - flagship().deal).days
    for draw in range(2):
        daily = [by_day(assembled, theta, latent, draw, k) for k in range(4)]
        assert found[draw, FORCE] == pytest.approx(-daily[FORCE][:before].sum(), rel=1e-8)
        scored = np.log(-np.expm1(-daily[FATAL][before])) - daily[FATAL][:before].sum()
        assert found[draw, FATAL] == pytest.approx(scored, rel=1e-8)
        for k in (WAR, ABROGATION):
            assert found[draw, k] == pytest.approx(-daily[k].sum(), rel=1e-8)


# ---- one mathematics in two worlds --------------------------------------------------------------

EARLY = date(2025, 8, 20)
"""A cutoff twelve days after the deal."""


def with_rungs() -> ModelData:
    """Give the shipped case had force and deaths come after the deal."""
    shots = (happened("force", date(2025, 10, 2)), happened("fatal", date(2026, 3, 5)))
    return data(replace(flagship(), happened=shots), clock="deal", level_change=(0.2, 0.9))


@pytest.mark.parametrize(
    "make",
    [data, with_rungs, lambda: data(bare(), cutoff=EARLY)],
    ids=["flagship", "rungs", "bare"],
)
def test_pytensor_and_numpy_compute_one_log_probability(make: Any) -> None:
    assembled = make()
    theta = breakdown.prior_draws(assembled, priors(), n=1, rng=np.random.default_rng(33))
    theta = {name: value[0] for name, value in theta.items()}
    # A hazard of a thousand events a year would make every other term vanish in rounding.
    theta["intercept"] = np.array([-2.0, -1.5, -2.5, -5.0])
    latent = breakdown.latents(theta, full(assembled), np)
    terms = breakdown.log_likelihoods(theta, latent, full(assembled), np)
    found, prior = in_pytensor(breakdown.build(assembled, priors()), theta)
    assert set(found) == set(terms)
    for name, term in terms.items():
        np.testing.assert_allclose(found[name], term, rtol=1e-9, atol=1e-11, err_msg=name)
    assert prior == pytest.approx(log_prior(assembled, theta), rel=1e-9)


def in_pytensor(model: Any, theta: Arrays) -> tuple[dict[str, np.ndarray], float]:
    """Evaluate a model's likelihood terms and log prior, without compiling machine code."""
    import pytensor

    assert {free.name for free in model.free_RVs} == set(theta)
    inputs, natural = [], {}
    for free in model.free_RVs:
        value, transform = model.rvs_to_values[free], model.rvs_to_transforms[free]
        inputs.append(free.type(name=free.name))
        if transform is None:
            natural[value] = inputs[-1]
        else:
            natural[value] = transform.forward(inputs[-1], *free.owner.inputs)
    outputs = model.logp(vars=model.observed_RVs, sum=False, jacobian=False)
    outputs = [*outputs, model.logp(vars=model.free_RVs, jacobian=False)]
    outputs = pytensor.graph.replace.graph_replace(outputs, natural)
    mode = pytensor.compile.mode.Mode(linker="py", optimizer=None)
    function = pytensor.function(inputs, outputs, mode=mode, on_unused_input="ignore")
    *terms, prior = function(*(theta[each.name] for each in inputs))
    names = (observed.name for observed in model.observed_RVs)
    return dict(zip(names, terms, strict=True)), float(prior)


def log_prior(assembled: ModelData, theta: Arrays) -> float:
    """Log density of the parameters, by SciPy and the prior file."""
    eta = priors()["correlation"].values["eta"]
    shapes = np.array([eta + 1, eta + 1, eta + 0.5, eta + 1, eta + 0.5, eta])
    total = stats.beta(shapes, shapes).logpdf(theta["partial_correlation"]).sum()
    for name in set(theta) & set(breakdown.WHITENED):
        total += stats.norm.logpdf(theta[name]).sum()
    for name in set(theta) & set(breakdown.GROUPS):
        members = breakdown.GROUPS[name]
        for i, member in enumerate(members):
            value = theta[name][..., i] if len(members) > 1 else theta[name]
            total += law(member).logpdf(value).sum()
    return float(total)
