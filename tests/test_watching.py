"""What to watch: against brute force, against the update that would follow, and in its order."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from conditioned import CONDITIONS, changed, conditioned, conditioned_fit
from fitted import drawn_fit
from schemas import part
from worlds import CUTOFF, flagship, item

from durability.branches import FEW_PATHS, states_at
from durability.catalogue import marginals
from durability.errors import InputError
from durability.paths import base_weights, begin, lengthened
from durability.scenario_records import watched_record
from durability.updating import update
from durability.vocabulary import DRIVERS, GRADES, HORIZONS_MONTHS, RUNGS
from durability.watch_sections import way_chance
from durability.watching import CONTINUATIONS, Watched, WatchList, watch
from durability.weighing import Base, prepare

STRONG = '{ "0.05" = 2.0, "0.95" = 4.0 }'
TEXT = changed(CONDITIONS, "called", effect=STRONG, permanent="true", depends_on="[]")


@pytest.fixture(scope="module")
def base() -> Base:
    """Give draws far apart, from the priors: news has something to tell."""
    return prepare(drawn_fit(conditioned(TEXT), draws=250, chains=4, seed=5))


@pytest.fixture(scope="module")
def found(base: Base) -> WatchList:
    return watch(base, case=conditioned(TEXT), months=12, cost_ratio=0.2)


@pytest.fixture(scope="module")
def near() -> Base:
    """Give draws near each other, as a posterior's are: conditions stand out."""
    return prepare(conditioned_fit(200, TEXT))


def named(found: WatchList, name: str, grade: str = "") -> Watched:
    return next(each for each in found.watched if (each.name, each.grade) == (name, grade))


def test_everything_pending_and_every_kind_of_news_is_there(found: WatchList) -> None:
    pending = {"called", "referendum", "relents", "signature", "corridor", "summit", "vote"}
    told = {(each.kind, each.name, each.grade) for each in found.watched}
    news = {("news", driver, grade) for driver in DRIVERS for grade in GRADES}
    assert told == {("condition", name, "") for name in pending} | news


def test_ways_average_back_to_the_forecast(found: WatchList) -> None:
    for each in found.watched:
        assert sum(way.chance["mean"] for way in each.ways) == pytest.approx(1.0, abs=1e-12)
        mean = sum(w.chance["mean"] * w.breakdown["mean"] for w in each.ways if w.breakdown)
        assert mean == pytest.approx(found.breakdown["mean"], abs=1e-12)


def test_a_way_that_few_paths_take_is_marked(near: Base) -> None:
    """A ratio on one path has no error at all: what marks it is how many there are."""
    found = watch(near, case=conditioned(TEXT), months=2)
    present = lengthened(begin(near, case=conditioned(TEXT)), CONTINUATIONS)
    states = states_at(present.plan, present.as_they_come, 2)
    for each in (e for e in found.watched if e.kind == "condition"):
        here = states[..., present.plan.place(each.name)]
        ways = here == 1, here == 2, (here == 0) | (here == 3)
        for way, there in zip(each.ways, ways, strict=True):
            assert way.effective_paths == pytest.approx(there.sum())
            assert way.few == (there.sum() < FEW_PATHS)
    told = [way for each in found.watched for way in each.ways if way.breakdown]
    assert {way.few for way in told} == {True, False}


def test_what_can_come_and_no_path_takes_is_not_called_impossible(near: Base) -> None:
    rare = changed(TEXT, "relents", met_by="{ 2028-06-30 = 0.00001, 2031-06-30 = 0.00002 }")
    case = conditioned(changed(rare, "relents", fails="0.0"))
    found = watch(near, case=case, months=12)
    ways = {way.name: way for way in named(found, "relents").ways}
    paths = ways["open"].effective_paths
    assert (ways["met"].chance["mean"], ways["met"].none_of) == (0.0, round(paths))
    assert (1.0 - ways["met"].at_most) ** round(paths) == pytest.approx(0.05)
    # By its day and its own words this one cannot be.
    assert (ways["failed"].chance["mean"], ways["failed"].none_of) == (0.0, 0)
    record = watched_record(found)
    row = next(each for each in record["watched"] if each["name"] == "relents")
    told = {way["name"]: way for way in row["ways"]}
    assert [way_chance(told[name]) for name in ("met", "failed")] == ["<0.1%", "0%"]
    part("watch").validate(record)


