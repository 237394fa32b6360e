"""Units: data compared piece by piece, and each piece's likelihood by itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from durability.models import breakdown
from durability.models.ratings import normal_rule
from worlds import CUTOFF, bare, data, drawn, flagship, full, happened, item, standing, window

from durability import units
from durability.assembly import ModelData
from durability.catalogue import marginals
from durability.units import Seen, changed, contents

N = 6


def told(assembled: ModelData) -> dict[units.Unit, object]:
    return contents(full(assembled), assembled.coords)


def seen(assembled: ModelData) -> Seen:
    theta, latent = drawn(assembled, n=N, seed=4)
    return Seen(
        model="breakdown",
        arrays=full(assembled),
        coords=assembled.coords,
        theta=theta,
        latent=latent,
    )


@pytest.fixture(scope="module")
def flagship_seen() -> Seen:
    return seen(data())


def difference(one: ModelData, other: ModelData) -> set[units.Unit]:
    return set(changed(told(one), told(other)))


def with_news(*items: object) -> ModelData:
    case = flagship()
    return data(replace(case, news=(*case.news, *items)))


def test_the_same_data_differ_in_nothing() -> None:
    assert difference(data(), data()) == set()


def test_the_order_of_rows_changes_nothing() -> None:
    case = flagship()
    assert difference(data(), data(replace(case, news=tuple(reversed(case.news))))) == set()


def test_a_new_event_changes_that_event_alone() -> None:
    # It comes first in the alphabet, so every other event moves by one place.
    new = item("AAA", date(2026, 6, 1), ratings=(("newcomer", 2),))
    assert difference(data(), with_news(new)) == {("event", "AAA")}


def test_another_report_of_an_event_changes_that_event() -> None:
    known = data().used[-1]
    other = item("N1", known.known, event=known.event, driver=known.driver)
    assert difference(data(), with_news(other)) == {("event", known.event)}


@pytest.mark.parametrize(
    "change",
    [
        {"ratings": (("a", 2), ("b", 2))},
        {"ratings": (("a", 3),)},
        {"grade": "C"},
        {"date": date(2026, 4, 20)},
    ],
)
def test_what_the_model_reads_of_an_event_is_its_content(change: dict[str, object]) -> None:
    one = item("N1", date(2026, 6, 1), ratings=(("a", 3), ("b", 2)))
    other = replace(one, **change)  # type: ignore[arg-type]
    assert difference(with_news(one), with_news(other)) == {("event", "N1")}


def test_what_the_model_does_not_read_of_an_event_is_not() -> None:
    one = item("N1", date(2026, 6, 1))
    other = replace(one, statement="Put otherwise.", salience=1, note="x", source="Another")
    assert difference(with_news(one), with_news(other)) == set()


def test_a_rating_of_the_agreement_itself_changes_that_anchor() -> None:
    case = flagship()
    more = replace(case, standings=(*case.standings, standing(date(2026, 1, 5))))
    found = difference(data(), data(more))
    assert {kind for kind, _ in found} == {"thing"}
    assert {label.split(":")[0] for _, label in found} == {"2026-01-05"}


def test_a_count_changes_its_window() -> None:
    case = flagship()
    more = window(date(2026, 6, 1), date(2026, 6, 30), 3)
    found = difference(data(), data(replace(case, indicators=(*case.indicators, more))))
    assert found == {("window", "incidents 2026-06-01..2026-06-30")}


def test_a_count_of_another_driver_is_another_count() -> None:
    case = flagship()
    cases = [
        replace(case, indicators=(*case.indicators, window(date(2026, 6, 1), CUTOFF, 3, driver=d)))
        for d in ("trust", "corridor")
    ]
    found = difference(*(data(each) for each in cases))
    assert found == {("window", "incidents 2026-06-01..2026-06-30")}


def test_an_earlier_cutoff_censors_history_and_hides_news() -> None:
    found = difference(data(), data(cutoff=date(2025, 9, 30)))
    kinds = {kind for kind, _ in found}
    assert {"agreement", "event"} <= kinds
    assert "thing" not in kinds


# ---- likelihoods --------------------------------------------------------------------------------


def test_a_units_likelihood_does_not_depend_on_what_else_is_asked_for(flagship_seen: Seen) -> None:
    every = tuple(contents(flagship_seen.arrays, flagship_seen.coords))
    together = units.log_likelihoods(flagship_seen, every)
    assert set(together) == set(every)
    for unit in every[::17]:
        alone = units.log_likelihoods(flagship_seen, (unit,))
        np.testing.assert_allclose(alone[unit], together[unit], rtol=1e-9, atol=1e-11)


def test_outcomes_and_counts_are_those_of_the_model(flagship_seen: Seen) -> None:
    theta, latent, arrays = flagship_seen.theta, flagship_seen.latent, flagship_seen.arrays
    whole = {
        "agreement": breakdown.outcomes(theta, latent, arrays, np),
        "window": breakdown.counts(theta, latent, arrays, np),
    }
    for kind, expected in whole.items():
        mine = tuple((kind, label) for label in flagship_seen.coords[kind])
        found = units.log_likelihoods(flagship_seen, mine)
        for i, unit in enumerate(mine):
            np.testing.assert_allclose(found[unit], expected[:, i], rtol=1e-9, atol=1e-12)


def test_holding_is_that_of_the_model_stream_by_stream(flagship_seen: Seen) -> None:
    theta, latent, arrays = flagship_seen.theta, flagship_seen.latent, flagship_seen.arrays
    found = units.holding(flagship_seen)
    whole = breakdown.holding(theta, latent, arrays, np)
    for k, stream in enumerate(flagship_seen.coords["stream"]):
        np.testing.assert_array_equal(found["stream", stream], whole[:, k])


def test_ratings_of_an_agreement_have_their_shared_error_integrated_out() -> None:
    world = seen(data())
    arrays = dict(world.arrays)
    labels = world.coords["thing"][:3] + world.coords["thing"][-3:]
    mine = tuple(("thing", label) for label in labels)
    found = units.log_likelihoods(world, mine)
    places = [world.coords["thing"].index(label) for label in labels]
    # Every error at once on one grid: each thing has its own.
    total = np.full((N, len(mine)), -np.inf)
    for node, log_weight in zip(*normal_rule(401, 8.0), strict=True):
        theta = {**world.theta, "coding_error_raw": np.full((N, len(world.coords["thing"])), node)}
        each = breakdown.codings(theta, world.latent, arrays, np)
        total = np.logaddexp(total, each[:, places] + log_weight)
    for i, unit in enumerate(mine):
        np.testing.assert_allclose(found[unit], total[:, i], atol=0.01)


def test_chosen_events_are_those_of_all() -> None:
    world = seen(data())
    whole = marginals().events(world.theta, world.latent, world.arrays)
    chosen = np.array([40, 3, 77])
    some = marginals().events(world.theta, world.latent, world.arrays, chosen)
    np.testing.assert_allclose(some, whole[:, chosen], rtol=1e-9)


def test_a_case_without_news_has_no_events() -> None:
    found = told(data(bare()))
    assert {kind for kind, _ in found} == {"thing", "agreement"}


def test_a_rung_that_was_reached_changes_its_stream() -> None:
    case = flagship()
    shot = replace(case, happened=(happened("force", date(2026, 3, 1)),))
    before, after = seen(data()), seen(data(shot))
    one, other = units.holding(before), units.holding(after)
    assert not np.array_equal(one["stream", "force"], other["stream", "force"])
    np.testing.assert_array_equal(one["stream", "war"], other["stream", "war"])
