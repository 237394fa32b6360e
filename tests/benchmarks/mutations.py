"""Guards have teeth: each is broken on purpose in a copy of the tree, and its tests must fail.

    uv run --no-sync python tests/benchmarks/mutations.py run
    uv run --no-sync python tests/benchmarks/mutations.py run --only "news known later"
    uv run --no-sync python tests/benchmarks/mutations.py table

A mutation names a file, a text that stands in it exactly once, what takes its place, and the tests
that guard it. The tests run first on the copy as it is, where they must pass, and then on each
broken copy, where at least one must fail. Exit status 1 where one is not caught, 2 where a text no
longer stands in its file or a test is gone.

Results are kept in ``mutations.jsonl`` beside this file, one a mutation, with the hash of the files
and tests that it speaks of; `table` copies them to ``docs/testing.md``. ``test_mutations.py`` holds
that every text still stands where it did.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
ROWS = Path(__file__).with_suffix(".jsonl")
PAGE = ROOT / "docs" / "testing.md"
MARKERS = "<!-- mutations begin -->", "<!-- mutations end -->"
TIMEOUT_SECONDS = 900
CAUGHT, PASSED = 1, 0
"""What pytest ends with: some tests failed, none did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """One guard, broken.

    Parameters
    ----------
    group : str
        What kind of guard it is.
    name : str
        What goes wrong, in words.
    path : str
        From the root of the tree.
    before, after : str
        A text that stands exactly once in the file, and what takes its place.
    tests : tuple of str
        ``file::test``, without the folder of tests.
    """

    group: str
    name: str
    path: str
    before: str
    after: str
    tests: tuple[str, ...]


def _of(group: str, *rows: tuple[str, str, str, str, tuple[str, ...]]) -> list[Mutation]:
    return [
        Mutation(group=group, name=name, path=path, before=before, after=after, tests=tests)
        for name, path, before, after, tests in rows
    ]


_FUTURE = (
    "test_assembly.py::test_what_is_known_later_changes_not_a_bit",
    "test_assembly.py::test_all_of_the_future_at_once_changes_not_a_bit",
)

LEAKS = _of(
    "a future row leaks into what a model sees",
    (
        "news known later enters",
        "durability/news_ledger.py",
        "for row in history.rows if row.known <= cutoff)",
        "for row in history.rows)",
        (*_FUTURE, "test_assembly.py::test_an_earlier_cutoff_only_takes_away"),
    ),
    (
        "news enters on the day it happened",
        "durability/news_ledger.py",
        "for row in history.rows if row.known <= cutoff)",
        "for row in history.rows if getattr(row, 'date', row.known) <= cutoff)",
        (
            "test_assembly.py::"
            "test_an_item_enters_on_the_day_it_was_known_and_not_on_the_day_it_happened",
        ),
    ),
    (
        "counts known later enter",
        "durability/news_selection.py",
        "if window.known <= cutoff and window.first",
        "if window.first",
        _FUTURE,
    ),
    (
        "the agreement's own ratings of a later day enter",
        "durability/assembly.py",
        "standings = [s for s in case.standings if s.date <= cutoff]",
        "standings = list(case.standings)",
        _FUTURE,
    ),
    (
        "a rung reached later is known",
        "durability/assembly.py",
        "happened = {h.rung: h.date for h in case.happened if h.date <= cutoff}",
        "happened = {h.rung: h.date for h in case.happened}",
        _FUTURE,
    ),
    (
        "history's outcomes are not censored again at the cutoff",
        "durability/ladder.py",
        "    ends = [cutoff]\n",
        "    ends = [date.max]\n",
        (
            "test_assembly.py::test_history_is_censored_again_at_the_cutoff",
            "test_ladder.py::test_what_happens_on_or_after_the_cutoff_changes_no_spell",
        ),
    ),
    (
        "agreements begun later teach the hazard",
        "durability/ladder.py",
        "if a.set == subset and a.start < cutoff]",
        "if a.set == subset]",
        ("test_ladder.py::test_a_later_agreement_or_event_leaves_no_trace",),
    ),
    (
        "later wars of a pair count among its earlier ones",
        "durability/agreements.py",
        "if other.dyad == agreement.dyad and other.start < agreement.start and other.set in",
        "if other.dyad == agreement.dyad and other.set in",
        (
            "test_agreements.py::"
            "test_earlier_wars_do_not_depend_on_later_or_unwarlike_rows_or_on_order",
        ),
    ),
    (
        "polls published later enter",
        "durability/election_data.py",
        "known = [p for p in election.polls if p.published <= cutoff]",
        "known = list(election.polls)",
        (
            "test_election_data.py::test_what_became_known_later_changes_nothing_to_the_bit",
            "test_election_data.py::test_a_poll_enters_on_the_day_it_was_published",
        ),
    ),
    (
        "what became of a condition is known before its day",
        "durability/conditions.py",
        "known = self.outcome is not None and self.outcome.known <= cutoff",
        "known = self.outcome is not None",
        (
            "test_steps.py::test_an_outcome_known_later_changes_nothing_to_the_bit",
            "test_steps.py::test_an_outcome_counts_from_the_day_it_was_known",
        ),
    ),
)

