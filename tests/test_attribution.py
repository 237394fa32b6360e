"""Attribution: parts that add up to the change, to each its due."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from types import MappingProxyType

import numpy as np
import pytest
from fitted import made_fit, narrow_fit
from scipy import stats
from stepped import treaty, vote, waiting
from worlds import flagship, full, happened, history, item, priors, standing

from durability import attribution
from durability.assembly import assemble
from durability.attribution import attribute, explain
from durability.catalogue import marginals, prior_ratio
from durability.inference import Fit
from durability.prior_sets import Prior, PriorSet
from durability.reweighting import smooth
from durability.updating import Update, compare, update
from durability.vocabulary import DRIVERS, HORIZONS_MONTHS, RUNGS, STREAMS
from durability.weighing import Base, Table, prepare, reweigh

NEWS = [
    item("N1", date(2026, 6, 20), driver="corridor", ratings=(("a", 3), ("b", 2))),
    item("N2", date(2026, 6, 25), driver="trust", ratings=(("a", -2), ("b", -3))),
    item("N3", date(2026, 5, 2), driver="interference", ratings=(("author", 1),)),
]

LATER = date(2026, 8, 31)


@pytest.fixture(scope="module")
def fit() -> Fit:
    return narrow_fit(draws=150, chains=4, seed=5)


@pytest.fixture(scope="module")
def base(fit: Fit) -> Base:
    return prepare(fit)


@pytest.fixture(scope="module")
def later(base: Base) -> Update:
    """Three items, two months passed, and the case held."""
    case = replace(flagship(), observed_to=dict.fromkeys(STREAMS, date(2026, 8, 31)))
    return update(base, NEWS, case=case, cutoff=date(2026, 8, 31))


def total(before: Table, after: Table) -> np.ndarray:
    return np.array(
        [
            after[rung][str(h)]["mean"] - before[rung][str(h)]["mean"]
            for rung in RUNGS
            for h in HORIZONS_MONTHS
        ]
    )


def added_up(found: attribution.Attribution) -> np.ndarray:
    return sum(
        np.array([p.changes[r][str(h)]["mean"] for r in RUNGS for h in HORIZONS_MONTHS])
        for p in found.parts
    )  # type: ignore[return-value]


# ---- games whose Shapley values are known -------------------------------------------------------


def game(values: Mapping[frozenset[int], float], players: int) -> attribution.Worth:
    def worth(subset: int) -> np.ndarray:
        inside = frozenset(i for i in range(players) if subset >> i & 1)
        return np.full((1 + attribution.BATCHES, 1), float(values[inside]))

    return worth


def glove(players: int = 3) -> attribution.Worth:
    """Player 0 holds a left glove, the others right ones; a pair is worth one."""
    subsets = itertools.chain.from_iterable(
        itertools.combinations(range(players), n) for n in range(players + 1)
    )
    return game({frozenset(s): float(0 in s and len(s) > 1) for s in subsets}, players)


def test_the_glove_game_is_shared_as_shapley_shared_it() -> None:
    found, error, orders = attribution._shares(glove(), 3)
    np.testing.assert_allclose(found[:, 0], [4 / 6, 1 / 6, 1 / 6])
    np.testing.assert_allclose(error, 0.0, atol=1e-12)
    assert orders == 0


def test_sampled_orders_come_near_and_know_how_near() -> None:
    """Ten players: the left glove is needed, the first right one to come makes the pair."""
    found, error, orders = attribution._shares(glove(10), 10)
    assert orders == 240
    np.testing.assert_allclose(found[:, 0].sum(), 1.0, rtol=1e-12)
    apart = np.abs(found[:, 0] - np.array([0.9] + [0.1 / 9] * 9))
    assert (apart[:, None] <= 4 * error + 0.005).all()
    assert error.max() > 0.0


def test_a_game_that_adds_up_gives_each_its_own() -> None:
    own = np.array([0.3, -0.2, 0.05, 0.0])
    values = {
        frozenset(s): own[list(s)].sum()
        for n in range(5)
        for s in itertools.combinations(range(4), n)
    }
    found, _, _ = attribution._shares(game(values, 4), 4)
    np.testing.assert_allclose(found[:, 0], own, atol=1e-15)


# ---- of updates ---------------------------------------------------------------------------------


def test_parts_add_up_to_the_change(later: Update) -> None:
    found = attribute(later)
    assert found.exact
    assert {part.kind for part in found.parts} == {"event", "months"}
    np.testing.assert_allclose(
        added_up(found), total(found.before, found.after), rtol=0.0, atol=1e-10
    )


def test_sampled_parts_add_up_too_and_agree_with_exact_ones(
    later: Update, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = attribute(later)
    monkeypatch.setattr(attribution, "EXACT_MOST", 1)
    monkeypatch.setattr(attribution, "EVALUATIONS", 96)
    sampled = attribute(later)
    assert not sampled.exact
    np.testing.assert_allclose(
        added_up(sampled), total(sampled.before, sampled.after), rtol=0.0, atol=1e-10
    )
    for one, other in zip(exact.parts, sampled.parts, strict=True):
        a, b = one.changes["breakdown"]["24"], other.changes["breakdown"]["24"]
        assert one.label == other.label
        assert abs(a["mean"] - b["mean"]) <= 4 * b["mcse"]


def test_a_part_is_its_average_gain_over_all_orders(later: Update) -> None:
    """By brute force: every order, every prefix reweighed by the update itself."""
    found = attribute(later)
    base, data = later.base, later.weighed.data
    keys = [part.label for part in found.parts if part.kind == "event"]
    case = data.case
    held = replace(case, news=tuple(i for i in case.news if i.event not in keys))
    steps: dict[frozenset[str], float] = {}

    def worth(inside: frozenset[str]) -> float:
        if inside not in steps:
            kept = [i for i in case.news if i.event in keys and i.event in inside]
            some = replace(held, news=(*held.news, *kept))
            if "months" not in inside:
                some = replace(some, observed_to=flagship().observed_to)
            cutoff = data.cutoff
            weighed = reweigh(base, assemble(some, history(), cutoff=cutoff))
            if "months" in inside:
                steps[inside] = weighed.table["war"]["24"]["mean"]
            else:
                # The earlier horizon, weighed by news alone: draws times their families.
                chances = base.particles.ahead.chances[:, 2, HORIZONS_MONTHS.index(24)]
                steps[inside] = float(weighed.parents.values @ chances)
        return steps[inside]

    players = [*keys, "months"]
    gains = dict.fromkeys(players, 0.0)
    orders = list(itertools.permutations(players))
    for order in orders:
        for place, player in enumerate(order):
            before, after = frozenset(order[:place]), frozenset(order[: place + 1])
            gains[player] += (worth(after) - worth(before)) / len(orders)
    for part in found.parts:
        expected = gains[part.label]
        assert part.changes["war"]["24"]["mean"] == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_equal_items_have_equal_parts(base: Base) -> None:
    twins = [replace(NEWS[0], id=f"T{i}", event=f"T{i}") for i in range(2)]
    found = attribute(update(base, [*twins, NEWS[1]], case=flagship()))
    share = {part.label: part.changes["breakdown"]["24"]["mean"] for part in found.parts}
    one, other, third = share["T0"], share["T1"], share["N2"]
    assert one == pytest.approx(other, rel=1e-9)
    assert one != pytest.approx(third, rel=1e-3)


def test_parts_name_their_items_and_drivers(later: Update) -> None:
    found = attribute(later)
    told = {part.label: part for part in found.parts}
    assert [item.id for item in told["N1"].added] == ["N1"]
    assert told["N2"].driver == "trust"
    assert told["months"].driver == ""
    by_driver = found.by_driver("breakdown", 24)
    assert set(by_driver) == set(DRIVERS)
    assert by_driver["corridor"] == told["N1"].changes["breakdown"]["24"]["mean"]
    assert by_driver["constitution"] == 0.0


@pytest.mark.parametrize("rung", ["war", "abrogation"])
def test_time_that_passes_has_no_part_in_what_happened(base: Base, rung: str) -> None:
    """Breakdown is one's own doing: what time alone would have done is next to nothing here."""
    held = dict.fromkeys(STREAMS, LATER)
    plain = update(base, case=replace(flagship(), observed_to=held), cutoff=LATER)
    broken = replace(flagship(), observed_to=held, happened=(happened(rung, date(2026, 7, 20)),))
    found = attribute(update(base, case=broken, cutoff=LATER))
    parts = {(part.kind, part.label): part.changes["breakdown"] for part in found.parts}
    (alone,) = attribute(plain).parts
    for months in map(str, HORIZONS_MONTHS):
        ours, theirs = parts["months", "months"][months], alone.changes["breakdown"][months]
        # Half of it is what it moves before the end, the other half what it moves after: nothing.
        assert ours["mean"] == pytest.approx(theirs["mean"] / 2.0, abs=0.003)
        assert parts["happened", rung][months]["mean"] > 0.8
    np.testing.assert_allclose(added_up(found), total(found.before, found.after), atol=1e-10)


