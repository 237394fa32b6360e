r"""Joint law: many unknowns at once, each with a law of its own and one correlation between them.

A Gaussian copula with sinh–arcsinh margins (Jones & Pewsey 2009, doi:10.1093/biomet/asp053). With
:math:`\epsilon \sim N(0, I)` and :math:`C = LL^\top` a correlation,

.. math:: z = L\epsilon, \qquad
    u_i = a_i + b_i \sinh\!\left(\frac{\operatorname{asinh} z_i + g_i}{d_i}\right),

where :math:`a` is a location, :math:`b > 0` a scale, :math:`g` the skewness and :math:`d > 0` the
weight of the tails: heavier than normal below 1, lighter above, and normal at :math:`g = 0, d = 1`.
It is monotone, and has a closed inverse. :math:`u` is a number without bounds; what stands for a
share or for something above 0 is its logistic or its exponential. So is what the model would let
have either sign, where its prior does not: :func:`one_sided_if_prior_is`.

A copula bends nothing. So the scores are given *bends* before they are correlated,
:math:`z = Lw` with

.. math:: w_i = \sum_{j<i} B_{ij}(\epsilon_j^2 - 1) + \epsilon_i \exp\!\Big(c_i
    + \sum_{j<i} T_{ij}\,\epsilon_j + \sum_{j<i} F_{ij}\big(\sqrt{1+\epsilon_j^2}-1\big)\Big):

the mean of an unknown may rise and fall with another (a banana), and its spread may grow with
another or with the distance of that from its middle (a funnel). All three matrices are lower
triangles with few entries, so the map has a closed inverse, one unknown after the other.

A mixture has several such laws, whose whitened scores :math:`\epsilon` have centres of their own,
:math:`\epsilon \sim \sum_m w_m N(e_m, I)`: for posteriors of more than one hump.

The unknowns are chosen so that such a law can hold them. What is a
product or a sum in the model, and known better than its parts, is an unknown itself:

* ``level``: the case's log hazard at its standing,
  :math:`\alpha_k + \gamma^\top w + u + \beta_k^\top\mu`, in place of :math:`\alpha_k`;
* ``weibull_shape``: :math:`s_k`, in place of its typical value and departures, which
  ``shape_offset`` keeps, :math:`(\log s - \operatorname{mean} \log s_k)/\varsigma`;
* ``pressure`` in the first of the last months, and ``tail_raw``, the innovations that followed;
* ``case_shift``: :math:`\gamma^\top w + u`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from durability.models.breakdown import GROUPS, REPEATED, SHARES, UNBOUNDED, effects

from durability.vocabulary import DRIVERS, STREAMS

N_PARTIAL = len(DRIVERS) * (len(DRIVERS) - 1) // 2

DERIVED = ("intercept", "shape", "abrogation_shape")
"""Groups that are told by others: by ``level``, ``weibull_shape`` and ``shape_offset``."""

ASIDE = (
    *("shape_offset", "shape_spread", "covariate_effect"),
    *("cluster_sd", "dyad_sd", "case_shift"),
)
"""What says how agreements differ. Given the case's own level and shapes its future does not depend
on it; it is kept so that a set can be compared with others, and stands last."""


def layout(coords: Mapping[str, Sequence[str]]) -> dict[str, tuple[tuple[int, ...], str]]:
    """Say which unknowns a joint law has, in its order.

    Parameters
    ----------
    coords : mapping of str to sequence of str
        ``coder``, ``location``, ``gap``, ``indicator`` and ``month``: labels of what was absorbed,
        the months being the last ones of the case, which its path goes on from.

    Returns
    -------
    dict
        Name to shape and scale. Where :mod:`durability.models.breakdown` has a parameter of that
        name, it is that one. First stand those that a continuation reads, then :data:`ASIDE`.
    """
    found: dict[str, tuple[tuple[int, ...], str]] = {"partial_correlation": ((N_PARTIAL,), "share")}
    for group in GROUPS:
        if group not in (*DERIVED, *ASIDE):
            found[group] = _of_group(group, coords)
    found = {name: told for name, told in found.items() if told[0] != (0,)}
    drivers, later = len(DRIVERS), len(coords["month"]) - 1
    found["effect_raw"] = ((len(STREAMS), drivers), "free")
    found["weibull_shape"] = ((len(STREAMS),), "positive")
    found["level"] = ((len(STREAMS),), "free")
    found["standing"] = ((drivers,), "free")
    found["pressure"] = ((drivers,), "free")
    found["tail_raw"] = ((later, drivers), "free")
    for name in ASIDE:
        found[name] = ((), "free") if name not in GROUPS else _of_group(name, coords)
    return found


def _of_group(group: str, coords: Mapping[str, Sequence[str]]) -> tuple[tuple[int, ...], str]:
    names = GROUPS[group]
    shape: tuple[int, ...] = (len(names),) if len(names) > 1 else ()
    if group in REPEATED:
        shape = (len(coords[REPEATED[group]]),)
    scale = "free" if group in UNBOUNDED else "share" if group in SHARES else "positive"
    return shape, scale


def read_by_continuation(coords: Mapping[str, Sequence[str]]) -> int:
    """Count the unknowns, from the first, that a continuation reads."""
    sizes = {name: int(np.prod(told[0], dtype=int)) for name, told in layout(coords).items()}
    return sum(size for name, size in sizes.items() if name not in ASIDE)


def labels(coords: Mapping[str, Sequence[str]]) -> list[str]:
    """Name every unknown: ``effect_raw[war, trust]``, ``tail_raw[2026-03, corridor]``."""
    named: list[str] = []
    for name, (shape, _) in layout(coords).items():
        axes = _axes(name, shape, coords)
        if not axes:
            named.append(name)
        elif len(axes) == 1:
            named += [f"{name}[{label}]" for label in axes[0]]
        else:
            named += [f"{name}[{one}, {two}]" for one in axes[0] for two in axes[1]]
    return named


def _axes(
    name: str, shape: tuple[int, ...], coords: Mapping[str, Sequence[str]]
) -> list[Sequence[str]]:
    known: dict[str, list[Sequence[str]]] = {
        "effect_raw": [STREAMS, DRIVERS],
        "weibull_shape": [STREAMS],
        "level": [STREAMS],
        "standing": [DRIVERS],
        "pressure": [DRIVERS],
        "tail_raw": [coords["month"][1:], DRIVERS],
        **{group: [coords[dim]] for group, dim in REPEATED.items()},
        **{group: [names] for group, names in GROUPS.items() if len(names) > 1},
    }
    return known.get(name, [[str(i) for i in range(size)] for size in shape])


def one_sided_if_prior_is(coords: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Name the unknowns of either sign that a prior may hold above 0, and the prior of each.

    Returns
    -------
    dict
        Label of the unknown to name of the parameter in a prior file.
    """
    found = {}
    for name, (shape, _) in layout(coords).items():
        if name in UNBOUNDED:
            axes = _axes(name, shape, coords)
            for label in axes[0] if axes else ():
                found[f"{name}[{label}]"] = label if len(GROUPS[name]) > 1 else GROUPS[name][0]
    return found


