r"""Updating: a forecast revised at once when news arrives, with a statement of how far to trust it.

The ladder: Pareto-smoothed weights of the fit's draws (:mod:`durability.weighing`); where their
:math:`\hat k` or effective size say no, the draws moved to what is new and weighed there
(:mod:`durability.matching`); where that will not do either, or too many months have passed, a
refit, which is the ground truth. Every answer names the step it stands on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from durability.agreements import Agreement
from durability.assembly import ModelData, assemble
from durability.cases import Case
from durability.inference import Fit
from durability.matching import match
from durability.news import NewsItem
from durability.news_selection import select_news
from durability.particles import Particles, new_months
from durability.reweighting import khat_most
from durability.weighing import Base, Reweighted, Table, cannot_weigh, prepare, reweigh

EFFECTIVE_LEAST = 400.0
"""Effective draws below which weights are not trusted (design §4)."""

MONTHS_MOST = 3
"""Months beyond the fit after which a refit is asked for (design §4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """A forecast revised.

    Parameters
    ----------
    before : Base
        Where it started from.
    base : Base
        What it stands on: the same, or a refit.
    weighed : Reweighted
        The draws of `base`, weighed.
    method : str
        ``unchanged``, ``weights``, ``matched`` or ``refit``; ``fit`` where two fits are compared.
    reasons : tuple of str
        Why weights would not do; empty where they did.
    unmoved : Reweighted, optional
        The draws weighed where the fit left them, if `weighed` has moved them.
    """

    before: Base
    base: Base
    weighed: Reweighted
    method: str
    reasons: tuple[str, ...]
    unmoved: Reweighted | None = None

    @property
    def ok(self) -> bool:
        """Whether the answer can be trusted as far as its errors say; the fit's verdict counts."""
        trusted = self.method in ("matched", "refit", "fit") or not self.reasons
        return trusted and self.base.particles.verdict["ok"] is not False

    @property
    def table(self) -> Table:
        """Probabilities by rung and horizon: ``mean, low, high, interval_probability, mcse``."""
        return self.weighed.table


def update(
    start: Fit | Base | Update,
    items: Sequence[NewsItem] = (),
    *,
    case: Case | None = None,
    cutoff: date | None = None,
    move: bool = True,
    refit: Callable[[ModelData], Base] | None = None,
) -> Update:
    """Revise a forecast by what has become known since.

    Parameters
    ----------
    start : Fit, Base or Update
        Where to start from; an update gives the base it stands on, and what it has weighed already
        is not weighed again.
    items : sequence of NewsItem
        News to add to the case.
    case : Case, optional
        The case as it is known now; where not given, that of `start`.
    cutoff : date, optional
        If not given the latest of the fit's, the case's coverage, and the day the newest rated
        item became known.
    move : bool
        Move the draws where weights will not do. It takes seconds, not milliseconds.
    refit : callable, optional
        Gives a prepared fit to other data, where neither will do. Without it the weighted answer is
        given, with the reasons why not to trust it.

    Returns
    -------
    Update

    Raises
    ------
    InputError
        The case cannot be assembled at the cutoff.
    ValueError
        The cutoff lies before the fit's, or no case is given with a base that was read from the
        cache.
    """
    previous = start if isinstance(start, Update) else None
    base = start.base if isinstance(start, Update) else start
    if isinstance(base, Fit):
        case = base.model.data.case if case is None else case
        base = prepare(base)
    if case is None and previous is not None:
        case = previous.weighed.data.case
    if case is None:
        raise ValueError("an update needs the case as it is known now")
    case = replace(case, news=(*case.news, *items))
    data = assembled(base.particles, case, base.rows, cutoff=cutoff)
    return revise(base, data, previous=previous, move=move, refit=refit)


def compare(before: Fit | Base, after: Fit | Base, data: ModelData | None = None) -> Update:
    """Put two fits of a case side by side, whatever differs: cutoff, news or priors.

    Parameters
    ----------
    before, after : Fit or Base
        The earlier knowledge and the later.
    data : ModelData, optional
        What the later fit saw; needed where it is given as a base.

    Returns
    -------
    Update
        For :func:`durability.attribute`. Its probabilities are those of the later fit.

    Raises
    ------
    ValueError
        The data are needed, or the earlier fit has the later cutoff.
    """
    if isinstance(after, Fit):
        data, after = after.model.data, prepare(after)
    if data is None:
        raise ValueError("a comparison needs the data that the later fit saw")
    before = prepare(before) if isinstance(before, Fit) else before
    if before.particles.cutoff > data.cutoff:
        raise ValueError("the earlier fit has the later cutoff: swap the two")
    weighed = reweigh(after, data)
    return Update(before=before, base=after, weighed=weighed, method="fit", reasons=())


def assembled(
    particles: Particles, case: Case, rows: Sequence[Agreement], *, cutoff: date | None
) -> ModelData:
    """Assemble a case as it is known now, read as the fit read it.

    Raises
    ------
    ValueError
        The cutoff lies before the fit's.
    """
    cutoff = newest_cutoff(particles, case) if cutoff is None else cutoff
    if cutoff < particles.cutoff:
        raise ValueError(f"the cutoff {cutoff} lies before the fit's, {particles.cutoff}")
    return assemble(
        case,
        rows,
        cutoff=cutoff,
        clock=particles.clock,
        reading=particles.reading,
        subset=particles.subset,
        level_change=particles.level_change,
    )


def newest_cutoff(particles: Particles, case: Case) -> date:
    """Give the latest of a fit's cutoff, the case's coverage, and the days its items were known."""
    used, _ = select_news(case, date.max)
    return max([particles.cutoff, case.covered_until, *(item.known for item in used)])


def revise(
    base: Base,
    data: ModelData,
    *,
    previous: Update | None = None,
    move: bool = True,
    refit: Callable[[ModelData], Base] | None = None,
) -> Update:
    """Climb the ladder: weigh, move where weights will not do, and refit where neither will.

    Parameters
    ----------
    base : Base
    data : ModelData
        What is known now.
    previous : Update, optional
        From the same base: terms that it has already are taken from it.
    move : bool
        As :func:`update` takes it.
    refit : callable, optional
        As :func:`update` takes it.

    Returns
    -------
    Update
    """
    months = new_months(base.particles, data)
    far = cannot_weigh(base, data)
    if refit is not None and (far or months > MONTHS_MOST):
        reasons = far or (_too_many(months),)
        return _refitted(base, data, refit, reasons)
    if far:
        raise ValueError("; ".join(far))
    known = previous.weighed if previous is not None and previous.base is base else None
    weighed = reweigh(base, data, previous=known)
    reasons = tuple(doubts(weighed))
    if reasons and move and months <= MONTHS_MOST:
        # From the draws as the fit left them, always: the order of arrival must not matter.
        moved = match(base, weighed, effective_least=EFFECTIVE_LEAST)
        if moved is not None:
            return Update(
                before=base,
                base=base,
                weighed=moved,
                method="matched",
                reasons=reasons,
                unmoved=weighed,
            )
    if reasons and refit is not None:
        return _refitted(base, data, refit, reasons)
    still = not weighed.terms and weighed.ahead[0] is base.particles.ahead
    method = "unchanged" if still else "weights"
    return Update(before=base, base=base, weighed=weighed, method=method, reasons=reasons)


def _too_many(months: int) -> str:
    return f"{months} months have passed since the fit; at most {MONTHS_MOST} are bridged"


def doubts(weighed: Reweighted) -> list[str]:
    """Say why weights are not to be trusted; nothing where they are."""
    found = []
    if weighed.months > MONTHS_MOST:
        found.append(_too_many(weighed.months))
    limit = khat_most(len(weighed.shares))
    if not weighed.parents.khat <= limit:
        found.append(f"Pareto k {weighed.parents.khat:.2f} is above {limit:.2f}")
    if not weighed.parents.effective_size >= EFFECTIVE_LEAST:
        size = f"{weighed.parents.effective_size:.0f} effective draws"
        found.append(f"{size} are fewer than {EFFECTIVE_LEAST:.0f}")
    return found


def _refitted(
    base: Base, data: ModelData, refit: Callable[[ModelData], Base], reasons: tuple[str, ...]
) -> Update:
    fresh = refit(data)
    weighed = reweigh(fresh, data)
    return Update(before=base, base=fresh, weighed=weighed, method="refit", reasons=reasons)