SIGNS = _of(
    "a sign is flipped",
    (
        "drivers pull history's hazard the other way",
        "models/hazard.py",
        "return (drivers[..., :, None, :] * effects[..., None, :, :]).sum(-1)",
        "return -(drivers[..., :, None, :] * effects[..., None, :, :]).sum(-1)",
        (
            "test_models_hazard.py::test_the_pull_of_drivers_is_an_inner_product_by_row_and_stream",
            "test_models_breakdown.py::"
            "test_worse_standing_makes_breakdown_likelier_and_holding_less_so",
        ),
    ),
    (
        "drivers pull the forecast the other way",
        "models/breakdown.py",
        "eta = log_scales(theta, latent, case) + pulled",
        "eta = log_scales(theta, latent, case) - pulled",
        ("test_simulation.py::test_increments_are_the_hazard_along_the_path_worked_by_hand",),
    ),
    (
        "covariates and frailties lower the hazard that they raise",
        "models/breakdown.py",
        'return theta["intercept"][..., None, :] + shift[..., :, None]',
        'return theta["intercept"][..., None, :] - shift[..., :, None]',
        ("test_models_breakdown.py::test_an_agreements_outcome_has_the_likelihood_worked_by_hand",),
    ),
    (
        "the spread of events' errors turns the sampler's slopes the other way",
        "models/ratings.py",
        "signal[..., None, :] * by_eta + error_sd[..., None, :] * turned",
        "signal[..., None, :] * by_eta - error_sd[..., None, :] * turned",
        ("test_models_ratings.py::test_a_samplers_slopes_are_those_of_the_average",),
    ),
    (
        "hindsight makes drivers look better",
        "models/breakdown.py",
        'return chosen + data["hindsight"] * data["coding_broke"]',
        'return chosen - data["hindsight"] * data["coding_broke"]',
        (
            "test_models_breakdown.py::"
            "test_codings_of_history_and_anchors_have_the_likelihood_worked_by_hand",
        ),
    ),
    (
        "news tells of a sum of months, not of a change",
        "models/breakdown.py",
        "return now - share[..., None] * before",
        "return now + share[..., None] * before",
        ("test_models_breakdown.py::test_events_have_the_likelihood_worked_by_hand",),
    ),
    (
        "a surprise moves its driver the other way",
        "models/conditions.py",
        "surprise = np.where(met, likely - 1.0, likely)",
        "surprise = np.where(met, 1.0 - likely, -likely)",
        ("test_models_conditions.py::test_surprises_move_the_driver_and_cancel_on_average",),
    ),
    (
        "what is expected moves a driver too",
        "models/conditions.py",
        "surprise = np.where(met, likely - 1.0, likely)",
        "surprise = np.where(met, -1.0, 1.0)",
        ("test_models_conditions.py::test_surprises_move_the_driver_and_cancel_on_average",),
    ),
    (
        "pressure hastens what it should delay",
        "models/conditions.py",
        "met, failed = (1.0 - fails) / pull, fails * pull",
        "met, failed = (1.0 - fails) * pull, fails / pull",
        ("test_models_conditions.py::test_pressure_delays_a_step_and_makes_it_likelier_to_fail",),
    ),
    (
        "a past outcome moves its driver the other way",
        "durability/steps.py",
        "share=-each.fails if outcome.met else 1.0 - each.fails,",
        "share=each.fails if outcome.met else each.fails - 1.0,",
        ("test_steps.py::test_a_rated_item_that_reports_an_outcome_carries_its_effect",),
    ),
    (
        "an actor's share of a driver has the other sign",
        "durability/contributions.py",
        '**self.summed(self.each["events"][:, by_actor[name]].sum(axis=1)),',
        '**self.summed(-self.each["events"][:, by_actor[name]].sum(axis=1)),',
        (
            "test_contributions.py::test_actors_share_out_the_drivers_own_events",
            "test_contributions.py::test_an_act_that_pushes_toward_breakdown_has_a_positive_part",
        ),
    ),
    (
        "what an event adds to a driver forgets which month it is compared with",
        "models/contributions.py",
        "(reach(where, of) - share * reach(where - 1, of))",
        "(reach(where, of) + share * reach(where - 1, of))",
        ("test_models_contributions.py::test_contributions_add_up_to_the_drivers_value",),
    ),
)

