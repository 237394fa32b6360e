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
    from durability.cases import copy_case as copy_case
    from durability.cases import list_cases as list_cases
    from durability.cases import new_case as new_case
    from durability.cases import read_case as read_case
    from durability.cox import fit_cox as fit_cox
    from durability.errors import InputError as InputError
    from durability.forecast_ledger import gather_inputs as gather_inputs
    from durability.forecast_ledger import read_ledger as read_ledger
    from durability.forecast_ledger import record_forecast as record_forecast
    from durability.forecast_ledger import verify_ledger as verify_ledger
    from durability.forecasts import forecast as forecast
    from durability.forecasts import to_dataframe as to_dataframe
    from durability.inference import build as build
    from durability.inference import fit as fit
    from durability.news_changes import DuplicateNewsError as DuplicateNewsError
    from durability.news_changes import add_news as add_news
    from durability.news_changes import correct_news as correct_news
    from durability.news_changes import retract_news as retract_news
    from durability.news_entries import NewsEntry as NewsEntry
    from durability.prior_diff import diff_priors as diff_priors
    from durability.prior_sets import read_priors as read_priors
    from durability.report import write_report as write_report
    from durability.revision import revise_priors as revise_priors
    from durability.spell_checks import check_spells as check_spells
    from durability.spell_maximum import maximise_spells as maximise_spells
    from durability.spell_sources import read_source as read_source
    from durability.spell_sources import source_spells as source_spells
    from durability.spell_tables import read_spells as read_spells
    from durability.spells import fit_spells as fit_spells
    from durability.spells import predict_spells as predict_spells
    from durability.updating import compare as compare
    from durability.updating import update as update
    from durability.weighing import prepare as prepare

    __version__: str

_HOMES = {
    "DuplicateNewsError": "news_changes",
    "InputError": "errors",
    "NewsEntry": "news_entries",
    "add_news": "news_changes",
    "assemble": "assembly",
    "attribute": "attribution",
    "build": "inference",
    "check_spells": "spell_checks",
    "compare": "updating",
    "copy_case": "cases",
    "correct_news": "news_changes",
    "diff_priors": "prior_diff",
    "fit": "inference",
    "fit_cox": "cox",
    "fit_spells": "spells",
    "forecast": "forecasts",
    "gather_inputs": "forecast_ledger",
    "list_cases": "cases",
    "maximise_spells": "spell_maximum",
    "new_case": "cases",
    "predict_spells": "spells",
    "prepare": "weighing",
    "read_agreements": "agreements",
    "read_case": "cases",
    "read_ledger": "forecast_ledger",
    "read_priors": "prior_sets",
    "read_source": "spell_sources",
    "read_spells": "spell_tables",
    "record_forecast": "forecast_ledger",
    "retract_news": "news_changes",
    "revise_priors": "revision",
    "source_spells": "spell_sources",
    "to_dataframe": "forecasts",
    "update": "updating",
    "verify_ledger": "forecast_ledger",
    "write_report": "report",
}

__all__ = [
    "DuplicateNewsError",
    "InputError",
    "NewsEntry",
    "__version__",
    "add_news",
    "assemble",
    "attribute",
    "build",
    "check_spells",
    "compare",
    "copy_case",
    "correct_news",
    "diff_priors",
    "fit",
    "fit_cox",
    "fit_spells",
    "forecast",
    "gather_inputs",
    "list_cases",
    "maximise_spells",
    "new_case",
    "predict_spells",
    "prepare",
    "read_agreements",
    "read_case",
    "read_ledger",
    "read_priors",
    "read_source",
    "read_spells",
    "record_forecast",
    "retract_news",
    "revise_priors",
    "source_spells",
    "to_dataframe",
    "update",
    "verify_ledger",
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
