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
    from durability.cases import copy_case as copy_case
    from durability.cases import list_cases as list_cases
    from durability.cases import new_case as new_case
    from durability.cases import read_case as read_case
    from durability.errors import InputError as InputError
    from durability.forecasts import forecast as forecast
    from durability.forecasts import to_dataframe as to_dataframe
    from durability.inference import build as build
    from durability.inference import fit as fit
    from durability.prior_diff import diff_priors as diff_priors
    from durability.prior_sets import read_priors as read_priors
    from durability.report import write_report as write_report
    from durability.revision import revise_priors as revise_priors

    __version__: str

_HOMES = {
    "InputError": "errors",
    "assemble": "assembly",
    "build": "inference",
    "copy_case": "cases",
    "diff_priors": "prior_diff",
    "fit": "inference",
    "forecast": "forecasts",
    "list_cases": "cases",
    "new_case": "cases",
    "read_agreements": "agreements",
    "read_case": "cases",
    "read_priors": "prior_sets",
    "revise_priors": "revision",
    "to_dataframe": "forecasts",
    "write_report": "report",
}

__all__ = [
    "InputError",
    "__version__",
    "assemble",
    "build",
    "copy_case",
    "diff_priors",
    "fit",
    "forecast",
    "list_cases",
    "new_case",
    "read_agreements",
    "read_case",
    "read_priors",
    "revise_priors",
    "to_dataframe",
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
