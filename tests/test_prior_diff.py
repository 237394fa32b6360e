"""What moved between two prior sets: in numbers, in words, and in survival."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fitted import model_of
from scipy import stats
from worlds import DEFAULT_PRIORS

from durability.errors import InputError
from durability.history import mean_survival
from durability.inference import build
from durability.prior_diff import (
    YEARS,
    CommonNumbers,
    PriorDiff,
    SurvivalChange,
    diff_priors,
)
from durability.prior_screen import diff_lines
from durability.prior_sets import PriorSet, read_priors
from durability.vocabulary import RUNGS

DEFAULT = DEFAULT_PRIORS.read_text(encoding="utf-8")
TEXTS = 'unit = "u"\nmeaning = "m"\nreason = "r"\nstatus = "assumed"\n'


def changed(folder: Path, *, name: str = "mine", **bodies: str) -> PriorSet:
    """The default set with the numbers of some parameters replaced."""
    text = DEFAULT
    for parameter, body in bodies.items():
        pattern = rf"(\[{parameter}\]\n).*?(unit = )"
        text, found = re.subn(pattern, rf"\1{body}\n\2", text, flags=re.S)
        assert found == 1
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return read_priors(path)


def degenerate(folder: Path, name: str, **intercepts: float) -> PriorSet:
    """A set that leaves nothing to chance: each agreement has the same Weibull hazards."""
    normal, tiny = 'distribution = "normal"\nmean = {}\nsd = 1e-9', "sd = 1e-9"
    bodies = {
        parameter: normal.format(0.0)
        for parameter in read_priors(DEFAULT_PRIORS).parameters
        if parameter.startswith(("effect_", "covariate_")) and parameter != "effect_spread"
    }
    for parameter in ("effect_spread", "shape_spread", "cluster_sd", "dyad_sd"):
        bodies[parameter] = f'distribution = "halfnormal"\n{tiny}'
    for stream, value in intercepts.items():
        bodies[f"intercept_{stream}"] = normal.format(value)
    for parameter, mu in (("shape", math.log(0.6)), ("abrogation_shape", math.log(1.5))):
        bodies[parameter] = f'distribution = "lognormal"\nmu = {mu}\nsigma = 1e-9'
    return changed(folder, name=name, **bodies)


def survival_of(diff: PriorDiff, rung: str, years: int) -> SurvivalChange:
    return next(each for each in diff.survival if (each.rung, each.years) == (rung, years))


def test_a_move_is_told_in_prior_standard_deviations_and_quantiles(tmp_path: Path) -> None:
    before = changed(tmp_path, name="a", intercept_war='distribution = "normal"\nmean = -3\nsd = 2')
    after = changed(
        tmp_path, name="b", intercept_war='distribution = "normal"\nmean = -3.5\nsd = 0.5'
    )
    (change,) = diff_priors(before, after, draws=100).changes
    assert change.name == "intercept_war"
    assert change.moved_sds == pytest.approx(-0.25)
    assert change.width_ratio == pytest.approx(0.25)
    assert change.before is not None
    assert change.after is not None
    assert change.before.quantiles == pytest.approx(stats.norm(-3, 2).ppf([0.05, 0.5, 0.95]))
    assert change.after.quantiles == pytest.approx(stats.norm(-3.5, 0.5).ppf([0.05, 0.5, 0.95]))
    assert change.texts == {}


def test_a_change_of_family_is_measured_by_means_and_deviations(tmp_path: Path) -> None:
    after = changed(tmp_path, shape_spread='distribution = "gamma"\nshape = 9\nrate = 20')
    (change,) = diff_priors(read_priors(DEFAULT_PRIORS), after, draws=100).changes
    scale = read_priors(DEFAULT_PRIORS).parameters["shape_spread"].values["sd"]
    old, new = stats.halfnorm(scale=scale), stats.gamma(9, scale=1 / 20)
    assert change.moved_sds == pytest.approx((new.mean() - old.mean()) / old.std())
    assert change.width_ratio == pytest.approx(new.std() / old.std())


def test_words_alone_move_nothing(tmp_path: Path) -> None:
    path = tmp_path / "worded.toml"
    old = 'reason = "Rare misfiling or posturing"'
    path.write_text(DEFAULT.replace(old, 'reason = "Seldom"', 1), encoding="utf-8")
    diff = diff_priors(read_priors(DEFAULT_PRIORS), read_priors(path))
    (change,) = diff.changes
    assert not change.is_moved
    assert change.texts == {"reason": ("Rare misfiling or posturing", "Seldom")}
    assert diff.survival == ()
    told = "\n".join(diff_lines(diff))
    assert "0 priors moved, 1 differ in words alone, 41 are the same." in told
    assert "survival is the same" in told
    assert "standard deviations" not in told


def test_a_fixed_number_that_changes_counts_no_deviations(tmp_path: Path) -> None:
    after = changed(tmp_path, hindsight='distribution = "fixed"\nvalue = 0.5')
    (change,) = diff_priors(read_priors(DEFAULT_PRIORS), after, draws=100).changes
    assert change.is_moved
    assert change.moved_sds is None
    assert change.width_ratio is None


def test_survival_has_its_closed_form_where_nothing_is_left_to_chance(tmp_path: Path) -> None:
    low = degenerate(tmp_path, "low", force=-1.0, fatal=-1.5, war=-3.0, abrogation=-5.0)
    high = degenerate(tmp_path, "high", force=-1.0, fatal=-1.5, war=-1.2, abrogation=-4.0)
    diff = diff_priors(low, high, draws=100)

    def hazard(level: float, shape: float, years: int) -> float:
        return math.exp(level) * years**shape

    for years in YEARS:
        war = survival_of(diff, "war", years)
        assert war.before == pytest.approx(math.exp(-hazard(-3.0, 0.6, years)), abs=1e-6)
        assert war.after == pytest.approx(math.exp(-hazard(-1.2, 0.6, years)), abs=1e-6)
        assert war.difference == pytest.approx(war.after - war.before, abs=1e-12)
        assert war.difference < 0
        both = survival_of(diff, "breakdown", years)
        total = hazard(-1.2, 0.6, years) + hazard(-4.0, 1.5, years)
        assert both.after == pytest.approx(math.exp(-total), abs=1e-6)
        fatal = survival_of(diff, "fatal", years)
        total = hazard(-1.5, 0.6, years) + hazard(-3.0, 0.6, years)
        assert fatal.before == pytest.approx(math.exp(-total), abs=1e-6)


def test_survival_agrees_with_draws_that_share_nothing(tmp_path: Path) -> None:
    after = changed(
        tmp_path, intercept_war='distribution = "normal"\nquantiles = { "0.05" = -3, "0.95" = 0 }'
    )
    diff = diff_priors(read_priors(DEFAULT_PRIORS), after, draws=1000, seed=5)
    data = model_of().data
    for which, priors in (("before", diff.before), ("after", diff.after)):
        model = build(data, priors)
        drawn = model.module.prior_draws(
            data, priors.parameters, n=800, rng=np.random.default_rng(99)
        )
        oracle = mean_survival(model, drawn, np.array(YEARS, dtype=float))
        for rung in RUNGS:
            for place, years in enumerate(YEARS):
                row = survival_of(diff, rung, years)
                found, error = getattr(row, which), getattr(row, f"{which}_mcse")
                values = oracle[rung][:, place]
                other = values.std() / len(values) ** 0.5
                assert abs(found - values.mean()) < 4 * math.hypot(error, other)


def test_a_prior_that_says_nothing_of_survival_moves_it_by_exactly_nothing(tmp_path: Path) -> None:
    after = changed(tmp_path, noise_c='distribution = "beta"\na = 3\nb = 4')
    diff = diff_priors(read_priors(DEFAULT_PRIORS), after, draws=200)
    assert len(diff.survival) == len(RUNGS) * len(YEARS)
    assert {row.difference for row in diff.survival} == {0.0}
    assert {row.difference_mcse for row in diff.survival} == {0.0}


def test_the_error_of_a_difference_is_what_seeds_make_of_it(tmp_path: Path) -> None:
    after = changed(tmp_path, shape='distribution = "lognormal"\nmu = -0.2\nsigma = 0.5')
    before = read_priors(DEFAULT_PRIORS)
    rows = [
        survival_of(diff_priors(before, after, draws=100, seed=seed), "war", 10)
        for seed in range(30)
    ]
    told = np.mean([row.difference_mcse for row in rows])
    seen = np.std([row.difference for row in rows], ddof=1)
    # Of 30 seeds a standard deviation is known to within a third or so.
    assert 0.6 < seen / told < 1.6
    assert told < 0.5 * np.mean([math.hypot(row.before_mcse, row.after_mcse) for row in rows])


def test_common_numbers_have_the_laws_they_are_asked_for() -> None:
    draws = 20_000
    laws = {
        "normal": ((-1.0, 2.0), stats.norm(-1, 2)),
        "lognormal": ((0.3, 0.5), stats.lognorm(0.5, scale=math.exp(0.3))),
        "exponential": ((0.4,), stats.expon(scale=0.4)),
        "gamma": ((0.7, 3.0), stats.gamma(0.7, scale=3)),
        "beta": ((8.0, 2.0), stats.beta(8, 2)),
    }
    for name, (numbers, law) in laws.items():
        found = getattr(CommonNumbers(4), name)(*numbers, draws)
        assert stats.kstest(found, law.cdf).pvalue > 0.001


def test_a_set_that_does_not_fit_the_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "part.toml"
    body = 'distribution = "normal"\nmean = 0\nsd = 1\n'
    path.write_text(f"format = 1\n[effect_trust]\n{body}{TEXTS}", encoding="utf-8")
    with pytest.raises(InputError, match=r"\[persistence\] is missing"):
        diff_priors(read_priors(DEFAULT_PRIORS), read_priors(path))


def test_hostile_words_are_shown_on_one_line_and_escaped(tmp_path: Path) -> None:
    path = tmp_path / "hostile.toml"
    old = 'reason = "Rare misfiling or posturing"'
    new = 'reason = "a\\u202eb\\nc"'
    text = DEFAULT.replace(old, new, 1)
    text = text.replace('meaning = "', 'meaning = "\\u202e').replace('unit = "', 'unit = "\\u2028')
    path.write_text(text, encoding="utf-8")
    lines = list(diff_lines(diff_priors(read_priors(DEFAULT_PRIORS), read_priors(path))))
    assert all(line.isprintable() for line in lines)
    assert any(r"a\u202eb\nc" in line for line in lines)


def test_comparing_priors_loads_no_sampler(tmp_path: Path) -> None:
    changed(tmp_path, noise_c='distribution = "beta"\na = 3\nb = 4')
    code = (
        "import sys\nfrom durability.prior_diff import diff_priors\n"
        "from durability.prior_sets import read_priors\n"
        f"a = read_priors({str(DEFAULT_PRIORS)!r})\n"
        f"b = read_priors({str(tmp_path / 'mine.toml')!r})\n"
        "assert diff_priors(a, b, draws=100).survival\n"
        "print(sorted({'pymc', 'pytensor', 'nutpie', 'arviz', 'jax', 'preliz'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