def test_a_rung_that_is_reached_moves_no_other_by_being_settled(base: Base) -> None:
    held = dict.fromkeys(STREAMS, LATER)
    plain = attribute(update(base, case=replace(flagship(), observed_to=held), cutoff=LATER))
    forced = replace(flagship(), observed_to=held, happened=(happened("force", LATER),))
    found = attribute(update(base, case=forced, cutoff=LATER))
    parts = {part.kind: part.changes for part in found.parts}
    (alone,) = (part.changes for part in plain.parts)
    for months in map(str, HORIZONS_MONTHS):
        ours, theirs = parts["months"]["breakdown"][months], alone["breakdown"][months]
        assert ours["mean"] == pytest.approx(theirs["mean"], abs=2e-4)
        assert parts["happened"]["force"][months]["mean"] > 0.1
        assert parts["months"]["force"][months]["mean"] == pytest.approx(
            alone["force"][months]["mean"] / 2.0, abs=0.01
        )
    np.testing.assert_allclose(added_up(found), total(found.before, found.after), atol=1e-10)


def test_two_that_happen_are_closed_one_by_one(base: Base) -> None:
    case = replace(
        flagship(),
        happened=(happened("force", date(2026, 2, 3)), happened("war", date(2026, 6, 20))),
    )
    found = attribute(update(base, case=case))
    parts = {(part.kind, part.label): part.changes for part in found.parts}
    assert set(parts) == {("happened", "force"), ("happened", "war")}
    before = found.before["force"]["12"]["mean"]
    # Either alone would have settled it: what was left of it is shared between the two.
    for label in ("force", "war"):
        part = parts["happened", label]["force"]["12"]["mean"]
        assert part == pytest.approx((1.0 - before) / 2.0, abs=0.02)
    assert abs(parts["happened", "force"]["breakdown"]["12"]["mean"]) < 0.02
    np.testing.assert_allclose(added_up(found), total(found.before, found.after), atol=1e-10)


