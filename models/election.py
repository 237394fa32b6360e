r"""Votes: latent support that walks weekly, polls that miss it together and apart, and the vote.

**Support.** Among those who name a list, the governing list has log-odds :math:`g_w` in week
:math:`w`, and the other lists, the remainder of unfollowed and unformed ones among them, share what
it leaves in proportion to :math:`e^{o_{k,w}}`. All start at the previous election's result (a new
list at a prior of its own) and walk: :math:`g_w = g_{w-1} + \sigma_1\epsilon`, and so :math:`o_k`
with :math:`\sigma_2`. Only weeks with polls are unknowns: between two of them lie :math:`n` steps,
whose sum has variance :math:`n\sigma^2`, so this *is* the weekly walk.

**Polls.** The poll of house :math:`h` in election :math:`e` reads

.. math::

    \operatorname{logit} p &= g + A + b_h, \qquad
    q \propto \exp(o + a + c_h), \\
    x &\sim \mathrm{DirichletMultinomial}(n, \kappa\,\pi), \qquad
    \pi = \bigl((1-u)p,\ (1-u)(1-p)q,\ u\bigr),

with the shared error of the industry :math:`A\sim N(0,\tau_1^2), a_k\sim N(0,\tau_2^2)`, the
house's own :math:`b_h = s_h(\sqrt{\rho}\,z_h + \sqrt{1-\rho}\,z_{he})`, of which the share
:math:`\rho` lasts from election to election, and
:math:`c_{hk}\sim N(0,s_h^2)`. The scale :math:`s_h` is one of two, ordinary and wide. The share
:math:`u` of those who name no list falls as the vote nears:
:math:`\operatorname{logit} u \sim N(\mu + \beta y, \varsigma^2)`, :math:`y` the years to it.
Answers that a report does not list are collected in one category with the remainder. A sample size
that is not told is unknown, with a prior.

**The vote.** Of those who named no list a share :math:`r` votes, relative to the others, and the
log-odds of the governing list among them are off by :math:`\lambda_e\sim N(0,\ell^2)`, so that, to
first order in :math:`\omega = ur/(1-u+ur)`,

.. math:: \operatorname{logit} v = g + \omega\lambda_e.

**Past misses** teach the scales: the last poll of house :math:`h` before election :math:`e`, taken
among those who named a list, missed the governing list's log-odds by

.. math:: y = A_e + b_{he} - \omega\lambda_e + \text{sampling} + \sigma_1\sqrt{w}\,\epsilon,

:math:`w` the weeks between them. The remainder splits on the day into single lists, symmetric
Dirichlet. Votes become seats in :mod:`models.seats`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from durability.models.parameters import Prior, draws, variable

MODEL_OF = "votes"
"""What the model is of; a forecast of breakdown cannot be made with it."""

GROUPS: Mapping[str, tuple[str, ...]] = {
    "walk": ("walk_governing", "walk_others"),
    "industry_error": ("industry_error_governing", "industry_error_others"),
    "house_error": ("house_error_ordinary", "house_error_wide"),
    "house_lasting": ("house_lasting",),
    "undecided_at_vote": ("undecided_at_vote",),
    "undecided_slope": ("undecided_slope",),
    "undecided_scatter": ("undecided_scatter",),
    "poll_concentration": ("poll_concentration",),
    "undecided_lean": ("undecided_lean",),
    "undecided_turnout": ("undecided_turnout",),
}
"""Free parameters: the names in the prior file, by the name here."""

WHITENED: Mapping[str, tuple[str, ...]] = {
    "path_raw": ("poll", "list"),
    "house_raw": ("house", "list"),
    "lasting_raw": ("house",),
    "industry_raw": ("list",),
    "size_raw": ("poll",),
    "past_raw": ("past",),
    "lean_raw": ("past",),
}
"""Standard normal variables and their dimensions."""

NEW_LIST = "new_list"
"""Normal prior of where a list starts that has no result."""

FORWARD = ("remainder_concentration", "inaccuracies", "coalition", "transfer")
"""What no poll speaks of: drawn when votes are drawn."""

_POSITIVE = ("halfnormal", "lognormal", "gamma", "exponential")
_FAMILIES: Mapping[str, tuple[str, ...]] = {
    "house_lasting": ("beta",),
    "undecided_turnout": ("beta",),
    "coalition": ("beta",),
    "transfer": ("beta",),
    "sample_size": ("lognormal",),
    **dict.fromkeys((NEW_LIST, "undecided_at_vote", "undecided_slope"), ("normal",)),
}

PARAMETERS: Mapping[str, tuple[str, ...]] = {
    name: _FAMILIES.get(name, _POSITIVE)
    for name in (
        *(n for names in GROUPS.values() for n in names),
        NEW_LIST,
        "sample_size",
        *FORWARD,
    )
}
"""Every parameter that a prior file must give, and no other; and its families of priors."""

UNDECIDED = "undecided_raw"
"""Log-odds of naming no list, poll by poll: as they are, for most polls tell them sharply."""

OBSERVED: Mapping[str, str] = {"polls": "counts", "misses": "miss"}
"""The array that stands for each likelihood term among the observed data."""


def latents(theta: Mapping[str, Any], data: Mapping[str, Any], xp: Any) -> dict[str, Any]:
    """What the free parameters mean.

    Parameters
    ----------
    theta : mapping
        Free parameters, each with any leading dimensions.
    data : mapping
        Of :func:`all_arrays`.
    xp : namespace
        ``numpy`` or ``pytensor.tensor``.

    Returns
    -------
    dict
        ``polled (poll, list)``: log-odds of the governing list and logarithms of the others'
        weights, as all polls together see them: the shared error ``industry (list)`` is in them.
        ``house (house, list)``: what a house adds. ``lasting (house)``: the part of it that lasts,
        for the governing list. ``aside (past_poll)``: what those who named none took away from a
        past poll's miss.
    """
    polled, industry = polled_levels(theta, data, xp)
    scale = theta["house_error"][..., data["house_wide"]]
    lasts = theta["house_lasting"][..., None]
    lasting = scale * xp.sqrt(lasts) * theta["lasting_raw"]
    raw = theta["house_raw"]
    governing = lasting + scale * xp.sqrt(1.0 - lasts) * raw[..., 0]
    return {
        "polled": polled,
        "industry": industry,
        "house": xp.concatenate(
            [governing[..., :, None], scale[..., :, None] * raw[..., 1:]], axis=-1
        ),
        "lasting": lasting,
        "aside": weight_of_undecided(data["miss_unnamed"], theta["undecided_turnout"][..., None])
        * (theta["undecided_lean"][..., None] * theta["lean_raw"])[..., data["miss_past"]],
    }


def polled_levels(theta: Mapping[str, Any], data: Mapping[str, Any], xp: Any) -> tuple[Any, Any]:
    r"""Levels with the shared error in them, and that error: (…, poll, list), (…, list).

    Polls see only the sum of start, first move and shared error. With variances :math:`V` of the
    first two and :math:`\tau^2` of the third the sum :math:`D` is the unknown, and given it the
    error is normal with mean :math:`D\tau^2/(V+\tau^2)` and variance
    :math:`\tau^2V/(V+\tau^2)`: the same law, without the ridge that the
    sampler would have to walk along.
    """
    sd = theta["walk"][..., data["list_kind"]]
    tau2 = theta["industry_error"][..., data["list_kind"]] ** 2
    first2 = data["start_sd"] ** 2 + (data["steps"][0] * sd) ** 2
    both = tau2 + first2 + 1e-12  # a start at a known result in the same week varies by nothing
    raw = theta["path_raw"]
    sum_ = xp.sqrt(both) * raw[..., 0, :]
    industry = tau2 / both * sum_ + xp.sqrt(tau2 * first2 / both + 1e-12) * theta["industry_raw"]
    moves = xp.cumsum(data["later_steps"] * sd[..., None, :] * raw, axis=-2)
    polled = (data["start_mean"] + sum_)[..., None, :] + moves
    return polled, industry


def weight_of_undecided(share: Any, turnout: Any) -> Any:
    """Share of the votes that is cast by those who named no list."""
    return share * turnout / (1.0 - share + share * turnout)


def answers(latent: Mapping[str, Any], undecided: Any, data: Mapping[str, Any], xp: Any) -> Any:
    """Chance of each answer in each poll: array (…, poll, category), lists and then undecided."""
    read = latent["polled"] + latent["house"][..., data["house_of"], :]
    governing = 1.0 / (1.0 + xp.exp(-read[..., 0]))
    others = shares_of(read[..., 1:], xp)
    aside = data["with_undecided"] / (1.0 + xp.exp(-undecided))
    named = 1.0 - aside
    return xp.concatenate(
        [
            (named * governing)[..., None],
            (named * (1.0 - governing))[..., None] * others,
            aside[..., None],
        ],
        axis=-1,
    )


def shares_of(weights: Any, xp: Any) -> Any:
    """Turn logarithms of weights into shares along the last axis."""
    grown = xp.exp(weights - weights.max(axis=-1, keepdims=True))
    return grown / grown.sum(axis=-1, keepdims=True)


def log_likelihoods(
    theta: Mapping[str, Any], latent: Mapping[str, Any], data: Mapping[str, Any], xp: Any
) -> dict[str, Any]:
    """Log-likelihood of what was observed: ``polls (poll)``, and ``misses (past_poll)`` if any."""
    terms = {"polls": polls(theta, answers(latent, theta[UNDECIDED], data, xp), data, xp)}
    if "miss" in data:
        terms["misses"] = misses(theta, latent, data, xp)
    return terms


def polls(theta: Mapping[str, Any], chance: Any, data: Mapping[str, Any], xp: Any) -> Any:
    r"""Log density of each poll's shares: Dirichlet-multinomial in :math:`x = n\,\text{share}`.

    Densities of shares, not of counts: where :math:`n` is unknown the Jacobian
    :math:`n^{C-1}`, :math:`C` the categories told, makes different :math:`n` comparable.
    """
    gamma = _log_gamma(xp)
    n = xp.exp(
        data["respondents_known"] * xp.log(data["respondents_floor"])
        + (1.0 - data["respondents_known"])
        * (data["size_mean"] + data["size_sd"] * theta["size_raw"])
    )
    kappa = theta["poll_concentration"][..., None]
    active = data["active"]
    gathered = (chance[..., :, None] * data["collect"]).sum(-2)
    # The floor stands for a share too small for any poll: log Γ has no value at zero.
    alpha = active * kappa[..., None] * xp.maximum(gathered, 1e-9) + (1.0 - active)
    counts = n[..., None] * data["share"] * active
    single = gamma(counts + alpha) - gamma(alpha) - gamma(counts + 1.0)
    whole = gamma(n + 1.0) + gamma(kappa) - gamma(n + kappa)
    told = data["active"].sum(-1) - 1.0
    return data["counts"] * (whole + single.sum(-1) + told * xp.log(n))


def misses(
    theta: Mapping[str, Any], latent: Mapping[str, Any], data: Mapping[str, Any], xp: Any
) -> Any:
    """Normal log density of past misses of the governing list, in log-odds: (…, past_poll)."""
    mean, variance = miss_law(theta, latent, data)
    return -0.5 * ((data["miss"] - mean) ** 2 / variance + xp.log(2.0 * np.pi * variance))


def miss_law(
    theta: Mapping[str, Any], latent: Mapping[str, Any], data: Mapping[str, Any]
) -> tuple[Any, Any]:
    """Mean and variance of past misses, each (…, past_poll)."""
    shared = (theta["industry_error"][..., 0, None] * theta["past_raw"])[..., data["miss_past"]]
    scale = theta["house_error"][..., data["house_wide"]][..., data["miss_house"]]
    mean = shared + latent["lasting"][..., data["miss_house"]] - latent["aside"]
    passing = scale**2 * (1.0 - theta["house_lasting"][..., None])
    moved = data["miss_weeks"] * theta["walk"][..., 0, None] ** 2
    return mean, passing + data["miss_variance"] + moved


# For the sampler ----------------------------------------------------------------------------


def build(data: Any, priors: Mapping[str, Prior]) -> Any:
    """Make the model of votes, ready to sample.

    Parameters
    ----------
    data : ElectionData
        From :func:`durability.election_data.assemble_election`.
    priors : mapping of str to Prior
        One for each of :data:`PARAMETERS`.

    Returns
    -------
    pymc.Model
        Every array of `data` is a ``pm.Data`` of the same name.
    """
    import pymc as pm
    import pytensor.tensor as pt

    with pm.Model(coords={name: list(values) for name, values in data.coords.items()}) as model:
        shared: dict[str, Any] = {
            name: pm.Data(name, values, shape=values.shape)
            for name, values in all_arrays(data, priors).items()
        }
        theta = free_parameters(data, priors)
        latent = latents(theta, shared, pt)
        for name, term in log_likelihoods(theta, latent, shared, pt).items():
            pm.CustomDist(name, term, logp=_given, observed=shared[OBSERVED[name]])
    return model


def free_parameters(data: Any, priors: Mapping[str, Prior]) -> dict[str, Any]:
    """Make the free variables inside the current PyMC model: ``theta`` of :func:`latents`."""
    import pymc as pm

    theta = {name: variable(name, [priors[n] for n in names]) for name, names in GROUPS.items()}
    for name, dims in WHITENED.items():
        shape = tuple(len(data.coords[dim]) for dim in dims)
        theta[name] = pm.Normal(name, dims=dims, shape=shape)
    mean = theta["undecided_at_vote"] + theta["undecided_slope"] * data.arrays["years"]
    size = len(data.coords["poll"])
    theta[UNDECIDED] = pm.Normal(
        UNDECIDED, mean, theta["undecided_scatter"], dims="poll", shape=size
    )
    return theta


def prior_draws(
    data: Any, priors: Mapping[str, Prior], *, n: int, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Draw free parameters from their priors: each array (n, …)."""
    theta = {}
    for name, names in GROUPS.items():
        columns = [draws(priors[each], rng, (n,)) for each in names]
        theta[name] = np.stack(columns, axis=-1) if len(names) > 1 else columns[0]
    for name, dims in WHITENED.items():
        theta[name] = rng.standard_normal((n, *(len(data.coords[dim]) for dim in dims)))
    scatter = theta["undecided_scatter"][:, None]
    mean = (
        theta["undecided_at_vote"][:, None]
        + theta["undecided_slope"][:, None] * data.arrays["years"]
    )
    theta[UNDECIDED] = mean + scatter * rng.standard_normal(mean.shape)
    return theta


