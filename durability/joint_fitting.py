r"""Fitting a joint law to draws, and asking how far it stands from them.

Margins are fitted one by one by maximum likelihood, the correlation is that of the scores they
give. How well the law stands for the draws cannot be computed: the posterior's density of these
unknowns has history's and every event's own errors integrated out. So the ratio of densities is
*learned*, by telling the law's draws from the posterior's (Sugiyama, Suzuki & Kanamori 2012,
doi:10.1017/CBO9781139035613), and its tail has the Pareto k.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from durability.catalogue import joint_law
from durability.joint_priors import BENDS
from durability.reweighting import smooth

Law = Mapping[str, np.ndarray]

MARGIN_DRAWS = 4000
"""Draws that a margin is fitted to: four numbers need no more."""

LEAST_EIGENVALUE = 1e-3
"""Of a correlation: two unknowns that are one another would have none."""

FEATURES = 60
"""Most ways in which draws may differ that the classifier weighs."""

Z_OF_FEATURE = 3.5
"""A difference of so many standard errors, in the other half of the draws, is worth weighing."""

FAR = 4.0
"""Standard deviations beyond which a ratio is taken as it is there: hardly a draw lies farther out,
and a cubic goes astray where there are none. At 3 the k of ratios whose k is known came out 0.2 too
low."""

FOLDS = 4
"""Times that the draws are halved anew; the median of all k is told."""

RIDGES = (5.0, 20.0, 80.0, 320.0, 1280.0, 5120.0)
"""Pull the classifier's coefficients to zero, as so many draws that say they are; which of them
does best on draws that it was not told of decides."""


def fit_law(unknowns: np.ndarray, *, components: int = 1, seed: int = 1) -> dict[str, np.ndarray]:
    """Fit a joint law to draws.

    Parameters
    ----------
    unknowns : ndarray (draw, unknown)
        Without bounds.
    components : int
        More than one: a mixture, whose components share one covariance. It bends by itself, so its
        margins are straight and it has no bends.
    seed : int
        Of where their centres are looked for first.

    Returns
    -------
    dict
        As ``models/joint.py`` reads it, with ``joint_correlation``, ``joint_weights`` and
        ``joint_scores``. Rounded, as a file holds it.
    """
    step = max(len(unknowns) // MARGIN_DRAWS, 1)
    margin = _margin if components == 1 else _straight
    fitted = np.array([margin(column[::step]) for column in unknowns.T])
    names = ("joint_location", "joint_scale", "joint_skewness", "joint_tail")
    law = {name: _rounded(fitted[:, i], 8) for i, name in enumerate(names)}
    z = joint_law().scores(unknowns, law)
    weights, centres, matrix = _mixed(z, components, np.random.default_rng([seed, 7]))
    cholesky = np.linalg.cholesky(matrix - (centres.T * weights) @ centres)
    plain = components == 1
    bends = fitted_bends(np.linalg.solve(cholesky, z.T).T) if plain else no_bends(z.shape[1])
    return {
        **law,
        **bends,
        "joint_correlation": matrix,
        "joint_weights": weights,
        "joint_scores": centres,
        "joint_cholesky": cholesky,
        "joint_log_weights": np.log(weights),
        "joint_centres": np.linalg.solve(cholesky, centres.T).T,
    }


# Bends --------------------------------------------------------------------------------------

Z_OF_BEND = 3.5
"""A bend of so many standard errors is fitted; by chance a few in ten thousand are."""


def no_bends(size: int) -> dict[str, np.ndarray]:
    """Give the arrays of a law that bends nothing."""
    return {name: np.zeros((size, size)) for name in BENDS} | {"joint_width": np.zeros(size)}


def fitted_bends(bowed: np.ndarray) -> dict[str, np.ndarray]:
    """Fit the bends of scores (draw, unknown) that have no correlation any more.

    Each unknown is normal given those before it, its mean linear in their squares and its log
    spread in what makes a funnel; of all such terms only those that tell are fitted, by maximum
    likelihood.
    """
    law, raw = no_bends(bowed.shape[1]), np.empty_like(bowed)
    away = joint_law().away_from_middle
    for i, x in enumerate(bowed.T):
        before = raw[:, :i]
        funnel = np.concatenate([before, away(before, np)], axis=1)
        bows = _telling(x, before**2 - 1.0)
        funnels = _telling(x**2 - 1.0, funnel)
        bow, width, spread = _bend(x, (before**2 - 1.0)[:, bows], funnel[:, funnels])
        law["joint_bow"][i, bows] = _rounded(bow, 6)
        law["joint_width"][i] = float(f"{width:.6g}")
        both = np.zeros(2 * i)
        both[funnels] = _rounded(spread, 6)
        law["joint_tilt"][i, :i], law["joint_flare"][i, :i] = both[:i], both[i:]
        log_spread = law["joint_width"][i] + funnel @ both
        raw[:, i] = (x - (before**2 - 1.0) @ law["joint_bow"][i, :i]) * np.exp(-log_spread)
    return law


def _telling(values: np.ndarray, features: np.ndarray) -> np.ndarray:
    """Places of the features whose covariance with some values tells."""
    centred = features - features.mean(0)
    products = (values - values.mean())[:, None] * centred
    size = products.std(0) / np.sqrt(len(values))
    return np.flatnonzero(np.abs(products.mean(0)) > Z_OF_BEND * np.maximum(size, 1e-12))


def _bend(
    x: np.ndarray, bows: np.ndarray, funnels: np.ndarray
) -> tuple[np.ndarray, float, np.ndarray]:
    """Likeliest coefficients of a mean, and of a log spread with its constant, by scoring."""
    design = np.column_stack([np.ones(len(x)), funnels])
    curvature = 2.0 * design.T @ design
    spread = np.zeros(design.shape[1])
    bow = np.zeros(bows.shape[1])
    for _ in range(50):
        precision = np.exp(-2.0 * design @ spread)
        bow = np.linalg.solve((bows.T * precision) @ bows, (bows.T * precision) @ x)
        square = precision * (x - bows @ bow) ** 2
        step = np.linalg.solve(curvature, design.T @ (square - 1.0))
        spread = spread + step
        if np.abs(step).max() < 1e-8:
            break
    return bow, float(spread[0]), spread[1:]


STEPS = 100
"""Of the EM algorithm."""


def _mixed(
    z: np.ndarray, components: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights, centres and whole correlation of normals that share a covariance, by EM."""
    if components == 1:
        return np.ones(1), np.zeros((1, z.shape[1])), _correlation(z)
    white = np.linalg.solve(np.linalg.cholesky(_correlation(z)), z.T).T
    held = rng.choice(len(z), components, replace=False)
    away = np.stack([((white - white[place]) ** 2).sum(1) for place in held], axis=1)
    shares = np.eye(components)[away.argmin(1)]
    for _ in range(STEPS):
        weights = np.maximum(shares.mean(0), 1e-6)
        weights /= weights.sum()
        centres = (shares.T @ z) / np.maximum(shares.sum(0), 1e-9)[:, None]
        within = (z.T @ z) / len(z) - (centres.T * weights) @ centres
        within += LEAST_EIGENVALUE * np.eye(z.shape[1])
        factor = np.linalg.cholesky(within)
        white = np.linalg.solve(factor, z.T).T
        middle = np.linalg.solve(factor, centres.T).T
        logs = np.log(weights) - 0.5 * ((white[:, None] - middle) ** 2).sum(-1)
        shares = np.exp(logs - logs.max(1, keepdims=True))
        shares /= shares.sum(1, keepdims=True)
    weights = np.round(weights, 6)
    weights[weights.argmax()] += 1.0 - weights.sum()
    spread = np.sqrt((z**2).mean(0))
    centres = np.round(centres / spread, 6)
    whole = within / np.outer(spread, spread) + (centres.T * weights) @ centres
    rounded: np.ndarray = np.round(whole / np.sqrt(np.outer(np.diag(whole), np.diag(whole))), 5)
    np.fill_diagonal(rounded, 1.0)
    return weights, centres, rounded


