"""Bayesian forecasts of the durability of agreements between states.

>>> import durability
>>> case = durability.read_case("armenia_azerbaijan")
>>> case.parties
('Armenia', 'Azerbaijan')

Names are imported when they are first used, so that ``import durability`` costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from durability.agreements import read_agreements as read_agreements
    from durability.assembly import assemble as assemble
    from durability.attribution import attribute as attribute
    from durability.backtests import backtest as backtest
    from durability.branches import Tree as Tree
    from durability.calibration import assess_calibration as assess_calibration
    from durability.case_outcomes import outcome_of as outcome_of
    from durability.case_outcomes import read_outcome as read_outcome
    from durability.cases import copy_case as copy_case
    from durability.cases import list_cases as list_cases
    from durability.cases import new_case as new_case
    from durability.cases import read_case as read_case
    from durability.comparing import scenarios as scenarios
    from durability.cox import fit_cox as fit_cox
    from durability.election_forecast import election_chance as election_chance
    from durability.election_forecast import election_chances as election_chances
    from durability.election_settings import read_election as read_election
    from durability.errors import InputError as InputError
    from durability.fast_leaving_out import leave_out_fast as leave_out_fast
    from durability.forecast_ledger import gather_inputs as gather_inputs
    from durability.forecast_ledger import read_ledger as read_ledger
    from durability.forecast_ledger import record_forecast as record_forecast
    from durability.forecast_ledger import verify_ledger as verify_ledger
    from durability.forecasts import forecast as forecast
    from durability.forecasts import refitted as refitted
    from durability.forecasts import to_dataframe as to_dataframe
    from durability.history_data import assemble_history as assemble_history
    from durability.hubverse import export_hub as export_hub
    from durability.inference import build as build
    from durability.inference import fit as fit
    from durability.leaving_out import leave_out as leave_out
    from durability.leaving_out import left_out_of as left_out_of
    from durability.leaving_out import stacked as stacked
    from durability.ledger_scores import score_ledger as score_ledger
    from durability.news_changes import DuplicateNewsError as DuplicateNewsError
    from durability.news_changes import add_news as add_news
    from durability.news_changes import correct_news as correct_news
    from durability.news_changes import retract_news as retract_news
    from durability.news_entries import NewsEntry as NewsEntry
    from durability.origins import backtest_by_year as backtest_by_year
    from durability.origins import make_origins as make_origins
    from durability.prior_diff import diff_priors as diff_priors
    from durability.prior_sets import read_priors as read_priors
    from durability.report import write_report as write_report
    from durability.revision import revise_priors as revise_priors
    from durability.rivals import compare_rivals as compare_rivals
    from durability.scenario_files import read_scenarios as read_scenarios
    from durability.score_table import prediction_lines as prediction_lines
    from durability.score_table import score_predictions as score_predictions
    from durability.skill import mean_score as mean_score
    from durability.skill import score_gain as score_gain
    from durability.spell_checks import check_spells as check_spells
    from durability.spell_maximum import maximise_spells as maximise_spells
    from durability.spell_sources import read_source as read_source
    from durability.spell_sources import source_spells as source_spells
    from durability.spell_tables import read_spells as read_spells
    from durability.spells import fit_spells as fit_spells
    from durability.spells import predict_spells as predict_spells
    from durability.stacking import compare_densities as compare_densities
    from durability.stacking import stack_densities as stack_densities
    from durability.statements import Scenario as Scenario
    from durability.time_machine import replay as replay
    from durability.updating import compare as compare
    from durability.updating import update as update
    from durability.watching import watch as watch
    from durability.weighing import prepare as prepare

    __version__: str

_HOMES = {
    "DuplicateNewsError": "news_changes",
    "InputError": "errors",
    "NewsEntry": "news_entries",
    "Scenario": "statements",
    "Tree": "branches",
    "add_news": "news_changes",
    "assemble": "assembly",
    "assemble_history": "history_data",
    "assess_calibration": "calibration",
    "attribute": "attribution",
    "backtest": "backtests",
    "backtest_by_year": "origins",
    "build": "inference",
    "check_spells": "spell_checks",
    "compare": "updating",
    "compare_densities": "stacking",
    "compare_rivals": "rivals",
    "copy_case": "cases",
    "correct_news": "news_changes",
    "diff_priors": "prior_diff",
    "election_chance": "election_forecast",
    "election_chances": "election_forecast",
    "export_hub": "hubverse",
    "fit": "inference",
    "fit_cox": "cox",
    "fit_spells": "spells",
    "forecast": "forecasts",
    "gather_inputs": "forecast_ledger",
    "leave_out": "leaving_out",
    "leave_out_fast": "fast_leaving_out",
    "left_out_of": "leaving_out",
    "list_cases": "cases",
    "make_origins": "origins",
    "maximise_spells": "spell_maximum",
    "mean_score": "skill",
    "new_case": "cases",
    "outcome_of": "case_outcomes",
    "predict_spells": "spells",
    "prediction_lines": "score_table",
    "prepare": "weighing",
    "read_agreements": "agreements",
    "read_case": "cases",
    "read_election": "election_settings",
    "read_ledger": "forecast_ledger",
    "read_outcome": "case_outcomes",
    "read_priors": "prior_sets",
    "read_scenarios": "scenario_files",
    "read_source": "spell_sources",
    "read_spells": "spell_tables",
    "record_forecast": "forecast_ledger",
    "refitted": "forecasts",
    "replay": "time_machine",
    "retract_news": "news_changes",
    "revise_priors": "revision",
    "scenarios": "comparing",
    "score_gain": "skill",
    "score_ledger": "ledger_scores",
    "score_predictions": "score_table",
    "stack_densities": "stacking",
    "source_spells": "spell_sources",
    "stacked": "leaving_out",
    "to_dataframe": "forecasts",
    "update": "updating",
    "verify_ledger": "forecast_ledger",
    "watch": "watching",
    "write_report": "report",
}

__all__ = [
    "DuplicateNewsError",
    "InputError",
    "NewsEntry",
    "Scenario",
    "Tree",
    "__version__",
    "add_news",
    "assemble",
    "assemble_history",
    "assess_calibration",
    "attribute",
    "backtest",
    "backtest_by_year",
    "build",
    "check_spells",
    "compare",
    "compare_densities",
    "compare_rivals",
    "copy_case",
    "correct_news",
    "diff_priors",
    "election_chance",
    "election_chances",
    "export_hub",
    "fit",
    "fit_cox",
    "fit_spells",
    "forecast",
    "gather_inputs",
    "leave_out",
    "leave_out_fast",
    "left_out_of",
    "list_cases",
    "make_origins",
    "maximise_spells",
    "mean_score",
    "new_case",
    "outcome_of",
    "predict_spells",
    "prediction_lines",
    "prepare",
    "read_agreements",
    "read_case",
    "read_election",
    "read_ledger",
    "read_outcome",
    "read_priors",
    "read_scenarios",
    "read_source",
    "read_spells",
    "record_forecast",
    "refitted",
    "replay",
    "retract_news",
    "revise_priors",
    "scenarios",
    "score_gain",
    "score_ledger",
    "score_predictions",
    "source_spells",
    "stack_densities",
    "stacked",
    "to_dataframe",
    "update",
    "verify_ledger",
    "watch",
    "write_report",
]


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("durability")
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f"durability.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
