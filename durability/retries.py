"""When a fit that failed its checks is sampled again, and how.

Honest chains fail a check now and then: the largest R-hat of some hundred parameters, of which a
few mix slowly, exceeds its limit in about one fit of the shipped case in five. Twice the draws then
settle whether it was chance. What they cannot mend (divergences, chains far apart, far too few
draws) is told at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Protocol

from durability import inference
from durability.inference import Fit, Model, Settings
from durability.progress import NullProgress, Progress
from durability.verdict import Check, Verdict

TRIES: Final = 2
"""Times that a model is sampled at most, each with twice the draws, while its verdict is no."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedTry:
    """A fit that failed its checks and was sampled again.

    Parameters
    ----------
    draws, tune : int
        Of each chain.
    reasons : tuple of str
        What failed, in words.
    """

    draws: int
    tune: int
    reasons: tuple[str, ...]

    def to_record(self) -> dict[str, Any]:
        """Give the try as it stands in ``forecast.json``."""
        return {**asdict(self), "reasons": list(self.reasons)}


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
    """Fit; where the verdict is no by little, fit again with twice the draws.

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
        reasons = found.verdict.reasons
        failed.append(FailedTry(draws=settings.draws, tune=settings.tune, reasons=reasons))
        settings = longer(settings)
        progress.stage(f"Once more with {settings.draws} draws a chain, since {reasons[0]}")


def may_pass(verdict: Verdict) -> bool:
    """Whether something failed, and nothing that twice the draws would leave as it is.

    Parameters
    ----------
    verdict : Verdict

    Returns
    -------
    bool
        So if every failed check is an R-hat less than twice as far above 1 as its limit, or more
        than half of the effective draws that are wanted.
    """
    wrong = [check for check in verdict.checks if not check.ok]
    return bool(wrong) and all(_mends(check) for check in wrong)


def _mends(check: Check) -> bool:
    """Whether twice the draws may mend a check: errors of R-hat fall as draws grow."""
    if check.name.startswith("R-hat"):
        return check.value - 1.0 < 2.0 * (check.limit - 1.0)
    return "ESS" in check.name and check.value > 0.5 * check.limit


def longer(settings: Settings) -> Settings:
    """Give the settings of the next try: twice the draws, and twice the warm-up.

    Parameters
    ----------
    settings : Settings

    Returns
    -------
    Settings
    """
    return replace(settings, draws=2 * settings.draws, tune=2 * settings.tune)