CLUSTERS = _of(
    "a cluster is dropped",
    (
        "agreements of one family share no frailty",
        "models/breakdown.py",
        '    shift = shift + latent["frailty"][..., data["row_cluster"]]\n',
        "",
        ("test_models_breakdown.py::test_an_agreements_outcome_has_the_likelihood_worked_by_hand",),
    ),
    (
        "agreements share the frailty of another family",
        "durability/assembly.py",
        "cluster = [*(clusters.index(row.cluster) for row in trained)",
        "cluster = [*(dyads.index(row.dyad) % len(clusters) for row in trained)",
        ("test_assembly.py::test_every_row_has_its_own_cluster_and_pair_and_the_case_its_own",),
    ),
    (
        "a cluster that is left out leaves members behind",
        "durability/leaving_out.py",
        "seen = [place for place, each in enumerate(groups) if each != group]",
        "seen = [place for place, each in enumerate(groups) if place != out[0]]",
        ("test_leaving_out.py::test_a_forecaster_never_sees_the_group_that_it_forecasts",),
    ),
    (
        "the error of a mean score leaves out rows, not clusters",
        "durability/skill.py",
        "error, worth = _jackknife(total, size)",
        "error, worth = _jackknife(counts[known] * values[known], counts[known])",
        (
            "test_skill.py::test_a_jackknife_by_hand",
            "test_skill.py::test_a_cluster_written_twice_is_no_more_evidence",
        ),
    ),
    (
        "rows that tell one event count as several",
        "durability/ladder.py",
        "replace(spell, weight=1.0 / counts[key])",
        "replace(spell, weight=1.0)",
        ("test_ladder.py::test_the_parts_of_the_lusaka_agreement_share_weight_one",),
    ),
)

