"""Updates: exact where they can be, the same to the bit in any order, honest where they are not."""

from __future__ import annotations

import itertools
import subprocess
import sys
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from continued import early_fit, revised
from fitted import drawn_fit, narrow_fit
from worlds import CUTOFF, history, item, window
from worlds import flagship as shipped

from durability import fidelity, weighing
from durability.assembly import ModelData, assemble
from durability.cases import Case
from durability.catalogue import marginals
from durability.errors import InputError
from durability.inference import Fit
from durability.news import NewsItem
from durability.particles import grown, new_months
from durability.reweighting import smooth
from durability.simulation import simulate
from durability.units import Unit
from durability.updating import Update, revise, update
from durability.vocabulary import HORIZONS_MONTHS, STREAMS
from durability.weighing import Base, family_weights, prepare, summary

JUNE = date(2026, 6, 20)
NEWS = (
    item("N1", JUNE, driver="corridor", ratings=(("a", 2), ("b", 1))),
    item("N2", date(2026, 6, 25), driver="trust", ratings=(("a", -2), ("b", -3))),
    item("N3", date(2026, 5, 2), driver="interference", ratings=(("author", 1),)),
    item("N4", JUNE, driver="corridor", ratings=(("someone", 3),), event="N1"),
)


def flagship() -> Case:
    """Give the shipped case without conditions: in months that have passed none is drawn."""
    return replace(shipped(), conditions=())


@pytest.fixture(scope="module")
def fit() -> Fit:
    """Give draws that resemble a posterior's: near each other, so that weights are fair."""
    return narrow_fit(flagship(), draws=300, chains=4, seed=5)


@pytest.fixture(scope="module")
def base(fit: Fit) -> Base:
    return prepare(fit)


def case_with(*items: NewsItem) -> Case:
    case = flagship()
    return replace(case, news=(*case.news, *items))


def data_of(case: Case, cutoff: date = CUTOFF) -> ModelData:
    return assemble(case, history(), cutoff=cutoff)


def watched(until: date, *items: NewsItem) -> Case:
    """Give the case with news, every rung observed until a day."""
    case = case_with(*items)
    return replace(case, observed_to=dict.fromkeys(STREAMS, until))


def same(one: Update, other: Update) -> bool:
    return (
        one.table == other.table
        and np.array_equal(one.weighed.parents.values, other.weighed.parents.values)
        and list(one.weighed.terms) == list(other.weighed.terms)
    )


# ---- what weights are made of -------------------------------------------------------------------


def test_nothing_new_changes_nothing(base: Base) -> None:
    found = update(base, case=flagship())
    assert found.method == "unchanged"
    assert found.table == base.table
    assert found.weighed.parents.khat == -np.inf
    assert found.ok


def test_a_day_that_passed_without_news_is_no_unchanged_forecast() -> None:
    """The same draws, seen from a later day of the same month: no weight differs, ages do."""
    early = prepare(narrow_fit(draws=40, chains=2, cutoff=date(2026, 6, 15)))
    known = tuple(each for each in flagship().news if each.known <= date(2026, 6, 15))
    case = replace(
        flagship(),
        news=known,
        covered_until=date(2026, 6, 15),
        observed_to=dict.fromkeys(STREAMS, date(2026, 6, 15)),
    )
    found = update(early, case=case, cutoff=date(2026, 6, 28))
    assert found.weighed.terms == {}
    assert found.table != early.table
    assert found.method == "weights"


def test_the_base_says_what_the_fits_forecast_says(fit: Fit, base: Base) -> None:
    from durability.forecasts import _predict  # the record's own numbers
    from durability.judged_fits import judge_fit

    record = _predict(judge_fit(fit), [], "").record["breakdown"]
    for rung, by_horizon in record.items():
        for months, estimate in by_horizon.items():
            mine = base.table[rung][months]
            for statistic in ("mean", "low", "high"):
                assert mine[statistic] == pytest.approx(estimate[statistic], rel=1e-9)
            assert mine["mcse"] == pytest.approx(estimate["mcse"], rel=0.05, abs=1e-9)


