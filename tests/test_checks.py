"""Predictive checks: replications by the model's own probabilities, and leaving one out."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
from fitted import drawn_fit, first_draws, narrow_fit, repeated
from scipy import stats
from scipy.special import expit, ndtri
from scipy.stats.qmc import Sobol
from worlds import bare

from durability import checks
from durability.catalogue import marginals
from durability.cross_validation import leave_one_out
from durability.inference import Fit, thinned_draws
from durability.vocabulary import DAYS_PER_YEAR, RUNGS, STREAMS


@pytest.fixture(scope="module")
def narrow() -> Fit:
    return narrow_fit(draws=30, seed=3)


@pytest.fixture(scope="module")
def checked(narrow: Fit) -> checks.Checked:
    return checks.check(narrow, narrow.theta())


# ---- ratings ------------------------------------------------------------------------------------


def test_replicated_ratings_come_as_often_as_their_probabilities_say() -> None:
    n = 6000
    fit = repeated(drawn_fit(draws=1, chains=1, seed=12), n)
    arrays, theta = fit.model.arrays, fit.theta()
    latent = fit.model.module.latents(theta, arrays, np)
    levels = fit.model.module.replicated_readings(theta, latent, arrays, np.random.default_rng(1))
    once = {name: values[0] for name, values in theta.items()}
    known = {name: values[0] for name, values in latent.items()}
    expected = np.array([probabilities(arrays, once, known, r) for r in range(levels.shape[1])])
    found = np.stack([(levels == k).mean(axis=0) for k in range(7)], axis=-1)
    spread = np.sqrt(np.maximum(expected * (1 - expected), 4 / n) / n)
    assert np.abs((found - expected) / spread).max() < 5.5
    # The fixed draw's readings are of both kinds.
    things = arrays["reading_thing"][: levels.shape[1]]
    assert (things < len(arrays["coding_row"])).any()
    assert (things >= len(arrays["coding_row"])).any()


def probabilities(
    arrays: dict[str, np.ndarray],
    theta: dict[str, np.ndarray],
    latent: dict[str, np.ndarray],
    r: int,
) -> np.ndarray:
    """Probability of each level of one reading, its errors integrated over a normal grid."""
    thing, n_codings = arrays["reading_thing"][r], len(arrays["coding_row"])
    nodes = np.linspace(-8, 8, 801)
    weights = stats.norm.pdf(nodes)
    weights /= weights.sum()
    if thing < n_codings:
        row, d = arrays["coding_row"][thing], arrays["coding_driver"][thing]
        anchors = latent["pressure"][arrays["anchor_month"]]
        signal = np.vstack([latent["history_standing"], anchors])[row, d]
        signal += arrays["hindsight"] * arrays["coding_broke"][thing]
        parts = [(1.0, signal, float(arrays["shared_error"]))]
    else:
        e = thing - n_codings
        month, d, grade = (arrays[f"event_{name}"][e] for name in ("month", "driver", "grade"))
        x = latent["pressure"][:, d]
        low, high = arrays["level_change_low"], arrays["level_change_high"]
        share = float(low + (high - low) * theta["level_change"])
        sd = latent["event_sd"][grade]
        noise = theta["noise"][grade]
        parts = [
            (1.0 - noise, x[month] - share * x[month - 1], sd),
            (noise, 0.0, np.sqrt(1.0 + sd**2)),
        ]
    gaps = np.concatenate([[0.0], np.cumsum(theta["cutpoint_gap"])])
    cuts = theta["cutpoint_location"][arrays["reading_location"][r]] + gaps - gaps.mean()
    kappa = theta["discrimination"][arrays["reading_coder"][r]]
    below = np.zeros(6)
    for chance, signal, sd in parts:
        seen = kappa * (signal + sd * nodes)
        below += chance * (expit(cuts[:, None] - seen) * weights).sum(axis=1)
    return np.diff(np.concatenate([[0.0], below, [1.0]]))


def test_observed_ratings_are_counted_once_each(narrow: Fit, checked: checks.Checked) -> None:
    told = checked.record["ratings"]
    data = narrow.model.data
    said = [rating for item in data.used for _, rating in item.ratings]
    said += [
        getattr(each, driver)
        for row in data.agreements
        for each in row.ratings
        for driver in data.coords["driver"]
    ]
    said += [score for each in data.case.standings for score in each.ratings.values()]
    assert told["category"] == [-3, -2, -1, 0, 1, 2, 3]
    assert told["observed"] == [said.count(k) for k in told["category"]]
    assert sum(told["predicted_mean"]) == pytest.approx(len(said))
    assert all(a <= b for a, b in zip(told["low"], told["high"], strict=True))


# ---- outcomes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("scale", "shape"), [(0.9, 0.6), (0.05, 1.4), (3.0, 0.45)])
def test_inverted_hazards_give_the_quantiles_of_a_weibull(scale: float, shape: float) -> None:
    n = 8000
    years = checks.INVERSION_YEARS
    cumulative = np.broadcast_to((scale * years**shape)[None, :, None, None], (n, len(years), 1, 1))
    times = checks._event_times(cumulative, np.random.default_rng(4)).ravel()
    last = -np.expm1(-scale * years[-1] ** shape)
    assert np.isfinite(times).mean() == pytest.approx(last, abs=4 * np.sqrt(0.25 / n))
    # Uniform hazard between the grid's ages: beyond the first day within a hundredth of the law.
    for t in (0.02, 0.3, 2.0, 11.0, 60.0):
        share = (times <= t).mean()
        assert share == pytest.approx(
            -np.expm1(-scale * t**shape), abs=0.01 + 3 * np.sqrt(0.25 / n)
        )


def test_at_the_grids_own_ages_inversion_is_exact() -> None:
    n = 20000
    rng = np.random.default_rng(5)
    hazard = np.cumsum(rng.gamma(0.4, 0.2, len(checks.INVERSION_YEARS)))
    hazard[0] = 0.0
    cumulative = np.broadcast_to(hazard[None, :, None, None], (n, len(hazard), 1, 1))
    times = checks._event_times(cumulative, rng).ravel()
    for place in (3, 17, 30, 40):
        share = (times <= checks.INVERSION_YEARS[place]).mean()
        expected = -np.expm1(-hazard[place])
        assert share == pytest.approx(expected, abs=4 * np.sqrt(0.25 / n)), place


def test_streams_and_agreements_have_clocks_of_their_own() -> None:
    cumulative = np.ones((3000, len(checks.INVERSION_YEARS), 2, 4))
    cumulative *= checks.INVERSION_YEARS[None, :, None, None] * 0.2
    times = checks._event_times(cumulative, np.random.default_rng(6)).reshape(3000, -1)
    ranks = stats.rankdata(times, axis=0)
    assert np.abs(np.corrcoef(ranks.T) - np.eye(8)).max() < 0.08


def test_rungs_are_reached_by_the_first_clock_at_or_above_them() -> None:
    never = np.inf
    streams = np.array(
        [
            # force, fatal, war, abrogation
            [1.0, 2.0, 3.0, never],
            [5.0, 2.0, 3.0, 2.5],
            [never, never, 4.0, 1.0],
            [never, never, never, never],
            [7.0, never, 6.0, 6.5],
        ]
    )
    expected = np.array(
        [
            # force, fatal, war, abrogation, breakdown
            [1.0, 2.0, 3.0, never, 3.0],
            [2.0, 2.0, never, 2.5, 2.5],
            [never, never, never, 1.0, 1.0],
            [never, never, never, never, never],
            [6.0, 6.0, 6.0, never, 6.0],
        ]
    )
    np.testing.assert_array_equal(checks._rung_times(streams[None]), expected[None])


def test_observed_outcomes_are_the_spells_counted_by_weight(
    narrow: Fit, checked: checks.Checked
) -> None:
    rows = {(row["rung"], row["years"]): row for row in checked.record["ladder"]}
    assert set(rows) == {(rung, years) for rung in RUNGS for years in (1, 5, 10)}
    for (rung, years), row in rows.items():
        counted = sum(
            spell.weight
            for spell in narrow.model.data.spells
            if spell.rung(rung).event and spell.rung(rung).stop_days <= years * DAYS_PER_YEAR
        )
        assert row["observed"] == pytest.approx(counted), (rung, years)
    assert rows["force", 10]["observed"] > rows["fatal", 10]["observed"] > 0


def test_replicated_outcomes_are_as_many_as_the_hazards_say() -> None:
    fit = repeated(drawn_fit(draws=1, chains=1, seed=14), 400)
    told, times = checks._ladder(fit, np.random.default_rng(7))
    assert times.shape[1:] == (66, 5)
    weight = np.array([spell.weight for spell in fit.model.data.spells])
    limit = np.array([spell.limit_days for spell in fit.model.data.spells]) / DAYS_PER_YEAR
    war = STREAMS.index("war")
    for row in told:
        if row["rung"] != "breakdown":
            continue
        ages = np.minimum(limit[:, war], row["years"])
        expected = 0.0
        one = first_draws(fit, 1)
        for j, age in enumerate(ages):
            found = checks.cumulative_by_age(one, one.theta(), np.array([age]))[0, 0, j]
            expected += weight[j] * -np.expm1(-found[war:].sum())
        spread = np.sqrt(weight.sum() / 4 / len(times))
        assert row["mean"] == pytest.approx(expected, abs=4 * spread + 0.01 * weight.sum())


# ---- leaving one out ----------------------------------------------------------------------------


def test_leaving_one_out_is_the_closed_form_of_a_normal_mean() -> None:
    # y_i ~ N(mu, 1), mu ~ N(0, 10²): the predictive density of each y_i given the others is known.
    rng = np.random.default_rng(9)
    y = rng.normal(1.3, 1.0, 25)
    precision = len(y) + 0.01
    mu = rng.normal(y.sum() / precision, precision**-0.5, (4, 2500))
    pointwise = stats.norm.logpdf(y, mu[..., None], 1.0)
    told = leave_one_out(pointwise, [f"R{i:03d}" for i in range(25)], "outcomes")
    rest = (len(y) - 1) + 0.01
    mean = (y.sum() - y) / rest
    exact = stats.norm.logpdf(y, mean, np.sqrt(1.0 + 1.0 / rest))
    assert told["elpd"] == pytest.approx(exact.sum(), abs=0.1)
    for row, value in zip(told["rows"], exact, strict=True):
        assert row["elpd"] == pytest.approx(value, abs=0.02)
    assert [row["id"] for row in told["rows"][:2]] == ["R000", "R001"]
    assert told["se"] == pytest.approx(np.sqrt(25 * exact.var()), rel=0.1)
    assert told["p"] == pytest.approx(1.0, abs=0.4)
    assert told["pareto_k_max"] == max(row["pareto_k"] for row in told["rows"]) < 0.7
    assert told["k_over_0_7"] == 0


def test_a_unit_that_rules_the_posterior_is_counted() -> None:
    rng = np.random.default_rng(10)
    pointwise = rng.normal(0.0, 0.05, (4, 500, 6))
    pointwise[..., 2] = 4.0 * rng.standard_t(2, (4, 500))
    told = leave_one_out(pointwise, list("abcdef"), "events")
    assert told["k_over_0_7"] == 1
    (bad,) = [row["id"] for row in told["rows"] if row["pareto_k"] > 0.7]
    assert bad == "c"


def test_leaving_one_out_is_arvizs_on_the_same_draws(checked: checks.Checked) -> None:
    import arviz as az

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = az.loo(checked.tree, var_name="events", pointwise=True, reff=1.0)
    assert checked.record["loo"]["events"]["elpd"] == pytest.approx(float(found.elpd), rel=1e-9)


def test_ratios_that_undo_the_likelihood_are_what_arviz_takes_by_itself() -> None:
    pointwise = np.random.default_rng(11).normal(-2.0, 0.4, (4, 300, 7))
    told = leave_one_out(pointwise, range(7), "outcomes", ratios=-pointwise)
    plain = leave_one_out(pointwise, range(7), "outcomes")
    for row, other in zip(told["rows"], plain["rows"], strict=True):
        assert row["elpd"] == pytest.approx(other["elpd"], rel=1e-9)
        assert row["pareto_k"] == pytest.approx(other["pareto_k"], rel=1e-6)
    assert told["p"] == pytest.approx(plain["p"])


def test_the_mark_of_hindsight_goes_with_the_outcome_that_put_it_on() -> None:
    """Two laws of a rating, with the outcome's mark and without: the exact posterior is known."""
    # A rating r ~ N(θ + h b, 1) where b marks a breakdown; y ~ Bernoulli(θ's own chance).
    rng = np.random.default_rng(12)
    theta = rng.normal(size=40_000)
    h, r = 0.8, 1.4
    chance = expit(-0.5 + theta)
    marked, blind = stats.norm.logpdf(r, theta + h), stats.norm.logpdf(r, theta)
    # Draws of the fit: the prior, weighed by the marked rating and the breakdown.
    weight = np.exp(marked) * chance
    drawn = rng.choice(theta.size, size=20_000, p=weight / weight.sum())
    ratios = (blind - marked - np.log(chance))[drawn].reshape((4, -1, 1))
    density = np.log(chance)[drawn].reshape((4, -1, 1))
    exact = np.log(np.average(chance, weights=np.exp(blind)))
    told = leave_one_out(density, ["y"], "outcomes", ratios=ratios)["elpd"]
    assert told == pytest.approx(exact, abs=0.02)
    leaking = leave_one_out(density, ["y"], "outcomes")["elpd"]
    assert abs(leaking - exact) > 0.1