CHANCES = _of(
    "a chance is computed wrongly",
    (
        "what has broken down can break down again",
        "durability/simulation.py",
        "    if has_ended(happened):\n        increments = np.zeros_like(increments)\n    by_name",
        "    by_name",
        ("test_simulation.py::test_what_has_happened_is_certain_and_the_rest_is_not",),
    ),
    (
        "a forecast of an agreement that stands at an age forgets the age",
        "durability/predictors.py",
        "return [float(age) for age in np.broadcast_to(np.asarray(ages, dtype=float), "
        "len(targets))]",
        "return [0.0 for age in np.broadcast_to(np.asarray(ages, dtype=float), len(targets))]",
        (
            "test_predictors.py::test_a_weibull_goes_on_from_the_age_by_its_law_draw_by_draw",
            "test_predictors.py::test_climatology_from_an_age_counts_what_was_watched_beyond_it",
        ),
    ),
    (
        "the forecast is divided by survival again",
        "durability/simulation.py",
        'rungs["breakdown"] = -np.expm1(-np.cumsum(by_name["war"] + denounced, axis=-1))',
        'rungs["breakdown"] = np.expm1(np.cumsum(by_name["war"] + denounced, axis=-1))',
        (
            "test_simulation.py::test_war_and_abrogation_add_up_to_breakdown_in_every_draw",
            "test_simulation.py::test_one_cause_alone_has_the_closed_form",
        ),
    ),
    (
        "having held counts twice",
        "models/breakdown.py",
        "return event * hazard.log_happened(safe, xp) - held",
        "return event * hazard.log_happened(safe, xp) - 2.0 * held",
        ("test_models_breakdown.py::test_having_held_has_the_likelihood_summed_day_by_day",),
    ),
    (
        "a rung waits for its own mark alone",
        "durability/simulation.py",
        "at_least = sum(by_name[worse] for worse in MARKS[rank:])",
        "at_least = by_name[mark]",
        (
            "test_simulation.py::test_rungs_nest_and_never_fall_in_any_draw",
            "test_simulation.py::test_incidences_are_the_shares_of_racing_clocks",
        ),
    ),
    (
        "nothing competes with a rung",
        "durability/simulation.py",
        "    total = own + competing\n",
        "    total = own\n",
        ("test_simulation.py::test_incidences_are_the_shares_of_racing_clocks",),
    ),
    (
        "weights do not add up to one",
        "durability/reweighting.py",
        "    values /= values.sum()\n",
        "",
        ("test_reweighting.py::test_smoothed_weights_are_those_of_arviz",),
    ),
    (
        "Pareto's k is that of the smallest ratios",
        "durability/reweighting.py",
        "tail = order[n - in_tail :]",
        "tail = order[:in_tail]",
        ("test_reweighting.py::test_smoothed_weights_are_those_of_arviz",),
    ),
    (
        "the Monte Carlo error of a revised forecast is too small by a factor",
        "durability/reweighting.py",
        "return float(shaped.std(ddof=1) / np.sqrt(effective_draws(shaped)))",
        "return float(shaped.std(ddof=1) / np.sqrt(4.0 * effective_draws(shaped)))",
        (
            "test_reweighting.py::test_the_error_of_a_plain_mean_is_that_of_arviz",
            "test_reweighting.py::test_the_error_of_a_weighted_mean_is_its_spread_over_repetitions",
        ),
    ),
    (
        "the Monte Carlo error of a forecast is too small by a factor",
        "durability/summaries.py",
        'return float(az.mcse(shaped, method="mean"))',
        'return float(az.mcse(shaped, method="mean")) / 2.0',
        ("test_forecasts.py::test_monte_carlo_errors_grow_with_correlation_within_chains",),
    ),
    (
        "correlation within chains is not seen",
        "durability/summaries.py",
        'return float(az.mcse(shaped, method="mean"))',
        "return float(shaped.std(ddof=1) / np.sqrt(shaped.size))",
        ("test_forecasts.py::test_monte_carlo_errors_grow_with_correlation_within_chains",),
    ),
)

SEATS = _of(
    "the electoral law is misread",
    (
        "the cap does not bind",
        "models/seats.py",
        "capped = (3 * most > 2 * total) &",
        "capped = (most > total) &",
        (
            "test_models_seats.py::test_two_thirds_is_not_monotone_in_seats",
            "test_models_seats.py::test_other_lists_in_the_house_of_2026",
        ),
    ),
    (
        "the top-up rounds down",
        "models/seats.py",
        "lacking = np.where(capped, -(-most // 2) - others, 0)",
        "lacking = np.where(capped, most // 2 - others, 0)",
        (
            "test_models_seats.py::test_two_thirds_is_not_monotone_in_seats",
            "test_models_seats.py::"
            "test_seats_agree_with_slow_exact_arithmetic_over_many_uneven_votes",
        ),
    ),
    (
        "thresholds are of the valid ballots",
        "models/seats.py",
        "np.asarray(threshold, dtype=float) * legal_base[..., None]",
        "np.asarray(threshold, dtype=float) * votes.sum(-1)[..., None]",
        (
            "test_models_seats.py::"
            "test_prosperous_armenia_is_over_four_per_cent_of_valid_ballots_and_under_of_the_base",
            "test_models_seats.py::test_every_result_is_reproduced_to_the_seat_from_its_votes",
        ),
    ),
    (
        "exactly the threshold is not enough",
        "models/seats.py",
        "passed = 100.0 * votes >= np.asarray",
        "passed = 100.0 * votes > np.asarray",
        ("test_models_seats.py::test_exactly_the_threshold_is_enough",),
    ),
)