def test_an_items_weight_is_its_likelihood(base: Base) -> None:
    found = update(base, NEWS[:1], case=flagship())
    data = found.weighed.data
    place = np.array([data.coords["event"].index("N1")])
    arrays = base.particles.model_of(data).arrays
    expected = marginals().events(base.seen.theta, base.seen.latent, arrays, place)[:, 0]
    assert list(found.weighed.terms) == [("event", "N1")]
    np.testing.assert_array_equal(found.weighed.terms["event", "N1"][:, 0], expected)
    np.testing.assert_array_equal(found.weighed.parents.values, smooth(expected).values)
    assert found.method == "weights"


def test_bad_news_raises_and_good_news_lowers_what_its_driver_raises(base: Base) -> None:
    """Each draw's own effect decides the direction: it is taken from the draws."""
    for rating in (-3, 3):
        news = item("N1", JUNE, driver="corridor", ratings=(("a", rating), ("b", rating)))
        weighed = update(base, [news], case=flagship()).weighed
        last = base.seen.latent["pressure"][:, -1, 2]
        moved = (weighed.parents.values * last).sum() - last.mean()
        assert np.sign(moved) == np.sign(rating)


def test_another_report_of_an_event_adds_what_it_says_beyond_the_first(base: Base) -> None:
    one = update(base, NEWS[:1], case=flagship())
    both = update(base, [NEWS[0], NEWS[3]], case=flagship())
    assert list(both.weighed.terms) == [("event", "N1")]
    assert not np.array_equal(one.weighed.terms["event", "N1"], both.weighed.terms["event", "N1"])


# ---- order, batches and what is taken back ------------------------------------------------------


def test_the_order_of_arrival_never_matters(base: Base) -> None:
    whole = update(base, NEWS, case=flagship())
    for order in itertools.permutations(NEWS):
        assert same(update(base, order, case=flagship()), whole)


def test_one_after_another_is_all_at_once(base: Base) -> None:
    whole = update(base, NEWS, case=flagship())
    for order in (NEWS, NEWS[::-1], (NEWS[2], NEWS[0], NEWS[3], NEWS[1])):
        step: Base | Update = base
        case = flagship()
        for news in order:
            case = replace(case, news=(*case.news, news))
            step = update(step, case=case)
        assert isinstance(step, Update)
        assert same(step, whole)


def test_an_item_taken_back_leaves_no_trace(base: Base) -> None:
    with_all = update(base, NEWS, case=flagship())
    without = update(with_all, case=case_with(*NEWS[:2]))
    assert same(without, update(base, NEWS[:2], case=flagship()))
    back = update(without, case=flagship())
    assert back.method == "unchanged"
    assert back.table == base.table


def test_an_item_that_the_fit_knew_is_taken_back_by_its_own_likelihood() -> None:
    knew = narrow_fit(case_with(NEWS[0]), draws=300, chains=4, seed=5)
    base = prepare(knew)
    found = update(base, case=flagship())
    place = np.array([base.particles.coords["event"].index("N1")])
    expected = marginals().events(base.seen.theta, base.seen.latent, base.particles.arrays, place)[
        :, 0
    ]
    np.testing.assert_array_equal(found.weighed.terms["event", "N1"][:, 0], -expected)


def test_a_corrected_item_is_one_out_and_one_in(base: Base) -> None:
    knew = prepare(narrow_fit(case_with(NEWS[0]), draws=300, chains=4, seed=5))
    right = replace(NEWS[0], ratings=(("a", -2), ("b", -1)))
    found = update(knew, case=case_with(right)).weighed.terms["event", "N1"][:, 0]
    events = [
        marginals().events(
            knew.seen.theta,
            knew.seen.latent,
            knew.particles.model_of(data).arrays,
            np.array([data.coords["event"].index("N1")]),
        )[:, 0]
        for data in (data_of(case_with(right)), data_of(case_with(NEWS[0])))
    ]
    np.testing.assert_allclose(found, events[0] - events[1], rtol=1e-12)


