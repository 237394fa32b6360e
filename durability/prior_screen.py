"""What is said of prior sets on a screen: how two differ, what was elicited, pooled, revised."""

from __future__ import annotations

from collections.abc import Iterator

from durability.errors import quoted
from durability.prior_diff import PROBABILITIES, ParameterChange, PriorDiff, Side
from durability.wording import (
    RUNG_NAMES,
    RUNG_ORDER,
    columns,
    counted,
    error_points,
    number,
    percent,
    signed,
    signed_points,
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
    yield f"From {diff.before.name} ({diff.before.path})"
    yield f"to {diff.after.name} ({diff.after.path})"
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
    yield f"{change.name}: {change.meaning} [{change.unit}]"
    if change.is_moved:
        titles = ["", "prior", *(f"{100 * p:.0f}%" for p in PROBABILITIES)]
        rows = [_side_row(word, side) for word, side in zip(_SIDES, change.sides, strict=True)]
        yield from (f"  {line}" for line in columns(titles, rows))
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
    yield from columns(["Without", "years", "before", "after", "difference, points"], rows)
