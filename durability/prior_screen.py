"""What is said of prior sets on a screen: how two differ, what was elicited, pooled, revised."""

from __future__ import annotations

from collections.abc import Iterator

from durability.absorption import watched_longer
from durability.assembly import ModelData, absorbed_history
from durability.blocks import printable
from durability.elicitation import TOLD_MISS, Elicited
from durability.errors import quoted
from durability.fidelity import (
    KHAT_MOST,
    POINTS_MOST,
    is_faithful,
    probabilities,
)
from durability.inference import Fit
from durability.judged_fits import judge_fit
from durability.pooling import Pool
from durability.prior_diff import PROBABILITIES, ParameterChange, PriorDiff, Side
from durability.prior_sets import Prior, PriorSet, implied_quantiles
from durability.wording import (
    RUNG_NAMES,
    RUNG_ORDER,
    counted,
    error_points,
    listed,
    number,
    percent,
    percent_range,
    signed,
    signed_points,
    table,
)


def diff_lines(diff: PriorDiff) -> Iterator[str]:
    """Write what moved from one prior set to another, a parameter at a time, then survival.

    Parameters
    ----------
    diff : PriorDiff

    Yields
    ------
    str
        One line.
    """
    yield printable(f"From {diff.before.name} ({diff.before.path})")
    yield printable(f"to {diff.after.name} ({diff.after.path})")
    if not diff.changes:
        yield f"The same {counted(diff.unchanged, 'prior')}, to the word."
        return
    moved = sum(change.is_moved for change in diff.changes)
    words = len(diff.changes) - moved
    yield (
        f"{counted(moved, 'prior')} moved, {words} differ in words alone, "
        f"{diff.unchanged} are the same."
    )
    for change in diff.changes:
        yield ""
        yield from _change_lines(change)
    yield ""
    yield from _survival_lines(diff)


def _change_lines(change: ParameterChange) -> Iterator[str]:
    yield printable(f"{change.name}: {change.meaning} [{change.unit}]")
    if change.is_moved:
        titles = ["", "prior", *(f"{100 * p:.0f}%" for p in PROBABILITIES)]
        rows = [_side_row(word, side) for word, side in zip(_SIDES, change.sides, strict=True)]
        yield from (f"  {line}" for line in table(titles, rows))
    if change.is_moved and change.moved_sds is not None and change.width_ratio is not None:
        yield (
            f"  moved by {signed(change.moved_sds)} prior standard deviations; "
            f"{_width(change.width_ratio)}"
        )
    for key, (old, new) in change.texts.items():
        yield f"  {key}: {_text(old)} became {_text(new)}"


_SIDES = ("before", "after")


def _side_row(word: str, side: Side | None) -> list[str]:
    if side is None:
        return [word, "not there", *("" for _ in PROBABILITIES)]
    values = ", ".join(f"{name} {number(value, 4)}" for name, value in side.values.items())
    return [word, f"{side.distribution}({values})", *(number(q) for q in side.quantiles)]


def _width(ratio: float) -> str:
    if 0.995 < ratio < 1.005:
        return "as wide as before"
    return f"{number(ratio, 2)} times as wide"


def _text(value: str) -> str:
    return quoted(value, limit=200) if value else "nothing"


def _survival_lines(diff: PriorDiff) -> Iterator[str]:
    if not diff.survival:
        yield "No number differs, so survival is the same."
        return
    yield (
        "Survival of an average agreement of the reference class, by the priors alone "
        f"({diff.draws:,} draws, the same random numbers for both; ± MCSE):"
    )
    rows = []
    order = {rung: place for place, rung in enumerate(RUNG_ORDER)}
    for row in sorted(diff.survival, key=lambda row: (order[row.rung], row.years)):
        rows.append(
            [
                RUNG_NAMES[row.rung] if row.years == diff.survival[0].years else "",
                str(row.years),
                f"{percent(row.before)} ± {error_points(row.before_mcse)}",
                f"{percent(row.after)} ± {error_points(row.after_mcse)}",
                f"{signed_points(row.difference)} ± {error_points(row.difference_mcse)}",
            ]
        )
    yield from table(["Without", "years", "before", "after", "difference, points"], rows)


def elicited_lines(made: Elicited) -> Iterator[str]:
    """Write a prior that was elicited, beside what the expert said.

    Parameters
    ----------
    made : Elicited

    Yields
    ------
    str
        One line.
    """
    prior = made.prior
    values = ", ".join(f"{name} {number(value, 4)}" for name, value in prior.values.items())
    told = f"{prior.name} ~ {prior.distribution}({values})  [{prior.unit}; {made.method}]"
    yield printable(told)
    rows = [
        [
            f"{100 * match.probability:.4g}%",
            number(match.stated),
            number(match.fitted),
            percent(match.share),
        ]
        for match in made.matches
    ]
    yield from table(["below", "stated", "fitted", "share below the stated"], rows)
    if made.outside > 0.0:
        yield f"Outside the bins, where no chip lies, the prior has {percent(made.outside)}."
    worst = f"At worst a stated share is missed by {signed_points(made.miss)} points"
    if made.miss > made.limit:
        yield f"{worst}: A BAD MATCH, kept because you said so."
    elif made.miss > TOLD_MISS:
        yield f"{worst}: the family cannot say exactly what was said."
    else:
        yield f"{worst}."