def log_density(raw: Any, law: Mapping[str, Any], xp: Any) -> Any:
    """Log density of whitened scores, up to a constant.

    Parameters
    ----------
    raw : array (..., unknown)
    law : mapping
        ``joint_log_weights`` (component) and ``joint_centres`` (component, unknown).

    Returns
    -------
    array (...)
    """
    away = raw[..., None, :] - law["joint_centres"]
    each = law["joint_log_weights"] - 0.5 * (away**2).sum(-1)
    top = each.max(-1)
    return top + xp.log(xp.exp(each - top[..., None]).sum(-1))


def drawn(normals: np.ndarray, uniforms: np.ndarray, law: Mapping[str, np.ndarray]) -> np.ndarray:
    """Draw whitened scores from standard normals (draw, unknown) and uniforms (draw,)."""
    below = np.cumsum(np.exp(law["joint_log_weights"]))
    which = np.minimum((uniforms[:, None] > below).sum(-1), len(below) - 1)
    raw: np.ndarray = normals + law["joint_centres"][which]
    return raw


def pushed(raw: Any, law: Mapping[str, Any], xp: Any) -> Any:
    """Turn whitened scores into unknowns without bounds.

    Parameters
    ----------
    raw : array (..., unknown)
    law : mapping
        ``joint_location``, ``joint_scale``, ``joint_skewness``, ``joint_tail``, ``joint_width``
        (unknown), ``joint_cholesky``, ``joint_bow``, ``joint_tilt`` and ``joint_flare`` (unknown,
        score).

    Returns
    -------
    array (..., unknown)
    """
    return margins(_times(law["joint_cholesky"], bent(raw, law, xp), xp), law, xp)


def whitened(unknowns: np.ndarray, law: Mapping[str, np.ndarray]) -> np.ndarray:
    """Invert :func:`pushed`. NumPy only."""
    z = scores(unknowns, law)
    return straightened(np.linalg.solve(law["joint_cholesky"], z.T).T, law)


def bent(raw: Any, law: Mapping[str, Any], xp: Any) -> Any:
    """Give whitened scores (..., unknown) their bends."""
    log_spread = (
        law["joint_width"]
        + _times(law["joint_tilt"], raw, xp)
        + _times(law["joint_flare"], away_from_middle(raw, xp), xp)
    )
    return _times(law["joint_bow"], raw**2 - 1.0, xp) + raw * xp.exp(log_spread)