def _rounded(values: np.ndarray, digits: int) -> np.ndarray:
    return np.array([float(f"{value:.{digits}g}") for value in values])


def _straight(draws: np.ndarray) -> tuple[float, float, float, float]:
    return float(draws.mean()), float(draws.std()), 0.0, 1.0


def _margin(draws: np.ndarray) -> tuple[float, float, float, float]:
    """Location, scale, skewness and tail of the likeliest sinh–arcsinh law."""
    from scipy import optimize

    middle, spread = float(np.median(draws)), float(draws.std())
    x = (draws - middle) / spread

    def loss(point: np.ndarray) -> tuple[float, np.ndarray]:
        a, log_b, g, log_d = point
        b, d = np.exp(log_b), np.exp(log_d)
        w = (x - a) / b
        asinh, root = np.arcsinh(w), np.sqrt(1.0 + w**2)
        inside = d * asinh - g
        z, cosh = np.sinh(inside), np.cosh(inside)
        value = 0.5 * z**2 - log_d - np.log(cosh) + 0.5 * np.log1p(w**2) + log_b
        by_inside = z * cosh - z / cosh
        by_w = by_inside * d / root + w / root**2
        gradient = np.array(
            [
                (-by_w / b).mean(),
                1.0 - (by_w * w).mean(),
                -by_inside.mean(),
                (by_inside * d * asinh).mean() - 1.0,
            ]
        )
        return float(value.mean()), gradient

    bounds = [(-3.0, 3.0), (-4.0, 3.0), (-3.0, 3.0), (-1.5, 1.0)]
    found = optimize.minimize(loss, np.zeros(4), jac=True, bounds=bounds, method="L-BFGS-B")
    a, log_b, g, log_d = found.x
    return (
        middle + spread * float(a),
        spread * float(np.exp(log_b)),
        float(g),
        float(np.exp(log_d)),
    )


