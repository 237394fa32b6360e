"""A posterior as a prior set: what it keeps, what it refuses, and that it goes on rightly."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytensor
import pytest
from continued import (
    EARLY,
    MADE,
    early_fit,
    later_data,
    later_theta,
    parts,
    revised,
    whole_fit,
    with_lineage,
)
from fitted import made_fit, model_of
from worlds import CUTOFF, DEFAULT_PRIORS, data, flagship, happened, history, item, standing, window

from durability import revision
from durability.absorption import rows_of, watched_longer
from durability.assembly import ModelData, assemble, entered_rows
from durability.cases import Case
from durability.catalogue import drivers, joint_law
from durability.errors import InputError
from durability.fidelity import drawn_fit, going_on, headline_changes, is_faithful
from durability.inference import Fit, Settings, build, fit
from durability.joint_priors import Fidelity, joint_text
from durability.judged_fits import judge_fit
from durability.ladder import Spell, derive_spells
from durability.news import NewsItem, Retraction
from durability.pooling import of_moments
from durability.prior_diff import diff_priors
from durability.prior_screen import _history_lines, continued_lines, revised_lines
from durability.prior_sets import PriorSet, read_priors
from durability.prior_writing import priors_text, save_text
from durability.revision import revise_priors, state_of, tail_months
from durability.simulation import incidences, simulate
from durability.vocabulary import DRIVERS


def written(folder: Path, priors: PriorSet) -> Path:
    joint, lineage = parts(priors)
    path = folder / "early.toml"
    text = priors_text(priors.about, priors.parameters, more=joint_text(joint, lineage))
    save_text(path, text, replacing=True)
    return path


# What is kept -------------------------------------------------------------------------------


def test_a_set_comes_back_from_its_file_to_the_bit(tmp_path: Path) -> None:
    found = read_priors(written(tmp_path, revised()))
    assert (found.joint, found.lineage) == parts(revised())
    assert found.parameters == revised().parameters
    assert found.hash == revised().hash


def test_the_state_is_the_last_two_months() -> None:
    joint, lineage = parts(revised())
    assert joint.coords["month"] == ("2026-02", "2026-03")
    assert set(lineage.observed_to.values()) == {EARLY}
    assert joint.coords["coder"] == ("a", "b")


def test_a_stream_that_is_behind_lengthens_the_state() -> None:
    behind = {**flagship().observed_to, "force": date(2025, 11, 10)}
    model = model_of(replace(flagship(), observed_to=behind), cutoff=EARLY)
    assert tail_months(model.data) == tuple(
        ["2025-10", "2025-11", "2025-12", "2026-01", "2026-02", "2026-03"]
    )


def test_every_row_is_absorbed_with_a_hash_of_what_it_says() -> None:
    rows, made = parts(revised())[1].absorbed, early_fit().model.data
    assert set(rows["agreements"]) == set(made.coords["agreement"])
    assert set(rows["news"]) == {each.id for each in made.used}
    assert len(rows["standings"]) == 4
    assert len(set(rows["news"].values())) == len(rows["news"])


def test_marginals_are_those_of_the_draws_and_newcomers_keep_their_prior() -> None:
    told, theta = revised().parameters, early_fit().theta()
    war = told["intercept_war"].values
    assert war["mean"] == pytest.approx(theta["intercept"][:, 2].mean(), rel=1e-4)
    assert war["sd"] == pytest.approx(theta["intercept"][:, 2].std(), rel=1e-4)
    default = read_priors(DEFAULT_PRIORS).parameters
    assert told["discrimination"] == default["discrimination"]
    assert told["hindsight"] == default["hindsight"]
    assert told["intercept_war"].status == "computed"
    assert "2026-03-31" in told["intercept_war"].source


def test_draws_of_the_prior_give_its_correlation_back() -> None:
    """Of 400 draws eta has a Monte Carlo error of 0.1."""
    told = revised().parameters["correlation"]
    assert told.distribution == "lkj"
    assert told.values["eta"] == pytest.approx(2.0, abs=0.3)


@pytest.mark.parametrize("eta", [0.6, 1.0, 2.0, 6.0])
def test_partial_correlations_of_any_lkj_give_it_back(eta: float) -> None:
    shapes = drivers().lkj_shapes(eta)
    partial = 2.0 * np.random.default_rng(5).beta(shapes, shapes, (200_000, shapes.size)) - 1.0
    spread = revision._correlation_spread(partial)
    assert of_moments("lkj", 0.0, spread)["eta"] == pytest.approx(eta, abs=0.01 * (1.0 + eta))


def test_drivers_that_all_but_coincide_still_have_an_lkj() -> None:
    spread = revision._correlation_spread(np.full((3, 6), 0.99))
    assert of_moments("lkj", 0.0, spread)["eta"] > 0.0


def test_a_posterior_of_nothing_new_can_be_revised_again() -> None:
    """Revising the continuation of no news gives the law that it went on from."""
    model = going_on(early_fit(), revised())
    again = drawn_fit(model, draws=4000, seed=3)
    coords, values = state_of(again)
    joint, _ = parts(revised())
    assert coords == dict(joint.coords)
    u = joint_law().unbounded(values, coords)
    raw = joint_law().whitened(u, joint.arrays())
    assert raw.mean(0) == pytest.approx(0.0, abs=0.09)
    assert np.cov(raw, rowvar=False) == pytest.approx(np.eye(len(joint.unknowns)), abs=0.12)


def one_sided() -> tuple[Fit, PriorSet]:
    """Draws under a prior that holds an effect above 0, and what they are revised to."""
    known = read_priors(DEFAULT_PRIORS)
    half = replace(
        known.parameters["effect_corridor"], distribution="halfnormal", values={"sd": 0.35}
    )
    chosen = replace(known, parameters={**known.parameters, "effect_corridor": half})
    model = build(data(None, cutoff=EARLY), chosen)
    theta = early_fit().theta()
    drawn = np.abs(0.35 * np.random.default_rng(8).standard_normal(len(early_fit())))
    theta["effect_mean"] = theta["effect_mean"].copy()
    theta["effect_mean"][:, CORRIDOR] = drawn
    told = made_fit(model, theta, early_fit().settings)
    return told, revise_priors(told, keep=True, made=MADE)


CORRIDOR = DRIVERS.index("corridor")


def test_a_one_sided_prior_keeps_its_bound_and_its_law_however_often_it_is_revised(
    tmp_path: Path,
) -> None:
    told, first = one_sided()
    assert parts(first)[0].above_zero == ("effect_mean[effect_corridor]",)
    read = read_priors(written(tmp_path, first))
    assert (read.joint, read.hash) == (first.joint, first.hash)
    again = drawn_fit(going_on(told, read), draws=4000, seed=3)
    _, values = state_of(again)
    effect = values["effect_mean"][:, CORRIDOR]
    before = told.theta()["effect_mean"][:, CORRIDOR]
    assert effect.min() > 0.0
    assert np.quantile(effect, [0.1, 0.5, 0.9]) == pytest.approx(
        np.quantile(before, [0.1, 0.5, 0.9]), rel=0.2
    )
    second = revise_priors(again, keep=True, made=MADE)
    assert parts(second)[0].above_zero == parts(first)[0].above_zero
    assert second.parameters["effect_corridor"].distribution == "gamma"


def test_a_set_written_before_bounds_were_kept_goes_on_without(tmp_path: Path) -> None:
    path = written(tmp_path, revised())
    text = path.read_text(encoding="utf-8")
    assert "above_zero = []\n" in text
    path.write_text(text.replace("above_zero = []\n", ""), encoding="utf-8")
    assert read_priors(path).hash == revised().hash


def test_only_what_can_have_either_sign_can_be_held_above_zero() -> None:
    joint, _ = parts(revised())
    other = replace(revised(), joint=replace(joint, above_zero=("persistence",)))
    with pytest.raises(InputError, match=r'above_zero has "persistence"'):
        later_data(after=other)


def test_a_second_revision_remembers_the_rows_of_the_first() -> None:
    model, theta = later_theta()
    later = made_fit(model, theta, Settings(draws=200, tune=1, chains=2, seed=1))
    lineage = parts(revise_priors(later, name="later", keep=True, made=MADE))[1]
    first = parts(revised())[1]
    assert set(lineage.absorbed["news"]) == {
        *first.absorbed["news"],
        *(each.id for each in model.data.used),
    }
    assert lineage.absorbed["agreements"] == first.absorbed["agreements"]
    assert (lineage.parent, lineage.cutoff) == ("early", CUTOFF)


# Going on -----------------------------------------------------------------------------------


def test_only_what_is_new_enters() -> None:
    new = later_data()
    early = {each.id for each in early_fit().model.data.used}
    assert new.used
    assert not early & {each.id for each in new.used}
    whole = {each.id for each in whole_fit().model.data.used}
    assert {each.id for each in new.used} | early == whole
    assert new.unused == whole_fit().model.data.unused
    assert entered_rows(new)["agreements"] == {}
    build(new, revised())


def test_items_that_come_late_are_left_out_and_say_why() -> None:
    absorbed = next(each for each in early_fit().model.data.used if each.event)
    news = (
        *flagship().news,
        item("X1", date(2026, 5, 3), date=date(2026, 1, 3)),
        item("X2", date(2026, 5, 3), event=absorbed.event, driver=absorbed.driver),
        item("X3", date(2026, 5, 3), date=date(2026, 3, 3)),
    )
    new = assemble(replace(flagship(), news=news), history(), cutoff=CUTOFF, after=revised())
    reasons = {each.id: why for each, why in new.unused}
    assert reasons["X1"] == "of a month before those that the priors hold"
    assert reasons["X2"] == "another report of an event that the priors have absorbed"
    assert "X3" in {each.id for each in new.used}


def test_the_time_that_was_absorbed_is_not_held_again() -> None:
    new, whole, early = (
        each.arrays["case_years"]
        for each in (later_data(), whole_fit().model.data, early_fit().model.data)
    )
    assert new == pytest.approx(whole - early, abs=1e-9)
    assert new == pytest.approx((CUTOFF - EARLY).days / 365.25)


def test_rows_that_were_absorbed_are_refused_by_name() -> None:
    with pytest.raises(InputError, match=r"agreements R\d+.*news .*after=priors"):
        build(data(None, cutoff=CUTOFF), revised())


def test_another_set_than_the_data_go_on_from_is_refused() -> None:
    with pytest.raises(InputError, match="go on from early, which is another set"):
        build(later_data(), read_priors(DEFAULT_PRIORS))
    other = with_lineage(revised(), case="elsewhere")
    with pytest.raises(InputError, match="another set"):
        build(later_data(), other)
    with pytest.raises(InputError, match=r"posterior of elsewhere: its state does not go"):
        build(data(None, cutoff=CUTOFF), other)


def test_a_state_does_not_travel_to_another_case() -> None:
    with pytest.raises(InputError, match="does not travel to elsewhere"):
        assemble(replace(flagship(), name="elsewhere"), history(), after=revised())


def test_rows_that_changed_or_went_are_refused_all_at_once() -> None:
    first, second, *_ = [i for i in flagship().news if i.id in parts(revised())[1].absorbed["news"]]
    others = [i for i in flagship().news if i not in (first, second)]
    ratings = tuple((coder, -rating - 1 if rating >= 0 else 2) for coder, rating in first.ratings)
    case = replace(flagship(), news=(replace(first, ratings=ratings), *others))
    agreements = [
        replace(r, contiguous=not r.contiguous) if r.id == "R001" else r for r in history()
    ]
    with pytest.raises(InputError) as caught:
        assemble(case, agreements, after=revised())
    told = str(caught.value)
    assert f"news row {first.id} was absorbed and says something else" in told
    assert f"news row {second.id} was absorbed and is no longer there" in told
    assert "agreements row R001 was absorbed and says something else" in told
    assert len(caught.value.problems) == 3


def absorbed_item() -> NewsItem:
    news = parts(revised())[1].absorbed["news"]
    return next(each for each in flagship().news if each.id in news and each.event)


def going(case: Case, cutoff: date = CUTOFF) -> ModelData:
    return assemble(case, history(), cutoff=cutoff, after=revised())


def test_an_absorbed_item_that_is_retracted_or_corrected_is_refused() -> None:
    """The ledger is appended to, so the absorbed row itself never changes."""
    gone, known = absorbed_item(), date(2026, 5, 1)
    back = Retraction(id="X1", retracts=gone.id, known=known, recorded=None, why="false", line=0)
    other = replace(gone, id="X1", corrects=gone.id, known=known, ratings=(("a", 0), ("b", 0)))
    cases = {
        "retracted on 2026-05-01": replace(flagship(), retractions=(back,)),
        "corrected": replace(flagship(), news=(*flagship().news, other)),
    }
    for why, case in cases.items():
        with pytest.raises(InputError, match=rf"row {gone.id} was absorbed, and since.*{why}"):
            going(case)
        before = going(case, date(2026, 4, 20))
        assert before.hash() == going(flagship(), date(2026, 4, 20)).hash()


def test_an_absorbed_item_that_a_count_tells_again_is_refused() -> None:
    again = window(
        date(2026, 4, 1), date(2026, 4, 30), 40, indicator="new", source=absorbed_item().id
    )
    case = replace(flagship(), indicators=(*flagship().indicators, again))
    with pytest.raises(InputError, match="the same fact enters as the count new"):
        going(case)


@pytest.mark.parametrize("rung", ["force", "war", "abrogation"])
def test_a_breakdown_found_out_late_is_refused(rung: str) -> None:
    found = (*flagship().happened, happened(rung, date(2026, 2, 10)))
    with pytest.raises(InputError, match=f"{rung} 2026-02-10 was found out late") as caught:
        going(replace(flagship(), happened=found))
    assert len(caught.value.problems) == 1
    later = (*flagship().happened, happened(rung, date(2026, 4, 10)))
    assert going(replace(flagship(), happened=later)).arrays["case_event"].any()


def test_having_held_for_less_long_than_was_absorbed_is_refused() -> None:
    to = {**flagship().observed_to, "war": date(2025, 12, 31)}
    with pytest.raises(InputError, match="that war had held was absorbed to 2026-03-31, and is"):
        going(replace(flagship(), observed_to=to))


def test_ratings_of_a_day_that_was_absorbed_are_refused() -> None:
    """They would be read with a fresh error, which coders share."""
    early = data(None, cutoff=date(2025, 8, 31))
    lineage = parts(revised())[1]
    priors = with_lineage(
        revised(),
        absorbed={**lineage.absorbed, "standings": {"2026-02-20 a": "x"}},
    )
    rated = (*flagship().standings, standing(date(2026, 2, 20), coder="b"))
    with pytest.raises(InputError, match="2026-02-20 b are of a day whose ratings, with the error"):
        assemble(replace(flagship(), standings=rated), history(), cutoff=CUTOFF, after=priors)
    assert entered_rows(early)["standings"]


def with_history_of(then: date) -> tuple[PriorSet, list[Spell]]:
    """The revised set, had it known history to an earlier day."""
    spells = derive_spells(history(), cutoff=then, reading="new", subset="core")
    kept = [spell for spell in spells if spell.agreement not in flagship().excluded]
    by_id = {row.id: row for row in history()}
    known = [(by_id[spell.agreement], spell) for spell in kept]
    absorbed = {
        **parts(revised())[1].absorbed,
        "agreements": rows_of(flagship(), known, (), (), then)["agreements"],
    }
    return with_lineage(revised(), history=then, absorbed=absorbed), kept


def test_history_that_went_on_since_is_told() -> None:
    """In the shipped file 25 agreements held on from June to the end of 2025."""
    priors, kept = with_history_of(date(2025, 6, 30))
    made = assemble(flagship(), history(), cutoff=CUTOFF, after=priors)
    longer, years = watched_longer(made.spells, kept)
    assert longer == sum(
        max(now.stop_days.values()) > max(then.stop_days.values())
        for now, then in zip(made.spells, kept, strict=True)
    )
    assert longer > 20
    assert years == pytest.approx(184 / 365.25)
    assert any("held for up to 0.5 years more" in line for line in _history_lines(made))
    assert list(_history_lines(later_data())) == []


def test_history_that_broke_or_began_since_is_refused() -> None:
    """In the shipped file R018 broke in 2024 or later, and R058 began."""
    priors, _ = with_history_of(date(2023, 12, 31))
    with pytest.raises(InputError) as caught:
        assemble(flagship(), history(), cutoff=CUTOFF, after=priors)
    found = sorted(problem.found for problem in caught.value.problems)
    assert found == [
        "agreement R018 has broken since the history that was absorbed",
        "agreement R058 was not absorbed",
    ]


def test_rewording_an_absorbed_item_changes_nothing() -> None:
    news = tuple(replace(each, statement="Reworded", note="x") for each in flagship().news)
    case = replace(flagship(), news=news)
    again = assemble(case, history(), cutoff=CUTOFF, after=revised())
    assert again.hash() == later_data().hash()


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"cutoff": date(2026, 3, 1)}, "choose a cutoff on or after that day"),
        ({"reading": "all"}, "reading new, and the data have reading all"),
        ({"clock": "deal"}, "clock settlement, and the data have clock deal"),
        ({"level_change": (1.0, 1.0)}, "level_change 0 to 1"),
    ],
)
def test_data_read_in_another_way_are_refused(how: dict, told: str) -> None:
    with pytest.raises(InputError, match=told):
        later_data(**how)


def test_counts_and_ratings_that_reach_back_are_refused() -> None:
    late = window(date(2026, 1, 1), date(2026, 4, 30), 3, indicator="new")
    rated = standing(date(2025, 12, 1), coder="late")
    case = replace(
        flagship(),
        indicators=(*flagship().indicators, late),
        standings=(*flagship().standings, rated),
    )
    with pytest.raises(InputError) as caught:
        assemble(case, history(), cutoff=CUTOFF, after=revised())
    told = str(caught.value)
    assert "the count new 2026-01-01..2026-04-30 begins before" in told
    assert "the ratings of 2025-12-01 late are of a month before" in told


def test_new_coders_indicators_and_ratings_of_the_case_enter_with_their_own_priors() -> None:
    case = replace(
        flagship(),
        news=(*flagship().news, item("X1", date(2026, 5, 3), ratings=(("a", 2), ("newcomer", 1)))),
        indicators=(
            *flagship().indicators,
            window(date(2026, 4, 1), date(2026, 5, 31), 4, indicator="marches"),
            window(date(2026, 4, 1), date(2026, 5, 31), 9, indicator="ceasefire_violations"),
        ),
        standings=(*flagship().standings, standing(date(2026, 4, 20), coder="newcomer")),
    )
    made = build(assemble(case, history(), cutoff=CUTOFF, after=revised()), revised())
    assert made.data.coords["new_coder"] == ("newcomer",)
    assert made.data.coords["new_indicator"] == ("marches",)
    rng = np.random.default_rng(1)
    theta = made.module.prior_draws(made.data, made.priors.parameters, n=7, rng=rng)
    assert theta["discrimination_new"].shape == (7, 1)
    latent = made.module.latents(theta, made.arrays, np)
    terms = made.module.log_likelihoods(theta, latent, made.arrays, np)
    assert terms["codings"].shape == (7, 4)
    assert terms["counts"].shape == (7, 2)
    assert all(np.isfinite(term).all() for term in terms.values())
    assert {v.name for v in made.to_pymc().free_RVs} == set(theta)
    coords, values = state_of(made_fit(made, theta, Settings(draws=7, tune=1, chains=1)))
    place = coords["coder"].index("newcomer")
    assert values["discrimination"][:, place] == pytest.approx(theta["discrimination_new"][:, 0])
    assert coords["indicator"] == ("border_casualties", "ceasefire_violations", "marches")


def test_an_event_after_the_cutoff_is_scored_once() -> None:
    from worlds import happened

    case = replace(flagship(), happened=(happened("force", date(2026, 5, 10)),))
    new = assemble(case, history(), cutoff=CUTOFF, after=revised())
    assert new.arrays["case_event"].tolist() == [1.0, 0.0, 0.0, 0.0]
    assert new.arrays["case_years"][0] < new.arrays["case_years"][2]
    earlier = replace(flagship(), happened=(happened("force", date(2026, 1, 10)),))
    model = model_of(earlier, cutoff=EARLY)
    rng = np.random.default_rng(3)
    theta = model.module.prior_draws(model.data, model.priors.parameters, n=60, rng=rng)
    told = made_fit(model, theta, Settings(draws=30, tune=1, chains=2))
    coords, values = state_of(told)
    law = revision.fit_law(joint_law().unbounded(values, coords))
    draft = revision._draft(told, "x", MADE, coords, law, values)
    after = assemble(earlier, history(), cutoff=CUTOFF, after=draft)
    assert after.arrays["case_event"].tolist() == [0.0, 0.0, 0.0, 0.0]
    assert after.arrays["case_years"][0] == 0.0
    assert after.arrays["case_years"][2] > 0.2


# Fidelity -----------------------------------------------------------------------------------


def test_a_law_that_does_not_stand_for_the_draws_is_refused_and_kept_if_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bad = Fidelity(khat=0.9, draws=1, points=0.2, where="war at 6 months", mcse_points=0.1)
    monkeypatch.setattr(revision, "measured", lambda *_: bad)
    with pytest.raises(InputError, match=r"k 0\.90, and war at 6 months moves by \+0\.20 points"):
        revise_priors(early_fit())
    kept = revise_priors(early_fit(), keep=True, made=MADE)
    assert parts(kept)[1].fidelity == bad
    assert any("DOES NOT STAND" in line for line in revised_lines(kept))
    assert not is_faithful(bad)
    assert not is_faithful(replace(bad, khat=0.1, points=-1.4))
    assert is_faithful(replace(bad, khat=0.1))


def mixture(tmp_path: Path) -> PriorSet:
    coords, values = state_of(early_fit())
    law = revision.fit_law(joint_law().unbounded(values, coords), components=3)
    draft = revision._draft(early_fit(), "early", MADE, coords, law, values)
    return read_priors(written(tmp_path, draft))


def test_a_mixture_comes_back_from_its_file_and_can_be_gone_on_from(tmp_path: Path) -> None:
    priors = mixture(tmp_path)
    joint, _ = parts(priors)
    assert len(joint.weights) == len(joint.centres) == 3
    assert sum(joint.weights) == pytest.approx(1.0, abs=1e-9)
    made = build(assemble(flagship(), history(), cutoff=CUTOFF, after=priors), priors)
    model = made.to_pymc()
    raw = np.random.default_rng(1).standard_normal(len(joint.unknowns))
    free = next(each for each in model.free_RVs if each.name == "joint_raw")
    density = model.logp(vars=[free], jacobian=False)
    value = model.rvs_to_values[free]
    mode = pytensor.compile.mode.Mode(linker="py", optimizer=None)
    found = pytensor.function([value], density, mode=mode)(raw)
    wanted = joint_law().log_density(raw, made.arrays, np)
    assert float(found) == pytest.approx(float(wanted))
    assert drawn_fit(made, draws=50, seed=1).draws_of("joint_raw").shape == (50, len(raw))


def test_a_mixture_is_tried_where_a_plain_law_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    good = Fidelity(khat=0.3, draws=1, points=0.2, where="war at 6 months", mcse_points=0.1)

    def judged(_fit, draft: PriorSet, *_) -> Fidelity:
        return good if len(parts(draft)[0].weights) >= 4 else replace(good, khat=0.9)

    monkeypatch.setattr(revision, "measured", judged)
    made = revise_priors(early_fit(), made=MADE)
    assert len(parts(made)[0].weights) == 4
    assert parts(made)[1].fidelity == good
    assert any("mixture of 4" in line for line in revised_lines(made))


def test_draws_of_the_law_forecast_as_the_law_says() -> None:
    """Closed form: with the drivers' effects at nothing the chance depends on levels alone."""
    model = going_on(early_fit(), revised())
    made = drawn_fit(model, draws=200, seed=1)
    future = simulate(made, months=12, seed=1)
    latent = model.module.latents(made.theta(), model.arrays, np)
    latent["effects"] = 0.0 * latent["effects"]
    told = {**latent["meant"]}
    increments = model.module.breakdown.case_increments(
        told, latent, model.arrays, future.pressure, _edges(model, 12)
    )
    ages = np.exp(_edges(model, 12)[:, :, 2])
    shape = latent["shapes"][:, 2]
    steady = told["level"][:, 2] - np.einsum(
        "sd,sd->s", model.module.effects(told)[:, 2], latent["standing"]
    )
    whole = np.exp(steady) * (ages[1, -1] ** shape - ages[0, 0] ** shape)
    assert increments[:, :, 2].sum(1) == pytest.approx(whole, rel=1e-6)
    assert set(incidences(future.increments)) == {
        "force",
        "fatal",
        "war",
        "abrogation",
        "breakdown",
    }


