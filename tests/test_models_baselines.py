"""The baselines against closed forms, SciPy's maximum likelihood, and quadrature."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from durability.models import baselines, hazard
from scipy import integrate, special, stats
from test_ladder import weibull_fit
from worlds import data

from durability.vocabulary import COVARIATES, DAYS_PER_YEAR, STREAMS

DAY = 1.0 / DAYS_PER_YEAR
MONTHS = 2.75 + np.arange(61) / 12.0
RATES = np.array([0.9, 0.31, 0.05, 0.004])
SHAPES = np.array([0.42, 0.8, 1.35, 1.0])
INTERCEPTS = np.array([0.4, -1.2, -2.1, -3.0])
NAMES = tuple(baselines.BASELINES)


@dataclass(frozen=True)
class World:
    """Outcomes of made-up agreements, as a baseline reads them."""

    stop: np.ndarray
    event: np.ndarray
    width: np.ndarray | float = DAY
    start: np.ndarray | float = 0.0
    weight: np.ndarray | None = None
    decisive: np.ndarray | None = None
    contiguous: np.ndarray | None = None
    case: tuple[int, int] = (0, 1)
    arrays: dict[str, np.ndarray] = field(init=False)

    def __post_init__(self) -> None:
        n = len(self.stop)
        ages = [self.start + 0.0 * self.stop, self.stop, self.stop + self.event * self.width]
        raw = np.full((n + 1, len(COVARIATES)), 0.25)
        for name, values, own in zip(
            ("war_decisive", "contiguous"),
            (self.decisive, self.contiguous),
            self.case,
            strict=True,
        ):
            column = np.zeros(n) if values is None else values
            raw[:, COVARIATES.index(name)] = [*column, own]
        centre = np.linspace(0.2, 0.7, len(COVARIATES))
        arrays = {
            "history_log_ages": hazard.log_years(ages),
            "history_event": self.event.astype(float),
            "history_weight": np.ones(n) if self.weight is None else self.weight,
            "row_covariates": raw - centre,
            "covariate_centre": centre,
        }
        object.__setattr__(self, "arrays", arrays)


def simulated(n: int, seed: int, *, start: float = 0.0) -> World:
    """Draw Weibull outcomes of four different streams, censored at ages of up to 30 years."""
    rng = np.random.default_rng(seed)
    accumulated = rng.exponential(size=(n, 4)) + np.exp(INTERCEPTS) * start**SHAPES
    age = (accumulated / np.exp(INTERCEPTS)) ** (1.0 / SHAPES)
    limit = rng.uniform(start + 1.0, 30.0, (n, 4))
    event = age < limit
    # Dates are days: the event fell somewhere in the day that begins at `stop`.
    stop = np.where(event, np.floor(age / DAY) * DAY, limit)
    return World(stop=np.maximum(stop, start), event=event, start=start)


def small(**changes: object) -> World:
    """Give eleven agreements that differ in every respect."""
    rng = np.random.default_rng(5)
    fields = {
        "stop": rng.uniform(0.3, 25.0, (11, 4)),
        "event": rng.uniform(size=(11, 4)) < [0.7, 0.5, 0.3, 0.1],
        "weight": rng.choice([1.0, 0.5, 1.0 / 3.0], 11),
        "decisive": np.arange(11) % 2,
        "contiguous": np.arange(11) % 3 > 0,
        **changes,
    }
    return World(**fields)  # type: ignore[arg-type]


def interval_fit(stop: np.ndarray, event: np.ndarray) -> tuple[float, float]:
    """Fit SciPy's Weibull to events known to a day and to censored ages: shape, scale."""
    seen = event > 0.0
    sample = stats.CensoredData(
        interval=np.stack([stop[seen], stop[seen] + DAY], axis=-1), right=stop[~seen]
    )
    with np.errstate(divide="ignore"):  # where its search starts, an interval has no mass
        shape, _, scale = stats.weibull_min.fit(sample, floc=0.0)
    return float(shape), float(scale)