def _correlation(z: np.ndarray) -> np.ndarray:
    """Correlation of scores, rounded to five places and still positive definite."""
    matrix = np.corrcoef(z, rowvar=False)
    values, vectors = np.linalg.eigh(matrix)
    if values.min() < LEAST_EIGENVALUE:
        matrix = (vectors * np.maximum(values, LEAST_EIGENVALUE)) @ vectors.T
        matrix = matrix / np.sqrt(np.outer(np.diag(matrix), np.diag(matrix)))
    rounded: np.ndarray = np.round((matrix + matrix.T) / 2.0, 5)
    np.fill_diagonal(rounded, 1.0)
    return rounded


# Fidelity -----------------------------------------------------------------------------------


def khat_of_law(unknowns: np.ndarray, law: Law, *, seed: int) -> float:
    """Give the Pareto k of the weights that would turn a law's draws into the posterior's.

    In the law's own whitened scores its draws are independent standard normals (or a mixture of
    such), under which Hermite polynomials are uncorrelated. Products of them, up to the third
    degree, whose mean over one half of the draws is far from the law's are what a logistic
    regression weighs, whose ratios are then taken of new draws of the law. Both halves have their
    turn, several times over.

    Parameters
    ----------
    unknowns : ndarray (draw, unknown)
        Of the posterior.
    law : mapping
        Of :func:`fit_law`.
    seed : int

    Returns
    -------
    float
        Minus infinity where the classifier can tell nothing apart. What a classifier cannot see in
        so many draws, this cannot tell. It errs toward caution where a little skew is left: a
        cubic term, carried into the tails, gives a k that is too high.
    """
    z = joint_law().scores(unknowns, law)
    white = _whitened(z, law)
    rng = np.random.default_rng([seed, 5])
    found = []
    for _ in range(FOLDS):
        order = rng.permutation(len(white))
        halves = order[: len(order) // 2], order[len(order) // 2 :]
        for a, b in (halves, halves[::-1]):
            found.append(_khat_of_half(white[a], white[b], law, rng))
    return float(np.median(found))


def _khat_of_half(
    chosen: np.ndarray, other: np.ndarray, law: Law, rng: np.random.Generator
) -> float:
    """Choose terms by one half, weigh them by the other, and take ratios of new draws."""
    n, size = len(chosen) + len(other), chosen.shape[1]
    made = [joint_law().drawn(rng.standard_normal((n, size)), rng.random(n), law) for _ in "ab"]
    bent = (joint_law().bent(each, law, np) for each in made)
    normal, new = (_whitened(each @ law["joint_cholesky"].T, law) for each in bent)
    terms = _telling_terms(other, normal if len(law["joint_log_weights"]) > 1 else None)
    if not terms:
        return -np.inf
    weights = _classified(_hermite(chosen, terms), _hermite(normal[: len(chosen)], terms))
    return smooth(_hermite(new, terms) @ weights[1:]).khat


def _whitened(z: np.ndarray, law: Law) -> np.ndarray:
    """Scores without correlation; for a plain law, the numbers that they are pushed from."""
    factor = np.linalg.cholesky(law["joint_correlation"])
    white = joint_law().straightened(np.linalg.solve(factor, z.T).T, law)
    clipped: np.ndarray = np.clip(white, -FAR, FAR)
    return clipped


Term = tuple[tuple[int, int], ...]
"""Columns and their degrees."""


def _telling_terms(white: np.ndarray, law: np.ndarray | None = None) -> list[Term]:
    """Name the products of Hermite polynomials whose mean differs most from the law's.

    That is zero where the law is normal; of a mixture it is the mean over `law`, draws of it.
    """
    n, size = white.shape
    means = _means(white)
    if law is not None:
        root = np.sqrt(1.0 + n / len(law))
        means = {degrees: (m - _means(law)[degrees]) / root for degrees, m in means.items()}
    found: list[tuple[float, Term]] = []
    for degrees, values in means.items():
        scores = np.abs(values) * np.sqrt(n)
        if len(degrees) == 1:
            found += [(float(scores[i]), ((i, degrees[0]),)) for i in range(size)]
            continue
        for i, j in np.argwhere(scores > Z_OF_FEATURE):
            if i < j or (degrees == (2, 1) and i != j):
                found.append((float(scores[i, j]), ((int(i), degrees[0]), (int(j), degrees[1]))))
    telling = sorted((each for each in found if each[0] > Z_OF_FEATURE), reverse=True)
    return [term for _, term in telling[:FEATURES]]


def _means(white: np.ndarray) -> dict[tuple[int, ...], np.ndarray]:
    """Means of Hermite polynomials and of their products, by degrees.

    Each has variance one under a standard normal, so its mean times root n is a z-score.
    """
    n = len(white)
    one, two = white, (white**2 - 1.0) / np.sqrt(2.0)
    three = (white**3 - 3.0 * white) / np.sqrt(6.0)
    return {
        (1,): one.mean(0),
        (2,): two.mean(0),
        (3,): three.mean(0),
        (1, 1): one.T @ one / n,
        (2, 1): two.T @ one / n,
        (2, 2): two.T @ two / n,
    }


def _hermite(white: np.ndarray, terms: list[Term]) -> np.ndarray:
    columns = []
    for term in terms:
        column = np.ones(len(white))
        for place, degree in term:
            x = white[:, place]
            if degree == 1:
                column = column * x
            elif degree == 2:
                column = column * (x**2 - 1.0) / np.sqrt(2.0)
            else:
                column = column * (x**3 - 3.0 * x) / np.sqrt(6.0)
        columns.append(column)
    stacked: np.ndarray = np.column_stack(columns)
    return stacked


def _classified(posterior: np.ndarray, law: np.ndarray) -> np.ndarray:
    """Coefficients of the logistic regression that tells one from the other, constant first.

    How far they are pulled to zero is chosen by the likelihood of each half given the other.
    """
    x = np.concatenate([posterior, law])
    x = np.column_stack([np.ones(len(x)), x])
    y = np.concatenate([np.ones(len(posterior)), np.zeros(len(law))])
    even = np.arange(len(x)) % 2 == 0
    losses = [
        sum(_loss(x[~half], y[~half], _logistic(x[half], y[half], ridge)) for half in (even, ~even))
        for ridge in RIDGES
    ]
    return _logistic(x, y, RIDGES[int(np.argmin(losses))])


def _loss(x: np.ndarray, y: np.ndarray, coefficients: np.ndarray) -> float:
    """Minus the log likelihood of labels."""
    return float(np.logaddexp(0.0, (1.0 - 2.0 * y) * (x @ coefficients)).sum())


def _logistic(x: np.ndarray, y: np.ndarray, ridge: float) -> np.ndarray:
    penalty = np.full(x.shape[1], ridge)
    penalty[0] = 0.0
    found = np.zeros(x.shape[1])
    for _ in range(25):
        p = 1.0 / (1.0 + np.exp(-np.clip(x @ found, -30.0, 30.0)))
        hessian = (x.T * (p * (1.0 - p))) @ x + np.diag(penalty + 1e-9)
        step = np.linalg.solve(hessian, x.T @ (y - p) - penalty * found)
        found = found + step
        if np.abs(step).max() < 1e-8:
            break
    return found