def _edges(model, months: int) -> np.ndarray:
    from durability.assembly import log_years
    from durability.simulation import edge_ages

    ages = edge_ages(model.data.cutoff, model.data.clock_start, months)
    return np.repeat(log_years([ages[:-1], ages[1:]])[:, :, None], 4, axis=2)


def test_a_revised_set_can_be_compared_with_its_parent() -> None:
    diff = diff_priors(read_priors(DEFAULT_PRIORS), revised(), draws=200)
    assert {change.name for change in diff.changes} >= {"intercept_war", "effect_trust"}
    assert all(0.0 <= row.after <= 1.0 for row in diff.survival)
    # The same joint law twice is the same to the bit.
    again = diff_priors(revised(), with_lineage(revised(), cutoff=CUTOFF), draws=100)
    assert {row.difference for row in again.survival} == {0.0}


def test_a_fit_of_another_model_and_a_report_of_a_continuation_are_refused() -> None:
    from durability.forecasts import forecast

    other = replace(early_fit(), model=replace(early_fit().model, name="other"))
    with pytest.raises(InputError, match="a fit of the model other"):
        revise_priors(other)
    with pytest.raises(InputError, match="durability priors continue"):
        forecast(drawn_fit(going_on(early_fit(), revised()), draws=10, seed=1))