def all_arrays(data: Any, priors: Mapping[str, Prior]) -> dict[str, np.ndarray]:
    """Give the data's arrays, and beside them the numbers of priors that places select, by name."""
    arrays = dict(data.arrays)
    new, is_new = priors[NEW_LIST].values, arrays.pop("is_new")
    arrays["start_mean"] = arrays.pop("start") + is_new * new["mean"]
    arrays["start_sd"] = is_new * new["sd"]
    arrays["list_kind"] = np.minimum(np.arange(len(data.coords["list"])), 1)
    size = priors["sample_size"].values
    arrays["size_mean"], arrays["size_sd"] = np.asarray(size["mu"]), np.asarray(size["sigma"])
    arrays["respondents_floor"] = np.maximum(arrays.pop("respondents"), 1.0)
    arrays["later_steps"] = np.concatenate(
        [np.zeros_like(arrays["steps"][:1]), arrays["steps"][1:]]
    )
    if arrays["miss"].size == 0:
        arrays = {k: v for k, v in arrays.items() if k != "miss"}
    return arrays


def parameter_names(_data: Any) -> list[str]:
    """Names of the free parameters."""
    return [*GROUPS, *WHITENED, UNDECIDED]


def describe(
    theta: Mapping[str, np.ndarray], data: Mapping[str, np.ndarray]
) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
    """Give what the free parameters mean, under the names that people read.

    Returns
    -------
    dict
        ``support (poll, list)`` among those who name a list, in the week of each poll;
        ``undecided (poll)``; ``house_effect (house, list)``; ``industry_effect (list)``.
    """
    latent = latents(theta, data, np)
    level = latent["polled"] - latent["industry"][..., None, :]
    return {
        "support": (("poll", "list"), support(level)),
        "undecided": (("poll",), _share(theta[UNDECIDED])),
        "house_effect": (("house", "list"), latent["house"]),
        "industry_effect": (("list",), latent["industry"]),
    }