FILES = _of(
    "a file is torn or altered",
    (
        "a file is written in its place",
        "durability/files.py",
        "return write_through(path, lambda temporary: _write_bytes(temporary, raw))",
        "path.parent.mkdir(parents=True, exist_ok=True); _write_bytes(path, raw); return path",
        (
            "test_report.py::test_a_file_that_cannot_be_written_leaves_the_old_one",
            "test_bad_input.py::test_a_file_system_that_really_is_full_leaves_no_halves",
        ),
    ),
    (
        "a line of the ledger is not held against its hash",
        "durability/ledger_chain.py",
        "    if computed != link.hash:\n",
        "    if False:\n",
        (
            "test_ledger_chain.py::test_an_altered_line_is_not_also_called_missing",
            "test_ledger_chain.py::test_any_byte_that_is_changed_is_found_and_named",
        ),
    ),
    (
        "lines of the ledger are not held against each other",
        "durability/ledger_chain.py",
        "        if link.previous != before.hash:\n",
        "        if False:\n",
        ("test_ledger_chain.py::test_each_way_of_tampering_is_named_with_its_line",),
    ),
    (
        "a broken ledger is written in again",
        "durability/forecast_ledger.py",
        "def _refuse_broken(path: Path, chain: Chain) -> None:\n    if chain.problems:\n",
        "def _refuse_broken(path: Path, chain: Chain) -> None:\n    if False:\n",
        ("test_forecast_ledger.py::test_a_broken_chain_is_never_recorded_in_again",),
    ),
)

SHOWN = _of(
    "a reader is misled",
    (
        "news text is not escaped in the page",
        "durability/report.py",
        "        autoescape=True,\n",
        "        autoescape=False,\n",
        ("test_report.py::test_hostile_text_adds_no_tag_and_no_attribute_to_the_page",),
    ),
    (
        "news text is not escaped in Markdown",
        "durability/markdown.py",
        'plain = plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")',
        "plain = str(plain)",
        ("test_report.py::test_hostile_text_is_only_text_in_markdown",),
    ),
    (
        "any address becomes a link",
        "durability/blocks.py",
        'return named and parts.scheme in {"http", "https"}',
        "return True",
        ("test_report.py::test_only_plain_web_addresses_become_links",),
    ),
    (
        "one check that holds is enough for a verdict",
        "durability/verdict.py",
        "return all(check.ok for check in self.checks)",
        "return any(check.ok for check in self.checks)",
        ("test_verdict.py::test_one_divergence_is_one_too_many",),
    ),
    (
        "forecast probabilities are not judged",
        "durability/verdict.py",
        "        *_forecast_checks(probabilities),\n        *_chain_checks(named",
        "        *_chain_checks(named",
        ("test_verdict.py::test_the_forecast_probabilities_are_judged_themselves",),
    ),
    (
        "a failed verdict is not the first line on the screen",
        "durability/screen.py",
        '    if not record["verdict"]["ok"]:\n',
        "    if False:\n",
        ("test_cli.py::test_a_failed_verdict_is_the_first_line_and_exits_3",),
    ),
    (
        "a failed verdict has no exit status of its own",
        "durability/commands.py",
        'return 0 if record["verdict"]["ok"] else DIAGNOSTICS_FAILED',
        "return 0",
        ("test_cli.py::test_a_failed_verdict_is_the_first_line_and_exits_3",),
    ),
    (
        "a failed verdict raises no banner over the page",
        "durability/templates/report.html",
        "{% if not report.answer.ok %}",
        "{% if false %}",
        ("test_report.py::test_a_failed_verdict_comes_before_everything_else",),
    ),
)