def test_outcomes_of_a_case_are_left_out_by_both(narrow: Fit, checked: checks.Checked) -> None:
    found = checks.left_out_outcomes(narrow)
    broke = np.zeros(66, dtype=bool)
    arrays = narrow.model.arrays
    rows = arrays["coding_row"][arrays["coding_broke"] > 0.0]
    broke[rows[rows < 66]] = True
    assert 0 < broke.sum() < 66
    apart = np.abs(found["ratios"] + found["outcomes"]).max(axis=(0, 1))
    assert (apart[~broke] < 1e-9).all()
    assert (apart[broke] > 1e-3).all()
    told = checked.record["loo"]["outcomes"]
    labels = list(narrow.model.data.coords["agreement"])
    assert told == leave_one_out(found["outcomes"], labels, "outcomes", ratios=found["ratios"])
    assert told["elpd"] != leave_one_out(found["outcomes"], labels, "outcomes")["elpd"]
    assert [row["id"] for row in told["rows"]] == list(narrow.model.data.coords["agreement"])


def test_the_units_are_an_agreements_outcome_and_an_event(
    narrow: Fit, checked: checks.Checked
) -> None:
    group = checked.tree["log_likelihood"].to_dataset()
    coords = narrow.model.data.coords
    assert group["outcomes"].dims == ("chain", "draw", "agreement")
    assert group["events"].dims == ("chain", "draw", "event")
    assert tuple(group["agreement"].values) == coords["agreement"]
    assert tuple(group["event"].values) == coords["event"]
    ids = [row["id"] for row in checked.record["loo"]["events"]["rows"]]
    assert tuple(ids) == coords["event"]