def test_a_count_enters_and_a_new_indicator_is_drawn_from_its_prior(base: Base) -> None:
    case = flagship()
    new = window(date(2026, 6, 1), date(2026, 6, 30), 2, indicator="incursions")
    more = replace(case, indicators=(*case.indicators, new))
    found = update(base, case=more, cutoff=CUTOFF)
    assert list(found.weighed.terms) == [("window", "incursions 2026-06-01..2026-06-30")]
    theta = grown(base.particles, found.weighed.data)
    place = found.weighed.data.coords["indicator"].index("incursions")
    known = [i for i, _ in enumerate(found.weighed.data.coords["indicator"]) if i != place]
    np.testing.assert_array_equal(
        theta["indicator_slope"][:, known], base.seen.theta["indicator_slope"]
    )
    assert np.ptp(theta["indicator_slope"][:, place]) > 0.0


def test_a_new_coder_is_the_same_whoever_else_comes(base: Base) -> None:
    first = update(base, [NEWS[2]], case=flagship()).weighed.data
    both = update(base, [NEWS[2], NEWS[3], NEWS[0]], case=flagship()).weighed.data
    found = [
        grown(base.particles, data)["discrimination"][:, data.coords["coder"].index("author")]
        for data in (first, both)
    ]
    np.testing.assert_array_equal(*found)
    assert np.ptp(found[0]) > 0.0


# ---- months that pass ---------------------------------------------------------------------------


def test_new_months_are_those_of_the_fits_own_forecast(fit: Fit, base: Base) -> None:
    data = data_of(watched(date(2026, 8, 31)), date(2026, 8, 31))
    assert new_months(base.particles, data) == 2
    future = simulate(fit, months=12, seed=fit.settings.seed)
    found = weighing.seen_now(base, data, base.particles.model_of(data).arrays, 0)
    np.testing.assert_array_equal(found.latent["pressure"][:, -2:], future.pressure[:, :2])


def test_months_survived_weigh_by_survival(fit: Fit, base: Base) -> None:
    """The log weight of two whole months is minus the hazard that the forecast gave them."""
    found = update(base, case=watched(date(2026, 8, 31)), cutoff=date(2026, 8, 31))
    future = simulate(fit, months=2, seed=fit.settings.seed)
    for k, stream in enumerate(STREAMS):
        expected = -future.increments[:, :2, k].sum(axis=1)
        np.testing.assert_allclose(
            found.weighed.terms["stream", stream][:, 0], expected, rtol=1e-6, atol=1e-12
        )
    assert found.weighed.months == 2
    assert found.weighed.shares.shape == (1200, weighing.CHILDREN)
    np.testing.assert_allclose(found.weighed.shares.sum(axis=1), 1.0)


def test_continuations_have_a_k_of_their_own(base: Base) -> None:
    """Averaged over its continuations a draw's weight varies less than theirs."""
    told = update(base, NEWS[:1], case=watched(date(2026, 8, 31)), cutoff=date(2026, 8, 31))
    weighed = told.weighed
    whole = sum(weighed.terms.values())
    assert weighed.khat_children == pytest.approx(smooth(whole.ravel()).khat)
    assert weighed.effective_children < whole.size
    inside = update(base, NEWS[:1], case=flagship()).weighed
    assert inside.khat_children == inside.parents.khat


def test_a_fit_that_goes_on_from_a_posterior_is_told_so() -> None:
    with pytest.raises(InputError, match=r"goes on from early.*priors continue"):
        prepare(fidelity.drawn_fit(fidelity.going_on(early_fit(), revised()), draws=5, seed=1))