def revised_lines(priors: PriorSet) -> Iterator[str]:
    """Write what a revised prior set holds, what it has absorbed, and how faithful it is.

    Parameters
    ----------
    priors : PriorSet
        With a lineage.

    Yields
    ------
    str
        One line.
    """
    joint, lineage = priors.joint, priors.lineage
    if joint is None or lineage is None:
        return
    told = lineage.fidelity
    yield printable(f"{priors.about}.")
    absorbed = [f"{len(rows)} {kind}" for kind, rows in lineage.absorbed.items() if rows]
    yield f"It has absorbed {listed(absorbed)}; none of them may enter again."
    yield (
        f"One law of {len(joint.unknowns)} unknowns, the state at {joint.coords['month'][-1]} "
        f"among them, made of {told.draws:,} draws."
    )
    if len(joint.weights) > 1:
        yield f"No plain law stands for the posterior: it is a mixture of {len(joint.weights)}."
    khat = "below zero" if told.khat < 0.0 else f"{told.khat:.2f}"
    yield f"Fidelity: Pareto k of going back {khat}, at most {KHAT_MOST};"
    moved = f"{signed(told.points)} ± {told.mcse_points:.2f} points, at most {POINTS_MOST:g}"
    yield f"  {told.where} moved most, by {moved}."
    if not is_faithful(told):
        yield "IT DOES NOT STAND FOR THE POSTERIOR, and was kept because you said so."


def continued_lines(fit: Fit) -> Iterator[str]:
    """Write the probabilities of a fit that goes on from a revised prior set.

    Parameters
    ----------
    fit : Fit

    Yields
    ------
    str
        One line, a failed verdict first.
    """
    verdict, made, data = judge_fit(fit).verdict, probabilities(fit), fit.model.data
    if not verdict.ok:
        yield "DO NOT USE THESE NUMBERS: the fit failed its checks."
        yield from (f"  {reason}" for reason in verdict.reasons)
    title = f"{data.case.title}, as of {data.cutoff}, going on from {fit.model.priors.name}."
    yield printable(title)
    yield f"{counted(len(data.used), 'new news item')} used."
    since = data.after.lineage.cutoff if data.after and data.after.lineage else data.cutoff
    late = [(item, why) for item, why in data.unused if item.known > since]
    yield from (f"  {item.id} not: {why}" for item, why in late)
    yield from _history_lines(data)
    rows = [
        [
            RUNG_NAMES[rung],
            str(months),
            percent(told["mean"]),
            percent_range(told),
            error_points(told["mcse"]),
        ]
        for rung in RUNG_ORDER
        for months, told in made[rung].items()
    ]
    yield from table(["", "months", "probability", "90% interval", "± MCSE, points"], rows)
    yield f"Verdict: {'passed' if verdict.ok else 'FAILED'}."


def _history_lines(data: ModelData) -> Iterator[str]:
    """Say what of history a revised set does not know, where there is such a thing."""
    if data.after is None or data.after.lineage is None:
        return
    known = absorbed_history(
        data.after, data.rows, data.case, reading=data.reading, subset=data.subset
    )
    longer, years = watched_longer(data.spells, [spell for _, spell in known])
    if longer:
        until = data.after.lineage.history
        yield (
            f"History is known to {until}: {counted(longer, 'agreement')} held for up to "
            f"{years:.1f} years more, which a fit anew would use and this does not."
        )


def pool_lines(pool: Pool) -> Iterator[str]:
    """Write what a pool made of each parameter that several sets had a say in.

    Parameters
    ----------
    pool : Pool

    Yields
    ------
    str
        One line.
    """
    yield printable(f"{pool.about}.")
    if not pool.pooled and not pool.asked:
        yield "The sets agree on every prior."
    for name, sets in pool.asked.items():
        told = listed([f"in {each}" for each in sets])
        yield printable(f"{name} is as it was elicited {told}; elsewhere nobody was asked.")
    for made in pool.pooled:
        yield ""
        yield printable(f"{made.prior.name}: {made.prior.meaning} [{made.prior.unit}]")
        titles = ["", "weight", "prior", *(f"{100 * p:.0f}%" for p in PROBABILITIES)]
        rows = [
            _voice_row(printable(name), f"{share:.2f}", prior) for name, share, prior in made.voices
        ]
        rows.append(_voice_row("pool", "", made.prior))
        yield from (f"  {line}" for line in table(titles, rows))
        error = f"{100 * made.error:.1f} points" if made.error else "none, it is of the family"
        yield f"  error of the projection onto {made.prior.distribution}: {error}"


def _voice_row(name: str, weight: str, prior: Prior) -> list[str]:
    quantiles = implied_quantiles(prior, PROBABILITIES)
    side = Side(distribution=prior.distribution, values=prior.values, quantiles=quantiles)
    first, *rest = _side_row(name, side)
    return [first, weight, *rest]