def test_an_item_taken_back_is_named(base: Base) -> None:
    case = flagship()
    knew = prepare(narrow_fit(replace(case, news=(*case.news, NEWS[0])), draws=100, chains=4))
    found = attribute(update(knew, case=case))
    (part,) = found.parts
    assert ([i.id for i in part.removed], part.added) == (["N1"], ())


def test_errors_of_parts_are_those_of_other_draws(later: Update) -> None:
    """The error told of a part is about the spread of that part over other draws."""
    worth_of = []
    for seed in range(12):
        fit = made_fit(*_resampled(later, seed))
        again = update(
            prepare(fit), NEWS, case=later.weighed.data.case, cutoff=later.weighed.data.cutoff
        )
        part = next(part for part in attribute(again).parts if part.label == "N1")
        worth_of.append(part.changes["breakdown"]["24"])
    spread = np.std([each["mean"] for each in worth_of], ddof=1)
    told = np.mean([each["mcse"] for each in worth_of])
    assert told == pytest.approx(spread, rel=0.6)


def _resampled(later: Update, seed: int):  # type: ignore[no-untyped-def]
    """Draw particles again with replacement: independent draws of one law."""
    from durability.inference import Settings

    particles = later.base.particles
    rng = np.random.default_rng(seed)
    n = len(particles)
    chosen = rng.integers(0, n, n)
    case = flagship()
    model = particles.model_of(assemble(case, history()))
    theta = {name: values[chosen] for name, values in particles.theta.items()}
    things = len(model.data.coords["thing"])
    theta["coding_error_raw"] = rng.standard_normal((n, things))
    return model, theta, Settings(draws=n // 4, tune=1, chains=4, seed=particles.seed)


def test_what_a_refit_adds_is_a_part_of_its_own(base: Base, later: Update) -> None:
    other = prepare(narrow_fit(later.weighed.data.case, draws=100, chains=4, seed=9))
    found = explain(base, later.weighed, after=other.table)
    assert found.parts[-1].kind == "remainder"
    np.testing.assert_allclose(
        added_up(found), total(found.before, found.after), rtol=0.0, atol=1e-10
    )


# ---- priors -------------------------------------------------------------------------------------


def prior_set(**changes: Prior) -> PriorSet:
    from worlds import DEFAULT_PRIORS

    from durability.prior_sets import read_priors

    found = read_priors(DEFAULT_PRIORS)
    return replace(
        found,
        parameters=MappingProxyType({**found.parameters, **changes}),
        hash="changed" if changes else found.hash,
    )


def moved(name: str, **values: float) -> Prior:
    prior = priors()[name]
    return replace(prior, values=MappingProxyType({**prior.values, **values}))


def test_another_prior_weighs_by_the_ratio_of_densities(base: Base) -> None:
    before = prior_set()
    old = before.parameters["effect_trust"].values
    after = prior_set(effect_trust=moved("effect_trust", mean=old["mean"] + 0.4))
    found = prior_ratio(base.particles.theta, before, after)
    effect = base.particles.theta["effect_mean"][:, 0]
    expected = stats.norm(old["mean"] + 0.4, old["sd"]).logpdf(effect)
    expected -= stats.norm(old["mean"], old["sd"]).logpdf(effect)
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-10)