# ---- every baseline -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_baseline_gives_the_hazard_of_each_month_and_stream(name: str) -> None:
    baseline = baselines.BASELINES[name]
    draws = baseline.cumulative(data(), MONTHS, draws=7, seed=1)
    assert draws.shape == (7, 60, len(STREAMS))
    assert (draws > 0.0).all()
    assert np.isfinite(draws).all()
    assert baseline.title


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_draws_and_another_one_others(name: str) -> None:
    cumulative = baselines.BASELINES[name].cumulative
    one, same, other = (cumulative(small(), MONTHS, draws=5, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, same)
    assert not np.isclose(one, other).any()


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_agreements_does_not_matter(name: str) -> None:
    cumulative = baselines.BASELINES[name].cumulative
    order = np.random.default_rng(9).permutation(11)
    world = small()
    mixed = World(
        stop=world.stop[order],
        event=world.event[order],
        weight=world.weight[order] if world.weight is not None else None,
        decisive=world.decisive[order] if world.decisive is not None else None,
        contiguous=world.contiguous[order] if world.contiguous is not None else None,
    )
    there, back = (cumulative(each, MONTHS, draws=400, seed=2) for each in (world, mixed))
    np.testing.assert_allclose(there, back, rtol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_a_row_of_weight_one_third_three_times_is_one_row(name: str) -> None:
    cumulative = baselines.BASELINES[name].cumulative
    world = small(weight=np.ones(11))
    parts = np.repeat(np.arange(11), np.where(np.arange(11) == 4, 3, 1))
    split = small(
        stop=world.stop[parts],
        event=world.event[parts],
        weight=np.where(parts == 4, 1.0 / 3.0, 1.0),
        decisive=(np.arange(11) % 2)[parts],
        contiguous=(np.arange(11) % 3 > 0)[parts],
    )
    whole, divided = (cumulative(each, MONTHS, draws=400, seed=2) for each in (world, split))
    np.testing.assert_allclose(whole, divided, rtol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_a_stream_does_not_depend_on_the_events_of_another(name: str) -> None:
    cumulative = baselines.BASELINES[name].cumulative
    world = small()
    more = world.event.copy()
    more[:, 3] = True
    before, after = (
        cumulative(small(event=each), MONTHS, draws=4000, seed=6).sum(1)
        for each in (world.event, more)
    )
    np.testing.assert_allclose(before.mean(0)[:3], after.mean(0)[:3], rtol=0.05)
    assert after.mean(0)[3] > 3.0 * before.mean(0)[3]


# ---- constant hazard ----------------------------------------------------------------------------


def test_constant_draws_follow_the_gamma_posterior() -> None:
    world = small()
    draws = baselines.constant(world, [3.0, 5.5], draws=20_000, seed=8)
    weight = world.arrays["history_weight"]
    for k in range(4):
        events = float(weight @ world.event[:, k])
        years = float(weight @ (world.stop[:, k] + world.event[:, k] * DAY / 2.0))
        posterior = stats.gamma(events + 0.5, scale=1.0 / (years + 10.0))
        assert stats.kstest(draws[:, 0, k] / 2.5, posterior.cdf).pvalue > 1e-3, STREAMS[k]


def test_constant_draws_follow_the_interval_censored_likelihood() -> None:
    # An event dated to a month: the closed form against the likelihood by quadrature.
    stop, width = np.array([0.4, 2.0, 7.5, 3.1]), 1.0 / 12.0
    event = np.array([1.0, 1.0, 0.0, 1.0])

    def density(rate: float) -> float:
        each = event * np.log(-np.expm1(-rate * width)) - rate * stop
        return float(np.exp(np.sum(each)) * rate**-0.5 * np.exp(-10.0 * rate))

    mass = integrate.quad(density, 0.0, 4.0)[0]
    mean = integrate.quad(lambda rate: rate * density(rate), 0.0, 4.0)[0] / mass
    world = World(stop=stop[:, None], event=event[:, None], width=width)
    closed = baselines.counts(world)
    shape, rate = closed[0].sum() + 0.5, closed[1].sum() + 10.0
    assert shape / rate == pytest.approx(mean, rel=1e-4)


def test_years_before_the_watch_began_are_not_counted() -> None:
    early, late = (baselines.counts(small(start=start))[1] for start in (0.0, 0.25))
    weight = small().arrays["history_weight"][:, None]
    np.testing.assert_allclose(early - late, 0.25 * weight + 0.0 * early)


def test_constant_recovers_different_rates_from_many_agreements() -> None:
    rng = np.random.default_rng(12)
    age = rng.exponential(1.0 / RATES, (6000, 4))
    world = World(stop=np.minimum(age, 15.0), event=age < 15.0)
    rates = baselines.constant(world, [1.0, 2.0], draws=500, seed=1)[:, 0]
    events = (age < 15.0).sum(0)
    assert (np.abs(rates.mean(0) / RATES - 1.0) < 4.0 / np.sqrt(events)).all()


def test_without_any_history_a_rate_is_its_prior() -> None:
    nothing = World(stop=np.zeros((0, 4)), event=np.zeros((0, 4)))
    draws = baselines.constant(nothing, [0.0, 1.0], draws=20_000, seed=8)[:, 0, 2]
    assert stats.kstest(draws, stats.gamma(0.5, scale=0.1).cdf).pvalue > 1e-3


# ---- Weibull ------------------------------------------------------------------------------------


def test_weibull_agrees_with_maximum_likelihood_on_a_large_sample() -> None:
    world = simulated(3000, 31)
    intercept, shape = baselines.weibull_draws(world, draws=2000, seed=1)
    for k in range(4):
        fitted, scale = interval_fit(world.stop[:, k], world.event[:, k])
        error = shape[:, k].std()
        assert shape[:, k].mean() == pytest.approx(fitted, abs=0.15 * error), STREAMS[k]
        error = intercept[:, k].std()
        assert intercept[:, k].mean() == pytest.approx(-fitted * np.log(scale), abs=0.15 * error), (
            STREAMS[k]
        )
        assert abs(shape[:, k].mean() - SHAPES[k]) < 4.0 * shape[:, k].std()
        assert abs(intercept[:, k].mean() - INTERCEPTS[k]) < 4.0 * intercept[:, k].std()


def test_weibull_recovers_its_truth_from_agreements_watched_from_a_later_age() -> None:
    world = simulated(3000, 32, start=0.75)
    intercept, shape = baselines.weibull_draws(world, draws=1000, seed=1)
    assert (np.abs(shape.mean(0) - SHAPES) < 4.0 * shape.std(0)).all()
    assert (np.abs(intercept.mean(0) - INTERCEPTS) < 4.0 * intercept.std(0)).all()
    naive = World(stop=world.stop, event=world.event)
    _, wrong = baselines.weibull_draws(naive, draws=1000, seed=1)
    assert wrong[:, 0].mean() > SHAPES[0] + 4.0 * wrong[:, 0].std()


def test_weibull_draws_follow_the_posterior_by_adaptive_quadrature() -> None:
    world = small()
    intercept, shape = baselines.weibull_draws(world, draws=20_000, seed=3)
    weight, k = world.arrays["history_weight"], 1

    def density(log_shape: float, alpha: float) -> float:
        s = np.exp(log_shape)
        stop, event = world.stop[:, k], world.event[:, k]
        day = np.exp(alpha) * ((stop + DAY) ** s - stop**s)
        each = np.where(event, np.log(-np.expm1(-day)), 0.0) - np.exp(alpha) * stop**s
        prior = stats.norm.logpdf(alpha, -2.0, 2.5) + stats.norm.logpdf(log_shape, -0.25, 0.5)
        return float(np.exp(weight @ each + prior + 20.0))

    def moment(power: float) -> float:
        return float(
            integrate.dblquad(
                lambda ls, a: np.exp(power * ls) * density(ls, a),
                -9.0, 4.0, -2.5, 1.5, epsabs=0.0, epsrel=1e-4,
            )[0]
        )  # fmt: skip

    mass = moment(0.0)
    mean = moment(1.0) / mass
    error = shape[:, k].std() / np.sqrt(20_000)
    assert shape[:, k].mean() == pytest.approx(mean, abs=4.0 * error)
    sd = np.sqrt(moment(2.0) / mass - mean**2)
    assert shape[:, k].std() == pytest.approx(sd, rel=0.03)
    assert np.corrcoef(intercept[:, k], shape[:, k])[0, 1] < -0.3


def test_weibull_on_the_shipped_history_agrees_with_maximum_likelihood() -> None:
    arrays = data().arrays
    _, stop, end = np.exp(arrays["history_log_ages"])
    event, weight = arrays["history_event"], arrays["history_weight"]
    intercept, shape = baselines.weibull_draws(data(), draws=4000, seed=1)
    for k, stream in enumerate(STREAMS[:3]):
        middle = (stop[:, k] + end[:, k]) / 2.0
        watched = middle > 1e-6
        fitted, scale = weibull_fit(middle[watched], event[watched, k] > 0.0, weight[watched])
        assert shape[:, k].mean() == pytest.approx(fitted, abs=0.5 * shape[:, k].std()), stream
        wanted = -fitted * np.log(scale)
        assert intercept[:, k].mean() == pytest.approx(wanted, abs=0.5 * intercept[:, k].std())
        # A falling hazard, as the ladder's raw rungs have it (design §3.5).
        assert np.quantile(shape[:, k], 0.95) < 1.0


def test_weibull_months_add_up_to_the_power_of_age() -> None:
    world = small()
    draws = baselines.weibull(world, MONTHS, draws=300, seed=4)
    intercept, shape = baselines.weibull_draws(world, draws=300, seed=4)
    whole = np.exp(intercept) * (MONTHS[-1] ** shape - MONTHS[0] ** shape)
    np.testing.assert_allclose(draws.sum(1), whole, rtol=1e-10)
    # From age zero the first month weighs most where the hazard falls.
    fresh = baselines.weibull(world, MONTHS - MONTHS[0], draws=300, seed=4)
    falling = shape < 0.9
    assert falling.any()
    assert (fresh[:, 0] > fresh[:, -1])[falling].all()


def test_an_event_on_the_first_day_is_no_trouble() -> None:
    stop = np.array([[0.0], [0.0], [4.0], [9.0], [0.5]])
    world = World(stop=stop, event=np.array([[1], [0], [0], [0], [1]]))
    _, shape = baselines.weibull_draws(world, draws=500, seed=1)
    assert np.isfinite(shape).all()
    assert np.median(shape) < 0.6


def test_without_any_history_a_weibull_is_its_prior() -> None:
    nothing = World(stop=np.zeros((0, 1)), event=np.zeros((0, 1)))
    intercept, shape = baselines.weibull_draws(nothing, draws=20_000, seed=2)
    assert stats.kstest(intercept[:, 0], stats.norm(-2.0, 2.5).cdf).pvalue > 1e-3
    assert stats.kstest(np.log(shape[:, 0]), stats.norm(-0.25, 0.5).cdf).pvalue > 1e-3


# ---- tie × contiguity ---------------------------------------------------------------------------


def in_cells(rows: list[tuple[int, int, float, int]], case: tuple[int, int]) -> World:
    """Give one stream of agreements (decisive, contiguous, years, event), and the case's cell."""
    decisive, contiguous, years, event = (np.array(column) for column in zip(*rows, strict=True))
    return World(
        stop=years[:, None].astype(float),
        event=event[:, None],
        width=1e-9,
        decisive=decisive,
        contiguous=contiguous,
        case=case,
    )


ROWS = [
    *[(0, 1, 2.0, 1)] * 9,
    *[(0, 1, 5.0, 0)] * 2,
    *[(0, 0, 20.0, 0)] * 3,
    *[(1, 1, 8.0, 1)] * 4,
    *[(1, 1, 12.0, 0)] * 3,
]


def mean_rate_by_quadrature(case_events: float, case_years: float) -> float:
    """Integrate over the mean of cells: 9 in 28, 0 in 60, 4 in 68, none in 0 years."""
    cells = np.array([[9.0, 28.0], [0.0, 60.0], [4.0, 68.0], [0.0, 0.0]])

    def density(log_mean: float) -> float:
        mean = np.exp(log_mean)
        p = 1.0 / (1.0 + mean * cells[:, 1] / 2.0)
        # scipy's negative binomial: the marginal of a Poisson count whose rate is Gamma(2, 2/m).
        each = stats.nbinom.logpmf(cells[:, 0], 2.0, p)
        return float(np.exp(each.sum() + 0.5 * log_mean - 10.0 * mean))

    def rate(log_mean: float) -> float:
        return float((2.0 + case_events) / (2.0 / np.exp(log_mean) + case_years))

    mass = integrate.quad(density, -14.0, 3.0, epsabs=0.0, limit=200)[0]
    total = integrate.quad(lambda m: rate(m) * density(m), -14.0, 3.0, epsabs=0.0, limit=200)[0]
    return float(total / mass)


@pytest.mark.parametrize(
    ("case", "events", "years"),
    [((0, 1), 9.0, 28.0), ((0, 0), 0.0, 60.0), ((1, 1), 4.0, 68.0), ((1, 0), 0.0, 0.0)],
)
def test_the_table_agrees_with_quadrature_in_every_cell(
    case: tuple[int, int], events: float, years: float
) -> None:
    world = in_cells(ROWS, case)
    rates = baselines.table(world, [1.0, 2.0], draws=20_000, seed=7)[:, 0, 0]
    error = rates.std() / np.sqrt(20_000)
    assert rates.mean() == pytest.approx(mean_rate_by_quadrature(events, years), abs=4.0 * error)


def test_an_empty_cell_has_a_hazard_and_is_less_sure_than_a_full_one() -> None:
    empty, full, safe = (
        baselines.table(in_cells(ROWS, case), [1.0, 2.0], draws=8000, seed=7)[:, 0, 0]
        for case in ((1, 0), (0, 1), (0, 0))
    )
    assert (empty > 0.0).all()
    assert empty.std() / empty.mean() > 2.0 * full.std() / full.mean()
    assert safe.mean() < empty.mean() < full.mean()
    assert 0.0 < safe.mean() < 0.05


def test_the_cell_of_a_row_is_read_from_its_own_covariates() -> None:
    decisive, contiguous = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    world = World(
        stop=np.ones((4, 1)),
        event=np.zeros((4, 1)),
        decisive=decisive,
        contiguous=contiguous,
        case=(1, 0),
    )
    np.testing.assert_array_equal(baselines.cells(world), [0, 1, 2, 3, 2])


def test_the_shipped_case_follows_a_decisive_war_between_neighbours() -> None:
    shipped = data()
    found = baselines.cells(shipped)
    assert found[-1] == 3
    for row, cell in zip(shipped.agreements, found[:-1], strict=True):
        assert cell == 2 * (row.war_outcome == "decisive") + bool(row.contiguous), row.id


def test_a_cell_rate_lies_within_a_factor_two_of_the_mean_as_often_as_the_docs_say() -> None:
    shape = baselines.CELL_EVENTS
    share = special.gammainc(shape, 2.0 * shape) - special.gammainc(shape, 0.5 * shape)
    assert round(100.0 * share) == 64