def test_the_most_worth_knowing_comes_first(found: WatchList) -> None:
    assert found.cost_ratio == 0.2
    gains = [each.decision["mean"] for each in found.watched if each.decision]
    assert gains == sorted(gains, reverse=True)


def test_without_a_cost_the_score_ranks(base: Base) -> None:
    ranked = watch(base, case=conditioned(TEXT)).watched
    gains = [each.worth["mean"] for each in ranked]
    assert gains == sorted(gains, reverse=True)
    assert all(each.decision is None for each in ranked)


def test_what_cannot_matter_is_worth_nothing_within_its_error(near: Base) -> None:
    found = watch(near, case=conditioned(TEXT))
    summit = named(found, "summit")
    assert abs(summit.worth["mean"]) < 3.0 * summit.worth["mcse"]
    called = named(found, "called")
    assert called.worth["mean"] > 3.0 * called.worth["mcse"]
    assert called.worth["mean"] > summit.worth["mean"] + 3.0 * summit.worth["mcse"]


def test_a_vote_has_its_date_and_what_waits_has_a_later_one(found: WatchList) -> None:
    vote = named(found, "vote")
    assert set(vote.months.values()) == {9.0}
    assert vote.decided == pytest.approx(1.0)
    assert vote.ways[2].breakdown is None  # no path leaves it open
    early, late = (named(found, name).months["0.5"] for name in ("called", "signature"))
    assert early is not None
    assert late is not None
    assert early < late


def test_news_of_the_next_month_is_as_likely_as_the_update_that_follows_says() -> None:
    """The chance of a rating, draw by draw, is the likelihood that weighs the real item."""
    case = replace(flagship(), conditions=())
    base = prepare(drawn_fit(case, draws=60, chains=2, seed=8))
    present = lengthened(begin(base, case=case), CONTINUATIONS)
    law, arrays = marginals(), base.particles.arrays
    for driver, grade, rating in (("corridor", "B", 2), ("trust", "A", -3), ("trust", "C", 0)):
        news = item("N1", date(2026, 7, 20), driver=driver, grade=grade, ratings=(("a", rating),))
        done = update(base, [news], case=case, cutoff=date(2026, 7, 31))
        place = DRIVERS.index(driver)
        for child in range(CONTINUATIONS):
            start, path = present.outsets[child], present.as_they_come[child]
            chances = law.rating_chances(
                start.theta,
                start.latent,
                law.event_told(
                    start.theta,
                    arrays,
                    path.first[:, place],
                    start.latent["pressure"][:, -1, place],
                ),
                location=present.data.coords["location"].index(f"news:{driver}"),
                coder=present.data.coords["coder"].index("a"),
                grade=GRADES.index(grade),
            )
            np.testing.assert_allclose(chances.sum(axis=-1), 1.0, rtol=1e-12)
            term = done.weighed.terms["event", "N1"][:, child]
            np.testing.assert_allclose(np.log(chances[:, rating + 3]), term, rtol=1e-7)