def test_silence_is_not_survival(base: Base) -> None:
    """A later cutoff without observation weighs nothing; what may have happened stands apart."""
    found = update(base, case=flagship(), cutoff=date(2026, 8, 31))
    assert found.weighed.terms == {}
    assert found.weighed.unseen["breakdown"]["mean"] > 0.0
    held = update(base, case=watched(date(2026, 8, 31)), cutoff=date(2026, 8, 31))
    assert held.weighed.unseen == {}


def test_chances_ahead_are_those_of_the_paths_carried_on(fit: Fit, base: Base) -> None:
    """Without news, survival from June over 36 months is that over 2 months, then over 34."""
    later = update(base, case=watched(date(2026, 8, 31)), cutoff=date(2026, 8, 31))
    future = simulate(fit, months=62, seed=fit.settings.seed)
    both = future.increments[:, 2:62, [STREAMS.index("war"), STREAMS.index("abrogation")]]
    expected = -np.expm1(-both.sum(axis=(1, 2)))
    chances = later.weighed.ahead[0].chances[:, -1, HORIZONS_MONTHS.index(60)]
    np.testing.assert_allclose(chances, expected, rtol=1e-6)


def test_continuations_of_a_draw_filter_as_kalman_does() -> None:
    """x₀ ~ N(0.5, 0.8²), x₁ = 0.7 x₀ + 0.6 ε, y = x₁ + 0.5 η: the posterior of x₁ is known."""
    rng = np.random.default_rng(3)
    n, children, y = 20_000, 4, 1.4
    start = rng.normal(0.5, 0.8, n)
    now = 0.7 * start[:, None] + 0.6 * rng.standard_normal((n, children))
    parents, shares = family_weights(-0.5 * ((y - now) / 0.5) ** 2)
    found = summary(now, parents.values, shares, chains=4)
    mean, variance = 0.7 * 0.5, 0.49 * 0.64 + 0.36
    gain = variance / (variance + 0.25)
    sd = np.sqrt(variance * (1.0 - gain))
    assert found["mean"] == pytest.approx(mean + gain * (y - mean), abs=4 * found["mcse"])
    assert found["mcse"] < 0.01
    assert found["low"] == pytest.approx(mean + gain * (y - mean) - 1.645 * sd, abs=0.03)
    assert found["high"] == pytest.approx(mean + gain * (y - mean) + 1.645 * sd, abs=0.03)
    # The draws themselves: their posterior given the same observation.
    of_start = float(parents.values @ start)
    gain0 = 0.64 * 0.7 / (variance + 0.25)
    assert of_start == pytest.approx(0.5 + gain0 * (y - mean), abs=0.03)


# ---- the ladder ---------------------------------------------------------------------------------


class Refits:
    """Stands for sampling again: remembers what it was asked for."""

    def __init__(self, base: Base) -> None:
        self.asked: list[ModelData] = []
        self._base = base

    def __call__(self, data: ModelData) -> Base:
        self.asked.append(data)
        return prepare(narrow_fit(data.case, draws=50, cutoff=data.cutoff))


def test_the_ladder_stays_where_weights_do(base: Base) -> None:
    refits = Refits(base)
    found = update(base, NEWS[:1], case=flagship(), refit=refits)
    assert refits.asked == []
    assert (found.method, found.reasons, found.ok) == ("weights", (), True)


def loud(n: int) -> list[NewsItem]:
    """Make up news that the fit finds incredible."""
    return [
        item(f"L{i}", date(2026, 6, 1 + i), driver=driver, ratings=(("a", 3), ("b", 3)))
        for i, driver in zip(range(n), itertools.cycle(("trust", "corridor")), strict=False)
    ]


def test_the_ladder_refits_where_weights_will_not_do() -> None:
    wide = prepare(drawn_fit(draws=100, chains=4))
    refits = Refits(wide)
    found = update(wide, loud(20), case=flagship(), refit=refits)
    assert len(refits.asked) == 1
    assert found.method == "refit"
    assert found.base is not found.before
    assert found.reasons
    assert found.table == found.base.table