def test_another_law_of_correlations_weighs_by_its_density(base: Base) -> None:
    before, after = prior_set(), prior_set(correlation=moved("correlation", eta=7.0))
    found = prior_ratio(base.particles.theta, before, after)
    partial = 2.0 * base.particles.theta["partial_correlation"] - 1.0
    from durability.models.drivers import correlation_cholesky

    # LKJ: the density of R is |R|^(η-1), and the map from partial correlations does not change.
    cholesky = correlation_cholesky(np, partial)
    log_det = 2.0 * np.log(np.diagonal(cholesky, axis1=-2, axis2=-1)).sum(-1)
    eta = before.parameters["correlation"].values["eta"]
    expected = (7.0 - eta) * log_det
    np.testing.assert_allclose(found - found[0], expected - expected[0], rtol=1e-6, atol=1e-8)


def test_the_prior_set_is_a_part(base: Base) -> None:
    after = prior_set(effect_corridor=moved("effect_corridor", mean=0.6))
    weighed = update(base, NEWS[:1], case=flagship()).weighed
    found = explain(base, weighed, after=weighed.table, priors=after)
    assert {part.kind for part in found.parts} == {"event", "priors", "remainder"}
    np.testing.assert_allclose(
        added_up(found), total(found.before, found.after), rtol=0.0, atol=1e-10
    )


def fixed(name: str, value: float) -> Prior:
    return replace(priors()[name], values=MappingProxyType({"value": value}))


def test_a_fixed_number_is_weighed_by_the_ratings_that_it_reads(base: Base) -> None:
    """It has no density: of two sets that differ in it alone the part is the likelihoods'."""
    after = prior_set(hindsight=fixed("hindsight", 0.0), shared_error=fixed("shared_error", 0.5))
    weighed = update(base, case=flagship()).weighed
    found = explain(base, weighed, after=weighed.table, priors=after)
    assert [part.kind for part in found.parts] == ["priors", "remainder"]
    arrays = base.seen.arrays
    chosen = np.arange(len(base.seen.coords["thing"]))
    then, now = (
        marginals().codings(base.seen.theta, base.seen.latent, read, chosen).sum(axis=1)
        for read in (arrays, {**arrays, "hindsight": 0.0, "shared_error": 0.5})
    )
    weights = smooth(now - then)
    chances = base.particles.ahead.chances[:, RUNGS.index("breakdown"), HORIZONS_MONTHS.index(24)]
    wanted = weights.values @ chances - chances.mean()
    assert abs(wanted) > 1e-5
    assert found.parts[0].changes["breakdown"]["24"]["mean"] == pytest.approx(wanted, rel=1e-8)


def test_ratings_of_the_agreement_itself_are_no_part_of_the_priors(base: Base) -> None:
    rated = (*flagship().standings, standing(date(2026, 1, 5), coder="b"))
    case = replace(flagship(), standings=rated)
    weighed = update(base, case=case).weighed
    after = prior_set(effect_corridor=moved("effect_corridor", mean=0.6))
    found = explain(base, weighed, after=weighed.table, priors=after)
    assert {part.kind for part in found.parts} == {"anchors", "priors", "remainder"}


def test_what_priors_say_of_steps_ahead_is_a_part_of_theirs(fit: Fit) -> None:
    """Nothing is weighed, but the months ahead differ, by just as much as a forecast from both."""
    case = waiting(vote(), treaty())
    mine = replace(fit, model=replace(fit.model, data=assemble(case, history())))
    start = prepare(mine)
    after = prior_set(stage_signed=moved("stage_signed", mean=-3.0))
    other = prepare(replace(mine, model=replace(mine.model, priors=after)))
    found = attribute(compare(start, other, mine.model.data))
    assert [part.kind for part in found.parts] == ["priors"]
    np.testing.assert_allclose(added_up(found), total(start.table, other.table), atol=1e-12)
    assert np.abs(total(start.table, other.table)).max() > 1e-4


def test_equal_priors_are_no_part(base: Base) -> None:
    weighed = update(base, NEWS[:1], case=flagship()).weighed
    found = explain(base, weighed, after=weighed.table, priors=prior_set())
    assert [part.kind for part in found.parts] == ["event"]
    assert "shared_error" in full(weighed.data)
