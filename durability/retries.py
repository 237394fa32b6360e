"""When a fit that failed its checks is sampled again, and how.

Honest chains fail a check now and then: the largest R-hat of some hundred parameters, of which a
few mix slowly, exceeds its limit in about one fit of the shipped case in five. Twice the draws then
settle whether it was chance. Divergent transitions are another matter: with hundreds of news items
two fits in five have one to three of them among thousands of draws. More draws only add to them,
shorter steps take them away where a step was too long for a bend. What neither can mend (many
divergences, chains far apart, far too few draws) is told at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Protocol

from durability import inference
from durability.inference import Fit, Model, Settings
from durability.progress import NullProgress, Progress
from durability.verdict import Check, Verdict

DIVERGENCES: Final = "divergences"
"""The name of their check."""

REMEDIES: Final = (("draws",), ("target_accept",), ("draws", "target_accept"))
"""What a try may have that the one before it had not."""

TRIES: Final = 2
"""Times that a model is sampled at most while its verdict is no."""

FEW_DIVERGENCES: Final = 10
"""As many may be of single steps that were too long; more tell of a shape that NUTS cannot follow,
and of draws that miss a part of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedTry:
    """A fit that failed its checks and was sampled again.

    Parameters
    ----------
    draws, tune : int
        Of each chain.
    target_accept : float
        As in :class:`~durability.inference.Settings`.
    reasons : tuple of str
        What failed, in words.
    remedies : tuple of str
        What the next try had: ``draws``, twice as many; ``target_accept``, shorter steps.
    """

    draws: int
    tune: int
    target_accept: float
    reasons: tuple[str, ...]
    remedies: tuple[str, ...]

    def to_record(self) -> dict[str, Any]:
        """Give the try as it stands in ``forecast.json``."""
        return {**asdict(self), "reasons": list(self.reasons), "remedies": list(self.remedies)}


class Judged(Protocol):
    """What has a verdict."""

    @property
    def verdict(self) -> Verdict:
        """Whether it may be used, and why not."""


def tried[T: Judged](
    model: Model,
    settings: Settings,
    judged: Callable[[Fit], T],
    *,
    tries: int = TRIES,
    refit: bool = False,
    progress: Progress | None = None,
) -> tuple[T, tuple[FailedTry, ...]]:
    """Fit; where the verdict is no by little, fit again as what failed asks for.

    Parameters
    ----------
    model : Model
    settings : Settings
        Of the first try.
    judged : callable
        Judges a fit.
    tries : int
        At most, 1 or more; there is another only where it may help (:func:`may_pass`).
    refit : bool
        Sample again even where a fit is cached.
    progress : Progress, optional
        Told what is going on.

    Returns
    -------
    found : Judged
        Of the first try that passed, else of the last.
    failed : tuple of FailedTry
        The tries before it, in order.

    Raises
    ------
    SamplingError
        The sampler could not start, or a trace is not whole.
    """
    progress = NullProgress() if progress is None else progress
    failed: list[FailedTry] = []
    while True:
        made = inference.fit(
            model,
            draws=settings.draws,
            tune=settings.tune,
            chains=settings.chains,
            seed=settings.seed,
            target_accept=settings.target_accept,
            refit=refit,
            progress=progress,
        )
        found = judged(made)
        if len(failed) + 1 >= tries or not may_pass(found.verdict):
            return found, tuple(failed)
        one = FailedTry(
            draws=settings.draws,
            tune=settings.tune,
            target_accept=settings.target_accept,
            reasons=found.verdict.reasons,
            remedies=remedies(found.verdict),
        )
        failed.append(one)
        settings = remedied(settings, one.remedies)
        progress.stage(f"Once more with {_told(settings, one.remedies)}, since {one.reasons[0]}")


def may_pass(verdict: Verdict) -> bool:
    """Whether something failed, and nothing that another try would leave as it is.

    Parameters
    ----------
    verdict : Verdict

    Returns
    -------
    bool
        So if every failed check is an R-hat less than twice as far above 1 as its limit, more than
        half of the effective draws that are wanted, or no more than :data:`FEW_DIVERGENCES`.
    """
    wrong = [check for check in verdict.checks if not check.ok]
    return bool(wrong) and all(_mends(check) for check in wrong)


def _mends(check: Check) -> bool:
    """Whether another try may mend a check: errors of R-hat fall as draws grow."""
    if check.name == DIVERGENCES:
        return check.value <= FEW_DIVERGENCES
    if check.name.startswith("R-hat"):
        return check.value - 1.0 < 2.0 * (check.limit - 1.0)
    return "ESS" in check.name and check.value > 0.5 * check.limit


def remedies(verdict: Verdict) -> tuple[str, ...]:
    """Name what the next try needs: one of :data:`REMEDIES`.

    Parameters
    ----------
    verdict : Verdict
        That :func:`may_pass` another time.

    Returns
    -------
    tuple of str
    """
    wrong = {check.name for check in verdict.checks if not check.ok}
    needed = {"draws": bool(wrong - {DIVERGENCES}), "target_accept": DIVERGENCES in wrong}
    return tuple(name for name, is_needed in needed.items() if is_needed)


def remedied(settings: Settings, remedies: Collection[str]) -> Settings:
    """Give the settings of the next try.

    Parameters
    ----------
    settings : Settings
    remedies : collection of str
        ``draws``: twice the draws and twice the warm-up; ``target_accept``: half as far from 1.

    Returns
    -------
    Settings
    """
    if "draws" in remedies:
        settings = replace(settings, draws=2 * settings.draws, tune=2 * settings.tune)
    if "target_accept" in remedies:
        settings = replace(settings, target_accept=0.5 * (1.0 + settings.target_accept))
    return settings


def _told(settings: Settings, remedies: Collection[str]) -> str:
    draws, steps = (
        f"{settings.draws} draws a chain",
        f"shorter steps (mean acceptance of {settings.target_accept:.4g})",
    )
    told = {"draws": draws, "target_accept": steps}
    return " and ".join(told[name] for name in told if name in remedies)