def test_without_a_refit_the_answer_says_why_not_to_trust_it() -> None:
    wide = prepare(drawn_fit(draws=100, chains=4))
    found = update(wide, loud(20), case=flagship())
    assert not found.ok
    assert any("effective draws" in reason or "Pareto k" in reason for reason in found.reasons)


@pytest.mark.parametrize(("cutoff", "asked"), [(date(2026, 9, 30), 0), (date(2026, 10, 1), 1)])
def test_more_than_three_months_ask_for_a_refit(base: Base, cutoff: date, asked: int) -> None:
    refits = Refits(base)
    found = update(base, case=flagship(), cutoff=cutoff, refit=refits)
    assert len(refits.asked) == asked
    alone = update(base, case=flagship(), cutoff=cutoff)
    assert alone.ok is (asked == 0)
    assert bool(found.reasons) is bool(asked)


def test_another_grid_of_months_cannot_be_weighed(base: Base) -> None:
    moved = replace(flagship(), grid_start=date(2021, 1, 1))
    with pytest.raises(ValueError, match="months of the drivers"):
        update(base, case=moved)
    refits = Refits(base)
    assert update(base, case=moved, refit=refits).method == "refit"


def test_a_cutoff_before_the_fits_is_refused(base: Base) -> None:
    with pytest.raises(ValueError, match="lies before the fit"):
        update(base, case=flagship(), cutoff=date(2026, 6, 29))


def test_an_update_needs_a_case(base: Base) -> None:
    with pytest.raises(ValueError, match="needs the case"):
        update(base)


def test_the_cutoff_follows_the_newest_rated_item(base: Base) -> None:
    late = item("N9", date(2026, 7, 9))
    unrated = item("N10", date(2026, 8, 9), ratings=(), status="scheduled")
    assert update(base, [late, unrated], case=flagship()).weighed.data.cutoff == date(2026, 7, 9)
    assert update(base, [NEWS[0]], case=flagship()).weighed.data.cutoff == CUTOFF


def test_a_failed_fit_makes_no_good_update(base: Base) -> None:
    failed = replace(base.particles, verdict={"ok": False, "reasons": ["R-hat"]})
    assert not update(replace(base, particles=failed), NEWS[:1], case=flagship()).ok


def test_nothing_known_after_the_cutoff_enters(base: Base) -> None:
    future = (
        item("F1", date(2026, 7, 1)),
        item("F2", date(2026, 6, 1), ratings=(("a", 3),), driver="corridor"),
    )
    late = replace(future[1], known=date(2026, 8, 1))
    plain = update(base, NEWS[:2], case=flagship(), cutoff=CUTOFF)
    assert same(plain, update(base, [*NEWS[:2], future[0], late], case=flagship(), cutoff=CUTOFF))


# ---- speed --------------------------------------------------------------------------------------


def test_an_update_imports_numpy_and_nothing_heavier(tmp_path: Any) -> None:
    code = (
        "import sys\n"
        "import durability.bases, durability.updating, durability.changes, durability.screen\n"
        "import durability.commands_update\n"
        "from durability.catalogue import find_model, marginals\n"
        "find_model('breakdown'), marginals()\n"
        "heavy = ['scipy', 'xarray', 'pandas', 'pymc', 'pytensor', 'arviz', 'matplotlib', 'jax',\n"
        "         'nutpie', 'jinja2', 'rich']\n"
        "print([name for name in heavy if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout.strip() == "[]"


def test_what_has_been_weighed_is_not_weighed_again(
    base: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    from durability import units

    asked: list[Unit] = []
    real = units.log_likelihoods

    def watch(seen: Any, chosen: tuple[Unit, ...]) -> Any:
        asked.extend(chosen)
        return real(seen, chosen)

    monkeypatch.setattr(units, "log_likelihoods", watch)
    one = update(base, NEWS[:1], case=flagship())
    asked.clear()
    revise(base, data_of(case_with(*NEWS[:2])), previous=one)
    assert set(asked) == {("event", "N2")}