STOPS = _of(
    "work goes on after Ctrl-C",
    (
        "a Ctrl-C falls into a module that loads",
        "durability/interrupts.py",
        "if dropping or _is_loading(frame):",
        "if dropping:",
        ("test_interrupts.py::test_one_that_comes_while_an_extension_module_loads_waits_for_it",),
    ),
    (
        "a Ctrl-C that Python drops is not raised again",
        "durability/interrupts.py",
        "        press_later()\n        dropping.clear()",
        "        dropping.clear()",
        (
            "test_interrupts.py::test_a_dropped_ctrl_c_stops_the_block_at_once_and_in_silence",
            "test_interrupts.py::test_the_command_stops_at_a_dropped_ctrl_c_and_says_so_in_one_line",
        ),
    ),
    (
        "a Ctrl-C that other code forgets is forgotten",
        "durability/interrupts.py",
        "    if pressed:\n        raise KeyboardInterrupt",
        "    if not handler:\n        raise KeyboardInterrupt",
        ("test_interrupts.py::test_one_that_other_code_forgot_is_raised_at_the_end",),
    ),
)

LIKELIHOODS = _of(
    "a likelihood is integrated wrongly",
    (
        "shared errors are integrated over half their nodes",
        "models/ratings.py",
        "range(middle + 1, len(nodes)))",
        "range(middle + 1, middle + 1))",
        (
            "test_models_ratings.py::test_the_marginal_is_the_average_over_the_nodes",
            "test_models_ratings.py::"
            "test_integrated_errors_are_within_a_hundredth_of_adaptive_quadrature",
        ),
    ),
    (
        "the sampler has too few nodes for the errors of events",
        "models/ratings.py",
        "SAMPLER_RULE = normal_rule(25, 4.2)",
        "SAMPLER_RULE = normal_rule(15, 4.2)",
        (
            "test_models_breakdown.py::"
            "test_over_a_posterior_a_sampler_has_the_events_that_everything_else_has",
        ),
    ),
    (
        "what is very unlikely is impossible",
        "models/ratings.py",
        "lost = ~(total[block] > LOG_LEAST).all(axis=-1)",
        "lost = np.zeros(len(total[block]), dtype=bool)",
        ("test_models_ratings.py::test_what_is_beyond_belief_still_has_a_finite_likelihood",),
    ),
    (
        "an outcome is left out, but not the mark of hindsight in its ratings",
        "durability/checks.py",
        'labels, "outcomes", ratios=found["ratios"])',
        'labels, "outcomes")',
        ("test_checks.py::test_outcomes_of_a_case_are_left_out_by_both",),
    ),
)

KEPT = _of(
    "what is kept is taken for what is asked",
    (
        "a changed condition finds the sensitivities of the unchanged one",
        "durability/sensitivity.py",
        'return f"{forecast_hash(fit)}.',
        'return f"{fit.key}.',
        ("test_sensitivity.py::test_refits_are_kept_and_read_again",),
    ),
    (
        "a new poll does not reach an update",
        "durability/weighing.py",
        "chances=chances_taken(now),",
        "chances=particles.chances,",
        ("test_weighing.py::test_a_poll_alone_reaches_the_forecast",),
    ),
    (
        "what goes on from moved draws starts from the unmoved ones",
        "durability/paths.py",
        "if isinstance(weighed, MovedDraws)",
        "if False",
        ("test_matching.py::test_moved_draws_stand_between_weights_and_a_refit",),
    ),
)

MUTATIONS = (
    *(*LEAKS, *SIGNS, *CLUSTERS, *LIKELIHOODS, *CHANCES, *SEATS),
    *(*FILES, *KEPT, *SHOWN, *STOPS),
)
"""Every guard that is broken, in the order of the table."""