def support(level: np.ndarray) -> np.ndarray:
    """Shares of all lists from log-odds of the first and weights of the others: (…, list)."""
    governing = _share(level[..., :1])
    return np.concatenate([governing, (1.0 - governing) * shares_of(level[..., 1:], np)], axis=-1)


# Forward ------------------------------------------------------------------------------------


def votes(
    theta: Mapping[str, np.ndarray],
    data: Mapping[str, np.ndarray],
    priors: Mapping[str, Prior],
    *,
    weeks: float,
    pieces: int,
    futures: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw the vote from draws of what is known: the walk goes on to election day.

    Parameters
    ----------
    theta : mapping
        Free parameters, each array (draw, …).
    weeks : float
        From the last poll to election day.
    pieces : int
        Lists into which the remainder splits.
    futures : int
        Votes drawn for each draw.

    Returns
    -------
    shares : ndarray (draw, future, list)
        Of valid ballots: the lists followed by name, then the pieces of the remainder.
    base : ndarray (draw, future)
        Legal base of the thresholds, in the same unit: 1 and the inaccuracies.
    """
    latent = latents(theta, data, np)
    level = latent["polled"][:, -1] - latent["industry"]
    lead = (len(level), futures)
    sd = theta["walk"][:, data["list_kind"]] * np.sqrt(weeks)
    level = level[:, None] + sd[:, None] * rng.standard_normal((*lead, level.shape[-1]))
    aside = theta["undecided_at_vote"][:, None] + theta["undecided_scatter"][
        :, None
    ] * rng.standard_normal(lead)
    weight = weight_of_undecided(_share(aside), theta["undecided_turnout"][:, None])
    lean = theta["undecided_lean"][:, None] * rng.standard_normal(lead)
    level[..., 0] += weight * lean
    shares = support(level)
    even = draws(priors["remainder_concentration"], rng, lead)
    parts = rng.standard_gamma(np.repeat(even[..., None], pieces, axis=-1)) + 1e-300
    parts /= parts.sum(-1, keepdims=True)
    split = np.concatenate([shares[..., :-1], shares[..., -1:] * parts], axis=-1)
    return split, 1.0 + draws(priors["inaccuracies"], rng, lead)


def _share(log_odds: np.ndarray) -> np.ndarray:
    return np.asarray(1.0 / (1.0 + np.exp(-log_odds)))


def _log_gamma(xp: Any) -> Any:
    if xp is np:
        from scipy.special import gammaln

        return gammaln
    return xp.gammaln


def _given(_value: Any, term: Any) -> Any:
    """Log-likelihood of a unit whose data are spread over several arrays: computed already."""
    return term