def test_worth_of_news_is_that_of_brute_force(base: Base, found: WatchList) -> None:
    """Simulate what would be rated, weigh by it, and score the forecast that follows."""
    rng = np.random.default_rng(4)
    coder = found.coder
    present = lengthened(begin(base, case=conditioned(TEXT)), CONTINUATIONS)
    weights = base_weights(present, CONTINUATIONS)
    law, arrays = marginals(), present.update.base.particles.model_of(present.data).arrays
    rung, months = RUNGS.index("breakdown"), HORIZONS_MONTHS.index(24)
    breaks = np.stack([p.chances[:, rung, months] for p in present.as_they_come], axis=1)
    whole = (weights.each * breaks).sum()
    for driver in ("corridor", "interference"):
        place = DRIVERS.index(driver)
        chances = np.stack(
            [
                law.rating_chances(
                    o.theta,
                    o.latent,
                    law.event_told(
                        o.theta, arrays, p.first[:, place], o.latent["pressure"][:, -1, place]
                    ),
                    location=present.data.coords["location"].index(f"news:{driver}"),
                    coder=present.data.coords["coder"].index(coder),
                    grade=0,
                )
                for o, p in zip(present.outsets, present.as_they_come, strict=True)
            ],
            axis=1,
        )
        gains = []
        for _ in range(30_000):
            row, child = rng.integers(len(breaks)), rng.integers(CONTINUATIONS)
            rating = rng.choice(7, p=chances[row, child] / chances[row, child].sum())
            broke = rng.random() < breaks[row, child]
            likely = chances[..., rating] * weights.each
            after = (likely * breaks).sum() / likely.sum()
            scores = [np.log2(p if broke else 1.0 - p) for p in (after, whole)]
            gains.append(1000.0 * (scores[0] - scores[1]))
        told = named(found, driver, "A")
        error = np.std(gains) / np.sqrt(len(gains))
        assert abs(np.mean(gains) - told.worth["mean"]) < 4.0 * error + told.worth["mcse"]


def test_ratings_that_alarm_raise_what_their_driver_raises(found: WatchList, base: Base) -> None:
    for driver in DRIVERS:
        effects = base.seen.latent["effects"][:, 2, DRIVERS.index(driver)].mean()
        ways = named(found, driver, "A").ways
        low, high = ways[0].breakdown, ways[-1].breakdown
        assert low is not None
        assert high is not None
        if effects > 0.2:
            assert high["mean"] > low["mean"]


def test_a_better_source_tells_more(found: WatchList) -> None:
    best = max(DRIVERS, key=lambda driver: named(found, driver, "A").worth["mean"])
    worths = [named(found, best, grade).worth["mean"] for grade in ("A", "C")]
    assert worths[0] > worths[1]


def test_the_order_is_the_same_with_other_random_numbers(near: Base) -> None:
    """What is told apart by more than its errors is told in the same order."""
    found = watch(near, case=conditioned(TEXT))
    particles = replace(near.particles, seed=991)
    other = watch(replace(near, particles=particles), case=conditioned(TEXT))
    mine = {(e.name, e.grade): e.worth for e in found.watched}
    theirs = {(e.name, e.grade): e.worth for e in other.watched}
    apart = 0
    for one, its in mine.items():
        for two, others in mine.items():
            gap = its["mean"] - others["mean"]
            if gap > 5.0 * np.hypot(its["mcse"], others["mcse"]):
                apart += 1
                assert theirs[one]["mean"] > theirs[two]["mean"], (one, two)
    assert apart > 5


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"months": 0}, "from 1 to 60"),
        ({"horizon": 18}, "6, 12, 24, 36, 60"),
        ({"cost_ratio": 1.0}, "above 0 and below 1"),
    ],
)
def test_numbers_out_of_range_are_refused(base: Base, how: dict[str, float], told: str) -> None:
    with pytest.raises(InputError, match=told):
        watch(base, case=conditioned(TEXT), **how)  # type: ignore[arg-type]


def test_a_case_without_conditions_or_news_has_nothing_to_watch() -> None:
    bare = replace(flagship(), conditions=(), news=(), indicators=())
    found = watch(drawn_fit(bare, draws=30, chains=2))
    assert found.watched == ()
    assert found.coder == ""
    assert found.update.weighed.data.cutoff == CUTOFF