# ---- what must hold before anything runs ----------------------------------------------------


def broken_text(mutation: Mutation) -> str:
    """Give the file with the mutation in it.

    Raises
    ------
    ValueError
        The text to replace does not stand in the file exactly once.
    """
    text = (ROOT / mutation.path).read_text(encoding="utf-8")
    count = text.count(mutation.before)
    if count != 1:
        told = f"{mutation.path}: {mutation.before!r} stands there {count} times, not once"
        raise ValueError(f"{mutation.name}: {told}")
    return text.replace(mutation.before, mutation.after)


def lost_tests(mutation: Mutation) -> list[str]:
    """Name the tests of a mutation that are not there."""
    lost = []
    for test in mutation.tests:
        file, _, name = test.partition("::")
        path = ROOT / "tests" / file
        if not path.is_file() or f"def {name}(" not in path.read_text(encoding="utf-8"):
            lost.append(test)
    return lost


def stale() -> list[str]:
    """Say which mutations no longer fit the tree."""
    found = []
    for mutation in MUTATIONS:
        try:
            broken_text(mutation)
        except ValueError as error:
            found.append(str(error))
        found += [f"{mutation.name}: no test {test}" for test in lost_tests(mutation)]
    return found


def state_hash(mutation: Mutation) -> str:
    """Hash of a mutation, the file that it breaks, and the files of its tests."""
    paths = [mutation.path, *sorted({f"tests/{t.partition('::')[0]}" for t in mutation.tests})]
    digest = hashlib.sha256(repr(mutation).encode())
    for path in paths:
        digest.update(path.encode() + b"\0" + (ROOT / path).read_bytes())
    return digest.hexdigest()[:16]


# ---- running --------------------------------------------------------------------------------


def copied(folder: Path) -> None:
    """Copy the tree's own files, and put models and priors where an installed package has them."""
    listed = subprocess.check_output(
        ["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard"], text=True
    )
    for name in listed.splitlines():
        source, target = ROOT / name, folder / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    for name in ("models", "priors"):
        (folder / "durability" / name).symlink_to(folder / name)


def tested(folder: Path, tests: Sequence[str]) -> tuple[int, list[str], str]:
    """Run tests in a copy.

    Returns
    -------
    status : int
        Of pytest.
    failed : list of str
        Tests that failed, each ``file::test`` without its parameters.
    output : str
    """
    where = f"{folder}{os.pathsep}{folder / 'tests'}"
    environment = {**os.environ, "PYTHONPATH": where, "PYTHONDONTWRITEBYTECODE": "1"}
    chosen = [f"tests/{test}" for test in tests]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--tb=no", "-rfE", *chosen],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    found = re.findall(r"^FAILED tests/([\w/]+\.py::\w+)", ran.stdout, re.M)
    return ran.returncode, sorted(set(found)), ran.stdout + ran.stderr


def from_the_copy(folder: Path) -> None:
    """Make sure that a copy imports itself and not the tree that it was copied from.

    Raises
    ------
    RuntimeError
        It does not.
    """
    asked = "import durability, durability.models as m; print(durability.__file__, m.__path__[0])"
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    said = subprocess.check_output(
        [sys.executable, "-c", asked], cwd=folder, env=environment, text=True
    )
    if said.count(str(folder)) != 2:
        raise RuntimeError(f"the copy imports {said.strip()}")


def broken_and_tested(mutation: Mutation, folder: Path) -> dict[str, Any]:
    """Break a copy, run the tests, and mend it."""
    path, began = folder / mutation.path, time.monotonic()
    whole = path.read_text(encoding="utf-8")
    path.write_text(broken_text(mutation), encoding="utf-8")
    try:
        status, failed, output = tested(folder, mutation.tests)
    finally:
        path.write_text(whole, encoding="utf-8")
    if status not in (CAUGHT, PASSED):
        raise RuntimeError(f"{mutation.name}: pytest ended with {status}\n{output[-3000:]}")
    return {
        "name": mutation.name,
        "state": state_hash(mutation),
        "caught": status == CAUGHT,
        "failed": failed,
        "seconds": round(time.monotonic() - began, 1),
    }


