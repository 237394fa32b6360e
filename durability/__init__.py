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
    from durability.election_forecast import election_chance as election_chance
    from durability.election_forecast import election_chances as election_chances
    from durability.election_settings import read_election as read_election
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
    "compare": "updating",
    "copy_case": "cases",
    "correct_news": "news_changes",
    "diff_priors": "prior_diff",
    "election_chance": "election_forecast",
    "election_chances": "election_forecast",
    "fit": "inference",
    "forecast": "forecasts",
    "gather_inputs": "forecast_ledger",
    "list_cases": "cases",
    "new_case": "cases",
    "prepare": "weighing",
    "read_agreements": "agreements",
    "read_case": "cases",
    "read_election": "election_settings",
    "read_ledger": "forecast_ledger",
    "read_priors": "prior_sets",
    "record_forecast": "forecast_ledger",
    "retract_news": "news_changes",
    "revise_priors": "revision",
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
    "compare",
    "copy_case",
    "correct_news",
    "diff_priors",
    "election_chance",
    "election_chances",
    "fit",
    "forecast",
    "gather_inputs",
    "list_cases",
    "new_case",
    "prepare",
    "read_agreements",
    "read_case",
    "read_election",
    "read_ledger",
    "read_priors",
    "record_forecast",
    "retract_news",
    "revise_priors",
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