def straightened(bowed: np.ndarray, law: Mapping[str, np.ndarray]) -> np.ndarray:
    """Invert :func:`bent`, one unknown after the other. NumPy only."""
    raw = np.empty_like(bowed)
    for i in range(bowed.shape[-1]):
        before = raw[..., :i]
        log_spread = law["joint_width"][i] + before @ law["joint_tilt"][i, :i]
        log_spread = log_spread + away_from_middle(before, np) @ law["joint_flare"][i, :i]
        shift = (before**2 - 1.0) @ law["joint_bow"][i, :i]
        raw[..., i] = (bowed[..., i] - shift) * np.exp(-log_spread)
    return raw


def away_from_middle(raw: Any, xp: Any) -> Any:
    """How far scores are from their middle: a square near it, straight far out."""
    return xp.sqrt(1.0 + raw**2) - 1.0


def _times(matrix: Any, vectors: Any, xp: Any) -> Any:
    """Matrix times vectors (..., score); in PyTensor without a ``Dot`` node."""
    if xp is np:
        return vectors @ matrix.T
    return (matrix * vectors[..., None, :]).sum(-1)


def margins(z: Any, law: Mapping[str, Any], xp: Any) -> Any:
    """Give scores :math:`z` their margins; see :func:`pushed`."""
    inside = (xp.arcsinh(z) + law["joint_skewness"]) / law["joint_tail"]
    return law["joint_location"] + law["joint_scale"] * xp.sinh(inside)


def scores(unknowns: np.ndarray, law: Mapping[str, np.ndarray]) -> np.ndarray:
    """Invert :func:`margins`. NumPy only."""
    away = (unknowns - law["joint_location"]) / law["joint_scale"]
    found: np.ndarray = np.sinh(law["joint_tail"] * np.arcsinh(away) - law["joint_skewness"])
    return found


def bounded(
    unknowns: Any,
    coords: Mapping[str, Sequence[str]],
    xp: Any,
    *,
    leading: int = 0,
    above_zero: Any = None,
) -> dict[str, Any]:
    """Cut unknowns apart and give each its bounds.

    Parameters
    ----------
    unknowns : array (..., unknown)
    leading : int
        Number of dimensions before the last.
    above_zero : array (unknown), optional
        1 for those of :func:`one_sided_if_prior_is` whose prior is one-sided, else 0; all 0 if
        not given.

    Returns
    -------
    dict
        By the names and shapes of :func:`layout`.
    """
    if above_zero is not None:
        # The inner choice keeps an exponential that is not wanted from overflowing.
        up = xp.exp(xp.where(above_zero > 0, unknowns, 0.0))
        unknowns = xp.where(above_zero > 0, up, unknowns)
    found, start = {}, 0
    for name, (shape, scale) in layout(coords).items():
        size = int(np.prod(shape, dtype=int))
        part = unknowns[..., start : start + size]
        start += size
        if scale == "positive":
            part = xp.exp(part)
        elif scale == "share":
            part = 1.0 / (1.0 + xp.exp(-part))
        lead = tuple(unknowns.shape[i] for i in range(leading))
        found[name] = part[..., 0] if not shape else part.reshape((*lead, *shape))
    return found


def unbounded(
    values: Mapping[str, np.ndarray],
    coords: Mapping[str, Sequence[str]],
    *,
    above_zero: np.ndarray | None = None,
) -> np.ndarray:
    """Invert :func:`bounded`: array (draw, unknown). NumPy only."""
    columns = []
    for name, (_, scale) in layout(coords).items():
        part = values[name].reshape((len(values[name]), -1))
        if scale == "positive":
            part = np.log(part)
        elif scale == "share":
            part = np.log(part) - np.log1p(-part)
        columns.append(part)
    unknowns = np.concatenate(columns, axis=1)
    if above_zero is not None:
        unknowns[:, above_zero > 0] = np.log(unknowns[:, above_zero > 0])
    return unknowns


def told(values: Mapping[str, Any], xp: Any) -> dict[str, Any]:
    """Give unknowns the names of :mod:`durability.models.breakdown` where those differ.

    Parameters
    ----------
    values : mapping
        Of :func:`bounded`.
    xp : namespace

    Returns
    -------
    dict
        With ``intercept``, ``shape``, ``shape_raw`` and ``abrogation_shape`` besides.
    """
    logs = xp.log(values["weibull_shape"])
    marks, spread = logs[..., :-1], values["shape_spread"]
    typical = marks.mean(-1) + values["shape_offset"] * spread
    steady = (effects(values) * values["standing"][..., None, :]).sum(-1)
    return {
        **values,
        "intercept": values["level"] - steady - values["case_shift"][..., None],
        "shape": xp.exp(typical),
        "shape_raw": (marks - typical[..., None]) / spread[..., None],
        "abrogation_shape": values["weibull_shape"][..., -1],
    }