def kept_rows() -> dict[str, dict[str, Any]]:
    """Results by the name of the mutation, of the tree as it is."""
    if not ROWS.exists():
        return {}
    rows = [json.loads(line) for line in ROWS.read_text(encoding="utf-8").splitlines() if line]
    now = {mutation.name: state_hash(mutation) for mutation in MUTATIONS}
    return {row["name"]: row for row in rows if now.get(row["name"]) == row["state"]}


def keep(rows: dict[str, dict[str, Any]]) -> None:
    """Write the results of the tree as it is, in the order of the table."""
    ordered = [rows[m.name] for m in MUTATIONS if m.name in rows]
    ROWS.write_text(
        "".join(json.dumps(row, sort_keys=True) + "\n" for row in ordered), encoding="utf-8"
    )


def run(wanted: Sequence[Mutation], *, again: bool = False) -> None:
    """Break what has not been broken since it last changed."""
    rows = kept_rows()
    missing = [m for m in wanted if again or m.name not in rows]
    if not missing:
        return
    with tempfile.TemporaryDirectory(prefix="mutations-") as name:
        folder = Path(name).resolve()
        copied(folder)
        from_the_copy(folder)
        tests = sorted({test for mutation in missing for test in mutation.tests})
        status, failed, output = tested(folder, tests)
        if status != PASSED:
            raise RuntimeError(f"before anything is broken: {failed}\n{output[-3000:]}")
        for mutation in missing:
            rows[mutation.name] = broken_and_tested(mutation, folder)
            keep(rows)
            told = "caught" if rows[mutation.name]["caught"] else "NOT CAUGHT"
            sys.stdout.write(f"{told}: {mutation.name} ({rows[mutation.name]['seconds']} s)\n")
            sys.stdout.flush()


# ---- the page -------------------------------------------------------------------------------


def table_lines() -> Iterator[str]:
    """Write the table, a part a kind of guard."""
    rows = kept_rows()
    caught = sum(row["caught"] for row in rows.values())
    yield f"{caught} of {len(MUTATIONS)} caught."
    missing = [m.name for m in MUTATIONS if m.name not in rows]
    if missing:
        yield ""
        yield f"Not run since something of theirs changed: {', '.join(missing)}."
    for group in dict.fromkeys(mutation.group for mutation in MUTATIONS):
        yield ""
        yield f"### {group[0].upper()}{group[1:]}"
        yield ""
        yield "| broken | where | caught by |"
        yield "|---|---|---|"
        for mutation in MUTATIONS:
            if mutation.group == group:
                yield f"| {mutation.name} | `{mutation.path}` | {_caught_by(mutation, rows)} |"


def _caught_by(mutation: Mutation, rows: dict[str, dict[str, Any]]) -> str:
    row = rows.get(mutation.name)
    if row is None:
        return "not run"
    if not row["caught"]:
        return "**nothing**"
    return ", ".join(f"`{test}`" for test in row["failed"])


def publish() -> None:
    """Print the table, and put it between the page's markers."""
    text = "\n".join(table_lines())
    sys.stdout.write(f"{text}\n")
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(MARKERS[0])
    after = rest.partition(MARKERS[1])[2]
    whole = f"{before}{MARKERS[0]}\n\n{text}\n\n{MARKERS[1]}{after}"
    PAGE.write_text(whole, encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=["run", "table"])
    parser.add_argument("--only", help="the name of one mutation, or a part of it")
    parser.add_argument("--again", action="store_true", help="also what has not changed")
    asked = parser.parse_args(arguments)
    if lost := stale():
        sys.stderr.write("\n".join(lost) + "\n")
        return 2
    if asked.what == "run":
        chosen = [m for m in MUTATIONS if not asked.only or asked.only in m.name]
        run(chosen, again=asked.again)
    publish()
    rows = kept_rows()
    return 0 if all(m.name in rows and rows[m.name]["caught"] for m in MUTATIONS) else 1


if __name__ == "__main__":
    sys.exit(main())