def test_log_likelihoods_stand_in_the_place_of_their_draw(
    narrow: Fit, checked: checks.Checked
) -> None:
    group, arrays = checked.tree["log_likelihood"].to_dataset(), narrow.model.arrays
    i = narrow.settings.draws + 4
    theta = {name: values[i : i + 1] for name, values in narrow.theta().items()}
    latent = narrow.model.module.latents(theta, arrays, np)
    events = marginals().events(theta, latent, arrays)[0]
    # Points depend on all draws a little, through where and how widely they are spread.
    points = ndtri(Sobol(6, rng=np.random.default_rng(checks.OWN_SEED)).random(checks.OWN_POINTS))
    whole = narrow.model.module.latents(narrow.theta(), arrays, np)
    outcomes = marginals().outcomes(narrow.theta(), whole, arrays, points)[i]
    np.testing.assert_allclose(group["outcomes"].values[1, 4], outcomes, rtol=1e-10)
    np.testing.assert_allclose(group["events"].values[1, 4], events, rtol=1e-10)


def test_a_case_without_news_has_outcomes_alone() -> None:
    fit = narrow_fit(bare(), draws=30)
    checked = checks.check(fit, fit.theta())
    assert set(checked.record["loo"]) == {"outcomes"}
    assert sum(checked.record["ratings"]["observed"]) == 66 * 4 * 2


# ---- draws --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "kept"), [(60, 30), (1000, 30), (12, 6), (1, 1)])
def test_thinning_takes_the_same_places_of_every_chain(narrow: Fit, n: int, kept: int) -> None:
    places, theta = thinned_draws(narrow, n)
    assert len(places) == kept
    assert len(set(np.diff(places))) <= 1
    whole = narrow.tree["posterior"]["intercept"].values
    np.testing.assert_array_equal(
        theta["intercept"], np.concatenate([whole[0][places], whole[1][places]])
    )


def test_the_checks_keep_the_fit_and_do_not_change_it(narrow: Fit, checked: checks.Checked) -> None:
    assert set(narrow.tree.children) < set(checked.tree.children)
    assert {"prior", "posterior_predictive", "log_likelihood"} <= set(checked.tree.children)
    assert "log_likelihood" not in narrow.tree.children


def test_the_same_seed_gives_the_same_checks(narrow: Fit, checked: checks.Checked) -> None:
    assert checks.check(narrow, narrow.theta()).record == checked.record
    other = replace(narrow, settings=replace(narrow.settings, seed=2))
    assert checks.check(other, narrow.theta()).record["ladder"] != checked.record["ladder"]
