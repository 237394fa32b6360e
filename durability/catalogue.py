"""Models by name: the one place that knows where models live.

``models/`` is ``durability.models`` when installed, a map that type checkers cannot follow, so
nothing imports a model by an import statement.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from durability.errors import InputError, Problem, one_of, quoted

_DECLARES = re.compile(r"^PARAMETERS\b", re.MULTILINE)
_MODEL_OF = re.compile(r'^MODEL_OF = "(\w+)"', re.MULTILINE)
BREAKDOWN = "breakdown"
"""What a model is of that declares nothing else."""


def list_models(*, of: str = BREAKDOWN) -> tuple[str, ...]:
    """List the models of a thing: by default those that a forecast of breakdown can be made with.

    A module of ``models/`` is one when it declares ``PARAMETERS``, the names that a prior set
    must give; the others are parts of models. One of another thing than breakdown names it in
    ``MODEL_OF``. Nothing is imported.

    Parameters
    ----------
    of : str
        ``breakdown``, or ``votes``.

    Examples
    --------
    >>> "breakdown" in list_models(), list_models(of="votes")
    (True, ('election',))
    """
    return tuple(name for name, thing in _things().items() if thing == of)


def _things() -> dict[str, str]:
    """What every model is of, by its name."""
    found = {}
    for path in sorted(_models_folder().glob("*.py")):
        source = path.read_text(encoding="utf-8")
        if _DECLARES.search(source):
            said = _MODEL_OF.search(source)
            found[path.stem] = said[1] if said else BREAKDOWN
    return found


def find_model(name: str) -> ModuleType:
    """Import a model, of whatever thing.

    Parameters
    ----------
    name : str
        One of :func:`list_models`.

    Raises
    ------
    InputError
        There is no such model.
    """
    known = tuple(_things())
    if name not in known:
        found = f"there is no model {quoted(name)}"
        raise InputError([Problem(where="models", found=found, allowed=one_of(known, name))])
    return import_module(f"durability.models.{name}")


def baselines() -> Mapping[str, Any]:
    """Give the baselines that a forecast must beat, by name: each a title and a function."""
    found: Mapping[str, Any] = import_module("durability.models.baselines").BASELINES
    return found


def parameters_of(name: str) -> Mapping[str, tuple[str, ...]]:
    """Name the parameters of a model, each of which a prior set must give, with its families."""
    found: Mapping[str, tuple[str, ...]] = find_model(name).PARAMETERS
    return found


def marginals() -> Any:
    """Give the likelihoods of single units, for cross-validation and for news that arrives."""
    return import_module("durability.models.marginals")


def density() -> Any:
    """Give the joint density of unknowns on the scale without bounds."""
    return import_module("durability.models.density")


def draws_from(prior: Any, rng: Any, shape: tuple[int, ...]) -> Any:
    """Draw from a prior, in NumPy: an array of `shape`."""
    return import_module("durability.models.parameters").draws(prior, rng, shape)


def prior_ratio(theta: Mapping[str, Any], before: Any, after: Any) -> Any:
    """Log density of free parameters under one prior set less that under another: (draw,)."""
    return import_module("durability.models.breakdown").log_prior_ratio(
        theta, before.parameters, after.parameters
    )


def prior_terms(theta: Mapping[str, Any], priors: Any) -> Any:
    """Log density of free parameters under a prior set, by parameter: each (draw,)."""
    return import_module("durability.models.breakdown").log_priors(theta, priors.parameters)


def models_hash() -> str:
    """Hash of the sources of ``models/``: a forecast's mathematics."""
    return _hash_of(_models_folder())


def library_hash() -> str:
    """Hash of the sources of the library, ``models/`` left out."""
    return _hash_of(Path(__file__).parent)


def drivers() -> ModuleType:
    """Give the part of the model that the drivers and their correlation are."""
    return import_module("durability.models.drivers")


def spell_hazard() -> ModuleType:
    """Give the hazard part of the model for any table of spells."""
    return import_module("durability.models.spells")


def _models_folder() -> Path:
    return Path(str(import_module("durability.models").__file__)).parent


def _hash_of(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def continuation() -> ModuleType:
    """Give the model that goes on from a posterior of ``breakdown``."""
    return import_module("durability.models.continuation")


def joint_law() -> ModuleType:
    """Give the joint law of a posterior's unknowns."""
    return import_module("durability.models.joint")


def conditions_law() -> ModuleType:
    """Give the mathematics of conditions."""
    return import_module("durability.models.conditions")


def outlooks_law() -> ModuleType:
    """Give how paths are drawn so that what is observed happens on them."""
    return import_module("durability.models.outlooks")


def contributions_law() -> ModuleType:
    """Give what each thing observed adds to a driver."""
    return import_module("durability.models.contributions")


def climatology() -> ModuleType:
    """Give the cumulative incidence of history, and nothing else."""
    return import_module("durability.models.climatology")


def rated_hazard() -> ModuleType:
    """Give the Weibull hazard with covariates taken as they stand."""
    return import_module("durability.models.rated_hazard")


def seat_arithmetic() -> ModuleType:
    """Give the arithmetic that turns votes into seats."""
    return import_module("durability.models.seats")
