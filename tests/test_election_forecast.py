"""Draws of votes and seats: the result stands in, governments follow the rules, nothing leaks."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any, cast

import numpy as np
import pytest
from fitted import made_fit
from test_election_data import with_another_future
from test_retries import NEAR, PASSED

from durability import cache, election_forecast, inference
from durability.assembly import assemble
from durability.cases import read_case
from durability.catalogue import parameters_of
from durability.command_types import sample_election
from durability.election_data import ElectionData, assemble_election
from durability.election_forecast import (
    CHANCES,
    FUTURES,
    ElectionForecast,
    election_chance,
    election_chances,
    forecast_votes,
    unkept_chance,
)
from durability.election_screen import election_lines
from durability.election_settings import Election, read_election
from durability.errors import InputError, SamplingError
from durability.inference import Fit, Model, Settings
from durability.prior_sets import Prior, read_priors
from durability.verdict import Check, Verdict

CUTOFF = dt.date(2026, 5, 31)
AFTER = dt.date(2026, 6, 8)


@pytest.fixture(scope="module")
def election() -> Election:
    return read_election("armenia_azerbaijan")


def drawn_fit(election: Election, cutoff: dt.date = CUTOFF, *, draws: int = 60) -> Fit:
    """Give a fit whose draws come from the priors: no compilation."""
    data = assemble_election(election, cutoff=cutoff)
    priors = read_priors("election", expected=parameters_of("election"))
    model = Model(name="election", data=cast(Any, data), priors=priors)
    theta = model.module.prior_draws(
        data, priors.parameters, n=2 * draws, rng=np.random.default_rng(6)
    )
    return made_fit(model, theta, Settings(draws=draws, tune=1, chains=2, seed=1))


def drawn(election: Election, cutoff: dt.date = CUTOFF) -> ElectionForecast:
    return forecast_votes(
        assemble_election(election, cutoff=cutoff), drawn_fit(election, cutoff), seed=4
    )


@pytest.fixture(scope="module")
def made(election: Election) -> ElectionForecast:
    return drawn(election)


# Known --------------------------------------------------------------------------------------


def test_once_it_is_known_the_result_stands_in(election: Election) -> None:
    found = election_chances(election, cutoff=AFTER)
    assert found.is_known
    assert found.verdict.ok
    seats = dict(zip(found.lists, found.seats[0, 0], strict=True))
    assert {key: int(n) for key, n in seats.items() if n} == {
        "civil_contract": 64,
        "strong_armenia": 29,
        "armenia_alliance": 12,
    }
    means = {name: found.chances[name]["mean"] for name in CHANCES}
    # 64 of 105: a majority, three fifths by one seat, six short of two thirds.
    assert means == {"government": 1.0, "majority": 1.0, "three_fifths": 1.0, "two_thirds": 0.0}
    assert (found.government.tolist(), found.two_thirds.tolist()) == ([1], [0])
    assert all(found.chances[name]["mcse"] == 0.0 for name in CHANCES)


def test_a_known_chance_samples_nothing(
    election: Election, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("it must not sample")

    monkeypatch.setattr(inference, "fit", never)
    assert election_chance("two_thirds", election, cutoff=AFTER) == 0.0
    assert election_chance("government", "armenia_azerbaijan", cutoff=AFTER) == 1.0


def test_a_result_without_a_majority_needs_the_file_to_say_who_governs(election: Election) -> None:
    result = election.results["E2026"]
    seats = {"civil_contract": 50, "strong_armenia": 29, "armenia_alliance": 12}
    lists = {
        key: dataclasses.replace(each, seats=seats.get(key, 14 if key == "republic" else 0))
        for key, each in result.lists.items()
    }
    hung = dataclasses.replace(
        election, results={**election.results, "E2026": dataclasses.replace(result, lists=lists)}
    )
    with pytest.raises(InputError, match="leaves the government open"):
        election_chances(hung, cutoff=AFTER)
    for stance, chance in (("for", 1.0), ("against", 0.0)):
        told = dataclasses.replace(hung, government=stance)
        assert election_chances(told, cutoff=AFTER).chances["government"]["mean"] == chance


def with_result(election: Election, *, total: int | None, **lists: dict[str, Any]) -> Election:
    """Change lists of the result, and of all lists what stands under ``every``."""
    result, every = election.results["E2026"], lists.pop("every", {})
    made = {
        key: dataclasses.replace(each, **{**every, **lists.get(key, {})})
        for key, each in result.lists.items()
    }
    changed = dataclasses.replace(result, lists=made, seats_total=total)
    return dataclasses.replace(election, results={**election.results, "E2026": changed})


@pytest.mark.parametrize("total", [None, 105])
def test_a_result_without_seats_has_them_counted_from_its_votes(
    election: Election, total: int | None
) -> None:
    bare = with_result(election, total=total, every={"seats": None})
    found, told = (election_chances(each, cutoff=AFTER) for each in (bare, election))
    assert np.array_equal(found.seats, told.seats)
    assert np.array_equal(found.total, told.total)
    assert found.chances == told.chances


def test_lists_without_seats_hold_none_where_the_others_make_up_the_house(
    election: Election,
) -> None:
    none = {"seats": None, "votes": None}
    found = election_chances(with_result(election, total=105, republic=none), cutoff=AFTER)
    assert found.seats.sum() == 105
    with pytest.raises(InputError, match=r"elections.csv line 11, seats: empty; tell the seats"):
        election_chances(with_result(election, total=None, republic=none), cutoff=AFTER)


def test_a_result_whose_seats_cannot_be_had_is_refused_with_its_lines(election: Election) -> None:
    bare: dict[str, Any] = {"seats": None, "votes": None}
    for total in (None, 105):
        with pytest.raises(InputError) as caught:
            election_chances(with_result(election, total=total, every=bare), cutoff=AFTER)
        assert len(caught.value.problems) == 18
        assert "elections.csv line 2, seats: empty" in str(caught.value)
    none: dict[str, Any] = {"seats": 0}
    with pytest.raises(InputError, match="no list of E2026 has a seat"):
        election_chances(with_result(election, total=None, every=none), cutoff=AFTER)
    other = with_result(election, total=106, every={"seats": None, "kind": "club"})
    with pytest.raises(InputError, match=r'line 2, kind: "club"; must be one of party'):
        election_chances(other, cutoff=AFTER)
    other = with_result(election, total=106, every={"seats": None})
    with pytest.raises(InputError, match=r'seats_total: "106"; the law gives a house of 105'):
        election_chances(other, cutoff=AFTER)
    other = with_result(election, total=105, civil_contract={"seats": 65}, dok={"seats": None})
    with pytest.raises(InputError, match=r'line 2, seats: "65"; the law gives 64'):
        election_chances(other, cutoff=AFTER)


# Draws --------------------------------------------------------------------------------------


def test_draws_of_seats_are_houses_of_the_law(made: ElectionForecast) -> None:
    assert made.seats.shape == (120, FUTURES, len(made.lists))
    assert np.array_equal(made.seats.sum(-1), made.total)
    assert (made.total >= 105).all()
    assert np.allclose(made.shares.sum(-1), 1.0)
    leader = made.seats[..., 0]
    assert np.array_equal(made.outcomes["majority"], 2 * leader > made.total)
    assert np.array_equal(made.outcomes["two_thirds"], 3 * leader >= 2 * made.total)
    assert (made.outcomes["two_thirds"] <= made.outcomes["three_fifths"]).all()
    assert (made.outcomes["majority"] <= made.outcomes["government"]).all()
    assert set(np.unique(made.government)) <= {0, 1}


def test_chances_are_means_over_draws_with_interval_and_error(made: ElectionForecast) -> None:
    for name in CHANCES:
        told, rate = made.chances[name], made.outcomes[name].mean(1)
        assert told["mean"] == pytest.approx(rate.mean())
        assert (told["low"], told["high"]) == pytest.approx(tuple(np.quantile(rate, (0.05, 0.95))))
        assert 0.0 < told["mcse"] < 0.1


def test_what_became_known_later_changes_no_draw(
    election: Election, made: ElectionForecast
) -> None:
    other = drawn(with_another_future(election, CUTOFF))
    assert np.array_equal(made.shares, other.shares)
    assert np.array_equal(made.seats, other.seats)
    assert {**made.to_record(), "fit": ""} == {**other.to_record(), "fit": ""}


def prior_at(value: float, name: str) -> Prior:
    return Prior(
        name=name,
        distribution="fixed",
        values={"value": value},
        quantiles=None,
        unit="",
        meaning="",
        reason="",
        source="",
        status="assumed",
    )


@pytest.mark.parametrize(
    ("seats", "shares", "coalition", "transfer", "forms"),
    [
        ([55, 30, 20, 0], [0.5, 0.3, 0.15, 0.05], 1.0, 0.0, True),  # a majority needs nobody
        ([50, 30, 25, 0], [0.45, 0.3, 0.2, 0.05], 1.0, 1.0, False),  # those against govern together
        (
            [50, 30, 25, 0],
            [0.45, 0.3, 0.2, 0.05],
            0.0,
            1.0,
            True,
        ),  # they do not: it wins the runoff
        ([50, 30, 25, 0], [0.45, 0.3, 0.2, 0.05], 0.0, 0.1, False),  # it loses the runoff
        ([50, 30, 10, 15], [0.45, 0.3, 0.1, 0.15], 1.0, 0.5, True),  # no majority against
        ([20, 45, 40, 0], [0.2, 0.41, 0.37, 0.02], 0.0, 1.0, False),  # it is not in the runoff
    ],
)
def test_who_governs_follows_the_rules(
    election: Election,
    seats: list[int],
    shares: list[float],
    coalition: float,
    transfer: float,
    forms: bool,
) -> None:
    keys = ("civil_contract", "strong_armenia", "armenia_alliance", "remainder")
    priors = {"coalition": prior_at(coalition, "c"), "transfer": prior_at(transfer, "t")}
    found = election_forecast._government(
        election,
        keys,
        np.array([[shares]]),
        np.array([[seats]]),
        np.array([[sum(seats)]]),
        priors=priors,
        rng=np.random.default_rng(1),
    )
    assert found.tolist() == [[forms]]


# Chances by name ----------------------------------------------------------------------------


def test_a_chance_is_kept_on_the_disk_and_not_sampled_twice(
    election: Election, made: ElectionForecast, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def counted(*_: object, **__: object) -> ElectionForecast:
        asked.append(1)
        return dataclasses.replace(made, verdict=Verdict(checks=()))

    monkeypatch.setattr(election_forecast, "election_chances", counted)
    first = election_chance("two_thirds", election, cutoff=CUTOFF, seed=11)
    assert first == made.chances["two_thirds"]["mean"]
    assert election_chance("government", election, cutoff=CUTOFF, seed=11) == pytest.approx(
        made.chances["government"]["mean"]
    )
    assert asked == [1]
    # What is known later does not ask again; another stance, or another seed, does.
    election_chance("majority", with_another_future(election, CUTOFF), cutoff=CUTOFF, seed=11)
    assert asked == [1]
    lists = election.contenders
    other = dataclasses.replace(lists["dok"], constitution="for")
    changed = dataclasses.replace(election, contenders={**lists, "dok": other})
    election_chance("two_thirds", changed, cutoff=CUTOFF, seed=11)
    election_chance("two_thirds", election, cutoff=CUTOFF, seed=12)
    assert asked == [1, 1, 1]


def test_a_chance_of_a_failed_fit_is_not_given(
    election: Election, made: ElectionForecast, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = Check(name="divergences", value=3.0, limit=0.0, ok=False, worst="the sampler")
    failed = dataclasses.replace(made, verdict=Verdict(checks=(check,)))
    monkeypatch.setattr(election_forecast, "election_chances", lambda *_, **__: failed)
    with pytest.raises(SamplingError, match="divergences is 3"):
        election_chance("two_thirds", election, cutoff=CUTOFF, seed=13)
    assert cache.read_json("election-none") is None


def test_where_the_fit_fails_another_that_passed_is_taken(
    election: Election, made: ElectionForecast, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = Check(name="divergences", value=3.0, limit=0.0, ok=False, worst="the sampler")

    def judged(data: ElectionData, fit: Fit, *, seed: int) -> ElectionForecast:
        verdict = PASSED if seed == 2 else Verdict(checks=(check,))
        return dataclasses.replace(made, fit=fit, verdict=verdict)

    monkeypatch.setattr(inference, "fit", lambda model, **how: drawn_fit(election))
    monkeypatch.setattr(election_forecast, "forecast_votes", judged)
    asked = {"cutoff": dt.date(2026, 4, 18), "seed": 21}
    with pytest.raises(SamplingError) as told:
        election_chance("two_thirds", election, **asked)  # type: ignore[arg-type]
    advice = "durability election armenia_azerbaijan --cutoff 2026-05-31 --seed 2"
    assert advice in str(told.value)
    election_chances(election, cutoff=dt.date(2026, 4, 18), seed=2)
    found = election_chance("two_thirds", election, **asked)  # type: ignore[arg-type]
    assert found == made.chances["two_thirds"]["mean"]


def test_a_chance_that_a_case_waits_for_is_named_until_it_is_kept_or_known(
    monkeypatch: pytest.MonkeyPatch, made: ElectionForecast
) -> None:
    case = read_case("armenia_azerbaijan")
    name = unkept_chance(assemble(case, cutoff=CUTOFF))
    assert name in CHANCES
    passed = dataclasses.replace(made, verdict=PASSED)
    monkeypatch.setattr(election_forecast, "election_chances", lambda *a, **k: passed)
    election_chance(name, case.folder, cutoff=CUTOFF)
    assert unkept_chance(assemble(case, cutoff=CUTOFF)) == ""
    earlier = dt.date(2026, 4, 30)
    assert unkept_chance(assemble(case, cutoff=earlier)) == name
    assert unkept_chance(assemble(case, cutoff=dt.date(2026, 6, 30))) == ""
    plain = tuple(dataclasses.replace(each, chance_from="") for each in case.conditions)
    free = dataclasses.replace(case, conditions=plain)
    assert unkept_chance(assemble(free, cutoff=earlier)) == ""


def test_commands_say_that_they_sample_an_election_first(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked, early = [], dt.date(2026, 5, 15)

    def sampled(name: str, folder: Any, *, cutoff: dt.date, progress: Any) -> float:
        asked.append((name, cutoff, progress))
        return 0.5

    monkeypatch.setattr(election_forecast, "election_chance", sampled)
    data = assemble(read_case("armenia_azerbaijan"), cutoff=early)
    sample_election(data)
    ((name, cutoff, progress),) = asked
    assert (name, cutoff) == (unkept_chance(data), early)
    assert callable(progress.stage)
    assert "sampling that first" in capsys.readouterr().err
    sample_election(assemble(read_case("armenia_azerbaijan"), cutoff=dt.date(2026, 6, 30)))
    assert len(asked) == 1


def test_an_unknown_chance_is_answered_with_the_known_ones(election: Election) -> None:
    with pytest.raises(InputError, match='did you mean "two_thirds"'):
        election_chance("two_third", election, cutoff=AFTER)


@pytest.mark.slow
def test_a_short_fit_is_sampled_once_and_read_again(election: Election) -> None:
    how: dict[str, Any] = {"cutoff": dt.date(2024, 7, 31), "draws": 40, "tune": 60, "chains": 2}
    one = election_chances(election, **how)
    again = election_chances(election, **how)
    assert one.fit is not None
    assert again.fit is not None
    assert one.fit.timings
    assert not again.fit.timings
    assert np.array_equal(one.seats, again.seats)
    assert not one.verdict.ok  # far too short to be used
    assert [p.id for p in one.data.polls] == ["P01"]


def test_a_fit_that_fails_by_little_is_sampled_again_with_twice_the_draws(
    election: Election, made: ElectionForecast, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []

    def fitted(model: Model, **how: Any) -> Fit:
        asked.append({name: how[name] for name in ("draws", "tune", "target_accept")})
        return drawn_fit(election)

    def judged(data: ElectionData, fit: Fit, *, seed: int) -> ElectionForecast:
        return dataclasses.replace(made, verdict=PASSED if len(asked) == 2 else NEAR)

    monkeypatch.setattr(inference, "fit", fitted)
    monkeypatch.setattr(election_forecast, "forecast_votes", judged)
    found = election_chances(election, cutoff=CUTOFF)
    accept = election_forecast.TARGET_ACCEPT
    assert asked == [
        {"draws": 1500, "tune": 700, "target_accept": accept},
        {"draws": 3000, "tune": 1400, "target_accept": accept},
    ]
    assert found.verdict.ok
    assert [each["draws"] for each in found.to_record()["failed_tries"]] == [1500]
    assert any("A fit of 1,500 draws a chain failed" in line for line in told(found))
    asked.clear()
    once = election_chances(election, cutoff=CUTOFF, tries=1)
    assert (len(asked), once.verdict.ok, once.failed) == (1, False, ())
    asked.clear()
    chance = election_chance("two_thirds", election, cutoff=CUTOFF, seed=14)
    assert chance == made.chances["two_thirds"]["mean"]


def told(found: ElectionForecast) -> list[str]:
    return list(election_lines(found.to_record()))