# The oracle: the fit of everything ---------------------------------------------------------------


@pytest.mark.slow
def test_going_on_agrees_with_the_fit_of_everything(tmp_path: Path) -> None:
    """A world of the first 24 agreements and the shipped case: fit, revise, go on; or fit all."""
    core = [row for row in history() if row.set == "core"][:24]
    agreements = [*core, *(row for row in history() if row.set != "core")]

    def sampled(cutoff: date, after: PriorSet | None = None):
        chosen = read_priors(DEFAULT_PRIORS) if after is None else after
        made = assemble(flagship(), agreements, cutoff=cutoff, after=chosen)
        return fit(build(made, chosen), draws=500, tune=400, chains=4, seed=2)

    first = revise_priors(sampled(EARLY), name="first", made=MADE)
    told = parts(first)[1].fidelity
    assert told.khat < 0.7
    assert abs(told.points) < 1.0
    kept = read_priors(written(tmp_path, first))
    going, whole = sampled(CUTOFF, kept), sampled(CUTOFF)
    for name, points, error in headline_changes(whole, going):
        assert abs(points) <= 1.0 + 2 * error, name
    last = [each.draws_of("pressure")[:, -1] for each in (whole, going)]
    assert last[1].mean(0) == pytest.approx(last[0].mean(0), abs=0.15)
    assert last[1].std(0) == pytest.approx(last[0].std(0), rel=0.2)
    assert judge_fit(going).verdict.checks
    lines = list(continued_lines(going))
    assert any(line.startswith("Breakdown") for line in lines)
